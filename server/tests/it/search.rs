//! Search against a second evaluator: the same filters applied, in plain Rust, to the spans that were sent.

use std::collections::{HashMap, HashSet};

use model::{Nanos, Span, Status, TraceId};
use serde_json::Value;
use server::wire::otlp::encode::encode;
use traffic::Shop;

use crate::server::{TestServer, now};

pub struct Sent {
    pub traces: HashMap<TraceId, Vec<Span>>,
}

impl Sent {
    /// Ids of the traces with a span that matches, newest first. Each trace arrived whole.
    fn matching(&self, matches: impl Fn(&Span) -> bool) -> Vec<TraceId> {
        let mut found: Vec<_> = self
            .traces
            .iter()
            .filter_map(|(id, spans)| {
                spans.iter().any(&matches).then_some(())?;
                Some((spans.iter().map(|s| s.start).min()?, *id))
            })
            .collect();
        found.sort_by(|a, b| b.cmp(a));
        found.into_iter().map(|(_, id)| id).collect()
    }
}

pub async fn filled() -> (TestServer, Sent) {
    let server = TestServer::start().await;
    let mut traces: HashMap<TraceId, Vec<Span>> = HashMap::new();
    let mut client = server.grpc().await;
    // About two hours, so that the walk has to widen its windows, and none of it yet to come.
    for spans in Shop::new(23).traces(now().minus(Nanos::from_secs(9_000)), 0.05).take(340) {
        client.export(encode(&spans)).await.unwrap();
        traces.entry(spans[0].trace_id).or_default().extend(spans);
    }
    server.stored(traces.values().map(Vec::len).sum()).await;
    (server, Sent { traces })
}

/// All pages of a query.
async fn walk(server: &TestServer, query: &str, limit: usize) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, page) = server.get(&format!("/api/traces?limit={limit}&cursor={cursor}&{query}")).await;
        assert_eq!(status, 200, "{page}");
        assert_eq!(page["complete"], true);
        all.extend(page["traces"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => return all,
        }
    }
}

fn ids(traces: &[Value]) -> Vec<TraceId> {
    traces.iter().map(|t| t["trace_id"].as_str().unwrap().parse().unwrap()).collect()
}

#[tokio::test]
async fn filters_find_exactly_what_a_plain_evaluation_finds() {
    let (server, sent) = filled().await;
    let all = sent.matching(|_| true);
    assert!(all.len() > 300);
    for limit in [7, 50, 1_000] {
        assert_eq!(ids(&walk(&server, "", limit).await), all, "pages of {limit}");
    }
    let services: HashSet<&str> = sent.traces.values().flatten().map(|s| s.service.as_str()).collect();
    for service in services.into_iter().take(6) {
        let of = |s: &Span| s.service == service;
        assert_eq!(ids(&walk(&server, &format!("service={service}"), 13).await), sent.matching(of));
        let failed = |s: &Span| of(s) && s.status == Status::Error;
        assert_eq!(
            ids(&walk(&server, &format!("service={service}&error=true"), 13).await),
            sent.matching(failed)
        );
        let slow = |s: &Span| of(s) && s.duration >= Nanos(20_000_000) && s.duration <= Nanos(90_000_000);
        let query = format!("service={service}&min_duration_ms=20&max_duration_ms=90");
        assert_eq!(ids(&walk(&server, &query, 13).await), sent.matching(slow));
    }
    let failed = |s: &Span| s.status == Status::Error;
    assert_eq!(ids(&walk(&server, "error=true", 5).await), sent.matching(failed));
    let (middle, later) = (now().minus(Nanos::from_secs(5_000)), now().minus(Nanos::from_secs(2_000)));
    let within = |s: &Span| s.start >= middle && s.start < later;
    let query = format!("start={}&end={}", middle.0, later.0);
    assert_eq!(ids(&walk(&server, &query, 9).await), sent.matching(within));
}

#[tokio::test]
async fn the_summary_of_a_result_is_that_of_its_trace() {
    let (server, sent) = filled().await;
    for summary in walk(&server, "", 500).await {
        let id: TraceId = summary["trace_id"].as_str().unwrap().parse().unwrap();
        let spans = &sent.traces[&id];
        let end = spans.iter().map(Span::end).max().unwrap();
        let start = spans.iter().map(|s| s.start).min().unwrap();
        let known: HashSet<_> = spans.iter().map(|s| s.span_id).collect();
        let orphans = spans.iter().filter(|s| !s.is_root() && !known.contains(&s.parent_id)).count();
        assert_eq!(summary["span_count"], spans.len());
        assert_eq!(summary["error_count"], spans.iter().filter(|s| s.status == Status::Error).count());
        assert_eq!(summary["orphan_count"], orphans);
        assert_eq!(summary["start_time_unix_ns"], start.0.to_string());
        assert_eq!(summary["duration_ms"], end.since(start).as_millis_f64());
        let (_, whole) = server.get(&format!("/api/traces/{id}")).await;
        for field in summary.as_object().unwrap().keys() {
            assert_eq!(whole[field], summary[field], "{field} of {id}");
        }
    }
}

#[tokio::test]
async fn pages_neither_repeat_nor_skip_while_spans_arrive() {
    let (server, sent) = filled().await;
    let mut client = server.grpc().await;
    let arriving = tokio::spawn(async move {
        for spans in Shop::new(99).traces(now(), 50.0).take(400) {
            client.export(encode(&spans)).await.unwrap();
        }
    });
    let found = ids(&walk(&server, "", 10).await);
    arriving.await.unwrap();
    let unique: HashSet<TraceId> = found.iter().copied().collect();
    assert_eq!(unique.len(), found.len(), "no trace twice");
    assert!(sent.traces.keys().all(|id| unique.contains(id)), "no trace of before is missing");
}
