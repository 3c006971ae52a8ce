//! Builds a [`Trace`] from spans that arrive in any order.

use std::collections::HashMap;

use super::{NO_ROW, Trace};
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
}

#[derive(Debug)]
pub struct Builder {
    strings: Vec<String>,
    numbers: HashMap<String, u32>,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    span_id: SpanId,
    parent_id: SpanId,
    service: u32,
    operation: u32,
    fact: u32,
    peer: u32,
    kind: SpanKind,
    status: Status,
    start: Timestamp,
    duration: Nanos,
    marks: u8,
}

impl Default for Builder {
    fn default() -> Builder {
        Builder::new()
    }
}

impl Builder {
    pub fn new() -> Builder {
        let mut builder = Builder { strings: Vec::new(), numbers: HashMap::new(), rows: Vec::new() };
        builder.number_of("");
        builder
    }

    pub fn push(&mut self, span: &SpanRow) {
        let row = Row {
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

    pub fn finish(mut self, trace_id: TraceId) -> Trace {
        // A parent that starts in the same nanosecond as its child comes first: it lasts longer.
        self.rows.sort_by(|a, b| (a.start, b.duration, a.span_id).cmp(&(b.start, a.duration, b.span_id)));
        let start = self.rows.first().map_or(Timestamp(0), |r| r.start);
        let end = self.rows.iter().map(|r| r.start.plus(r.duration)).max().unwrap_or(start);
        let mut row_of: HashMap<SpanId, u32> = HashMap::with_capacity(self.rows.len());
        for (number, row) in self.rows.iter().enumerate() {
            row_of.entry(row.span_id).or_insert(number as u32);
        }
        let parent_of = |(number, row): (usize, &Row)| match row_of.get(&row.parent_id) {
            Some(parent) if row.parent_id.is_valid() && *parent != number as u32 => *parent,
            _ => NO_ROW,
        };
        Trace {
            trace_id,
            start,
            duration: end.since(start),
            parent: self.rows.iter().enumerate().map(parent_of).collect(),
            strings: self.strings,
            span_id: self.rows.iter().map(|r| r.span_id).collect(),
            parent_id: self.rows.iter().map(|r| r.parent_id).collect(),
            offset: self.rows.iter().map(|r| r.start.since(start).0).collect(),
            length: self.rows.iter().map(|r| r.duration.0).collect(),
            service: self.rows.iter().map(|r| r.service).collect(),
            operation: self.rows.iter().map(|r| r.operation).collect(),
            fact: self.rows.iter().map(|r| r.fact).collect(),
            peer: self.rows.iter().map(|r| r.peer).collect(),
            kind: self.rows.iter().map(|r| r.kind).collect(),
            status: self.rows.iter().map(|r| r.status).collect(),
            marks: self.rows.iter().map(|r| r.marks).collect(),
        }
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
