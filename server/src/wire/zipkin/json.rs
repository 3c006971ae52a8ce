//! Zipkin's JSON: an array of spans, each read alone, so that a bad one is refused alone.

use std::fmt;
use std::net::IpAddr;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::{Annotation, Endpoint, Sent, ZipkinSpan};
use crate::wire::otlp::json::fields::{self, Fault, Read, fault, object, present, text, unfit};
use crate::wire::otlp::json::{NotJson, plain_entries, plain_value};
use crate::wire::otlp::refusal::{Reason, Unread};

const KINDS: [&str; 5] = ["", "CLIENT", "SERVER", "PRODUCER", "CONSUMER"];
const TRACE_ID_DIGITS: usize = 32;
const SPAN_ID_DIGITS: usize = 16;

pub(super) fn read(body: &[u8]) -> Result<(Vec<Sent>, Unread), NotJson> {
    let Batch(spans, refused) = serde_json::from_slice(body)?;
    Ok((spans, refused))
}

/// An annotation of the form `{"name": {attributes}}`.
pub(super) fn named_attributes(text: &str) -> Option<(String, Vec<KeyValue>)> {
    if !text.starts_with('{') {
        return None;
    }
    let object: Map<String, Value> = serde_json::from_str(text).ok()?;
    let (name, attributes) = object.iter().next().filter(|_| object.len() == 1)?;
    Some((name.clone(), plain_entries(attributes.as_object()?, 0).ok()?))
}

struct Batch(Vec<Sent>, Unread);

impl<'de> Deserialize<'de> for Batch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(BatchVisitor)
    }
}

struct BatchVisitor;

impl<'de> Visitor<'de> for BatchVisitor {
    type Value = Batch;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of Zipkin spans")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Batch, A::Error> {
        let mut batch = Batch(Vec::new(), Unread::default());
        let mut index = 0;
        while let Some(value) = items.next_element::<Value>()? {
            match span(&value) {
                Ok(sent) => batch.0.push(sent),
                Err(Fault { reason, detail }) => {
                    let service =
                        value.pointer("/localEndpoint/serviceName").and_then(Value::as_str).unwrap_or("");
                    batch.1.add(service, reason, 1, || format!("span {index}: {detail}"));
                }
            }
            index += 1;
        }
        Ok(batch)
    }
}

fn span(value: &Value) -> Read<Sent> {
    let fields = object("span", value)?;
    let mut span = ZipkinSpan {
        trace_id: id(fields, "traceId", TRACE_ID_DIGITS, Reason::InvalidTraceId)?,
        parent_id: id(fields, "parentId", SPAN_ID_DIGITS, Reason::InvalidParentId)?,
        id: id(fields, "id", SPAN_ID_DIGITS, Reason::InvalidSpanId)?,
        kind: kind(fields)?,
        name: text(fields, "name")?,
        timestamp: fields::unsigned(fields, "timestamp")?,
        duration: fields::unsigned(fields, "duration")?,
        local_endpoint: endpoint(fields, "localEndpoint")?,
        remote_endpoint: endpoint(fields, "remoteEndpoint")?,
        annotations: fields::list(fields, "annotations", annotation)?,
        debug: flag(fields, "debug")?,
        shared: flag(fields, "shared")?,
        ..ZipkinSpan::default()
    };
    let mut typed = Vec::new();
    if let Some(tags) = present(fields, "tags") {
        for (key, value) in object("tags", tags)? {
            match value {
                Value::String(text) => {
                    span.tags.insert(key.clone(), text.clone());
                }
                other => typed.push(KeyValue {
                    key: key.clone(),
                    value: Some(plain_value(key, other, 0)?),
                    ..KeyValue::default()
                }),
            }
        }
    }
    Ok(Sent { span, typed })
}

/// Hexadecimal digits of either case; leading zeros may be missing. Absent is empty.
fn id(fields: &Map<String, Value>, key: &str, digits: usize, reason: Reason) -> Read<Vec<u8>> {
    let text = text(fields, key).map_err(|fault| Fault { reason, ..fault })?;
    if text.is_empty() {
        return Ok(Vec::new());
    }
    match u128::from_str_radix(&text, 16) {
        Ok(number) if text.len() <= digits && !text.starts_with('+') => {
            let bytes = number.to_be_bytes();
            Ok(bytes[bytes.len() - digits / 2..].to_vec())
        }
        _ => fault(reason, format!("'{key}' is not an id of at most {digits} hexadecimal digits")),
    }
}

fn kind(fields: &Map<String, Value>) -> Read<i32> {
    let text = text(fields, "kind")?;
    let place = (0i32..).zip(KINDS).find(|(_, name)| name.eq_ignore_ascii_case(&text));
    place.map_or_else(|| unfit("kind", &fields["kind"], "one that Zipkin has"), |(at, _)| Ok(at))
}

fn flag(fields: &Map<String, Value>, key: &str) -> Read<bool> {
    present(fields, key).map_or(Ok(false), |value| fields::boolean(key, value))
}

fn annotation(value: &Value) -> Read<Annotation> {
    let fields = object("annotation", value)?;
    Ok(Annotation { timestamp: fields::unsigned(fields, "timestamp")?, value: text(fields, "value")? })
}

fn endpoint(fields: &Map<String, Value>, key: &str) -> Read<Option<Endpoint>> {
    let Some(value) = present(fields, key) else { return Ok(None) };
    let fields = object(key, value)?;
    let mut endpoint = Endpoint {
        service_name: text(fields, "serviceName")?,
        port: fields::unsigned(fields, "port")?.try_into().unwrap_or(0),
        ..Endpoint::default()
    };
    for key in ["ipv4", "ipv6"] {
        // An address that is none says nothing about the span.
        match text(fields, key)?.parse() {
            Ok(IpAddr::V4(address)) => endpoint.ipv4 = address.octets().to_vec(),
            Ok(IpAddr::V6(address)) => endpoint.ipv6 = address.octets().to_vec(),
            Err(_) => {}
        }
    }
    Ok(Some(endpoint))
}
