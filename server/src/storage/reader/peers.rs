//! Rows of traces that are to be compared with another.

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

impl Reader {
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
