//! The service graph as a map: figures of two windows, and a place for every node.

use std::collections::BTreeMap;
use std::collections::HashMap;

use model::trace::call::NodeKind;
use model::view::{GraphEdge, GraphNode, MapEdge, MapFigures, MapNode, ServiceGraph, ServiceMap};
use model::{ApiError, Scope, Timestamp};

use super::Queries;
use crate::storage::reader::Plan;

pub mod layout;

use layout::{Arrow, place};

impl Queries {
    /// The graph of a window beside that of the window before, which has the same length. Grouped, the services of
    /// a namespace are one node.
    pub async fn service_map(
        &self,
        scope: &Scope,
        start: Timestamp,
        end: Timestamp,
        is_grouped: bool,
    ) -> Result<ServiceMap, ApiError> {
        let earlier = start.minus(end.since(start));
        let (mut now, mut before, flags, namespaces) = tokio::try_join!(
            self.service_graph(scope, start, end),
            self.service_graph(scope, earlier, start),
            self.flags(scope, start, end),
            async {
                let plan = namespaces_plan(scope);
                if is_grouped { Ok(self.reader.namespaces(&plan).await?) } else { Ok(HashMap::new()) }
            }
        )?;
        for graph in [&mut now, &mut before] {
            graph.edges = grouped(std::mem::take(&mut graph.edges), &namespaces);
        }
        // Thousands of nodes take a while, and others are waiting for this thread.
        let drawn = tokio::task::spawn_blocking(move || {
            let mut map = drawn(&now, &before);
            map.nodes.iter_mut().for_each(|node| node.flag = flags.of_node(&node.node));
            map
        })
        .await;
        drawn.map_err(|error| {
            tracing::error!(%error, "the map could not be laid out");
            let hint = "this is a fault in Skein; its log has the details";
            ApiError::new(model::ErrorCode::Internal, "the map could not be laid out", hint)
        })
    }
}

/// Services that say which namespace they are of.
fn namespaces_plan(scope: &Scope) -> Plan {
    let sql = "SELECT service, argMax(resource['service.namespace'], seen) AS namespace FROM origins
         WHERE tenant = {tenant:String} AND resource['service.namespace'] != '' GROUP BY service";
    Plan::new(scope, sql)
}

/// Calls between namespaces; those within one are left out. Of several quantiles the slowest is told.
fn grouped(edges: Vec<GraphEdge>, namespaces: &HashMap<String, String>) -> Vec<GraphEdge> {
    if namespaces.is_empty() {
        return edges;
    }
    let group = |node: GraphNode| match namespaces.get(&node.name) {
        Some(name) if node.kind == NodeKind::Service => {
            GraphNode { kind: NodeKind::Namespace, name: name.clone() }
        }
        _ => node,
    };
    let mut groups: BTreeMap<(GraphNode, GraphNode), GraphEdge> = BTreeMap::new();
    for edge in edges {
        let (client, server) = (group(edge.client.clone()), group(edge.server.clone()));
        if client == server {
            continue;
        }
        match groups.get_mut(&(client.clone(), server.clone())) {
            Some(known) => {
                known.calls += edge.calls;
                known.errors += edge.errors;
                known.p50 = known.p50.max(edge.p50);
                known.p95 = known.p95.max(edge.p95);
                known.p99 = known.p99.max(edge.p99);
            }
            None => {
                let pair = (client.clone(), server.clone());
                groups.insert(pair, GraphEdge { client, server, ..edge });
            }
        }
    }
    groups.into_values().collect()
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
        .zip(of_nodes(&edges, number.len()))
        .map(|((node, place), now)| MapNode {
            node: node.clone(),
            now,
            column: place.column,
            row: place.row,
            flag: None,
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

/// All calls to each node, or else by it. Of several callers' quantiles, the slowest is what is told.
fn of_nodes(edges: &[MapEdge], count: usize) -> Vec<MapFigures> {
    let (mut called, mut calling) = (vec![MapFigures::default(); count], vec![MapFigures::default(); count]);
    for edge in edges {
        for sum in [&mut called[edge.server as usize], &mut calling[edge.client as usize]] {
            sum.calls += edge.now.calls;
            sum.errors += edge.now.errors;
            sum.p50 = sum.p50.max(edge.now.p50);
            sum.p95 = sum.p95.max(edge.now.p95);
        }
    }
    called.into_iter().zip(calling).map(|(to, by)| if to.calls > 0 { to } else { by }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Nanos;

    #[test]
    fn a_node_has_the_calls_to_it_or_else_those_it_makes() {
        let edge = |client, server, calls, ms: u64| MapEdge {
            client,
            server,
            now: MapFigures { calls, errors: 1, p50: Nanos(ms), p95: Nanos(2 * ms) },
            before: MapFigures::default(),
        };
        let found = of_nodes(&[edge(0, 1, 5, 10), edge(0, 2, 2, 30), edge(1, 2, 4, 20)], 3);
        let told: Vec<_> = found.iter().map(|f| (f.calls, f.errors, f.p50.0, f.p95.0)).collect();
        assert_eq!(told, [(7, 2, 30, 60), (5, 1, 10, 20), (6, 2, 30, 60)]);
    }

    #[test]
    fn services_of_a_namespace_are_one_node_and_stores_stay() {
        let node = |kind, name: &str| GraphNode { kind, name: name.to_owned() };
        let edge = |client: &str, server: GraphNode, calls, ms: u64| {
            let time = Nanos(ms);
            let client = node(NodeKind::Service, client);
            GraphEdge { client, server, calls, errors: 1, p50: time, p95: time, p99: time }
        };
        let service = |name| node(NodeKind::Service, name);
        let edges = vec![
            edge("cart", service("pay"), 5, 1),
            edge("shop", service("pay"), 7, 9),
            edge("shop", service("cart"), 3, 1),
            edge("cart", node(NodeKind::Database, "cart"), 2, 1),
            edge("other", service("cart"), 1, 1),
        ];
        let names = [("cart", "front"), ("shop", "front"), ("pay", "money")];
        let names = names.map(|(a, b)| (a.to_owned(), b.to_owned())).into_iter().collect();
        let found = grouped(edges.clone(), &names);
        let told: Vec<String> = found
            .iter()
            .map(|e| format!("{}>{} {} {} {}", e.client.name, e.server.name, e.calls, e.errors, e.p95.0))
            .collect();
        assert_eq!(told, ["other>front 1 1 1", "front>cart 2 1 1", "front>money 12 2 9"]);
        assert_eq!(grouped(edges.clone(), &HashMap::new()), edges);
    }
}
