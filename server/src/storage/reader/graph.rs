//! Calls from node to node, as they were counted.

use std::collections::HashMap;

use clickhouse::Row;
use model::trace::call::NodeKind;
use model::view::GraphNode;
use model::{Histogram, TraceId};
use serde::Deserialize;

use super::{Plan, Reader};
use crate::storage::StoreError;
use crate::wire::otlp::sampling::trace_count;

#[derive(Clone, Debug)]
pub struct EdgeCount {
    pub client: GraphNode,
    pub server: GraphNode,
    pub calls: u64,
    pub errors: u64,
    pub hist: Histogram,
}

impl Reader {
    pub async fn edges(&self, plan: &Plan) -> Result<Vec<EdgeCount>, StoreError> {
        let (rows, _) = self.fetch::<EdgeRow>(plan).await?;
        Ok(rows.into_iter().map(EdgeRow::into_count).collect())
    }

    /// How many each of these traces stands for.
    pub async fn sampled(&self, plan: &Plan) -> Result<Vec<(TraceId, u64)>, StoreError> {
        let (rows, _) = self.fetch::<SampledRow>(plan).await?;
        let counted = |row: SampledRow| {
            let id = TraceId(row.trace_id);
            (id, row.states.iter().map(|state| trace_count(state, id)).max().unwrap_or(1))
        };
        Ok(rows.into_iter().map(counted).collect())
    }

    /// Services with what they belong to.
    pub async fn namespaces(&self, plan: &Plan) -> Result<HashMap<String, String>, StoreError> {
        let (rows, _) = self.fetch::<NamespaceRow>(plan).await?;
        Ok(rows.into_iter().map(|row| (row.service, row.namespace)).collect())
    }

    /// Traces with how many spans of them there are.
    pub async fn sizes(&self, plan: &Plan) -> Result<Vec<(TraceId, u64)>, StoreError> {
        let (rows, _) = self.fetch::<SizedRow>(plan).await?;
        Ok(rows.into_iter().map(|row| (TraceId(row.trace_id), row.span_count)).collect())
    }
}

#[derive(Row, Deserialize)]
struct SampledRow {
    trace_id: [u8; 16],
    states: Vec<String>,
}

#[derive(Row, Deserialize)]
struct EdgeRow {
    client_kind: u8,
    client: String,
    server_kind: u8,
    server: String,
    calls: i64,
    errors: i64,
    hist: Vec<(u16, i64)>,
}

impl EdgeRow {
    fn into_count(self) -> EdgeCount {
        let node = |kind: u8, name: String| GraphNode { kind: NodeKind::from_number(kind), name };
        let mut hist = Histogram::default();
        for (bucket, count) in self.hist {
            hist.add_bucket(bucket, u64::try_from(count).unwrap_or_default());
        }
        EdgeCount {
            client: node(self.client_kind, self.client),
            server: node(self.server_kind, self.server),
            calls: u64::try_from(self.calls).unwrap_or_default(),
            errors: u64::try_from(self.errors).unwrap_or_default(),
            hist,
        }
    }
}

#[derive(Row, Deserialize)]
struct NamespaceRow {
    service: String,
    namespace: String,
}

#[derive(Row, Deserialize)]
struct SizedRow {
    trace_id: [u8; 16],
    span_count: u64,
}
