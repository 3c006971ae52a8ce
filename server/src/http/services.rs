//! `/api/services`: who is there and how they are doing.

use axum::Json;
use axum::extract::{Path, State};
use model::view::Red;
use serde_json::{Value, json};

use super::App;
use super::error::HttpError;
use super::params::now;

pub async fn list(State(app): State<App>) -> Result<Json<Value>, HttpError> {
    let caller = app.caller().await?;
    let services = app.queries.services(&caller.scope, now()).await?;
    let services: Vec<Value> = services
        .iter()
        .map(|service| {
            let mut line = red_json(&service.red);
            line["name"] = json!(service.name);
            line["last_seen_unix_ns"] = json!(service.last_seen.0.to_string());
            line
        })
        .collect();
    Ok(Json(json!({ "services": services })))
}

pub async fn operations(
    State(app): State<App>,
    Path(service): Path<String>,
) -> Result<Json<Value>, HttpError> {
    let caller = app.caller().await?;
    let operations = app.queries.operations(&caller.scope, &service, now()).await?;
    let operations: Vec<Value> = operations
        .iter()
        .map(|operation| {
            let mut line = red_json(&operation.red);
            line["name"] = json!(operation.name);
            line["kind"] = json!(operation.kind.name());
            line
        })
        .collect();
    Ok(Json(json!({ "service": service, "operations": operations })))
}

fn red_json(red: &Red) -> Value {
    json!({
        "calls": red.calls,
        "errors": red.errors,
        "rate_per_sec": red.rate_per_sec,
        "error_rate": red.error_rate,
        "p50_ms": red.p50.as_millis_f64(),
        "p95_ms": red.p95.as_millis_f64(),
        "p99_ms": red.p99.as_millis_f64(),
    })
}
