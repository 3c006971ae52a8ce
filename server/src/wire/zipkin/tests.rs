//! What Zipkin's spans become, from JSON and protobuf alike, and what is refused.

use std::collections::HashMap;

use model::AttrValue;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use serde_json::{Value, json};

use super::*;
use crate::wire::otlp::check::check;
use crate::wire::otlp::notes::{Note, notes_of};
use crate::wire::otlp::samples::RECEIVED;
use crate::wire::otlp::view::{SpanView, key_value};

const MICROS: u64 = 1_700_000_000_000_000;

fn decoded(converted: &Converted) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest::decode(&converted.body[..]).unwrap()
}

fn spans(converted: &Converted) -> Vec<Span> {
    let resources = decoded(converted).resource_spans.into_iter();
    resources.flat_map(|r| r.scope_spans).flat_map(|s| s.spans).collect()
}

fn read(span: &Value) -> Span {
    let converted = convert_json(json!([span]).to_string().as_bytes()).unwrap();
    assert!(converted.refused.is_empty(), "{:?}", converted.refused);
    assert_eq!(check(converted.body.clone(), RECEIVED).unwrap().accepted(), 1);
    spans(&converted).remove(0)
}

fn attributes(span: &Span) -> HashMap<String, AttrValue> {
    let read = |entry: &KeyValue| {
        let bytes = entry.encode_to_vec();
        let (key, value) = key_value(&bytes).unwrap();
        (key.to_owned(), value.to_model().unwrap())
    };
    span.attributes.iter().map(read).collect()
}

fn text(text: &str) -> AttrValue {
    AttrValue::Str(text.to_owned())
}

fn good() -> Value {
    json!({
        "traceId": "463AC35C9F6413AD48485A3953BB6124", "id": "A2FB4A1D1A96D312", "parentId": "0020000000000001",
        "kind": "CLIENT", "name": "get /api", "timestamp": MICROS, "duration": 1_500, "debug": true,
        "localEndpoint": { "serviceName": "frontend", "ipv4": "192.0.2.7", "port": 8080 },
        "remoteEndpoint": { "serviceName": "backend", "ipv6": "2001:db8::c001", "port": 9000 },
        "annotations": [
            { "timestamp": MICROS + 5, "value": "retry" },
            { "timestamp": MICROS + 9, "value": "{\"exception\": {\"exception.type\": \"E\", \"n\": 2}}" }
        ],
        "tags": { "http.status_code": "503", "user.id": "0042", "order": "17", "error": "no room" },
    })
}

#[test]
fn every_field_has_its_place() {
    let span = read(&good());
    assert_eq!(span.trace_id[..2], [0x46, 0x3a]);
    assert_eq!(span.span_id, 0xa2fb_4a1d_1a96_d312_u64.to_be_bytes());
    assert_eq!(span.parent_span_id, 0x0020_0000_0000_0001_u64.to_be_bytes());
    assert_eq!((span.kind, span.name.as_str(), span.flags), (3, "get /api", 1));
    assert_eq!(span.start_time_unix_nano, MICROS * 1000);
    assert_eq!(span.end_time_unix_nano, MICROS * 1000 + 1_500_000);
    assert_eq!(
        span.status,
        Some(opentelemetry_proto::tonic::trace::v1::Status { code: 2, message: "no room".into() })
    );
    let found = attributes(&span);
    let wanted = [
        ("http.status_code", AttrValue::Int(503)),
        ("user.id", text("0042")),
        ("order", text("17")),
        ("peer.service", text("backend")),
        ("network.peer.address", text("2001:db8::c001")),
        ("network.peer.port", AttrValue::Int(9000)),
        ("network.local.address", text("192.0.2.7")),
        ("network.local.port", AttrValue::Int(8080)),
        ("zipkin.debug", AttrValue::Bool(true)),
    ];
    assert_eq!(found, wanted.into_iter().map(|(k, v)| (k.to_owned(), v)).collect());
    let events: Vec<_> =
        span.events.iter().map(|e| (e.name.as_str(), e.time_unix_nano, e.attributes.len())).collect();
    assert_eq!(events, [("retry", (MICROS + 5) * 1000, 0), ("exception", (MICROS + 9) * 1000, 2)]);
}

#[test]
fn spans_are_grouped_by_service_and_scope() {
    let mut other = good();
    other["localEndpoint"]["serviceName"] = json!("cart");
    let mut scoped = good();
    scoped["tags"] =
        json!({ "otel.scope.name": "http", "otel.scope.version": "1", "otel.status_code": "OK" });
    let mut nameless = good();
    nameless["localEndpoint"] = Value::Null;
    let body = json!([good(), other, good(), scoped, nameless]).to_string();
    let request = decoded(&convert_json(body.as_bytes()).unwrap());
    let sizes: Vec<_> = request.resource_spans.iter().map(|r| r.scope_spans[0].spans.len()).collect();
    assert_eq!(sizes, [2, 1, 1, 1]);
    let scope = request.resource_spans[2].scope_spans[0].scope.clone().unwrap();
    assert_eq!((scope.name.as_str(), scope.version.as_str()), ("http", "1"));
    assert_eq!(request.resource_spans[2].scope_spans[0].spans[0].status.as_ref().unwrap().code, 1);
    assert!(request.resource_spans[3].resource.as_ref().unwrap().attributes.is_empty());
}

