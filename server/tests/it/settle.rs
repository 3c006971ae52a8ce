//! What is found out about whole traces once they are quiet, held against the same analysis made here and against
//! straight counts over the spans.

use std::collections::BTreeMap;

use model::trace::orphan::{Evidence, orphans};
use model::trace::path::{path_hashes, shape_hash};
use model::trace::{Clock, CriticalPath, Trace, TraceStatus, Tree};
use model::{Nanos, Span, SpanId, SpanKind, Status, Timestamp, TraceId};
use serde::Serialize;
use server::wire::otlp::encode::encode;
use traffic::{Shop, shapes};

use crate::server::{TestServer, now, until};

const SOON: [&str; 2] = ["--settle-after-secs", "1"];

#[derive(Serialize)]
struct Asked {
    trace: TraceId,
}

/// A shop's traces, some of which have lost spans.
fn traffic() -> Vec<Vec<Span>> {
    let shop = Shop::with_faults(5, Vec::new());
    let mut traces: Vec<Vec<Span>> = shop.traces(now().minus(Nanos::from_secs(30)), 10.0).take(60).collect();
    for (at, trace) in traces.iter_mut().enumerate() {
        if at % 5 == 0 && trace.len() > 3 {
            trace.remove(trace.len() / 2);
        }
        if at % 7 == 0 {
            trace.retain(|span| span.parent_id.is_valid());
        }
    }
    traces.retain(|trace| !trace.is_empty());
    traces
}

async fn settled(server: &TestServer, spans: usize) {
    server.sql_becomes("SELECT sum(spans) FROM traces FINAL", &spans.to_string()).await;
}

/// As the row of a trace is asked for: status, spans, errors, orphans, depth, shape, causes, critical path.
const ROW: &str = "SELECT status, spans, errors, orphans, depth, shape, mapSort(causes), mapSort(critical)
     FROM traces FINAL WHERE trace_id = unhex('ID')";

fn expected(trace: &Trace) -> String {
    let tree = Tree::new(trace);
    let clock = Clock::new(trace, &tree);
    let summary = trace.summary();
    let mut causes: BTreeMap<&str, u64> = BTreeMap::new();
    for orphan in orphans(trace, &tree, &clock, &Evidence::default()) {
        *causes.entry(orphan.cause.name()).or_default() += 1;
    }
    let mut critical: BTreeMap<&str, u64> = BTreeMap::new();
    for (row, time) in
        CriticalPath::new(trace, &tree, &clock).time.iter().enumerate().filter(|(_, t)| **t > 0)
    {
        *critical.entry(trace.service_name(row)).or_default() += time;
    }
    let map = |counts: BTreeMap<&str, u64>| {
        let entries: Vec<String> = counts.iter().map(|(name, count)| format!("'{name}':{count}")).collect();
        format!("{{{}}}", entries.join(","))
    };
    let status = match summary.status {
        TraceStatus::Ok => 1,
        TraceStatus::Error => 2,
        TraceStatus::Partial => 3,
    };
    let depth = tree.depth.iter().max().unwrap() + 1;
    let shape = shape_hash(&path_hashes(trace, &tree));
    let (spans, errors, orphans) = (summary.span_count, summary.error_count, summary.orphan_count);
    format!("{status}\t{spans}\t{errors}\t{orphans}\t{depth}\t{shape}\t{}\t{}", map(causes), map(critical))
}

#[tokio::test]
async fn quiet_traces_are_known_as_the_browser_finds_them() {
    let server = TestServer::start_with(&SOON).await;
    let traces = traffic();
    let spans: Vec<Span> = traces.concat();
    server.send(&spans).await;
    settled(&server, spans.len()).await;

    for trace in &traces {
        let id = trace[0].trace_id;
        let seen: Trace = server.ask("get_trace", &Asked { trace: id }).await;
        let row = server.sql(&ROW.replace("ID", &id.to_string())).await.unwrap();
        assert_eq!(row, expected(&seen), "{id}");
    }
    let partial = server.sql("SELECT countIf(orphans > 0 OR status = 3) FROM traces FINAL").await.unwrap();
    assert!(partial.parse::<u64>().unwrap() >= 10, "the traffic was to have holes: {partial}");
}

/// Calls between services, straight from the spans: by client, server, calls, errors of the answer.
const SELF_JOIN: &str = "SELECT p.service AS client, s.service AS server, count() AS calls
     FROM spans AS s INNER JOIN spans AS p ON p.trace_id = s.trace_id AND p.span_id = s.parent_id
     WHERE p.service != s.service GROUP BY client, server ORDER BY client, server";
const EDGES: &str = "SELECT client, server, sum(calls) AS n FROM edges FINAL
     WHERE client_kind = 0 AND server_kind = 0 GROUP BY client, server HAVING n != 0 ORDER BY client, server";

