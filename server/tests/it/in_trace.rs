//! What the trace page asks beyond a trace's columns.

use model::trace::{HostClocks, LinkedSpan, RankAsked, SpanRank, Trace, TraceValues};
use model::view::Journey;
use model::{AttrValue, Event, Link, Nanos, Span, SpanId, SpanKind, Timestamp, TraceId};
use serde::Serialize;
use server::limits::TRACE_VALUES_MAX_BYTES;
use traffic::shapes;

use crate::server::{TestServer, now};

#[derive(Serialize)]
struct Find<'a> {
    trace: TraceId,
    text: &'a str,
}

#[derive(Serialize)]
struct Values<'a> {
    trace: TraceId,
    key: &'a str,
}

#[derive(Serialize)]
struct Linked {
    trace: TraceId,
    start: Timestamp,
}

#[derive(Serialize)]
struct Ranks {
    spans: Vec<RankAsked>,
    until: Timestamp,
}

/// Three spans that differ in what their attributes say.
fn trace() -> Vec<Span> {
    let mut spans = shapes::moved_to(shapes::wide(3), now().minus(Nanos::from_secs(30)));
    let (service, origin) = (spans[0].service.clone(), spans[0].origin.clone());
    for (at, span) in spans.iter_mut().enumerate() {
        (span.service, span.origin) = (service.clone(), origin.clone());
        span.operation = format!("step {at}");
        span.events.clear();
        span.links.clear();
        span.attributes = vec![
            ("user".to_owned(), AttrValue::Str(if at == 2 { "Ann Müller" } else { "Bob" }.into())),
            ("items".to_owned(), AttrValue::Int(at as i64 * 7)),
            ("vip".to_owned(), AttrValue::Bool(at == 1)),
        ];
    }
    spans
}

#[tokio::test]
async fn words_find_spans_by_what_their_attributes_say() {
    let server = TestServer::start().await;
    let spans = trace();
    server.send(&spans).await;
    server.stored(spans.len()).await;
    let trace = spans[0].trace_id;
    let ids = |rows: &[usize]| {
        let mut ids: Vec<SpanId> = rows.iter().map(|row| spans[*row].span_id).collect();
        ids.sort();
        ids
    };
    for (text, rows) in [
        ("ann", &[2][..]),
        ("MÜLLER", &[2]),
        (&format!("{} bob", spans[0].service.to_uppercase()), &[0, 1]),
        ("step 2", &[2]),
        ("items=14", &[2]),
        ("vip=true", &[1]),
        ("user=Bob vip=false", &[0]),
        ("user=bob", &[]),
        ("absent=", &[]),
        ("nowhere", &[]),
        ("' OR 1=1 --", &[]),
        (" ", &[]),
    ] {
        let mut found: Vec<SpanId> = server.ask("find_in_trace", &Find { trace, text }).await;
        found.sort();
        assert_eq!(found, ids(rows), "{text}");
    }
    let values: TraceValues = server.ask("get_trace_values", &Values { trace, key: "user" }).await;
    assert_eq!((values.values.len(), values.spans.len()), (2, 3));
    let keys: Vec<String> = server.ask("list_trace_keys", &trace_only(trace)).await;
    assert_eq!(keys, ["items", "user", "vip"]);
}

#[tokio::test]
async fn values_beyond_what_one_answer_holds_are_said_to_be_missing() {
    let server = TestServer::start().await;
    let mut spans = shapes::moved_to(shapes::wide(24), now().minus(Nanos::from_secs(30)));
    for (at, span) in spans.iter_mut().enumerate() {
        span.events.clear();
        let long = format!("{at}{}", "x".repeat(TRACE_VALUES_MAX_BYTES / 20));
        span.attributes =
            vec![("body".into(), AttrValue::Str(long)), ("n".into(), AttrValue::Int(at as i64))];
    }
    for some in spans.chunks(10) {
        server.send(some).await;
    }
    server.stored(spans.len()).await;
    let trace = spans[0].trace_id;
    let short: TraceValues = server.ask("get_trace_values", &Values { trace, key: "n" }).await;
    assert_eq!((short.values.len(), short.complete), (spans.len(), true));
    assert_eq!(server.metric("skein_query_limits_reached_total").await, 0.0);
    let long: TraceValues = server.ask("get_trace_values", &Values { trace, key: "body" }).await;
    assert_eq!((long.values.len(), long.spans.len(), long.complete), (19, 19, false));
    assert_eq!(server.metric("skein_query_limits_reached_total").await, 1.0);
}

