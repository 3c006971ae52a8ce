//! What sets some traces apart, asked of a small shop with one known cause.

use model::{AttrValue, Nanos, Origin, Span, SpanId, SpanKind, Status, Timestamp, TraceId};
use serde_json::{Value, json};

use crate::server::{TestServer, now};

/// Three hundred orders, of which one in seven is another: those of one customer are slow and fail in the new release of payments. Whatever else differs
/// has nothing to do with it.
fn orders() -> Vec<Span> {
    let start = now().minus(Nanos::from_secs(900));
    let mut spans = Vec::new();
    for number in 0..300u64 {
        let is_slow = number % 7 == 3;
        let length = if is_slow { 900 } else { 50 + number % 40 };
        let trace_id = TraceId((u128::from(number) + 1).to_be_bytes());
        let span = |id: u64, parent: u64, service: &str, operation: &str, length: u64| Span {
            trace_id,
            span_id: SpanId(number * 10 + id),
            parent_id: SpanId(if parent == 0 { 0 } else { number * 10 + parent }),
            service: service.to_owned(),
            operation: operation.to_owned(),
            kind: SpanKind::Server,
            start: start.plus(Nanos(number * 1_000_000_000)),
            duration: Nanos(length * 1_000_000),
            origin: Origin {
                resource: vec![
                    ("service.name".to_owned(), AttrValue::Str(service.to_owned())),
                    ("host.name".to_owned(), AttrValue::Str(format!("h{}", number % 3))),
                ],
                ..Origin::default()
            },
            ..Span::default()
        };
        let text = |key: &str, value: String| (key.to_owned(), AttrValue::Str(value));
        let mut root = span(1, 0, "web", "POST /order", length);
        let customer = if is_slow { "acme".to_owned() } else { format!("c{}", number % 9) };
        root.attributes =
            vec![text("customer", customer), ("shard".to_owned(), AttrValue::Int((number % 4) as i64))];
        let mut pay = span(2, 1, "payments", "charge", length - 10);
        pay.attributes = vec![text("currency", ["eur", "usd"][number as usize % 2].to_owned())];
        if is_slow {
            (pay.status, pay.status_message) = (Status::Error, "no slot free".to_owned());
            pay.attributes.push(text("error.type", ["full", "late"][number as usize % 2].to_owned()));
        }
        let version = if is_slow || number % 50 == 1 { "2.0" } else { "1.9" };
        pay.origin.resource.push(text("service.version", version.to_owned()));
        spans.extend([root, pay]);
        // The shop's mail goes with it by accident.
        if number.is_multiple_of(2) {
            spans.push(span(3, 1, "mail", "send", 5));
        }
    }
    spans
}

fn named(answer: &Value) -> Vec<String> {
    let condition = |c: &Value| {
        let word = |of: &str| c[of].as_str().unwrap_or_default().to_owned();
        let value = c["value"].as_str().map_or_else(|| c["value"].to_string(), str::to_owned);
        word("field") + &word("op") + &value
    };
    let span = |span: &Value| span.as_array().unwrap().iter().map(condition).collect::<Vec<_>>().join(" ");
    let finding = |f: &Value| f["spans"].as_array().unwrap().iter().map(span).collect::<Vec<_>>().join(" + ");
    answer["findings"].as_array().unwrap().iter().map(finding).collect()
}

