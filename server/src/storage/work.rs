//! What operations did themselves, as settling stores it and as the detector of anomalies reads it: windows counted
//! back from a time. Of one tenant at a time; the detector answers nobody, so no scope bounds it.

use clickhouse::Row;
use model::anomaly::WINDOW_SECS;
use model::trace::call::{Node, NodeKind};
use model::work::{Shape, Work, WorkKey};
use model::{SpanKind, Timestamp, TraceId};
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::settled::SettleStore;
use crate::limits::{ANOMALY_CALLS_MAX, ANOMALY_SERIES_MAX, ANOMALY_TENANTS_MAX};

/// A row of `work`.
#[derive(Clone, Debug, PartialEq, Row, Serialize)]
pub struct WorkRecord {
    pub tenant: String,
    pub time: u32,
    pub service: String,
    pub operation: String,
    pub kind: u8,
    pub peer: String,
    pub slice: u32,
    pub spans: i64,
    pub roots: i64,
    pub errors: i64,
    pub own_errors: i64,
    pub duration: i64,
    pub self_time: i64,
    pub critical: i64,
    pub lengths: Vec<(u16, i64)>,
    pub own_times: Vec<(u16, i64)>,
    pub lags: Vec<(u16, i64)>,
}

/// Some of a window's figures.
pub struct WindowWork {
    pub window: u64,
    pub key: WorkKey,
    pub work: Work,
}

pub struct WindowCalls {
    pub window: u64,
    pub client: String,
    pub server: String,
    pub calls: u64,
}

/// Stretches of time in seconds, and the end that windows are counted back from.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    pub tenant: &'a str,
    pub end: u64,
    pub stretches: &'a [(u64, u64)],
}

impl Asked<'_> {
    fn times(&self) -> String {
        let one = |(from, to): &(u64, u64)| {
            format!("(time >= toDateTime({from}, 'UTC') AND time < toDateTime({to}, 'UTC'))")
        };
        let all: Vec<String> = self.stretches.iter().map(one).collect();
        // Of no time at all there is nothing.
        if all.is_empty() { "0".to_owned() } else { format!("({})", all.join(" OR ")) }
    }

    fn window(&self) -> String {
        format!("toUInt32(intDiv({} - 1 - toUnixTimestamp(time), {WINDOW_SECS}))", self.end)
    }
}

impl SettleStore {
    /// Whose traces were settled since then.
    pub async fn tenants_at_work(&self, since: u64) -> Result<Vec<String>, StoreError> {
        let sql = format!(
            "SELECT tenant FROM work WHERE time >= toDateTime({since}, 'UTC')
             GROUP BY tenant ORDER BY tenant LIMIT {ANOMALY_TENANTS_MAX}"
        );
        let rows = self.all::<TenantRow>(&sql).await?;
        Ok(rows.into_iter().map(|row| row.tenant).collect())
    }

    /// The first that is kept of a tenant: the table lies in this order, so that little of it is read.
    pub async fn known_since(&self, tenant: &str) -> Result<Timestamp, StoreError> {
        let sql = "SELECT toUnixTimestamp(time) AS secs FROM work WHERE tenant = {tenant:String}
             ORDER BY tenant, time LIMIT 1";
        let rows: Vec<SecsRow> = self.query(sql).param("tenant", tenant).fetch_all().await?;
        Ok(rows.first().map_or_else(Timestamp::default, |row| Timestamp::from_secs(row.secs.into())))
    }

    /// The busiest operations' figures.
    pub async fn work(&self, asked: &Asked<'_>) -> Result<Vec<WindowWork>, StoreError> {
        let sql = format!(
            "SELECT {} AS window, service, operation, kind, peer, sum(work.spans) AS spans, sum(work.roots) AS roots,
                sum(work.errors) AS errors, sum(work.own_errors) AS own_errors, sum(work.duration) AS duration,
                sum(work.self_time) AS self_time, sum(work.critical) AS critical, sumMap(work.lengths) AS lengths,
                sumMap(work.own_times) AS own_times, sumMap(work.lags) AS lags
             FROM work FINAL WHERE tenant = {{tenant:String}} AND {} AND (service, operation, kind, peer) IN
                (SELECT service, operation, kind, peer FROM work
                 WHERE tenant = {{tenant:String}} AND time >= toDateTime({}, 'UTC')
                 GROUP BY service, operation, kind, peer
                 ORDER BY sum(spans) DESC, service, operation, kind, peer LIMIT {ANOMALY_SERIES_MAX})
             GROUP BY window, service, operation, kind, peer HAVING spans > 0",
            asked.window(),
            asked.times(),
            asked.end.saturating_sub(3 * 3_600),
        );
        let rows: Vec<WorkRow> = self.query(&sql).param("tenant", asked.tenant).fetch_all().await?;
        Ok(rows.into_iter().map(WorkRow::into_window).collect())
    }

    pub async fn count_operations(&self, tenant: &str, since: u64) -> Result<u64, StoreError> {
        let sql = format!(
            "SELECT toUInt32(uniq(service, operation, kind, peer)) AS secs FROM work
             WHERE tenant = {{tenant:String}} AND time >= toDateTime({since}, 'UTC')"
        );
        let row: SecsRow = self.query(&sql).param("tenant", tenant).fetch_one().await?;
        Ok(row.secs.into())
    }

