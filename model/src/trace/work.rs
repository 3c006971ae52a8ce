//! What every span of a trace did itself: its own time, its part of the critical path, and whether a failure began
//! in it.

use super::{Clock, CriticalPath, NO_ROW, Trace, Tree};
use crate::SpanKind;
use crate::trace::call::Node;
use crate::work::WorkKey;

/// The work of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanWork {
    pub row: u32,
    /// The call's peer, when nobody in the trace answered it; else the empty name.
    pub peer: u32,
    pub is_root: bool,
    pub error: bool,
    /// Failed, and no child of it did.
    pub own_error: bool,
    pub self_time: u64,
    pub critical: u64,
    /// From the end of the span that sent the message to the start of this one, which took it.
    pub lag: Option<u64>,
}

/// By row.
pub fn work(trace: &Trace, tree: &Tree, clock: &Clock, critical: &CriticalPath) -> Vec<SpanWork> {
    let self_times = clock.self_times(trace, tree);
    let mut is_answered = vec![false; trace.len()];
    let mut passes_on = vec![false; trace.len()];
    for row in 0..trace.len() {
        let above = tree.parent[row];
        if above == NO_ROW {
            continue;
        }
        let above = above as usize;
        is_answered[above] |= trace.service[above] != trace.service[row];
        passes_on[above] |= trace.is_error(row);
    }
    (0..trace.len())
        .map(|row| SpanWork {
            row: row as u32,
            peer: peer_of(trace, row, is_answered[row]),
            is_root: !trace.parent_id[row].is_valid(),
            error: trace.is_error(row),
            own_error: trace.is_error(row) && !passes_on[row],
            self_time: self_times[row],
            critical: critical.time.get(row).copied().unwrap_or_default(),
            lag: lag_of(trace, tree, clock, row),
        })
        .collect()
}

/// Whose work a row is.
pub fn key_of(trace: &Trace, work: &SpanWork) -> WorkKey {
    let row = work.row as usize;
    WorkKey {
        service: trace.service_name(row).to_owned(),
        operation: trace.operation_name(row).to_owned(),
        kind: trace.kind[row],
        peer: trace.text(work.peer).to_owned(),
    }
}

fn peer_of(trace: &Trace, row: usize, is_answered: bool) -> u32 {
    let calls = matches!(trace.kind[row], SpanKind::Client | SpanKind::Producer);
    let is_peer = calls && !is_answered && Node::parse(trace.text(trace.peer[row])).is_some();
    if is_peer { trace.peer[row] } else { 0 }
}

fn lag_of(trace: &Trace, tree: &Tree, clock: &Clock, row: usize) -> Option<u64> {
    let above = tree.parent[row];
    let takes = trace.kind[row] == SpanKind::Consumer && above != NO_ROW;
    takes.then(|| clock.start(trace, row).saturating_sub(clock.end(trace, above as usize)))
}

#[cfg(test)]
mod tests {
    use super::super::drawn::trace;
    use super::*;

    /// Each span as `operation self/critical [own error] [error] [peer] [lag]`.
    fn check(drawing: &str, expected: &[&str]) {
        let trace = trace(drawing);
        let tree = Tree::new(&trace);
        let clock = Clock::new(&trace, &tree);
        let critical = CriticalPath::new(&trace, &tree, &clock);
        let found: Vec<String> = work(&trace, &tree, &clock, &critical)
            .iter()
            .map(|work| {
                let key = key_of(&trace, work);
                let error = if work.own_error { " own" } else { "" };
                let passed = if work.error && !work.own_error { " passed" } else { "" };
                let lag = work.lag.map_or(String::new(), |ns| format!(" lag {}", ns / 1_000_000));
                let peer = if key.peer.is_empty() { String::new() } else { format!(" {}", key.peer) };
                let ms = |ns: u64| ns / 1_000_000;
                let name = format!("{} {}/{}", key.operation, ms(work.self_time), ms(work.critical));
                format!("{name}{error}{passed}{peer}{lag}")
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_failure_begins_where_no_child_failed() {
        check(
            "shop GET 0..100 server error
               shop call 10..90 client error peer=external:cart
                 cart get 20..80 server error
                   cart query 30..70 client error peer=database:postgresql/cart",
            &[
                "GET 20/20 passed",
                "call 20/20 passed",
                "get 20/20 passed",
                "query 40/40 own database:postgresql/cart",
            ],
        );
    }

    #[test]
    fn a_failure_that_was_made_good_below_is_told_from_one_above() {
        check(
            "shop GET 0..100 server
               shop try 10..20 client error
               shop again 30..90 client",
            &["GET 30/30", "try 10/10 own", "again 60/60"],
        );
    }

    #[test]
    fn a_message_lies_until_it_is_taken() {
        check(
            "shop send 0..10 producer peer=queue:kafka/mails
               mail take 250..300 consumer",
            &["send 10/10", "take 50/0 lag 240"],
        );
        check("mail take 250..300 consumer", &["take 50/50"]);
    }
}
