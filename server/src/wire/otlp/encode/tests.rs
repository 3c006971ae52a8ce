//! Nothing is lost on the way into OTLP.

use model::{Nanos, SpanId, SpanKind, Status, Timestamp, TraceId};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use prost::Message;

use super::*;

fn all_values() -> Attrs {
    let inner = vec![("k".to_owned(), AttrValue::Int(-1)), ("none".to_owned(), AttrValue::Empty)];
    [
        ("text", AttrValue::Str("ü\0x".to_owned())),
        ("empty text", AttrValue::Str(String::new())),
        ("yes", AttrValue::Bool(true)),
        ("no", AttrValue::Bool(false)),
        ("zero", AttrValue::Int(0)),
        ("least", AttrValue::Int(i64::MIN)),
        ("double", AttrValue::Double(-0.125)),
        ("nothing", AttrValue::Empty),
        ("bytes", AttrValue::Bytes(vec![0, 255])),
        ("array", AttrValue::Array(vec![AttrValue::Int(1), AttrValue::Array(vec![]), AttrValue::Empty])),
        ("map", AttrValue::Map(inner)),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .to_vec()
}

fn full_span() -> Span {
    Span {
        trace_id: TraceId([7; 16]),
        span_id: SpanId(0x0102_0304_0506_0708),
        parent_id: SpanId(9),
        service: "shop".to_owned(),
        operation: "GET /".to_owned(),
        kind: SpanKind::Consumer,
        start: Timestamp(1_700_000_000_000_000_001),
        duration: Nanos(12_345),
        status: Status::Error,
        status_message: "broken".to_owned(),
        trace_state: "a=b".to_owned(),
        flags: 0x301,
        attributes: all_values(),
        events: vec![Event {
            time: Timestamp(1_700_000_000_000_000_002),
            name: "exception".to_owned(),
            attributes: all_values(),
            dropped_attributes: 3,
        }],
        links: vec![Link {
            trace_id: TraceId([8; 16]),
            span_id: SpanId(10),
            trace_state: "c=d".to_owned(),
            flags: 0x101,
            attributes: all_values(),
            dropped_attributes: 4,
        }],
        dropped_attributes: 5,
        dropped_events: 6,
        dropped_links: 7,
        origin: Origin {
            resource: vec![("service.name".to_owned(), AttrValue::Str("shop".to_owned()))],
            resource_schema_url: "https://r".to_owned(),
            resource_dropped_attributes: 1,
            scope_name: "lib".to_owned(),
            scope_version: "1".to_owned(),
            scope: all_values(),
            scope_schema_url: "https://s".to_owned(),
            scope_dropped_attributes: 2,
        },
        notes: Vec::new(),
    }
}

/// Reads a request back; only what `encode` writes.
fn decode(request: &ExportTraceServiceRequest) -> Vec<Span> {
    let mut spans = Vec::new();
    for resource_spans in &request.resource_spans {
        let resource = resource_spans.resource.clone().unwrap();
        for scope_spans in &resource_spans.scope_spans {
            let scope = scope_spans.scope.clone().unwrap();
            let origin = Origin {
                resource: attrs(&resource.attributes),
                resource_schema_url: resource_spans.schema_url.clone(),
                resource_dropped_attributes: resource.dropped_attributes_count,
                scope_name: scope.name.clone(),
                scope_version: scope.version.clone(),
                scope: attrs(&scope.attributes),
                scope_schema_url: scope_spans.schema_url.clone(),
                scope_dropped_attributes: scope.dropped_attributes_count,
            };
            spans.extend(scope_spans.spans.iter().map(|span| decode_span(span, &origin)));
        }
    }
    spans
}

fn decode_span(span: &wire::Span, origin: &Origin) -> Span {
    let name = origin.resource.iter().find(|(key, _)| key == SERVICE_NAME);
    let status = span.status.clone().unwrap();
    Span {
        trace_id: TraceId::from_slice(&span.trace_id).unwrap(),
        span_id: SpanId::from_slice(&span.span_id).unwrap(),
        parent_id: SpanId::from_slice(&span.parent_span_id).unwrap_or_default(),
        service: name.map_or_else(String::new, |(_, value)| value.to_text()),
        operation: span.name.clone(),
        kind: SpanKind::from_number(span.kind as u8),
        start: Timestamp(span.start_time_unix_nano),
        duration: Nanos(span.end_time_unix_nano - span.start_time_unix_nano),
        status: Status::from_number(status.code as u8),
        status_message: status.message,
        trace_state: span.trace_state.clone(),
        flags: span.flags,
        attributes: attrs(&span.attributes),
        events: span.events.iter().map(decode_event).collect(),
        links: span.links.iter().map(decode_link).collect(),
        dropped_attributes: span.dropped_attributes_count,
        dropped_events: span.dropped_events_count,
        dropped_links: span.dropped_links_count,
        origin: origin.clone(),
        notes: Vec::new(),
    }
}

fn decode_event(event: &wire::span::Event) -> Event {
    Event {
        time: Timestamp(event.time_unix_nano),
        name: event.name.clone(),
        attributes: attrs(&event.attributes),
        dropped_attributes: event.dropped_attributes_count,
    }
}

fn decode_link(link: &wire::span::Link) -> Link {
    Link {
        trace_id: TraceId::from_slice(&link.trace_id).unwrap(),
        span_id: SpanId::from_slice(&link.span_id).unwrap(),
        trace_state: link.trace_state.clone(),
        flags: link.flags,
        attributes: attrs(&link.attributes),
        dropped_attributes: link.dropped_attributes_count,
    }
}

fn attrs(attributes: &[common::KeyValue]) -> Attrs {
    attributes.iter().map(|kv| (kv.key.clone(), value(kv.value.as_ref().unwrap()))).collect()
}

fn value(any: &common::AnyValue) -> AttrValue {
    match &any.value {
        None => AttrValue::Empty,
        Some(Value::StringValue(s)) => AttrValue::Str(s.clone()),
        Some(Value::BoolValue(b)) => AttrValue::Bool(*b),
        Some(Value::IntValue(i)) => AttrValue::Int(*i),
        Some(Value::DoubleValue(d)) => AttrValue::Double(*d),
        Some(Value::BytesValue(bytes)) => AttrValue::Bytes(bytes.clone()),
        Some(Value::ArrayValue(array)) => AttrValue::Array(array.values.iter().map(value).collect()),
        Some(Value::KvlistValue(map)) => AttrValue::Map(attrs(&map.values)),
        Some(Value::StringValueStrindex(_)) => panic!("encode never writes a string index"),
    }
}

#[test]
fn nothing_is_lost() {
    let spans = vec![full_span(), Span { span_id: SpanId(2), parent_id: SpanId(0), ..full_span() }];
    let bytes = encode(&spans).encode_to_vec();
    let request = ExportTraceServiceRequest::decode(bytes.as_slice()).unwrap();
    assert_eq!(decode(&request), spans);
    assert!(request.resource_spans[0].scope_spans[0].spans[1].parent_span_id.is_empty());
}

#[test]
fn spans_are_grouped_by_resource_and_scope() {
    let of = |service: &str, scope: &str, id: u64| {
        let mut span = full_span();
        span.span_id = SpanId(id);
        span.service = service.to_owned();
        span.origin.resource[0].1 = AttrValue::Str(service.to_owned());
        span.origin.scope_name = scope.to_owned();
        span
    };
    let spans = [of("a", "x", 1), of("b", "x", 2), of("a", "y", 3), of("a", "x", 4), of("b", "x", 5)];
    let request = encode(&spans);
    let shape: Vec<Vec<Vec<u64>>> = request
        .resource_spans
        .iter()
        .map(|r| {
            let ids = |s: &wire::ScopeSpans| {
                s.spans.iter().map(|s| SpanId::from_slice(&s.span_id).unwrap().0).collect()
            };
            r.scope_spans.iter().map(ids).collect()
        })
        .collect();
    assert_eq!(shape, [vec![vec![1, 4], vec![3]], vec![vec![2, 5]]]);
}

#[test]
fn origins_that_hash_alike_stay_apart() {
    let mut other = full_span();
    other.origin.resource_dropped_attributes += 1;
    let mut third = full_span();
    third.origin.scope_schema_url.push('x');
    let request = encode(&[full_span(), other.clone(), third.clone()]);
    assert_eq!(decode(&request), [full_span(), third, other]);
}

#[test]
fn a_service_named_outside_the_resource_is_kept() {
    let mut span = full_span();
    span.origin.resource.clear();
    let read = decode(&encode(&[span]));
    assert_eq!(read[0].service, "shop");
}
