//! Anomalies from spans to the webhook: a fault in a called service opens one, with the service as its origin; a
//! restart goes on with it; it closes when the fault is gone.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use model::{Nanos, Span, SpanId, SpanKind, Status, Timestamp, TraceId};
use serde_json::Value;

use crate::server::{TestServer, now, until};

/// `shop` calls `cart` every three seconds from then on; while it is faulty every second call to `cart` fails.
fn traffic(from: Timestamp, secs: u64, is_faulty: bool) -> Vec<Span> {
    (0..secs / 3).flat_map(|n| one(from.plus(Nanos::from_secs(n * 3)), is_faulty && n % 2 == 0)).collect()
}

fn one(at: Timestamp, fails: bool) -> [Span; 3] {
    let id = TraceId(u128::from(at.0).to_be_bytes());
    let status = if fails { Status::Error } else { Status::Ok };
    let span = |number: u64, service: &str, kind, from_ms: u64, ms: u64| Span {
        trace_id: id,
        span_id: SpanId(number),
        parent_id: SpanId(number - 1),
        service: service.to_owned(),
        operation: if service == "cart" { "get" } else { "GET /" }.to_owned(),
        kind,
        start: at.plus(Nanos(from_ms * 1_000_000)),
        duration: Nanos(ms * 1_000_000),
        status,
        ..Span::default()
    };
    [
        span(1, "shop", SpanKind::Server, 0, 30),
        span(2, "shop", SpanKind::Client, 2, 20),
        span(3, "cart", SpanKind::Server, 3, 18),
    ]
}

type Heard = Arc<Mutex<Vec<Value>>>;

/// Refuses the first event once.
async fn hook(State(heard): State<Heard>, Json(event): Json<Value>) -> StatusCode {
    let mut heard = heard.lock().unwrap();
    heard.push(event);
    if heard.len() == 1 { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }
}

async fn webhook() -> (String, Heard) {
    let heard = Heard::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let router = Router::new().route("/hook", post(hook)).with_state(heard.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, heard)
}

async fn listed(server: &TestServer, query: &str) -> Vec<Value> {
    let (status, answer) = server.get(&format!("/api/anomalies{query}")).await;
    assert_eq!(status, 200, "{answer}");
    answer["anomalies"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_fault_opens_one_which_outlives_a_restart() {
    let (url, heard) = webhook().await;
    let mut server = TestServer::start_with(&["--settle-after-secs", "1", "--anomaly-webhook", &url]).await;
    let begun = now();
    let before = traffic(begun.minus(Nanos::from_secs(5_400)), 5_100, false);
    let during = traffic(begun.minus(Nanos::from_secs(300)), 260, true);
    server.send(&before).await;
    server.send(&during).await;

    let [open] = &until("an anomaly opens", async || {
        let open = listed(&server, "?state=open").await;
        (!open.is_empty()).then_some(open)
    })
    .await[..] else {
        panic!("one anomaly")
    };
    assert_eq!(
        (&open["origin"]["service"], &open["origin"]["measure"]),
        (&"cart".into(), &"own_errors".into())
    );
    assert_eq!(open["affected"][0]["service"], "shop");
    assert!(open["reason"].as_str().unwrap().starts_with("cart fails by itself"), "{open}");
    let example = open["trace_ids"][0].as_str().unwrap();
    let (_, trace) = server.get(&format!("/api/traces/{example}")).await;
    assert_eq!(trace["status"], "error");
    let events = until("the webhook is told", async || {
        let heard = heard.lock().unwrap().clone();
        (heard.len() >= 2).then_some(heard)
    })
    .await;
    assert!(events.iter().all(|event| event["event"] == "open" && event["anomaly"]["id"] == open["id"]));
    assert!(listed(&server, "?service=nobody").await.is_empty());

    server.kill().await;
    server.restart().await;
    server.ready().await;
    until("the detector goes on", async || (server.metric("skein_anomaly_open").await >= 1.0).then_some(()))
        .await;
    let again = listed(&server, "").await;
    assert_eq!(again.len(), 1, "{again:?}");
    assert_eq!(again[0]["id"], open["id"]);
    assert_eq!(server.metric("skein_anomaly_opened_total").await, 0.0);
}

/// Half an hour that was not judged when it was: what began and ended in it is told of as such.
#[tokio::test]
async fn a_fault_that_is_gone_opens_and_closes() {
    let (url, heard) = webhook().await;
    let server = TestServer::start_with(&["--settle-after-secs", "1", "--anomaly-webhook", &url]).await;
    let begun = now();
    let ago = |secs: u64| begun.minus(Nanos::from_secs(secs));
    let (fault_begins, fault_ends) = (ago(1_500), ago(1_200));
    let spans = [
        traffic(ago(6_000), 4_500, false),
        traffic(fault_begins, 300, true),
        traffic(fault_ends, 1_170, false),
    ];
    server.send(&spans.concat()).await;

    let events = until("the webhook is told of its end", async || {
        let heard = heard.lock().unwrap().clone();
        heard.iter().any(|event| event["event"] == "close").then_some(heard)
    })
    .await;
    let told: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    // The first was refused, and told again before anything else.
    assert_eq!(told, ["open", "open", "close"]);
    assert!(listed(&server, "?state=open").await.is_empty());
    let closed = listed(&server, "?state=closed").await;
    let [anomaly] = &closed[..] else { panic!("{closed:?}") };
    for event in &events {
        assert_eq!(event["anomaly"]["id"], anomaly["id"]);
    }
    assert_eq!(events[2]["anomaly"], *anomaly);

    assert_eq!(
        (&anomaly["origin"]["service"], &anomaly["origin"]["operation"]),
        (&"cart".into(), &"get".into())
    );
    let time = |of: &str| Timestamp(anomaly[of].as_str().unwrap().parse().unwrap());
    // Windows are five minutes, and one begins each minute.
    let window = Nanos::from_secs(360);
    let (start, end) = (time("start_unix_ns"), time("closed_unix_ns"));
    assert!(start >= fault_begins.minus(window) && start < fault_ends, "{anomaly}");
    assert!(end >= fault_ends.minus(window) && end <= fault_ends.plus(window), "{anomaly}");
    // Of a hundred calls, half failed.
    let size = anomaly["size"].as_f64().unwrap();
    assert!((30.0..=51.0).contains(&size), "{anomaly}");
    assert!((0.9..=1.0).contains(&anomaly["confidence"].as_f64().unwrap()), "{anomaly}");
    let examples = anomaly["trace_ids"].as_array().unwrap();
    assert!(!examples.is_empty(), "{anomaly}");
    for example in examples {
        let (_, trace) = server.get(&format!("/api/traces/{}", example.as_str().unwrap())).await;
        assert_eq!(trace["status"], "error");
    }
    assert_eq!(server.metric("skein_anomaly_opened_total").await, 1.0);
    assert_eq!(server.metric("skein_anomaly_closed_total").await, 1.0);
}

#[tokio::test]
async fn wrong_questions_are_refused() {
    let server = TestServer::start().await;
    for (query, part) in [("?state=half", "state is 'half'"), ("?start=x", "start"), ("?sort=x", "sort")] {
        let (status, answer) = server.get(&format!("/api/anomalies{query}")).await;
        assert_eq!(status, 400);
        assert!(answer["error"]["message"].as_str().unwrap().contains(part), "{answer}");
    }
    let (status, answer) = server.get("/api/anomalies").await;
    assert_eq!((status, answer["judged_unix_ns"].as_str()), (200, Some("0")));
}
