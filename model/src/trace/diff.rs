//! Two traces, aligned by call path: what was added, is missing, or took longer, and where the extra time went.
//!
//! ```text
//!   a                b                   entries                 a      b     change
//!   shop GET         shop GET            shop GET               100    180    slower
//!   ├─ cart get      ├─ mail send        ├─ cart get             30     90    slower   (1 call, 3 calls)
//!   └─ db query      ├─ cart get         ├─ db query             20      -    removed
//!                    ├─ cart get         └─ mail send             -     10    added
//!                    └─ cart get
//! ```
//! Spans with the same services, operations and kinds from the root down are one entry, whatever their order and
//! number: retries, loops and fan-out are counted, not lined up one by one. Every span of either trace is in exactly
//! one entry, and time on the critical path adds up: the sum over all entries is the difference of the two roots.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{Clock, CriticalPath, NO_ROW, Trace, Tree};
use crate::{Nanos, SpanId, SpanKind, Timestamp, TraceId};

mod compare;
mod typical;
mod wire;
mod words;

pub use compare::Compare;
pub use typical::{Sample, Spread};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Change {
    Same,
    Added,
    Removed,
    Slower,
    Faster,
}

/// What one trace has of an entry. Times are in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// 0: the trace has nothing here.
    pub calls: u32,
    pub errors: u32,
    /// The earliest of its spans, and when it began after the trace's start, as its sender said.
    pub first_span: SpanId,
    pub first_offset: u64,
    /// From the earliest start to the latest end, after the trace's start, on the corrected clock.
    pub start: u64,
    pub end: u64,
    /// Sums over its spans.
    pub duration: u64,
    pub self_time: u64,
    pub critical: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The entry above, or [`NO_ROW`].
    pub parent: u32,
    pub depth: u32,
    /// Numbers into the diff's dictionary.
    pub service: u32,
    pub operation: u32,
    pub kind: SpanKind,
    pub a: Side,
    pub b: Side,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "wire::Columns", into = "wire::Columns")]
pub struct Diff {
    pub a: Whole,
    pub b: Whole,
    pub strings: Vec<String>,
    /// Parents before their children, siblings in order of start.
    pub entries: Vec<Entry>,
    /// One side is no trace but what is typical of many.
    pub sample: Option<Sample>,
}

/// One trace as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Whole {
    /// Zero for what is typical of many.
    pub trace_id: TraceId,
    pub start: Timestamp,
    /// From the earliest start to the latest end.
    pub duration: Nanos,
    /// How long the root took.
    pub root_duration: Nanos,
    pub spans: u32,
    pub errors: u32,
}

/// A difference counts from a tenth of the shorter on, and from this many nanoseconds.
const SHARE: u64 = 10;
const LEAST_NS: u64 = 50_000;

impl Diff {
    pub fn new(a: &Trace, b: &Trace) -> Diff {
        let mut aligner = Aligner::default();
        let (whole_a, sides_a) = aligner.add(a);
        let (whole_b, sides_b) = aligner.add(b);
        aligner.set(&sides_a, |entry| &mut entry.a);
        aligner.set(&sides_b, |entry| &mut entry.b);
        let order = ordered(&aligner.entries);
        aligner.finish((whole_a, whole_b), &order)
    }

    /// The same with the sides exchanged.
    #[must_use]
    pub fn turned_round(mut self) -> Diff {
        std::mem::swap(&mut self.a, &mut self.b);
        self.entries.iter_mut().for_each(|entry| std::mem::swap(&mut entry.a, &mut entry.b));
        if let Some(sample) = &mut self.sample {
            sample.is_second = !sample.is_second;
        }
        self
    }

    pub fn text(&self, number: u32) -> &str {
        self.strings.get(number as usize).map_or("", String::as_str)
    }

    /// How much longer the root of `b` took, in nanoseconds.
    pub fn delta(&self) -> i64 {
        signed(self.b.root_duration.0, self.a.root_duration.0)
    }

    /// Entries that lengthen or shorten the critical path, the largest first. Their sum is [`Diff::delta`].
    pub fn contributions(&self) -> Vec<(u32, i64)> {
        let delta_of = |entry: &Entry| signed(entry.b.critical, entry.a.critical);
        let mut all: Vec<(u32, i64)> =
            self.entries.iter().enumerate().map(|(at, entry)| (at as u32, delta_of(entry))).collect();
        all.retain(|(_, delta)| *delta != 0);
        all.sort_by_key(|(at, delta)| (std::cmp::Reverse(delta.unsigned_abs()), *at));
        all
    }
}

impl Entry {
    pub fn change(&self) -> Change {
        let (a, b) = (self.a.duration, self.b.duration);
        let least = (a.min(b) / SHARE).max(LEAST_NS);
        match (self.a.calls, self.b.calls) {
            (0, _) => Change::Added,
            (_, 0) => Change::Removed,
            _ if b >= a.saturating_add(least) => Change::Slower,
            _ if a >= b.saturating_add(least) => Change::Faster,
            _ => Change::Same,
        }
    }

    /// Fails in `b`, and in `a` it did not.
    pub fn error_appeared(&self) -> bool {
        self.b.errors > 0 && self.a.errors == 0
    }
}

impl Change {
    pub fn name(self) -> &'static str {
        match self {
            Change::Same => "same",
            Change::Added => "added",
            Change::Removed => "removed",
            Change::Slower => "slower",
            Change::Faster => "faster",
        }
    }
}

