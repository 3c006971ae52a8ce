//! `/api/status`: whether anything is wrong with Skein, and where.

use axum::Json;
use axum::extract::State;
use model::view::{Figure, StatusReport};
use serde_json::{Value, json};

use super::App;
use super::params::now;

use crate::limits::ENGINE_ANSWERS_WITHIN;

impl App {
    pub async fn report_status(&self) -> StatusReport {
        let missing = tokio::time::timeout(ENGINE_ANSWERS_WITHIN, self.readiness.missing()).await;
        let missing = missing.unwrap_or(Some((super::health::NO_ENGINE, false)));
        self.status.report(now(), missing)
    }
}

pub async fn report(State(app): State<App>) -> Json<Value> {
    let report = app.report_status().await;
    let troubles: Vec<Value> = report
        .troubles
        .iter()
        .map(|trouble| json!({ "what": trouble.what, "advice": trouble.advice }))
        .collect();
    let stages: Vec<Value> = report
        .stages
        .iter()
        .map(|stage| {
            json!({
                "name": stage.name,
                "rate_per_sec": stage.per_sec,
                "failures": stage.failures,
                "p50_ms": stage.p50.as_millis_f64(),
                "p99_ms": stage.p99.as_millis_f64(),
            })
        })
        .collect();
    let tables: Vec<Value> = report
        .tables
        .iter()
        .map(|table| {
            json!({
                "name": table.name,
                "rows": table.rows,
                "bytes": table.bytes,
                "parts": table.parts,
                "keep_days": table.keep_days,
            })
        })
        .collect();
    let log: Vec<Value> = report
        .said
        .iter()
        .map(|said| {
            let level = if said.is_error { "error" } else { "warning" };
            json!({ "time_unix_ns": said.time.0.to_string(), "level": level, "text": said.text })
        })
        .collect();
    Json(json!({
        "condition": report.condition.name(),
        "troubles": troubles,
        "version": report.version,
        "roles": report.roles,
        "started_unix_ns": report.started.0.to_string(),
        "uptime_seconds": report.now.since(report.started).0 / 1_000_000_000,
        "window_seconds": report.window.0 / 1_000_000_000,
        "figures": report.figures.iter().map(figure_json).collect::<Vec<_>>(),
        "stages": stages,
        "tables": tables,
        "log": log,
        "own_traces": report.own_traces,
    }))
}

fn figure_json(figure: &Figure) -> Value {
    json!({
        "id": figure.id,
        "part": figure.part,
        "label": figure.label,
        "value": figure.value,
        "unit": figure.unit.name(),
        "limit": figure.limit,
        "reached": figure.reached,
        "is_wrong": figure.is_wrong,
    })
}
