//! Runs plans and turns rows into `model` types. Rows do not leave this module.

use clickhouse::query::Query;
use clickhouse::{Row, RowOwned, RowRead};
use model::trace::SpanRow;
use model::view::Scanned;
use model::{AttrValue, Attrs, Histogram, Nanos, Scope, SpanId, SpanKind, Status, Timestamp};
use serde::Deserialize;

use self::observed::Observed;
use self::origins::OriginCache;
use super::{Store, StoreError};
use crate::limits::{QUERY_MAX_MEMORY_BYTES, QUERY_MAX_SECS};
use crate::telemetry::stages::Stages;

mod anomalies;
mod explain;
mod facts;
mod found;
mod graph;
mod health;
mod in_trace;
mod logs;
mod observed;
mod origins;
mod peers;
mod receipts;
mod spans;

pub use explain::{Maker, Said, SaidKind, Side, Traits};
pub use facts::{Arrived, Settled};
pub use found::{Candidate, Evaluated, Found, GroupCount, IdRuns, Point, Shown, ValueCount};
pub use graph::EdgeCount;
pub use in_trace::Joined;
pub use origins::Origins;
pub use peers::Peer;
pub use receipts::ReceiptRow;
pub use spans::SpanCursor;

/// A bound statement. There is none without a [`Scope`]: the tenant is always the first value bound, and the SQL
/// must use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub sql: String,
    pub params: Vec<(String, String)>,
    /// Zero leaves it to the engine. Reading a few granules is quicker on one thread than sharing them out.
    pub threads: u8,
}

impl Plan {
    pub fn new(scope: &Scope, sql: impl Into<String>) -> Plan {
        let sql = sql.into();
        debug_assert!(sql.contains("{tenant:String}"), "a plan must be bound to its tenant: {sql}");
        Plan { sql, params: vec![("tenant".to_owned(), scope.tenant.0.clone())], threads: 0 }
    }

    pub fn on_one_thread(mut self) -> Plan {
        self.threads = 1;
        self
    }

    #[expect(clippy::needless_pass_by_value, reason = "callers read better without a reference")]
    pub fn bind(mut self, name: &str, value: impl ToString) -> Plan {
        self.params.push((name.to_owned(), value.to_string()));
        self
    }

    pub fn bind_all(mut self, values: &[(String, String)]) -> Plan {
        self.params.extend_from_slice(values);
        self
    }
}

#[derive(Clone)]
pub struct Reader {
    store: Store,
    origins: OriginCache,
    stages: Stages,
}

#[derive(Clone, Debug, Row, Deserialize)]
pub struct TableSize {
    pub table: String,
    pub rows: u64,
    pub bytes: u64,
    pub parts: u64,
}

/// Bytes.
#[derive(Clone, Copy, Debug, Row, Deserialize)]
pub struct EngineMemory {
    pub counted: i64,
    pub limit: i64,
}

/// Calls of one service or operation.
#[derive(Clone, Debug, Default)]
pub struct RedRow {
    pub name: String,
    pub kind: SpanKind,
    pub calls: u64,
    pub errors: u64,
    pub hist: Histogram,
    pub last: Timestamp,
}

/// Calls of one service or operation in one step of a report.
#[derive(Clone, Debug)]
pub struct RedPoint {
    pub name: String,
    pub kind: SpanKind,
    pub step: u32,
    pub calls: u64,
    pub errors: u64,
}

/// Durations in one step of a report.
#[derive(Clone, Debug)]
pub struct RedStep {
    pub kind: SpanKind,
    pub step: u32,
    pub hist: Histogram,
}

impl Reader {
    pub fn new(store: Store) -> Reader {
        Reader { store, origins: OriginCache::default(), stages: Stages::default() }
    }

    /// Counts its statements in these.
    #[must_use]
    pub fn counting_in(self, stages: Stages) -> Reader {
        Reader { stages, ..self }
    }

    /// Narrow rows of spans, handed on one at a time: a trace of a million is never held as rows.
    pub async fn span_rows(&self, plan: &Plan, mut each: impl FnMut(&SpanRow)) -> Result<(), StoreError> {
        let reading = async {
            let mut cursor = self.query(plan).fetch::<NarrowRow>()?;
            let mut rows = 0;
            while let Some(row) = cursor.next().await? {
                each(&row.into_model());
                rows += 1;
            }
            Ok(((), rows, None))
        };
        self.observe(plan, reading).await
    }

    pub async fn red(&self, plan: &Plan) -> Result<Vec<RedRow>, StoreError> {
        let (rows, _) = self.fetch::<RedTableRow>(plan).await?;
        Ok(rows.into_iter().map(RedTableRow::into_model).collect())
    }

    pub async fn red_points(&self, plan: &Plan) -> Result<Vec<RedPoint>, StoreError> {
        let (rows, _) = self.fetch::<PointRow>(plan).await?;
        let point = |row: PointRow| RedPoint {
            name: row.name,
            kind: SpanKind::from_number(row.kind),
            step: row.step,
            calls: row.calls,
            errors: row.errors,
        };
        Ok(rows.into_iter().map(point).collect())
    }

    pub async fn red_steps(&self, plan: &Plan) -> Result<Vec<RedStep>, StoreError> {
        let (rows, _) = self.fetch::<StepRow>(plan).await?;
        let step = |row: StepRow| RedStep {
            kind: SpanKind::from_number(row.kind),
            step: row.step,
            hist: histogram(row.hist),
        };
        Ok(rows.into_iter().map(step).collect())
    }

