//! Every server function, verb first, two lines each.

use model::log::TraceLogs;
use model::trace::diff::Compare;
use model::trace::{Diff, HostClocks, LinkedSpan, RankAsked, SpanRank, Trace, TraceFile, TraceValues};
use model::view::{
    AnomalyList, AttributeKey, AttributeValue, Endpoints, Exemplar, Explanation, Facets, Heatmap, Journey,
    KeyInfo, NewKey, OperationSummary, ReceiptsAsked, ReceiptsReport, Region, SearchPage, SeriesSet,
    ServiceMap, ServiceReport, ServiceSummary, ServicesReport, Settings, StatusReport, TraceSearch,
};
use model::{LinkTemplate, Span, SpanId, Timestamp, TraceId};

use server_fn_macro_default::server;

use crate::Failure;
#[cfg(feature = "ssr")]
use crate::backend::context;
use crate::crossing::Crossing;

#[server(prefix = "/fn", endpoint = "search_traces", protocol = Crossing)]
pub async fn search_traces(search: TraceSearch) -> Result<SearchPage, Failure> {
    let (backend, caller) = context()?;
    Ok(backend.search_traces(&caller, search).await?)
}

/// How many of the traces a search finds have which values of these fields, named as the query language does.
#[server(prefix = "/fn", endpoint = "get_facets", protocol = Crossing)]
pub async fn get_facets(search: TraceSearch, fields: Vec<String>) -> Result<Facets, Failure> {
    let (backend, caller) = context()?;
    Ok(backend.get_facets(&caller, search, fields).await?)
}

/// The traces a search finds by start and duration.
#[server(prefix = "/fn", endpoint = "get_heatmap", protocol = Crossing)]
pub async fn get_heatmap(search: TraceSearch, columns: u32) -> Result<Heatmap, Failure> {
    let (backend, caller) = context()?;
    Ok(backend.get_heatmap(&caller, search, columns).await?)
}

/// What a query that ends in a metric makes.
#[server(prefix = "/fn", endpoint = "get_series", protocol = Crossing)]
pub async fn get_series(search: TraceSearch) -> Result<SeriesSet, Failure> {
    let (backend, caller) = context()?;
    Ok(backend.get_series(&caller, search).await?)
}

/// What sets some traces of a search apart from the others.
#[server(prefix = "/fn", endpoint = "explain_region", protocol = Crossing)]
pub async fn explain_region(search: TraceSearch, region: Region) -> Result<Explanation, Failure> {
    let (backend, caller) = context()?;
    Ok(backend.explain_region(&caller, search, region).await?)
}

#[server(prefix = "/fn", endpoint = "list_attribute_keys", protocol = Crossing)]
pub async fn list_attribute_keys() -> Result<Vec<AttributeKey>, Failure> {
    let (backend, caller) = context()?;
    Ok(backend.list_attribute_keys(&caller).await?)
}

/// Values of a field, named as the query language does, that start with a prefix; the most frequent first.
#[server(prefix = "/fn", endpoint = "list_attribute_values", protocol = Crossing)]
pub async fn list_attribute_values(field: String, prefix: String) -> Result<Vec<AttributeValue>, Failure> {
    let (backend, caller) = context()?;
    Ok(backend.list_attribute_values(&caller, field, prefix).await?)
}

#[server(prefix = "/fn", endpoint = "get_trace", protocol = Crossing)]
pub async fn get_trace(trace: TraceId) -> Result<Trace, Failure> {
    let (backend, caller) = context()?;
    Ok(backend.get_trace(&caller, trace).await?)
}

/// Two traces aligned by call path, or one and what stands for those of its root operation, as far before and after it
/// as the window reaches.
#[server(prefix = "/fn", endpoint = "get_diff", protocol = Crossing)]
pub async fn get_diff(a: Compare, b: Compare, window_secs: u64) -> Result<Diff, Failure> {
    let (backend, caller) = context()?;
    Ok(backend.get_diff(&caller, a, b, window_secs).await?)
}

