//! Traces that links join, found hop by hop from one of them, both ways.

use std::collections::{HashMap, HashSet};

use model::trace::LinkedSpan;
use model::view::{Journey, JourneyLink, TraceSummary};
use model::{ApiError, Nanos, Scope, SpanId, Timestamp, TraceId};

use super::in_trace::far_ends_plan;
use super::trace::unknown_trace;
use super::verify::summaries_plan;
use super::{Queries, list};
use crate::limits::{JOURNEY_MAX_HOPS, JOURNEY_MAX_LINKS, JOURNEY_MAX_TRACES, JOURNEY_REACH_SECS};
use crate::storage::reader::{Joined, Plan};

/// Ids are bound in a form field, of which engines take 128 kB.
const ENDS_AT_ONCE: usize = 1_000;

const HOLDERS: &str = "SELECT trace_id, span_id, service, operation,
        toUnixTimestamp64Nano(start) AS start, link.1 AS linked_trace, link.2 AS linked_span
     FROM spans ARRAY JOIN arrayZip(links.trace_id, links.span_id) AS link";

/// Links that spans of these traces hold.
pub fn held_plan(scope: &Scope, traces: &[TraceId]) -> Plan {
    let sql = format!(
        "{HOLDERS} WHERE tenant = {{tenant:String}} AND trace_id IN ({}) ORDER BY spans.start LIMIT {JOURNEY_MAX_LINKS}",
        list(traces)
    );
    Plan::new(scope, sql)
}

/// Links of any trace to these, from spans that start between two times.
pub fn pointing_plan(scope: &Scope, traces: &[TraceId], from: Timestamp, to: Timestamp) -> Plan {
    let ids: Vec<String> = traces.iter().map(|id| format!("toFixedString(unhex('{id}'), 16)")).collect();
    let sql = format!(
        "{HOLDERS} WHERE tenant = {{tenant:String}} AND hasAny(links.trace_id, [{ids}])
            AND spans.start >= fromUnixTimestamp64Nano({{from:Int64}})
            AND spans.start <= fromUnixTimestamp64Nano({{to:Int64}}) AND link.1 IN ({})
         ORDER BY spans.start LIMIT {JOURNEY_MAX_LINKS}",
        list(traces),
        ids = ids.join(", "),
    );
    Plan::new(scope, sql).bind("from", from.0).bind("to", to.0)
}

/// What has been found so far.
struct Walk {
    known: Vec<TraceId>,
    seen: HashSet<TraceId>,
    summaries: HashMap<TraceId, TraceSummary>,
    links: Vec<Joined>,
    cut: Option<String>,
}

impl Walk {
    fn new(trace: TraceId) -> Walk {
        Walk {
            known: vec![trace],
            seen: HashSet::from([trace]),
            summaries: HashMap::new(),
            links: Vec::new(),
            cut: None,
        }
    }

    fn add(&mut self, found: Vec<Joined>) {
        if found.len() >= JOURNEY_MAX_LINKS {
            self.cut = Some(format!("only the first {JOURNEY_MAX_LINKS} links of a step were followed"));
        }
        for link in found {
            for trace in [link.trace_id, link.linked_trace] {
                if self.seen.contains(&trace) {
                    continue;
                }
                if self.known.len() >= JOURNEY_MAX_TRACES {
                    self.cut = Some(format!("more than {JOURNEY_MAX_TRACES} traces belong to it"));
                    continue;
                }
                self.seen.insert(trace);
                self.known.push(trace);
            }
            let is_within = link.trace_id == link.linked_trace;
            if !is_within && !self.links.contains(&link) {
                self.links.push(link);
            }
        }
    }

    /// When any of these traces began and ended.
    fn extent(&self, traces: &[TraceId]) -> Option<(Timestamp, Timestamp)> {
        let found = || traces.iter().filter_map(|trace| self.summaries.get(trace));
        let from = found().map(|trace| trace.start).min()?;
        Some((from, found().map(|trace| trace.start.plus(trace.duration)).max()?))
    }

    /// The journey, of those traces that are stored.
    fn journey(self, ends: &[LinkedSpan]) -> Journey {
        let mut traces: Vec<TraceSummary> = self.summaries.into_values().collect();
        traces.sort_by_key(|trace| (trace.start, trace.trace_id));
        let place: HashMap<TraceId, u32> =
            (0..).zip(&traces).map(|(at, trace)| (trace.trace_id, at)).collect();
        let ends: HashMap<(TraceId, SpanId), &LinkedSpan> =
            ends.iter().map(|end| ((end.trace_id, end.span_id), end)).collect();
        let mut links: Vec<JourneyLink> = Vec::new();
        for link in self.links {
            let (Some(from), Some(to)) = (place.get(&link.linked_trace), place.get(&link.trace_id)) else {
                continue;
            };
            let Some(end) = ends.get(&(link.linked_trace, link.linked_span)) else {
                continue;
            };
            links.push(JourneyLink {
                from: *from,
                from_span: link.linked_span,
                from_name: (end.service.clone(), end.operation.clone()),
                sent: end.start.plus(end.duration),
                to: *to,
                to_span: link.span_id,
                to_name: (link.service, link.operation),
                taken: link.start,
            });
        }
        links.sort_by_key(|link| (link.taken, link.to_span));
        Journey { traces, links, cut: self.cut }
    }
}

