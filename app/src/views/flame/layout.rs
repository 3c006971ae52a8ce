//! Where a flame chart puts spans: one time axis, callers above what they call, and no two spans over each other.
//!
//! ```text
//!   lane 0   |root============================|
//!   lane 1     |a========|    |c=======|            a child is below its parent,
//!   lane 2       |a1==|  |b==========|              in the first lane that is free when it starts
//! ```

use model::trace::{NO_ROW, Trace, Tree};

use crate::chart::TimeScale;
use crate::chart::folds::Folds;

pub const LANE_PX: f64 = 18.0;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lanes {
    /// By row.
    pub lane: Vec<u32>,
    /// By lane, its rows in order of start, which is also their order of end.
    pub rows: Vec<Vec<u32>>,
}

impl Lanes {
    pub fn new(trace: &Trace, tree: &Tree) -> Lanes {
        let mut lane = vec![0; trace.len()];
        let mut rows: Vec<Vec<u32>> = Vec::new();
        let mut ends = Ends::default();
        // A parent can start after its child when clocks disagree; its lane is not known then.
        let mut is_placed = vec![false; trace.len()];
        for row in 0..trace.len() {
            let above = tree.parent[row];
            let least =
                if above != NO_ROW && is_placed[above as usize] { lane[above as usize] + 1 } else { 0 };
            let end = trace.offset[row].saturating_add(trace.length[row].max(1));
            let place = ends.first_free(least as usize, trace.offset[row]);
            ends.set(place, end);
            lane[row] = place as u32;
            is_placed[row] = true;
            if rows.len() <= place {
                rows.resize(place + 1, Vec::new());
            }
            rows[place].push(row as u32);
        }
        Lanes { lane, rows }
    }

    /// The span at a point of the chart, give or take a pixel or two.
    pub fn at(&self, time: Time, lane: usize, px: f64) -> Option<u32> {
        const NEAR_PX: f64 = 2.0;
        let rows = self.rows.get(lane)?;
        let after = rows.partition_point(|row| time.edges(*row).0 <= px + NEAR_PX);
        let row = *rows.get(after.checked_sub(1)?)?;
        let (left, right) = time.edges(row);
        (px <= right.max(left + NEAR_PX)).then_some(row)
    }
}

/// Where spans lie on the time axis.
#[derive(Clone, Copy)]
pub struct Time<'t> {
    pub trace: &'t Trace,
    pub folds: &'t Folds,
    pub scale: TimeScale,
}

impl Time<'_> {
    /// Left and right edge of a span.
    pub fn edges(self, row: u32) -> (f64, f64) {
        let row = row as usize;
        let (offset, length) = self.folds.shown_span(self.trace.offset[row], self.trace.length[row]);
        let left = self.scale.px_of(offset as f64);
        (left, left + self.scale.length_px(length as f64))
    }
}

/// The spans of a lane worth drawing, as (row, left, right): those on screen, and of many within one pixel only the
/// first. Costs a search a pixel, however many spans there are.
pub fn drawn(rows: &[u32], time: Time, width_px: f64, mut each: impl FnMut(u32, f64, f64)) {
    let mut at = rows.partition_point(|row| time.edges(*row).1 < 0.0);
    while let Some(row) = rows.get(at) {
        let (left, right) = time.edges(*row);
        if left > width_px {
            return;
        }
        let right = right.max(left + 1.0);
        each(*row, left, right);
        let rest = &rows[at + 1..];
        at += 1 + rest.partition_point(|row| time.edges(*row).1 <= right);
    }
}

/// When each lane is free again, as a tree of minima, so that the first free lane is found without trying them all.
#[derive(Default)]
struct Ends {
    /// Leaves are the second half.
    least: Vec<u64>,
}

impl Ends {
    fn leaves(&self) -> usize {
        self.least.len() / 2
    }

    /// The first lane from `from` on that is free at a time.
    fn first_free(&mut self, from: usize, time: u64) -> usize {
        while from >= self.leaves() {
            self.grow();
        }
        loop {
            if let Some(found) = self.search(from, time) {
                return found;
            }
            self.grow();
        }
    }

