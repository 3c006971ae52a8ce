//! Whether the process lives, whether it can do its work, and what it counts.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::sync::watch;

use super::App;
use crate::storage::Store;

pub(super) const NO_ENGINE: &str = "the storage engine does not answer";

/// Set as the parts come up. Ingest does not wait for any of it.
#[derive(Clone)]
pub struct Readiness {
    store: Store,
    migrated: Arc<watch::Sender<bool>>,
}

impl Readiness {
    pub fn new(store: Store) -> Readiness {
        Readiness { store, migrated: Arc::default() }
    }

    pub fn set_migrated(&self) {
        self.migrated.send_replace(true);
    }

    /// Once the tables are up to date.
    pub async fn migrated(&self) {
        let _ = self.migrated.subscribe().wait_for(|migrated| *migrated).await;
    }

    /// What is missing, in words, and whether the engine answers.
    pub(super) async fn missing(&self) -> Option<(&'static str, bool)> {
        if self.store.ping().await.is_err() {
            return Some((NO_ENGINE, false));
        }
        (!*self.migrated.borrow()).then_some(("the tables are being brought up to date", true))
    }
}

pub async fn alive() -> &'static str {
    "ok\n"
}

pub async fn ready(State(app): State<App>) -> Response {
    match app.readiness.missing().await {
        None => (StatusCode::OK, Json(json!({ "ready": true }))).into_response(),
        Some((missing, _)) => {
            let body = Json(json!({ "ready": false, "missing": missing }));
            (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
        }
    }
}

pub async fn metrics(State(app): State<App>) -> impl IntoResponse {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([("content-type", kind)], app.metrics.text())
}
