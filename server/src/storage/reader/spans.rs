//! Whole spans, read a few hundred at a time and handed out one at a time.

use std::collections::VecDeque;

use clickhouse::Row;
use clickhouse::query::RowCursor;
use model::{
    AttrValue, Attrs, Event, Link, Nanos, Scope, Span, SpanId, SpanKind, Status, Timestamp, TraceId,
};
use serde::Deserialize;

use super::observed::Observed;
use super::origins::Origins;
use super::{Plan, Reader, timestamp, untagged};
use crate::limits::SPANS_READ_AT_ONCE;
use crate::storage::StoreError;

pub struct SpanCursor {
    reader: Reader,
    scope: Scope,
    rows: RowCursor<WideRow>,
    observed: Observed,
    ready: VecDeque<Span>,
    has_ended: bool,
    /// A span read so far came in a moment ago.
    pub in_flight: bool,
}

impl Reader {
    pub fn spans(&self, scope: &Scope, plan: &Plan) -> Result<SpanCursor, StoreError> {
        Ok(SpanCursor {
            reader: self.clone(),
            scope: scope.clone(),
            rows: self.query(plan).fetch::<WideRow>()?,
            observed: Observed::statement(&self.stages, &plan.sql),
            ready: VecDeque::new(),
            has_ended: false,
            in_flight: false,
        })
    }
}

impl SpanCursor {
    pub async fn next(&mut self) -> Result<Option<Span>, StoreError> {
        if self.ready.is_empty() && !self.has_ended {
            self.read().await?;
        }
        Ok(self.ready.pop_front())
    }

    /// All that is still to come, if it was read in one go; they are handed out by `next` all the same.
    pub async fn all_if_few(&mut self) -> Result<Option<&VecDeque<Span>>, StoreError> {
        if self.ready.is_empty() && !self.has_ended {
            self.read().await?;
        }
        Ok(self.has_ended.then_some(&self.ready))
    }

    async fn read(&mut self) -> Result<(), StoreError> {
        let mut rows = Vec::new();
        while rows.len() < SPANS_READ_AT_ONCE {
            let row = self.rows.next().await.map_err(StoreError::from);
            match row.inspect_err(|error| self.observed.failed(error))? {
                Some(row) => {
                    self.in_flight |= row.recent != 0;
                    rows.push(row);
                }
                None => {
                    self.has_ended = true;
                    break;
                }
            }
        }
        let origins = self.reader.origins(&self.scope, rows.iter().map(|row| row.origin)).await?;
        self.ready.extend(rows.into_iter().map(|row| row.into_model(&origins)));
        Ok(())
    }
}

// === Rows ===

#[derive(Row, Deserialize)]
struct WideRow {
    trace_id: [u8; 16],
    span_id: u64,
    parent_id: u64,
    service: String,
    operation: String,
    kind: u8,
    status: u8,
    start: i64,
    duration: u64,
    status_message: String,
    trace_state: String,
    flags: u32,
    origin: u64,
    attr_str: Vec<(String, String)>,
    attr_int: Vec<(String, i64)>,
    attr_dbl: Vec<(String, f64)>,
    attr_other: Vec<(String, String)>,
    dropped_attributes: u32,
    dropped_events: u32,
    dropped_links: u32,
    events: Vec<EventTuple>,
    links: Vec<LinkTuple>,
    notes: Vec<String>,
    recent: u8,
}

type EventTuple = (u64, String, Vec<(String, String)>, u32);
type LinkTuple = ([u8; 16], u64, String, u32, Vec<(String, String)>, u32);

impl WideRow {
    fn into_model(self, origins: &Origins) -> Span {
        let mut attributes: Attrs = Vec::new();
        attributes.extend(self.attr_str.into_iter().map(|(k, v)| (k, AttrValue::Str(v))));
        attributes.extend(self.attr_int.into_iter().map(|(k, v)| (k, AttrValue::Int(v))));
        attributes.extend(self.attr_dbl.into_iter().map(|(k, v)| (k, AttrValue::Double(v))));
        attributes.extend(untagged(self.attr_other));
        attributes.sort_by(|a, b| a.0.cmp(&b.0));
        Span {
            trace_id: TraceId(self.trace_id),
            span_id: SpanId(self.span_id),
            parent_id: SpanId(self.parent_id),
            service: self.service,
            operation: self.operation,
            kind: SpanKind::from_number(self.kind),
            start: timestamp(self.start),
            duration: Nanos(self.duration),
            status: Status::from_number(self.status),
            status_message: self.status_message,
            trace_state: self.trace_state,
            flags: self.flags,
            attributes,
            events: self.events.into_iter().map(event).collect(),
            links: self.links.into_iter().map(link).collect(),
            dropped_attributes: self.dropped_attributes,
            dropped_events: self.dropped_events,
            dropped_links: self.dropped_links,
            origin: origins.get(&self.origin).map(|o| (**o).clone()).unwrap_or_default(),
            notes: self.notes,
        }
    }
}

fn event((time, name, attrs, dropped): EventTuple) -> Event {
    Event { time: Timestamp(time), name, attributes: untagged(attrs), dropped_attributes: dropped }
}

fn link((trace_id, span_id, trace_state, flags, attrs, dropped): LinkTuple) -> Link {
    Link {
        trace_id: TraceId(trace_id),
        span_id: SpanId(span_id),
        trace_state,
        flags,
        attributes: untagged(attrs),
        dropped_attributes: dropped,
    }
}
