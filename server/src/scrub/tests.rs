//! The scrubber on whole requests: a secret in every place text can be, rules, and any request at all.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValueList};
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::wire::otlp::check::check;
use crate::wire::otlp::samples::{RECEIVED, attribute, good_span, request, request_of};

const SECRET: &str = "4111111111111111";

fn text(text: &str) -> Value {
    Value::StringValue(text.into())
}

fn apply(
    scrubber: &Scrubber,
    request: &ExportTraceServiceRequest,
) -> (ExportTraceServiceRequest, Vec<Redaction>) {
    let scrubbed = scrubber.apply(request.encode_to_vec().into(), Shape::Traces);
    (ExportTraceServiceRequest::decode(scrubbed.body).unwrap(), scrubbed.redactions)
}

/// A secret in every place that text can be.
fn planted(secret: &str) -> ExportTraceServiceRequest {
    let said = format!("say {secret} now");
    let any = |value| AnyValue { value: Some(value) };
    let span = Span {
        name: said.clone(),
        trace_state: said.clone(),
        status: Some(Status { message: said.clone(), code: 2 }),
        attributes: vec![
            attribute("plain", text(&said)),
            attribute(&said, text("in a key")),
            attribute("bytes", Value::BytesValue(said.clone().into_bytes())),
            attribute(
                "list",
                Value::ArrayValue(ArrayValue { values: vec![any(text("a")), any(text(&said))] }),
            ),
            attribute(
                "map",
                Value::KvlistValue(KeyValueList { values: vec![attribute("inner", text(&said))] }),
            ),
        ],
        events: vec![Event {
            name: said.clone(),
            attributes: vec![attribute("e", text(&said))],
            ..Event::default()
        }],
        links: vec![Link {
            trace_id: vec![1; 16],
            span_id: vec![1; 8],
            trace_state: said.clone(),
            attributes: vec![attribute("l", text(&said))],
            ..Link::default()
        }],
        ..good_span(1)
    };
    let mut request = request_of(vec![span, good_span(2)]);
    let resource_spans = &mut request.resource_spans[0];
    resource_spans.schema_url = said.clone();
    resource_spans.resource.as_mut().unwrap().attributes.push(attribute("host", text(&said)));
    let scope_spans = &mut resource_spans.scope_spans[0];
    scope_spans.schema_url = said.clone();
    let scope = scope_spans.scope.as_mut().unwrap();
    (scope.name, scope.version) = (said.clone(), said.clone());
    scope.attributes.push(attribute("s", text(&said)));
    request
}

#[test]
fn nothing_found_means_the_very_bytes() {
    let body = Bytes::from(request_of(vec![good_span(1), good_span(2)]).encode_to_vec());
    let scrubbed = Scrubber::default().apply(body.clone(), Shape::Traces);
    assert_eq!(scrubbed.body.as_ptr(), body.as_ptr());
    assert!(scrubbed.redactions.is_empty());
}

#[test]
fn a_secret_goes_from_every_place_and_nothing_else_changes() {
    let request = planted(SECRET);
    let (clean, redactions) = apply(&Scrubber::default(), &request);
    let expected = planted("[redacted:card]");
    assert_eq!(clean, expected);
    let total: u32 = redactions.iter().map(|redaction| redaction.count).sum();
    let places = String::from_utf8_lossy(&request.encode_to_vec()).matches(SECRET).count();
    assert_eq!((redactions.len(), total as usize), (1, places));
    assert!(!redactions[0].example.contains(SECRET));
    let passed = check(clean.encode_to_vec().into(), RECEIVED).unwrap();
    assert_eq!((passed.accepted(), passed.refused().len()), (2, 0));
}