impl Queries {
    /// The traces that are joined to one by links, however many hops away, within limits that the answer names.
    pub async fn journey(&self, scope: &Scope, trace: TraceId) -> Result<Journey, ApiError> {
        let mut walk = Walk::new(trace);
        let mut reached = 0;
        for hop in 0.. {
            let frontier = walk.known[reached..].to_vec();
            if frontier.is_empty() {
                break;
            }
            reached = walk.known.len();
            let asked = summaries_plan(scope, &frontier, self.quiet_secs);
            let (found, _) = self.reader.summaries(&asked).await?;
            walk.summaries.extend(found.into_iter().map(|found| (found.trace_id, found)));
            let Some((from, to)) = walk.extent(&frontier) else {
                if hop == 0 {
                    return Err(unknown_trace(trace));
                }
                break;
            };
            if hop == JOURNEY_MAX_HOPS {
                walk.cut = Some(format!("it goes on beyond {JOURNEY_MAX_HOPS} hops"));
                break;
            }
            let reach = Nanos::from_secs(JOURNEY_REACH_SECS);
            let held = held_plan(scope, &frontier);
            let pointing = pointing_plan(scope, &frontier, from.minus(reach), to.plus(reach));
            let (held, pointing) =
                tokio::try_join!(self.reader.joined(&held), self.reader.joined(&pointing))?;
            walk.add(held);
            walk.add(pointing);
        }
        let far: Vec<(TraceId, SpanId)> =
            walk.links.iter().map(|link| (link.linked_trace, link.linked_span)).collect();
        let mut ends = Vec::new();
        for some in far.chunks(ENDS_AT_ONCE) {
            ends.extend(self.reader.linked_spans(&far_ends_plan(scope, some)).await?);
        }
        if walk.cut.is_some() {
            self.reached.note("journey");
        }
        Ok(walk.journey(&ends))
    }
}

#[cfg(test)]
mod tests {
    //! What a walk keeps of the links it is given.
    use super::*;

    fn id(number: u8) -> TraceId {
        TraceId([number; 16])
    }

    fn link(from: u8, to: u8) -> Joined {
        Joined {
            trace_id: id(to),
            span_id: SpanId(to.into()),
            service: format!("s{to}"),
            operation: "take".to_owned(),
            start: Timestamp(u64::from(to) * 100),
            linked_trace: id(from),
            linked_span: SpanId(from.into()),
        }
    }

    fn summary(number: u8) -> TraceSummary {
        let mut summary = model::trace::Trace::default().summary();
        summary.trace_id = id(number);
        summary.start = Timestamp(u64::from(number) * 100);
        summary
    }

    fn end(number: u8) -> LinkedSpan {
        LinkedSpan {
            ours: SpanId(0),
            is_incoming: false,
            trace_id: id(number),
            span_id: SpanId(number.into()),
            service: format!("s{number}"),
            operation: "send".to_owned(),
            start: Timestamp(u64::from(number) * 100),
            duration: Nanos(30),
        }
    }

    #[test]
    fn links_join_stored_traces_in_order_and_know_the_lag() {
        let mut walk = Walk::new(id(2));
        // Seen from both ends, to itself, and to a trace that is not stored.
        walk.add(vec![link(1, 2), link(2, 2), link(2, 3)]);
        walk.add(vec![link(1, 2), link(9, 2)]);
        assert_eq!(walk.known, [id(2), id(1), id(3), id(9)]);
        walk.summaries = [3, 1, 2].map(|number| (id(number), summary(number))).into();
        let journey = walk.journey(&[end(1), end(2)]);
        assert_eq!(journey.traces.iter().map(|t| t.trace_id).collect::<Vec<_>>(), [id(1), id(2), id(3)]);
        let told: Vec<_> = journey.links.iter().map(|link| (link.from, link.to, link.lag_ns())).collect();
        assert_eq!(told, [(0, 1, 70), (1, 2, 70)]);
        assert_eq!(journey.cut, None);
    }

    #[test]
    fn too_many_traces_are_said_to_be_too_many() {
        let mut walk = Walk::new(id(0));
        let many: Vec<Joined> = (1..=255).map(|to| link(0, to)).collect();
        walk.add(many);
        assert_eq!(walk.known.len(), JOURNEY_MAX_TRACES);
        assert!(walk.cut.unwrap().contains("traces"));
    }
}