#[derive(Serialize)]
struct TraceOnly {
    trace: TraceId,
}

fn trace_only(trace: TraceId) -> TraceOnly {
    TraceOnly { trace }
}

#[tokio::test]
async fn links_lead_to_other_traces_and_back() {
    let server = TestServer::start().await;
    let mut producer = trace();
    let mut consumer = shapes::moved_to(shapes::deep(2), now().minus(Nanos::from_secs(20)));
    consumer.iter_mut().for_each(|span| {
        span.links.clear();
        span.trace_id = TraceId([9; 16]);
    });
    let link = |span: &Span| Link { trace_id: span.trace_id, span_id: span.span_id, ..Link::default() };
    consumer[0].links = vec![link(&producer[1])];
    // A link within the trace is no neighbour.
    producer[2].links = vec![link(&producer[0])];
    server.send(&producer).await;
    server.send(&consumer).await;
    server.stored(producer.len() + consumer.len()).await;
    let out: Vec<LinkedSpan> = server
        .ask("list_linked_spans", &Linked { trace: consumer[0].trace_id, start: consumer[0].start })
        .await;
    assert_eq!(out.len(), 1);
    assert_eq!((out[0].is_incoming, out[0].span_id), (false, producer[1].span_id));
    assert_eq!(
        (out[0].service.as_str(), out[0].operation.as_str()),
        (producer[1].service.as_str(), "step 1")
    );
    let back: Vec<LinkedSpan> = server
        .ask("list_linked_spans", &Linked { trace: producer[0].trace_id, start: producer[0].start })
        .await;
    assert_eq!(back.len(), 1);
    assert_eq!((back[0].is_incoming, back[0].ours), (true, producer[1].span_id));
    assert_eq!(back[0].trace_id, consumer[0].trace_id);
    // Whichever end one comes from, it is one journey.
    for trace in [producer[0].trace_id, consumer[0].trace_id] {
        let journey: Journey = server.ask("get_journey", &trace_only(trace)).await;
        let traces: Vec<TraceId> = journey.traces.iter().map(|trace| trace.trace_id).collect();
        assert_eq!(traces, [producer[0].trace_id, consumer[0].trace_id]);
        assert_eq!(journey.links.len(), 1);
        let link = &journey.links[0];
        assert_eq!((link.from, link.to), (0, 1));
        assert_eq!((link.from_span, link.to_span), (producer[1].span_id, consumer[0].span_id));
        assert_eq!(link.sent, producer[1].start.plus(producer[1].duration));
        assert_eq!(link.taken, consumer[0].start);
        assert_eq!(journey.cut, None);
    }
}

#[tokio::test]
async fn columns_know_when_something_happened_within_a_span() {
    let server = TestServer::start().await;
    let mut spans = trace();
    let (first, second) = (spans[1].start.plus(Nanos(500)), spans[1].start.plus(Nanos(900)));
    let event = |name: &str, time: Timestamp| Event { name: name.to_owned(), time, ..Event::default() };
    spans[1].events = vec![event("exception", second), event(&"long ".repeat(60), first)];
    server.send(&spans).await;
    server.stored(spans.len()).await;
    let found: Trace = server.ask("get_trace", &trace_only(spans[0].trace_id)).await;
    let row = found.row_of(spans[1].span_id).unwrap() as u32;
    assert_eq!(found.events.rows(), [row]);
    let told: Vec<(u64, String)> = found
        .events
        .of_row(row)
        .filter_map(|at| found.events.get(at))
        .map(|event| (event.at, found.text(event.name).to_owned()))
        .collect();
    let after = |time: Timestamp| time.since(found.start).0;
    assert_eq!(told, [(after(first), "long ".repeat(12)), (after(second), "exception".to_owned())]);
}

