//! Requests for the tests of this folder: one good span to break in many ways, and any request at all.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

pub fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.into(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

/// A moment after the good span ended.
pub const RECEIVED: model::Timestamp = model::Timestamp(1_700_000_001_000_000_000);

pub fn good_span(id: u64) -> Span {
    Span {
        trace_id: vec![7; 16],
        span_id: id.to_be_bytes().to_vec(),
        parent_span_id: vec![9; 8],
        name: "GET /cart/{id}".into(),
        kind: 2,
        start_time_unix_nano: 1_700_000_000_000_000_000,
        end_time_unix_nano: 1_700_000_000_012_345_678,
        attributes: vec![
            attribute("http.request.method", Value::StringValue("GET".into())),
            attribute("url.path", Value::StringValue("/cart/81723".into())),
            attribute("http.response.status_code", Value::IntValue(200)),
            attribute("server.address", Value::StringValue("cart.shop.svc.cluster.local".into())),
            attribute("server.port", Value::IntValue(8080)),
            attribute("user_agent.original", Value::StringValue("Mozilla/5.0 (X11; Linux x86_64)".into())),
            attribute("app.cart.items", Value::DoubleValue(3.5)),
            attribute("app.cart.gift", Value::BoolValue(true)),
        ],
        status: Some(Status { message: String::new(), code: 1 }),
        flags: 0x101,
        ..Span::default()
    }
}

pub fn request_of(spans: Vec<Span>) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource {
                attributes: vec![attribute("service.name", Value::StringValue("cart".into()))],
                ..Resource::default()
            }),
            scope_spans: vec![ScopeSpans {
                scope: Some(InstrumentationScope {
                    name: "http".into(),
                    version: "1.2".into(),
                    ..InstrumentationScope::default()
                }),
                spans,
                schema_url: "https://opentelemetry.io/schemas/1.30.0".into(),
            }],
            schema_url: String::new(),
        }],
    }
}

fn any_value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        Just(None),
        ".{0,12}".prop_map(|text| Some(Value::StringValue(text))),
        any::<bool>().prop_map(|yes| Some(Value::BoolValue(yes))),
        any::<i64>().prop_map(|number| Some(Value::IntValue(number))),
        (-1e300..1e300).prop_map(|number| Some(Value::DoubleValue(number))),
        vec(any::<u8>(), 0..12).prop_map(|bytes| Some(Value::BytesValue(bytes))),
        any::<i32>().prop_map(|index| Some(Value::StringValueStrindex(index))),
    ]
    .prop_map(|value| AnyValue { value });
    leaf.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4)
                .prop_map(|values| AnyValue { value: Some(Value::ArrayValue(ArrayValue { values })) }),
            vec((".{0,6}", option::of(inner)), 0..4).prop_map(|entries| {
                let values = entries
                    .into_iter()
                    .map(|(key, value)| KeyValue { key, value, ..KeyValue::default() })
                    .collect();
                AnyValue { value: Some(Value::KvlistValue(KeyValueList { values })) }
            }),
        ]
    })
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    vec((".{0,8}", option::of(any_value())), 0..4).prop_map(|entries| {
        entries.into_iter().map(|(key, value)| KeyValue { key, value, ..KeyValue::default() }).collect()
    })
}

fn id(length: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![8 => vec(any::<u8>(), length), 1 => vec(any::<u8>(), 0..20), 1 => Just(vec![0; length])]
}

fn time() -> impl Strategy<Value = u64> {
    prop_oneof![6 => 1..=i64::MAX as u64, 1 => Just(0), 1 => any::<u64>()]
}

fn event() -> impl Strategy<Value = Event> {
    (time(), ".{0,8}", attributes(), any::<u32>()).prop_map(
        |(time_unix_nano, name, attributes, dropped_attributes_count)| Event {
            time_unix_nano,
            name,
            attributes,
            dropped_attributes_count,
        },
    )
}

fn link() -> impl Strategy<Value = Link> {
    (id(16), id(8), ".{0,8}", attributes(), any::<u32>(), any::<u32>()).prop_map(
        |(trace_id, span_id, trace_state, attributes, dropped_attributes_count, flags)| Link {
            trace_id,
            span_id,
            trace_state,
            attributes,
            dropped_attributes_count,
            flags,
        },
    )
}

pub fn span() -> impl Strategy<Value = Span> {
    let ids = (id(16), id(8), prop_oneof![Just(vec![]), id(8)], ".{0,8}", any::<u32>());
    let what = (".{0,12}", any::<i32>(), time(), time(), attributes());
    let lists = (vec(event(), 0..3), vec(link(), 0..3));
    let status = option::of((".{0,8}", any::<i32>()).prop_map(|(message, code)| Status { message, code }));
    (ids, what, lists, status, any::<[u32; 3]>()).prop_map(|(ids, what, lists, status, dropped)| Span {
        trace_id: ids.0,
        span_id: ids.1,
        parent_span_id: ids.2,
        trace_state: ids.3,
        flags: ids.4,
        name: what.0,
        kind: what.1,
        start_time_unix_nano: what.2,
        end_time_unix_nano: what.3,
        attributes: what.4,
        dropped_attributes_count: dropped[0],
        events: lists.0,
        dropped_events_count: dropped[1],
        links: lists.1,
        dropped_links_count: dropped[2],
        status,
    })
}

pub fn request() -> impl Strategy<Value = ExportTraceServiceRequest> {
    let resource =
        option::of((attributes(), any::<u32>()).prop_map(|(attributes, dropped_attributes_count)| {
            Resource { attributes, dropped_attributes_count, ..Resource::default() }
        }));
    let scope = option::of((".{0,8}", ".{0,8}", attributes(), any::<u32>()).prop_map(
        |(name, version, attributes, dropped_attributes_count)| InstrumentationScope {
            name,
            version,
            attributes,
            dropped_attributes_count,
        },
    ));
    let scope_spans = (scope, vec(span(), 0..4), ".{0,8}")
        .prop_map(|(scope, spans, schema_url)| ScopeSpans { scope, spans, schema_url });
    let resource_spans = (resource, vec(scope_spans, 0..3), ".{0,8}")
        .prop_map(|(resource, scope_spans, schema_url)| ResourceSpans { resource, scope_spans, schema_url });
    vec(resource_spans, 0..3).prop_map(|resource_spans| ExportTraceServiceRequest { resource_spans })
}
