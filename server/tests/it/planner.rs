//! The planner against the second opinion: thousands of random queries over random spans, both must find the same.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use model::query::{Query, read};
use model::{
    AttrValue, Attrs, Event, Link, Nanos, Origin, Span, SpanId, SpanKind, Status, Timestamp, TraceId,
};
use traffic::rng::Rng;

use crate::evaluator::evaluate;
use crate::server::{TestServer, now};

/// In each of the tests.
const QUERIES: usize = 400;
const TRACES: usize = 260;
const AT_ONCE: usize = 6;

const SERVICES: [&str; 4] = ["cart", "checkout", "web shop", "db"];
const OPERATIONS: [&str; 5] = ["GET /", "GET /cart", "pay", "Pay\\now", "query 'x'"];
const TEXTS: [&str; 6] = ["a", "b", "ab", "", "it's", "5"];
const KEYS: [&str; 5] = ["k", "user.id", "n", "mixed", "with space"];

// === Spans ===

fn value(rng: &mut Rng) -> AttrValue {
    match rng.below(12) {
        0..4 => AttrValue::Str((*rng.pick(&TEXTS)).to_owned()),
        4..8 => AttrValue::Int(*rng.pick(&[0, 1, 5, -3, 7_000, (1 << 53) + 1, 1 << 53])),
        8..10 => AttrValue::Double(*rng.pick(&[0.5, 5.0, -3.0, 0.1, 7_000.25, 9_007_199_254_740_992.0])),
        10 => AttrValue::Bool(rng.chance(0.5)),
        _ => AttrValue::Array(vec![AttrValue::Int(1)]),
    }
}

fn attributes(rng: &mut Rng, share: f64) -> Attrs {
    let mut all = Attrs::new();
    for key in KEYS {
        if rng.chance(share) {
            all.push((key.to_owned(), value(rng)));
        }
    }
    all
}

fn origins(rng: &mut Rng) -> Vec<(String, Origin)> {
    let origin = |n: usize, rng: &mut Rng| Origin {
        resource: attributes(rng, 0.3),
        scope_name: format!("lib{}", n % 3),
        scope_version: format!("1.{}", n % 2),
        scope: attributes(rng, 0.2),
        ..Origin::default()
    };
    (0..12).map(|n| (SERVICES[n % SERVICES.len()].to_owned(), origin(n, rng))).collect()
}

fn trace(rng: &mut Rng, origins: &[(String, Origin)], at: Timestamp) -> Vec<Span> {
    let trace_id = TraceId((u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64())).to_be_bytes());
    let mut spans: Vec<Span> = Vec::new();
    for n in 0..1 + rng.below(9) {
        let (service, origin) = rng.pick(origins).clone();
        let parent = match rng.below(10) {
            _ if n == 0 && rng.chance(0.85) => SpanId::default(),
            0 => SpanId(rng.id()),
            _ if spans.is_empty() => SpanId(rng.id()),
            _ => rng.pick(&spans).span_id,
        };
        let start = at.plus(Nanos(rng.below(40_000_000)));
        let is_error = rng.chance(0.12);
        let mut span = Span {
            trace_id,
            span_id: SpanId(rng.id()),
            parent_id: parent,
            service,
            operation: (*rng.pick(&OPERATIONS)).to_owned(),
            kind: SpanKind::from_number(rng.below(6) as u8),
            start,
            duration: Nanos(*rng.pick(&[0, 900, 1_000_000, 5_000_000, 30_000_000, 2_000_000_000])),
            status: if is_error { Status::Error } else { Status::from_number(rng.below(2) as u8) },
            attributes: attributes(rng, 0.25),
            origin,
            ..Span::default()
        };
        if is_error {
            span.status_message = (*rng.pick(&["boom", "it's broken", ""])).to_owned();
        }
        if rng.chance(0.2) {
            span.events.push(Event {
                time: start.plus(Nanos(rng.below(3_000_000))),
                name: (*rng.pick(&["exception", "retry"])).to_owned(),
                attributes: attributes(rng, 0.4),
                ..Event::default()
            });
        }
        if rng.chance(0.1) {
            span.links.push(Link {
                trace_id: TraceId([7; 16]),
                span_id: SpanId(1 + rng.below(3)),
                attributes: attributes(rng, 0.3),
                ..Link::default()
            });
        }
        spans.push(span);
    }
    spans
}

