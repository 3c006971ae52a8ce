//! Who called whom: counted when traces settled, and on the spot for traces that are not settled yet.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use model::hist::bucket_of;
use model::trace::call::{Call, Node, NodeKind, calls};
use model::trace::{Builder, SpanRow, Trace, Tree};
use model::view::{GraphEdge, GraphNode, ServiceGraph};
use model::{ApiError, Histogram, Nanos, Scope, Timestamp, TraceId};

use super::facts::{outlines_plan, settled_plan};
use super::{Queries, list};
use crate::limits::{
    GRAPH_MAX_EDGES, GRAPH_MAX_UNSETTLED, GRAPH_MAX_UNSETTLED_SPANS, SEARCH_CHUNK_MAX, SETTLE_LOOK_BACK_SECS,
    SETTLE_MAX_LAG_SECS,
};
use crate::storage::reader::{EdgeCount, Plan};
use crate::storage::settled::SAYS_SAMPLED;

/// Whole minutes, as calls are counted in.
pub fn edges_plan(scope: &Scope, start: Timestamp, end: Timestamp) -> Plan {
    let sql = format!(
        "SELECT client_kind, client, server_kind, server, sum(edges.calls) AS calls, sum(edges.errors) AS errors,
            sumMap(edges.hist) AS hist
         FROM edges FINAL
         WHERE tenant = {{tenant:String}} AND time >= toStartOfMinute(toDateTime({{from:UInt32}}, 'UTC'))
            AND time < toDateTime({{to:UInt32}}, 'UTC')
         GROUP BY client_kind, client, server_kind, server HAVING calls > 0
         ORDER BY calls DESC, client, server LIMIT {}",
        GRAPH_MAX_EDGES + 1
    );
    let to = end.as_secs().saturating_add(1);
    Plan::new(scope, sql).bind("from", seconds(start.as_secs())).bind("to", seconds(to))
}

/// Traces with pieces stored since the last slice that was settled, the newest first.
pub fn unsettled_plan(scope: &Scope) -> Plan {
    let sql = format!(
        "WITH (SELECT greatest(max(slice), now() - {SETTLE_LOOK_BACK_SECS}) FROM slices) AS since
         SELECT trace_id, sum(spans) AS span_count FROM pieces
         WHERE tenant = {{tenant:String}} AND received >= since - {SETTLE_MAX_LAG_SECS} AND stored >= since
         GROUP BY trace_id ORDER BY max(stored) DESC LIMIT {}",
        GRAPH_MAX_UNSETTLED + 1
    );
    Plan::new(scope, sql)
}

/// How these traces were sampled, of those that were.
pub fn sampled_plan(scope: &Scope, traces: &[TraceId]) -> Plan {
    let sql = format!(
        "SELECT trace_id, groupUniqArray(trace_state) AS states FROM spans
         WHERE tenant = {{tenant:String}} AND trace_id IN ({}) AND {SAYS_SAMPLED}
         GROUP BY trace_id",
        list(traces)
    );
    Plan::new(scope, sql)
}

/// Calls between two nodes, as they are met.
#[derive(Default)]
struct Counts {
    edges: HashMap<(GraphNode, GraphNode), (u64, u64, Histogram)>,
}

impl Queries {
    pub async fn service_graph(
        &self,
        scope: &Scope,
        start: Timestamp,
        end: Timestamp,
    ) -> Result<ServiceGraph, ApiError> {
        let plan = edges_plan(scope, start, end);
        let (edges, unsettled) = tokio::try_join!(
            async { self.reader.edges(&plan).await.map_err(ApiError::from) },
            self.unsettled(scope)
        )?;
        let (traces, is_all) = unsettled;
        let is_cut = edges.len() > GRAPH_MAX_EDGES;
        if is_cut {
            self.reached.note("graph_edges");
        }
        if !is_all {
            self.reached.note("graph_unsettled");
        }
        let mut counts = Counts::default();
        edges.into_iter().take(GRAPH_MAX_EDGES).for_each(|edge| counts.add(edge));
        for (trace, stands_for) in traces.iter().filter(|(_, stands_for)| *stands_for > 0) {
            for call in calls(trace, &Tree::new(trace)) {
                let at = trace.start.plus(Nanos(call.start));
                if at >= start && at < end {
                    counts.count(&call, *stands_for);
                }
            }
        }
        Ok(ServiceGraph { start, end, edges: counts.finish(), complete: is_all && !is_cut })
    }

