//! The simple JSON batch of `POST /v1/spans`, for scripts and for whoever has no SDK: an array of flat spans, or
//! `{"spans": [...]}`. Made into the protobuf bytes everything behind the door reads; a bad span is refused alone.

use std::collections::HashMap;
use std::fmt;

use model::{SpanId, TraceId};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Wire;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use prost::Message;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::otlp::json::fields::{self, Fault, Read, fault, object, present, text, unfit};
use super::otlp::json::{Converted, NotJson, plain_entries, put_message};
use super::otlp::refusal::{Reason, Unread};

pub fn convert(body: &[u8]) -> Result<Converted, NotJson> {
    let batch: Batch = serde_json::from_slice(body)?;
    let mut out = Vec::new();
    for (service, spans) in batch.services {
        let name = AnyValue { value: Some(Wire::StringValue(service)) };
        let name = KeyValue { key: "service.name".into(), value: Some(name), ..KeyValue::default() };
        let resource = Resource { attributes: vec![name], ..Resource::default() };
        let mut resource_spans = Vec::with_capacity(spans.len() + 64);
        put_message(1, &resource.encode_to_vec(), &mut resource_spans);
        put_message(2, &spans, &mut resource_spans);
        put_message(1, &resource_spans, &mut out);
    }
    Ok(Converted { body: out.into(), refused: batch.refused })
}

/// Spans as they are read: encoded at once, kept by service in the order the services appeared.
#[derive(Default)]
struct Batch {
    services: Vec<(String, Vec<u8>)>,
    by_name: HashMap<String, usize>,
    refused: Unread,
    seen: u32,
}

impl Batch {
    fn take(&mut self, value: &Value) {
        match span(value) {
            Ok((service, span)) => put_message(2, &span.encode_to_vec(), self.spans_of(service)),
            Err(Fault { reason, detail }) => {
                let index = self.seen;
                let service = value.get("service_name").and_then(Value::as_str).unwrap_or("");
                self.refused.add(service, reason, 1, || format!("span {index}: {detail}"));
            }
        }
        self.seen += 1;
    }

    fn spans_of(&mut self, service: String) -> &mut Vec<u8> {
        let index = *self.by_name.entry(service.clone()).or_insert_with(|| {
            self.services.push((service, Vec::new()));
            self.services.len() - 1
        });
        &mut self.services[index].1
    }
}

impl<'de> Deserialize<'de> for Batch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BatchVisitor)
    }
}

struct BatchVisitor;

impl<'de> Visitor<'de> for BatchVisitor {
    type Value = Batch;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of spans or an object with the array 'spans'")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Batch, A::Error> {
        let mut batch = Batch::default();
        while let Some(value) = items.next_element::<Value>()? {
            batch.take(&value);
        }
        Ok(batch)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Batch, A::Error> {
        let mut batch = None;
        while let Some(key) = entries.next_key::<String>()? {
            if key == "spans" {
                batch = Some(entries.next_value::<Spans>()?.0);
            } else {
                entries.next_value::<IgnoredAny>()?;
            }
        }
        batch.ok_or_else(|| serde::de::Error::missing_field("spans"))
    }
}

/// The array inside the object, which may not be an object again.
struct Spans(Batch);

impl<'de> Deserialize<'de> for Spans {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(BatchVisitor).map(Spans)
    }
}

/// One span and the service that made it.
fn span(value: &Value) -> Read<(String, Span)> {
    let fields = object("span", value)?;
    let start = fields::unsigned(fields, "start_time_unix_ns")?;
    let span = Span {
        trace_id: trace_id(fields)?.0.to_vec(),
        span_id: span_id(fields, "span_id", Reason::InvalidSpanId)?,
        parent_span_id: match present(fields, "parent_span_id") {
            None => Vec::new(),
            Some(Value::String(text)) if text.is_empty() => Vec::new(),
            Some(_) => span_id(fields, "parent_span_id", Reason::InvalidParentId)?,
        },
        name: required(fields, "operation_name")?,
        kind: kind(fields)?,
        start_time_unix_nano: start,
        end_time_unix_nano: end(fields, start)?,
        attributes: match present(fields, "tags") {
            None => Vec::new(),
            Some(tags) => plain_entries(object("tags", tags)?, 0)?,
        },
        status: Some(Status { code: status(fields)?, message: text(fields, "status_message")? }),
        ..Span::default()
    };
    Ok((required(fields, "service_name")?, span))
}

fn required(fields: &Map<String, Value>, key: &str) -> Read<String> {
    let text = text(fields, key)?;
    if text.is_empty() { fault(Reason::InvalidField, format!("'{key}' is missing")) } else { Ok(text) }
}

fn trace_id(fields: &Map<String, Value>) -> Read<TraceId> {
    let text = text(fields, "trace_id").map_err(|fault| Fault { reason: Reason::InvalidTraceId, ..fault })?;
    text.parse().or_else(|error| fault(Reason::InvalidTraceId, format!("'trace_id': {error}")))
}

fn span_id(fields: &Map<String, Value>, key: &str, reason: Reason) -> Read<Vec<u8>> {
    let text = text(fields, key).map_err(|fault| Fault { reason, ..fault })?;
    match text.parse::<SpanId>() {
        Ok(id) => Ok(id.to_bytes().to_vec()),
        Err(error) => fault(reason, format!("'{key}': {error}")),
    }
}

/// The end that a duration in milliseconds, exact to the nanosecond, leads to.
fn end(fields: &Map<String, Value>, start: u64) -> Read<u64> {
    let Some(value) = present(fields, "duration_ms") else {
        return fault(Reason::InvalidField, "'duration_ms' is missing");
    };
    let nanos = (fields::double("duration_ms", value)? * 1e6).round();
    if (0.0..=i64::MAX as f64).contains(&nanos) {
        Ok(start.saturating_add(nanos as u64))
    } else {
        unfit("duration_ms", value, "a number of milliseconds from 0 on")
    }
}

fn status(fields: &Map<String, Value>) -> Read<i32> {
    by_name(fields, "status", &["unset", "ok", "error"])
}

fn kind(fields: &Map<String, Value>) -> Read<i32> {
    by_name(fields, "kind", &["unspecified", "internal", "server", "client", "producer", "consumer"])
}

/// The place of a name, in any case, among those there are; absent is the first.
fn by_name(fields: &Map<String, Value>, key: &str, names: &[&str]) -> Read<i32> {
    let text = text(fields, key)?;
    let places = (0i32..).zip(names);
    let place = places.into_iter().find(|(_, name)| text.is_empty() || name.eq_ignore_ascii_case(&text));
    place.map_or_else(|| unfit(key, &fields[key], &format!("one of {}", names.join(", "))), |(at, _)| Ok(at))
}

#[cfg(test)]
mod tests;
