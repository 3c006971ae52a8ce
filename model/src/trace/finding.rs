//! What is worth knowing about a trace: patterns that cost time, each with the milliseconds it costs.
//!
//! A cost is time on the critical path that would not be there without the pattern; off the path it is free, and
//! is not told.

use serde::{Deserialize, Serialize};

use super::path::{Repeat, repeats};
use super::{Clock, CriticalPath, Trace, Tree};
use crate::order::{falling, sort_by};
use crate::{Nanos, SpanKind};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    /// The same call many times, one after the other, where one would do.
    RepeatedCalls,
    /// A call that failed and was made again.
    Retries,
    /// Different calls one after the other that do not seem to need each other.
    CallsInTurn,
    /// A caller gave up before its answer came.
    GaveUp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub pattern: Pattern,
    /// Where it is: the span that makes the calls, or that gave up.
    pub row: u32,
    /// The first of the calls.
    pub first: u32,
    pub calls: u32,
    pub cost: Nanos,
}

/// Fewer calls of one kind are a loop that nobody needs to hear of.
const REPEATED_LEAST: u32 = 5;
/// Fewer calls in turn are how programs are written.
const IN_TURN_LEAST: usize = 3;

/// The costliest first.
pub fn findings(trace: &Trace, tree: &Tree, clock: &Clock, path: &CriticalPath) -> Vec<Finding> {
    let mut search = Search { trace, tree, clock, below: below(tree, path), found: Vec::new() };
    for repeat in repeats(trace, tree, 2) {
        search.repeated(&repeat);
    }
    let mut calls = Vec::new();
    for row in 0..trace.len() as u32 {
        search.in_turn(row, &mut calls);
        search.gave_up(row);
    }
    let mut found = search.found;
    found.retain(|finding| finding.cost.0 > 0);
    sort_by(&mut found, |finding| {
        (falling(finding.cost.0), u64::from(finding.row) << 8 | finding.pattern as u64)
    });
    found
}

/// By row: critical time of the row and everything below it.
fn below(tree: &Tree, path: &CriticalPath) -> Vec<u64> {
    let mut sum = path.time.clone();
    for row in tree.order.iter().rev() {
        if let Some(above) = tree.ancestors(*row).next() {
            sum[above as usize] += sum[*row as usize];
        }
    }
    sum
}

struct Search<'t> {
    trace: &'t Trace,
    tree: &'t Tree,
    clock: &'t Clock,
    below: Vec<u64>,
    found: Vec<Finding>,
}

impl Search<'_> {
    /// A group of like siblings is retries when a failed one was followed by another, or else one call too many.
    fn repeated(&mut self, repeat: &Repeat) {
        if repeat.in_turn < repeat.count - repeat.count / 5 {
            return;
        }
        let kin = |row: u32| {
            let row = row as usize;
            (self.trace.service[row], self.trace.operation[row], self.trace.kind[row])
        };
        let group: Vec<u32> =
            self.tree.children(repeat.parent).filter(|row| kin(*row) == kin(repeat.first)).collect();
        let tried_again = &group[..group.len() - 1];
        let failed = tried_again.iter().filter(|row| self.trace.is_error(**row as usize));
        let (failures, wasted) = failed.fold((0, 0), |(n, ns), row| (n + 1, ns + self.below[*row as usize]));
        if failures * 2 >= group.len() {
            self.add(Pattern::Retries, repeat.parent, repeat.first, repeat.count, wasted);
        } else if repeat.count >= REPEATED_LEAST {
            let saved = self.all_but_the_longest(&group);
            self.add(Pattern::RepeatedCalls, repeat.parent, repeat.first, repeat.count, saved);
        }
    }

    /// Calls out of a span, all different, each begun when the one before had ended.
    fn in_turn(&mut self, row: u32, calls: &mut Vec<u32>) {
        calls.clear();
        calls.extend(self.tree.children(row).filter(|child| {
            self.trace.kind[*child as usize] == SpanKind::Client && self.below[*child as usize] > 0
        }));
        let names = |row: &u32| (self.trace.service[*row as usize], self.trace.operation[*row as usize]);
        let mut different: Vec<(u32, u32)> = calls.iter().map(names).collect();
        sort_by(&mut different, |(service, operation)| ((*service).into(), (*operation).into()));
        different.dedup();
        let follows = |pair: &[u32]| {
            let (before, after) = (pair[0] as usize, pair[1] as usize);
            self.clock.start(self.trace, after) >= self.clock.end(self.trace, before)
        };
        if calls.len() < IN_TURN_LEAST || different.len() < calls.len() || !calls.windows(2).all(follows) {
            return;
        }
        let saved = self.all_but_the_longest(calls);
        self.add(Pattern::CallsInTurn, row, calls[0], calls.len() as u32, saved);
    }

    fn gave_up(&mut self, row: u32) {
        let at = row as usize;
        if self.trace.kind[at] != SpanKind::Client || !self.trace.is_error(at) {
            return;
        }
        let until = self.clock.end(self.trace, at);
        let late = self.tree.children(row).find(|child| {
            let child = *child as usize;
            self.trace.kind[child] == SpanKind::Server && self.clock.end(self.trace, child) > until
        });
        if let Some(answer) = late {
            self.add(Pattern::GaveUp, row, answer, 1, self.below[at]);
        }
    }

    fn all_but_the_longest(&self, rows: &[u32]) -> u64 {
        let times = rows.iter().map(|row| self.below[*row as usize]);
        times.clone().sum::<u64>() - times.max().unwrap_or(0)
    }

    fn add(&mut self, pattern: Pattern, row: u32, first: u32, calls: u32, cost_ns: u64) {
        self.found.push(Finding { pattern, row, first, calls, cost: Nanos(cost_ns) });
    }
}

