//! Even parts of what happened in a time, looked at instead of all of it where very many pieces lie in it. Pieces lie in
//! the order of time, so that a slice is a few granules where as many single traces would be one each. Pure.

use model::{Nanos, Timestamp, TraceId};

use crate::limits::{EXPLAIN_SLICES, EXPLAIN_WHOLE_PIECES};
use crate::query::verify::Range;
use crate::storage::reader::Candidate;

/// Steps in which it is counted how many pieces begin.
const STEPS: u64 = 1_440;

/// How many pieces begin in each step of a time: a busy hour gets more slices than a quiet one.
#[derive(Clone, Debug, PartialEq)]
pub struct Density {
    from: Timestamp,
    step: Nanos,
    pieces: Vec<f64>,
}

/// Parts of the time; all of it when there are none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Slices {
    ranges: Vec<Range>,
    /// Of all pieces in the time, those in the slices.
    share: f64,
}

impl Density {
    pub fn none(range: Range) -> Density {
        let step = Nanos(range.to.since(range.from).0.div_ceil(STEPS));
        Density { from: range.from, step, pieces: vec![0.0; STEPS as usize] }
    }

    /// So many begin between two times, as evenly as can be assumed.
    pub fn add(&mut self, begins: Timestamp, ends: Timestamp, pieces: u64) {
        let at = |time: Timestamp| (time.0 as f64 - self.from.0 as f64) / self.step.0 as f64;
        let (begins, ends) = (at(begins), at(ends));
        let each = pieces as f64 / (ends - begins).max(1.0);
        let last = ends.max(begins + 1.0).min(self.pieces.len() as f64);
        for step in begins.max(0.0) as usize..last.ceil().max(0.0) as usize {
            let within = (step as f64 + 1.0).min(last) - (step as f64).max(begins);
            self.pieces[step] += each * within.max(0.0);
        }
    }

    /// Pieces that begin in a part of the time.
    pub fn within(&self, range: Range) -> u64 {
        (self.until(range.to) - self.until(range.from)).round() as u64
    }

    /// Pieces up to a time, as if they were spread evenly over each step.
    fn until(&self, time: Timestamp) -> f64 {
        let steps = time.since(self.from).0 as f64 / self.step.0 as f64;
        let whole = (steps as usize).min(self.pieces.len());
        let rest = self.pieces.get(whole).map_or(0.0, |pieces| pieces * (steps - whole as f64));
        self.pieces[..whole].iter().sum::<f64>() + rest
    }

    /// The time by which so many have begun.
    fn time_of(&self, pieces: f64) -> Timestamp {
        let mut before = 0.0;
        for (step, count) in self.pieces.iter().enumerate() {
            if *count > 0.0 && before + count >= pieces {
                let steps = step as f64 + (pieces - before).max(0.0) / count;
                return self.from.plus(Nanos((steps * self.step.0 as f64) as u64));
            }
            before += count;
        }
        self.from.plus(Nanos(self.step.0 * self.pieces.len() as u64))
    }
}