#[tokio::test]
async fn a_span_is_ranked_among_its_operations_day() {
    let server = TestServer::start().await;
    let mut spans = shapes::moved_to(shapes::wide(101), now().minus(Nanos::from_secs(60)));
    let (service, origin) = (spans[0].service.clone(), spans[0].origin.clone());
    for (at, span) in spans.iter_mut().enumerate() {
        (span.service, span.origin) = (service.clone(), origin.clone());
        span.operation = "add".into();
        span.kind = SpanKind::Server;
        span.duration = Nanos(at as u64 * 1_000_000 + 1);
    }
    server.send(&spans).await;
    server.stored(spans.len()).await;
    let asked = |operation: &str, kind, millis: u64| {
        (service.clone(), operation.to_owned(), kind, Nanos(millis * 1_000_000))
    };
    let spans: Vec<RankAsked> = vec![
        asked("add", SpanKind::Server, 90),
        asked("none", SpanKind::Server, 90),
        asked("add", SpanKind::Client, 90),
        asked("add", SpanKind::Server, 10),
    ];
    let found: Vec<SpanRank> = server.ask("rank_spans", &Ranks { spans, until: now() }).await;
    let shares: Vec<Option<f64>> = found.iter().map(SpanRank::share_shorter).collect();
    let [Some(late), None, None, Some(early)] = shares[..] else { panic!("{shares:?}") };
    assert!((0.8..0.95).contains(&late) && (0.05..0.15).contains(&early), "{late} {early}");
    assert_eq!((found[0].calls, &found[1]), (101, &SpanRank::default()));
    let many = vec![asked("add", SpanKind::Server, 90); 101];
    let found: Vec<SpanRank> = server.ask("rank_spans", &Ranks { spans: many, until: now() }).await;
    assert_eq!(found.len(), 100);
    assert_eq!(server.metric("skein_query_limits_reached_total").await, 1.0);
}

/// A call and its answer by a host whose clock is ahead, as milliseconds after `start`.
fn call_across(
    start: Timestamp,
    number: u8,
    (from, to): (u64, u64),
    (answer_from, answer_to): (u64, u64),
) -> Vec<Span> {
    let template = shapes::wide(1).swap_remove(0);
    let side = |id: u64, parent: u64, host: &str, kind, from: u64, to: u64| {
        let mut span = template.clone();
        span.trace_id = TraceId([number; 16]);
        (span.span_id, span.parent_id) = (SpanId(id), SpanId(parent));
        (span.service, span.kind) = (format!("of {host}"), kind);
        span.operation = "reserve".into();
        span.start = start.plus(Nanos(from * 1_000_000));
        span.duration = Nanos((to - from) * 1_000_000);
        span.origin.resource = vec![
            ("service.name".to_owned(), AttrValue::Str(span.service.clone())),
            ("host.name".to_owned(), AttrValue::Str(host.to_owned())),
        ];
        span
    };
    vec![
        side(1, 0, "rack-1", SpanKind::Client, from, to),
        side(2, 1, "rack-2", SpanKind::Server, answer_from, answer_to),
    ]
}

#[tokio::test]
async fn clocks_of_hosts_are_learned_from_other_traces() {
    let server = TestServer::start().await;
    let start = now().minus(Nanos::from_secs(60));
    // A long call leaves much open; the short ones of other traces do not.
    let mut spans = call_across(start, 1, (0, 1_000), (600, 700));
    for number in 2..8 {
        spans.extend(call_across(start, number, (0, 14), (501, 513)));
    }
    server.send(&spans).await;
    server.stored(spans.len()).await;
    let found: HostClocks = server.ask("get_host_clocks", &trace_only(TraceId([1; 16]))).await;
    let ahead =
        |row| found.host(row).and_then(|host| host.ahead).map(|a| (a.by / 1_000_000, a.slack / 1_000_000));
    assert_eq!((ahead(0), ahead(1)), (Some((0, 0)), Some((500, 1))));
    assert_eq!(found.host(1).map(|host| host.name.as_str()), Some("rack-2"));
}
