//! Questions as pieces of Skein's own work, by the page that asks or the endpoint that is asked.

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use crate::telemetry::own::{Kind, Work};

const FUNCTIONS: &str = "/fn/";

/// Questions by how they were answered: 413 for those that are too large, 429 and 503 for what could not be done now.
#[derive(Clone, Debug, Default)]
pub struct QuestionMetrics {
    answers: Family<Labels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    status: u16,
}

impl QuestionMetrics {
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "skein_http_answers",
            "Questions to the UI's port, by status",
            self.answers.clone(),
        );
    }
}

pub async fn count(State(metrics): State<QuestionMetrics>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    metrics.answers.get_or_create(&Labels { status: response.status().as_u16() }).inc();
    response
}

pub async fn question(request: Request, next: Next) -> Response {
    let work = Work::begin(name_of(&request), Kind::Server);
    work.note("http.request.method", request.method().to_string());
    let response = work.during(next.run(request)).await;
    let status = response.status();
    work.note("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        work.fail(status.canonical_reason().unwrap_or("failed"));
    }
    response
}

/// The route, or the server function; never what was asked for.
fn name_of(request: &Request) -> String {
    let path = request.uri().path();
    match path.strip_prefix(FUNCTIONS) {
        Some(function) if api::is_function(path) || path == api::SEARCH_PARTS => function.to_owned(),
        Some(_) => "an unknown function".to_owned(),
        None => {
            let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
            format!("{} {route}", request.method())
        }
    }
}
