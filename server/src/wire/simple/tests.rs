//! The simple batch: what it becomes, and how each mistake is told.

use model::{AttrValue, SpanKind};
use serde_json::json;

use super::*;
use crate::wire::otlp::check::check;
use crate::wire::otlp::samples::RECEIVED;
use crate::wire::otlp::view::{ResourceView, ScopeView, SpanView, key_value, resource_spans};

fn good() -> Value {
    json!({
        "trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331",
        "parent_span_id": "b7ad6b7169203330", "service_name": "cart", "operation_name": "GET /cart",
        "start_time_unix_ns": 1_700_000_000_000_000_000_u64, "duration_ms": 12.345678, "status": "error",
        "tags": { "text": "x", "yes": true, "whole": 7, "part": 1.5, "none": null, "list": [1, "a"],
                  "map": { "k": 1 }, "raw": { "bytes": "AQI=" } },
    })
}

fn with(key: &str, value: Value) -> Value {
    let mut span = good();
    span[key] = value;
    span
}

fn refusal(span: &Value) -> (Reason, String) {
    let Converted { body, refused } = convert(json!([good(), span, good()]).to_string().as_bytes()).unwrap();
    assert_eq!(check(body, RECEIVED).unwrap().accepted(), 2);
    let (_, refused) = refused.into_services().next().unwrap();
    let mut refused = refused.into_vec();
    assert_eq!((refused.len(), refused[0].count), (1, 1));
    let refusal = refused.remove(0);
    (refusal.reason, refusal.example)
}

#[test]
fn a_span_becomes_an_otlp_span() {
    let Converted { body, refused } = convert(json!({ "spans": [good()] }).to_string().as_bytes()).unwrap();
    assert!(refused.is_empty());
    let raw: Vec<_> = resource_spans(&body).collect::<Result<_, _>>().unwrap();
    let resource = ResourceView::read(raw[0]).unwrap();
    let (key, service) = key_value(resource.attributes[0]).unwrap();
    assert_eq!((key, service.to_model().unwrap()), ("service.name", AttrValue::Str("cart".into())));
    let scope = ScopeView::read(resource.scope_spans[0]).unwrap();
    let mut span = SpanView::default();
    span.read(scope.spans[0]).unwrap();
    assert_eq!(span.trace_id[..2], [0x0a, 0xf7]);
    assert_eq!(span.parent_id, 0xb7ad_6b71_6920_3330_u64.to_be_bytes());
    assert_eq!((span.name, span.status_code), ("GET /cart", 2));
    assert_eq!(span.end - span.start, 12_345_678);
    let tags: HashMap<_, _> = span
        .attributes
        .iter()
        .map(|raw| key_value(raw).unwrap())
        .map(|(key, value)| (key, value.to_model().unwrap()))
        .collect();
    assert_eq!(tags["text"], AttrValue::Str("x".into()));
    assert_eq!(tags["yes"], AttrValue::Bool(true));
    assert_eq!(tags["whole"], AttrValue::Int(7));
    assert_eq!(tags["part"], AttrValue::Double(1.5));
    assert_eq!(tags["none"], AttrValue::Empty);
    assert_eq!(tags["list"], AttrValue::Array(vec![AttrValue::Int(1), AttrValue::Str("a".into())]));
    assert_eq!(tags["map"], AttrValue::Map(vec![("k".into(), AttrValue::Int(1))]));
    assert_eq!(tags["raw"], AttrValue::Bytes(vec![1, 2]));
}

#[test]
fn spans_are_kept_by_service() {
    let batch = json!([good(), with("service_name", json!("shop")), good()]);
    let Converted { body, .. } = convert(batch.to_string().as_bytes()).unwrap();
    assert_eq!(resource_spans(&body).count(), 2);
    assert_eq!(check(body, RECEIVED).unwrap().accepted(), 3);
}

#[test]
fn what_may_be_left_out_may_be_left_out() {
    let mut span = good();
    for key in ["parent_span_id", "status", "tags"] {
        span.as_object_mut().unwrap().remove(key);
    }
    span["start_time_unix_ns"] = json!("1700000000000000000");
    span["kind"] = json!("Server");
    span["unknown"] = json!([1]);
    let (_, span) = super::span(&span).unwrap();
    assert_eq!((span.kind, span.parent_span_id.len()), (SpanKind::Server as i32, 0));
    assert_eq!(super::span(&with("parent_span_id", json!(null))).unwrap().1.parent_span_id.len(), 0);
    assert_eq!(super::span(&with("trace_id", json!("8448EB211C80319C"))).unwrap().1.trace_id[..8], [0; 8]);
}

#[test]
fn each_mistake_is_told() {
    assert_eq!(
        refusal(&with("trace_id", json!("0af7"))),
        (
            Reason::InvalidTraceId,
            "span 1: 'trace_id': a trace id is 32 (or 16) hexadecimal digits, this has 4 characters".into()
        )
    );
    assert_eq!(refusal(&with("trace_id", json!(null))).0, Reason::InvalidTraceId);
    assert_eq!(refusal(&with("span_id", json!("0000000000000000"))).0, Reason::InvalidSpanId);
    assert_eq!(refusal(&with("parent_span_id", json!("12"))).0, Reason::InvalidParentId);
    assert_eq!(
        refusal(&with("service_name", json!(""))),
        (Reason::InvalidField, "span 1: 'service_name' is missing".into())
    );
    assert_eq!(
        refusal(&with("status", json!("bad"))).1,
        "span 1: 'status' is \"bad\", not one of unset, ok, error"
    );
    assert_eq!(refusal(&with("duration_ms", json!(-1))).0, Reason::InvalidField);
    assert_eq!(refusal(&with("duration_ms", json!("NaN"))).0, Reason::InvalidField);
    assert_eq!(refusal(&with("start_time_unix_ns", json!(1.5))).0, Reason::InvalidField);
    assert_eq!(refusal(&with("tags", json!([]))).0, Reason::InvalidField);
    assert_eq!(refusal(&json!("text")).0, Reason::InvalidField);
    let deep = (0..60).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(refusal(&with("tags", json!({ "deep": deep }))).0, Reason::TooDeep);
}

#[test]
fn times_that_cannot_be_are_left_to_the_check() {
    for (start, reason) in [(json!(0), Reason::NoStartTime), (json!(u64::MAX), Reason::TimeOutOfRange)] {
        let batch = json!([with("start_time_unix_ns", start)]).to_string();
        let checked = check(convert(batch.as_bytes()).unwrap().body, RECEIVED).unwrap();
        assert_eq!((checked.accepted(), checked.refused()[0].reason), (0, reason));
    }
}

#[test]
fn what_is_not_a_batch_is_told_where() {
    for bad in ["", "{}", "7", "{\"spans\": {}}", "{\"spans\": {\"spans\": []}}", "[{]", "[] []"] {
        let error = convert(bad.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("line 1 column"), "{bad}: {error}");
    }
    assert!(convert(b"[]").unwrap().body.is_empty());
}
