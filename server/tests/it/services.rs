//! RED figures equal a straight count over the spans that were sent.

use std::collections::HashMap;

use model::view::{ServiceReport, ServicesReport};
use model::{Nanos, Span, SpanId, SpanKind, Status, Timestamp, TraceId};
use serde_json::Value;
use server::wire::otlp::encode::encode;
use traffic::Shop;

use crate::server::{TestServer, now};

/// Well inside the window of five minutes, whichever way the minutes of a test fall.
fn lately() -> Vec<Span> {
    let shop = Shop::with_faults(31, Vec::new());
    shop.traces(now().minus(Nanos::from_secs(200)), 5.0).take(300).flatten().collect()
}

#[tokio::test]
async fn rates_errors_and_quantiles_are_those_of_the_spans() {
    check_figures(lately(), |_| 1).await;
}

/// Senders sampled at different rates: each span that stayed counts for those it stands for.
#[tokio::test]
async fn sampled_spans_count_for_those_that_were_left_out() {
    let mut spans = lately();
    let stands_for = |span: &Span| if span.trace_id.0[0].is_multiple_of(2) { 8 } else { 2 };
    for span in &mut spans {
        // By threshold, and by power of two as before there were thresholds.
        let is_old = span.trace_id.0[1].is_multiple_of(2);
        span.trace_state = match (stands_for(span), is_old) {
            (8, false) => "ot=th:e",
            (8, true) => "a=1,ot=r:9;p:3",
            (_, false) => "ot=th:8",
            (_, true) => "ot=p:1",
        }
        .to_owned();
    }
    let server = check_figures(spans.clone(), stands_for).await;

    check_series(&server, &spans, spans.iter().map(stands_for).sum()).await;
}

/// Chance would have left these out, and had nothing to say of spans that say something else.
#[tokio::test]
async fn powers_of_two_that_mean_none_or_cannot_be_true() {
    let mut spans = lately();
    let stands_for = |span: &Span| u64::from(!span.trace_id.0[0].is_multiple_of(2));
    for (number, span) in spans.iter_mut().enumerate() {
        let odd = ["ot=p:64", "ot=p:4;r:3", "ot=p:3;r:63", "ot=p:3;r:x", "x=p:3", "ot=r:3"];
        span.trace_state =
            if stands_for(span) == 0 { "ot=p:63;r:2" } else { odd[number % odd.len()] }.to_owned();
    }
    let server = TestServer::start().await;
    server.grpc().await.export(encode(&spans)).await.unwrap();
    let counted: u64 = spans.iter().map(stands_for).sum();
    server.sql_becomes("SELECT count() FROM spans", &spans.len().to_string()).await;
    server.sql_becomes("SELECT sum(calls) FROM red", &counted.to_string()).await;
    check_series(&server, &spans, counted).await;
}

/// From what is counted already, and from spans, whose trace states the engine then reads by itself.
async fn check_series(server: &TestServer, spans: &[Span], counted: u64) {
    let from = spans.iter().map(|span| span.start.0).min().unwrap();
    for condition in ["", "duration%3E%3D0ns"] {
        let series = format!(
            "/api/metrics/query_range?start={from}&step_ms=600000&q=%7B{condition}%7D%7Ccount_over_time()"
        );
        let (status, set) = server.get(&series).await;
        let points =
            set["series"].as_array().unwrap().iter().flat_map(|one| one["points"].as_array().unwrap());
        assert_eq!((status, points.filter_map(Value::as_f64).sum::<f64>()), (200, counted as f64), "{set}");
    }
}

