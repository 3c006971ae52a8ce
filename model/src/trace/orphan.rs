//! Why a span's parent is not there.
//!
//! The trace alone tells some causes: flags that say what was sampled, a call that nobody answered just where the
//! orphan ran. The rest is [`Evidence`] from whoever has the trace. The first cause that applies, in the order of
//! the variants, is the cause.

use serde::{Deserialize, Serialize};

use super::{Clock, NO_ROW, Trace, Tree, mark};
use crate::order::sort_by;
use crate::{SpanId, SpanKind};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrphanCause {
    /// The parent arrived and was not taken; there is a receipt.
    Refused,
    /// Spans of this trace came in a moment ago: the parent may still be running, or on its way.
    InFlight,
    /// The sender decided not to record the trace; this span was sent all the same.
    SampledOut,
    /// The caller belongs to another tracing system: nothing in this trace lies above the span.
    ForeignParent,
    /// A call in this trace was answered by this span, but something between them replaced the parent's id.
    ContextBroken,
    /// Whoever made the parent has not sent it.
    SenderSilent,
}

/// What cannot be known from the trace itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Evidence<'e> {
    /// Spans arrived so recently that more may follow.
    pub in_flight: bool,
    /// Ids of spans of this trace that were refused at the door.
    pub refused: &'e [SpanId],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Orphan {
    pub row: u32,
    pub cause: OrphanCause,
    /// The row of the call after which the context was lost; [`NO_ROW`] with any other cause.
    pub call: u32,
}

/// Unanswered calls looked at for one orphan: those that began last before it.
const CALLS_LOOKED_AT: usize = 64;

/// Orphans in order of start, each with its cause.
pub fn orphans(trace: &Trace, tree: &Tree, clock: &Clock, evidence: &Evidence<'_>) -> Vec<Orphan> {
    let has_root = trace.parent_id.iter().any(|id| !id.is_valid());
    let rows: Vec<u32> = (0..trace.len() as u32).filter(|row| trace.is_orphan(*row as usize)).collect();
    if rows.is_empty() {
        return Vec::new();
    }
    let unanswered = unanswered_calls(trace, tree, clock);
    let entry = rows.first().copied();
    let cause_of = |row: u32| {
        let at = row as usize;
        if evidence.refused.contains(&trace.parent_id[at]) {
            return (OrphanCause::Refused, NO_ROW);
        }
        if evidence.in_flight {
            return (OrphanCause::InFlight, NO_ROW);
        }
        if trace.marks[at] & mark::UNSAMPLED != 0 {
            return (OrphanCause::SampledOut, NO_ROW);
        }
        let may_be_remote = trace.marks[at] & mark::LOCAL_PARENT == 0;
        let answers = matches!(trace.kind[at], SpanKind::Server | SpanKind::Consumer);
        if !has_root && Some(row) == entry && may_be_remote && answers {
            return (OrphanCause::ForeignParent, NO_ROW);
        }
        match may_be_remote.then(|| call_around(trace, clock, &unanswered, at)).flatten() {
            Some(call) => (OrphanCause::ContextBroken, call),
            None => (OrphanCause::SenderSilent, NO_ROW),
        }
    };
    rows.into_iter()
        .map(|row| {
            let (cause, call) = cause_of(row);
            Orphan { row, cause, call }
        })
        .collect()
}

/// Calls to elsewhere that have no span of another service below them, in order of start.
fn unanswered_calls(trace: &Trace, tree: &Tree, clock: &Clock) -> Vec<u32> {
    let calls = |row: &u32| {
        matches!(trace.kind[*row as usize], SpanKind::Client | SpanKind::Producer)
            && tree.children(*row).all(|child| trace.service[child as usize] == trace.service[*row as usize])
    };
    let mut rows: Vec<u32> = (0..trace.len() as u32).filter(calls).collect();
    sort_by(&mut rows, |row| (clock.start(trace, *row as usize), 0));
    rows
}

