//! The lenient JSON of OTLP against what it means, and bad spans among good ones.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::limits::{RECEIPT_OTHER, RECEIPT_SERVICES_A_REQUEST};
use crate::wire::otlp::check::check;
use crate::wire::otlp::samples::{RECEIVED, request};

fn decoded(body: &Value) -> (ExportTraceServiceRequest, Unread) {
    let Converted { body, refused } = convert(body.to_string().as_bytes()).unwrap();
    (ExportTraceServiceRequest::decode(body).unwrap(), refused)
}

fn with_spans(spans: &Value) -> Value {
    json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": spans }] }] })
}

fn one_span(span: &Value) -> Span {
    let (mut request, refused) = decoded(&with_spans(&json!([span])));
    assert!(refused.is_empty(), "{refused:?}");
    request.resource_spans.remove(0).scope_spans.remove(0).spans.remove(0)
}

/// Reads one attribute's value.
fn value(json: &Value) -> Option<any_value::Value> {
    let span = one_span(&json!({ "attributes": [{ "key": "k", "value": json }] }));
    span.attributes[0].value.clone().unwrap().value
}

#[test]
fn the_specifications_example_is_read() {
    let (request, refused) = decoded(&json!({ "resourceSpans": [{
        "resource": { "attributes": [{ "key": "service.name", "value": { "stringValue": "my.service" } }] },
        "scopeSpans": [{
            "scope": {
                "name": "my.library", "version": "1.0.0",
                "attributes": [{ "key": "a", "value": { "stringValue": "b" } }],
            },
            "spans": [{
                "traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "EEE19B7EC3C1B174",
                "parentSpanId": "EEE19B7EC3C1B173", "name": "I'm a server span",
                "startTimeUnixNano": "1544712660000000000", "endTimeUnixNano": "1544712661000000000",
                "kind": 2, "flags": 257,
                "attributes": [{ "key": "my.span.attr", "value": { "stringValue": "some value" } }],
                "status": { "code": 2, "message": "no" },
                "events": [{ "timeUnixNano": "1544712660500000000", "name": "e", "droppedAttributesCount": 3 }],
                "links": [{ "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174" }],
            }],
            "schemaUrl": "scope schema",
        }],
        "schemaUrl": "resource schema",
    }]}));
    assert!(refused.is_empty());
    let resource_spans = &request.resource_spans[0];
    assert_eq!(resource_spans.schema_url, "resource schema");
    assert_eq!(resource_spans.resource.as_ref().unwrap().attributes[0].key, "service.name");
    let scope_spans = &resource_spans.scope_spans[0];
    assert_eq!(scope_spans.schema_url, "scope schema");
    assert_eq!(scope_spans.scope.as_ref().unwrap().version, "1.0.0");
    let span = &scope_spans.spans[0];
    assert_eq!(span.trace_id[..3], [0x5b, 0x8e, 0xff]);
    assert_eq!((span.span_id.len(), span.parent_span_id.len()), (8, 8));
    assert_eq!(span.start_time_unix_nano, 1_544_712_660_000_000_000);
    assert_eq!((span.kind, span.flags, span.status.as_ref().unwrap().code), (2, 257, 2));
    assert_eq!(span.events[0].dropped_attributes_count, 3);
    assert_eq!(span.links[0].span_id, span.span_id);
}

#[test]
fn numbers_names_and_nulls_are_taken_as_they_come() {
    let span = one_span(&json!({
        "startTimeUnixNano": 12, "endTimeUnixNano": "13", "kind": "SPAN_KIND_CLIENT", "name": null,
        "status": { "code": "STATUS_CODE_ERROR" }, "attributes": null, "parentSpanId": "", "events": null,
        "somethingNew": { "deep": [1] }, "droppedLinksCount": "4",
    }));
    assert_eq!((span.start_time_unix_nano, span.end_time_unix_nano, span.kind), (12, 13, 3));
    assert_eq!((span.status.unwrap().code, span.dropped_links_count), (2, 4));
    assert!(decoded(&json!({ "resourceSpans": null, "new": 1 })).0.resource_spans.is_empty());
    assert!(decoded(&json!({})).0.resource_spans.is_empty());
}

