//! Other traces of a trace's root operation: the one before it, the usual and the fastest, and all of a sample whole.
//!
//! `pieces` names traces in which the operation occurs; `spans` tells in which of them it is the root. The sample is
//! chosen by a hash of the ids, so that it is the same each time. The fastest is one that takes the same call paths, as
//! far as it was settled which they take; of none, the fastest of all.

use std::collections::HashMap;

use model::trace::diff::Compare;
use model::trace::{Builder, SpanRow, Trace};
use model::view::TraceSummary;
use model::{ApiError, Nanos, Scope, Timestamp, TraceId};

use super::facts::outlines_plan;
use super::verify::summaries_plan;
use super::{Queries, list};
use crate::limits::{PEERS_CANDIDATES, PEERS_MAX_SECS, PEERS_MAX_SPANS, PEERS_MAX_TRACES, PEERS_SMALL_SPANS};
use crate::storage::pieces::BUCKET_SECS;
use crate::storage::reader::{Peer, Plan};

/// So many candidates are looked at for the one before.
const PREVIOUS_CANDIDATES: u32 = 100;
/// Candidates looked at in one statement, of which nearly all are peers, most often.
const AT_ONCE: usize = PEERS_MAX_TRACES + PEERS_MAX_TRACES / 4;

/// Which traces count as peers.
#[derive(Clone, Debug)]
struct Kin {
    service: String,
    operation: String,
    from: Timestamp,
    to: Timestamp,
}

#[derive(Clone, Copy)]
enum Pick {
    /// By a hash of their ids.
    Evenly,
    Newest,
}

impl Kin {
    /// Peers lie as far before the trace as after it.
    fn of(summary: &TraceSummary, window_secs: u64) -> Result<Kin, ApiError> {
        if window_secs == 0 || window_secs > PEERS_MAX_SECS {
            return Err(ApiError::bad_request(
                format!("window_secs is {window_secs}"),
                format!("window_secs goes from 1 to {PEERS_MAX_SECS}"),
            ));
        }
        Ok(Kin {
            service: summary.root_service.clone(),
            operation: summary.root_operation.clone(),
            from: summary.start.minus(Nanos::from_secs(window_secs)),
            to: summary.start.plus(Nanos::from_secs(window_secs)),
        })
    }

    fn candidates_plan(&self, scope: &Scope, pick: Pick) -> Plan {
        let (order, limit) = match pick {
            Pick::Evenly => ("cityHash64(trace_id)".to_owned(), PEERS_CANDIDATES),
            Pick::Newest => ("latest DESC, trace_id".to_owned(), u64::from(PREVIOUS_CANDIDATES)),
        };
        let sql = format!(
            "SELECT trace_id, toUInt64(count() OVER ()) AS key
             FROM (SELECT trace_id, min(first) AS latest FROM pieces
                WHERE tenant = {{tenant:String}}
                    AND bucket >= toDateTime({{low_bucket:UInt32}}, 'UTC') AND bucket <= toDateTime({{high_secs:UInt32}}, 'UTC')
                    AND error IN (0, 1)
                    AND first >= fromUnixTimestamp64Nano({{from:Int64}}) AND first < fromUnixTimestamp64Nano({{to:Int64}})
                    AND has(groups.service, {{service:String}}) AND has(groups.operation, {{operation:String}})
                    AND arrayExists((s, o) -> s = {{service:String}} AND o = {{operation:String}},
                        groups.service, groups.operation)
                GROUP BY trace_id)
             ORDER BY {order} LIMIT {limit}"
        );
        let secs = |time: Timestamp| time.as_secs().min(u64::from(u32::MAX));
        self.bound(Plan::new(scope, sql))
            .bind("low_bucket", secs(self.from) - secs(self.from) % BUCKET_SECS)
            .bind("high_secs", secs(self.to))
    }

    /// Those of some traces whose root it is.
    fn roots_plan(&self, scope: &Scope, traces: &[TraceId]) -> Plan {
        let sql = format!(
            "SELECT trace_id, toUnixTimestamp64Nano(min(start)) AS begins,
                argMin(duration, (parent_id != 0, start)) AS length, count() AS spans
             FROM spans WHERE tenant = {{tenant:String}} AND trace_id IN ({})
             GROUP BY trace_id
             HAVING argMin(service, (parent_id != 0, start)) = {{service:String}}
                AND argMin(operation, (parent_id != 0, start)) = {{operation:String}}
                AND begins >= {{from:Int64}} AND begins < {{to:Int64}}",
            list(traces)
        );
        self.bound(Plan::new(scope, sql))
    }

