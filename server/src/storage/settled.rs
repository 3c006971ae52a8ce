//! What settling reads and writes: which traces have gone quiet, their spans, and the tables of what was found out.
//!
//! Of all tenants at once: these statements are asked by no one, so no scope bounds them.

use std::collections::HashMap;

use clickhouse::error::Error;
use clickhouse::{Row, RowOwned, RowWrite};
use model::trace::{NumberedRow, mark};
use model::{Nanos, SpanId, SpanKind, Status, TenantId, Timestamp, TraceId};
use serde::{Deserialize, Serialize};

use super::native::read::{self, Dictionary};
use super::{Store, StoreError};
use crate::limits::{
    QUERY_MAX_MEMORY_BYTES, SETTLE_LOOK_BACK_SECS, SETTLE_MAX_LAG_SECS, SETTLE_MAX_SECS, SETTLE_REFUSED_MAX,
};
use crate::wire::otlp::sampling::trace_count;

/// Whether a span's trace state tells how it was sampled.
pub const SAYS_SAMPLED: &str = "match(trace_state, 'ot=[^,]*(th|p):')";

/// One trace of one tenant. Senders of different tenants may use the same id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceKey {
    pub trace_id: TraceId,
    pub tenant: String,
}

impl TraceKey {
    /// Whether it is a trace of Skein's own work.
    pub fn is_own(&self) -> bool {
        self.tenant == TenantId::OWN
    }
}

/// A trace that has gone quiet. Times are seconds, as the engine keeps them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quiet {
    pub key: TraceKey,
    pub first_received: u32,
    pub spans: u64,
    /// It had been quiet before, not long ago.
    pub was_quiet: bool,
}

/// What a trace was known to be when it was settled before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    pub first_received: u32,
    pub last_received: u32,
}

/// Spans on their way into an analysis, as columns.
pub struct SpanBlock<'b> {
    pub tenant: &'b Dictionary,
    pub service: &'b Dictionary,
    pub operation: &'b Dictionary,
    pub peer: &'b Dictionary,
    /// Trace states that tell of sampling; empty for spans that were not sampled.
    sampled: &'b Dictionary,
    trace_id: &'b [[u8; 16]],
    received: &'b [[u8; 4]],
    span_id: &'b [[u8; 8]],
    parent_id: &'b [[u8; 8]],
    start: &'b [[u8; 8]],
    duration: &'b [[u8; 8]],
    kind: &'b [[u8; 1]],
    status: &'b [[u8; 1]],
    flags: &'b [[u8; 4]],
}

/// A row of `traces`.
#[derive(Clone, Debug, Default, PartialEq, Row, Serialize)]
pub struct TraceRecord {
    pub tenant: String,
    pub class: &'static str,
    pub trace_id: [u8; 16],
    pub slice: u32,
    pub first_received: u32,
    pub last_received: u32,
    pub known_received: u32,
    pub start: i64,
    pub duration: u64,
    pub root_service: String,
    pub root_operation: String,
    pub status: u8,
    pub spans: u64,
    pub errors: u64,
    pub orphans: u64,
    pub depth: u32,
    pub shape: u64,
    pub causes: Vec<(String, u64)>,
    pub critical: Vec<(String, u64)>,
    #[serde(rename = "repeats.service")]
    pub repeats_service: Vec<String>,
    #[serde(rename = "repeats.operation")]
    pub repeats_operation: Vec<String>,
    #[serde(rename = "repeats.count")]
    pub repeats_count: Vec<u32>,
    #[serde(rename = "repeats.duration")]
    pub repeats_duration: Vec<u64>,
}

/// A row of `edges`.
#[derive(Clone, Debug, PartialEq, Row, Serialize)]
pub struct EdgeRecord {
    pub tenant: String,
    pub time: u32,
    pub client_kind: u8,
    pub client: String,
    pub server_kind: u8,
    pub server: String,
    pub slice: u32,
    pub calls: i64,
    pub errors: i64,
    pub duration: i64,
    pub hist: Vec<(u16, i64)>,
}

