//! What searches read: candidates out of `pieces`, and what `spans` says of them.

use std::collections::HashSet;

use clickhouse::Row;
use model::view::{AttributeKey, HeatCell, MatchedSpan, Scanned, ServiceShare, TraceSummary};
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
    pub length: Nanos,
    /// Some span of the trace failed, matching or not.
    pub is_error: bool,
    /// The earliest matching spans.
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

/// The values of one step of some series.
#[derive(Clone, Debug, Row, Deserialize)]
pub struct Point {
    pub step: u32,
    pub labels: Vec<String>,
    pub values: Vec<Option<f64>>,
}

/// Ids put in order: how many there are, and some ranges of them.
#[derive(Clone, Debug, Default)]
pub struct IdRuns {
    pub number: u64,
    pub runs: Vec<(TraceId, TraceId)>,
}

/// How many traces have a value of a column.
#[derive(Clone, Debug, Row, Deserialize)]
pub struct GroupCount {
    pub of: String,
    pub value: String,
    pub traces: u64,
    pub errors: u64,
}

/// How many traces have a value.
#[derive(Clone, Debug, Row, Deserialize)]
pub struct ValueCount {
    pub value: String,
    pub traces: u64,
    pub errors: u64,
}

impl Reader {
    pub async fn number(&self, plan: &Plan) -> Result<(u64, Scanned), StoreError> {
        let (rows, scanned) = self.fetch::<NumberRow>(plan).await?;
        Ok((rows.first().map_or(0, |row| row.number), scanned))
    }

    pub async fn id_runs(&self, plan: &Plan) -> Result<(IdRuns, Scanned), StoreError> {
        let (rows, scanned) = self.fetch::<IdRunsRow>(plan).await?;
        let runs = |row: IdRunsRow| IdRuns {
            number: row.number,
            runs: row.runs.into_iter().map(|(from, to)| (TraceId(from), TraceId(to))).collect(),
        };
        Ok((rows.into_iter().next().map(runs).unwrap_or_default(), scanned))
    }

    /// About how many rows of `pieces` a statement would read.
    pub async fn estimate(&self, plan: &Plan) -> Result<u64, StoreError> {
        let (rows, _) = self.fetch::<EstimateRow>(plan).await?;
        Ok(rows.iter().filter(|row| row.table == "pieces").map(|row| row.rows).sum())
    }

    pub async fn names(&self, plan: &Plan) -> Result<HashSet<String>, StoreError> {
        let (rows, _) = self.fetch::<NameRow>(plan).await?;
        Ok(rows.into_iter().map(|row| row.name).collect())
    }

    pub async fn groups(&self, plan: &Plan) -> Result<(Vec<GroupCount>, Scanned), StoreError> {
        self.fetch::<GroupCount>(plan).await
    }

    pub async fn values(&self, plan: &Plan) -> Result<(Vec<ValueCount>, Scanned), StoreError> {
        self.fetch::<ValueCount>(plan).await
    }

    pub async fn points(&self, plan: &Plan) -> Result<(Vec<Point>, Scanned), StoreError> {
        self.fetch::<Point>(plan).await
    }

    pub async fn cells(&self, plan: &Plan) -> Result<(Vec<HeatCell>, Scanned), StoreError> {
        let (rows, scanned) = self.fetch::<CellRow>(plan).await?;
        let cell = |CellRow { column, row, traces, errors }| HeatCell { column, row, traces, errors };
        Ok((rows.into_iter().map(cell).collect(), scanned))
    }

    pub async fn keys(&self, plan: &Plan) -> Result<Vec<AttributeKey>, StoreError> {
        let (rows, _) = self.fetch::<KeyRow>(plan).await?;
        let key = |KeyRow { scope, key, number, is_number }| AttributeKey {
            scope,
            key,
            count: number,
            is_number: is_number != 0,
        };
        Ok(rows.into_iter().map(key).collect())
    }