    /// As [`Kin::roots_plan`] tells.
    fn has(&self, trace: &Trace) -> bool {
        let is_root =
            |row| trace.service_name(row) == self.service && trace.operation_name(row) == self.operation;
        trace.root_row().is_some_and(is_root) && self.from <= trace.start && trace.start < self.to
    }

    fn bound(&self, plan: Plan) -> Plan {
        plan.bind("service", &self.service)
            .bind("operation", &self.operation)
            .bind("from", self.from.0)
            .bind("to", self.to.0)
    }
}

/// Traces in which the operation occurs, in the order they are looked at.
struct Likely {
    ids: Vec<TraceId>,
    /// How many there are, and whether these are all.
    of: u64,
    is_all: bool,
}

impl Likely {
    /// About how many are peers, of whom so many were found, the last so many of the ids not having been looked at.
    fn peers(&self, found: usize, left: usize) -> u64 {
        match self.is_all && left == 0 {
            true => found as u64,
            // As many of the others are peers as of those looked at.
            false => found as u64 * self.of / ((self.ids.len() - left) as u64).max(1),
        }
    }

    /// The place of a trace in an order that is that of no property of theirs.
    fn place(&self, trace: TraceId) -> Option<usize> {
        self.ids.iter().position(|id| *id == trace)
    }
}

/// By call paths, of traces that are settled.
fn shapes_plan(scope: &Scope, traces: &[TraceId]) -> Plan {
    let sql = format!(
        "SELECT trace_id, shape FROM traces WHERE tenant = {{tenant:String}} AND trace_id IN ({})
         ORDER BY slice DESC LIMIT 1 BY trace_id",
        list(traces)
    );
    Plan::new(scope, sql)
}

fn no_peer(summary: &TraceSummary, window_secs: u64) -> ApiError {
    let (service, operation) = (&summary.root_service, &summary.root_operation);
    ApiError::not_found(
        format!("no such trace of {service} {operation} began within {window_secs} seconds of it"),
        "look further with a larger window, or compare with a trace of your choice",
    )
}

impl Queries {
    /// The one that is called so.
    pub async fn peer(
        &self,
        scope: &Scope,
        trace: TraceId,
        which: Compare,
        window_secs: u64,
    ) -> Result<TraceId, ApiError> {
        let summary = self.summary_of(scope, trace).await?;
        let mut kin = Kin::of(&summary, window_secs)?;
        let pick = if which == Compare::Previous { Pick::Newest } else { Pick::Evenly };
        if which == Compare::Previous {
            kin.to = summary.start;
        }
        let likely = self.likely(scope, &kin, trace, pick).await?;
        let (mut peers, _) = self.kin_of(scope, &kin, &likely, usize::MAX).await?;
        peers.sort_by_key(|peer| (peer.length, peer.trace_id));
        let found = match which {
            Compare::Previous => peers.iter().max_by_key(|peer| (peer.begins, peer.trace_id)),
            Compare::Fastest => {
                let ids: Vec<TraceId> =
                    std::iter::once(trace).chain(peers.iter().map(|p| p.trace_id)).collect();
                let shapes = self.reader.shapes(&shapes_plan(scope, &ids)).await?;
                let own = shapes.get(&trace);
                let is_alike = |peer: &&Peer| own.is_some() && shapes.get(&peer.trace_id) == own;
                peers.iter().find(is_alike).or(peers.first())
            }
            _ => peers.get(peers.len() / 2),
        };
        found.map(|peer| peer.trace_id).ok_or_else(|| no_peer(&summary, window_secs))
    }

    /// A sample of peers, as many as can be read whole, and about how many there are.
    pub async fn peer_ids(
        &self,
        scope: &Scope,
        trace: TraceId,
        window_secs: u64,
    ) -> Result<(Vec<TraceId>, u64), ApiError> {
        let summary = self.summary_of(scope, trace).await?;
        let kin = Kin::of(&summary, window_secs)?;
        let likely = self.likely(scope, &kin, trace, Pick::Evenly).await?;
        self.peers_read(scope, &kin, &likely).await
    }

    async fn peers_read(
        &self,
        scope: &Scope,
        kin: &Kin,
        likely: &Likely,
    ) -> Result<(Vec<TraceId>, u64), ApiError> {
        let (mut sample, of) = self.kin_of(scope, kin, likely, PEERS_MAX_TRACES).await?;
        sample.truncate(PEERS_MAX_TRACES);
        let mut spans = 0;
        let few = sample.iter().take_while(|peer| {
            let is_first = spans == 0;
            spans += peer.spans;
            is_first || spans <= PEERS_MAX_SPANS
        });
        Ok((few.map(|peer| peer.trace_id).collect(), of))
    }