async fn check_figures(spans: Vec<Span>, stands_for: fn(&Span) -> u64) -> TestServer {
    let server = TestServer::start().await;
    server.grpc().await.export(encode(&spans)).await.unwrap();
    let calls: u64 = spans.iter().map(stands_for).sum();
    server.sql_becomes("SELECT count() FROM spans", &spans.len().to_string()).await;
    server.sql_becomes("SELECT sum(calls) FROM red", &calls.to_string()).await;

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
            let sum = |spans: &mut dyn Iterator<Item = &&Span>| spans.map(|s| stands_for(s)).sum::<u64>();
            let calls = sum(&mut spans.iter());
            assert_eq!(line["calls"], calls);
            assert_eq!(line["errors"], sum(&mut spans.iter().filter(|s| s.status == Status::Error)));
            assert_eq!(line["rate_per_sec"], calls as f64 / 300.0);
            let all: Vec<&Span> =
                spans.iter().flat_map(|s| std::iter::repeat_n(*s, stands_for(s) as usize)).collect();
            check_quantile(&all, 0.50, line["p50_ms"].as_f64().unwrap());
            check_quantile(&all, 0.99, line["p99_ms"].as_f64().unwrap());
            seen += 1;
        }
    }
    assert_eq!(seen, by_operation.len());
    server
}

fn check_quantile(spans: &[&Span], q: f64, found_ms: f64) {
    let mut durations: Vec<f64> = spans.iter().map(|s| s.duration.as_millis_f64()).collect();
    durations.sort_by(f64::total_cmp);
    let rank = ((durations.len() as f64 * q).ceil() as usize).clamp(1, durations.len());
    let exact = durations[rank - 1];
    assert!((found_ms - exact).abs() <= exact * 0.02, "q{q}: {found_ms} for {exact}");
}

/// Calls of one operation, a second apart.
fn calls(service: &str, from: Timestamp, count: u64, length_ms: u64, failed: u64) -> Vec<Span> {
    let call = |n: u64| Span {
        trace_id: TraceId(u128::from(from.0 + n).to_be_bytes()),
        span_id: SpanId(n + 1),
        service: service.to_owned(),
        operation: "GET /thing".to_owned(),
        kind: SpanKind::Server,
        start: from.plus(Nanos::from_secs(n)),
        duration: Nanos(length_ms * 1_000_000),
        status: if n < failed { Status::Error } else { Status::Ok },
        ..Span::default()
    };
    (0..count).map(call).collect()
}

#[tokio::test]
async fn a_report_puts_what_got_worse_first_and_counts_every_call() {
    let server = TestServer::start().await;
    let (lately, hour_ago) = (now().minus(Nanos::from_secs(200)), now().minus(Nanos::from_secs(3_800)));
    let mut spans = Vec::new();
    for at in [lately, hour_ago] {
        spans.extend(calls("calm", at, 60, 20, 0));
        spans.extend(calls("flaky", at, 50, 20, 5));
    }
    spans.extend(calls("slowed", hour_ago, 50, 20, 0));
    spans.extend(calls("slowed", lately, 50, 90, 0));
    server.send(&spans).await;
    server.stored(spans.len()).await;

    let report: ServicesReport = server.ask("report_services", &7_200u64).await;
    let names: Vec<&str> = report.services.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["slowed", "flaky", "calm"]);
    let slowdown = report.services[0].slowdown().unwrap();
    assert!((4.3..4.7).contains(&slowdown), "{slowdown}");
    for (service, count, failed) in [(0, 100, 0), (1, 100, 10), (2, 120, 0)] {
        let points = &report.services[service].points;
        assert_eq!(points.iter().map(|p| p.calls).sum::<u64>(), count);
        assert_eq!(points.iter().map(|p| p.errors).sum::<u64>(), failed);
    }

    let one: ServiceReport = server.ask("report_service", &("slowed", "", 7_200u64)).await;
    assert_eq!(one.service, report.services[0]);
    assert_eq!((one.operations.len(), one.operations[0].name.as_str()), (1, "GET /thing"));
    assert_eq!(one.durations.traces, 100);
    let slowest = one.quantiles.iter().map(|q| q[1]).max().unwrap().as_millis_f64();
    assert!((88.0..92.0).contains(&slowest), "{slowest}");
    let none: ServiceReport = server.ask("report_service", &("slowed", "GET /other", 7_200u64)).await;
    assert_eq!(none.durations.traces, 0);
}
