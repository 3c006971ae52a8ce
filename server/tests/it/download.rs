//! A trace taken out as OTLP JSON is the trace that was put in.

use model::trace::TraceFile;
use serde_json::Value;
use traffic::Shop;

use crate::server::{TestServer, now};

#[tokio::test]
async fn what_is_downloaded_can_be_sent_again() {
    let server = TestServer::start().await;
    let shop = Shop::new(5);
    let mut traces = shop.traces(now().minus(model::Nanos::from_secs(100)), 1.0);
    let spans = traces.find(|spans| spans.len() > 3).unwrap();
    server.send(&spans).await;
    server.stored(spans.len()).await;
    let id = spans[0].trace_id;
    let (status, file) = server.get(&format!("/api/traces/{id}/otlp")).await;
    assert_eq!(status, 200);
    let (_, whole) = server.get(&format!("/api/traces/{id}")).await;

    let other = TestServer::start().await;
    let (status, answer) = other.post("/v1/traces", "application/json", file.to_string().into()).await;
    assert_eq!((status, String::from_utf8_lossy(&answer).into_owned()), (200, "{}".to_owned()));
    other.stored(spans.len()).await;
    let (_, again) = other.get(&format!("/api/traces/{id}")).await;
    assert_eq!(again, whole);

    let one = spans[1].span_id;
    let (_, only) = server.get(&format!("/api/traces/{id}/otlp?span={one}")).await;
    let found: Vec<&Value> = only["resourceSpans"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|r| r["scopeSpans"].as_array().unwrap())
        .flat_map(|s| s["spans"].as_array().unwrap())
        .collect();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["spanId"], one.to_string());
    assert_eq!(server.get(&format!("/api/traces/{id}/otlp?span=zz")).await.0, 400);
    assert_eq!(server.get(&format!("/api/traces/{}/otlp", "ab".repeat(16))).await.0, 404);
}

#[derive(serde::Serialize)]
struct File {
    file: Vec<u8>,
}

#[tokio::test]
async fn a_file_is_read_whole_and_nothing_of_it_stored() {
    let server = TestServer::start().await;
    // Larger than any question to the server may be.
    let shop = Shop::new(5);
    let spans: Vec<_> =
        shop.traces(now().minus(model::Nanos::from_secs(100)), 1.0).find(|spans| spans.len() > 3).unwrap();
    let padding = "x".repeat(200_000);
    let mut sent = spans.clone();
    sent[0].attributes.push(("padding".into(), model::AttrValue::Str(padding)));
    let other = TestServer::start().await;
    other.send(&sent).await;
    other.stored(sent.len()).await;
    let id = sent[0].trace_id;
    let (_, file) = other.get(&format!("/api/traces/{id}/otlp")).await;

    let read: TraceFile = server.ask("read_trace_file", &File { file: file.to_string().into() }).await;
    assert_eq!((read.trace.trace_id, read.trace.len(), read.spans.len()), (id, sent.len(), sent.len()));
    let mut found = read.spans;
    found.sort_by_key(|span| (span.start, span.span_id.0));
    let found: Vec<Value> = found.iter().map(model::json::span_json).collect();
    let (_, whole) = other.get(&format!("/api/traces/{id}")).await;
    assert_eq!(whole["spans"].as_array().unwrap(), &found);
    assert_eq!(server.get(&format!("/api/traces/{id}")).await.0, 404);
}
