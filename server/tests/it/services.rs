//! RED figures equal a straight count over the spans that were sent.

use std::collections::HashMap;

use model::{Nanos, Span, SpanKind, Status};
use server::wire::otlp::encode::encode;
use traffic::Shop;

use crate::server::{TestServer, now};

#[tokio::test]
async fn rates_errors_and_quantiles_are_those_of_the_spans() {
    let server = TestServer::start().await;
    // Well inside the window of five minutes, whichever way the minutes of this test fall.
    let spans: Vec<Span> = Shop::with_faults(31, Vec::new())
        .traces(now().minus(Nanos::from_secs(200)), 5.0)
        .take(300)
        .flatten()
        .collect();
    server.grpc().await.export(encode(&spans)).await.unwrap();
    server.stored(spans.len()).await;

    let mut by_operation: HashMap<(&str, &str, SpanKind), Vec<&Span>> = HashMap::new();
    for span in &spans {
        by_operation.entry((&span.service, &span.operation, span.kind)).or_default().push(span);
    }
    let (status, listed) = server.get("/api/services").await;
    assert_eq!(status, 200);
    let names: Vec<&str> =
        listed["services"].as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap()).collect();
    let mut expected: Vec<&str> = by_operation.keys().map(|(service, _, _)| *service).collect();
    expected.sort_unstable();
    expected.dedup();
    assert_eq!(names, expected);

    let mut seen = 0;
    for service in expected {
        let (_, answer) = server.get(&format!("/api/services/{service}/operations")).await;
        for line in answer["operations"].as_array().unwrap() {
            let kind = line["kind"].as_str().unwrap();
            let key = by_operation
                .keys()
                .find(|(s, o, k)| *s == service && *o == line["name"] && k.name() == kind)
                .unwrap();
            let spans = &by_operation[key];
            assert_eq!(line["calls"], spans.len());
            assert_eq!(line["errors"], spans.iter().filter(|s| s.status == Status::Error).count());
            assert_eq!(line["rate_per_sec"], spans.len() as f64 / 300.0);
            check_quantile(spans, 0.50, line["p50_ms"].as_f64().unwrap());
            check_quantile(spans, 0.99, line["p99_ms"].as_f64().unwrap());
            seen += 1;
        }
    }
    assert_eq!(seen, by_operation.len());
}

fn check_quantile(spans: &[&Span], q: f64, found_ms: f64) {
    let mut durations: Vec<f64> = spans.iter().map(|s| s.duration.as_millis_f64()).collect();
    durations.sort_by(f64::total_cmp);
    let rank = ((durations.len() as f64 * q).ceil() as usize).clamp(1, durations.len());
    let exact = durations[rank - 1];
    assert!((found_ms - exact).abs() <= exact * 0.02, "q{q}: {found_ms} for {exact}");
}
