//! A budget of spans is held by whole traces: what is left out is counted, and figures count for it.

use std::collections::HashSet;

use model::{Nanos, Origin, Span, SpanId, TraceId};
use serde_json::Value;
use server::wire::otlp::encode::encode;
use traffic::shapes;

use crate::server::{TestServer, now, until};

/// `traces` traces of four spans each of one service, whose ids are spread evenly.
fn traces(service: &str, seed: u64, traces: u64) -> Vec<Span> {
    let mut spans = shapes::random(seed, 4 * traces as usize);
    for (at, span) in spans.iter_mut().enumerate() {
        let mut id = [seed as u8 + 1; 16];
        id[8..].copy_from_slice(&(at as u64 / 4 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
        span.trace_id = TraceId(id);
        span.span_id = SpanId((seed << 32) | (at as u64 + 1));
        span.origin = Origin::default();
        span.service = service.to_owned();
        span.operation = "work".to_owned();
        span.trace_state = String::new();
        (span.start, span.duration) = (now().minus(Nanos::from_secs(30)), Nanos(1_000_000));
    }
    spans
}

async fn total(server: &TestServer, url: &str, outcome: &str) -> u64 {
    let (status, report) = server.get(url).await;
    if status == 200 { report["totals"][outcome].as_u64().unwrap_or(0) } else { 0 }
}

async fn calls(server: &TestServer, service: &str) -> u64 {
    let (_, answer) = server.get(&format!("/api/services/{service}/operations")).await;
    answer["operations"].as_array().unwrap().iter().map(|line| line["calls"].as_u64().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_budget_whole_traces_are_left_out_and_counted_for() {
    let server = TestServer::start_with(&["--target-spans-per-second", "2000"]).await;
    let (mut sent, mut told_shed) = (0, 0);
    until("enough was left out", async || {
        let spans = traces("loud", sent / 4_000, 1_000);
        let answer = server.grpc().await.export(encode(&spans)).await.unwrap().into_inner();
        sent += spans.len() as u64;
        let partial = answer.partial_success.unwrap_or_default();
        told_shed += partial.rejected_spans as u64;
        assert!(partial.rejected_spans == 0 || partial.error_message.contains("left out as over_target"));
        (told_shed > 20_000).then_some(())
    })
    .await;
    until("sent is stored and left out", async || {
        let url = "/api/receipts?service=loud";
        let (stored, shed) = (total(&server, url, "accepted").await, total(&server, url, "shed").await);
        (stored + shed == sent && shed == told_shed).then_some(())
    })
    .await;
    server.sql_becomes("SELECT count() FROM spans", &(sent - told_shed).to_string()).await;
    // No trace was left out in part.
    server
        .sql_becomes("SELECT uniqExact(n) FROM (SELECT count() AS n FROM spans GROUP BY trace_id)", "1")
        .await;
    let counted = calls(&server, "loud").await as f64;
    assert!((counted / sent as f64 - 1.0).abs() < 0.2, "{counted} of {sent}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_sender_sampled_counts_for_what_it_stands_for() {
    let server = TestServer::start().await;
    let whole = traces("whole", 1, 50);
    let mut sampled = traces("sampled", 2, 50);
    for span in &mut sampled {
        span.trace_state = "vendor=1,ot=th:c".to_owned();
    }
    server.send(&whole).await;
    server.send(&sampled).await;
    server.sql_becomes("SELECT count() FROM spans", "400").await;
    server.sql_becomes("SELECT sum(calls) FROM red", "1000").await;
    assert_eq!((calls(&server, "whole").await, calls(&server, "sampled").await), (200, 800));
    let id = sampled[0].trace_id;
    let (_, trace) = server.get(&format!("/api/traces/{id}")).await;
    let states: HashSet<&Value> =
        trace["spans"].as_array().unwrap().iter().map(|s| &s["trace_state"]).collect();
    assert_eq!(states, HashSet::from([&Value::from("vendor=1,ot=th:c")]));
}

/// What a metrics query comes to in all its steps.
async fn series_total(server: &TestServer, function: &str, service: &str) -> f64 {
    let from = now().minus(Nanos::from_secs(600)).0;
    let url =
        format!("/api/metrics/query_range?start={from}&step_ms=600000&q=service%3D{service}%7C{function}");
    let (status, set) = server.get(&url).await;
    assert_eq!(status, 200, "{set}");
    let series = set["series"].as_array().unwrap();
    series.iter().flat_map(|line| line["points"].as_array().unwrap()).filter_map(Value::as_f64).sum()
}

/// Calls and errors of the edge between two services.
async fn edge(server: &TestServer, client: &str, service: &str) -> (u64, u64) {
    let (_, graph) = server.get("/api/dependencies").await;
    let is_it = |edge: &&Value| edge["client"] == client && edge["server"] == service;
    let found = graph["edges"].as_array().unwrap().iter().find(is_it).cloned().unwrap_or_default();
    (found["calls"].as_u64().unwrap_or(0), found["errors"].as_u64().unwrap_or(0))
}

/// Of many traces alike, those that stay stand for the rest: counts come to the same as without sampling, in series
/// and in the service graph, before and after traces settle.
#[tokio::test(flavor = "multi_thread")]
async fn series_and_the_service_graph_count_what_was_sampled() {
    let server = TestServer::start_with(&["--settle-after-secs", "5"]).await;
    const TRACES: u64 = 40;
    let pairs = |seed: u64, front: &str, back: &str, trace_state: &str, traces_sent: u64| {
        let mut spans = traces(front, seed, traces_sent);
        for (at, span) in spans.iter_mut().enumerate() {
            span.trace_state = trace_state.to_owned();
            span.status = model::Status::Ok;
            span.parent_id = SpanId(0);
            match at % 4 {
                0 => span.kind = model::SpanKind::Client,
                1 => {
                    span.kind = model::SpanKind::Server;
                    span.service = back.to_owned();
                    span.parent_id = SpanId(span.span_id.0 - 1);
                    if at % 8 == 1 {
                        span.status = model::Status::Error;
                    }
                }
                _ => span.kind = model::SpanKind::Internal,
            }
        }
        spans
    };
    server.send(&pairs(1, "all", "all-back", "", TRACES)).await;
    // A quarter of as many, each for four.
    server.send(&pairs(2, "some", "some-back", "a=b,ot=rv:0123456789abcd;th:c", TRACES / 4)).await;
    server.sql_becomes("SELECT count() FROM spans", &(TRACES * 5).to_string()).await;

    for function in ["count_over_time()", "sum_over_time(duration)", "histogram_over_time(duration)"] {
        let (all, some) =
            (series_total(&server, function, "all").await, series_total(&server, function, "some").await);
        assert!(all > 0.0 && (some / all - 1.0).abs() < 1e-9, "{function}: {some} for {all}");
    }
    for function in ["avg_over_time(duration)", "max_over_time(duration)", "quantile_over_time(duration,0.5)"]
    {
        let some = series_total(&server, function, "some").await;
        assert!((some / series_total(&server, function, "all").await - 1.0).abs() < 1e-6, "{function}");
    }
    let expected = (TRACES, TRACES / 2);
    assert_eq!(
        (edge(&server, "all", "all-back").await, edge(&server, "some", "some-back").await),
        (expected, expected)
    );
    server.sql_becomes("SELECT count() FROM traces", &(TRACES + TRACES / 4).to_string()).await;
    assert_eq!(
        (edge(&server, "all", "all-back").await, edge(&server, "some", "some-back").await),
        (expected, expected)
    );
}