#[test]
fn ids_of_older_tracers_are_made_whole_and_marked() {
    let mut span = good();
    span["traceId"] = json!("48485A3953BB612");
    span["id"] = json!("1f");
    span["parentId"] = json!("1f");
    let span = read(&span);
    assert_eq!(span.trace_id, 0x0484_85a3_953b_b612_u128.to_be_bytes());
    assert_eq!(span.span_id, 0x1f_u64.to_be_bytes());
    assert!(span.parent_span_id.is_empty(), "a span is not its own parent");
    let bytes = span.encode_to_vec();
    let mut view = SpanView::default();
    view.read(&bytes).unwrap();
    assert!(notes_of(&view, RECEIVED).contains(Note::ShortTraceId));
}

#[test]
fn a_shared_server_span_gets_an_id_of_its_own() {
    let client = good();
    let mut server = good();
    server["kind"] = json!("SERVER");
    server["shared"] = json!(true);
    server["localEndpoint"] = json!({ "serviceName": "backend" });
    let mut inner = good();
    inner["kind"] = Value::Null;
    inner["id"] = json!("77");
    inner["parentId"] = client["id"].clone();
    inner["localEndpoint"] = json!({ "serviceName": "backend" });
    let body = json!([client, inner, server]).to_string();
    let first = spans(&convert_json(body.as_bytes()).unwrap());
    assert_eq!(first, spans(&convert_json(body.as_bytes()).unwrap()), "the same ids each time");
    let [client, inner, server] = &first[..] else { panic!("{first:?}") };
    assert_ne!(server.span_id, client.span_id);
    assert_eq!(server.parent_span_id, client.span_id);
    assert_eq!(inner.parent_span_id, server.span_id, "what the server did is under the server");

    // Older senders do not say that an id is shared.
    let mut silent = json!([good(), good()]);
    silent[1]["kind"] = json!("SERVER");
    let pair = spans(&convert_json(silent.to_string().as_bytes()).unwrap());
    assert_eq!((&pair[1].parent_span_id, &pair[1].span_id), (&pair[0].span_id, &server.span_id));
}

#[test]
fn what_is_not_known_is_left_open() {
    let mut span = good();
    for key in ["timestamp", "duration", "kind"] {
        span[key] = Value::Null;
    }
    span["tags"] = json!({ "error": "false", "typed": 5 });
    let span = read(&span);
    assert_eq!((span.start_time_unix_nano, span.end_time_unix_nano, span.kind), ((MICROS + 5) * 1000, 0, 1));
    assert_eq!(span.status.as_ref().unwrap().code, 0);
    assert_eq!(attributes(&span)["error"], text("false"));
    assert_eq!(attributes(&span)["typed"], AttrValue::Int(5));
}

#[test]
fn a_bad_span_is_refused_alone() {
    for (key, value, reason) in [
        ("traceId", json!("xyz"), Reason::InvalidTraceId),
        ("id", json!("11111111111111111"), Reason::InvalidSpanId),
        ("parentId", json!(7), Reason::InvalidParentId),
        ("kind", json!("SIDEWAYS"), Reason::InvalidField),
        ("tags", json!([1]), Reason::InvalidField),
    ] {
        let mut bad = good();
        bad[key] = value;
        let converted = convert_json(json!([bad, good()]).to_string().as_bytes()).unwrap();
        let refused = converted.refused.clone().into_services().next().unwrap().1.into_vec();
        assert_eq!((refused.len(), refused[0].reason), (1, reason), "{key}");
        assert_eq!(check(converted.body, RECEIVED).unwrap().accepted(), 1);
    }
    assert!(convert_json(b"{}").is_err());
    assert!(convert_json(b"[").is_err());
}

#[test]
fn protobuf_says_the_same_as_json() {
    let json = read(&good());
    let (sent, _) = super::json::read(json!([good()]).to_string().as_bytes()).unwrap();
    let mut body = Vec::new();
    put_message(1, &sent[0].span.encode_to_vec(), &mut body);
    put_message(1, b"\xff", &mut body);
    let converted = convert_protobuf(&body).unwrap();
    assert_eq!(
        converted.refused.clone().into_services().next().unwrap().1.into_vec()[0].reason,
        Reason::Malformed
    );
    assert_eq!(spans(&converted), [json]);
    assert!(convert_protobuf(b"\x0a\x05").is_err());
}

#[test]
fn a_bad_span_is_its_services_where_it_says_so() {
    let endpoint = json!({ "serviceName": "shop" });
    let sent =
        json!([{ "traceId": "zz", "id": "1", "localEndpoint": endpoint }, { "traceId": "zz", "id": "1" }]);
    let converted = convert_json(sent.to_string().as_bytes()).unwrap();
    let names: Vec<String> = converted.refused.into_services().map(|(service, _)| service).collect();
    assert_eq!(names, ["shop", ""]);
}
