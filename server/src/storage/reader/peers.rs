//! Rows of traces that are to be compared with another.

use std::collections::HashMap;

use clickhouse::Row;
use model::{Nanos, Timestamp, TraceId};
use serde::Deserialize;

use super::{Plan, Reader, timestamp};
use crate::storage::StoreError;

/// A trace of the same root operation.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    pub trace_id: TraceId,
    pub begins: Timestamp,
    /// How long its root took.
    pub length: Nanos,
    pub spans: u64,
}

#[derive(Row, Deserialize)]
struct PeerRow {
    trace_id: [u8; 16],
    begins: i64,
    length: u64,
    spans: u64,
}

#[derive(Row, Deserialize)]
struct ShapeRow {
    trace_id: [u8; 16],
    shape: u64,
}

impl Reader {
    /// The same number for the same set of call paths.
    pub async fn shapes(&self, plan: &Plan) -> Result<HashMap<TraceId, u64>, StoreError> {
        let (rows, _) = self.fetch::<ShapeRow>(plan).await?;
        Ok(rows.into_iter().map(|row| (TraceId(row.trace_id), row.shape)).collect())
    }

    pub async fn peers(&self, plan: &Plan) -> Result<Vec<Peer>, StoreError> {
        let (rows, _) = self.fetch::<PeerRow>(plan).await?;
        let peer = |row: PeerRow| Peer {
            trace_id: TraceId(row.trace_id),
            begins: timestamp(row.begins),
            length: Nanos(row.length),
            spans: row.spans,
        };
        Ok(rows.into_iter().map(peer).collect())
    }
}