#[tokio::test]
async fn edges_and_paths_equal_a_straight_count() {
    let server = TestServer::start_with(&SOON).await;
    let traces = traffic();
    let spans: Vec<Span> = traces.concat();
    server.send(&spans).await;
    settled(&server, spans.len()).await;

    let edges = server.sql(EDGES).await.unwrap();
    assert!(edges.lines().count() > 5, "{edges}");
    assert_eq!(edges, server.sql(SELF_JOIN).await.unwrap());
    // Databases and queues are there by what calls them.
    let stores = server
        .sql("SELECT DISTINCT server FROM edges WHERE server_kind = 1 AND server LIKE 'postgresql/%' LIMIT 1")
        .await
        .unwrap();
    assert!(!stores.is_empty());

    let by_path = "SELECT service, operation, sum(spans) AS n, sum(errors), sum(duration) FROM paths FINAL
         GROUP BY service, operation HAVING n != 0 ORDER BY service, operation";
    let by_span = "SELECT service, operation, count(), countIf(status = 2), sum(duration) FROM spans
         GROUP BY service, operation ORDER BY service, operation";
    assert_eq!(server.sql(by_path).await, server.sql(by_span).await);
    // Every nanosecond of a critical path belongs to some call path.
    let by_trace = "SELECT sum(arraySum(mapValues(critical))) FROM traces FINAL";
    assert_eq!(server.sql("SELECT sum(critical) FROM paths FINAL").await, server.sql(by_trace).await);
}

fn span(trace: u8, id: u64, parent: u64, service: &str, kind: SpanKind) -> Span {
    Span {
        trace_id: TraceId([trace; 16]),
        span_id: SpanId(id),
        parent_id: SpanId(parent),
        service: service.to_owned(),
        operation: format!("step {id}"),
        kind,
        start: now().minus(Nanos::from_secs(2)),
        duration: Nanos(1_000_000 * (10 - id)),
        status: if id == 3 { Status::Error } else { Status::Unset },
        ..Span::default()
    }
}