#[tokio::test]
async fn a_brushed_region_is_explained_by_its_cause() {
    let server = TestServer::start().await;
    let spans = orders();
    server.send(&spans).await;
    server.stored(spans.len()).await;

    let (status, answer) = server.get("/api/explain?part_min_duration_ms=500").await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!((&answer["inside"], &answer["outside"]), (&json!(43), &json!(257)));
    assert_eq!((&answer["looked_inside"], &answer["looked_outside"]), (&json!(43), &json!(257)));
    let findings = named(&answer);
    assert_eq!(findings[0], "span.customer=acme", "{findings:#?}");
    let first = &answer["findings"][0];
    assert_eq!(
        (&first["inside"], &first["outside"], &first["goes_with"]),
        (&json!(43), &json!(0), &Value::Null)
    );
    assert!(first["chance"].as_f64().unwrap() < 1e-20);
    // The very same traces: told once.
    let alike = first["alike"].to_string();
    assert!(alike.contains("no slot free") && alike.contains("status = error"), "{alike}");
    // Where the time goes stands by itself: what others only wait for is not theirs.
    let own: Vec<&String> = findings.iter().filter(|f| f.starts_with("critical")).collect();
    assert!(own.len() == 1 && own[0].starts_with("critical(\"payments\")>="), "{findings:#?}");
    // Nearly the same: the release, by the service that has it.
    let version = "resource.service.name=payments resource.service.version=2.0";
    assert!(findings.iter().any(|f| f == version), "{findings:#?}");
    // Long ones may be so because they fail.
    let is_symptom = answer["findings"].as_array().unwrap().iter().any(|f| f["is_symptom"] == json!(true));
    assert!(findings.contains(&"span.error.type=late".to_owned()) && !is_symptom, "{findings:#?}");
    for noise in ["shard", "host.name", "currency=usd", "c3"] {
        assert!(!findings.iter().any(|f| f.contains(noise)), "{noise}: {findings:#?}");
    }
    // Every finding is a search away.
    for finding in answer["findings"].as_array().unwrap() {
        let q: String = finding["q"].as_str().unwrap().bytes().map(|byte| format!("%{byte:02X}")).collect();
        let (status, found) = server.get(&format!("/api/traces?limit=1000&q={q}")).await;
        assert_eq!(status, 200, "{found}");
        let ids: Vec<&str> =
            found["traces"].as_array().unwrap().iter().map(|t| t["trace_id"].as_str().unwrap()).collect();
        // Whom traces waited for is known of some of them.
        let is_of_all = finding["of_inside"] == answer["inside"];
        assert!(is_of_all || finding["q"].as_str().unwrap().contains("critical("), "{finding}");
        let inside = finding["inside"].as_u64().unwrap() as usize;
        assert!(if is_of_all { inside == ids.len() } else { inside <= ids.len() }, "{finding}: {ids:?}");
        let examples = finding["examples"].as_array().unwrap();
        assert!(examples.iter().all(|id| ids.contains(&id.as_str().unwrap())), "{finding}");
    }
}

#[tokio::test]
async fn a_query_is_explained_whether_pieces_know_it_or_spans() {
    let server = TestServer::start().await;
    let spans = orders();
    server.send(&spans).await;
    server.stored(spans.len()).await;
    for q in ["error", "%7B%20span.shard%20%3E%3D%200%20%7D%20%26%26%20%7B%20status%20%3D%20error%20%7D"] {
        let (status, answer) = server.get(&format!("/api/explain?part_q={q}")).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["inside"], json!(43), "{q}");
        // Where spans are asked, some of those outside stand for all of them.
        let outside = answer["outside"].as_u64().unwrap();
        assert!((250..=264).contains(&outside), "{q}: {outside}");
        let findings = named(&answer);
        assert_eq!(findings[0], "span.customer=acme", "{q}");
        // How they failed is told after why they may have.
        let symptoms: Vec<bool> =
            answer["findings"].as_array().unwrap().iter().map(|f| f["is_symptom"] == json!(true)).collect();
        let late = findings.iter().position(|f| f == "span.error.type=late").expect("its kinds of failure");
        let release = findings.iter().position(|f| f.contains("service.version=2.0")).expect("the release");
        assert!(symptoms[late] && !symptoms[release] && release < late, "{q}: {findings:#?}");
    }
    // Half of the mail's traces: there is nothing about them.
    let (_, answer) = server.get("/api/explain?q=service%3Dmail&part_q=span.shard%3D2").await;
    assert_eq!(answer["inside"], json!(75));
    let findings = named(&answer);
    assert!(!findings.iter().any(|f| f.contains("currency") || f.contains("host")), "{findings:#?}");
    // Nobody is inside, or nobody outside.
    for ask in ["part_q=service%3Dnobody", "part_q=service%3Dweb"] {
        let (status, answer) = server.get(&format!("/api/explain?{ask}")).await;
        assert_eq!((status, answer["findings"].as_array().unwrap().len()), (200, 0), "{answer}");
    }
}

#[tokio::test]
async fn what_cannot_be_explained_is_said() {
    let server = TestServer::start().await;
    for (ask, word) in [
        ("", "nothing is selected"),
        ("q=error", "nothing is selected"),
        ("part_q=duration%3E", "value is missing"),
        ("part_q=error%7Crate()", "metric"),
        ("part_q=error&part_limit=3", "limit"),
        ("part_q=error&start=2026-01-02T00:00:00Z&end=2026-01-01T00:00:00Z", "start"),
        ("part_min_duration_ms=9&part_max_duration_ms=3", "min_duration"),
    ] {
        let (status, answer) = server.get(&format!("/api/explain?{ask}")).await;
        assert_eq!(status, 400, "{ask}: {answer}");
        assert!(answer["error"]["message"].as_str().unwrap().contains(word), "{ask}: {answer}");
    }
}

