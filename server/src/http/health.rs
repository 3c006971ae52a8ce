//! Whether the process lives, whether it can do its work, and what it counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::App;
use crate::storage::Store;

/// Set as the parts come up. Ingest does not wait for any of it.
#[derive(Clone)]
pub struct Readiness {
    store: Store,
    migrated: Arc<AtomicBool>,
}

impl Readiness {
    pub fn new(store: Store) -> Readiness {
        Readiness { store, migrated: Arc::default() }
    }

    pub fn set_migrated(&self) {
        self.migrated.store(true, Ordering::Release);
    }

    /// What is missing, in words.
    async fn missing(&self) -> Option<&'static str> {
        if self.store.ping().await.is_err() {
            return Some("the storage engine does not answer");
        }
        (!self.migrated.load(Ordering::Acquire)).then_some("the tables are being brought up to date")
    }
}

pub async fn alive() -> &'static str {
    "ok\n"
}

pub async fn ready(State(app): State<App>) -> Response {
    match app.readiness.missing().await {
        None => (StatusCode::OK, Json(json!({ "ready": true }))).into_response(),
        Some(missing) => {
            let body = Json(json!({ "ready": false, "missing": missing }));
            (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
        }
    }
}

pub async fn metrics(State(app): State<App>) -> impl IntoResponse {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([("content-type", kind)], app.metrics.text())
}
