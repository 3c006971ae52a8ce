//! Rows of questions about the inside of one trace.

use std::collections::HashMap;

use clickhouse::Row;
use model::trace::{LinkedSpan, TraceValues};
use model::{Nanos, SpanId, Timestamp, TraceId};
use serde::Deserialize;

use super::{Plan, Reader, timestamp};
use crate::limits::TRACE_VALUES_MAX_BYTES;
use crate::storage::StoreError;

#[derive(Row, Deserialize)]
struct IdRow {
    span_id: u64,
}

#[derive(Row, Deserialize)]
struct ValueRow {
    span_id: u64,
    text: String,
}

#[derive(Row, Deserialize)]
struct LinkedRow {
    ours: u64,
    is_incoming: u8,
    trace_id: [u8; 16],
    span_id: u64,
    service: String,
    operation: String,
    start: i64,
    duration: u64,
}

/// A link as the span that holds it says, and that span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub service: String,
    pub operation: String,
    pub start: Timestamp,
    pub linked_trace: TraceId,
    pub linked_span: SpanId,
}

#[derive(Row, Deserialize)]
struct JoinedRow {
    trace_id: [u8; 16],
    span_id: u64,
    service: String,
    operation: String,
    start: i64,
    linked_trace: [u8; 16],
    linked_span: u64,
}

impl Reader {
    pub async fn joined(&self, plan: &Plan) -> Result<Vec<Joined>, StoreError> {
        let (rows, _) = self.fetch::<JoinedRow>(plan).await?;
        let joined = |row: JoinedRow| Joined {
            trace_id: TraceId(row.trace_id),
            span_id: SpanId(row.span_id),
            service: row.service,
            operation: row.operation,
            start: timestamp(row.start),
            linked_trace: TraceId(row.linked_trace),
            linked_span: SpanId(row.linked_span),
        };
        Ok(rows.into_iter().map(joined).collect())
    }

    pub async fn span_ids(&self, plan: &Plan) -> Result<Vec<SpanId>, StoreError> {
        let reading = async {
            let mut cursor = self.query(plan).fetch::<IdRow>()?;
            let mut ids = Vec::new();
            while let Some(row) = cursor.next().await? {
                ids.push(SpanId(row.span_id));
            }
            let rows = ids.len();
            Ok((ids, rows, None))
        };
        self.observe(plan, reading).await
    }

    pub async fn trace_values(&self, plan: &Plan) -> Result<TraceValues, StoreError> {
        let reading = async {
            let mut cursor = self.query(plan).fetch::<ValueRow>()?;
            let mut found = TraceValues { complete: true, ..TraceValues::default() };
            let mut numbers: HashMap<String, u32> = HashMap::new();
            let mut room = TRACE_VALUES_MAX_BYTES;
            while let Some(row) = cursor.next().await? {
                if !numbers.contains_key(&row.text) {
                    let Some(rest) = room.checked_sub(row.text.len()) else {
                        found.complete = false;
                        continue;
                    };
                    room = rest;
                }
                let next = numbers.len() as u32;
                let number = *numbers.entry(row.text).or_insert_with_key(|text| {
                    found.values.push(text.clone());
                    next
                });
                found.spans.push((SpanId(row.span_id), number));
            }
            let rows = found.spans.len();
            Ok((found, rows, None))
        };
        self.observe(plan, reading).await
    }

    pub async fn linked_spans(&self, plan: &Plan) -> Result<Vec<LinkedSpan>, StoreError> {
        let (rows, _) = self.fetch::<LinkedRow>(plan).await?;
        let linked = |row: LinkedRow| LinkedSpan {
            ours: SpanId(row.ours),
            is_incoming: row.is_incoming != 0,
            trace_id: TraceId(row.trace_id),
            span_id: SpanId(row.span_id),
            service: row.service,
            operation: row.operation,
            start: timestamp(row.start),
            duration: Nanos(row.duration),
        };
        Ok(rows.into_iter().map(linked).collect())
    }
}
