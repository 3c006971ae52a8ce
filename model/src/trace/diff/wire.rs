//! A diff as it travels: its names and one list of numbers. A reader of a list is there already, and small; readers of
//! six kinds of rows would be a good part of what the page weighs.

use super::{Diff, Entry, Sample, Side, Spread, Whole};
use crate::{Nanos, SpanId, SpanKind, Timestamp, TraceId};

pub type Columns = (Vec<String>, Vec<u64>);

impl From<Diff> for Columns {
    fn from(diff: Diff) -> Columns {
        let mut to = Vec::with_capacity(16 + 24 * diff.entries.len());
        push_whole(&mut to, &diff.a);
        push_whole(&mut to, &diff.b);
        to.push(diff.entries.len() as u64);
        for entry in &diff.entries {
            let names = [entry.parent, entry.depth, entry.service, entry.operation];
            to.extend(names.map(u64::from));
            to.push(entry.kind as u64);
            push_side(&mut to, &entry.a);
            push_side(&mut to, &entry.b);
        }
        if let Some(sample) = &diff.sample {
            to.extend([sample.traces.into(), sample.middle.into(), sample.of, sample.is_second.into()]);
            sample.spread.iter().for_each(|s| to.extend([s.present.into(), s.p50, s.p95]));
        }
        (diff.strings, to)
    }
}

fn push_whole(to: &mut Vec<u64>, whole: &Whole) {
    let id = u128::from_be_bytes(whole.trace_id.0);
    to.extend([(id >> 64) as u64, id as u64, whole.start.0, whole.duration.0, whole.root_duration.0]);
    to.extend([whole.spans, whole.errors].map(u64::from));
}

fn push_side(to: &mut Vec<u64>, side: &Side) {
    to.extend([side.calls, side.errors].map(u64::from));
    to.extend([side.first_span.0, side.first_offset, side.start, side.end]);
    to.extend([side.duration, side.self_time, side.critical]);
}

/// What is missing at the end counts as nothing.
struct Numbers(std::vec::IntoIter<u64>);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0.next().unwrap_or_default()
    }

    fn small(&mut self) -> u32 {
        self.next() as u32
    }

    fn whole(&mut self) -> Whole {
        let id = u128::from(self.next()) << 64 | u128::from(self.next());
        Whole {
            trace_id: TraceId(id.to_be_bytes()),
            start: Timestamp(self.next()),
            duration: Nanos(self.next()),
            root_duration: Nanos(self.next()),
            spans: self.small(),
            errors: self.small(),
        }
    }

    fn side(&mut self) -> Side {
        Side {
            calls: self.small(),
            errors: self.small(),
            first_span: SpanId(self.next()),
            first_offset: self.next(),
            start: self.next(),
            end: self.next(),
            duration: self.next(),
            self_time: self.next(),
            critical: self.next(),
        }
    }

    fn entry(&mut self) -> Entry {
        Entry {
            parent: self.small(),
            depth: self.small(),
            service: self.small(),
            operation: self.small(),
            kind: SpanKind::from_number(self.small() as u8),
            a: self.side(),
            b: self.side(),
        }
    }
}

impl From<Columns> for Diff {
    fn from((strings, numbers): Columns) -> Diff {
        let mut from = Numbers(numbers.into_iter());
        let (a, b) = (from.whole(), from.whole());
        // Never more than there are numbers for.
        let count = from.next().min(from.0.len() as u64);
        let entries: Vec<Entry> = (0..count).map(|_| from.entry()).collect();
        let sample = (from.0.len() > 0).then(|| Sample {
            traces: from.small(),
            middle: from.small(),
            of: from.next(),
            is_second: from.next() != 0,
            spread: entries
                .iter()
                .map(|_| Spread { present: from.small(), p50: from.next(), p95: from.next() })
                .collect(),
        });
        Diff { a, b, strings, entries, sample }
    }
}
