//! `/api/traces`: search, and one trace whole.

use std::collections::HashMap;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::{Stream, stream};
use model::ApiError;
use model::json::{log_json, matches_json, span_json, summary_json};
use model::view::TraceSummary;
use serde_json::{Value, json};

use super::App;
use super::error::HttpError;
use super::params::{self, now};
use crate::limits::ANSWER_PIECE_BYTES;
use crate::storage::reader::SpanCursor;

pub async fn search(
    State(app): State<App>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Value>, HttpError> {
    let caller = app.caller().await?;
    let page = app.queries.search(&caller.scope, params::search(&query)?, now()).await?;
    Ok(Json(json!({
        "traces": page.traces.iter().map(summary_json).collect::<Vec<_>>(),
        "matches": page.matches.iter().map(matches_json).collect::<Vec<_>>(),
        "limit_reached": page.limit_reached,
        "next_cursor": page.next_cursor,
        "complete": page.complete,
        "scanned": { "rows": page.scanned.rows, "bytes": page.scanned.bytes },
    })))
}

/// The trace is written as it is read, so that its size is bounded by neither memory nor a cap.
pub async fn by_id(State(app): State<App>, Path(id): Path<String>) -> Result<Response, HttpError> {
    let trace_id = params::trace_id(&id)?;
    let caller = app.caller().await?;
    let (summary, spans) = app.queries.whole(&caller.scope, trace_id).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], Body::from_stream(trace_json(&summary, spans)))
        .into_response())
}

/// A trace's log. A trace nobody knows has an empty one, as its lines may come before its spans.
pub async fn logs(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, HttpError> {
    let trace_id = params::trace_id(&id)?;
    let caller = app.caller().await?;
    let log = app.queries.trace_logs(&caller.scope, trace_id).await?;
    Ok(Json(json!({
        "trace_id": trace_id.to_string(),
        "logs": log.lines.iter().map(log_json).collect::<Vec<_>>(),
        "complete": log.complete,
    })))
}

/// The summary, the spans with commas between them, and last the root span, which by then has passed by.
fn trace_json(
    summary: &TraceSummary,
    spans: SpanCursor,
) -> impl Stream<Item = Result<Bytes, ApiError>> + use<> {
    struct Writing {
        spans: SpanCursor,
        /// What precedes the first span; empty once it is written.
        opening: String,
        root: String,
    }
    let mut opening = summary_json(summary).to_string();
    opening.pop();
    opening.push_str(",\"spans\":[");
    let start = Some(Writing { spans, opening, root: String::new() });
    stream::try_unfold(start, async |state| {
        let Some(mut writing) = state else { return Ok(None) };
        let mut piece = String::with_capacity(ANSWER_PIECE_BYTES);
        while piece.len() < ANSWER_PIECE_BYTES {
            let Some(span) = writing.spans.next().await? else {
                piece.push_str(&writing.opening);
                let root = if writing.root.is_empty() { "null" } else { &writing.root };
                piece.push_str(&format!("],\"root_span\":{root}}}"));
                return Ok(Some((Bytes::from(piece), None)));
            };
            match std::mem::take(&mut writing.opening) {
                opening if opening.is_empty() => piece.push(','),
                opening => piece.push_str(&opening),
            }
            let text = span_json(&span).to_string();
            piece.push_str(&text);
            if span.is_root() && writing.root.is_empty() {
                writing.root = text;
            }
        }
        Ok(Some((Bytes::from(piece), Some(writing))))
    })
}