/// Who called whom in the so many seconds up to a time, or up to now; by service, or by their namespaces.
#[server(prefix = "/fn", endpoint = "get_service_map", protocol = Crossing)]
pub async fn get_service_map(
    end: Option<Timestamp>,
    length_secs: u64,
    is_grouped: bool,
) -> Result<ServiceMap, Failure> {
    let (backend, caller) = context()?;
    Ok(backend.get_service_map(&caller, end, length_secs, is_grouped).await?)
}

/// The trace's log lines, in order of time.
#[server(prefix = "/fn", endpoint = "get_trace_logs", protocol = Crossing)]
pub async fn get_trace_logs(trace: TraceId) -> Result<TraceLogs, Failure> {
    let (backend, caller) = context()?;
    Ok(backend.get_trace_logs(&caller, trace).await?)
}

/// The largest trace in a file, in one of the formats people keep traces in. Nothing is stored.
#[server(prefix = "/fn", endpoint = "read_trace_file", protocol = Crossing)]
pub async fn read_trace_file(file: Vec<u8>) -> Result<TraceFile, Failure> {
    let (backend, _) = context()?;
    Ok(backend.read_trace_file(file).await?)
}

/// One span whole. Its start is asked for because senders do reuse span ids.
#[server(prefix = "/fn", endpoint = "get_span", protocol = Crossing)]
pub async fn get_span(trace: TraceId, span: SpanId, start: Timestamp) -> Result<Span, Failure> {
    let (backend, caller) = context()?;
    Ok(backend.get_span(&caller, trace, span, start).await?)
}

/// Links to tools beside Skein, as whoever runs it set them up.
#[server(prefix = "/fn", endpoint = "list_link_templates", protocol = Crossing)]
pub async fn list_link_templates() -> Result<Vec<LinkTemplate>, Failure> {
    let (backend, _) = context()?;
    Ok(backend.list_link_templates().await?)
}

/// The traces that links join to one, however many hops away.
#[server(prefix = "/fn", endpoint = "get_journey", protocol = Crossing)]
pub async fn get_journey(trace: TraceId) -> Result<Journey, Failure> {
    let (backend, caller) = context()?;
    Ok(backend.get_journey(&caller, trace).await?)
}

#[server(prefix = "/fn", endpoint = "list_services", protocol = Crossing)]
pub async fn list_services() -> Result<Vec<ServiceSummary>, Failure> {
    let (backend, caller) = context()?;
    Ok(backend.list_services(&caller).await?)
}

#[server(prefix = "/fn", endpoint = "list_operations", protocol = Crossing)]
pub async fn list_operations(service: String) -> Result<Vec<OperationSummary>, Failure> {
    let (backend, caller) = context()?;
    Ok(backend.list_operations(&caller, service).await?)
}

#[server(prefix = "/fn", endpoint = "report_services", protocol = Crossing)]
pub async fn report_services(length_secs: u64) -> Result<ServicesReport, Failure> {
    let (backend, caller) = context()?;
    Ok(backend.report_services(&caller, length_secs).await?)
}

/// An empty operation stands for all of them.
#[server(prefix = "/fn", endpoint = "report_service", protocol = Crossing)]
pub async fn report_service(
    service: String,
    operation: String,
    length_secs: u64,
) -> Result<ServiceReport, Failure> {
    let (backend, caller) = context()?;
    Ok(backend.report_service(&caller, service, operation, length_secs).await?)
}

/// What is not as it was, or was not within so many seconds.
#[server(prefix = "/fn", endpoint = "list_anomalies", protocol = Crossing)]
pub async fn list_anomalies(length_secs: u64) -> Result<AnomalyList, Failure> {
    let (backend, caller) = context()?;
    Ok(backend.list_anomalies(&caller, length_secs).await?)
}

/// Calls of an operation that stand for the others of so many seconds.
#[server(prefix = "/fn", endpoint = "list_exemplars", protocol = Crossing)]
pub async fn list_exemplars(
    service: String,
    operation: String,
    length_secs: u64,
) -> Result<Vec<Exemplar>, Failure> {
    let (backend, caller) = context()?;
    Ok(backend.list_exemplars(&caller, service, operation, length_secs).await?)
}

