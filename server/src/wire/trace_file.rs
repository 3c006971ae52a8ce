//! A trace from a file somebody kept: OTLP JSON, or the JSON of Jaeger's UI and API. Read for looking at; nothing
//! here leads to storage, and nothing is refused for what a stored span would be refused for.

use std::collections::HashMap;

use model::{
    AttrValue, Attrs, Event, Link, Nanos, Origin, Span, SpanId, SpanKind, Status, Timestamp, TraceId,
};
use serde_json::Value;
use thiserror::Error;

use super::otlp::{UNKNOWN_SERVICE, decode, json};

#[derive(Debug, Error)]
pub enum Unreadable {
    #[error("{0}")]
    NotJson(#[from] json::NotJson),
    #[error("the spans in it cannot be read: {0}")]
    Malformed(String),
    #[error("it is neither OTLP JSON (resourceSpans) nor Jaeger JSON (data, with spans and processes)")]
    UnknownFormat,
    #[error("there are no spans in it")]
    Empty,
}

/// The spans of the largest trace in a file.
pub fn read(file: &[u8]) -> Result<Vec<Span>, Unreadable> {
    let spans = match serde_json::from_slice::<Value>(file).map_err(json::NotJson::from)? {
        Value::Object(whole) if whole.contains_key("resourceSpans") => {
            let request = json::convert(file)?;
            decode::decode(&request.body).map_err(|error| Unreadable::Malformed(error.to_string()))?
        }
        Value::Object(whole) => match (&whole.get("data"), whole.get("spans")) {
            (Some(Value::Array(traces)), _) => traces.iter().flat_map(jaeger_trace).collect(),
            (_, Some(Value::Array(_))) => jaeger_trace(&Value::Object(whole)),
            _ => return Err(Unreadable::UnknownFormat),
        },
        Value::Array(traces) => traces.iter().flat_map(jaeger_trace).collect(),
        _ => return Err(Unreadable::UnknownFormat),
    };
    let mut counts: HashMap<TraceId, usize> = HashMap::new();
    for span in &spans {
        *counts.entry(span.trace_id).or_default() += 1;
    }
    let largest = counts.into_iter().max_by_key(|(id, count)| (*count, std::cmp::Reverse(*id)));
    let (id, _) = largest.ok_or(Unreadable::Empty)?;
    Ok(spans.into_iter().filter(|span| span.trace_id == id).collect())
}

fn jaeger_trace(trace: &Value) -> Vec<Span> {
    let list = trace["spans"].as_array().map_or(&[][..], Vec::as_slice);
    list.iter().map(|span| jaeger_span(span, &trace["processes"])).collect()
}

fn jaeger_span(span: &Value, processes: &Value) -> Span {
    let process = match &span["process"] {
        Value::Null => &processes[text(&span["processID"])],
        own => own,
    };
    let mut attributes = tags(&span["tags"]);
    let mut take = |key: &str| {
        let at = attributes.iter().position(|(name, _)| name == key)?;
        Some(attributes.remove(at).1)
    };
    let word = |value: Option<AttrValue>| match value {
        Some(AttrValue::Str(text)) => text.to_lowercase(),
        Some(AttrValue::Bool(true)) => "true".to_owned(),
        _ => String::new(),
    };
    let kind = word(take("span.kind"));
    let (failed, code) = (word(take("error")), word(take("otel.status_code")));
    let message = word_as_is(take("otel.status_description"));
    let scope = [take("otel.scope.name").or_else(|| take("otel.library.name")), take("otel.scope.version")];
    let [scope_name, scope_version] = scope.map(word_as_is);
    let (parent_id, links) = references(span);
    let service = text(&process["serviceName"]);
    Span {
        trace_id: trace_id(&span["traceID"]),
        span_id: span_id(&span["spanID"]),
        parent_id,
        service: if service.is_empty() { UNKNOWN_SERVICE.to_owned() } else { service.to_owned() },
        operation: text(&span["operationName"]).to_owned(),
        kind: (1..=5).map(SpanKind::from_number).find(|k| k.name() == kind).unwrap_or_default(),
        start: Timestamp(micros(&span["startTime"])),
        duration: Nanos(micros(&span["duration"])),
        status: match (failed.as_str(), code.as_str()) {
            ("true", _) | (_, "error") => Status::Error,
            (_, "ok") => Status::Ok,
            _ => Status::Unset,
        },
        status_message: message,
        flags: span["flags"].as_u64().unwrap_or(0) as u32,
        attributes,
        events: list(&span["logs"]).iter().map(log).collect(),
        links,
        origin: Origin { resource: tags(&process["tags"]), scope_name, scope_version, ..Origin::default() },
        ..Span::default()
    }
}

/// The parent is the first reference within the trace; every other reference is a link.
fn references(span: &Value) -> (SpanId, Vec<Link>) {
    let mut parent = span_id(&span["parentSpanID"]);
    let mut links = Vec::new();
    for reference in list(&span["references"]) {
        let (of, id) = (trace_id(&reference["traceID"]), span_id(&reference["spanID"]));
        if !parent.is_valid() && of == trace_id(&span["traceID"]) {
            parent = id;
        } else if id != parent {
            links.push(Link { trace_id: of, span_id: id, ..Link::default() });
        }
    }
    (parent, links)
}

fn log(log: &Value) -> Event {
    let mut attributes = tags(&log["fields"]);
    let at = attributes.iter().position(|(key, _)| key == "event");
    let name = at.map(|at| word_as_is(Some(attributes.remove(at).1))).unwrap_or_else(|| "log".to_owned());
    Event { time: Timestamp(micros(&log["timestamp"])), name, attributes, dropped_attributes: 0 }
}

fn tags(tags: &Value) -> Attrs {
    list(tags).iter().map(|tag| (text(&tag["key"]).to_owned(), tag_value(&tag["value"]))).collect()
}

fn tag_value(value: &Value) -> AttrValue {
    match value {
        Value::Null => AttrValue::Empty,
        Value::Bool(yes) => AttrValue::Bool(*yes),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => AttrValue::Int(whole),
            None => AttrValue::Double(number.as_f64().unwrap_or(0.0)),
        },
        Value::String(text) => AttrValue::Str(text.clone()),
        other => AttrValue::Str(other.to_string()),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

fn word_as_is(value: Option<AttrValue>) -> String {
    match value {
        Some(AttrValue::Str(text)) => text,
        _ => String::new(),
    }
}

fn micros(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0).saturating_mul(1_000)
}

/// Jaeger leaves out leading zeros.
fn trace_id(value: &Value) -> TraceId {
    u128::from_str_radix(text(value), 16).map(|id| TraceId(id.to_be_bytes())).unwrap_or_default()
}

fn span_id(value: &Value) -> SpanId {
    u64::from_str_radix(text(value), 16).map(SpanId).unwrap_or_default()
}

#[cfg(test)]
mod tests;