    pub async fn window_calls(&self, asked: &Asked<'_>) -> Result<Vec<WindowCalls>, StoreError> {
        let sql = format!(
            "SELECT {} AS window, client_kind, client, server_kind, server, sum(edges.calls) AS calls
             FROM edges FINAL WHERE tenant = {{tenant:String}} AND {}
             GROUP BY window, client_kind, client, server_kind, server HAVING calls > 0
             ORDER BY calls DESC LIMIT {ANOMALY_CALLS_MAX}",
            asked.window(),
            asked.times(),
        );
        let rows: Vec<CallsRow> = self.query(&sql).param("tenant", asked.tenant).fetch_all().await?;
        let calls = |row: CallsRow| WindowCalls {
            window: row.window.into(),
            client: node_text(row.client_kind, row.client),
            server: node_text(row.server_kind, row.server),
            calls: u64::try_from(row.calls).unwrap_or_default(),
        };
        Ok(rows.into_iter().map(calls).collect())
    }

    /// When each pair was first seen, as far as it is kept.
    pub async fn first_calls(&self, tenant: &str) -> Result<Vec<(String, String, Timestamp)>, StoreError> {
        let sql = format!(
            "SELECT client_kind, client, server_kind, server, toUnixTimestamp(min(time)) AS secs
             FROM edges WHERE tenant = {{tenant:String}}
             GROUP BY client_kind, client, server_kind, server ORDER BY count() DESC LIMIT {ANOMALY_CALLS_MAX}"
        );
        let rows: Vec<FirstRow> = self.query(&sql).param("tenant", tenant).fetch_all().await?;
        let first = |row: FirstRow| {
            let at = Timestamp::from_secs(row.secs.into());
            (node_text(row.client_kind, row.client), node_text(row.server_kind, row.server), at)
        };
        Ok(rows.into_iter().map(first).collect())
    }

    /// Traces in which an operation failed, or lasted at least so long, between two times.
    pub async fn examples(&self, tenant: &str, wanted: &Examples<'_>) -> Result<Vec<TraceId>, StoreError> {
        let Examples { service, operation, peer, from, to, failed, least } = wanted;
        let sql = format!(
            "SELECT trace_id FROM spans WHERE tenant = {{tenant:String}}
                AND received >= toDateTime({from}, 'UTC') AND start >= toDateTime64({from}, 9, 'UTC')
                AND start < toDateTime64({to}, 9, 'UTC')
                AND ({{service:String}} = '' OR service = {{service:String}})
                AND ({{operation:String}} = '' OR operation = {{operation:String}})
                AND ({{peer:String}} = '' OR peer = {{peer:String}})
                AND ({} = 0 OR status = 2) AND duration >= {least}
             ORDER BY duration DESC LIMIT 1 BY trace_id LIMIT 5",
            u8::from(*failed),
        );
        let query = self.query(&sql).param("tenant", tenant).param("service", service);
        let rows: Vec<TraceRow> = query.param("operation", operation).param("peer", peer).fetch_all().await?;
        Ok(rows.into_iter().map(|row| TraceId(row.trace_id)).collect())
    }
}

/// What an example must be like; empty names stand for any.
#[derive(Clone, Debug, Default)]
pub struct Examples<'a> {
    pub service: &'a str,
    pub operation: &'a str,
    pub peer: &'a str,
    /// Seconds.
    pub from: u64,
    pub to: u64,
    pub failed: bool,
    pub least: u64,
}

/// A service by its bare name, anything else as [`Node`] writes it.
fn node_text(kind: u8, name: String) -> String {
    match NodeKind::from_number(kind) {
        NodeKind::Service => name,
        kind => Node { kind, name: &name }.to_string(),
    }
}

// === Rows ===

#[derive(Row, Deserialize)]
struct TenantRow {
    tenant: String,
}

#[derive(Row, Deserialize)]
struct SecsRow {
    secs: u32,
}

#[derive(Row, Deserialize)]
struct TraceRow {
    trace_id: [u8; 16],
}

#[derive(Row, Deserialize)]
struct CallsRow {
    window: u32,
    client_kind: u8,
    client: String,
    server_kind: u8,
    server: String,
    calls: i64,
}

#[derive(Row, Deserialize)]
struct FirstRow {
    client_kind: u8,
    client: String,
    server_kind: u8,
    server: String,
    secs: u32,
}

/// A window's figures of one operation, as any statement asks for them.
#[derive(Row, Deserialize)]
pub struct WorkRow {
    window: u32,
    service: String,
    operation: String,
    kind: u8,
    peer: String,
    spans: i64,
    roots: i64,
    errors: i64,
    own_errors: i64,
    duration: i64,
    self_time: i64,
    critical: i64,
    lengths: Vec<(u16, i64)>,
    own_times: Vec<(u16, i64)>,
    lags: Vec<(u16, i64)>,
}

impl WorkRow {
    pub fn into_window(self) -> WindowWork {
        let count = |number: i64| u64::try_from(number).unwrap_or_default();
        WindowWork {
            window: self.window.into(),
            key: WorkKey {
                service: self.service,
                operation: self.operation,
                kind: SpanKind::from_number(self.kind),
                peer: self.peer,
            },
            work: Work {
                spans: count(self.spans),
                roots: count(self.roots),
                errors: count(self.errors),
                own_errors: count(self.own_errors),
                duration: count(self.duration),
                self_time: count(self.self_time),
                critical: count(self.critical),
                lengths: Shape::of(self.lengths),
                own_times: Shape::of(self.own_times),
                lags: Shape::of(self.lags),
            },
        }
    }
}