/// What became of everything that was sent.
#[server(prefix = "/fn", endpoint = "get_receipts", protocol = Crossing)]
pub async fn get_receipts(asked: ReceiptsAsked) -> Result<ReceiptsReport, Failure> {
    let (backend, caller) = context()?;
    Ok(backend.get_receipts(&caller, asked).await?)
}

/// Spans of a trace that hold every word, in whatever attribute or event.
#[server(prefix = "/fn", endpoint = "find_in_trace", protocol = Crossing)]
pub async fn find_in_trace(trace: TraceId, text: String) -> Result<Vec<SpanId>, Failure> {
    let (backend, caller) = context()?;
    Ok(backend.find_in_trace(&caller, trace, text).await?)
}

#[server(prefix = "/fn", endpoint = "get_trace_values", protocol = Crossing)]
pub async fn get_trace_values(trace: TraceId, key: String) -> Result<TraceValues, Failure> {
    let (backend, caller) = context()?;
    Ok(backend.get_trace_values(&caller, trace, key).await?)
}

#[server(prefix = "/fn", endpoint = "list_trace_keys", protocol = Crossing)]
pub async fn list_trace_keys(trace: TraceId) -> Result<Vec<String>, Failure> {
    let (backend, caller) = context()?;
    Ok(backend.list_trace_keys(&caller, trace).await?)
}

/// Spans of other traces that links join to this one; its start says around when to look.
#[server(prefix = "/fn", endpoint = "list_linked_spans", protocol = Crossing)]
pub async fn list_linked_spans(trace: TraceId, start: Timestamp) -> Result<Vec<LinkedSpan>, Failure> {
    let (backend, caller) = context()?;
    Ok(backend.list_linked_spans(&caller, trace, start).await?)
}

/// Where each of these spans lies among its operation's last day.
#[server(prefix = "/fn", endpoint = "rank_spans", protocol = Crossing)]
pub async fn rank_spans(spans: Vec<RankAsked>, until: Timestamp) -> Result<Vec<SpanRank>, Failure> {
    let (backend, caller) = context()?;
    Ok(backend.rank_spans(&caller, spans, until).await?)
}

/// How far apart the clocks of a trace's hosts are.
#[server(prefix = "/fn", endpoint = "get_host_clocks", protocol = Crossing)]
pub async fn get_host_clocks(trace: TraceId) -> Result<HostClocks, Failure> {
    let (backend, caller) = context()?;
    Ok(backend.get_host_clocks(&caller, trace).await?)
}

/// Whether anything is wrong with Skein itself.
#[server(prefix = "/fn", endpoint = "get_status", protocol = Crossing)]
pub async fn get_status() -> Result<StatusReport, Failure> {
    let (backend, _) = context()?;
    Ok(backend.get_status().await?)
}

#[server(prefix = "/fn", endpoint = "get_settings", protocol = Crossing)]
pub async fn get_settings() -> Result<Settings, Failure> {
    let (backend, _) = context()?;
    Ok(backend.get_settings().await?)
}

/// Where senders send to.
#[server(prefix = "/fn", endpoint = "get_endpoints", protocol = Crossing)]
pub async fn get_endpoints() -> Result<Endpoints, Failure> {
    let (backend, _) = context()?;
    Ok(backend.get_endpoints().await?)
}

/// The caller's ingest keys, the latest first.
#[server(prefix = "/fn", endpoint = "list_keys", protocol = Crossing)]
pub async fn list_keys() -> Result<Vec<KeyInfo>, Failure> {
    let (backend, _) = context()?;
    Ok(backend.list_keys().await?)
}

/// Makes a key and tells its text, once.
#[server(prefix = "/fn", endpoint = "create_key", protocol = Crossing)]
pub async fn create_key(name: String, spans_per_second: u64) -> Result<NewKey, Failure> {
    let (backend, _) = context()?;
    Ok(backend.create_key(name, spans_per_second).await?)
}

#[server(prefix = "/fn", endpoint = "revoke_key", protocol = Crossing)]
pub async fn revoke_key(id: String) -> Result<(), Failure> {
    let (backend, _) = context()?;
    Ok(backend.revoke_key(id).await?)
}