/// Where in its part of all a slice lies, from 0 to 1. Steps of the golden ratio, so that what happens at every full hour
/// is met as often as it happens.
fn place(number: u64) -> f64 {
    (number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as f64 / 2f64.powi(32)
}

/// As many of the candidates or hardly fewer, those of even runs that began after each other, in the order they came in.
pub fn runs(mut candidates: Vec<Candidate>, most: usize) -> Vec<Candidate> {
    if candidates.len() <= most {
        return candidates;
    }
    let mut begun: Vec<(u64, TraceId)> = candidates.iter().map(|one| (one.key, one.trace_id)).collect();
    begun.sort_unstable();
    let each = begun.len() as f64 / EXPLAIN_SLICES as f64;
    let taken = most / EXPLAIN_SLICES as usize;
    let run = |number: u64| {
        let from = (each * number as f64 + place(number) * (each - taken as f64)) as usize;
        begun[from]..=begun[from + taken - 1]
    };
    let runs: Vec<_> = (0..EXPLAIN_SLICES).map(run).collect();
    candidates.retain(|one| {
        let at = runs.partition_point(|run| *run.end() < (one.key, one.trace_id));
        runs.get(at).is_some_and(|run| run.contains(&(one.key, one.trace_id)))
    });
    candidates
}

impl Slices {
    /// With so many pieces of those in a time; all of it where hardly more have to be looked through.
    pub fn of(range: Range, density: &Density, pieces: u64, wanted: u64) -> Slices {
        let (low, high) = (density.until(range.from), density.until(range.to));
        let each = (high - low) / EXPLAIN_SLICES as f64;
        if pieces <= wanted.max(EXPLAIN_WHOLE_PIECES) || each < 1.0 {
            return Slices::default();
        }
        let share = wanted as f64 / pieces as f64;
        let slice = |number: u64| {
            let from = low + each * (number as f64 + place(number) * (1.0 - share));
            Range { from: density.time_of(from), to: density.time_of(from + each * share) }
        };
        Slices { ranges: (0..EXPLAIN_SLICES).map(slice).collect(), share }
    }

    pub fn has(&self, time: Timestamp) -> bool {
        self.ranges.is_empty() || self.ranges.iter().any(|range| range.from <= time && time < range.to)
    }

    pub fn share(&self) -> f64 {
        if self.ranges.is_empty() { 1.0 } else { self.share }
    }

    /// The condition on pieces.
    pub fn sql(&self) -> Option<String> {
        let within = |range: &Range| {
            let (from, to) = (range.from.0, range.to.0);
            format!("first >= fromUnixTimestamp64Nano({from}) AND first < fromUnixTimestamp64Nano({to})")
        };
        let all: Vec<String> = self.ranges.iter().map(within).collect();
        (!all.is_empty()).then(|| format!("({})", all.join(" OR ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::EXPLAIN_SLICED_PIECES;

    const HOUR: u64 = 3_600_000_000_000;
    const DAY: Range = Range { from: Timestamp(7), to: Timestamp(7 + 24 * HOUR) };

    /// As many in the last hour as in all others.
    fn density() -> Density {
        let mut density = Density::none(DAY);
        let (last, end) = (DAY.from.plus(Nanos(23 * HOUR)), DAY.to);
        density.add(DAY.from, last, 600_000);
        density.add(last, end, 600_000);
        density
    }

    #[test]
    fn what_begins_between_two_times_is_spread_over_their_steps() {
        let minutes = |count: u64| DAY.from.plus(Nanos(count * HOUR / 60));
        let mut density = Density::none(DAY);
        density.add(minutes(10), minutes(14), 100);
        assert_eq!(
            (density.until(minutes(10)), density.until(minutes(11)), density.until(minutes(20))),
            (0.0, 25.0, 100.0)
        );
        // Within a step, and beyond an end.
        density.add(minutes(30), minutes(30), 10);
        density.add(minutes(1_439), minutes(1_441), 20);
        assert_eq!((density.until(minutes(31)), density.until(DAY.to)), (110.0, 120.0));
        assert_eq!(density.within(Range { from: minutes(12), to: minutes(31) }), 60);
        // What began before, as far as it goes on.
        let mut later = Density::none(Range { from: minutes(2), to: minutes(1_442) });
        later.add(minutes(0), minutes(4), 100);
        assert_eq!((later.until(minutes(2)), later.until(minutes(3))), (0.0, 25.0));
    }

    #[test]
    fn few_pieces_are_all_looked_at() {
        let all = Slices::of(DAY, &density(), EXPLAIN_WHOLE_PIECES, EXPLAIN_SLICED_PIECES);
        assert_eq!((all.sql(), all.share()), (None, 1.0));
        assert!(all.has(Timestamp(3)));
        assert_eq!(Slices::of(DAY, &density(), 300_000, 300_000), Slices::default(), "as many as are wanted");
        let none = Density::none(DAY);
        assert_eq!(Slices::of(DAY, &none, 1_200_000, EXPLAIN_SLICED_PIECES), Slices::default());
    }

    #[test]
    fn of_many_an_even_share_is() {
        let (density, slices) = (density(), Slices::of(DAY, &density(), 1_200_000, EXPLAIN_SLICED_PIECES));
        assert!((slices.share() - 0.01).abs() < 1e-9, "{}", slices.share());
        assert_eq!(slices.ranges.len() as u64, EXPLAIN_SLICES);
        let looked: f64 =
            slices.ranges.iter().map(|range| density.until(range.to) - density.until(range.from)).sum();
        assert!((looked - 12_000.0).abs() < 10.0, "{looked}");
        // Half of them where half of the pieces are, each in a part of its own.
        let busy = slices.ranges.iter().filter(|range| range.from.0 > 23 * HOUR).count() as u64;
        assert_eq!(busy, EXPLAIN_SLICES / 2);
        let each = density.until(DAY.to) / EXPLAIN_SLICES as f64;
        let place = |range: &Range| density.until(range.from) / each;
        assert!(slices.ranges.iter().enumerate().all(|(at, range)| place(range) as usize == at));
        // Not all at the same place of their parts.
        let places: std::collections::BTreeSet<u64> =
            slices.ranges.iter().map(|range| (place(range).fract() * 4.0) as u64).collect();
        assert_eq!(places.len(), 4);
        assert!(slices.has(slices.ranges[3].from) && !slices.has(slices.ranges[3].to));
        assert_eq!(slices.sql().unwrap().matches("first >= ").count() as u64, EXPLAIN_SLICES);
    }

    #[test]
    fn of_many_candidates_those_of_even_runs_are_taken() {
        let of = |count: u64| -> Vec<Candidate> {
            let one = |number: u64| Candidate {
                trace_id: TraceId(u128::from(number).to_be_bytes()),
                key: number * 7_919 % count,
            };
            (0..count).map(one).collect()
        };
        assert_eq!(runs(of(100), 100), of(100));
        let some = runs(of(24_000), 1_000);
        assert_eq!(some.len(), 984);
        assert!(some.is_sorted_by_key(|one| one.trace_id), "as they came");
        let keys: std::collections::BTreeSet<u64> = some.iter().map(|one| one.key).collect();
        assert_eq!(keys.len(), some.len(), "none twice");
        let begun = keys.iter().filter(|key| **key == 0 || !keys.contains(&(**key - 1))).count() as u64;
        assert_eq!(begun, EXPLAIN_SLICES);
        assert!((0..EXPLAIN_SLICES).all(|part| keys.range(part * 1_000..(part + 1) * 1_000).count() > 30));
        assert_eq!(runs(of(1_001), 1_000).len(), 984);
    }
}