/// A row of `paths`.
#[derive(Clone, Debug, PartialEq, Row, Serialize)]
pub struct PathRecord {
    pub tenant: String,
    pub time: u32,
    pub root_service: String,
    pub root_operation: String,
    pub path: u64,
    pub parent: u64,
    pub slice: u32,
    pub service: String,
    pub operation: String,
    pub traces: i64,
    pub spans: i64,
    pub errors: i64,
    pub duration: i64,
    pub self_time: i64,
    pub critical: i64,
    pub hist: Vec<(u16, i64)>,
}

/// A row of `slices`.
#[derive(Clone, Debug, PartialEq, Row, Serialize)]
pub struct SliceRecord {
    pub slice: u32,
    pub traces: u64,
    pub spans: u64,
    pub again: u64,
}

#[derive(Clone)]
pub struct SettleStore {
    store: Store,
}

impl SettleStore {
    pub fn new(store: Store) -> SettleStore {
        SettleStore { store }
    }

    /// The end of the last slice that is done.
    pub async fn done(&self) -> Result<Option<u32>, StoreError> {
        let sql = "SELECT toUnixTimestamp(max(slice)) AS secs FROM slices";
        self.secs(sql).await
    }

    /// When the first piece was stored from then on.
    pub async fn first_stored(&self, from: u32) -> Result<Option<u32>, StoreError> {
        let received = from.saturating_sub(SETTLE_MAX_LAG_SECS);
        let sql = format!(
            "SELECT toUnixTimestamp(min(stored)) AS secs FROM pieces
             WHERE received >= toDateTime({received}, 'UTC') AND stored >= toDateTime({from}, 'UTC')"
        );
        self.secs(&sql).await
    }

    /// The engine's time, which is what pieces are stamped with.
    pub async fn now(&self) -> Result<u32, StoreError> {
        Ok(self.secs("SELECT toUnixTimestamp(now()) AS secs").await?.unwrap_or_default())
    }

    async fn secs(&self, sql: &str) -> Result<Option<u32>, StoreError> {
        let row: SecsRow = self.store.client().query_raw(sql).fetch_one().await?;
        Ok((row.secs > 0).then_some(row.secs))
    }

    /// Traces that had a piece stored in `from..until` and none for `quiet` seconds after it, in order of id. Whatever is
    /// stored later does not change the answer. A trace that never falls quiet is taken in slices that begin at
    /// a multiple of the time looked back.
    pub async fn quiet(&self, from: u32, until: u32, quiet: u32) -> Result<Vec<Quiet>, StoreError> {
        let back = from.saturating_sub(SETTLE_LOOK_BACK_SECS);
        let received = back.saturating_sub(SETTLE_MAX_LAG_SECS);
        let late = until.saturating_add(quiet);
        let restless = u8::from(from / SETTLE_LOOK_BACK_SECS != until / SETTLE_LOOK_BACK_SECS);
        let time = |secs: u32| format!("toDateTime({secs}, 'UTC')");
        let sql = format!(
            "SELECT tenant, trace_id, toUnixTimestamp(min(received)) AS first_received, sum(spans) AS span_count,
                toUnixTimestamp(maxIf(stored, stored < {until})) AS last,
                toUnixTimestamp(minIf(stored, stored >= {until})) AS next,
                toUnixTimestamp(min(stored)) AS first,
                toUInt8(last > first + {quiet} AND arrayExists(gap -> gap > {quiet},
                    arrayDifference(arraySort(groupUniqArray(toInt64(toUnixTimestamp(stored))))))) AS was_quiet
             FROM pieces
             WHERE received >= {received} AND stored >= {back} AND stored < {late} AND (tenant, trace_id) IN
                (SELECT tenant, trace_id FROM pieces
                 WHERE received >= {received} AND stored >= {from} AND stored < {until})
             GROUP BY tenant, trace_id
             HAVING next = 0 OR next > last + {quiet} OR ({restless} = 1 AND first + {restless_secs} < last)
             ORDER BY trace_id, tenant",
            until = time(until),
            from = time(from),
            back = time(back),
            late = time(late),
            received = time(received),
            restless_secs = SETTLE_LOOK_BACK_SECS / 2,
        );
        let rows = self.all::<QuietRow>(&sql).await?;
        let quiet = |row: QuietRow| Quiet {
            key: TraceKey { trace_id: TraceId(row.trace_id), tenant: row.tenant },
            first_received: row.first_received,
            spans: row.span_count,
            was_quiet: row.was_quiet != 0,
        };
        Ok(rows.into_iter().map(quiet).collect())
    }