    /// Traces that have not been settled, as they are now and with how many they stand for, and whether these are all.
    /// One that was settled before and goes on is counted when it settles again. Where many come in, some of the last
    /// half minute would say no more than what is settled, so that none are read.
    async fn unsettled(&self, scope: &Scope) -> Result<(Vec<(Trace, u64)>, bool), ApiError> {
        let waiting = self.reader.sizes(&unsettled_plan(scope)).await?;
        let spans: u64 = waiting.iter().map(|(_, spans)| spans).sum();
        if waiting.len() > GRAPH_MAX_UNSETTLED || spans > GRAPH_MAX_UNSETTLED_SPANS {
            return Ok((Vec::new(), false));
        }
        let ids: Vec<TraceId> = waiting.into_iter().map(|(id, _)| id).collect();
        let mut stands_for: HashMap<TraceId, u64> = HashMap::new();
        let mut builders: HashMap<TraceId, Builder> = ids.iter().map(|id| (*id, Builder::new())).collect();
        for ids in ids.chunks(SEARCH_CHUNK_MAX) {
            let known = self.reader.settled(&settled_plan(scope, ids)).await?;
            for trace in known {
                builders.remove(&trace.trace_id);
            }
            let ids: Vec<TraceId> = ids.iter().copied().filter(|id| builders.contains_key(id)).collect();
            if ids.is_empty() {
                continue;
            }
            let take = |id: TraceId, row: &SpanRow| {
                if let Some(builder) = builders.get_mut(&id) {
                    builder.push(row);
                }
            };
            self.reader.outlines(&outlines_plan(scope, &ids), take).await?;
            stands_for.extend(self.reader.sampled(&sampled_plan(scope, &ids)).await?);
        }
        let trace = |(id, builder): (TraceId, Builder)| {
            (builder.finish(id), stands_for.get(&id).copied().unwrap_or(1))
        };
        Ok((builders.into_iter().map(trace).collect(), true))
    }
}

impl Counts {
    fn add(&mut self, edge: EdgeCount) {
        let EdgeCount { client, server, calls, errors, hist } = edge;
        match self.edges.entry((client, server)) {
            Entry::Vacant(vacant) => {
                vacant.insert((calls, errors, hist));
            }
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                known.0 += calls;
                known.1 += errors;
                known.2.merge(&hist);
            }
        }
    }

    fn count(&mut self, call: &Call<'_>, stands_for: u64) {
        let node = |node: Node<'_>| GraphNode { kind: node.kind, name: node.name.to_owned() };
        let mut hist = Histogram::default();
        hist.add_bucket(bucket_of(Nanos(call.duration)), stands_for);
        let (client, server) = (node(call.client), node(call.server));
        let errors = if call.error { stands_for } else { 0 };
        self.add(EdgeCount { client, server, calls: stands_for, errors, hist });
    }

    /// A call that nobody answered names a host. Where that is a service's name, the service is who was called.
    fn join_services(&mut self) {
        let nodes = self.edges.keys().flat_map(|(client, server)| [client, server]);
        let services: HashSet<String> =
            nodes.filter(|node| node.kind == NodeKind::Service).map(|node| node.name.clone()).collect();
        let is_service = |node: &GraphNode| node.kind == NodeKind::External && services.contains(&node.name);
        let (known, unanswered) = std::mem::take(&mut self.edges)
            .into_iter()
            .partition(|((_, server), _): &((GraphNode, GraphNode), _)| !is_service(server));
        self.edges = known;
        for ((client, mut server), (calls, errors, hist)) in
            <HashMap<_, (u64, u64, Histogram)> as IntoIterator>::into_iter(unanswered)
        {
            server.kind = NodeKind::Service;
            self.add(EdgeCount { client, server, calls, errors, hist });
        }
    }

    fn finish(mut self) -> Vec<GraphEdge> {
        self.join_services();
        let edge =
            |((client, server), (calls, errors, hist)): ((GraphNode, GraphNode), (u64, u64, Histogram))| {
                let quantile = |q| hist.quantile(q).unwrap_or_default();
                let (p50, p95, p99) = (quantile(0.5), quantile(0.95), quantile(0.99));
                GraphEdge { client, server, calls, errors, p50, p95, p99 }
            };
        let mut edges: Vec<GraphEdge> = self.edges.into_iter().map(edge).collect();
        edges.sort_by(|a, b| (b.calls, &a.client, &a.server).cmp(&(a.calls, &b.client, &b.server)));
        edges
    }
}

fn seconds(secs: u64) -> u32 {
    u32::try_from(secs).unwrap_or(u32::MAX)
}
