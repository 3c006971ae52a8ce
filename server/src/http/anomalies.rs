//! `/api/anomalies`: what is not as it was.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Query, State};
use model::ApiError;
use model::view::{Anomaly, Changed};
use serde_json::{Value, json};

use super::App;
use super::error::HttpError;
use super::params;
use crate::limits::{ANOMALIES_DEFAULT_SECS, HEALTH_MAX_SECS};

pub async fn list(
    State(app): State<App>,
    Query(mut query): Query<HashMap<String, String>>,
) -> Result<Json<Value>, HttpError> {
    let service = query.remove("service").filter(|name| !name.is_empty());
    let state = query.remove("state").filter(|name| !name.is_empty());
    if let Some(state) = state.as_deref().filter(|state| !["open", "closed"].contains(state)) {
        return Err(ApiError::bad_request(format!("state is '{state}'"), "there are: open, closed").into());
    }
    let (start, end) = params::range(&query, ANOMALIES_DEFAULT_SECS, HEALTH_MAX_SECS)?;
    let caller = app.caller().await?;
    let found = app.queries.anomalies(&caller.scope, start, end).await?;
    let is_wanted = |anomaly: &&Anomaly| {
        service.as_deref().is_none_or(|service| takes_part(anomaly, service))
            && state.as_deref().is_none_or(|state| (state == "open") == anomaly.closed.is_none())
    };
    let anomalies: Vec<Value> = found.anomalies.iter().filter(is_wanted).map(model::json::anomaly).collect();
    Ok(Json(json!({
        "anomalies": anomalies,
        "judged_unix_ns": found.judged.0.to_string(),
        "known_since_unix_ns": found.known_since.0.to_string(),
    })))
}

fn takes_part(anomaly: &Anomaly, service: &str) -> bool {
    let is_it = |changed: &Changed| changed.service == service;
    is_it(&anomaly.origin) || anomaly.affected.iter().any(is_it)
}