#[test]
fn values_keep_their_types() {
    use any_value::Value as V;
    assert_eq!(value(&json!({ "intValue": "9007199254740993" })), Some(V::IntValue(9_007_199_254_740_993)));
    assert_eq!(value(&json!({ "intValue": -5 })), Some(V::IntValue(-5)));
    assert_eq!(value(&json!({ "intValue": 5.0 })), Some(V::IntValue(5)));
    assert_eq!(value(&json!({ "doubleValue": 1 })), Some(V::DoubleValue(1.0)));
    assert_eq!(value(&json!({ "doubleValue": "-Infinity" })), Some(V::DoubleValue(f64::NEG_INFINITY)));
    assert!(matches!(value(&json!({ "doubleValue": "NaN" })), Some(V::DoubleValue(d)) if d.is_nan()));
    assert_eq!(value(&json!({ "boolValue": false })), Some(V::BoolValue(false)));
    assert_eq!(value(&json!({ "bytesValue": "+/8=" })), Some(V::BytesValue(vec![0xfb, 0xff])));
    assert_eq!(value(&json!({ "bytesValue": "-_8" })), Some(V::BytesValue(vec![0xfb, 0xff])));
    assert_eq!(value(&json!({})), None);
    assert_eq!(value(&json!({ "stringValue": null, "newValue": 1 })), None);
    let item = AnyValue { value: Some(V::StringValue("x".into())) };
    let list = value(&json!({ "arrayValue": { "values": [{ "stringValue": "x" }] } }));
    assert_eq!(list, Some(V::ArrayValue(ArrayValue { values: vec![item.clone()] })));
    let entry = KeyValue { key: "k".into(), value: Some(item), ..KeyValue::default() };
    let map =
        value(&json!({ "kvlistValue": { "values": [{ "key": "k", "value": { "stringValue": "x" } }] } }));
    assert_eq!(map, Some(V::KvlistValue(KeyValueList { values: vec![entry] })));
    assert_eq!(value(&json!({ "arrayValue": {} })), Some(V::ArrayValue(ArrayValue::default())));
}

#[test]
fn a_bad_span_is_refused_alone_and_by_name() {
    let refusal = |span: Value| {
        let (request, refused) = decoded(&with_spans(&json!([{ "name": "a" }, span, { "name": "b" }])));
        assert_eq!(request.resource_spans[0].scope_spans[0].spans.len(), 2);
        let (_, refused) = refused.into_services().next().unwrap();
        let mut refused = refused.into_vec();
        assert_eq!((refused.len(), refused[0].count), (1, 1));
        let refusal = refused.remove(0);
        (refusal.reason, refusal.example)
    };
    let (reason, example) = refusal(json!({ "traceId": "xyz" }));
    assert_eq!(reason, Reason::InvalidTraceId);
    assert_eq!(example, "span 1 of its scope: 'traceId' is \"xyz\", not an id in hexadecimal digits");
    assert_eq!(refusal(json!({ "spanId": 5 })).0, Reason::InvalidSpanId);
    assert_eq!(refusal(json!({ "parentSpanId": "é" })).0, Reason::InvalidParentId);
    for bad in [
        json!(7),
        json!({ "kind": "SPAN_KIND_NEW" }),
        json!({ "startTimeUnixNano": -1 }),
        json!({ "startTimeUnixNano": "soon" }),
        json!({ "attributes": {} }),
        json!({ "attributes": [{ "key": "k", "value": { "intValue": 1.5 } }] }),
        json!({ "attributes": [{ "key": "k", "value": { "bytesValue": "!" } }] }),
        json!({ "name": { "x": "y".repeat(5000) } }),
    ] {
        let (reason, example) = refusal(bad);
        assert_eq!(reason, Reason::InvalidField);
        assert!(example.chars().count() <= 301, "{example}");
    }
}