fn signed(after: u64, before: u64) -> i64 {
    i64::try_from(i128::from(after) - i128::from(before)).unwrap_or(0)
}

/// An entry's place: the entry above and its own names.
type Key = (u32, u32, u32, SpanKind);

#[derive(Default)]
struct Aligner {
    strings: Vec<String>,
    numbers: HashMap<String, u32>,
    entries: Vec<Entry>,
    places: HashMap<Key, u32>,
}

impl Aligner {
    /// The trace as a whole, and what it has of each place so far.
    fn add(&mut self, trace: &Trace) -> (Whole, Vec<Side>) {
        let tree = Tree::new(trace);
        let clock = Clock::new(trace, &tree);
        let path = CriticalPath::new(trace, &tree, &clock);
        let own = clock.self_times(trace, &tree);
        let names: Vec<u32> = trace.strings.iter().map(|text| self.number_of(text)).collect();
        let mut entry_of = vec![NO_ROW; trace.len()];
        let mut sides: Vec<Side> = Vec::new();
        for row in &tree.order {
            let at = *row as usize;
            let above = match tree.parent[at] {
                NO_ROW => NO_ROW,
                above => entry_of[above as usize],
            };
            let (service, operation) =
                (names[trace.service[at] as usize], names[trace.operation[at] as usize]);
            let place = self.place((above, service, operation, trace.kind[at]));
            entry_of[at] = place;
            sides.resize(self.entries.len().max(sides.len()), Side::default());
            sides[place as usize].add(&Side {
                calls: 1,
                errors: u32::from(trace.is_error(at)),
                first_span: trace.span_id[at],
                first_offset: trace.offset[at],
                start: clock.start(trace, at),
                end: clock.end(trace, at),
                duration: trace.length[at],
                self_time: own[at],
                critical: path.time[at],
            });
        }
        let whole = Whole {
            trace_id: trace.trace_id,
            start: trace.start,
            duration: trace.duration,
            root_duration: Nanos(path.total()),
            spans: trace.len() as u32,
            errors: (0..trace.len()).filter(|row| trace.is_error(*row)).count() as u32,
        };
        (whole, sides)
    }

    fn set(&mut self, sides: &[Side], side: impl Fn(&mut Entry) -> &mut Side) {
        for (entry, found) in self.entries.iter_mut().zip(sides) {
            *side(entry) = *found;
        }
    }

    /// The entries in this order, with their parents' new numbers.
    fn finish(self, (a, b): (Whole, Whole), order: &[u32]) -> Diff {
        let mut number_of = vec![NO_ROW; self.entries.len()];
        let mut shown = Vec::with_capacity(order.len());
        for at in order {
            let mut entry = self.entries[*at as usize].clone();
            number_of[*at as usize] = shown.len() as u32;
            entry.parent = number_of.get(entry.parent as usize).copied().unwrap_or(NO_ROW);
            shown.push(entry);
        }
        Diff { a, b, strings: self.strings, entries: shown, sample: None }
    }

    fn place(&mut self, key: Key) -> u32 {
        let next = self.entries.len() as u32;
        let place = *self.places.entry(key).or_insert(next);
        if place == next {
            let (parent, service, operation, kind) = key;
            let depth = self.entries.get(parent as usize).map_or(0, |above| above.depth + 1);
            let (a, b) = (Side::default(), Side::default());
            self.entries.push(Entry { parent, depth, service, operation, kind, a, b });
        }
        place
    }

    fn number_of(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.strings.len() as u32;
        self.strings.push(text.to_owned());
        self.numbers.insert(text.to_owned(), number);
        number
    }
}

impl Side {
    fn add(&mut self, one: &Side) {
        if self.calls == 0 {
            *self = *one;
            return;
        }
        if one.start < self.start {
            (self.start, self.first_span, self.first_offset) = (one.start, one.first_span, one.first_offset);
        }
        self.calls += 1;
        self.errors += one.errors;
        self.end = self.end.max(one.end);
        self.duration = self.duration.saturating_add(one.duration);
        self.self_time = self.self_time.saturating_add(one.self_time);
        self.critical += one.critical;
    }
}

/// The entries that either side has, in the order they are shown.
fn ordered(entries: &[Entry]) -> Vec<u32> {
    let start_of = |at: u32| {
        let entry = &entries[at as usize];
        let side = if entry.a.calls > 0 { &entry.a } else { &entry.b };
        (side.start, at)
    };
    let mut children: Vec<Vec<u32>> = vec![Vec::new(); entries.len()];
    let mut stack: Vec<u32> = Vec::new();
    for (at, entry) in entries.iter().enumerate().filter(|(_, entry)| entry.a.calls + entry.b.calls > 0) {
        let siblings = children.get_mut(entry.parent as usize).unwrap_or(&mut stack);
        siblings.push(at as u32);
    }
    // The last pushed comes out first.
    let latest_first = |list: &mut Vec<u32>| list.sort_unstable_by_key(|at| std::cmp::Reverse(start_of(*at)));
    latest_first(&mut stack);
    let mut shown = Vec::with_capacity(entries.len());
    while let Some(at) = stack.pop() {
        shown.push(at);
        let mut below = std::mem::take(&mut children[at as usize]);
        latest_first(&mut below);
        stack.append(&mut below);
    }
    shown
}

#[cfg(test)]
mod tests;
