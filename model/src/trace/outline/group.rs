//! Many siblings of one kind in one row: how many, how long, and when any of them ran.

use super::super::{Trace, Tree};
use crate::Nanos;
use crate::order::sort_by;

/// Bars of the distribution.
pub const BUCKETS: usize = 12;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// The earliest of them.
    pub first: u32,
    pub count: u32,
    pub errors: u32,
    /// From the first start to the last end, in nanoseconds after the trace's start.
    pub start: u64,
    pub end: u64,
    pub total: Nanos,
    pub self_time: Nanos,
    pub shortest: Nanos,
    pub p50: Nanos,
    pub p95: Nanos,
    pub longest: Nanos,
    /// How many lasted how long: equal steps of the logarithm from the shortest to the longest.
    pub buckets: [u32; BUCKETS],
    /// When at least one of them ran: starts and ends, apart and in order.
    pub busy: Vec<(u64, u64)>,
}

impl Group {
    /// Members are in order of start.
    pub fn of(trace: &Trace, tree: &Tree, members: &[u32]) -> Group {
        let mut group = Group { first: members[0], count: members.len() as u32, ..Group::default() };
        group.start = u64::MAX;
        let mut lengths: Vec<u64> = members.iter().map(|row| trace.length[*row as usize]).collect();
        sort_by(&mut lengths, |length| (*length, 0));
        for row in members.iter().map(|row| *row as usize) {
            let (start, end) = (trace.offset[row], trace.offset[row].saturating_add(trace.length[row]));
            group.errors += u32::from(trace.is_error(row));
            group.start = group.start.min(start);
            group.end = group.end.max(end);
            group.total.0 = group.total.0.saturating_add(trace.length[row]);
            group.self_time.0 = group.self_time.0.saturating_add(tree.self_time[row]);
            match group.busy.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => group.busy.push((start, end)),
            }
        }
        let at = |share: f64| {
            let rank = (lengths.len() as f64 * share).ceil() as usize;
            Nanos(lengths[rank.clamp(1, lengths.len()) - 1])
        };
        group.shortest = Nanos(lengths[0]);
        (group.p50, group.p95, group.longest) = (at(0.5), at(0.95), at(1.0));
        for length in &lengths {
            group.buckets[group.bucket_of(*length)] += 1;
        }
        group
    }

    fn bucket_of(&self, length: u64) -> usize {
        let log = |ns: u64| (ns.max(1) as f64).ln();
        let (least, most) = (log(self.shortest.0), log(self.longest.0));
        let share = if most > least { (log(length) - least) / (most - least) } else { 0.0 };
        ((share * BUCKETS as f64) as usize).min(BUCKETS - 1)
    }

    /// Where a bucket begins.
    pub fn bucket_start(&self, bucket: usize) -> Nanos {
        let log = |ns: u64| (ns.max(1) as f64).ln();
        let (least, most) = (log(self.shortest.0), log(self.longest.0));
        Nanos((least + (most - least) * bucket as f64 / BUCKETS as f64).exp() as u64)
    }

    /// The distribution as a line of eight heights; none of a bucket is a space.
    pub fn sparkline(&self) -> String {
        const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        let most = self.buckets.iter().copied().max().unwrap_or(0).max(1);
        // A few beside many are still seen.
        let height = |count: u32| (f64::from(count).sqrt() / f64::from(most).sqrt() * 7.0).ceil() as usize;
        self.buckets.iter().map(|n| if *n == 0 { ' ' } else { HEIGHTS[height(*n).min(7)] }).collect()
    }
}
