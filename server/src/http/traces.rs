//! `/api/traces`: search, and one trace whole.

use std::collections::HashMap;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use model::json::{span_json, summary_json};
use model::trace::Trace;
use model::{ApiError, TraceId};
use serde_json::{Value, json};

use super::App;
use super::error::HttpError;
use super::params::{self, now};
use crate::storage::reader::SpanCursor;

/// Spans are put together into pieces of about this size.
const PIECE_BYTES: usize = 64 << 10;

pub async fn search(
    State(app): State<App>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Value>, HttpError> {
    let caller = app.caller().await?;
    let page = app.queries.search(&caller.scope, params::search(&query)?, now()).await?;
    Ok(Json(json!({
        "traces": page.traces.iter().map(summary_json).collect::<Vec<_>>(),
        "next_cursor": page.next_cursor,
        "complete": page.complete,
        "scanned": { "rows": page.scanned.rows, "bytes": page.scanned.bytes },
    })))
}

/// The trace is written as it is read, so that its size is bounded by neither memory nor a cap.
pub async fn by_id(State(app): State<App>, Path(id): Path<String>) -> Result<Response, HttpError> {
    let trace_id: TraceId = id.parse().map_err(|e| {
        ApiError::bad_request(format!("'{id}' is not a trace id: {e}"), "give 32 hexadecimal digits")
    })?;
    let caller = app.caller().await?;
    let trace = app.queries.trace(&caller.scope, trace_id).await?;
    let head = head_json(&app, &caller.scope, &trace).await?;
    let spans = app.queries.spans(&caller.scope, trace_id).await?;
    let body = stream::once(async move { Ok(head) }).chain(spans_json(spans));
    Ok(([(header::CONTENT_TYPE, "application/json")], Body::from_stream(body)).into_response())
}

/// Everything before the first span: the summary, the root span and the opening of the list.
async fn head_json(app: &App, scope: &model::Scope, trace: &Trace) -> Result<Bytes, ApiError> {
    let mut head = summary_json(&trace.summary());
    head["root_span"] = match trace.parent_id.iter().position(|id| !id.is_valid()) {
        Some(row) => {
            let start = trace.start.plus(model::Nanos(trace.offset[row]));
            span_json(&app.queries.span(scope, trace.trace_id, trace.span_id[row], start).await?)
        }
        None => Value::Null,
    };
    let mut text = head.to_string();
    text.pop();
    text.push_str(",\"spans\":[");
    Ok(Bytes::from(text))
}

/// The spans, comma between them, and the closing of list and object.
fn spans_json(spans: SpanCursor) -> impl Stream<Item = Result<Bytes, ApiError>> {
    struct Writing {
        spans: SpanCursor,
        first: bool,
    }
    let start = Some(Writing { spans, first: true });
    stream::try_unfold(start, async |state| {
        let Some(mut writing) = state else { return Ok(None) };
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        while piece.len() < PIECE_BYTES {
            let Some(span) = writing.spans.next().await? else {
                piece.extend_from_slice(b"]}");
                return Ok(Some((Bytes::from(piece), None)));
            };
            if !std::mem::take(&mut writing.first) {
                piece.push(b',');
            }
            piece.extend_from_slice(span_json(&span).to_string().as_bytes());
        }
        Ok(Some((Bytes::from(piece), Some(writing))))
    })
}
