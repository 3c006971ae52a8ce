//! The service graph as a map: figures of two windows, and a place for every node.

use std::collections::BTreeMap;
use std::collections::HashMap;

use model::view::{GraphEdge, GraphNode, MapEdge, MapFigures, MapNode, ServiceGraph, ServiceMap};
use model::{ApiError, Scope, Timestamp};

use super::Queries;

pub mod layout;

use layout::{Arrow, place};

impl Queries {
    /// The graph of a window beside that of the window before, which has the same length.
    pub async fn service_map(
        &self,
        scope: &Scope,
        start: Timestamp,
        end: Timestamp,
    ) -> Result<ServiceMap, ApiError> {
        let earlier = start.minus(end.since(start));
        let (now, before) = tokio::try_join!(
            self.service_graph(scope, start, end),
            self.service_graph(scope, earlier, start)
        )?;
        // Thousands of nodes take a while, and others are waiting for this thread.
        let drawn = tokio::task::spawn_blocking(move || drawn(&now, &before)).await;
        drawn.map_err(|error| {
            tracing::error!(%error, "the map could not be laid out");
            let hint = "this is a fault in Skein; its log has the details";
            ApiError::new(model::ErrorCode::Internal, "the map could not be laid out", hint)
        })
    }
}

fn figures(edge: &GraphEdge) -> MapFigures {
    MapFigures { calls: edge.calls, errors: edge.errors, p50: edge.p50, p95: edge.p95 }
}

fn drawn(now: &ServiceGraph, before: &ServiceGraph) -> ServiceMap {
    let mut pairs: BTreeMap<(&GraphNode, &GraphNode), [MapFigures; 2]> = BTreeMap::new();
    for (at, graph) in [now, before].into_iter().enumerate() {
        for edge in &graph.edges {
            pairs.entry((&edge.client, &edge.server)).or_default()[at] = figures(edge);
        }
    }
    // In order of name, so that the same graph is always laid out the same.
    let names: std::collections::BTreeSet<&GraphNode> = pairs.keys().flat_map(|(a, b)| [*a, *b]).collect();
    let number: HashMap<&GraphNode, u32> = names.iter().copied().zip(0..).collect();
    let edges: Vec<MapEdge> = pairs
        .iter()
        .map(|((client, server), [now, before])| MapEdge {
            client: number[client],
            server: number[server],
            now: *now,
            before: *before,
        })
        .collect();
    let arrows = edges.iter().map(|edge| Arrow {
        from: edge.client as usize,
        to: edge.server as usize,
        weight: edge.now.calls + edge.before.calls,
    });
    let places = place(names.len(), &arrows.collect::<Vec<_>>());
    let nodes = names
        .into_iter()
        .zip(places)
        .enumerate()
        .map(|(at, (node, place))| MapNode {
            node: node.clone(),
            now: of_node(&edges, at as u32),
            column: place.column,
            row: place.row,
        })
        .collect();
    let has_before = !before.edges.is_empty();
    ServiceMap {
        has_before,
        start: now.start,
        end: now.end,
        nodes,
        edges,
        complete: now.complete && before.complete,
    }
}

/// All calls to a node, or by it. Of several callers' quantiles, the slowest is what is told.
fn of_node(edges: &[MapEdge], node: u32) -> MapFigures {
    let sum = |of: fn(&MapEdge) -> u32| {
        edges.iter().filter(|edge| of(edge) == node).fold(MapFigures::default(), |sum, edge| MapFigures {
            calls: sum.calls + edge.now.calls,
            errors: sum.errors + edge.now.errors,
            p50: sum.p50.max(edge.now.p50),
            p95: sum.p95.max(edge.now.p95),
        })
    };
    let called = sum(|edge| edge.server);
    if called.calls > 0 { called } else { sum(|edge| edge.client) }
}
