//! Anomalies, and what operations did themselves, as they are told to whoever asks.

use clickhouse::Row;
use model::view::Anomaly;
use model::work::{Work, WorkKey};
use model::{SpanKind, Timestamp};
use serde::Deserialize;

use super::{Plan, Reader};
use crate::storage::StoreError;
use crate::storage::anomalies::read;

impl Reader {
    pub async fn anomalies(&self, plan: &Plan) -> Result<Vec<Anomaly>, StoreError> {
        let (rows, _) = self.fetch::<BodyRow>(plan).await?;
        Ok(read(rows.into_iter().map(|row| row.body)))
    }

    /// Up to when figures were judged, and since when they are known.
    pub async fn judged(&self, plan: &Plan) -> Result<(Timestamp, Timestamp), StoreError> {
        let (rows, _) = self.fetch::<JudgedRow>(plan).await?;
        let time = |secs: u32| Timestamp::from_secs(secs.into());
        Ok(rows.last().map_or_else(Default::default, |row| (time(row.until), time(row.known_since))))
    }

    /// Sums of what operations did themselves, in windows numbered by the plan.
    pub async fn own_work(&self, plan: &Plan) -> Result<Vec<(u32, WorkKey, Work)>, StoreError> {
        let (rows, _) = self.fetch::<OwnRow>(plan).await?;
        Ok(rows.into_iter().map(OwnRow::into_model).collect())
    }
}

#[derive(Row, Deserialize)]
struct BodyRow {
    body: String,
}

#[derive(Row, Deserialize)]
struct JudgedRow {
    until: u32,
    known_since: u32,
}

#[derive(Row, Deserialize)]
struct OwnRow {
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
}

impl OwnRow {
    fn into_model(self) -> (u32, WorkKey, Work) {
        let count = |number: i64| u64::try_from(number).unwrap_or_default();
        let key = WorkKey {
            service: self.service,
            operation: self.operation,
            kind: SpanKind::from_number(self.kind),
            peer: self.peer,
        };
        let work = Work {
            spans: count(self.spans),
            roots: count(self.roots),
            errors: count(self.errors),
            own_errors: count(self.own_errors),
            duration: count(self.duration),
            self_time: count(self.self_time),
            critical: count(self.critical),
            ..Work::default()
        };
        (self.window, key, work)
    }
}