/// Carts of three hundred visitors by a source of chance; `length_ms` of the one who works on it, by its number of items.
fn carts(length_ms: impl Fn(u64, u64) -> u64) -> Vec<Span> {
    let start = now().minus(Nanos::from_secs(900));
    let mut state = 42u64;
    let mut random = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut spans = Vec::new();
    for number in 0..300u64 {
        let (items, noise) = (random(60), random(40));
        let length = length_ms(items, noise);
        let span = |id: u64, parent: u64, service: &str, operation: &str, (from, length): (u64, u64)| Span {
            trace_id: TraceId((u128::from(number) + 1).to_be_bytes()),
            span_id: SpanId(number * 10 + id),
            parent_id: SpanId(if parent == 0 { 0 } else { number * 10 + parent }),
            service: service.to_owned(),
            operation: operation.to_owned(),
            kind: SpanKind::Server,
            start: Timestamp(start.0 + number * 1_000_000_000 + from * 1_000_000),
            duration: Nanos(length * 1_000_000),
            ..Span::default()
        };
        let int = |key: &str, value: u64| (key.to_owned(), AttrValue::Int(value as i64));
        let mut root = span(1, 0, "web", "GET /cart", (0, length + 30));
        root.attributes = vec![int("thread.id", random(30)), int("attempt", random(3))];
        let mut cart = span(2, 1, "cart", "load", (5, length));
        let price = AttrValue::Double(random(10_000) as f64 / 100.0);
        cart.attributes = vec![int("items", items), ("price".to_owned(), price)];
        spans.extend([root, cart, span(3, 1, "mail", "send", (length + 7, 1 + random(9)))]);
    }
    spans
}

#[tokio::test]
async fn a_number_above_a_bound_is_found_and_so_is_whose_time_it_is() {
    let server = TestServer::start().await;
    let spans = carts(|items, noise| if items > 37 { 600 + noise } else { 60 + noise });
    server.send(&spans).await;
    server.stored(spans.len()).await;
    let (_, answer) = server.get("/api/explain?part_min_duration_ms=400").await;
    let findings = named(&answer);
    assert_eq!(findings.len(), 2, "{findings:#?}");
    // A cut lies at a quantile, which is near to the truth and no nearer.
    let least = |finding: &str| -> Option<i64> { finding.strip_prefix("span.items>=")?.parse().ok() };
    assert!(
        findings.iter().any(|f| least(f).is_some_and(|least| (35..=42).contains(&least))),
        "{findings:#?}"
    );
    assert!(findings.iter().any(|f| f.starts_with("critical(\"cart\")>=")), "{findings:#?}");
    for finding in answer["findings"].as_array().unwrap() {
        let q: String = finding["q"].as_str().unwrap().bytes().map(|byte| format!("%{byte:02X}")).collect();
        let (status, found) = server.get(&format!("/api/traces?limit=1000&q={q}")).await;
        let found = found["traces"].as_array().unwrap().len() as u64;
        let count = |key: &str| finding[key].as_u64().unwrap();
        if finding["q"].as_str().unwrap().contains("critical(") {
            // Whom traces waited for is known of some of them.
            assert!(count("of_inside") >= 35 && count("of_outside") >= 35, "{finding}");
            assert!(status == 200 && count("inside") <= found, "{finding}: {found}");
        } else {
            assert!(finding["of_inside"] == answer["inside"] && finding["of_outside"] == answer["outside"]);
            assert_eq!((status, count("inside")), (200, found), "{finding}");
        }
    }
    // Those with few of it, asked for the other way about.
    let (_, answer) = server.get("/api/explain?part_max_duration_ms=400").await;
    let findings = named(&answer);
    assert!(findings.iter().any(|f| f.starts_with("span.items<")), "{findings:#?}");
}