impl Pattern {
    pub fn name(self) -> &'static str {
        match self {
            Pattern::RepeatedCalls => "repeated_calls",
            Pattern::Retries => "retries",
            Pattern::CallsInTurn => "calls_in_turn",
            Pattern::GaveUp => "gave_up",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::drawn::trace;
    use super::*;

    /// Findings as `pattern calls cost-in-milliseconds`.
    fn check(drawing: &str, expected: &[(&str, u32, u64)]) {
        let trace = trace(drawing);
        let tree = Tree::new(&trace);
        let clock = Clock::new(&trace, &tree);
        let found = findings(&trace, &tree, &clock, &CriticalPath::new(&trace, &tree, &clock));
        let found: Vec<_> = found.iter().map(|f| (f.pattern.name(), f.calls, f.cost.0 / 1_000_000)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_same_call_in_a_loop_costs_all_but_one_of_them() {
        check(
            "shop GET 0..100
               shop query 10..20
               shop query 20..30
               shop query 30..45
               shop query 45..50
               shop query 50..60",
            &[("repeated_calls", 5, 35)],
        );
    }

    #[test]
    fn side_by_side_they_cost_nothing() {
        check(
            "shop GET 0..100
               shop query 10..60
               shop query 11..61
               shop query 12..62
               shop query 13..63
               shop query 14..64",
            &[],
        );
    }

    #[test]
    fn failed_attempts_before_the_last_are_what_retries_cost() {
        check(
            "shop GET 0..100
               shop pay 0..30 client error
                 bank pay 5..25 server error
               shop pay 40..60 client error
               shop pay 70..90 client",
            &[("retries", 3, 50)],
        );
    }

    #[test]
    fn different_calls_in_turn_could_run_side_by_side() {
        check(
            "shop GET 0..100
               shop user 0..20 client
               shop cart 20..60 client
               shop ads 60..90 client",
            &[("calls_in_turn", 3, 50)],
        );
        check(
            "shop GET 0..100
               shop user 0..20 client
               shop cart 10..60 client
               shop ads 60..90 client",
            &[],
        );
    }

    #[test]
    fn a_caller_that_gave_up_waited_for_nothing() {
        check(
            "shop GET 0..100
               shop call 10..60 client error
                 cart slow 15..400 server",
            &[("gave_up", 1, 50)],
        );
    }

    #[test]
    fn a_plain_trace_has_none() {
        check("shop GET 0..100\n  cart get 10..20 server\n  cart put 30..40 server", &[]);
    }
}
