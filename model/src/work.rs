//! What an operation did itself, as sums: the figures by which the one who is slow or fails is told from those who
//! only wait for it or pass its failures on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::hist::{coarse_floor, coarse_of};
use crate::{Nanos, SpanKind};

/// Whose work: an operation of a service. A call that nobody in the trace answered carries the peer it went to, whose
/// work it is taken to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WorkKey {
    pub service: String,
    pub operation: String,
    pub kind: SpanKind,
    /// As [`crate::trace::call::Node`] is written, or empty.
    pub peer: String,
}

impl WorkKey {
    /// Who does the work: the peer, or else the service.
    pub fn node(&self) -> &str {
        if self.peer.is_empty() { &self.service } else { &self.peer }
    }
}

/// How many durations fell into which coarse bucket: four to each power of two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape(Vec<(u16, u32)>);

/// Sums over some spans of one operation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Work {
    pub spans: u64,
    /// Spans that were roots of their traces.
    pub roots: u64,
    pub errors: u64,
    /// Failed spans without a failed child: where a failure began.
    pub own_errors: u64,
    pub duration: u64,
    /// Time not covered by any child, and the part of the trace's critical path.
    pub self_time: u64,
    pub critical: u64,
    pub lengths: Shape,
    pub own_times: Shape,
    /// How long messages lay before they were taken.
    pub lags: Shape,
}

impl Shape {
    /// Buckets may come in any order; counts below one are left out.
    pub fn of(counts: impl IntoIterator<Item = (u16, i64)>) -> Shape {
        let mut sums: BTreeMap<u16, i64> = BTreeMap::new();
        for (bucket, count) in counts {
            *sums.entry(bucket).or_default() += count;
        }
        let kept = sums.into_iter().filter(|(_, count)| *count > 0);
        Shape(kept.map(|(bucket, count)| (bucket, u32::try_from(count).unwrap_or(u32::MAX))).collect())
    }

    pub fn add(&mut self, duration: Nanos) {
        self.add_bucket(coarse_of(duration), 1);
    }

    fn add_bucket(&mut self, bucket: u16, count: u32) {
        match self.0.binary_search_by_key(&bucket, |(known, _)| *known) {
            Ok(at) => self.0[at].1 = self.0[at].1.saturating_add(count),
            Err(at) => self.0.insert(at, (bucket, count)),
        }
    }

    pub fn merge(&mut self, other: &Shape) {
        for (bucket, count) in &other.0 {
            self.add_bucket(*bucket, *count);
        }
    }

    pub fn buckets(&self) -> impl Iterator<Item = (u16, u32)> + '_ {
        self.0.iter().copied()
    }

    pub fn count(&self) -> u64 {
        self.0.iter().map(|(_, count)| u64::from(*count)).sum()
    }

    pub fn count_from(&self, bucket: u16) -> u64 {
        let from = self.0.partition_point(|(known, _)| *known < bucket);
        self.0[from..].iter().map(|(_, count)| u64::from(*count)).sum()
    }

    /// The bucket in which the share `q` of all is reached.
    pub fn bucket_at(&self, q: f64) -> Option<u16> {
        let wanted = (self.count() as f64 * q).ceil().max(1.0) as u64;
        let mut seen = 0;
        self.0.iter().find_map(|(bucket, count)| {
            seen += u64::from(*count);
            (seen >= wanted).then_some(*bucket)
        })
    }

    /// The duration at or below which the share `q` lies, interpolated within its bucket.
    pub fn quantile(&self, q: f64) -> Nanos {
        let Some(bucket) = self.bucket_at(q) else { return Nanos(0) };
        let (low, high) = (coarse_floor(bucket).0 as f64, coarse_floor(bucket + 1).0 as f64);
        let above = self.count_from(bucket);
        let within = (above - self.count_from(bucket + 1)).max(1) as f64;
        let below = (self.count() - above) as f64;
        let share = ((self.count() as f64 * q - below) / within).clamp(0.0, 1.0);
        Nanos((low + (high - low) * share) as u64)
    }
}

impl Work {
    pub fn merge(&mut self, other: &Work) {
        self.spans += other.spans;
        self.roots += other.roots;
        self.errors += other.errors;
        self.own_errors += other.own_errors;
        self.duration = self.duration.saturating_add(other.duration);
        self.self_time = self.self_time.saturating_add(other.self_time);
        self.critical = self.critical.saturating_add(other.critical);
        self.lengths.merge(&other.lengths);
        self.own_times.merge(&other.own_times);
        self.lags.merge(&other.lags);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_count_and_interpolate() {
        let mut shape = Shape::default();
        (1..=1_000).for_each(|ms| shape.add(Nanos(ms * 1_000_000)));
        assert_eq!(shape.count(), 1_000);
        for (q, exact_ms) in [(0.5, 500.0), (0.9, 900.0), (0.99, 990.0)] {
            let found = shape.quantile(q).as_millis_f64();
            assert!((found - exact_ms).abs() < exact_ms * 0.1, "{q}: {found}");
        }
        let median = shape.bucket_at(0.5).unwrap();
        assert!(shape.count_from(median) >= 500 && shape.count_from(median + 1) < 500);
        assert_eq!(Shape::default().quantile(0.5), Nanos(0));
    }

    #[test]
    fn what_was_taken_away_again_is_gone() {
        let shape = Shape::of([(7, 2), (5, 3), (7, -2), (9, -1)]);
        assert_eq!(shape.buckets().collect::<Vec<_>>(), [(5, 3)]);
        let mut sum = shape.clone();
        sum.merge(&Shape::of([(4, 1), (5, 1)]));
        assert_eq!(sum.buckets().collect::<Vec<_>>(), [(4, 1), (5, 4)]);
    }
}
