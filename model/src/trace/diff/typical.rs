//! One trace beside what is typical of many of the same operation.
//!
//! Typical is the mean over the middle half of them by duration: a mean, because then time on the critical path adds
//! up as it does between two traces, and the middle half, so that a few that hung do not pass for usual. A path that
//! fewer than half of those take is not typical; its time counts for the path it branches from. How far durations
//! spread is told of all.

use super::{Aligner, Diff, Side, Whole, ordered};
use crate::trace::{NO_ROW, Trace};
use crate::{Nanos, TraceId};

/// What stands behind the side that is no trace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// Traces looked at, and those of them in the middle half.
    pub traces: u32,
    pub middle: u32,
    /// How many there are, looked at or not.
    pub of: u64,
    /// What is typical is the second side, not the first.
    pub is_second: bool,
    /// One for each entry.
    pub spread: Vec<Spread>,
}

/// How long the calls of one entry take together, in the traces that have any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    /// How many of the traces looked at have any.
    pub present: u32,
    pub p50: u64,
    pub p95: u64,
}

/// Sums over the traces of the middle half that have an entry.
#[derive(Clone, Copy, Default)]
struct Sum {
    present: u64,
    calls: u64,
    errors: u64,
    start: u64,
    end: u64,
    duration: u64,
    self_time: u64,
    critical: u64,
}

impl Diff {
    /// What is typical of `others` as the first side, `trace` as the second. None without others.
    pub fn from_typical(others: &[Trace], of: u64, trace: &Trace) -> Option<Diff> {
        let mut aligner = Aligner::default();
        let (whole, own) = aligner.add(trace);
        let mut all: Vec<(Whole, Vec<Side>)> = others.iter().map(|other| aligner.add(other)).collect();
        all.sort_by_key(|(whole, _)| (whole.root_duration, whole.trace_id));
        let quarter = all.len() / 4;
        let middle = &all[quarter..all.len() - quarter];
        if middle.is_empty() {
            return None;
        }
        let typical = typical_sides(&aligner, middle, &own);
        aligner.set(&typical, |entry| &mut entry.a);
        aligner.set(&own, |entry| &mut entry.b);
        let order = ordered(&aligner.entries);
        let spread = order.iter().map(|place| spread(&all, *place as usize)).collect();
        let mut diff = aligner.finish((mean_whole(middle), whole), &order);
        // By its parts, so that nothing is lost to rounding.
        diff.a.root_duration = Nanos(diff.entries.iter().map(|entry| entry.a.critical).sum());
        let (traces, middle) = (all.len() as u32, middle.len() as u32);
        diff.sample = Some(Sample { traces, middle, of: of.max(traces.into()), is_second: false, spread });
        Some(diff)
    }
}

fn typical_sides(aligner: &Aligner, middle: &[(Whole, Vec<Side>)], own: &[Side]) -> Vec<Side> {
    let mut sums = vec![Sum::default(); aligner.entries.len()];
    for side in middle.iter().flat_map(|(_, sides)| sides.iter().enumerate()) {
        sums[side.0].add(side.1);
    }
    let count = middle.len() as u64;
    let is_typical = |sum: &Sum| 2 * sum.present >= count;
    let has = |place: usize| own.get(place).is_some_and(|side| side.calls > 0);
    // Callers come before what they call.
    for place in (0..sums.len()).rev() {
        let above = aligner.entries[place].parent;
        if !is_typical(&sums[place]) && !has(place) && above != NO_ROW {
            sums[above as usize].critical += std::mem::take(&mut sums[place].critical);
        }
    }
    sums.iter().map(|sum| sum.side(count, is_typical(sum))).collect()
}

impl Sum {
    fn add(&mut self, side: &Side) {
        self.present += u64::from(side.calls > 0);
        self.calls += u64::from(side.calls);
        self.errors += u64::from(side.errors);
        self.start = self.start.saturating_add(side.start);
        self.end = self.end.saturating_add(side.end);
        self.duration = self.duration.saturating_add(side.duration);
        self.self_time = self.self_time.saturating_add(side.self_time);
        self.critical = self.critical.saturating_add(side.critical);
    }

    /// What is not typical leaves nothing but its part of the critical path.
    fn side(&self, traces: u64, is_typical: bool) -> Side {
        let critical = self.critical / traces;
        if !is_typical {
            return Side { critical, ..Side::default() };
        }
        let present = self.present.max(1);
        let rounded = |sum: u64| u32::try_from((sum + present / 2) / present).unwrap_or(u32::MAX);
        Side {
            calls: rounded(self.calls).max(1),
            errors: rounded(self.errors),
            start: self.start / present,
            end: self.end / present,
            duration: self.duration / present,
            self_time: self.self_time / present,
            critical,
            ..Side::default()
        }
    }
}

fn mean_whole(middle: &[(Whole, Vec<Side>)]) -> Whole {
    let mean = |of: fn(&Whole) -> u64| {
        middle.iter().map(|(whole, _)| u128::from(of(whole))).sum::<u128>() / middle.len() as u128
    };
    Whole {
        trace_id: TraceId([0; 16]),
        duration: Nanos(mean(|w| w.duration.0) as u64),
        spans: mean(|w| w.spans.into()) as u32,
        errors: mean(|w| w.errors.into()) as u32,
        ..Whole::default()
    }
}

fn spread(all: &[(Whole, Vec<Side>)], place: usize) -> Spread {
    let sides = all.iter().filter_map(|(_, sides)| sides.get(place)).filter(|side| side.calls > 0);
    let mut durations: Vec<u64> = sides.map(|side| side.duration).collect();
    durations.sort_unstable();
    let at = |percent: usize| durations.get(durations.len() * percent / 100).copied().unwrap_or_default();
    Spread { present: durations.len() as u32, p50: at(50), p95: at(95) }
}
