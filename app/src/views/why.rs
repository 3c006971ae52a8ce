//! Why a trace took as long as it did: its critical path and the totals of it, ready to be drawn. Pure.

use model::Nanos;
use model::order::sort_by;
use model::trace::critical::Segment;
use model::trace::finding::{Finding, findings};
use model::trace::flaw::{Flaw, flaws};
use model::trace::idle::idle;
use model::trace::{Clock, CriticalPath, Extra, Outline, Total, Totals, Trace, Tree};

pub struct Why {
    pub clock: Clock,
    pub totals: Totals,
    /// Time in idle stretches, in nanoseconds.
    pub idle: u64,
    /// Patterns that cost time, the costliest first.
    pub findings: Vec<Finding>,
    flaws: Vec<(u32, Flaw)>,
    /// The critical path in order of row, then of time.
    segments: Vec<Segment>,
    /// Rows on the path in the order in which it comes to them.
    walk: Vec<u32>,
    total: u64,
}

impl Why {
    pub fn new(trace: &Trace, tree: &Tree, outline: &Outline) -> Why {
        let clock = Clock::new(trace, tree);
        let path = CriticalPath::new(trace, tree, &clock);
        let totals = Totals::new(trace, tree, &clock, &path);
        let findings = findings(trace, tree, &clock, &path);
        let mut walk: Vec<u32> = path.segments.iter().map(|segment| segment.row).collect();
        let mut is_seen = vec![false; trace.len()];
        walk.retain(|row| !std::mem::replace(&mut is_seen[*row as usize], true));
        let total = path.total();
        let mut segments = path.segments;
        // A group's row stands for those in it.
        let of_group = |segment: &Segment| {
            let above = outline.tree.parent[segment.row as usize];
            let is_group = matches!(outline.extra(above), Some(Extra::Group(_)));
            is_group.then_some(Segment { row: above, ..*segment })
        };
        let grouped: Vec<Segment> = segments.iter().filter_map(of_group).collect();
        segments.extend(grouped);
        sort_by(&mut segments, |segment| (segment.row.into(), segment.start));
        let idle = idle(trace, tree).iter().map(|(from, to)| to - from).sum();
        Why { clock, totals, idle, findings, flaws: flaws(trace, tree), segments, walk, total }
    }

    /// The stretches of the path on a row.
    pub fn on_row(&self, row: u32) -> &[Segment] {
        let first = self.segments.partition_point(|segment| segment.row < row);
        let count = self.segments[first..].iter().take_while(|segment| segment.row == row).count();
        &self.segments[first..first + count]
    }

    /// What is wrong with a row.
    pub fn flaw(&self, row: u32) -> Option<Flaw> {
        self.flaws.binary_search_by_key(&row, |(of, _)| *of).ok().map(|at| self.flaws[at].1)
    }

    /// Rows with a flaw, in order of start.
    pub fn flawed(&self, flaw: Flaw) -> impl Iterator<Item = u32> {
        self.flaws.iter().filter(move |(_, of)| *of == flaw).map(|(row, _)| *row)
    }

    pub fn path_length(&self) -> Nanos {
        Nanos(self.total)
    }

    /// Services on the path, most time first.
    pub fn services(&self) -> impl Iterator<Item = &Total> {
        self.totals.by_service.iter().filter(|total| total.critical > 0)
    }

    /// The next row along the path, or the one before; round the end to the other end.
    pub fn step(&self, from: Option<u32>, is_forward: bool) -> Option<u32> {
        let (first, last) = (*self.walk.first()?, *self.walk.last()?);
        let at = from.and_then(|row| self.walk.iter().position(|r| *r == row));
        Some(match (at, is_forward) {
            (None, true) => first,
            (None, false) => last,
            (Some(at), true) => self.walk.get(at + 1).copied().unwrap_or(first),
            (Some(at), false) => at.checked_sub(1).map_or(last, |before| self.walk[before]),
        })
    }
}

#[cfg(test)]
mod tests {
    //! The path of a small trace, by row and as a walk.
    use std::sync::Arc;

    use model::trace::{Builder, SpanRow};
    use model::{SpanId, Timestamp, TraceId};

    use super::*;

    fn trace() -> Trace {
        let mut builder = Builder::new();
        for (id, parent, start, length) in [(1, 0, 0, 100), (2, 1, 10, 30), (3, 1, 50, 40)] {
            builder.push(&SpanRow {
                span_id: SpanId(id),
                parent_id: SpanId(parent),
                service: format!("s{id}"),
                start: Timestamp(1_000 + start),
                duration: Nanos(length),
                ..SpanRow::default()
            });
        }
        builder.finish(TraceId([1; 16]))
    }

    #[test]
    fn segments_are_found_by_row_and_the_walk_follows_time() {
        let trace = trace();
        let tree = Arc::new(Tree::new(&trace));
        let why = Why::new(&trace, &tree, &Outline::new(&trace, &tree, &[]));
        let times = |row| why.on_row(row).iter().map(|s| (s.start, s.end)).collect::<Vec<_>>();
        assert_eq!(times(0), [(0, 10), (40, 50), (90, 100)]);
        assert_eq!(times(2), [(50, 90)]);
        assert_eq!(why.path_length(), Nanos(100));
        assert_eq!(why.services().map(|t| t.critical).sum::<u64>(), 100);
        assert_eq!(why.step(None, true), Some(0));
        assert_eq!(why.step(Some(0), true), Some(1));
        assert_eq!(why.step(Some(2), true), Some(0));
        assert_eq!(why.step(Some(0), false), Some(2));
    }
}