#[tokio::test]
async fn late_spans_settle_a_trace_again_and_count_once() {
    let server = TestServer::start_with(&SOON).await;
    let early = [
        span(1, 2, 1, "cart", SpanKind::Server),
        span(1, 3, 2, "stock", SpanKind::Server),
        // Another trace of the same slice, which stays as it is.
        span(2, 1, 0, "shop", SpanKind::Server),
        span(2, 2, 1, "cart", SpanKind::Server),
    ];
    server.send(&early).await;
    settled(&server, 4).await;
    assert_eq!(server.sql(EDGES).await.unwrap(), "cart\tstock\t1\nshop\tcart\t1");
    let of_first = "SELECT status, orphans, known_received > 0 FROM traces FINAL WHERE trace_id = unhex(repeat('01', 16))";
    assert_eq!(server.sql(of_first).await.unwrap(), "2\t1\t0");

    server.send(&[span(1, 1, 0, "shop", SpanKind::Server)]).await;
    settled(&server, 5).await;
    assert_eq!(server.sql(of_first).await.unwrap(), "2\t0\t1");
    assert_eq!(server.sql(EDGES).await.unwrap(), "cart\tstock\t1\nshop\tcart\t2");
    assert_eq!(server.sql("SELECT count() FROM traces FINAL").await.unwrap(), "2");
    // The path below the late root is another one: the old one is taken back.
    let paths =
        "SELECT service, sum(spans) AS n, sum(traces) FROM paths FINAL GROUP BY service, path HAVING n != 0
         ORDER BY service, n";
    assert_eq!(server.sql(paths).await.unwrap(), "cart\t2\t2\nshop\t2\t2\nstock\t1\t1");
    // Counted once the slice is written down, which is after the figures above can be read.
    until("the trace settled again is counted", async || {
        (server.metric("skein_settle_again_total").await == 1.0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_settler_that_starts_later_or_again_comes_to_the_same() {
    let mut server = TestServer::start_with(&["--roles", "ingest,write,query"]).await;
    let spans: Vec<Span> = traffic().concat();
    server.send(&spans).await;
    server.stored(spans.len()).await;
    assert_eq!(server.sql("SELECT count() FROM traces").await.unwrap(), "0");

    server.terminate().await;
    server.restart_with(&SOON).await;
    server.ready().await;
    settled(&server, spans.len()).await;
    let figures = "SELECT sum(calls), sum(errors), sum(duration) FROM edges FINAL";
    let first = server.sql(figures).await.unwrap();

    // As if it had been killed before the slice was written down: it is settled again.
    server.kill().await;
    server.restart().await;
    server.ready().await;
    server.sql_becomes("SELECT sum(traces) > 0 FROM slices FINAL", "1").await;
    server.sql("TRUNCATE TABLE slices").await.unwrap();
    server.kill().await;
    server.restart().await;
    server.ready().await;
    server.sql_becomes("SELECT sum(traces) > 0 FROM slices FINAL", "1").await;
    assert_eq!(server.sql(figures).await.unwrap(), first);
    settled(&server, spans.len()).await;
}

#[tokio::test]
async fn malformed_traces_settle_too() {
    let server = TestServer::start_with(&SOON).await;
    let mut spans = shapes::moved_to(shapes::deep(200), now().minus(Nanos::from_secs(5)));
    // Two spans that are each other's parent, one its own, and one id twice.
    spans.extend([
        span(9, 1, 2, "a", SpanKind::Internal),
        span(9, 2, 1, "b", SpanKind::Internal),
        span(9, 4, 4, "c", SpanKind::Client),
        span(9, 5, 0, "d", SpanKind::Server),
        span(9, 5, 0, "d", SpanKind::Server),
    ]);
    server.send(&spans).await;
    settled(&server, spans.len()).await;
    assert_eq!(server.metric("skein_settle_failures_total").await, 0.0);
}

#[tokio::test]
async fn dependencies_are_the_same_before_and_after_traces_settle() {
    let mut server = TestServer::start_with(&["--roles", "ingest,write,query"]).await;
    let spans: Vec<Span> = traffic().concat();
    server.send(&spans).await;
    server.stored(spans.len()).await;
    let (status, before) = server.get("/api/dependencies").await;
    assert_eq!((status, &before["complete"]), (200, &true.into()));
    let straight = server.sql(SELF_JOIN).await.unwrap();
    for line in straight.lines() {
        let [client, server, calls] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let is_it = |edge: &&serde_json::Value| {
            edge["client"] == client && edge["server"] == server && edge["server_kind"] == "service"
        };
        let edge = before["edges"].as_array().unwrap().iter().find(is_it).expect(line);
        // Calls of the service that nobody answered are there as well.
        let (found, calls) = (edge["calls"].as_u64().unwrap(), calls.parse().unwrap());
        assert!((calls..calls + 30).contains(&found), "{line}: {found}");
    }

    server.terminate().await;
    server.restart_with(&SOON).await;
    server.ready().await;
    settled(&server, spans.len()).await;
    server.sql_becomes("SELECT sum(traces) > 0 FROM slices FINAL", "1").await;
    let (_, after) = server.get("/api/dependencies").await;
    assert_eq!(after, before);
    let (status, error) = server.get("/api/dependencies?start=5&end=4").await;
    assert_eq!((status, error["error"]["message"].as_str().unwrap()), (400, "start is not before end"));
}

#[tokio::test]
async fn thousands_of_traces_that_are_not_settled_are_counted_and_searched() {
    let server = TestServer::start_with(&["--roles", "ingest,write,query"]).await;
    let pair = |n: u32| {
        let mut spans = [span(1, 1, 0, "shop", SpanKind::Server), span(1, 2, 1, "cart", SpanKind::Server)];
        spans.iter_mut().for_each(|span| span.trace_id = TraceId(u128::from(n + 1).to_be_bytes()));
        spans
    };
    let spans: Vec<Span> = (0..2_500).flat_map(pair).collect();
    server.send(&spans).await;
    server.stored(spans.len()).await;
    let (status, graph) = server.get("/api/dependencies").await;
    assert_eq!((status, &graph["complete"]), (200, &true.into()));
    assert_eq!((&graph["edges"][0]["server"], &graph["edges"][0]["calls"]), (&"cart".into(), &2_500.into()));
    // Nothing is that deep, and so every one of them is looked at.
    let (status, page) = server.get("/api/traces?q=%7B%20trace%3Adepth%20%3E%205%20%7D").await;
    assert_eq!((status, page["traces"].as_array().map(Vec::len)), (200, Some(0)));
    assert_eq!(page["complete"], true);
}

/// The causes of missing parents that a trace was settled with.
const CAUSES: &str = "SELECT mapSort(causes) FROM traces FINAL WHERE trace_id = unhex('ID')";

#[tokio::test]
async fn a_parent_that_was_refused_is_named_as_the_cause() {
    // Receipts follow within seconds of the spans, and must be there when the trace settles.
    let server = TestServer::start_with(&["--settle-after-secs", "8"]).await;
    let mut spans = [
        span(9, 1, 0, "shop", SpanKind::Server),
        span(9, 2, 1, "cart", SpanKind::Server),
        span(9, 3, 2, "cart", SpanKind::Internal),
    ];
    let trace = spans[0].trace_id;
    // What has no start cannot be stored.
    spans[1].start = Timestamp(0);
    let answer = server.grpc().await.export(encode(&spans)).await.unwrap().into_inner();
    assert_eq!(answer.partial_success.map_or(0, |partial| partial.rejected_spans), 1);
    server.stored(2).await;
    let named =
        format!("SELECT count() FROM refused WHERE trace_id = unhex('{trace}') AND reason = 'no_start_time'");
    server.sql_becomes(&named, "1").await;

    let shown: Trace = server.ask("get_trace", &Asked { trace }).await;
    assert_eq!(shown.refused, [SpanId(2)]);
    let path = "/api/traces?q=cause%3Drefused";
    let found = until("the trace is found by its cause", async || {
        let (_, page) = server.get(path).await;
        page["traces"].as_array()?.first()?["trace_id"].as_str().map(str::to_owned)
    })
    .await;
    assert_eq!(found, trace.to_string());
    server.sql_becomes(&CAUSES.replace("ID", &trace.to_string()), "{'refused':1}").await;
    let (_, page) = server.get(path).await;
    assert_eq!(page["traces"][0]["trace_id"], trace.to_string(), "settled as it was found before");
}