// === Queries ===

fn text(rng: &mut Rng) -> String {
    quoted(rng.pick::<&str>(&TEXTS))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn attribute(rng: &mut Rng) -> String {
    let scope =
        *rng.pick(&[".", "span.", "span.", "resource.", "event.", "link.", "instrumentation.", "parent."]);
    let key = *rng.pick(&KEYS);
    if key.contains(' ') { format!("{scope}\"{key}\"") } else { format!("{scope}{key}") }
}

fn comparison(rng: &mut Rng) -> String {
    let equality = *rng.pick(&["=", "=", "=", "!="]);
    let order = *rng.pick(&["=", "!=", "<", "<=", ">", ">="]);
    let service = quoted(rng.pick::<&str>(&SERVICES));
    let operation = quoted(rng.pick::<&str>(&OPERATIONS));
    let length = *rng.pick(&["0ms", "900ns", "1ms", "5ms", "29ms", "30ms", "1500ms", "2s"]);
    let number = *rng.pick(&["0", "1", "5", "-3", "0.5", "0.1", "7000", "9007199254740993", "6999.5"]);
    match rng.below(24) {
        0 | 1 => format!("resource.service.name {equality} {service}"),
        2 => format!("name {equality} {operation}"),
        3 => format!(
            "name {} \"{}\"",
            rng.pick(&["=~", "!~"]),
            rng.pick(&["GET.*", "pay|Pay.*", ".*'.*", "GET"])
        ),
        4 => format!("status {equality} {}", rng.pick(&["error", "ok", "unset"])),
        5 => format!("kind {equality} {}", rng.pick(&["server", "client", "internal", "producer"])),
        6 | 7 => format!("duration {order} {length}"),
        8..11 => format!("{} {equality} {}", attribute(rng), text(rng)),
        11..14 => format!("{} {order} {number}", attribute(rng)),
        14 => format!("{} {equality} {}", attribute(rng), rng.pick(&["true", "false", "nil", "nil"])),
        15 => format!("{} =~ \"{}\"", attribute(rng), rng.pick(&["a.*", "a|b", ".*'s", "[0-9]"])),
        16 => format!("{} {order} span.{} * 2 + 1", attribute(rng), rng.pick(&["k", "n", "mixed"])),
        17 => format!("event:name {equality} \"{}\"", rng.pick(&["exception", "retry"])),
        18 => format!("event:timeSinceStart {order} {}", rng.pick(&["1ms", "2ms"])),
        19 => match rng.below(3) {
            0 => format!("link:spanID {equality} \"000000000000000{}\"", 1 + rng.below(3)),
            1 => "link:traceID = \"07070707070707070707070707070707\"".to_owned(),
            _ => format!("span:parentID {equality} nil"),
        },
        20 => format!("instrumentation:{} {equality} \"{}\"", "name", rng.pick(&["lib0", "lib1", "lib7"])),
        21 => match rng.below(4) {
            0 => format!("statusMessage {equality} \"{}\"", rng.pick(&["boom", "it's broken"])),
            1 => format!("parent.resource.service.name {equality} {service}"),
            2 => format!(".service.name {equality} {service}"),
            _ => quoted(rng.pick::<&str>(&["cart", "PAY", "'x", "shop"])),
        },
        22 => match rng.below(3) {
            0 => format!("trace:duration {order} {length}"),
            1 => format!("trace:rootName {equality} {operation}"),
            _ => format!("trace:rootService {equality} {service}"),
        },
        _ => match rng.below(6) {
            3 => format!("trace:depth {order} {}", rng.below(6)),
            4 => format!(
                "trace:orphanCause {equality} {}",
                rng.pick(&["\"sender_silent\"", "\"foreign_parent\"", "\"context_broken\"", "nil"])
            ),
            5 => format!("critical({service}) {order} {length}"),
            0 => format!("trace:status = {}", rng.pick(&["error", "ok", "partial"])),
            1 => format!("trace:spanCount {order} {}", rng.below(8)),
            _ => format!("trace:errorCount {order} {}", rng.below(3)),
        },
    }
}

fn condition(rng: &mut Rng, depth: u32) -> String {
    match rng.below(if depth == 0 { 4 } else { 9 }) {
        0..4 => comparison(rng),
        4..7 => format!("{} && {}", condition(rng, depth - 1), condition(rng, depth - 1)),
        7 => format!("({} || {})", condition(rng, depth - 1), condition(rng, depth - 1)),
        _ => format!("!({})", condition(rng, depth - 1)),
    }
}

fn spanset(rng: &mut Rng, depth: u32) -> String {
    match rng.below(if depth == 0 { 6 } else { 10 }) {
        0 => "{ }".to_owned(),
        1..6 => format!("{{ {} }}", condition(rng, 2)),
        _ => {
            let op = *rng.pick(&[
                ">", ">>", "<", "<<", "~", "!>", "!>>", "!<", "!<<", "!~", "&>", "&>>", "&<", "&<<", "&~",
                "&&", "||",
            ]);
            format!("({} {op} {})", spanset(rng, depth - 1), spanset(rng, depth - 1))
        }
    }
}

fn stage(rng: &mut Rng) -> String {
    let order = *rng.pick(&["=", "!=", "<", "<=", ">", ">="]);
    match rng.below(6) {
        0 => format!("count() {order} {}", rng.below(4)),
        1 => format!(
            "{}(duration) {order} {}",
            rng.pick(&["avg", "min", "max", "sum"]),
            rng.pick(&["1ms", "30ms"])
        ),
        2 => format!(
            "{}(span.n) {order} {}",
            rng.pick(&["avg", "min", "max", "sum"]),
            rng.pick(&["1", "5", "0.5"])
        ),
        3 => format!(
            "by({}) | count() {order} {}",
            rng.pick(&["name", "resource.service.name", "span.k"]),
            rng.below(3)
        ),
        4 => format!("{{ {} }}", condition(rng, 1)),
        _ => format!("select({}, name)", attribute(rng)),
    }
}

/// A query that is right in grammar and types.
fn query(rng: &mut Rng) -> (String, Query) {
    loop {
        let mut text = match rng.below(10) {
            0 => plain(rng),
            1..5 => format!("{{ {} }}", condition(rng, 2)),
            _ => spanset(rng, 2),
        };
        while rng.chance(0.25) {
            text.push_str(&format!(" | {}", stage(rng)));
        }
        if let Ok(query) = read(&text) {
            return (text, query);
        }
    }
}

fn plain(rng: &mut Rng) -> String {
    let word = |rng: &mut Rng| match rng.below(6) {
        0 => (*rng.pick(&["cart", "error", "pay", "-error"])).to_owned(),
        1 => format!("service={}", rng.pick(&["cart", "db"])),
        2 => format!("k={}", rng.pick(&["a", "5", "true", "0.5", "*"])),
        3 => format!("n>{}", rng.below(9)),
        4 => format!("duration>{}", rng.pick(&["1ms", "900ns"])),
        _ => format!("status={}", rng.pick(&["partial", "ok", "error"])),
    };
    (0..1 + rng.below(3)).map(|_| word(rng)).collect::<Vec<_>>().join(" ")
}

// === Both ===

struct Sent {
    traces: HashMap<TraceId, Vec<Span>>,
    from: Timestamp,
}

/// Some traces come whole, some in two requests that make two pieces.
async fn filled(rng: &mut Rng, arguments: &[&str]) -> (TestServer, Sent) {
    let server = TestServer::start_with(arguments).await;
    let origins = origins(rng);
    let from = now().minus(Nanos::from_secs(300));
    let mut traces = HashMap::new();
    let (mut early, mut late) = (Vec::new(), Vec::new());
    for n in 0..TRACES {
        let spans = trace(rng, &origins, from.plus(Nanos::from_secs(n as u64)));
        for span in &spans {
            if rng.chance(0.2) { late.push(span.clone()) } else { early.push(span.clone()) }
        }
        traces.insert(spans[0].trace_id, spans);
    }
    server.send(&early).await;
    server.stored(early.len()).await;
    server.send(&late).await;
    server.stored(early.len() + late.len()).await;
    (server, Sent { traces, from })
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

async fn found(server: &TestServer, query: &str, bounds: &str) -> Result<HashMap<TraceId, u64>, String> {
    let mut all = HashMap::new();
    let mut cursor = String::new();
    loop {
        let q = encoded(query);
        let url = server.url(&format!("/api/traces?q={q}&limit=200&cursor={cursor}&{bounds}"));
        let answer = server.client.get(url).send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        let page: serde_json::Value = serde_json::from_str(&text).map_err(|e| format!("{e}: {text}"))?;
        if !status.is_success() || page["complete"] != true {
            return Err(text);
        }
        let matches = page["matches"].as_array().unwrap();
        for (trace, matched) in page["traces"].as_array().unwrap().iter().zip(matches) {
            let id = trace["trace_id"].as_str().unwrap().parse().unwrap();
            if all.insert(id, matched["span_count"].as_u64().unwrap()).is_some() {
                return Err(format!("{id} twice"));
            }
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => return Ok(all),
        }
    }
}

/// One query by both; what they differ in.
async fn differ(server: &TestServer, sent: &Sent, seed: u64) -> Result<bool, String> {
    let mut rng = Rng::of(seed, 0x9e3);
    let (text, query) = query(&mut rng);
    let (from, to) = match rng.below(4) {
        0 => (sent.from.plus(Nanos::from_secs(60)), sent.from.plus(Nanos(180_020_000_000))),
        _ => (sent.from.minus(Nanos::from_secs(60)), now().plus(Nanos::from_secs(60))),
    };
    let expected: HashMap<TraceId, u64> = sent
        .traces
        .iter()
        .map(|(id, spans)| (*id, evaluate(&query, spans, from, to).len() as u64))
        .filter(|(_, spans)| *spans > 0)
        .collect();
    let bounds = format!("start={}&end={}", from.0, to.0);
    let answered = found(server, &text, &bounds).await.map_err(|e| format!("seed {seed}: {text}\n  {e}"))?;
    if answered == expected {
        return Ok(!expected.is_empty() && expected.len() < sent.traces.len());
    }
    let missing: Vec<_> =
        expected.iter().filter(|(id, spans)| answered.get(id) != Some(spans)).take(3).collect();
    let extra: Vec<_> = answered.iter().filter(|(id, _)| !expected.contains_key(id)).take(3).collect();
    Err(format!(
        "seed {seed}: {text}\n  found {} traces, not {}; wrong or missing {missing:?}, too many {extra:?}",
        answered.len(),
        expected.len()
    ))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_queries_find_what_a_second_evaluator_finds() {
    let (server, sent) = filled(&mut Rng::new(0x5eed), &["--settle-after-secs", "1"]).await;
    let spans: usize = sent.traces.values().map(Vec::len).sum();
    server.sql_becomes("SELECT sum(spans) FROM traces FINAL", &spans.to_string()).await;
    check(server, sent, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn traces_that_were_never_settled_are_found_just_so() {
    let never = ["--settle-after-secs", "1", "--roles", "ingest,write,query"];
    let (server, sent) = filled(&mut Rng::new(0x5eed2), &never).await;
    let quiet = "SELECT toUInt8(max(received) + 1 < now()) FROM spans";
    server.sql_becomes(quiet, "1").await;
    check(server, sent, QUERIES).await;
}

async fn check(server: TestServer, sent: Sent, first: usize) {
    let (server, sent) = (Arc::new(server), Arc::new(sent));
    let next = Arc::new(AtomicUsize::new(first));
    let workers: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let (server, sent, next) = (server.clone(), sent.clone(), next.clone());
            tokio::spawn(async move {
                let (mut wrong, mut telling) = (Vec::new(), 0);
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + QUERIES {
                        return (wrong, telling);
                    }
                    match differ(&server, &sent, seed as u64).await {
                        Ok(is_telling) => telling += usize::from(is_telling),
                        Err(difference) => wrong.push(difference),
                    }
                }
            })
        })
        .collect();
    let (mut wrong, mut telling) = (Vec::new(), 0);
    for worker in workers {
        let (differences, some) = worker.await.unwrap();
        wrong.extend(differences);
        telling += some;
    }
    assert!(
        wrong.is_empty(),
        "{} of {QUERIES} differ:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(12)].join("\n")
    );
    // A test of queries that find nothing, or everything, would show little.
    assert!(telling > QUERIES / 2, "only {telling} queries find some traces and not all");
}