    fn search(&self, from: usize, time: u64) -> Option<usize> {
        let leaves = self.leaves();
        let mut node = from + leaves;
        // Up and to the right until something is free there, then down to the leftmost of it.
        while self.least[node] > time {
            while node & 1 == 1 {
                node >>= 1;
            }
            if node == 0 {
                return None;
            }
            node += 1;
        }
        while node < leaves {
            node *= 2;
            if self.least[node] > time {
                node += 1;
            }
        }
        Some(node - leaves)
    }

    fn set(&mut self, lane: usize, end: u64) {
        let mut node = lane + self.leaves();
        self.least[node] = end;
        while node > 1 {
            node /= 2;
            self.least[node] = self.least[node * 2].min(self.least[node * 2 + 1]);
        }
    }

    fn grow(&mut self) {
        let before = self.leaves();
        let leaves = (before * 2).max(16);
        let mut ends = self.least.split_off(before);
        ends.resize(leaves, 0);
        self.least = vec![0; leaves];
        self.least.extend(ends);
        for node in (1..leaves).rev() {
            self.least[node] = self.least[node * 2].min(self.least[node * 2 + 1]);
        }
    }
}

#[cfg(test)]
mod tests {
    //! Lanes of small traces, and that no two spans of a lane ever overlap.
    use model::trace::{Builder, SpanRow};
    use model::{Nanos, SpanId, Timestamp, TraceId};

    use super::*;
    use crate::chart::Window;

    fn trace(spans: &[(u64, u64, u64, u64)]) -> (Trace, Tree) {
        let mut builder = Builder::new();
        for (id, parent, start, length) in spans {
            builder.push(&SpanRow {
                span_id: SpanId(*id),
                parent_id: SpanId(*parent),
                start: Timestamp(*start),
                duration: Nanos(*length),
                ..SpanRow::default()
            });
        }
        let trace = builder.finish(TraceId([1; 16]));
        let tree = Tree::new(&trace);
        (trace, tree)
    }

    #[test]
    fn children_lie_below_and_overlapping_siblings_apart() {
        let (trace, tree) = trace(&[
            (1, 0, 0, 100),
            (2, 1, 5, 30),
            (3, 2, 10, 10),
            (4, 1, 20, 50),
            (5, 1, 60, 9),
            (6, 1, 80, 9),
        ]);
        assert_eq!(Lanes::new(&trace, &tree).lane, [0, 1, 2, 2, 1, 1]);
    }

    #[test]
    fn no_two_spans_of_a_lane_overlap() {
        let mut seed = 7u64;
        let mut next = |most: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % most
        };
        let spans: Vec<_> = (1..400u64)
            .map(|id| (id, if id == 1 { 0 } else { 1 + next(id - 1) }, next(1_000), 1 + next(200)))
            .collect();
        let (trace, tree) = trace(&spans);
        let lanes = Lanes::new(&trace, &tree);
        for rows in &lanes.rows {
            for pair in rows.windows(2) {
                let [a, b] = [pair[0] as usize, pair[1] as usize];
                assert!(trace.offset[a] + trace.length[a] <= trace.offset[b]);
            }
        }
        assert_eq!(lanes.rows.iter().map(Vec::len).sum::<usize>(), trace.len());
    }

    #[test]
    fn only_what_can_be_seen_is_drawn_and_hit() {
        let spans: Vec<_> = (0..10_000u64).map(|i| (i + 1, 0, i * 10, 10)).collect();
        let (trace, tree) = trace(&spans);
        let lanes = Lanes::new(&trace, &tree);
        let scale = TimeScale::new(Window { from_ns: 0.0, to_ns: 100_000.0 }, 100.0);
        let mut count = 0;
        let folds = Folds::default();
        let time = |scale| Time { trace: &trace, folds: &folds, scale };
        drawn(&lanes.rows[0], time(scale), 100.0, |_, _, _| count += 1);
        assert!((90..=110).contains(&count), "{count}");
        let close = TimeScale::new(Window { from_ns: 0.0, to_ns: 100.0 }, 100.0);
        assert_eq!(lanes.at(time(close), 0, 15.0), Some(1));
        assert_eq!(lanes.at(time(close), 1, 15.0), None);
    }

    #[test]
    fn a_hundred_thousand_levels_are_as_many_lanes() {
        let spans: Vec<_> = (0..100_000u64).map(|i| (i + 1, i, i, 200_000 - i)).collect();
        let (trace, tree) = trace(&spans);
        assert_eq!(Lanes::new(&trace, &tree).rows.len(), 100_000);
    }
}