#[test]
fn a_bad_resource_or_scope_refuses_its_spans() {
    let good = json!([{ "name": "a" }, { "name": "b" }]);
    let (request, refused) = decoded(&json!({ "resourceSpans": [
        { "scopeSpans": [{ "spans": good }], "resource": 5 },
        { "scopeSpans": [{ "spans": good, "scope": { "name": 1 } }, { "spans": good }] },
    ]}));
    assert_eq!(refused.total(), 4);
    assert_eq!(request.resource_spans[0].scope_spans[0].spans.len(), 2);
}

#[test]
fn what_is_not_json_is_told_where() {
    let error = convert(b"{\n \"resourceSpans\": [,] }").unwrap_err().to_string();
    assert!(error.contains("line 2 column 20"), "{error}");
    for bad in ["", "[]", "7", "{\"resourceSpans\": {}}", "{\"resourceSpans\": [", "\u{feff}{}"] {
        assert!(convert(bad.as_bytes()).is_err(), "{bad}");
    }
    assert!(convert(b"{\"resourceSpans\":[{\"schemaUrl\":\"\xff\"}]}").is_err());
    let deep = format!("{{\"resourceSpans\":{}", "[".repeat(100_000));
    assert!(convert(deep.as_bytes()).is_err());
}

#[test]
fn many_tiny_elements_stay_tiny() {
    let spans = vec!["{}"; 100_000].join(",");
    let body = format!("{{\"resourceSpans\":[{{\"scopeSpans\":[{{\"spans\":[{spans}]}}]}}]}}");
    assert!(convert(body.as_bytes()).unwrap().body.len() < body.len());
}

proptest! {
    /// What the generated code writes as JSON, this reads, and both are the same request.
    #[test]
    fn generated_json_is_read(sent in request()) {
        // It has no JSON for indices into a string table, nor for a value that is there but empty.
        let text = serde_json::to_string(&sent).unwrap();
        prop_assume!(!text.contains("stringValueStrindex") && !text.contains("\"value\":null"));
        let Converted { body, refused } = convert(text.as_bytes()).unwrap();
        prop_assert!(refused.is_empty());
        let read = ExportTraceServiceRequest::decode(body.clone()).unwrap();
        let spans = |request: &ExportTraceServiceRequest| -> Vec<Span> {
            let scopes = request.resource_spans.iter().flat_map(|r| &r.scope_spans);
            scopes.flat_map(|s| s.spans.clone()).collect()
        };
        prop_assert_eq!(spans(&read), spans(&sent));
        check(body, RECEIVED).unwrap();
    }

    #[test]
    fn any_text_is_answered(text in ".{0,60}") {
        let _ = convert(text.as_bytes());
    }
}

#[test]
fn what_is_refused_is_its_services() {
    let named =
        |name: &str| json!({ "attributes": [{ "key": "service.name", "value": { "stringValue": name } }] });
    let bad = json!({ "traceId": "xyz" });
    let (_, refused) = decoded(&json!({ "resourceSpans": [
        { "resource": named("shop"), "scopeSpans": [{ "spans": [bad, bad] }] },
        { "scopeSpans": [{ "spans": [bad] }] },
        { "resource": { "attributes": [named("cart")["attributes"][0], 5] }, "scopeSpans": [{ "spans": [{ "name": "a" }] }] },
    ] }));
    let counts: Vec<(String, u32)> =
        refused.into_services().map(|(name, refused)| (name, refused.total())).collect();
    assert_eq!(counts, [("shop".to_owned(), 2), (String::new(), 1), ("cart".to_owned(), 1)]);
}

#[test]
fn more_services_than_are_told_apart_share_a_name() {
    let mut refused = Unread::default();
    for service in 0..2 * RECEIPT_SERVICES_A_REQUEST {
        refused.add(&format!("s{service}"), Reason::Malformed, 1, String::new);
    }
    assert_eq!(refused.total() as usize, 2 * RECEIPT_SERVICES_A_REQUEST);
    let names: Vec<String> = refused.into_services().map(|(name, _)| name).collect();
    assert_eq!(
        (names.len(), names.last().unwrap().as_str()),
        (RECEIPT_SERVICES_A_REQUEST + 1, RECEIPT_OTHER)
    );
}
