//! Builds a [`Trace`] from spans that arrive in any order.

use std::collections::HashMap;

use super::{Events, NO_ROW, Trace};
use crate::{Nanos, SpanId, SpanKind, Status, Timestamp, TraceId};

/// The narrow part of a span that a [`Trace`] is made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpanRow {
    pub span_id: SpanId,
    pub parent_id: SpanId,
    pub service: String,
    pub operation: String,
    pub fact: String,
    /// `database:postgresql/orders`: see [`super::call::Node`]. Empty when nothing is named.
    pub peer: String,
    pub kind: SpanKind,
    pub status: Status,
    pub start: Timestamp,
    pub duration: Nanos,
    pub marks: u8,
    /// When, and by what name.
    pub events: Vec<(Timestamp, String)>,
}

/// A span whose texts are numbers into a list of them, of which the first is empty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NumberedRow {
    pub span_id: SpanId,
    pub parent_id: SpanId,
    pub service: u32,
    pub operation: u32,
    pub fact: u32,
    pub peer: u32,
    pub kind: SpanKind,
    pub status: Status,
    pub start: Timestamp,
    pub duration: Nanos,
    pub marks: u8,
}

#[derive(Debug)]
pub struct Builder {
    strings: Vec<String>,
    numbers: HashMap<String, u32>,
    rows: Vec<NumberedRow>,
    events: Vec<Told>,
}

/// An event, the span it was told of, and the number of its name.
#[derive(Debug)]
struct Told {
    span: (SpanId, Timestamp),
    time: Timestamp,
    name: u32,
}

impl Default for Builder {
    fn default() -> Builder {
        Builder::new()
    }
}

impl Builder {
    pub fn new() -> Builder {
        let mut builder =
            Builder { strings: Vec::new(), numbers: HashMap::new(), rows: Vec::new(), events: Vec::new() };
        builder.number_of("");
        builder
    }

    pub fn push(&mut self, span: &SpanRow) {
        for (time, name) in &span.events {
            let name = self.number_of(name);
            self.events.push(Told { span: (span.span_id, span.start), time: *time, name });
        }
        let row = NumberedRow {
            span_id: span.span_id,
            parent_id: span.parent_id,
            service: self.number_of(&span.service),
            operation: self.number_of(&span.operation),
            fact: self.number_of(&span.fact),
            peer: self.number_of(&span.peer),
            kind: span.kind,
            status: span.status,
            start: span.start,
            duration: span.duration,
            marks: span.marks,
        };
        self.rows.push(row);
    }

    pub fn finish(self, trace_id: TraceId) -> Trace {
        let mut trace = Trace::of_rows(trace_id, self.strings, self.rows);
        trace.events = events_of(&trace, &self.events);
        trace
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

impl Trace {
    /// Of rows in any order, whose texts are in `strings`.
    pub fn of_rows(trace_id: TraceId, strings: Vec<String>, mut rows: Vec<NumberedRow>) -> Trace {
        // A parent that starts in the same nanosecond as its child comes first: it lasts longer.
        rows.sort_by(|a, b| (a.start, b.duration, a.span_id).cmp(&(b.start, a.duration, b.span_id)));
        let start = rows.first().map_or(Timestamp(0), |r| r.start);
        let end = rows.iter().map(|r| r.start.plus(r.duration)).max().unwrap_or(start);
        let rows_by_id = RowsById::new(&rows);
        let parent_of = |(number, row): (usize, &NumberedRow)| match rows_by_id.row_of(row.parent_id) {
            Some(parent) if row.parent_id.is_valid() && parent != number as u32 => parent,
            _ => NO_ROW,
        };
        Trace {
            trace_id,
            start,
            duration: end.since(start),
            parent: rows.iter().enumerate().map(parent_of).collect(),
            strings,
            span_id: rows.iter().map(|r| r.span_id).collect(),
            parent_id: rows.iter().map(|r| r.parent_id).collect(),
            offset: rows.iter().map(|r| r.start.since(start).0).collect(),
            length: rows.iter().map(|r| r.duration.0).collect(),
            service: rows.iter().map(|r| r.service).collect(),
            operation: rows.iter().map(|r| r.operation).collect(),
            fact: rows.iter().map(|r| r.fact).collect(),
            peer: rows.iter().map(|r| r.peer).collect(),
            kind: rows.iter().map(|r| r.kind).collect(),
            status: rows.iter().map(|r| r.status).collect(),
            marks: rows.iter().map(|r| r.marks).collect(),
            refused: Vec::new(),
            events: Events::default(),
        }
    }
}

/// Rows in the order of their ids: cheaper to make than a hash table, and searched as fast in traces of usual size.
struct RowsById(Vec<(SpanId, u32)>);

impl RowsById {
    fn new(rows: &[NumberedRow]) -> RowsById {
        let mut sorted: Vec<(SpanId, u32)> = rows.iter().map(|row| row.span_id).zip(0..).collect();
        sorted.sort_unstable();
        RowsById(sorted)
    }

    /// Of several of the same id, the first.
    fn row_of(&self, id: SpanId) -> Option<u32> {
        let at = self.0.partition_point(|(known, _)| *known < id);
        self.0.get(at).filter(|(known, _)| *known == id).map(|(_, row)| *row)
    }
}

/// Events by row, once it is known which row each span became.
fn events_of(trace: &Trace, told: &[Told]) -> Events {
    if told.is_empty() {
        return Events::default();
    }
    let mut row_of: HashMap<(SpanId, Timestamp), u32> =
        told.iter().map(|event| (event.span, NO_ROW)).collect();
    for (row, id) in (0..).zip(&trace.span_id) {
        let start = trace.start.plus(Nanos(trace.offset[row as usize]));
        if let Some(of) = row_of.get_mut(&(*id, start)) {
            *of = row;
        }
    }
    let event = |told: &Told| (row_of[&told.span], told.time.since(trace.start).0, told.name);
    Events::new(told.iter().map(event).collect())
}
