//! The query and the filters beside it, as one tree.

use model::query::ast::{
    CompareOp, Expr, ExprKind, Literal, Pipeline, Spanset, SpansetKind, SpansetOp, StatusWord,
};
use model::query::fields::{FieldName, Intrinsic};
use model::query::{ByteRange, Query, read};
use model::view::TraceSearch;
use model::{ApiError, Nanos};

/// Reads the query and adds the filters.
pub fn read_question(asked: &TraceSearch) -> Result<Query, ApiError> {
    let query = match asked.q.as_deref().map(str::trim) {
        None | Some("") => Query::everything(),
        // As it was written, so that ranges fit.
        Some(_) => parsed(asked.q.as_deref().unwrap_or_default())?,
    };
    if let (Some(min), Some(max)) = (asked.min_duration, asked.max_duration)
        && min > max
    {
        return Err(ApiError::bad_request(
            "min_duration_ms is larger than max_duration_ms",
            "swap them, or leave one out",
        ));
    }
    Ok(with_filters(query, filters(asked)))
}

pub fn parsed(text: &str) -> Result<Query, ApiError> {
    read(text).map_err(|problems| {
        let Some(first) = problems.into_iter().next() else {
            return ApiError::bad_request("the query cannot be read", "see the query language's guide");
        };
        ApiError::bad_request(first.message, first.hint).at(first.at.start, first.at.end)
    })
}

fn filters(asked: &TraceSearch) -> Vec<Expr> {
    let mut all = Vec::new();
    if let Some(service) = &asked.service {
        all.push(compare(FieldName::service(), CompareOp::Eq, Literal::Str(service.clone())));
    }
    if let Some(operation) = &asked.operation {
        all.push(of(Intrinsic::Name, CompareOp::Eq, Literal::Str(operation.clone())));
    }
    match asked.error {
        Some(true) => all.push(of(Intrinsic::Status, CompareOp::Eq, Literal::Status(StatusWord::Error))),
        Some(false) => all.push(of(Intrinsic::TraceErrorCount, CompareOp::Eq, Literal::Int(0))),
        None => {}
    }
    let is_of_span = asked.service.is_some() || asked.operation.is_some();
    let bounded = if is_of_span { Intrinsic::Duration } else { Intrinsic::TraceDuration };
    let bounds: [(Option<Nanos>, CompareOp); 2] =
        [(asked.min_duration, CompareOp::GtEq), (asked.max_duration, CompareOp::LtEq)];
    for (bound, op) in bounds {
        all.extend(bound.map(|length| of(bounded, op, Literal::Duration(length))));
    }
    all
}

fn of(intrinsic: Intrinsic, op: CompareOp, value: Literal) -> Expr {
    compare(FieldName::Intrinsic(intrinsic), op, value)
}

fn compare(field: FieldName, op: CompareOp, value: Literal) -> Expr {
    let here = ByteRange::default();
    Expr::compare(Expr::new(ExprKind::Field(field), here), op, Expr::new(ExprKind::Literal(value), here))
}

/// The filters join the condition when the query begins with one filter. Otherwise they ask for a span beside those
/// the query is about.
fn with_filters(mut query: Query, filters: Vec<Expr>) -> Query {
    let Some(more) = Expr::all(filters) else { return query };
    if let SpansetKind::Filter(condition) = &mut query.pipeline.spans.kind {
        *condition = Expr::all(condition.take().into_iter().chain([more]).collect());
        return query;
    }
    let at = query.pipeline.spans.at;
    let filter = Spanset { kind: SpansetKind::Filter(Some(more)), at };
    let spans = std::mem::replace(&mut query.pipeline.spans, filter.clone());
    let inner = Pipeline { spans, stages: Vec::new() };
    let right = Spanset { kind: SpansetKind::Pipeline(Box::new(inner)), at };
    query.pipeline.spans.kind =
        SpansetKind::Binary { op: SpansetOp::And, left: Box::new(filter), right: Box::new(right) };
    query
}