    /// A sample of peers, whole, and about how many there are.
    pub async fn peer_traces(
        &self,
        scope: &Scope,
        trace: TraceId,
        window_secs: u64,
    ) -> Result<(Vec<Trace>, u64), ApiError> {
        let summary = self.summary_of(scope, trace).await?;
        let kin = Kin::of(&summary, window_secs)?;
        let likely = self.likely(scope, &kin, trace, Pick::Evenly).await?;
        let (peers, of) = match self.small_peers(scope, &kin, &likely).await? {
            Some(found) => found,
            None => {
                let (ids, of) = self.peers_read(scope, &kin, &likely).await?;
                (self.outlines(&outlines_plan(scope, &ids)).await?, of)
            }
        };
        if peers.is_empty() {
            return Err(no_peer(&summary, window_secs));
        }
        Ok((peers, of))
    }

    /// The same read at once, without asking first how large they are; none if one is too large for that, or if too few
    /// of those most likely are peers.
    async fn small_peers(
        &self,
        scope: &Scope,
        kin: &Kin,
        likely: &Likely,
    ) -> Result<Option<(Vec<Trace>, u64)>, ApiError> {
        let (some, left) = likely.ids.split_at(AT_ONCE.min(likely.ids.len()));
        if some.is_empty() {
            return Ok(None);
        }
        let mut plan = outlines_plan(scope, some);
        plan.sql.push_str(&format!(" LIMIT {} BY trace_id", PEERS_SMALL_SPANS + 1));
        let mut peers = self.outlines(&plan).await?;
        if peers.iter().any(|trace| trace.len() > PEERS_SMALL_SPANS) {
            return Ok(None);
        }
        peers.retain(|trace| kin.has(trace));
        if peers.len() < PEERS_MAX_TRACES && !left.is_empty() {
            return Ok(None);
        }
        let of = likely.peers(peers.len(), left.len());
        peers.sort_by_cached_key(|trace| likely.place(trace.trace_id));
        peers.truncate(PEERS_MAX_TRACES);
        Ok(Some((peers, of)))
    }

    /// Several traces by their narrow columns.
    pub async fn outlines(&self, plan: &Plan) -> Result<Vec<Trace>, ApiError> {
        let mut builders: HashMap<TraceId, Builder> = HashMap::new();
        let take = |id: TraceId, row: &SpanRow| builders.entry(id).or_default().push(row);
        self.reader.outlines(plan, take).await?;
        Ok(builders.into_iter().map(|(id, builder)| builder.finish(id)).collect())
    }

    /// But the trace itself.
    async fn likely(&self, scope: &Scope, kin: &Kin, but: TraceId, pick: Pick) -> Result<Likely, ApiError> {
        let (candidates, _) = self.reader.candidates(&kin.candidates_plan(scope, pick)).await?;
        let of = candidates.first().map_or(0, |candidate| candidate.key);
        let is_all = of == candidates.len() as u64;
        let ids = candidates.iter().map(|candidate| candidate.trace_id).filter(|id| *id != but).collect();
        Ok(Likely { ids, of, is_all })
    }

    /// Peers, and about how many there are. No more are looked for once there are as many as are wanted.
    async fn kin_of(
        &self,
        scope: &Scope,
        kin: &Kin,
        likely: &Likely,
        wanted: usize,
    ) -> Result<(Vec<Peer>, u64), ApiError> {
        let mut peers = Vec::new();
        let mut left = &likely.ids[..];
        let mut next = wanted.max(AT_ONCE);
        while !left.is_empty() && peers.len() < wanted {
            let (some, rest) = left.split_at(next.min(left.len()));
            peers.extend(self.reader.peers(&kin.roots_plan(scope, some)).await?);
            (left, next) = (rest, rest.len());
        }
        peers.sort_by_cached_key(|peer: &Peer| likely.place(peer.trace_id));
        let of = likely.peers(peers.len(), left.len());
        Ok((peers, of))
    }

    async fn summary_of(&self, scope: &Scope, trace: TraceId) -> Result<TraceSummary, ApiError> {
        let (found, _) = self.reader.summaries(&summaries_plan(scope, &[trace], self.quiet_secs)).await?;
        found.into_iter().next().ok_or_else(|| super::trace::unknown_trace(trace))
    }
}
