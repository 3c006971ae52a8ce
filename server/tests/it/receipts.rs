//! What was sent is what was stored and every counted loss, over each door, with bad input mixed in.

use model::view::{ReceiptsAsked, ReceiptsReport};
use prost::Message;
use serde_json::{Value, json};
use server::wire::otlp::encode::encode;
use traffic::shapes;

use crate::server::{TestServer, now, until};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// A batch of `spans` of which `bad` have no trace id.
fn batch(seed: u64, spans: usize, bad: usize) -> Vec<u8> {
    let mut request = encode(&shapes::random(seed, spans));
    let all = request.resource_spans.iter_mut().flat_map(|r| &mut r.scope_spans).flat_map(|s| &mut s.spans);
    all.take(bad).for_each(|span| span.trace_id.clear());
    request.encode_to_vec()
}

fn zipkin(id: u64, trace_id: &str) -> Value {
    let micros = now().0 / 1_000;
    json!({ "traceId": trace_id, "id": format!("{id:016x}"), "name": "get", "timestamp": micros, "duration": 9,
        "localEndpoint": { "serviceName": "zip" } })
}

fn simple(id: u64, duration: &Value) -> Value {
    json!({ "trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": format!("{id:016x}"),
        "service_name": "script", "operation_name": "run", "start_time_unix_ns": now().0.to_string(),
        "duration_ms": duration, "status": "ok", "tags": { "note": "paid with 4111 1111 1111 1111" } })
}

fn logs(good: usize, bad: usize) -> Vec<u8> {
    let record = |time: u64| json!({ "timeUnixNano": time.to_string(), "body": { "stringValue": "x" } });
    let mut records: Vec<Value> = (0..good).map(|_| record(now().0)).collect();
    records.extend((0..bad).map(|_| record(u64::MAX)));
    let sent = json!({ "resourceLogs": [{ "scopeLogs": [{ "logRecords": records }] }] });
    sent.to_string().into_bytes()
}

/// Items of the receipts that are so in every named field.
fn items(report: &Value, wanted: &[(&str, &str)]) -> u64 {
    let lines = report["receipts"].as_array().unwrap();
    let is_wanted = |line: &&Value| wanted.iter().all(|(field, value)| line[*field] == *value);
    lines.iter().filter(is_wanted).map(|line| line["items"].as_u64().unwrap()).sum()
}

fn losses(report: &Value, door: &str, kind: &str) -> u64 {
    let outcomes = ["refused", "turned_away", "rate_limited", "shed"];
    outcomes
        .map(|outcome| items(report, &[("outcome", outcome), ("door", door), ("kind", kind)]))
        .iter()
        .sum()
}

