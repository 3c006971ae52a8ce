//! The critical path: which span the root was waiting for, at every moment of its time.
//!
//! Walked backwards from a span's end. Whatever child ended last was waited for; before it began, the child that
//! ended last by then; time between them is the span's own. The same again within each such child.
//!
//! ```text
//!   root  |======|-------------|==|--------|===|      = on the path as itself
//!   a            |=============|                      ended last before b began
//!   x        |--------|                               was over long before: not waited for
//!   b                             |========|          ended last
//!   mail                              |-------------  goes on after the root: nobody waited for it
//! ```
//! Children that overlap the one waited for did not hold it up. Children that outlive their parent ran on their own,
//! except a server that answered after its client had given up. A producer does not wait for the consumer in another
//! service, even where that has ended first: the time is the producer's here, though it is no self time of it, because
//! a child ran. Clocks are those set right by [`Clock`]. Every nanosecond of the root belongs to exactly one row, so
//! the times add up to the root's duration.

use super::{Clock, Trace, Tree};
use crate::SpanKind;
use crate::order::sort_by;

/// A stretch of the path, on the corrected clock, in nanoseconds after the trace's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    pub row: u32,
    pub start: u64,
    pub end: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CriticalPath {
    /// In order of time, without gaps.
    pub segments: Vec<Segment>,
    /// By row: nanoseconds on the path; zero for a row that is not on it.
    pub time: Vec<u64>,
}

/// Ends that miss by less than this share of a span are taken to meet: guards are dropped in any order, and
/// threads wake up late.
const SLACK_SHARE: u64 = 20;

impl CriticalPath {
    /// The path of the whole trace: below its root, or its earliest span.
    pub fn new(trace: &Trace, tree: &Tree, clock: &Clock) -> CriticalPath {
        match trace.root_row() {
            Some(root) => CriticalPath::below(trace, tree, clock, root as u32),
            None => CriticalPath::default(),
        }
    }

    /// The path within one span, as if it were the root.
    pub fn below(trace: &Trace, tree: &Tree, clock: &Clock, root: u32) -> CriticalPath {
        let mut walk = Walk { trace, tree, clock, segments: Vec::new(), waiting: Vec::new() };
        let (start, end) = (clock.start(trace, root as usize), clock.end(trace, root as usize));
        walk.waiting.push(Segment { row: root, start, end });
        let mut children = Vec::new();
        while let Some(window) = walk.waiting.pop() {
            walk.visit(window, &mut children);
        }
        let mut segments = walk.segments;
        sort_by(&mut segments, |segment| (segment.start, 0));
        let mut time = vec![0; trace.len()];
        for segment in &segments {
            time[segment.row as usize] += segment.end - segment.start;
        }
        CriticalPath { segments, time }
    }

    pub fn total(&self) -> u64 {
        self.time.iter().sum()
    }

    pub fn contains(&self, row: u32) -> bool {
        self.time[row as usize] > 0
    }
}

struct Walk<'t> {
    trace: &'t Trace,
    tree: &'t Tree,
    clock: &'t Clock,
    segments: Vec<Segment>,
    /// Rows with the part of the path that is theirs and their children's.
    waiting: Vec<Segment>,
}

#[derive(Clone, Copy)]
struct Child {
    row: u32,
    start: u64,
    end: u64,
}

impl Walk<'_> {
    /// Divides a window among the row and the children it waited for.
    fn visit(&mut self, window: Segment, children: &mut Vec<Child>) {
        children.clear();
        children.extend(self.tree.children(window.row).filter_map(|row| self.waited_for(window.row, row)));
        sort_by(children, |child| (child.end, child.row.into()));
        let mut reached = window.end;
        // Before the first choice a child may still run: the window may be cut off in the midst of the row.
        let mut ended_by = u64::MAX;
        for child in children.iter().rev() {
            let slack = (child.end - child.start) / SLACK_SHARE;
            let (start, end) = (child.start.max(window.start), child.end.min(reached));
            if child.end.saturating_sub(slack) > ended_by || start >= end {
                continue;
            }
            self.own(window.row, end, reached);
            self.waiting.push(Segment { row: child.row, start, end });
            reached = start;
            ended_by = start;
        }
        self.own(window.row, window.start, reached);
    }

    fn own(&mut self, row: u32, start: u64, end: u64) {
        if start < end {
            self.segments.push(Segment { row, start, end });
        }
    }

    fn waited_for(&self, above: u32, row: u32) -> Option<Child> {
        let (trace, above, at) = (self.trace, above as usize, row as usize);
        let (start, end) = (self.clock.start(trace, at), self.clock.end(trace, at));
        let until = self.clock.end(trace, above);
        let crosses = trace.service[above] != trace.service[at];
        if start >= until || (trace.kind[above] == SpanKind::Producer && crosses) {
            return None;
        }
        let slack = (end - start) / SLACK_SHARE;
        let gave_up = trace.kind[above] == SpanKind::Client && trace.kind[at] == SpanKind::Server;
        let fits = end.saturating_sub(slack) <= until;
        (fits || gave_up).then_some(Child { row, start, end: end.min(until) })
    }
}

#[cfg(test)]
mod tests;
