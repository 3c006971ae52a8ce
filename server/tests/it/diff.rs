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

/// Others of the same root operation are found by it alone, and a trace in which it is called by another is none.
#[tokio::test]
async fn a_trace_is_compared_with_what_is_typical_of_its_operation() {
    let server = TestServer::start().await;
    let mut sent = 0;
    let mut send = async |spans: &[Span]| {
        server.send(spans).await;
        sent += spans.len();
        server.stored(sent).await;
    };
    for id in 1..=5 {
        send(&trace(id, 100, &[("cart", 10, 30)])).await;
    }
    send(&trace(6, 60, &[("cart", 10, 30)])).await;
    let mut other = trace(7, 5_000, &[("shop", 10, 4_000)]);
    other[0].service = "batch".to_owned();
    other[1].operation = "GET".to_owned();
    send(&other).await;
    let slow = trace(8, 180, &[("cart", 10, 100), ("mail", 120, 10)]);
    send(&slow).await;

    let id = slow[0].trace_id;
    let (status, diff) = server.get(&format!("/api/diff?a=typical&b={id}")).await;
    assert_eq!(status, 200, "{diff}");
    assert_eq!(diff["sample"], json!({ "side": "a", "traces": 6, "middle": 4, "of": 6 }));
    assert_eq!((&diff["a"]["trace_id"], &diff["delta_ms"]), (&Value::Null, &json!(80.0)));
    let line = |entry: &Value| (entry["change"].clone(), entry["critical_delta_ms"].clone());
    let lines: Vec<_> = diff["entries"].as_array().unwrap().iter().map(line).collect();
    let expected = [("slower", 0.0), ("slower", 70.0), ("added", 10.0)];
    assert_eq!(lines, expected.map(|(change, delta)| (json!(change), json!(delta))));
    assert_eq!(diff["entries"][1]["spread"], json!({ "traces": 6, "p50_ms": 30.0, "p95_ms": 30.0 }));
    let (_, back) = server.get(&format!("/api/diff?a={id}&b=typical&window_secs=600")).await;
    assert_eq!((&back["sample"]["side"], &back["delta_ms"]), (&json!("b"), &json!(-80.0)));

    for (named, number) in [("fastest", 6), ("previous", 6), ("usual", 0)] {
        let (status, found) = server.get(&format!("/api/diff?a={named}&b={id}")).await;
        assert_eq!(status, 200, "{found}");
        let other = found["a"]["trace_id"].as_str().unwrap();
        let is_right = if number == 0 {
            found["a"]["duration_ms"] == 100.0
        } else {
            *other == format!("{number:02x}").repeat(16)
        };
        assert!(is_right, "{named}: {other}");
    }
    // One of them is too large to be read without a look at its size.
    send(&trace(9, 100, &[("cart", 10, 1); 1_100])).await;
    let (_, diff) = server.get(&format!("/api/diff?a=typical&b={id}")).await;
    assert_eq!(diff["sample"], json!({ "side": "a", "traces": 7, "middle": 5, "of": 7 }));

    let batch = other[0].trace_id;
    let (status, answer) = server.get(&format!("/api/diff?a={batch}&b=typical")).await;
    assert_eq!(status, 404, "{answer}");
    assert!(answer["error"]["message"].as_str().unwrap().contains("batch GET"), "{answer}");
}

/// A quicker one that calls less is no better way to do the same.
#[tokio::test]
async fn the_fastest_is_one_of_the_same_shape() {
    let server = TestServer::start_with(&["--settle-after-secs", "1"]).await;
    let slow = trace(8, 180, &[("cart", 10, 100), ("mail", 120, 10)]);
    let alike = trace(2, 90, &[("cart", 10, 30), ("mail", 50, 10)]);
    for spans in [&slow, &alike, &trace(1, 60, &[("cart", 10, 30)]), &trace(3, 120, &[("mail", 10, 30)])] {
        server.send(spans).await;
    }
    server.sql_becomes("SELECT uniq(trace_id) FROM traces", "4").await;
    let fastest = async |of: &str| {
        let (status, found) = server.get(&format!("/api/diff?a=fastest&b={of}")).await;
        assert_eq!(status, 200, "{found}");
        found["a"]["trace_id"].as_str().unwrap().to_owned()
    };
    assert_eq!(fastest(&slow[0].trace_id.to_string()).await, alike[0].trace_id.to_string());
    // Nobody else calls only the mail.
    assert_eq!(fastest(&"03".repeat(16)).await, "01".repeat(16));
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
        ("a=typical&b=typical".to_owned(), 400, "neither side"),
        (format!("a=typical&b={known}"), 404, "no such trace of shop GET"),
        (format!("a=typical&b={known}&window_secs=0"), 400, "window_secs"),
        (format!("a=typical&b={unknown}"), 404, unknown.as_str()),
    ] {
        let (found, answer) = server.get(&format!("/api/diff?{query}")).await;
        assert_eq!(found, status, "{query}: {answer}");
        assert!(answer["error"]["message"].as_str().unwrap().contains(word), "{answer}");
    }
}
