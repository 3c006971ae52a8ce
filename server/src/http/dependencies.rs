//! `/api/dependencies`: who called whom.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Query, State};
use model::view::GraphEdge;
use serde_json::{Value, json};

use super::App;
use super::error::HttpError;
use super::params;
use crate::limits::{GRAPH_DEFAULT_SECS, GRAPH_MAX_SECS};

pub async fn list(
    State(app): State<App>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Value>, HttpError> {
    let (start, end) = params::range(&query, GRAPH_DEFAULT_SECS, GRAPH_MAX_SECS)?;
    let caller = app.caller().await?;
    let graph = app.queries.service_graph(&caller.scope, start, end).await?;
    let edges: Vec<Value> = graph.edges.iter().map(edge_json).collect();
    Ok(Json(json!({ "edges": edges, "complete": graph.complete })))
}

fn edge_json(edge: &GraphEdge) -> Value {
    json!({
        "client": edge.client.name,
        "client_kind": edge.client.kind.name(),
        "server": edge.server.name,
        "server_kind": edge.server.kind.name(),
        "calls": edge.calls,
        "errors": edge.errors,
        "p50_ms": edge.p50.as_millis_f64(),
        "p95_ms": edge.p95.as_millis_f64(),
        "p99_ms": edge.p99.as_millis_f64(),
    })
}
