//! The server's side of the seam: who answers, and for whom.

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use model::trace::Trace;
use model::view::{OperationSummary, SearchPage, ServiceSummary, TraceSearch};
use model::{ApiError, ErrorCode, Scope, Span, SpanId, Timestamp, TraceId};
use server_fn::axum::handle_server_fn;

use crate::Failure;

/// Whoever is asking, as far as the answer depends on it.
#[derive(Clone, Debug)]
pub struct Caller {
    pub scope: Scope,
}

#[async_trait]
pub trait Backend: Send + Sync {
    async fn search_traces(&self, caller: &Caller, search: TraceSearch) -> Result<SearchPage, ApiError>;
    async fn get_trace(&self, caller: &Caller, trace: TraceId) -> Result<Trace, ApiError>;
    async fn get_span(
        &self,
        caller: &Caller,
        trace: TraceId,
        span: SpanId,
        start: Timestamp,
    ) -> Result<Span, ApiError>;
    async fn list_services(&self, caller: &Caller) -> Result<Vec<ServiceSummary>, ApiError>;
    async fn list_operations(
        &self,
        caller: &Caller,
        service: String,
    ) -> Result<Vec<OperationSummary>, ApiError>;
}

tokio::task_local! {
    static CONTEXT: (Arc<dyn Backend>, Caller);
}

type Request = http::Request<axum::body::Body>;
type Response = http::Response<axum::body::Body>;

/// Runs the server function a request names, answering from `backend` on behalf of `caller`.
pub fn functions_handler(
    backend: Arc<dyn Backend>,
    caller: Caller,
    request: Request,
) -> impl Future<Output = Response> + Send {
    CONTEXT.scope((backend, caller), handle_server_fn(request))
}

pub(crate) fn context() -> Result<(Arc<dyn Backend>, Caller), Failure> {
    let unserved =
        || Failure(ApiError::new(ErrorCode::Internal, "no backend is set for server functions", ""));
    CONTEXT.try_with(Clone::clone).map_err(|_| unserved())
}
