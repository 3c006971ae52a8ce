//! `DELETE /api/traces/{id}` and `/api/audit`, which tells of it.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Path, Query, State};
use model::ApiError;
use model::view::AuditLine;
use serde_json::{Value, json};

use super::App;
use super::error::HttpError;
use super::params::{self, now};
use crate::limits::{AUDIT_DEFAULT_LINES, AUDIT_MAX_LINES};

/// Until there are users, whoever reaches the port.
const ACTOR: &str = "anyone on this machine";

pub async fn trace(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, HttpError> {
    let trace_id = params::trace_id(&id)?;
    let caller = app.caller().await?;
    let subject = trace_id.to_string();
    let begun = app.access.begin_audit(&caller.scope, ACTOR, "delete_trace", &subject, now()).await?;
    // Runs on when the caller goes away: what was begun is ended, and its outcome written down.
    let work = tokio::spawn(async move {
        let erased = app.eraser.erase(&caller.scope, trace_id).await;
        let (is_done, detail) = match &erased {
            Ok(0) => (false, "no such trace".to_owned()),
            Ok(spans) => (true, format!("{spans} spans")),
            Err(error) => (false, error.to_string()),
        };
        app.access.end_audit(begun, is_done, &detail).await?;
        Ok::<u64, HttpError>(erased.map_err(ApiError::from)?)
    });
    let spans = work.await.map_err(|error| {
        tracing::error!(%error, trace = subject, "a deletion did not end");
        let hint = "ask again; the server's log has the details";
        ApiError::new(model::ErrorCode::Internal, "the trace may not be deleted whole", hint)
    })??;
    if spans == 0 {
        let hint = "it may have expired or been deleted before; spans still on their way are stored when they arrive";
        return Err(ApiError::not_found(format!("no trace {subject}"), hint).into());
    }
    Ok(Json(json!({ "trace_id": subject, "deleted_spans": spans })))
}

pub async fn audit(
    State(app): State<App>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Value>, HttpError> {
    let limit = params::audit_limit(&query, AUDIT_DEFAULT_LINES, AUDIT_MAX_LINES)?;
    let caller = app.caller().await?;
    let lines = app.access.audit_lines(&caller.scope, limit).await?;
    Ok(Json(json!({ "audit": lines.iter().map(line_json).collect::<Vec<_>>() })))
}

fn line_json(line: &AuditLine) -> Value {
    json!({
        "began_unix_ns": line.began.0.to_string(),
        "actor": line.actor,
        "action": line.action,
        "subject": line.subject,
        "outcome": line.outcome,
        "detail": line.detail,
    })
}
