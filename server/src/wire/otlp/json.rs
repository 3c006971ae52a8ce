//! OTLP in JSON, made into the protobuf bytes everything behind the door reads.
//!
//! Protobuf's JSON mapping as OTLP bends it (ids in hexadecimal), and lenient beyond: enumerations by number or
//! name, numbers as numbers or strings, null as absent, unknown fields ignored. A span that cannot be read is
//! refused alone. What the ids and times are worth is for `check` to say.

use bytes::Bytes;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList, any_value,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};
use serde::Deserialize;
use serde_json::{Map, Value};
use thiserror::Error;

use super::refusal::{Reason, Unread};
use crate::limits::ATTRIBUTE_MAX_DEPTH;

pub(in crate::wire) mod fields;
pub(in crate::wire) mod list;
pub mod logs;

use fields::{Fault, Read, fault, object, present, text, unfit};
use list::{Element, Encoded, List};

/// The body as a whole is not what it should be; the text names line and column.
#[derive(Debug, Error)]
#[error("the body is not the JSON it should be: {0}")]
pub struct NotJson(#[from] serde_json::Error);

/// A request made from JSON.
#[derive(Debug, Default)]
pub struct Converted {
    /// An encoded `ExportTraceServiceRequest`, not yet checked.
    pub body: Bytes,
    /// The spans that could not be read.
    pub refused: Unread,
}

pub fn convert(body: &[u8]) -> Result<Converted, NotJson> {
    let request: Request = serde_json::from_slice(body)?;
    let Encoded { bytes, refused, .. } = request.resource_spans.unwrap_or_default().encoded;
    Ok(Converted { body: bytes.into(), refused })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    resource_spans: Option<List<ResourceSpans>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans {
    resource: Option<Value>,
    scope_spans: Option<List<ScopeSpans>>,
    schema_url: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ScopeSpans {
    scope: Option<Value>,
    spans: Option<List<AnySpan>>,
    schema_url: Option<String>,
}

#[derive(Deserialize)]
#[serde(transparent)]
struct AnySpan(Value);

impl Element for ResourceSpans {
    fn put(self, _index: u32, list: &mut Encoded) {
        let service = self.resource.as_ref().map_or("", service_of);
        let head = self.resource.as_ref().map(|value| resource(value).map(|r| r.encode_to_vec()));
        put_group(1, (head, service), self.scope_spans.unwrap_or_default().encoded, self.schema_url, list);
    }
}

impl Element for ScopeSpans {
    fn put(self, _index: u32, list: &mut Encoded) {
        let head = self.scope.as_ref().map(|value| scope(value).map(|s| s.encode_to_vec()));
        put_group(2, (head, ""), self.spans.unwrap_or_default().encoded, self.schema_url, list);
    }
}

impl Element for AnySpan {
    fn put(self, index: u32, list: &mut Encoded) {
        match span(&self.0) {
            Ok(span) => {
                put_message(2, &span.encode_to_vec(), &mut list.bytes);
                list.spans += 1;
            }
            Err(Fault { reason, detail }) => {
                list.refused.add("", reason, 1, || format!("span {index} of its scope: {detail}"));
            }
        }
    }
}

/// Encodes a ResourceSpans (field 1 of its parent) or ScopeSpans (field 2): what all share, then the list under it.
fn put_group(
    field: u32,
    (head, service): (Option<Read<Vec<u8>>>, &str),
    under: Encoded,
    schema_url: Option<String>,
    list: &mut Encoded,
) {
    list.refused.extend(service, under.refused);
    let mut group = Vec::with_capacity(under.bytes.len() + 256);
    match head {
        Some(Err(Fault { reason, detail })) => {
            return list.refused.add(service, reason, under.spans, || detail);
        }
        Some(Ok(bytes)) => put_message(1, &bytes, &mut group),
        None => {}
    }
    list.spans += under.spans;
    group.extend(under.bytes);
    if let Some(schema_url) = schema_url {
        put_message(3, schema_url.as_bytes(), &mut group);
    }
    put_message(field, &group, &mut list.bytes);
}

/// A field that has a length: a message or a text.
pub(in crate::wire) fn put_message(field: u32, bytes: &[u8], out: &mut Vec<u8>) {
    encode_key(field, WireType::LengthDelimited, out);
    encode_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// The service a resource names, however wrong the rest of it is.
fn service_of(resource: &Value) -> &str {
    let attributes = resource.get("attributes").and_then(Value::as_array).into_iter().flatten();
    let mut named =
        attributes.filter(|attribute| attribute.get("key").is_some_and(|key| key == "service.name"));
    named.find_map(|attribute| attribute.pointer("/value/stringValue")?.as_str()).unwrap_or("")
}

fn resource(value: &Value) -> Read<Resource> {
    let fields = object("resource", value)?;
    Ok(Resource {
        attributes: attributes(fields)?,
        dropped_attributes_count: fields::unsigned32(fields, "droppedAttributesCount")?,
        ..Resource::default()
    })
}

fn scope(value: &Value) -> Read<InstrumentationScope> {
    let fields = object("scope", value)?;
    Ok(InstrumentationScope {
        name: text(fields, "name")?,
        version: text(fields, "version")?,
        attributes: attributes(fields)?,
        dropped_attributes_count: fields::unsigned32(fields, "droppedAttributesCount")?,
    })
}

fn span(value: &Value) -> Read<Span> {
    let fields = object("span", value)?;
    Ok(Span {
        trace_id: fields::hex(fields, "traceId", Reason::InvalidTraceId)?,
        span_id: fields::hex(fields, "spanId", Reason::InvalidSpanId)?,
        parent_span_id: fields::hex(fields, "parentSpanId", Reason::InvalidParentId)?,
        trace_state: text(fields, "traceState")?,
        flags: fields::unsigned32(fields, "flags")?,
        name: text(fields, "name")?,
        kind: fields::named(fields, "kind", |name| SpanKind::from_str_name(name).map(i32::from))?,
        start_time_unix_nano: fields::unsigned(fields, "startTimeUnixNano")?,
        end_time_unix_nano: fields::unsigned(fields, "endTimeUnixNano")?,
        attributes: attributes(fields)?,
        dropped_attributes_count: fields::unsigned32(fields, "droppedAttributesCount")?,
        events: fields::list(fields, "events", event)?,
        dropped_events_count: fields::unsigned32(fields, "droppedEventsCount")?,
        links: fields::list(fields, "links", link)?,
        dropped_links_count: fields::unsigned32(fields, "droppedLinksCount")?,
        status: present(fields, "status").map(status).transpose()?,
    })
}

fn event(value: &Value) -> Read<Event> {
    let fields = object("event", value)?;
    Ok(Event {
        time_unix_nano: fields::unsigned(fields, "timeUnixNano")?,
        name: text(fields, "name")?,
        attributes: attributes(fields)?,
        dropped_attributes_count: fields::unsigned32(fields, "droppedAttributesCount")?,
    })
}

fn link(value: &Value) -> Read<Link> {
    let fields = object("link", value)?;
    Ok(Link {
        trace_id: fields::hex(fields, "traceId", Reason::InvalidField)?,
        span_id: fields::hex(fields, "spanId", Reason::InvalidField)?,
        trace_state: text(fields, "traceState")?,
        attributes: attributes(fields)?,
        dropped_attributes_count: fields::unsigned32(fields, "droppedAttributesCount")?,
        flags: fields::unsigned32(fields, "flags")?,
    })
}

fn status(value: &Value) -> Read<Status> {
    let fields = object("status", value)?;
    Ok(Status {
        message: text(fields, "message")?,
        code: fields::named(fields, "code", |name| StatusCode::from_str_name(name).map(i32::from))?,
    })
}

fn attributes(fields: &Map<String, Value>) -> Read<Vec<KeyValue>> {
    fields::list(fields, "attributes", |value| key_value(value, 0))
}

fn key_value(value: &Value, depth: usize) -> Read<KeyValue> {
    let fields = object("attribute", value)?;
    Ok(KeyValue {
        key: text(fields, "key")?,
        value: present(fields, "value").map(|value| any_value(value, depth)).transpose()?,
        ..KeyValue::default()
    })
}

/// The first kind of value that is there.
fn any_value(value: &Value, depth: usize) -> Read<AnyValue> {
    if depth > ATTRIBUTE_MAX_DEPTH {
        return fault(Reason::TooDeep, "an attribute's value");
    }
    let fields = object("value", value)?;
    for (key, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
        let value = match key.as_str() {
            "stringValue" => any_value::Value::StringValue(text(fields, key)?),
            "boolValue" => any_value::Value::BoolValue(fields::boolean(key, value)?),
            "intValue" => any_value::Value::IntValue(fields::signed(key, value)?),
            "doubleValue" => any_value::Value::DoubleValue(fields::double(key, value)?),
            "bytesValue" => any_value::Value::BytesValue(fields::base64(key, value)?),
            "arrayValue" => {
                let values = fields::list(object(key, value)?, "values", |v| any_value(v, depth + 1))?;
                any_value::Value::ArrayValue(ArrayValue { values })
            }
            "kvlistValue" => {
                let values = fields::list(object(key, value)?, "values", |v| key_value(v, depth + 1))?;
                any_value::Value::KvlistValue(KeyValueList { values })
            }
            _ => continue,
        };
        return Ok(AnyValue { value: Some(value) });
    }
    Ok(AnyValue { value: None })
}

/// A plain JSON value as an attribute's value: objects become maps, whole numbers integers.
pub(in crate::wire) fn plain_value(key: &str, value: &Value, depth: usize) -> Read<AnyValue> {
    if depth > ATTRIBUTE_MAX_DEPTH {
        return fault(Reason::TooDeep, format!("'{key}'"));
    }
    let value = match value {
        Value::Null => return Ok(AnyValue { value: None }),
        Value::Bool(yes) => any_value::Value::BoolValue(*yes),
        Value::String(text) => any_value::Value::StringValue(text.clone()),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => any_value::Value::IntValue(whole),
            (None, Some(double)) => any_value::Value::DoubleValue(double),
            (None, None) => return unfit(key, value, "a number of 64 bits"),
        },
        Value::Array(items) => {
            let values =
                items.iter().map(|item| plain_value(key, item, depth + 1)).collect::<Read<Vec<_>>>()?;
            any_value::Value::ArrayValue(ArrayValue { values })
        }
        Value::Object(entries) => match plain_bytes(entries) {
            Some(bytes) => any_value::Value::BytesValue(bytes),
            None => {
                any_value::Value::KvlistValue(KeyValueList { values: plain_entries(entries, depth + 1)? })
            }
        },
    };
    Ok(AnyValue { value: Some(value) })
}

pub(in crate::wire) fn plain_entries(entries: &Map<String, Value>, depth: usize) -> Read<Vec<KeyValue>> {
    let entry = |(key, value): (&String, &Value)| {
        let value = Some(plain_value(key, value, depth)?);
        Ok(KeyValue { key: key.clone(), value, ..KeyValue::default() })
    };
    entries.iter().map(entry).collect()
}

/// Bytes as our own JSON writes them: `{"bytes": base64}` and nothing else.
fn plain_bytes(entries: &Map<String, Value>) -> Option<Vec<u8>> {
    let bytes = entries.get("bytes").filter(|_| entries.len() == 1)?;
    fields::base64("bytes", bytes).ok()
}

#[cfg(test)]
mod tests;
