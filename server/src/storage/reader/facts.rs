//! Whole traces as they were settled, and what it takes to find out the same on the spot.

use clickhouse::Row;
use model::trace::{SpanRow, mark};
use model::{Nanos, SpanId, SpanKind, Status, TraceId};
use serde::Deserialize;

use super::{Plan, Reader, timestamp};
use crate::storage::StoreError;

/// How much there is of a trace.
#[derive(Clone, Copy, Debug)]
pub struct Arrived {
    pub trace_id: TraceId,
    pub spans: u64,
    pub in_flight: bool,
}

/// What was found out about a trace when it was quiet.
#[derive(Clone, Debug)]
pub struct Settled {
    pub trace_id: TraceId,
    pub spans: u64,
    pub depth: u32,
    pub causes: Vec<(String, u64)>,
    pub critical: Vec<(String, u64)>,
}

impl Reader {
    pub async fn arrived(&self, plan: &Plan) -> Result<Vec<Arrived>, StoreError> {
        let (rows, _) = self.fetch::<ArrivedRow>(plan).await?;
        let arrived = |row: ArrivedRow| Arrived {
            trace_id: TraceId(row.trace_id),
            spans: row.spans,
            in_flight: row.in_flight != 0,
        };
        Ok(rows.into_iter().map(arrived).collect())
    }

    pub async fn settled(&self, plan: &Plan) -> Result<Vec<Settled>, StoreError> {
        let (rows, _) = self.fetch::<SettledRow>(plan).await?;
        let settled = |row: SettledRow| Settled {
            trace_id: TraceId(row.trace_id),
            spans: row.spans,
            depth: row.depth,
            causes: row.causes,
            critical: row.critical,
        };
        Ok(rows.into_iter().map(settled).collect())
    }

    pub async fn refused(&self, plan: &Plan) -> Result<Vec<(TraceId, SpanId)>, StoreError> {
        let (rows, _) = self.fetch::<RefusedRow>(plan).await?;
        Ok(rows.into_iter().map(|row| (TraceId(row.trace_id), SpanId(row.span_id))).collect())
    }

    /// Narrow rows of several traces' spans, handed on one at a time.
    pub async fn outlines(
        &self,
        plan: &Plan,
        mut each: impl FnMut(TraceId, &SpanRow),
    ) -> Result<(), StoreError> {
        let reading = async {
            let mut cursor = self.query(plan).fetch::<OutlineRow>()?;
            let mut rows = 0;
            while let Some(row) = cursor.next().await? {
                each(TraceId(row.trace_id), &row.into_model());
                rows += 1;
            }
            Ok(((), rows, None))
        };
        self.observe(plan, reading).await
    }
}

#[derive(Row, Deserialize)]
struct RefusedRow {
    trace_id: [u8; 16],
    span_id: u64,
}

#[derive(Row, Deserialize)]
struct ArrivedRow {
    trace_id: [u8; 16],
    spans: u64,
    in_flight: u8,
}

#[derive(Row, Deserialize)]
struct SettledRow {
    trace_id: [u8; 16],
    spans: u64,
    depth: u32,
    causes: Vec<(String, u64)>,
    critical: Vec<(String, u64)>,
}

#[derive(Row, Deserialize)]
struct OutlineRow {
    trace_id: [u8; 16],
    span_id: u64,
    parent_id: u64,
    service: String,
    operation: String,
    kind: u8,
    status: u8,
    start: i64,
    duration: u64,
    flags: u32,
    peer: String,
}

impl OutlineRow {
    fn into_model(self) -> SpanRow {
        SpanRow {
            span_id: SpanId(self.span_id),
            parent_id: SpanId(self.parent_id),
            service: self.service,
            operation: self.operation,
            kind: SpanKind::from_number(self.kind),
            status: Status::from_number(self.status),
            start: timestamp(self.start),
            duration: Nanos(self.duration),
            peer: self.peer,
            marks: mark::of_flags(self.flags),
            ..SpanRow::default()
        }
    }
}
