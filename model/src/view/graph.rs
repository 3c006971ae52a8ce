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

/// The same with a place for everything: what a map draws.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServiceMap {
    pub start: Timestamp,
    pub end: Timestamp,
    pub nodes: Vec<MapNode>,
    pub edges: Vec<MapEdge>,
    /// Anything was called in the window before: else there is nothing to compare with.
    pub has_before: bool,
    pub complete: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MapNode {
    pub node: GraphNode,
    /// Calls it answered; for one that is never called, those it made.
    pub now: MapFigures,
    pub column: u32,
    /// In lines, from the top of the map.
    pub row: f32,
    pub flag: Option<super::Flag>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MapEdge {
    /// Numbers of nodes.
    pub client: u32,
    pub server: u32,
    pub now: MapFigures,
    /// In the window of the same length before.
    pub before: MapFigures,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MapFigures {
    pub calls: u64,
    pub errors: u64,
    pub p50: Nanos,
    pub p95: Nanos,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EdgeChange {
    Same,
    New,
    Lost,
    Slower,
    MoreErrors,
}

/// Fewer calls than these say nothing about change.
const CALLS_TO_COMPARE: u64 = 20;
const SLOWER_BY: f64 = 1.5;
const MORE_ERRORS_BY: f64 = 0.02;

impl MapFigures {
    pub fn error_share(&self) -> f64 {
        self.errors as f64 / self.calls.max(1) as f64
    }
}

impl ServiceMap {
    /// What is different from the window before, worst first.
    pub fn change(&self, edge: &MapEdge) -> EdgeChange {
        let (now, before) = (&edge.now, &edge.before);
        let is_told = now.calls >= CALLS_TO_COMPARE && before.calls >= CALLS_TO_COMPARE;
        match () {
            () if !self.has_before => EdgeChange::Same,
            () if now.calls == 0 => EdgeChange::Lost,
            () if before.calls == 0 => EdgeChange::New,
            () if is_told && now.error_share() >= before.error_share() + MORE_ERRORS_BY => {
                EdgeChange::MoreErrors
            }
            () if is_told && now.p95.0 as f64 >= before.p95.0 as f64 * SLOWER_BY => EdgeChange::Slower,
            () => EdgeChange::Same,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(calls: u64, errors: u64, p95: u64) -> MapFigures {
        MapFigures { calls, errors, p50: Nanos(p95 / 2), p95: Nanos(p95) }
    }

    #[test]
    fn edges_change_only_on_evidence() {
        let map = ServiceMap { has_before: true, ..ServiceMap::default() };
        let change = |now, before| map.change(&MapEdge { client: 0, server: 1, now, before });
        let alone = ServiceMap::default();
        let edge = MapEdge { client: 0, server: 1, now: figures(5, 0, 9), before: figures(0, 0, 0) };
        assert_eq!(alone.change(&edge), EdgeChange::Same);
        assert_eq!(change(figures(5, 0, 9), figures(0, 0, 0)), EdgeChange::New);
        assert_eq!(change(figures(0, 0, 0), figures(5, 0, 9)), EdgeChange::Lost);
        assert_eq!(change(figures(50, 0, 90), figures(50, 0, 40)), EdgeChange::Slower);
        assert_eq!(change(figures(50, 5, 90), figures(50, 0, 40)), EdgeChange::MoreErrors);
        assert_eq!(change(figures(5, 5, 90), figures(50, 0, 40)), EdgeChange::Same);
    }
}