    /// Bytes on disk, rows and parts of each table: active parts only.
    pub async fn table_sizes(&self) -> Result<Vec<TableSize>, StoreError> {
        let sql = "SELECT table, sum(rows) AS rows, sum(bytes_on_disk) AS bytes, count() AS parts FROM system.parts \
                   WHERE active AND database = currentDatabase() GROUP BY table ORDER BY table";
        Ok(self.store.client().query_raw(sql).fetch_all().await?)
    }

    /// What the engine counts as held, and its limit, where whoever runs it lets us know.
    pub async fn engine_memory(&self) -> Result<EngineMemory, StoreError> {
        let sql = "SELECT maxIf(value, metric = 'MemoryTracking') AS counted, \
                   ifNull((SELECT max(toInt64OrZero(value)) FROM system.server_settings \
                    WHERE name = 'max_server_memory_usage'), 0) AS limit FROM system.metrics";
        Ok(self.store.client().query_raw(sql).fetch_one().await?)
    }

    async fn fetch<T: Row + RowOwned + RowRead>(&self, plan: &Plan) -> Result<(Vec<T>, Scanned), StoreError> {
        let reading = async {
            let (rows, scanned) = self.fetch_all::<T>(plan).await?;
            let count = rows.len();
            Ok(((rows, scanned), count, Some(scanned)))
        };
        self.observe(plan, reading).await
    }

    /// Runs a statement as a piece of traced work; `reading` tells how many rows it got and what that took.
    async fn observe<T>(
        &self,
        plan: &Plan,
        reading: impl Future<Output = Result<(T, usize, Option<Scanned>), StoreError>>,
    ) -> Result<T, StoreError> {
        let mut observed = Observed::statement(&self.stages, &plan.sql);
        match reading.await {
            Ok((answer, rows, scanned)) => {
                observed.found(rows, scanned);
                Ok(answer)
            }
            Err(error) => {
                observed.failed(&error);
                Err(error)
            }
        }
    }

    async fn fetch_all<T: Row + RowOwned + RowRead>(
        &self,
        plan: &Plan,
    ) -> Result<(Vec<T>, Scanned), StoreError> {
        // What was scanned is known only at the end, and told in a header: the engine holds the answer back for it.
        let mut cursor = self.query(plan).with_setting("wait_end_of_query", "1").fetch::<T>()?;
        let mut rows = Vec::new();
        while let Some(row) = cursor.next().await? {
            rows.push(row);
        }
        let summary = cursor.summary();
        let scanned = Scanned {
            rows: summary.and_then(|s| s.read_rows()).unwrap_or(0),
            bytes: summary.and_then(|s| s.read_bytes()).unwrap_or(0),
        };
        Ok((rows, scanned))
    }

    fn query(&self, plan: &Plan) -> Query {
        let query = self
            .store
            .client()
            .query_raw(&plan.sql)
            .with_setting("readonly", "2")
            .with_setting("max_execution_time", QUERY_MAX_SECS.to_string())
            .with_setting("max_memory_usage", QUERY_MAX_MEMORY_BYTES.to_string())
            .with_setting("cancel_http_readonly_queries_on_client_close", "1");
        let query = match plan.threads {
            0 => query,
            // Handing small reads of cached files to other threads only adds waiting.
            threads => query
                .with_setting("max_threads", threads.to_string())
                .with_setting("local_filesystem_read_method", "pread"),
        };
        plan.params.iter().fold(query, |query, (name, value)| query.param(name, value))
    }
}

fn timestamp(ns: i64) -> Timestamp {
    Timestamp(ns.max(0) as u64)
}

fn untagged(pairs: Vec<(String, String)>) -> Attrs {
    pairs.into_iter().map(|(key, text)| (key, AttrValue::from_text(&text))).collect()
}

fn histogram(buckets: Vec<(u16, u64)>) -> Histogram {
    let mut hist = Histogram::default();
    for (bucket, count) in buckets {
        hist.add_bucket(bucket, count);
    }
    hist
}

// === Rows ===

#[derive(Row, Deserialize)]
struct NarrowRow {
    span_id: u64,
    parent_id: u64,
    service: String,
    operation: String,
    fact: String,
    peer: String,
    kind: u8,
    status: u8,
    start: i64,
    duration: u64,
    marks: u8,
    events: Vec<(u64, String)>,
}

impl NarrowRow {
    fn into_model(self) -> SpanRow {
        SpanRow {
            span_id: SpanId(self.span_id),
            parent_id: SpanId(self.parent_id),
            service: self.service,
            operation: self.operation,
            fact: self.fact,
            peer: self.peer,
            kind: SpanKind::from_number(self.kind),
            status: Status::from_number(self.status),
            start: timestamp(self.start),
            duration: Nanos(self.duration),
            marks: self.marks,
            events: self.events.into_iter().map(|(time, name)| (Timestamp(time), name)).collect(),
        }
    }
}

#[derive(Row, Deserialize)]
struct RedTableRow {
    name: String,
    kind: u8,
    calls: u64,
    errors: u64,
    hist: Vec<(u16, u64)>,
    last: u32,
}

impl RedTableRow {
    fn into_model(self) -> RedRow {
        RedRow {
            name: self.name,
            kind: SpanKind::from_number(self.kind),
            calls: self.calls,
            errors: self.errors,
            hist: histogram(self.hist),
            last: Timestamp::from_secs(u64::from(self.last)),
        }
    }
}

#[derive(Row, Deserialize)]
struct PointRow {
    name: String,
    kind: u8,
    step: u32,
    calls: u64,
    errors: u64,
}

#[derive(Row, Deserialize)]
struct StepRow {
    kind: u8,
    step: u32,
    hist: Vec<(u16, u64)>,
}
