//! Answers the browser's server functions.

use api::{Backend, Caller};
use async_trait::async_trait;
use model::log::TraceLogs;
use model::trace::diff::Compare;
use model::trace::{Diff, HostClocks, LinkedSpan, RankAsked, SpanRank, Trace, TraceFile, TraceValues};
use model::view::{
    AnomalyList, AttributeKey, AttributeValue, Endpoints, Exemplar, Explanation, Facets, Heatmap, Journey,
    KeyInfo, NewKey, OperationSummary, ReceiptsAsked, ReceiptsReport, Region, SearchPage, SeriesSet,
    ServiceMap, ServiceReport, ServiceSummary, ServicesReport, Settings, StatusReport, TraceSearch,
};
use model::{ApiError, LinkTemplate, Nanos, Span, SpanId, Timestamp, TraceId};

use super::App;
use super::params::now;
use crate::limits::{GRAPH_MAX_SECS, HEALTH_MAX_SECS};
use crate::query::Queries;
use crate::query::complete::parsed_field;

pub struct Answers {
    pub queries: Queries,
    pub app: App,
}

#[async_trait]
impl Backend for Answers {
    async fn search_traces(&self, caller: &Caller, search: TraceSearch) -> Result<SearchPage, ApiError> {
        self.queries.search(&caller.scope, search, now()).await
    }

    async fn get_facets(
        &self,
        caller: &Caller,
        search: TraceSearch,
        fields: Vec<String>,
    ) -> Result<Facets, ApiError> {
        let fields = fields.iter().map(|text| parsed_field(text)).collect::<Result<Vec<_>, _>>()?;
        self.queries.facets(&caller.scope, &search, &fields, now()).await
    }

    async fn get_heatmap(
        &self,
        caller: &Caller,
        search: TraceSearch,
        columns: u32,
    ) -> Result<Heatmap, ApiError> {
        self.queries.heatmap(&caller.scope, &search, columns, now()).await
    }

    async fn get_series(&self, caller: &Caller, search: TraceSearch) -> Result<SeriesSet, ApiError> {
        let q = search.q.as_deref().unwrap_or_default();
        self.queries.series(&caller.scope, q, (search.start, search.end), None, now()).await
    }

    async fn explain_region(
        &self,
        caller: &Caller,
        search: TraceSearch,
        region: Region,
    ) -> Result<Explanation, ApiError> {
        self.queries.explain(&caller.scope, &search, &region, now()).await
    }

    async fn list_attribute_keys(&self, caller: &Caller) -> Result<Vec<AttributeKey>, ApiError> {
        self.queries.attribute_keys(&caller.scope, now()).await
    }

    async fn list_attribute_values(
        &self,
        caller: &Caller,
        field: String,
        prefix: String,
    ) -> Result<Vec<AttributeValue>, ApiError> {
        Ok(self.queries.attribute_values(&caller.scope, &field, &prefix, now()).await?.values)
    }

    async fn get_trace(&self, caller: &Caller, trace: TraceId) -> Result<Trace, ApiError> {
        self.queries.trace(&caller.scope, trace).await
    }

    async fn get_diff(
        &self,
        caller: &Caller,
        a: Compare,
        b: Compare,
        window_secs: u64,
    ) -> Result<Diff, ApiError> {
        self.queries.diff(&caller.scope, a, b, window_secs).await
    }

    async fn get_service_map(
        &self,
        caller: &Caller,
        end: Option<Timestamp>,
        length_secs: u64,
        is_grouped: bool,
    ) -> Result<ServiceMap, ApiError> {
        let end = end.unwrap_or_else(now);
        let length = Nanos::from_secs(length_secs.clamp(60, GRAPH_MAX_SECS));
        self.queries.service_map(&caller.scope, end.minus(length), end, is_grouped).await
    }

    async fn list_link_templates(&self) -> Result<Vec<LinkTemplate>, ApiError> {
        Ok(self.app.links.to_vec())
    }

    async fn get_journey(&self, caller: &Caller, trace: TraceId) -> Result<Journey, ApiError> {
        self.queries.journey(&caller.scope, trace).await
    }

    async fn get_trace_logs(&self, caller: &Caller, trace: TraceId) -> Result<TraceLogs, ApiError> {
        self.queries.trace_logs(&caller.scope, trace).await
    }

