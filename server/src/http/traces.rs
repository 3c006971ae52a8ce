//! `/api/traces`: search, and one trace whole.

use std::collections::HashMap;
use std::convert::Infallible;

use api::Failure;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use model::json::{log_json, matches_json, span_json, summary_json};
use model::view::{SearchPage, TraceSummary};
use model::{ApiError, ErrorCode};
use serde_json::{Value, json};

use super::App;
use super::error::{HttpError, error_json, status_of};
use super::params::{self, now};
use crate::limits::ANSWER_PIECE_BYTES;
use crate::query::search::Received;
use crate::storage::reader::SpanCursor;

/// A line of JSON for each part of an answer.
pub const LINES: &str = "application/x-ndjson";
/// Parts as the browser reads them.
pub const PARTS: &str = "application/vnd.skein.parts";

/// Whoever takes lines gets the answer as one for each part, as soon as it is found.
pub async fn search(
    State(app): State<App>,
    headers: HeaderMap,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, HttpError> {
    let caller = app.caller().await?;
    let asked = params::search(&query)?;
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    if !accepted.is_some_and(|types| types.contains(LINES)) {
        let page = app.queries.search(&caller.scope, asked, now()).await?;
        return Ok(Json(page_json(&page)).into_response());
    }
    let parts = first_part(app.queries.search_in_parts(&caller.scope, asked, now())).await?;
    let lines = parts.map(|part| {
        let line = match part {
            Ok(page) => page_json(&page),
            Err(error) => json!({ "error": error_json(&error) }),
        };
        Ok::<_, Infallible>(Bytes::from(line.to_string() + "\n"))
    });
    Ok(([(header::CONTENT_TYPE, LINES)], Body::from_stream(lines)).into_response())
}

/// The same for the browser, in the form its server functions take.
pub async fn search_in_parts(State(app): State<App>, body: Bytes) -> Response {
    let answer = async {
        let caller = app.caller().await.map_err(|error| Failure(error.0))?;
        let asked = api::read_parts_request(body)?;
        let parts = app.queries.search_in_parts(&caller.scope, asked, now());
        first_part(parts).await.map_err(Failure)
    };
    match answer.await {
        Ok(parts) => {
            let parts = parts.map(|part| Ok::<_, Infallible>(api::part_bytes(part.map_err(Failure))));
            ([(header::CONTENT_TYPE, PARTS)], Body::from_stream(parts)).into_response()
        }
        Err(failure) => (status_of(failure.0.code), api::failure_bytes(&failure)).into_response(),
    }
}

/// The parts, once there is one: what fails before that has a status of its own.
async fn first_part(
    mut parts: Received,
) -> Result<impl Stream<Item = Result<SearchPage, ApiError>> + use<>, ApiError> {
    let gone =
        || ApiError::new(ErrorCode::Internal, "the search ended without an answer", "see the server's log");
    let first = parts.recv().await.ok_or_else(gone)??;
    let rest = stream::unfold(parts, async |mut parts| Some((parts.recv().await?, parts)));
    Ok(stream::iter([Ok(first)]).chain(rest))
}

fn page_json(page: &SearchPage) -> Value {
    json!({
        "traces": page.traces.iter().map(summary_json).collect::<Vec<_>>(),
        "matches": page.matches.iter().map(matches_json).collect::<Vec<_>>(),
        "limit_reached": page.limit_reached,
        "next_cursor": page.next_cursor,
        "complete": page.complete,
        "scanned": { "rows": page.scanned.rows, "bytes": page.scanned.bytes },
    })
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