    pub async fn candidates(&self, plan: &Plan) -> Result<(Vec<Candidate>, Scanned), StoreError> {
        let (rows, scanned) = self.fetch::<CandidateRow>(plan).await?;
        let candidate = |row: CandidateRow| Candidate { trace_id: TraceId(row.trace_id), key: row.key };
        Ok((rows.into_iter().map(candidate).collect(), scanned))
    }

    pub async fn found(&self, plan: &Plan) -> Result<(Vec<Found>, Scanned), StoreError> {
        let (rows, scanned) = self.fetch::<FoundRow>(plan).await?;
        Ok((rows.into_iter().map(FoundRow::into_model).collect(), scanned))
    }

    /// Found traces with what results say of each.
    pub async fn whole(&self, plan: &Plan) -> Result<(Vec<(Found, TraceSummary)>, Scanned), StoreError> {
        let (rows, scanned) = self.fetch::<WholeRow>(plan).await?;
        Ok((rows.into_iter().map(WholeRow::into_model).collect(), scanned))
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
struct NameRow {
    name: String,
}

#[derive(Row, Deserialize)]
struct IdRunsRow {
    number: u64,
    runs: Vec<([u8; 16], [u8; 16])>,
}

#[derive(Row, Deserialize)]
struct EstimateRow {
    table: String,
    rows: u64,
}

#[derive(Row, Deserialize)]
struct NumberRow {
    number: u64,
}

#[derive(Row, Deserialize)]
struct CellRow {
    column: u32,
    row: u32,
    traces: u64,
    errors: u64,
}

#[derive(Row, Deserialize)]
struct KeyRow {
    scope: String,
    key: String,
    number: u64,
    is_number: u8,
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
    lasts: u64,
    failed: u8,
    first_matched: Vec<ShownTuple>,
}

impl FoundRow {
    fn into_model(self) -> Found {
        Found {
            trace_id: TraceId(self.trace_id),
            spans: self.matched,
            begins: timestamp(self.begins),
            length: Nanos(self.lasts),
            is_error: self.failed != 0,
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

/// Start, length, root's service and operation, whether there is one, in flight, spans, errors, orphans, spans by
/// service, failed ones by service.
type SummaryTuple = (i64, u64, String, String, u8, u8, u64, u64, u64, Vec<(String, u64)>, Vec<(String, u64)>);

#[derive(Row, Deserialize)]
struct SummaryRow {
    trace_id: [u8; 16],
    summary: SummaryTuple,
}

impl SummaryRow {
    fn into_model(self) -> TraceSummary {
        let (
            first,
            length,
            root_service,
            root_operation,
            has_root,
            in_flight,
            spans,
            errors,
            orphans,
            of,
            failed,
        ) = self.summary;
        let errors_of = |name: &str| failed.iter().find(|(n, _)| n == name).map_or(0, |(_, count)| *count);
        let share = |(name, span_count): (String, u64)| ServiceShare {
            error_count: errors_of(&name),
            name,
            span_count,
        };
        let mut services: Vec<ServiceShare> = of.into_iter().map(share).collect();
        services.sort_by(|a, b| b.span_count.cmp(&a.span_count).then_with(|| a.name.cmp(&b.name)));
        TraceSummary {
            trace_id: TraceId(self.trace_id),
            root_service,
            root_operation,
            start: timestamp(first),
            duration: Nanos(length),
            span_count: spans,
            error_count: errors,
            orphan_count: orphans,
            status: model::trace::status_of(errors, orphans, has_root != 0),
            in_flight: in_flight != 0,
            critical: None,
            services,
        }
    }
}

#[derive(Row, Deserialize)]
struct WholeRow {
    trace_id: [u8; 16],
    matched: u64,
    begins: i64,
    lasts: u64,
    failed: u8,
    first_matched: Vec<ShownTuple>,
    summary: SummaryTuple,
}

impl WholeRow {
    fn into_model(self) -> (Found, TraceSummary) {
        let WholeRow { trace_id, matched, begins, lasts, failed, first_matched, summary } = self;
        let found = FoundRow { trace_id, matched, begins, lasts, failed, first_matched };
        (found.into_model(), SummaryRow { trace_id, summary }.into_model())
    }
}
