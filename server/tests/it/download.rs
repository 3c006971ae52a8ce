//! A trace taken out as OTLP JSON is the trace that was put in.

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
