//! Two traces compared through the API: as `model` compares them, and in the words of the contract.

use model::{Nanos, Span, SpanId, SpanKind, TraceId};
use serde_json::{Value, json};

use crate::server::{TestServer, now};

/// `shop GET` with calls below it: name, start and length in milliseconds.
fn trace(id: u8, length: u64, calls: &[(&str, u64, u64)]) -> Vec<Span> {
    let start = now().minus(Nanos::from_secs(60));
    let span = |number: u64, parent: u64, name: &str, at: u64, length: u64| Span {
        trace_id: TraceId([id; 16]),
        span_id: SpanId(number),
        parent_id: SpanId(parent),
        service: if parent == 0 { "shop".to_owned() } else { name.to_owned() },
        operation: if parent == 0 { "GET".to_owned() } else { "call".to_owned() },
        kind: SpanKind::Server,
        start: start.plus(Nanos(at * 1_000_000)),
        duration: Nanos(length * 1_000_000),
        ..Span::default()
    };
    let below = calls
        .iter()
        .enumerate()
        .map(|(at, (name, start, length))| span(at as u64 + 2, 1, name, *start, *length));
    std::iter::once(span(1, 0, "", 0, length)).chain(below).collect()
}

#[tokio::test]
async fn what_was_added_is_missing_or_took_longer_is_told_and_adds_up() {
    let server = TestServer::start().await;
    let a = trace(1, 100, &[("cart", 10, 30), ("db", 50, 20)]);
    let b = trace(2, 180, &[("mail", 5, 10), ("cart", 50, 30), ("cart", 80, 60)]);
    server.send(&a).await;
    server.send(&b).await;
    server.stored(a.len() + b.len()).await;

    let url = format!("/api/diff?a={}&b={}", a[0].trace_id, b[0].trace_id);
    let (status, diff) = server.get(&url).await;
    assert_eq!(status, 200, "{diff}");
    let entries = diff["entries"].as_array().unwrap();
    let line = |entry: &Value| {
        (
            entry["service_name"].clone(),
            entry["change"].clone(),
            entry["a_duration_ms"].clone(),
            entry["b_duration_ms"].clone(),
        )
    };
    let expected = [
        (json!("shop"), json!("slower"), json!(100.0), json!(180.0)),
        (json!("mail"), json!("added"), Value::Null, json!(10.0)),
        (json!("cart"), json!("slower"), json!(30.0), json!(90.0)),
        (json!("db"), json!("removed"), json!(20.0), Value::Null),
    ];
    assert_eq!(entries.iter().map(line).collect::<Vec<_>>(), expected);
    assert_eq!((&entries[2]["a"]["calls"], &entries[2]["b"]["calls"]), (&json!(1), &json!(2)));
    let parts: f64 = entries.iter().map(|entry| entry["critical_delta_ms"].as_f64().unwrap()).sum();
    assert_eq!((parts, &diff["delta_ms"]), (80.0, &json!(80.0)));
    assert!(diff["summary"].as_str().unwrap().starts_with("The second took 80 ms longer: +60 ms in cart"));
}

#[tokio::test]
async fn what_cannot_be_compared_is_said() {
    let server = TestServer::start().await;
    let spans = trace(1, 100, &[]);
    server.send(&spans).await;
    server.stored(1).await;
    let (known, unknown) = (spans[0].trace_id.to_string(), "ab".repeat(16));
    for (query, status, word) in [
        (format!("a={known}&b={unknown}"), 404, unknown.as_str()),
        (format!("a={known}"), 400, "b is missing"),
        (format!("a={known}&b=zz"), 400, "zz"),
        (format!("a={known}&b={known}&c=1"), 400, "'c'"),
    ] {
        let (found, answer) = server.get(&format!("/api/diff?{query}")).await;
        assert_eq!(found, status, "{query}: {answer}");
        assert!(answer["error"]["message"].as_str().unwrap().contains(word), "{answer}");
    }
}