    /// Spans that were refused since then, by trace; only so many of them.
    pub async fn refused(&self, since: u32) -> Result<HashMap<TraceKey, Vec<SpanId>>, StoreError> {
        let sql = format!(
            "SELECT tenant, trace_id, span_id FROM refused WHERE received >= toDateTime({since}, 'UTC')
             ORDER BY received DESC LIMIT {SETTLE_REFUSED_MAX}"
        );
        let mut refused: HashMap<TraceKey, Vec<SpanId>> = HashMap::new();
        for RefusedRow { tenant, trace_id, span_id } in self.all::<RefusedRow>(&sql).await? {
            refused
                .entry(TraceKey { tenant, trace_id: TraceId(trace_id) })
                .or_default()
                .push(SpanId(span_id));
        }
        Ok(refused)
    }

    /// What these traces were known to be before this slice.
    pub async fn known(
        &self,
        traces: &[TraceKey],
        slice: u32,
    ) -> Result<HashMap<TraceKey, Known>, StoreError> {
        let sql = format!(
            "SELECT tenant, trace_id, toUnixTimestamp(slice) AS slice, toUnixTimestamp(first_received) AS first_received,
                toUnixTimestamp(last_received) AS last_received, toUnixTimestamp(known_received) AS known_received
             FROM traces FINAL WHERE trace_id IN ({})",
            ids(traces)
        );
        let rows = self.all::<KnownRow>(&sql).await?;
        let known = |row: KnownRow| {
            // Settled in this slice already, by a run that was cut short: what it had found is what counts.
            let last_received = if row.slice < slice { row.last_received } else { row.known_received };
            let key = TraceKey { trace_id: TraceId(row.trace_id), tenant: row.tenant };
            (last_received > 0).then_some((key, Known { first_received: row.first_received, last_received }))
        };
        Ok(rows.into_iter().filter_map(known).collect())
    }

