//! The UI's port: server functions, the public API, health, metrics and the UI itself.

use std::sync::Arc;

use api::{Backend, Caller};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use model::view::{Endpoints, OWN_BASE, Settings};
use model::{LinkTemplate, TenantId};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};

use crate::access::Access;
use crate::limits::{QUESTION_MAX_BYTES, TRACE_FILE_FRAME_BYTES, TRACE_FILE_MAX_BYTES};
use crate::query::Queries;
use crate::status::Status;
use crate::storage::erase::Eraser;
use crate::telemetry::Metrics;

pub mod anomalies;
pub mod backend;
pub mod dependencies;
pub mod diff;
pub mod download;
pub mod erase;
pub mod error;
pub mod explain;
pub mod health;
pub mod overview;
pub mod params;
pub mod receipts;
pub mod services;
pub mod settings;
pub mod statics;
pub mod status;
pub mod trace_file;
pub mod traced;
pub mod traces;

pub use health::Readiness;
use traced::QuestionMetrics;

/// Everything a request may touch.
#[derive(Clone)]
pub struct App {
    pub queries: Queries,
    /// Links to tools beside Skein.
    pub links: Arc<[LinkTemplate]>,
    pub eraser: Eraser,
    pub access: Access,
    pub readiness: Readiness,
    pub metrics: Metrics,
    pub status: Status,
    pub settings: Arc<Settings>,
    pub endpoints: Arc<Endpoints>,
    /// Whose data this port shows. Until there are users, everyone who reaches it sees all of one tenant.
    pub tenant: TenantId,
}

pub fn router(app: App) -> Router {
    let own = App { tenant: TenantId::own(), ..app.clone() };
    let counted = QuestionMetrics::default();
    app.metrics.register(|registry| counted.register(registry));
    let asked = questions().layer(from_fn_with_state(counted, traced::count));
    Router::new()
        .merge(asked.clone().layer(from_fn(traced::question)).with_state(app.clone()))
        // Looking at Skein's own traces adds nothing to them.
        .nest(OWN_BASE, asked.with_state(own))
        .merge(health_router().with_state(app))
        .fallback(statics::serve)
        .method_not_allowed_fallback(error::method_not_allowed)
}

fn questions() -> Router<App> {
    Router::new()
        .route("/api/traces", get(traces::search))
        .route("/api/traces/{id}", get(traces::by_id).delete(erase::trace))
        .route("/api/anomalies", get(anomalies::list))
        .route("/api/audit", get(erase::audit))
        .route("/api/diff", get(diff::compare))
        .route("/api/dependencies", get(dependencies::list))
        .route("/api/explain", get(explain::explain))
        .route("/api/facets", get(overview::facets))
        .route("/api/heatmap", get(overview::heatmap))
        .route("/api/attributes", get(overview::attributes))
        .route("/api/metrics/query_range", get(overview::series))
        .route("/api/traces/{id}/logs", get(traces::logs))
        .route("/api/traces/{id}/otlp", get(download::otlp))
        .route("/api/services", get(services::list))
        .route("/api/services/{service}/operations", get(services::operations))
        .route("/api/receipts", get(receipts::report))
        .route("/api/status", get(status::report))
        .route("/api/settings", get(settings::settings))
        .route("/api/keys", get(settings::list).post(settings::create))
        .route("/api/keys/{id}", delete(settings::revoke))
        .route("/api/openapi.json", get(openapi))
        .route("/fn/{*name}", post(server_function))
        .route(api::SEARCH_PARTS, post(traces::search_in_parts))
        .layer(DefaultBodyLimit::max(QUESTION_MAX_BYTES))
        .route(
            "/fn/read_trace_file",
            post(server_function).layer(DefaultBodyLimit::max(TRACE_FILE_MAX_BYTES + TRACE_FILE_FRAME_BYTES)),
        )
        .layer(CompressionLayer::new().compress_when(compressed()))
}

/// Compression holds back what arrives in parts until it is enough.
fn compressed() -> impl Predicate {
    DefaultPredicate::new()
        .and(NotForContentType::const_new(traces::LINES))
        .and(NotForContentType::const_new(traces::PARTS))
}

/// Health and metrics alone, for a process that answers no questions.
pub fn health_router() -> Router<App> {
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
}

async fn server_function(State(app): State<App>, request: Request) -> Response {
    match app.caller().await {
        Ok(caller) => {
            let backend: Arc<dyn Backend> = Arc::new(backend::Answers { queries: app.queries.clone(), app });
            let (mut response, failed) = api::functions_handler(backend, caller, request).await;
            if let Some(code) = failed {
                *response.status_mut() = error::status_of(code);
            }
            response
        }
        Err(error) => error.into_response(),
    }
}

async fn openapi() -> impl IntoResponse {
    (StatusCode::OK, [("content-type", "application/json")], include_str!("http/openapi.json"))
}

impl App {
    /// Who asks.
    pub async fn caller(&self) -> Result<Caller, error::HttpError> {
        let scope = self.access.scope_of(&self.tenant).await?;
        Ok(Caller { scope })
    }
}