/// The shortest unanswered call of another service that was open for the whole time of the orphan.
fn call_around(trace: &Trace, clock: &Clock, calls: &[u32], orphan: usize) -> Option<u32> {
    let (start, end) = (clock.start(trace, orphan), clock.end(trace, orphan));
    let before = calls.partition_point(|call| clock.start(trace, *call as usize) <= start);
    let open = |call: &&u32| {
        trace.service[**call as usize] != trace.service[orphan] && clock.end(trace, **call as usize) >= end
    };
    let near = calls[..before].iter().rev().take(CALLS_LOOKED_AT);
    near.filter(open).min_by_key(|call| trace.length[**call as usize]).copied()
}

impl OrphanCause {
    pub const ALL: [OrphanCause; 6] = [
        OrphanCause::Refused,
        OrphanCause::InFlight,
        OrphanCause::SampledOut,
        OrphanCause::ForeignParent,
        OrphanCause::ContextBroken,
        OrphanCause::SenderSilent,
    ];

    pub fn name(self) -> &'static str {
        match self {
            OrphanCause::Refused => "refused",
            OrphanCause::InFlight => "in_flight",
            OrphanCause::SampledOut => "sampled_out",
            OrphanCause::ForeignParent => "foreign_parent",
            OrphanCause::ContextBroken => "context_broken",
            OrphanCause::SenderSilent => "sender_silent",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::drawn::trace;
    use super::*;

    fn check(drawing: &str, evidence: &Evidence<'_>, expected: &[(&str, OrphanCause)]) {
        let trace = trace(drawing);
        let tree = Tree::new(&trace);
        let found = orphans(&trace, &tree, &Clock::new(&trace, &tree), evidence);
        let found: Vec<_> = found.iter().map(|o| (trace.operation_name(o.row as usize), o.cause)).collect();
        assert_eq!(found, expected);
    }

    const BROKEN: &str = "shop GET 0..100 server
                            shop call 10..90 client
                          cart get 20..80 server parent=99
                            cart query 30..40 client";

    #[test]
    fn a_call_that_nobody_answered_lost_its_context_on_the_way() {
        check(BROKEN, &Evidence::default(), &[("get", OrphanCause::ContextBroken)]);
        let trace = trace(BROKEN);
        let tree = Tree::new(&trace);
        let found = orphans(&trace, &tree, &Clock::new(&trace, &tree), &Evidence::default());
        assert_eq!(trace.operation_name(found[0].call as usize), "call");
    }

    #[test]
    fn what_is_known_from_elsewhere_comes_first() {
        let refused = [SpanId(99)];
        let evidence = Evidence { in_flight: true, refused: &refused };
        check(BROKEN, &evidence, &[("get", OrphanCause::Refused)]);
        check(BROKEN, &Evidence { in_flight: true, refused: &[] }, &[("get", OrphanCause::InFlight)]);
    }

    #[test]
    fn a_sender_that_said_it_does_not_record_sampled_the_parent_out() {
        check(
            "cart get 20..80 server parent=99 unsampled",
            &Evidence::default(),
            &[("get", OrphanCause::SampledOut)],
        );
    }

    #[test]
    fn with_nothing_above_it_the_entry_was_called_from_elsewhere() {
        check(
            "cart get 20..80 server parent=99
             cart more 85..90 internal parent=98",
            &Evidence::default(),
            &[("get", OrphanCause::ForeignParent), ("more", OrphanCause::SenderSilent)],
        );
    }

    #[test]
    fn a_parent_in_the_same_process_was_not_sent() {
        check(
            "shop GET 0..100 server
               shop call 10..90 client
             cart get 20..80 server parent=99 local",
            &Evidence::default(),
            &[("get", OrphanCause::SenderSilent)],
        );
    }

    #[test]
    fn a_whole_trace_has_none() {
        check("shop GET 0..100\n  cart get 20..80", &Evidence { in_flight: true, refused: &[] }, &[]);
    }
}
