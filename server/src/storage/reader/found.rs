//! What searches read: candidates out of `pieces`, and what `spans` says of them.

use clickhouse::Row;
use model::view::{MatchedSpan, Scanned, ServiceShare, TraceSummary};
use model::{AttrValue, Nanos, SpanId, Timestamp, TraceId};
use serde::Deserialize;

use super::{Plan, Reader, StoreError, timestamp};

/// A trace that may match, and its place in the order asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub trace_id: TraceId,
    pub key: u64,
}

/// A candidate as it really is.
#[derive(Clone, Debug)]
pub struct Found {
    pub trace_id: TraceId,
    /// Spans that match; none when the trace does not.
    pub spans: u64,
    /// The start of the trace's first span, matching or not.
    pub begins: Timestamp,
    pub first: Vec<Shown>,
}

/// A matching span and the values of the fields to show.
#[derive(Clone, Debug)]
pub struct Shown {
    pub span: MatchedSpan,
    pub values: Vec<AttrValue>,
}

/// A span with what the engine found out about it.
#[derive(Clone, Debug)]
pub struct Evaluated {
    pub trace_id: TraceId,
    pub span_id: u64,
    pub parent_id: u64,
    pub bits: u64,
    pub numbers: Vec<Option<f64>>,
    pub groups: Vec<String>,
    pub shown: Shown,
}

impl Reader {
    pub async fn candidates(&self, plan: &Plan) -> Result<(Vec<Candidate>, Scanned), StoreError> {
        let (rows, scanned) = self.fetch::<CandidateRow>(plan).await?;
        let candidate = |row: CandidateRow| Candidate { trace_id: TraceId(row.trace_id), key: row.key };
        Ok((rows.into_iter().map(candidate).collect(), scanned))
    }

    pub async fn found(&self, plan: &Plan) -> Result<(Vec<Found>, Scanned), StoreError> {
        let (rows, scanned) = self.fetch::<FoundRow>(plan).await?;
        Ok((rows.into_iter().map(FoundRow::into_model).collect(), scanned))
    }

    pub async fn evaluated(&self, plan: &Plan) -> Result<(Vec<Evaluated>, Scanned), StoreError> {
        let (rows, scanned) = self.fetch::<EvaluatedRow>(plan).await?;
        Ok((rows.into_iter().map(EvaluatedRow::into_model).collect(), scanned))
    }

    pub async fn summaries(&self, plan: &Plan) -> Result<(Vec<TraceSummary>, Scanned), StoreError> {
        let (rows, scanned) = self.fetch::<SummaryRow>(plan).await?;
        Ok((rows.into_iter().map(SummaryRow::into_model).collect(), scanned))
    }
}

#[derive(Row, Deserialize)]
struct CandidateRow {
    trace_id: [u8; 16],
    key: u64,
}

/// Start, id, duration, service, operation, failed, fields.
type ShownTuple = (i64, u64, u64, String, String, u8, Vec<String>);

fn shown((start, id, duration, service, operation, failed, fields): ShownTuple) -> Shown {
    Shown {
        span: MatchedSpan {
            span_id: SpanId(id),
            start: timestamp(start),
            duration: Nanos(duration),
            service,
            operation,
            is_error: failed != 0,
            fields: Vec::new(),
        },
        values: fields.iter().map(|text| AttrValue::from_text(text)).collect(),
    }
}

#[derive(Row, Deserialize)]
struct FoundRow {
    trace_id: [u8; 16],
    matched: u64,
    begins: i64,
    first_matched: Vec<ShownTuple>,
}

impl FoundRow {
    fn into_model(self) -> Found {
        Found {
            trace_id: TraceId(self.trace_id),
            spans: self.matched,
            begins: timestamp(self.begins),
            first: self.first_matched.into_iter().map(shown).collect(),
        }
    }
}

#[derive(Row, Deserialize)]
struct EvaluatedRow {
    trace_id: [u8; 16],
    parent_id: u64,
    bits: u64,
    numbers: Vec<Option<f64>>,
    groups: Vec<String>,
    span: ShownTuple,
}

impl EvaluatedRow {
    fn into_model(self) -> Evaluated {
        Evaluated {
            trace_id: TraceId(self.trace_id),
            span_id: self.span.1,
            parent_id: self.parent_id,
            bits: self.bits,
            numbers: self.numbers,
            groups: self.groups,
            shown: shown(self.span),
        }
    }
}

#[derive(Row, Deserialize)]
struct SummaryRow {
    trace_id: [u8; 16],
    first_ns: i64,
    length_ns: u64,
    root_service: String,
    root_operation: String,
    has_root: u8,
    span_count: u64,
    error_count: u64,
    orphan_count: u64,
    services: Vec<(String, u64)>,
    failures: Vec<(String, u64)>,
}

impl SummaryRow {
    fn into_model(self) -> TraceSummary {
        let errors_of =
            |name: &str| self.failures.iter().find(|(n, _)| n == name).map_or(0, |(_, count)| *count);
        let mut services: Vec<ServiceShare> = self
            .services
            .iter()
            .map(|(name, count)| ServiceShare {
                name: name.clone(),
                span_count: *count,
                error_count: errors_of(name),
            })
            .collect();
        services.sort_by(|a, b| b.span_count.cmp(&a.span_count).then_with(|| a.name.cmp(&b.name)));
        TraceSummary {
            trace_id: TraceId(self.trace_id),
            root_service: self.root_service,
            root_operation: self.root_operation,
            start: timestamp(self.first_ns),
            duration: Nanos(self.length_ns),
            span_count: self.span_count,
            error_count: self.error_count,
            orphan_count: self.orphan_count,
            status: model::trace::status_of(self.error_count, self.orphan_count, self.has_root != 0),
            services,
        }
    }
}
