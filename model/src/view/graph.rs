//! Who calls whom.

use serde::{Deserialize, Serialize};

use crate::trace::call::NodeKind;
use crate::{Nanos, Timestamp};

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GraphNode {
    pub kind: NodeKind,
    pub name: String,
}

/// The calls from one node to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GraphEdge {
    pub client: GraphNode,
    pub server: GraphNode,
    pub calls: u64,
    pub errors: u64,
    pub p50: Nanos,
    pub p95: Nanos,
    pub p99: Nanos,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServiceGraph {
    pub start: Timestamp,
    pub end: Timestamp,
    /// Most calls first.
    pub edges: Vec<GraphEdge>,
    /// False when there is more than could be counted: calls of traces not settled yet, or rare edges.
    pub complete: bool,
}
