//! What is to be known of a few traces as wholes: as it was settled, or found out on the spot for traces that are not
//! settled yet or have got more spans since.

use std::collections::HashMap;

use model::trace::orphan::{Evidence, OrphanCause, orphans};
use model::trace::{Builder, Clock, CriticalPath, Trace, Tree};
use model::view::CriticalShare;
use model::{ApiError, Scope, TraceId};

use super::{Queries, list};
use crate::limits::{FACTS_MAX_SPANS, SETTLE_REFUSED_MAX};
use crate::storage::reader::{Arrived, Plan, Settled};

/// Of one trace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Levels of its tree.
    pub depth: u32,
    /// Why most of its missing parents are missing.
    pub cause: Option<OrphanCause>,
    /// Nanoseconds of its critical path, by service.
    pub critical: Vec<(String, u64)>,
}

/// How many spans each trace has, and whether any arrived a moment ago.
pub fn arrived_plan(scope: &Scope, traces: &[TraceId], quiet_secs: u32) -> Plan {
    let sql = format!(
        "SELECT trace_id, count() AS spans, toUInt8(max(received) + {{quiet:UInt32}} > now()) AS in_flight
         FROM spans WHERE tenant = {{tenant:String}} AND trace_id IN ({}) GROUP BY trace_id",
        list(traces)
    );
    Plan::new(scope, sql).bind("quiet", quiet_secs)
}

pub fn settled_plan(scope: &Scope, traces: &[TraceId]) -> Plan {
    let sql = format!(
        "SELECT trace_id, spans, depth, causes, critical FROM traces
         WHERE tenant = {{tenant:String}} AND trace_id IN ({})
         ORDER BY slice DESC LIMIT 1 BY trace_id",
        list(traces)
    );
    Plan::new(scope, sql)
}

/// Which spans of these traces were refused at the door.
pub fn refused_plan(scope: &Scope, traces: &[TraceId]) -> Plan {
    let sql = format!(
        "SELECT trace_id, span_id FROM refused WHERE tenant = {{tenant:String}} AND trace_id IN ({})
         LIMIT {SETTLE_REFUSED_MAX}",
        list(traces)
    );
    Plan::new(scope, sql)
}

/// The narrow columns of several traces' spans.
pub fn outlines_plan(scope: &Scope, traces: &[TraceId]) -> Plan {
    let sql = format!(
        "SELECT trace_id, span_id, parent_id, service, operation, kind, status,
            toUnixTimestamp64Nano(start) AS start, duration, flags, peer
         FROM spans WHERE tenant = {{tenant:String}} AND trace_id IN ({})",
        list(traces)
    );
    Plan::new(scope, sql)
}

impl Queries {
    /// Facts of those of these traces that are stored. Of traces that are not settled, only as many are looked at as fit
    /// into [`FACTS_MAX_SPANS`] together.
    pub async fn facts(
        &self,
        scope: &Scope,
        traces: &[TraceId],
    ) -> Result<HashMap<TraceId, Facts>, ApiError> {
        let (arrived, settled) = (arrived_plan(scope, traces, self.quiet_secs), settled_plan(scope, traces));
        let (arrived, settled) =
            tokio::try_join!(self.reader.arrived(&arrived), self.reader.settled(&settled))?;
        self.facts_of(scope, arrived, settled).await
    }

    /// The same, when it is known already how much there is of each trace and what was settled.
    pub async fn facts_of(
        &self,
        scope: &Scope,
        arrived: Vec<Arrived>,
        settled: Vec<Settled>,
    ) -> Result<HashMap<TraceId, Facts>, ApiError> {
        let mut known: HashMap<TraceId, (u64, Facts)> = settled
            .into_iter()
            .map(|s| {
                (
                    s.trace_id,
                    (s.spans, Facts { depth: s.depth, cause: main_cause(&s.causes), critical: s.critical }),
                )
            })
            .collect();
        let mut facts = HashMap::with_capacity(arrived.len());
        let mut unsettled: HashMap<TraceId, (Arrived, Builder)> = HashMap::new();
        let mut room = FACTS_MAX_SPANS;
        for trace in arrived {
            match known.remove(&trace.trace_id) {
                Some((spans, settled)) if spans == trace.spans => {
                    facts.insert(trace.trace_id, settled);
                }
                _ if trace.spans <= room => {
                    room -= trace.spans;
                    unsettled.insert(trace.trace_id, (trace, Builder::new()));
                }
                _ => {}
            }
        }
        if unsettled.is_empty() {
            return Ok(facts);
        }
        let ids: Vec<TraceId> = unsettled.keys().copied().collect();
        let take = |id: TraceId, row: &model::trace::SpanRow| {
            if let Some((_, builder)) = unsettled.get_mut(&id) {
                builder.push(row);
            }
        };
        let (outlines, refused) = (outlines_plan(scope, &ids), refused_plan(scope, &ids));
        let ((), refused) =
            tokio::try_join!(self.reader.outlines(&outlines, take), self.reader.refused(&refused))?;
        for (id, (arrived, builder)) in unsettled {
            let mut trace = builder.finish(id);
            trace.refused = refused.iter().filter(|(of, _)| *of == id).map(|(_, span)| *span).collect();
            facts.insert(id, Facts::of(&trace, arrived.in_flight));
        }
        Ok(facts)
    }
}

impl Facts {
    pub fn of(trace: &Trace, in_flight: bool) -> Facts {
        let tree = Tree::new(trace);
        let clock = Clock::new(trace, &tree);
        let mut causes: Vec<(String, u64)> = Vec::new();
        for orphan in orphans(trace, &tree, &clock, &Evidence { in_flight, refused: &trace.refused }) {
            add(&mut causes, orphan.cause.name(), 1);
        }
        let mut critical: Vec<(String, u64)> = Vec::new();
        for (row, time) in CriticalPath::new(trace, &tree, &clock).time.iter().enumerate() {
            if *time > 0 {
                add(&mut critical, trace.service_name(row), *time);
            }
        }
        let depth = tree.depth.iter().max().map_or(0, |deepest| deepest + 1);
        Facts { depth, cause: main_cause(&causes), critical }
    }

    /// The service most of the time was spent waiting for, and its share of the critical path.
    pub fn main_service(&self) -> Option<CriticalShare> {
        let total: u64 = self.critical.iter().map(|(_, time)| time).sum();
        let (name, time) = self.critical.iter().max_by(|a, b| a.1.cmp(&b.1).then_with(|| b.0.cmp(&a.0)))?;
        Some(CriticalShare { service: name.clone(), share: (*time as f64 / total.max(1) as f64) as f32 })
    }
}

fn add(counts: &mut Vec<(String, u64)>, name: &str, count: u64) {
    match counts.iter_mut().find(|(known, _)| known == name) {
        Some((_, sum)) => *sum += count,
        None => counts.push((name.to_owned(), count)),
    }
}

/// The most frequent; of several the first, in the order in which causes are looked for.
fn main_cause(causes: &[(String, u64)]) -> Option<OrphanCause> {
    let count =
        |cause: &OrphanCause| causes.iter().find(|(name, _)| name == cause.name()).map_or(0, |(_, n)| *n);
    let most = OrphanCause::ALL.into_iter().rev().max_by_key(count)?;
    (count(&most) > 0).then_some(most)
}
