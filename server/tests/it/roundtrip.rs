//! What is sent is found again, every field with its type.

use std::collections::HashMap;

use model::json::span_json;
use model::{Nanos, Span, SpanId};
use serde_json::{Value, json};
use traffic::{Shop, shapes};

use crate::server::{TestServer, now};

fn by_id(spans: impl Iterator<Item = Value>) -> HashMap<String, Value> {
    spans.map(|span| (span["span_id"].as_str().unwrap().to_owned(), span)).collect()
}

async fn check(server: &TestServer, spans: &[Span]) {
    let (status, found) = server.get(&format!("/api/traces/{}", spans[0].trace_id)).await;
    assert_eq!(status, 200, "{found}");
    let found = by_id(found["spans"].as_array().unwrap().iter().cloned());
    let sent = by_id(spans.iter().map(|span| span_json(&noted(span))));
    assert_eq!(found.len(), sent.len());
    for (id, span) in sent {
        assert_eq!(found[&id], span);
    }
}

/// As it is found again: a time that cannot be right is said to be so.
fn noted(span: &Span) -> Span {
    let mut span = span.clone();
    if span.start.0 + span.duration.0 < now().minus(Nanos::from_secs(7 * 86_400)).0 {
        span.notes.push("ended more than a week before it arrived: its sender's clock is behind".to_owned());
    }
    span
}

#[tokio::test]
async fn every_field_of_every_span_is_found_again() {
    let server = TestServer::start().await;
    let shop = Shop::new(11);
    let start = now().minus(Nanos::from_secs(600));
    let mut traces: Vec<Vec<Span>> = shop.traces(start, 1.0).take(150).collect();
    traces.push(shapes::random(5, 300));
    traces.push(shapes::wide(2_000));
    traces.push(shapes::deep(1_000));
    let mut client = server.grpc().await;
    for spans in &traces {
        client.export(server::wire::otlp::encode::encode(spans)).await.unwrap();
    }
    server.stored(traces.iter().map(Vec::len).sum()).await;
    for spans in &traces {
        check(&server, spans).await;
    }
}

#[tokio::test]
async fn spans_out_of_the_future_and_the_far_past_are_kept() {
    let server = TestServer::start().await;
    let mut spans = shapes::random(1, 200);
    for (at, span) in spans.iter_mut().enumerate() {
        // Two hundred different days in one batch.
        span.start = model::Timestamp(1_000_000_000_000_000_000 + at as u64 * 86_400_000_000_000);
        span.events.clear();
    }
    server.send(&spans).await;
    server.stored(200).await;
    check(&server, &spans).await;
}

#[tokio::test]
async fn the_simple_batch_is_stored_like_any_other() {
    let server = TestServer::start().await;
    let span = json!({
        "trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "00f067aa0ba902b7", "service_name": "cart",
        "operation_name": "add", "start_time_unix_ns": now().0.to_string(), "duration_ms": 12.5, "status": "error",
        "tags": { "user": "ann", "items": 3, "vip": true, "weight": 1.5 },
    });
    let (status, answer) =
        server.post("/v1/spans", "application/json", json!([span]).to_string().into()).await;
    assert_eq!(status, 202, "{}", String::from_utf8_lossy(&answer));
    server.stored(1).await;
    let (_, trace) = server.get("/api/traces/0AF7651916CD43DD8448EB211C80319C").await;
    assert_eq!((&trace["status"], &trace["duration_ms"]), (&json!("error"), &json!(12.5)));
    let found = &trace["root_span"];
    assert_eq!(found["attributes"], span["tags"]);
    assert_eq!((&found["service_name"], &found["parent_span_id"]), (&json!("cart"), &Value::Null));
}

#[tokio::test]
async fn a_missing_parent_makes_a_trace_partial() {
    let server = TestServer::start().await;
    let mut span = shapes::random(2, 1).remove(0);
    span.parent_id = SpanId(99);
    span.status = model::Status::Unset;
    server.send(std::slice::from_ref(&span)).await;
    server.stored(1).await;
    let (_, trace) = server.get(&format!("/api/traces/{}", span.trace_id)).await;
    assert_eq!((&trace["status"], &trace["orphan_count"]), (&json!("partial"), &json!(1)));
    assert_eq!(trace["root_span"], Value::Null);
}

#[tokio::test]
async fn an_unknown_trace_is_404_and_a_bad_id_400() {
    let server = TestServer::start().await;
    let (status, answer) = server.get(&format!("/api/traces/{}", "ab".repeat(16))).await;
    assert_eq!((status, &answer["error"]["code"]), (404, &json!("not_found")));
    let (status, answer) = server.get("/api/traces/xyz").await;
    assert_eq!((status, &answer["error"]["code"]), (400, &json!("bad_request")));
    assert!(answer["error"]["hint"].as_str().unwrap().contains("32 hexadecimal"));
}

#[tokio::test]
async fn zipkin_spans_become_one_tree() {
    let server = TestServer::start().await;
    let start = now().0 / 1000;
    let span = |service: &str, more: Value| {
        let mut span = json!({ "traceId": "48485A3953BB6124", "timestamp": start, "duration": 5_000,
            "localEndpoint": { "serviceName": service } });
        span.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        span
    };
    let body = json!([
        span("shop", json!({ "id": "1", "kind": "CLIENT", "name": "call" })),
        span("cart", json!({ "id": "1", "kind": "SERVER", "name": "serve", "shared": true })),
        span("cart", json!({ "id": "2", "parentId": "1", "name": "work", "tags": { "error": "no room" } })),
    ]);
    let (status, answer) = server.post("/api/v2/spans", "application/json", body.to_string().into()).await;
    assert_eq!((status, answer.len()), (202, 0));
    server.stored(3).await;
    let (_, trace) = server.get("/api/traces/48485a3953bb6124").await;
    assert_eq!((&trace["status"], &trace["orphan_count"]), (&json!("error"), &json!(0)));
    let found: HashMap<&str, &Value> = trace["spans"]
        .as_array()
        .unwrap()
        .iter()
        .map(|span| (span["operation_name"].as_str().unwrap(), span))
        .collect();
    assert_eq!(found["serve"]["parent_span_id"], found["call"]["span_id"]);
    assert_eq!(found["work"]["parent_span_id"], found["serve"]["span_id"]);
    assert_eq!(found["work"]["status_message"], json!("no room"));
    assert!(found["call"]["notes"][0].as_str().unwrap().contains("64 bits"));
}