#[test]
fn an_attribute_named_as_a_secret_loses_its_value() {
    let mut span = good_span(1);
    span.attributes = vec![
        attribute(
            "http.request.header.cookie",
            Value::ArrayValue(ArrayValue { values: vec![AnyValue { value: Some(text("sid=1")) }] }),
        ),
        attribute("db.password", text("hunter2")),
        attribute("user.password", Value::BoolValue(true)),
    ];
    let (clean, _) = apply(&Scrubber::default(), &request_of(vec![span]));
    let attributes = &clean.resource_spans[0].scope_spans[0].spans[0].attributes;
    let masked = || text("[redacted:secret_key]");
    assert_eq!(attributes[0], attribute("http.request.header.cookie", masked()));
    assert_eq!(attributes[1], attribute("db.password", masked()));
    assert_eq!(attributes[2], attribute("user.password", Value::BoolValue(true)));
}

#[test]
fn rules_drop_mask_and_hash_by_key_pattern_and_service() {
    let scrubber = Scrubber::from_json(
        r#"{ "hash_key": "0123456789abcdef", "detectors": { "email": "hash", "card": "drop" }, "rules": [
            { "name": "gone", "key": "app.*", "action": "drop" },
            { "name": "ticket", "pattern": "T-[0-9]+", "service": "cart", "action": "mask" },
            { "name": "elsewhere", "key": "url.path", "service": "other", "action": "drop" },
            { "name": "port", "key": "server.port", "action": "mask" } ] }"#,
    )
    .unwrap();
    let mut span = good_span(1);
    span.attributes.push(attribute("paid", text("with 4111111111111111 today")));
    span.attributes.push(attribute("by", text("a@b.example")));
    span.attributes.push(attribute("again", text("a@b.example")));
    span.name = "close T-12 paid by 4111111111111111".into();
    let (clean, redactions) = apply(&scrubber, &request_of(vec![span]));
    let span = &clean.resource_spans[0].scope_spans[0].spans[0];
    let value = |key: &str| span.attributes.iter().find(|a| a.key == key).map(|a| a.value.clone().unwrap());
    assert_eq!(span.name, "close [redacted:ticket] paid by [redacted:card]");
    assert_eq!((value("app.cart.items"), value("app.cart.gift"), value("paid")), (None, None, None));
    assert!(value("url.path").is_some());
    assert_eq!(value("server.port").unwrap().value, Some(text("[redacted:port]")));
    assert_eq!(value("by"), value("again"));
    assert!(matches!(value("by").unwrap().value, Some(Value::StringValue(t)) if t.starts_with("[hash:")));
    let count = |rule: &str| redactions.iter().find(|r| r.rule == rule).map_or(0, |r| r.count);
    assert_eq!((count("gone"), count("ticket"), count("card"), count("email")), (2, 1, 2, 2));
}

#[test]
fn rules_that_cannot_be_are_refused_in_words() {
    let problem = |text: &str| Scrubber::from_json(text).err().unwrap().to_string();
    assert!(problem(r#"{ "detectors": { "cards": "off" } }"#).contains("url_password"));
    assert!(problem(r#"{ "rules": [ { "name": "x", "action": "drop" } ] }"#).contains("needs a key"));
    assert!(problem(r#"{ "rules": [ { "name": "x", "pattern": "(", "action": "mask" } ] }"#).contains("'x'"));
    assert!(problem(r#"{ "detectors": { "email": "hash" } }"#).contains("hash_key"));
    assert!(problem(r#"{ "rule": [] }"#).contains("rule"));
}

proptest! {
    /// Whatever passes the check still does, with as many spans, and is clean at the second look.
    #[test]
    fn any_request_stays_a_good_one(request in request(), all in any::<bool>()) {
        let rules = r#"{ "rules": [ { "name": "vowels", "pattern": "[aeiou]", "action": "mask" } ] }"#;
        let scrubber = if all { Scrubber::from_json(rules).unwrap() } else { Scrubber::default() };
        let checked = check(request.encode_to_vec().into(), RECEIVED).unwrap();
        let scrubbed = scrubber.apply(checked.body.clone(), Shape::Traces);
        let again = check(scrubbed.body, RECEIVED).unwrap();
        prop_assert_eq!(again.accepted(), checked.accepted());
        prop_assert!(again.refused().is_empty());
    }
}
