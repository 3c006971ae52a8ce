//! `/api/receipts`: what became of everything that was sent.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Query, State};
use model::view::{ReceiptLine, ReceiptsReport};
use serde_json::{Value, json};

use super::App;
use super::error::HttpError;
use super::params::{self, now};

pub async fn report(
    State(app): State<App>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Value>, HttpError> {
    let asked = params::receipts(&query)?;
    let caller = app.caller().await?;
    let ReceiptsReport { start, step, lines, complete, totals } =
        app.queries.receipts(&caller.scope, &asked, now()).await?;
    let totals: serde_json::Map<String, Value> =
        totals.iter().map(|(outcome, items)| (outcome.name().to_owned(), json!(items))).collect();
    Ok(Json(json!({
        "start_unix_ns": start.0.to_string(),
        "step_seconds": step.0 / 1_000_000_000,
        "totals": totals,
        "receipts": lines.iter().map(line_json).collect::<Vec<_>>(),
        "complete": complete,
    })))
}

fn line_json(line: &ReceiptLine) -> Value {
    json!({
        "outcome": line.outcome.name(),
        "reason": line.reason,
        "lost": line.outcome.is_loss(),
        "advice": line.advice,
        "service": line.service,
        "key": line.key,
        "door": line.door,
        "kind": line.kind,
        "items": line.items,
        "requests": line.requests,
        "example": line.example,
        "last_unix_ns": line.last.0.to_string(),
        "points": line.points,
    })
}
