//! The public JSON of spans and traces, the same wherever it is printed: by the API and by "copy as JSON".
//!
//! Nanoseconds are strings, and so are integers beyond 2^53, because JavaScript would round them. Bytes are
//! `{"bytes": base64}`. Ids are lower-case hexadecimal.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::log::LogLine;
use crate::trace::TraceStatus;
use crate::view::{Anomaly, Changed, MatchedSpan, Matches, Measure, TraceSummary};
use crate::{AttrValue, Event, Link, Span};

/// The largest integer a JavaScript number holds exactly.
const MAX_SAFE_INTEGER: i64 = (1 << 53) - 1;

pub fn base64_of(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub fn bytes_of_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

pub fn attr_json(value: &AttrValue) -> Value {
    match value {
        AttrValue::Empty => Value::Null,
        AttrValue::Str(s) => json!(s),
        AttrValue::Bool(b) => json!(b),
        AttrValue::Int(i) if i.abs_diff(0) <= MAX_SAFE_INTEGER as u64 => json!(i),
        AttrValue::Int(i) => json!(i.to_string()),
        AttrValue::Double(d) if d.is_finite() => json!(d),
        AttrValue::Double(d) => json!(d.to_string()),
        AttrValue::Bytes(bytes) => json!({ "bytes": base64_of(bytes) }),
        AttrValue::Array(items) => items.iter().map(attr_json).collect(),
        AttrValue::Map(entries) => attrs_json(entries),
    }
}

pub fn attrs_json(attrs: &[(String, AttrValue)]) -> Value {
    Value::Object(attrs.iter().map(|(k, v)| (k.clone(), attr_json(v))).collect::<Map<_, _>>())
}

pub fn anomaly(anomaly: &Anomaly) -> Value {
    json!({
        "id": anomaly.id,
        "state": if anomaly.closed.is_some() { "closed" } else { "open" },
        "start_unix_ns": anomaly.start.0.to_string(),
        "last_seen_unix_ns": anomaly.last_seen.0.to_string(),
        "closed_unix_ns": anomaly.closed.map(|at| at.0.to_string()),
        "reason": anomaly.reason(),
        "origin": changed(&anomaly.origin),
        "affected": anomaly.affected.iter().map(changed).collect::<Vec<_>>(),
        "size": anomaly.size,
        "confidence": anomaly.confidence,
        "trace_ids": anomaly.traces.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

/// Durations in milliseconds, everything else as it is.
fn changed(changed: &Changed) -> Value {
    let is_length = matches!(changed.measure, Measure::OwnTime | Measure::Duration | Measure::Lag);
    let figure = |value: f64| if is_length { value / 1e6 } else { value };
    json!({
        "service": changed.service,
        "operation": changed.operation,
        "kind": changed.kind.name(),
        "peer": changed.peer,
        "measure": changed.measure.name(),
        "unit": if is_length { "ms" } else { changed.measure.unit() },
        "now": figure(changed.now),
        "usual": figure(changed.usual),
        "calls": changed.calls,
        "words": changed.words(),
    })
}

pub fn span_json(span: &Span) -> Value {
    json!({
        "trace_id": span.trace_id.to_string(),
        "span_id": span.span_id.to_string(),
        "parent_span_id": if span.is_root() { Value::Null } else { json!(span.parent_id.to_string()) },
        "service_name": span.service,
        "operation_name": span.operation,
        "kind": span.kind.name(),
        "start_time_unix_ns": span.start.0.to_string(),
        "duration_ns": span.duration.0.to_string(),
        "duration_ms": span.duration.as_millis_f64(),
        "status": span.status.name(),
        "status_message": span.status_message,
        "attributes": attrs_json(&span.attributes),
        "resource_attributes": attrs_json(&span.origin.resource),
        "resource_schema_url": span.origin.resource_schema_url,
        "scope": {
            "name": span.origin.scope_name,
            "version": span.origin.scope_version,
            "attributes": attrs_json(&span.origin.scope),
            "schema_url": span.origin.scope_schema_url,
            "dropped_attributes_count": span.origin.scope_dropped_attributes,
        },
        "trace_state": span.trace_state,
        "flags": span.flags,
        "events": span.events.iter().map(event_json).collect::<Vec<_>>(),
        "links": span.links.iter().map(link_json).collect::<Vec<_>>(),
        "dropped_attributes_count": span.dropped_attributes,
        "dropped_events_count": span.dropped_events,
        "dropped_links_count": span.dropped_links,
        "resource_dropped_attributes_count": span.origin.resource_dropped_attributes,
        "notes": span.notes,
    })
}

pub fn log_json(line: &LogLine) -> Value {
    json!({
        "time_unix_ns": line.time.0.to_string(),
        "observed_time_unix_ns": line.observed.0.to_string(),
        "trace_id": if line.trace_id.is_valid() { json!(line.trace_id.to_string()) } else { Value::Null },
        "span_id": if line.span_id.is_valid() { json!(line.span_id.to_string()) } else { Value::Null },
        "service_name": line.service,
        "severity": line.severity.name(),
        "severity_number": line.severity.0,
        "severity_text": line.severity_text,
        "event_name": line.event_name,
        "body": attr_json(&line.body),
        "attributes": attrs_json(&line.attributes),
        "dropped_attributes_count": line.dropped_attributes,
        "flags": line.flags,
        "resource_attributes": attrs_json(&line.origin.resource),
        "scope": {
            "name": line.origin.scope_name,
            "version": line.origin.scope_version,
            "attributes": attrs_json(&line.origin.scope),
        },
    })
}

fn event_json(event: &Event) -> Value {
    json!({
        "time_unix_ns": event.time.0.to_string(),
        "name": event.name,
        "attributes": attrs_json(&event.attributes),
        "dropped_attributes_count": event.dropped_attributes,
    })
}

fn link_json(link: &Link) -> Value {
    json!({
        "trace_id": link.trace_id.to_string(),
        "span_id": link.span_id.to_string(),
        "trace_state": link.trace_state,
        "flags": link.flags,
        "attributes": attrs_json(&link.attributes),
        "dropped_attributes_count": link.dropped_attributes,
    })
}

pub fn summary_json(summary: &TraceSummary) -> Value {
    json!({
        "trace_id": summary.trace_id.to_string(),
        "root_service": summary.root_service,
        "root_operation": summary.root_operation,
        "start_time_unix_ns": summary.start.0.to_string(),
        "duration_ms": summary.duration.as_millis_f64(),
        "span_count": summary.span_count,
        "error_count": summary.error_count,
        "orphan_count": summary.orphan_count,
        "status": summary.status.name(),
        "in_flight": summary.in_flight,
        "critical": summary.critical.as_ref().map(|c| json!({ "service": c.service, "share": f64::from(c.share) })),
        "services": summary.services.iter().map(|s| json!({
            "name": s.name, "span_count": s.span_count, "error_count": s.error_count,
        })).collect::<Vec<_>>(),
    })
}

pub fn matches_json(matches: &Matches) -> Value {
    let span = |span: &MatchedSpan| {
        json!({
            "span_id": span.span_id.to_string(),
            "start_time_unix_ns": span.start.0.to_string(),
            "duration_ms": span.duration.as_millis_f64(),
            "service_name": span.service,
            "operation_name": span.operation,
            "error": span.is_error,
            "fields": attrs_json(&span.fields),
        })
    };
    json!({ "span_count": matches.spans, "spans": matches.first.iter().map(span).collect::<Vec<_>>() })
}

/// A whole trace: its summary, and every span in order of start.
pub fn trace_json(summary: &TraceSummary, spans: &[Span]) -> Value {
    let mut whole = summary_json(summary);
    let root = spans.iter().find(|s| s.is_root());
    if let Some(fields) = whole.as_object_mut() {
        fields.insert("root_span".into(), root.map_or(Value::Null, span_json));
        fields.insert("spans".into(), spans.iter().map(span_json).collect());
    }
    whole
}

impl TraceStatus {
    pub fn name(self) -> &'static str {
        match self {
            TraceStatus::Ok => "ok",
            TraceStatus::Error => "error",
            TraceStatus::Partial => "partial",
        }
    }
}

#[cfg(test)]
mod tests;