    async fn read_trace_file(&self, file: Vec<u8>) -> Result<TraceFile, ApiError> {
        super::trace_file::read(file).await
    }

    async fn get_span(
        &self,
        caller: &Caller,
        trace: TraceId,
        span: SpanId,
        start: Timestamp,
    ) -> Result<Span, ApiError> {
        self.queries.span(&caller.scope, trace, span, start).await
    }

    async fn find_in_trace(
        &self,
        caller: &Caller,
        trace: TraceId,
        text: String,
    ) -> Result<Vec<SpanId>, ApiError> {
        self.queries.find_in_trace(&caller.scope, trace, &text).await
    }

    async fn get_trace_values(
        &self,
        caller: &Caller,
        trace: TraceId,
        key: String,
    ) -> Result<TraceValues, ApiError> {
        self.queries.trace_values(&caller.scope, trace, &key).await
    }

    async fn list_trace_keys(&self, caller: &Caller, trace: TraceId) -> Result<Vec<String>, ApiError> {
        self.queries.trace_keys(&caller.scope, trace).await
    }

    async fn list_linked_spans(
        &self,
        caller: &Caller,
        trace: TraceId,
        start: Timestamp,
    ) -> Result<Vec<LinkedSpan>, ApiError> {
        self.queries.linked_spans(&caller.scope, trace, start).await
    }

    async fn rank_spans(
        &self,
        caller: &Caller,
        spans: Vec<RankAsked>,
        until: Timestamp,
    ) -> Result<Vec<SpanRank>, ApiError> {
        self.queries.span_ranks(&caller.scope, &spans, until).await
    }

    async fn get_host_clocks(&self, caller: &Caller, trace: TraceId) -> Result<HostClocks, ApiError> {
        self.queries.host_clocks(&caller.scope, trace).await
    }

    async fn list_services(&self, caller: &Caller) -> Result<Vec<ServiceSummary>, ApiError> {
        self.queries.services(&caller.scope, now()).await
    }

    async fn list_operations(
        &self,
        caller: &Caller,
        service: String,
    ) -> Result<Vec<OperationSummary>, ApiError> {
        self.queries.operations(&caller.scope, &service, now()).await
    }
    async fn report_services(&self, caller: &Caller, length_secs: u64) -> Result<ServicesReport, ApiError> {
        self.queries.services_report(&caller.scope, length_secs, now()).await
    }

    async fn report_service(
        &self,
        caller: &Caller,
        service: String,
        operation: String,
        length_secs: u64,
    ) -> Result<ServiceReport, ApiError> {
        self.queries.service_report(&caller.scope, &service, &operation, length_secs, now()).await
    }

    async fn list_anomalies(&self, caller: &Caller, length_secs: u64) -> Result<AnomalyList, ApiError> {
        let end = now();
        let start = end.minus(Nanos::from_secs(length_secs.clamp(60, HEALTH_MAX_SECS)));
        self.queries.anomalies(&caller.scope, start, end).await
    }

    async fn list_exemplars(
        &self,
        caller: &Caller,
        service: String,
        operation: String,
        length_secs: u64,
    ) -> Result<Vec<Exemplar>, ApiError> {
        self.queries.exemplars(&caller.scope, &service, &operation, length_secs, now()).await
    }

    async fn get_receipts(&self, caller: &Caller, asked: ReceiptsAsked) -> Result<ReceiptsReport, ApiError> {
        self.queries.receipts(&caller.scope, &asked, now()).await
    }

    async fn get_status(&self) -> Result<StatusReport, ApiError> {
        Ok(self.app.report_status().await)
    }

    async fn get_settings(&self) -> Result<Settings, ApiError> {
        Ok(self.app.settings.as_ref().clone())
    }

    async fn get_endpoints(&self) -> Result<Endpoints, ApiError> {
        Ok(self.app.endpoints.as_ref().clone())
    }

    async fn list_keys(&self) -> Result<Vec<KeyInfo>, ApiError> {
        self.app.keys().await.map_err(|error| error.0)
    }

    async fn create_key(&self, name: String, spans_per_second: u64) -> Result<NewKey, ApiError> {
        self.app.create_key(&name, spans_per_second).await.map_err(|error| error.0)
    }

    async fn revoke_key(&self, id: String) -> Result<(), ApiError> {
        self.app.revoke_key(&id).await.map_err(|error| error.0)
    }
}