    /// The narrow columns of these traces' spans, in no order. Parts whose spans all arrived earlier are not read;
    /// zero reads all there are, through the index for single traces.
    pub async fn spans(
        &self,
        traces: &[TraceKey],
        received: u32,
        mut each: impl FnMut(&SpanBlock<'_>),
    ) -> Result<(), StoreError> {
        let sql = format!(
            "SELECT tenant, trace_id, toUnixTimestamp(received) AS received, span_id, parent_id,
                toUnixTimestamp64Nano(start) AS start, duration, service, operation, peer, kind, status, flags,
                toLowCardinality(if({SAYS_SAMPLED}, trace_state, '')) AS sampled
             FROM spans WHERE received >= toDateTime({received}, 'UTC') AND trace_id IN ({})",
            ids(traces)
        );
        // With many ids a granule that holds none of them is rare, and asking the index is dear.
        let query = self.query(&sql).with_setting("use_skip_indexes", if received == 0 { "1" } else { "0" });
        let mut answer = query.fetch_bytes("Native")?;
        while let Some(block) = read::block(&mut answer).await.map_err(Error::from)? {
            each(&SpanBlock::of(&block).map_err(Error::from)?);
        }
        Ok(())
    }

    /// Rows replace those of the same key.
    pub async fn store<T>(&self, table: &str, rows: &[T]) -> Result<(), StoreError>
    where
        T: Row + RowOwned + RowWrite + for<'v> Row<Value<'v> = T>,
    {
        if rows.is_empty() {
            return Ok(());
        }
        let mut insert = self.store.client().insert::<T>(table).await?;
        for row in rows {
            insert.write(row).await?;
        }
        insert.end().await?;
        Ok(())
    }

    pub(super) async fn all<T: Row + RowOwned + clickhouse::RowRead>(
        &self,
        sql: &str,
    ) -> Result<Vec<T>, StoreError> {
        Ok(self.query(sql).fetch_all().await?)
    }

    /// On one thread: nobody waits for the answer.
    pub(super) fn query(&self, sql: &str) -> clickhouse::query::Query {
        self.store
            .client()
            .query_raw(sql)
            .with_setting("max_threads", "1")
            .with_setting("max_execution_time", SETTLE_MAX_SECS.to_string())
            .with_setting("max_memory_usage", QUERY_MAX_MEMORY_BYTES.to_string())
    }
}

/// A set of ids that the primary key is searched by, as one literal.
fn ids(traces: &[TraceKey]) -> String {
    let mut ids: Vec<TraceId> = traces.iter().map(|key| key.trace_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let hex: String = ids.iter().map(TraceId::to_string).collect();
    format!(
        "SELECT toFixedString(substring(unhex('{hex}'), number * 16 + 1, 16), 16) FROM numbers({})",
        ids.len()
    )
}

// === Rows ===

#[derive(Row, Deserialize)]
struct SecsRow {
    secs: u32,
}

#[derive(Row, Deserialize)]
struct QuietRow {
    tenant: String,
    trace_id: [u8; 16],
    first_received: u32,
    span_count: u64,
    #[serde(rename = "last")]
    _last: u32,
    #[serde(rename = "next")]
    _next: u32,
    #[serde(rename = "first")]
    _first: u32,
    was_quiet: u8,
}

#[derive(Row, Deserialize)]
struct RefusedRow {
    tenant: String,
    trace_id: [u8; 16],
    span_id: u64,
}

#[derive(Row, Deserialize)]
struct KnownRow {
    tenant: String,
    trace_id: [u8; 16],
    slice: u32,
    first_received: u32,
    last_received: u32,
    known_received: u32,
}

impl<'b> SpanBlock<'b> {
    fn of(block: &'b read::Block) -> std::io::Result<SpanBlock<'b>> {
        Ok(SpanBlock {
            tenant: block.names("tenant")?,
            service: block.names("service")?,
            operation: block.names("operation")?,
            peer: block.names("peer")?,
            sampled: block.names("sampled")?,
            trace_id: block.fixed("trace_id")?,
            received: block.fixed("received")?,
            span_id: block.fixed("span_id")?,
            parent_id: block.fixed("parent_id")?,
            start: block.fixed("start")?,
            duration: block.fixed("duration")?,
            kind: block.fixed("kind")?,
            status: block.fixed("status")?,
            flags: block.fixed("flags")?,
        })
    }

    pub fn rows(&self) -> usize {
        self.trace_id.len()
    }

    pub fn trace_id(&self, row: usize) -> TraceId {
        TraceId(self.trace_id[row])
    }

    pub fn received(&self, row: usize) -> u32 {
        u32::from_le_bytes(self.received[row])
    }

    /// How many traces the span's stands for, by what its sender or the door left out.
    pub fn stands_for(&self, row: usize) -> u64 {
        let trace_state = &self.sampled.keys[self.sampled.index[row] as usize];
        if trace_state.is_empty() { 1 } else { trace_count(trace_state, self.trace_id(row)) }
    }

    /// The span, its texts being numbers in the dictionaries of this block.
    pub fn span(&self, row: usize) -> NumberedRow {
        let start = i64::from_le_bytes(self.start[row]);
        NumberedRow {
            span_id: SpanId(u64::from_le_bytes(self.span_id[row])),
            parent_id: SpanId(u64::from_le_bytes(self.parent_id[row])),
            service: self.service.index[row],
            operation: self.operation.index[row],
            fact: 0,
            peer: self.peer.index[row],
            kind: SpanKind::from_number(self.kind[row][0]),
            status: Status::from_number(self.status[row][0]),
            start: Timestamp(start.max(0) as u64),
            duration: Nanos(u64::from_le_bytes(self.duration[row])),
            marks: mark::of_flags(u32::from_le_bytes(self.flags[row])),
        }
    }
}
