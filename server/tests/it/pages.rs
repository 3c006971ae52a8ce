//! Pages and parts of answers: nothing twice, nothing left out, whatever arrives meanwhile.

use std::collections::HashMap;

use model::{Nanos, Span, TraceId};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use serde_json::Value;
use server::wire::otlp::encode::encode;
use tonic::transport::Channel;
use traffic::Shop;

use crate::search::filled;
use crate::server::{TestServer, now};

/// Spans sent with each page, at least: one takes a twentieth of a second, and ten thousand arrive in each second.
const SPANS_BETWEEN: usize = 500;

fn id_of(trace: &Value) -> TraceId {
    trace["trace_id"].as_str().unwrap().parse().unwrap()
}

/// The lines of an answer in parts.
async fn lines(server: &TestServer, path: &str) -> Vec<Value> {
    let asked = server.client.get(server.url(path)).header("accept", "application/x-ndjson");
    let response = asked.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/x-ndjson");
    let text = response.text().await.unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn parts_are_the_page_and_each_says_how_to_go_on() {
    let (server, sent) = filled().await;
    for order in ["newest", "duration"] {
        let path = format!("/api/traces?limit=200&order={order}");
        let (_, page) = server.get(&path).await;
        let parts = lines(&server, &path).await;
        assert!(parts.len() > 1, "the first traces come before the others: {}", parts.len());
        let told: Vec<&Value> = parts.iter().flat_map(|part| part["traces"].as_array().unwrap()).collect();
        assert_eq!(told, page["traces"].as_array().unwrap().iter().collect::<Vec<_>>());
        let (last, others) = parts.split_last().unwrap();
        assert_eq!((&last["complete"], &last["next_cursor"]), (&true.into(), &page["next_cursor"]));
        assert!(others.iter().all(|part| part["complete"] == false && part["limit_reached"].is_null()));
        assert!(others.iter().all(|part| part["scanned"]["rows"].as_u64() > Some(0)));

        let first = parts[0]["traces"].as_array().unwrap().len();
        let cursor = parts[0]["next_cursor"].as_str().unwrap();
        let (_, rest) = server.get(&format!("{path}&cursor={cursor}")).await;
        assert_eq!(rest["traces"][0], page["traces"][first], "a broken answer can be gone on with");
    }
    let everything = lines(&server, "/api/traces?limit=1000").await;
    let all: usize = everything.iter().map(|part| part["traces"].as_array().unwrap().len()).sum();
    assert_eq!(all, sent.traces.len());

    let wrong =
        server.client.get(server.url("/api/traces?q=%7B%20nothing")).header("accept", "application/x-ndjson");
    let wrong = wrong.send().await.unwrap();
    assert_eq!(wrong.status(), 400, "what cannot be asked has a status of its own");
    assert!(wrong.json::<Value>().await.unwrap()["error"]["range"].is_object());
}

/// Sends more traces, of another seed each time.
async fn arrive(client: &mut TraceServiceClient<Channel>, seed: &mut u64) {
    let mut sent = 0;
    while sent < SPANS_BETWEEN {
        *seed += 1;
        let spans: Vec<Span> = Shop::new(*seed).traces(now(), 50.0).take(10).flatten().collect();
        sent += spans.len();
        client.export(encode(&spans)).await.unwrap();
    }
}

#[tokio::test]
async fn every_older_trace_is_on_one_page_while_others_arrive() {
    let (server, sent) = filled().await;
    let (mut client, mut seed) = (server.grpc().await, 1_000);
    for order in ["newest", "duration", "spans"] {
        // What is largest among all that arrives has no end while it does.
        let until_now = if order == "newest" { String::new() } else { format!("&end={}", now().0) };
        arrive(&mut client, &mut seed).await;
        let mut seen: HashMap<TraceId, usize> = HashMap::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/api/traces?limit=40&order={order}&cursor={cursor}{until_now}");
            // While the page is looked for, and so between any two of them.
            let ((status, page), ()) = tokio::join!(server.get(&path), arrive(&mut client, &mut seed));
            assert_eq!((status, &page["complete"]), (200, &true.into()), "{page}");
            for trace in page["traces"].as_array().unwrap() {
                *seen.entry(id_of(trace)).or_default() += 1;
            }
            match page["next_cursor"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => break,
            }
        }
        let missing = sent.traces.keys().filter(|id| !seen.contains_key(id)).count();
        assert_eq!(missing, 0, "of {} by {order}", sent.traces.len());
        let twice = sent.traces.keys().filter(|id| seen[id] > 1).count();
        assert_eq!(twice, 0, "by {order}");
        if order == "newest" {
            assert!(seen.values().all(|times| *times == 1), "nor is any other trace found twice");
        }
    }
    // All of it can be found afterwards.
    let (_, page) = server.get(&format!("/api/traces?start={}", now().minus(Nanos::from_secs(600)).0)).await;
    assert!(!page["traces"].as_array().unwrap().is_empty());
}
