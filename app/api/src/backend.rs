//! The server's side of the seam: who answers, and for whom.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use model::log::TraceLogs;
use model::trace::diff::Compare;
use model::trace::{Diff, HostClocks, LinkedSpan, RankAsked, SpanRank, Trace, TraceFile, TraceValues};
use model::view::{
    AnomalyList, AttributeKey, AttributeValue, Endpoints, Exemplar, Explanation, Facets, Heatmap, Journey,
    KeyInfo, NewKey, OperationSummary, ReceiptsAsked, ReceiptsReport, Region, SearchPage, SeriesSet,
    ServiceMap, ServiceReport, ServiceSummary, ServicesReport, Settings, StatusReport, TraceSearch,
};
use model::{ApiError, ErrorCode, LinkTemplate, Scope, Span, SpanId, Timestamp, TraceId};
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
    async fn get_facets(
        &self,
        caller: &Caller,
        search: TraceSearch,
        fields: Vec<String>,
    ) -> Result<Facets, ApiError>;
    async fn get_heatmap(
        &self,
        caller: &Caller,
        search: TraceSearch,
        columns: u32,
    ) -> Result<Heatmap, ApiError>;
    async fn get_series(&self, caller: &Caller, search: TraceSearch) -> Result<SeriesSet, ApiError>;
    async fn explain_region(
        &self,
        caller: &Caller,
        search: TraceSearch,
        region: Region,
    ) -> Result<Explanation, ApiError>;
    async fn list_attribute_keys(&self, caller: &Caller) -> Result<Vec<AttributeKey>, ApiError>;
    async fn list_attribute_values(
        &self,
        caller: &Caller,
        field: String,
        prefix: String,
    ) -> Result<Vec<AttributeValue>, ApiError>;
    async fn get_trace(&self, caller: &Caller, trace: TraceId) -> Result<Trace, ApiError>;
    async fn get_service_map(
        &self,
        caller: &Caller,
        end: Option<Timestamp>,
        length_secs: u64,
        is_grouped: bool,
    ) -> Result<ServiceMap, ApiError>;
    async fn get_diff(
        &self,
        caller: &Caller,
        a: Compare,
        b: Compare,
        window_secs: u64,
    ) -> Result<Diff, ApiError>;
    async fn list_link_templates(&self) -> Result<Vec<LinkTemplate>, ApiError>;
    async fn get_journey(&self, caller: &Caller, trace: TraceId) -> Result<Journey, ApiError>;
    async fn get_trace_logs(&self, caller: &Caller, trace: TraceId) -> Result<TraceLogs, ApiError>;
    async fn read_trace_file(&self, file: Vec<u8>) -> Result<TraceFile, ApiError>;
    async fn get_span(
        &self,
        caller: &Caller,
        trace: TraceId,
        span: SpanId,
        start: Timestamp,
    ) -> Result<Span, ApiError>;
    async fn find_in_trace(
        &self,
        caller: &Caller,
        trace: TraceId,
        text: String,
    ) -> Result<Vec<SpanId>, ApiError>;
    async fn get_trace_values(
        &self,
        caller: &Caller,
        trace: TraceId,
        key: String,
    ) -> Result<TraceValues, ApiError>;
    async fn list_trace_keys(&self, caller: &Caller, trace: TraceId) -> Result<Vec<String>, ApiError>;
    async fn list_linked_spans(
        &self,
        caller: &Caller,
        trace: TraceId,
        start: Timestamp,
    ) -> Result<Vec<LinkedSpan>, ApiError>;
    async fn rank_spans(
        &self,
        caller: &Caller,
        spans: Vec<RankAsked>,
        until: Timestamp,
    ) -> Result<Vec<SpanRank>, ApiError>;
    async fn get_host_clocks(&self, caller: &Caller, trace: TraceId) -> Result<HostClocks, ApiError>;
    async fn list_services(&self, caller: &Caller) -> Result<Vec<ServiceSummary>, ApiError>;
    async fn list_operations(
        &self,
        caller: &Caller,
        service: String,
    ) -> Result<Vec<OperationSummary>, ApiError>;
    async fn report_services(&self, caller: &Caller, length_secs: u64) -> Result<ServicesReport, ApiError>;
    async fn report_service(
        &self,
        caller: &Caller,
        service: String,
        operation: String,
        length_secs: u64,
    ) -> Result<ServiceReport, ApiError>;
    async fn list_anomalies(&self, caller: &Caller, length_secs: u64) -> Result<AnomalyList, ApiError>;
    async fn list_exemplars(
        &self,
        caller: &Caller,
        service: String,
        operation: String,
        length_secs: u64,
    ) -> Result<Vec<Exemplar>, ApiError>;
    async fn get_receipts(&self, caller: &Caller, asked: ReceiptsAsked) -> Result<ReceiptsReport, ApiError>;
    async fn get_status(&self) -> Result<StatusReport, ApiError>;
    async fn get_settings(&self) -> Result<Settings, ApiError>;
    async fn get_endpoints(&self) -> Result<Endpoints, ApiError>;
    async fn list_keys(&self) -> Result<Vec<KeyInfo>, ApiError>;
    async fn create_key(&self, name: String, spans_per_second: u64) -> Result<NewKey, ApiError>;
    async fn revoke_key(&self, id: String) -> Result<(), ApiError>;
}

/// What a server function may reach while it runs.
#[derive(Clone)]
struct Context {
    backend: Arc<dyn Backend>,
    caller: Caller,
    /// Why it failed, for whoever gives the answer its status.
    failed: Arc<OnceLock<ErrorCode>>,
}

tokio::task_local! {
    static CONTEXT: Context;
}

/// Whether a server function answers at this path.
pub fn is_function(path: &str) -> bool {
    server_fn::axum::server_fn_paths().any(|(known, _)| known == path)
}

type Request = http::Request<axum::body::Body>;
type Response = http::Response<axum::body::Body>;

/// Runs the server function a request names, answering from `backend` on behalf of `caller`. What it failed with, if
/// it did, is told beside the response, which carries it in its body alone.
pub async fn functions_handler(
    backend: Arc<dyn Backend>,
    caller: Caller,
    request: Request,
) -> (Response, Option<ErrorCode>) {
    let failed = Arc::new(OnceLock::new());
    let context = Context { backend, caller, failed: failed.clone() };
    let response = CONTEXT.scope(context, handle_server_fn(request)).await;
    (response, failed.get().copied())
}

pub(crate) fn context() -> Result<(Arc<dyn Backend>, Caller), Failure> {
    let unserved =
        || Failure(ApiError::new(ErrorCode::Internal, "no backend is set for server functions", ""));
    let context = CONTEXT.try_with(Clone::clone).map_err(|_| unserved())?;
    Ok((context.backend, context.caller))
}

pub(crate) fn note_failure(code: ErrorCode) {
    let _ = CONTEXT.try_with(|context| context.failed.set(code));
}
