//! Receipts, added up.

use clickhouse::Row;
use serde::Deserialize;

use super::{Plan, Reader};
use crate::storage::StoreError;

#[derive(Row, Deserialize)]
pub struct ReceiptRow {
    pub outcome: String,
    pub reason: String,
    pub service: String,
    pub key: String,
    pub door: String,
    pub kind: String,
    pub items: u64,
    pub requests: u64,
    pub example: String,
    pub last_secs: u32,
    /// By the number of the step.
    pub item_points: Vec<(u16, u64)>,
    pub request_points: Vec<(u16, u64)>,
}

#[derive(Row, Deserialize)]
struct TotalRow {
    outcome: String,
    items: u64,
}

impl Reader {
    pub async fn receipts(&self, plan: &Plan) -> Result<Vec<ReceiptRow>, StoreError> {
        Ok(self.fetch(plan).await?.0)
    }

    /// Items by the name of their outcome.
    pub async fn receipt_totals(&self, plan: &Plan) -> Result<Vec<(String, u64)>, StoreError> {
        let (rows, _) = self.fetch::<TotalRow>(plan).await?;
        Ok(rows.into_iter().map(|row| (row.outcome, row.items)).collect())
    }
}
