//! Even parts of what happened in a time, looked at instead of all of it where very many pieces lie in it. Pieces lie in
//! the order of time, so that a slice is a few granules where as many single traces would be one each. Pure.

use model::{Nanos, Timestamp};

use crate::limits::{EXPLAIN_SLICED_PIECES, EXPLAIN_SLICES, EXPLAIN_WHOLE_PIECES};
use crate::query::verify::Range;

/// How many pieces begin in each step of a time: a busy hour gets more slices than a quiet one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Density {
    pub from: Timestamp,
    pub step: Nanos,
    pub pieces: Vec<u64>,
}

/// Parts of the time; all of it when there are none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Slices {
    ranges: Vec<Range>,
    /// Of all pieces in the time, those in the slices.
    share: f64,
}

impl Density {
    /// Pieces up to a time, as if they were spread evenly over each step.
    fn until(&self, time: Timestamp) -> f64 {
        let steps = time.since(self.from).0 as f64 / self.step.0 as f64;
        let whole = (steps as usize).min(self.pieces.len());
        let rest = self.pieces.get(whole).map_or(0.0, |pieces| *pieces as f64 * (steps - whole as f64));
        self.pieces[..whole].iter().sum::<u64>() as f64 + rest
    }

    /// The time by which so many have begun.
    fn time_of(&self, pieces: f64) -> Timestamp {
        let mut before = 0.0;
        for (step, count) in self.pieces.iter().enumerate() {
            let count = *count as f64;
            if count > 0.0 && before + count >= pieces {
                let steps = step as f64 + (pieces - before).max(0.0) / count;
                return self.from.plus(Nanos((steps * self.step.0 as f64) as u64));
            }
            before += count;
        }
        self.from.plus(Nanos(self.step.0 * self.pieces.len() as u64))
    }
}

impl Slices {
    /// For a time in which so many pieces may have to be looked through.
    pub fn of(range: Range, density: &Density, pieces: u64) -> Slices {
        let (low, high) = (density.until(range.from), density.until(range.to));
        let each = (high - low) / EXPLAIN_SLICES as f64;
        if pieces <= EXPLAIN_WHOLE_PIECES || each < 1.0 {
            return Slices::default();
        }
        let share = EXPLAIN_SLICED_PIECES as f64 / pieces as f64;
        // Steps of the golden ratio, so that what happens at every full hour is met as often as it happens.
        let slice = |number: u64| {
            let within = (number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as f64 / 2f64.powi(32);
            let from = low + each * (number as f64 + within * (1.0 - share));
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

    const HOUR: u64 = 3_600_000_000_000;
    const DAY: Range = Range { from: Timestamp(7), to: Timestamp(7 + 24 * HOUR) };

    /// As many in the last hour as in all others.
    fn density() -> Density {
        let pieces = (0..24).map(|hour| if hour == 23 { 600_000 } else { 600_000 / 23 }).collect();
        Density { from: DAY.from, step: Nanos(HOUR), pieces }
    }

    #[test]
    fn few_pieces_are_all_looked_at() {
        let all = Slices::of(DAY, &density(), EXPLAIN_WHOLE_PIECES);
        assert_eq!((all.sql(), all.share()), (None, 1.0));
        assert!(all.has(Timestamp(3)));
        let none = Density { pieces: vec![0; 24], ..density() };
        assert_eq!(Slices::of(DAY, &none, 1_200_000), Slices::default());
    }

    #[test]
    fn of_many_an_even_share_is() {
        let (density, slices) = (density(), Slices::of(DAY, &density(), 1_200_000));
        assert!((slices.share() - 0.025).abs() < 1e-9, "{}", slices.share());
        assert_eq!(slices.ranges.len() as u64, EXPLAIN_SLICES);
        let looked: f64 =
            slices.ranges.iter().map(|range| density.until(range.to) - density.until(range.from)).sum();
        assert!((looked - 30_000.0).abs() < 10.0, "{looked}");
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
}
