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

/// A box is about this much wider, with the room around it, than it is tall; and a screen than it is tall.
const BOX_SHAPE: f64 = 4.5;
const SCREEN_SHAPE: f64 = 1.8;
/// What is read at a glance need not be squeezed.
const ROWS_LEAST: usize = 24;
const COLUMNS_LEAST: usize = 12;

/// As many rows as a map of so many nodes has when it fills a screen. In steps, so that one node more moves nothing.
pub fn rows_of_map(count: usize) -> usize {
    let rows = (count as f64 * BOX_SHAPE / SCREEN_SHAPE).sqrt().ceil() as usize;
    rows.next_multiple_of(8).max(ROWS_LEAST)
}

/// The same of columns.
pub fn columns_of_map(count: usize) -> usize {
    let columns = (count as f64 * SCREEN_SHAPE / BOX_SHAPE).sqrt().ceil() as usize;
    columns.next_multiple_of(4).max(COLUMNS_LEAST)
}

/// A column and a row for each node of layers that are in order from top to bottom. A layer too tall for a screen stands
/// in several columns side by side, neighbours beside each other.
pub fn set_out(layers: &[Vec<u32>]) -> Vec<(u32, u32, f32)> {
    let most = rows_of_map(layers.iter().map(Vec::len).sum());
    let shape = |layer: &Vec<u32>| {
        let columns = layer.len().div_ceil(most).max(1);
        (columns, layer.len().div_ceil(columns))
    };
    let tallest = layers.iter().map(|layer| shape(layer).1).max().unwrap_or_default();
    let (mut places, mut first) = (Vec::new(), 0);
    for layer in layers {
        let (columns, height) = shape(layer);
        let top = (tallest - height) as f32 / 2.0;
        for (at, node) in layer.iter().enumerate() {
            places.push((*node, (first + at % columns) as u32, top + (at / columns) as f32));
        }
        first += columns;
    }
    places
}

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
    fn a_layer_taller_than_a_screen_stands_in_several_columns() {
        let layers = [vec![9], (10..80).collect::<Vec<u32>>(), vec![3, 4]];
        assert_eq!(rows_of_map(73), 24);
        let places = set_out(&layers);
        let of = |node: u32| places.iter().find(|place| place.0 == node).map(|place| (place.1, place.2));
        // Seventy are three columns of twenty-four; what is beside them stands in the middle.
        assert_eq!(
            (of(9), of(10), of(11), of(12)),
            (Some((0, 11.5)), Some((1, 0.0)), Some((2, 0.0)), Some((3, 0.0)))
        );
        assert_eq!((of(13), of(79), of(3)), (Some((1, 1.0)), Some((1, 23.0)), Some((4, 11.0))));
        assert_eq!((rows_of_map(2_000), columns_of_map(2_000), columns_of_map(40)), (72, 32, 12));
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
