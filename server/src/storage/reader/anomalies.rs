//! Anomalies, and what operations did themselves, as they are told to whoever asks.

use clickhouse::Row;
use model::Timestamp;
use model::view::Anomaly;
use serde::Deserialize;

use super::{Plan, Reader};
use crate::storage::StoreError;
use crate::storage::anomalies::read;
use crate::storage::work::{WindowWork, WorkRow};

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

    /// What operations did themselves, in windows numbered by the plan.
    pub async fn own_work(&self, plan: &Plan) -> Result<Vec<WindowWork>, StoreError> {
        let (rows, _) = self.fetch::<WorkRow>(plan).await?;
        Ok(rows.into_iter().map(WorkRow::into_window).collect())
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