async fn receipts_of(server: &TestServer, accepted: u64, losses: u64) -> Value {
    until("the receipts are stored", async || {
        let (status, report) = server.get("/api/receipts").await;
        if status == 503 {
            return None;
        }
        assert_eq!(status, 200, "{report}");
        let total = |name: &str| report["totals"][name].as_u64().unwrap_or(0);
        let lost = ["refused", "turned_away", "rate_limited", "shed"].map(total).iter().sum::<u64>();
        (total("accepted") == accepted && lost == losses).then_some(report)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn sent_is_stored_and_every_counted_loss_at_each_door() {
    let mut server = TestServer::start().await;
    // OTLP over gRPC: 40 of 50; over HTTP: 25 of 30, and a body nobody can read.
    let request = Message::decode(&batch(1, 50, 10)[..]).unwrap();
    let answer = server.grpc().await.export(tonic::Request::new(request)).await.unwrap().into_inner();
    assert_eq!(answer.partial_success.unwrap().rejected_spans, 10);
    let (_, answer) = server.post_protobuf(batch(2, 30, 5)).await;
    assert_eq!(answer.partial_success.unwrap().rejected_spans, 5);
    assert_eq!(server.post("/v1/traces", PROTOBUF, b"<html>".to_vec()).await.0, 400);
    // Simple JSON: 2 of 3. Zipkin: 1 of 2. Logs: 4 of 6.
    let batch = json!([simple(1, &json!(5)), simple(2, &json!(5)), simple(3, &json!("soon"))]);
    assert_eq!(server.post("/v1/spans", JSON, batch.to_string().into_bytes()).await.0, 202);
    let batch = json!([zipkin(1, "0af7651916cd43dd8448eb211c80319c"), zipkin(2, "zz")]);
    assert_eq!(server.post("/api/v2/spans", JSON, batch.to_string().into_bytes()).await.0, 202);
    assert_eq!(server.post("/v1/logs", JSON, logs(4, 2)).await.0, 200);

    let report = receipts_of(&server, 40 + 25 + 2 + 1 + 4, 10 + 5 + 1 + 1 + 2).await;
    for (door, kind, sent) in [
        ("otlp_grpc", "spans", 50),
        ("otlp_http", "spans", 30),
        ("simple_json", "spans", 3),
        ("zipkin", "spans", 2),
        ("otlp_http", "logs", 6),
    ] {
        let stored = items(&report, &[("outcome", "accepted"), ("door", door), ("kind", kind)]);
        assert_eq!(stored + losses(&report, door, kind), sent, "{door} {kind}: {report}");
    }
    server.stored(40 + 25 + 2 + 1).await;
    server.sql_becomes("SELECT count() FROM logs", "4").await;

    let lines = report["receipts"].as_array().unwrap();
    let line = |reason: &str| lines.iter().find(|line| line["reason"] == reason).expect(reason);
    let ids = line("invalid_trace_id");
    assert!(ids["advice"].as_str().unwrap().contains("16 bytes") && ids["lost"] == true, "{ids}");
    assert!(ids["example"].as_str().unwrap().contains("span"), "{ids}");
    let unread = line("request_malformed");
    assert_eq!((unread["items"].as_u64(), unread["requests"].as_u64()), (Some(0), Some(1)));
    assert_eq!(items(&report, &[("outcome", "redacted"), ("service", "script")]), 2, "{report}");
    let points: u64 = ids["points"].as_array().unwrap().iter().map(|p| p.as_u64().unwrap()).sum();
    assert_eq!(points, ids["items"].as_u64().unwrap());
    assert!(lines.last().unwrap()["outcome"] == "accepted", "what was stored comes last");

    let (_, narrowed) = server.get("/api/receipts?outcome=refused&service=script").await;
    assert_eq!(items(&narrowed, &[]), 1, "{narrowed}");
    let (_, narrowed) = server.get("/api/receipts?outcome=accepted&service=script").await;
    assert_eq!(items(&narrowed, &[]), 2);
    let typed: ReceiptsReport = server.ask("get_receipts", &ReceiptsAsked::default()).await;
    assert_eq!(typed.lines.len(), lines.len());
    assert_eq!(server.get("/api/receipts?outcome=gone").await.0, 400);
    server.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_but_odd_is_counted_too() {
    let server = TestServer::start().await;
    let mut spans = shapes::random(3, 4);
    for (span, age) in spans.iter_mut().zip([0, 0, 3_600, 30 * 86_400]) {
        span.start = now().minus(model::Nanos::from_secs(age));
        span.duration = model::Nanos(1);
    }
    spans[1].start = model::Timestamp(now().0 + 3_600_000_000_000);
    let request = encode(&spans).encode_to_vec();
    for _ in 0..2 {
        assert_eq!(server.post("/v1/traces", PROTOBUF, request.clone()).await.0, 200);
    }
    let report = receipts_of(&server, 8, 0).await;
    assert_eq!(items(&report, &[("outcome", "duplicate")]), 4, "{report}");
    for reason in ["clock_ahead", "clock_behind", "long_ended"] {
        assert_eq!(items(&report, &[("reason", reason)]), 2, "{reason}: {report}");
    }
    let id = spans[1].trace_id.to_string();
    let (_, trace) = until("the trace is stored", async || {
        Some(server.get(&format!("/api/traces/{id}")).await).filter(|(status, _)| *status == 200)
    })
    .await;
    assert!(trace.to_string().contains("clock is ahead"), "{trace}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_away_loses_and_doubles_no_receipt() {
    let mut server = TestServer::start().await;
    let engine = server.engine_pid().await;
    TestServer::signal(engine, "STOP");
    server.send(&shapes::random(4, 20)).await;
    assert_eq!(server.post("/v1/traces", PROTOBUF, batch(5, 10, 4)).await.0, 200);
    // In the queue, and the server is killed before the engine comes back.
    until("the receipts are in the queue", async || {
        let waiting = server.metric("skein_receipts_rows").await;
        (waiting == 0.0).then_some(())
    })
    .await;
    TestServer::signal(engine, "CONT");
    server.kill().await;
    server.restart().await;
    receipts_of(&server, 26, 4).await;
}
