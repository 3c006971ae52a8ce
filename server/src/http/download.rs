//! `/api/traces/{id}/otlp`: a trace as an OTLP/JSON export request, to keep, to send on, or to open again.

use std::collections::HashMap;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::{Stream, stream};
use model::{ApiError, ErrorCode, Span, SpanId};

use super::App;
use super::error::HttpError;
use super::params;
use crate::storage::reader::SpanCursor;
use crate::wire::otlp::encode;

/// Spans written at a time; those of one resource stand together within each piece.
const PIECE_SPANS: usize = 500;

/// The trace is written as it is read. `?span=` leaves only that span.
pub async fn otlp(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, HttpError> {
    let trace_id = params::trace_id(&id)?;
    let only = query.get("span").map(|text| span_id(text)).transpose()?;
    let caller = app.caller().await?;
    let (_, spans) = app.queries.whole(&caller.scope, trace_id).await?;
    let name = match only {
        Some(span) => format!("span-{span}"),
        None => format!("trace-{trace_id}"),
    };
    let headers = [
        (header::CONTENT_TYPE, "application/json".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.json\"")),
    ];
    Ok((headers, Body::from_stream(request_json(spans, only))).into_response())
}

fn span_id(text: &str) -> Result<SpanId, ApiError> {
    let hint = "16 hexadecimal digits, as in the span's own JSON";
    text.parse().map_err(|_| ApiError::new(ErrorCode::BadRequest, format!("{text} is no span id"), hint))
}

fn request_json(
    spans: SpanCursor,
    only: Option<SpanId>,
) -> impl Stream<Item = Result<Bytes, ApiError>> + use<> {
    const OPENING: &str = "{\"resourceSpans\":[";
    stream::try_unfold(Some((spans, only, OPENING)), async |state| {
        let Some((mut spans, only, mut before)) = state else { return Ok(None) };
        let (mut piece, mut is_last): (Vec<Span>, bool) = (Vec::with_capacity(PIECE_SPANS), false);
        while piece.len() < PIECE_SPANS && !is_last {
            match spans.next().await? {
                Some(span) if only.is_none_or(|only| only == span.span_id) => piece.push(span),
                Some(_) => {}
                None => is_last = true,
            }
        }
        let mut text = String::new();
        for resource in encode::json(&piece) {
            text.push_str(before);
            text.push_str(&resource);
            before = ",";
        }
        if is_last {
            text.push_str(if before == OPENING { "{\"resourceSpans\":[]}" } else { "]}" });
        }
        Ok(Some((Bytes::from(text), (!is_last).then_some((spans, only, before)))))
    })
}