#[tokio::test]
async fn where_nothing_sets_them_apart_nothing_is_said() {
    let server = TestServer::start().await;
    // How long it takes has nothing to do with anything said, but for who takes it.
    let spans = carts(|_, noise| 60 + noise * 20);
    server.send(&spans).await;
    server.stored(spans.len()).await;
    for part in ["part_min_duration_ms=700", "part_max_duration_ms=200", "part_q=span.attempt%3D2"] {
        let (status, answer) = server.get(&format!("/api/explain?{part}")).await;
        assert_eq!(status, 200, "{answer}");
        assert!(answer["tried"].as_u64().unwrap() > 50, "{answer}");
        let about = |f: &String| f.starts_with("critical(\"cart\")") || f.starts_with("span.attempt");
        let wrong: Vec<String> = named(&answer).into_iter().filter(|f| !about(f)).collect();
        assert!(wrong.is_empty(), "{part}: {wrong:#?}");
    }
}

/// A trace of `web` and of another service.
fn pair(number: u64, customer: &str, other: &str) -> Vec<Span> {
    let trace_id = TraceId(u128::from(number).to_be_bytes());
    let span = |id: u64, parent: u64, service: &str| Span {
        trace_id,
        span_id: SpanId(number * 10 + id),
        parent_id: SpanId(parent),
        service: service.to_owned(),
        operation: "call".to_owned(),
        kind: SpanKind::Server,
        start: now().minus(Nanos::from_secs(60)),
        duration: Nanos(5_000_000),
        attributes: vec![("customer".to_owned(), AttrValue::Str(customer.to_owned()))],
        ..Span::default()
    };
    vec![span(1, 0, "web"), span(2, number * 10 + 1, other)]
}

/// So many pieces that only a share of them is looked at, whether those in question are many, few or hardly any.
#[tokio::test]
async fn of_very_many_pieces_a_share_is_looked_at() {
    let server = TestServer::start().await;
    let kinds = [
        ("acme", "cart", 40_000),
        ("bolt", "mail", 40_000),
        ("some", "pay", 300),
        ("few", "stock", 30),
        ("few", "cart", 12),
    ];
    let spans: Vec<Span> =
        (1..).zip(kinds).flat_map(|(number, (customer, other, _))| pair(number, customer, other)).collect();
    server.send(&spans).await;
    server.stored(spans.len()).await;
    for (number, (customer, other, count)) in (1u64..).zip(kinds) {
        let copied = server
            .sql(&format!(
                "INSERT INTO pieces SELECT * EXCEPT n REPLACE (sipHash128(n, trace_id) AS trace_id,
                    first - toIntervalSecond(cityHash64(n, '{customer}') % 20000) AS first,
                    toStartOfHour(first) AS bucket)
                 FROM (SELECT *, arrayJoin(range({count})) AS n FROM pieces WHERE hex(trace_id) = '{number:032X}')"
            ))
            .await;
        assert!(copied.is_some(), "{other}");
    }
    // As they would have come, one among the other.
    server.sql("OPTIMIZE TABLE pieces FINAL").await.unwrap();
    let from = now().minus(Nanos::from_secs(8 * 3_600)).0;
    let all: u64 = kinds.iter().map(|(.., count)| count + 1).sum();
    for ((customer, other, _), looked) in kinds.into_iter().zip([550..=600, 550..=600, 25..=200, 44..=44]) {
        let of_them: u64 = kinds.iter().filter(|kind| kind.0 == customer).map(|kind| kind.2 + 1).sum();
        let path = format!("/api/explain?start={from}&part_q=span.customer%3D{customer}");
        let (status, answer) = server.get(&path).await;
        assert_eq!(status, 200, "{answer}");
        let number = |key: &str| answer[key].as_u64().unwrap();
        assert!(looked.contains(&number("looked_inside")), "{customer}: {answer}");
        assert!((480..=600).contains(&number("looked_outside")), "{customer}: {answer}");
        let off = |key: &str, of: u64| (number(key) as f64 / of as f64 - 1.0).abs();
        assert!(off("inside", of_them) < if of_them < 1_000 { 0.5 } else { 0.1 }, "{customer}: {answer}");
        assert!(off("outside", all - of_them) < 0.1, "{customer}: {answer}");
        let findings = named(&answer);
        assert!(findings.iter().any(|finding| finding.contains(other)), "{customer}: {findings:#?}");
        // The same each time.
        let (_, again) = server.get(&path).await;
        assert_eq!(again["findings"], answer["findings"], "{customer}");
    }
    // Those in question are a few of few, and what tells them is said of very many others.
    let path = format!("/api/explain?start={from}&q=span.customer%3Dfew&part_q=service%3Dcart");
    let (_, answer) = server.get(&path).await;
    assert_eq!([&answer["inside"], &answer["outside"]], [&json!(13), &json!(31)], "{answer}");
}
