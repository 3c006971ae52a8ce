//! Spans of the model as an OTLP request: what the demo, the load driver and the JSON and Zipkin doors send on.
//!
//! Nothing of OTLP is lost. `Span::notes` are Skein's own words and have no place in OTLP.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use model::{AttrValue, Attrs, Event, Link, Origin, Span};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1 as common;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1 as wire;

const SERVICE_NAME: &str = "service.name";

/// One request holding these spans, grouped by who made them, in the order in which each first appears.
pub fn encode(spans: &[Span]) -> ExportTraceServiceRequest {
    let mut groups = Groups::default();
    for span in spans {
        groups.scope_of(span).spans.push(span_to_wire(span));
    }
    ExportTraceServiceRequest { resource_spans: groups.resources }
}

/// Each resource with its spans as OTLP's JSON: the elements of a request's `resourceSpans`.
pub fn json(spans: &[Span]) -> Vec<String> {
    let resources = encode(spans).resource_spans;
    resources.iter().filter_map(|resource| serde_json::to_string(resource).ok()).collect()
}

/// Finds the place of an origin without comparing it with every other one.
#[derive(Default)]
struct Groups<'s> {
    resources: Vec<wire::ResourceSpans>,
    /// The first span of every group, and where the group is.
    firsts: Vec<(&'s Span, usize, usize)>,
    by_hash: HashMap<u64, Vec<usize>>,
}

impl<'s> Groups<'s> {
    fn scope_of(&mut self, span: &'s Span) -> &mut wire::ScopeSpans {
        let hash = hash_of(span);
        let known = self.by_hash.get(&hash).into_iter().flatten().map(|group| self.firsts[*group]);
        let found = known
            .into_iter()
            .find(|(first, ..)| first.service == span.service && first.origin == span.origin);
        let (resource, scope) = match found {
            Some((_, resource, scope)) => (resource, scope),
            None => self.add(span, hash),
        };
        &mut self.resources[resource].scope_spans[scope]
    }

    fn add(&mut self, span: &'s Span, hash: u64) -> (usize, usize) {
        let same = self.firsts.iter().find(|(first, ..)| is_same_resource(first, span));
        let resource = same.map_or(self.resources.len(), |(_, resource, _)| *resource);
        if resource == self.resources.len() {
            self.resources.push(resource_of(span));
        }
        let scopes = &mut self.resources[resource].scope_spans;
        scopes.push(scope_of(&span.origin));
        let scope = scopes.len() - 1;
        self.by_hash.entry(hash).or_default().push(self.firsts.len());
        self.firsts.push((span, resource, scope));
        (resource, scope)
    }
}

fn is_same_resource(a: &Span, b: &Span) -> bool {
    let (x, y) = (&a.origin, &b.origin);
    a.service == b.service
        && x.resource == y.resource
        && x.resource_schema_url == y.resource_schema_url
        && x.resource_dropped_attributes == y.resource_dropped_attributes
}

fn resource_of(span: &Span) -> wire::ResourceSpans {
    let origin = &span.origin;
    let mut attributes = attrs_to_wire(&origin.resource);
    // A span that names its service outside the resource must not come back as nobody's.
    if !span.service.is_empty() && !origin.resource.iter().any(|(key, _)| key == SERVICE_NAME) {
        attributes.push(key_value(SERVICE_NAME, &AttrValue::Str(span.service.clone())));
    }
    wire::ResourceSpans {
        resource: Some(Resource {
            attributes,
            dropped_attributes_count: origin.resource_dropped_attributes,
            ..Resource::default()
        }),
        scope_spans: Vec::new(),
        schema_url: origin.resource_schema_url.clone(),
    }
}

fn scope_of(origin: &Origin) -> wire::ScopeSpans {
    wire::ScopeSpans {
        scope: Some(common::InstrumentationScope {
            name: origin.scope_name.clone(),
            version: origin.scope_version.clone(),
            attributes: attrs_to_wire(&origin.scope),
            dropped_attributes_count: origin.scope_dropped_attributes,
        }),
        spans: Vec::new(),
        schema_url: origin.scope_schema_url.clone(),
    }
}

fn span_to_wire(span: &Span) -> wire::Span {
    wire::Span {
        trace_id: span.trace_id.0.to_vec(),
        span_id: span.span_id.to_bytes().to_vec(),
        trace_state: span.trace_state.clone(),
        parent_span_id: if span.is_root() { Vec::new() } else { span.parent_id.to_bytes().to_vec() },
        flags: span.flags,
        name: span.operation.clone(),
        kind: span.kind as i32,
        start_time_unix_nano: span.start.0,
        end_time_unix_nano: span.end().0,
        attributes: attrs_to_wire(&span.attributes),
        dropped_attributes_count: span.dropped_attributes,
        events: span.events.iter().map(event_to_wire).collect(),
        dropped_events_count: span.dropped_events,
        links: span.links.iter().map(link_to_wire).collect(),
        dropped_links_count: span.dropped_links,
        status: Some(wire::Status { message: span.status_message.clone(), code: span.status as i32 }),
    }
}

fn event_to_wire(event: &Event) -> wire::span::Event {
    wire::span::Event {
        time_unix_nano: event.time.0,
        name: event.name.clone(),
        attributes: attrs_to_wire(&event.attributes),
        dropped_attributes_count: event.dropped_attributes,
    }
}

fn link_to_wire(link: &Link) -> wire::span::Link {
    wire::span::Link {
        trace_id: link.trace_id.0.to_vec(),
        span_id: link.span_id.to_bytes().to_vec(),
        trace_state: link.trace_state.clone(),
        attributes: attrs_to_wire(&link.attributes),
        dropped_attributes_count: link.dropped_attributes,
        flags: link.flags,
    }
}

fn attrs_to_wire(attrs: &Attrs) -> Vec<common::KeyValue> {
    attrs.iter().map(|(key, value)| key_value(key, value)).collect()
}

fn key_value(key: &str, value: &AttrValue) -> common::KeyValue {
    common::KeyValue { key: key.to_owned(), value: Some(value_to_wire(value)), ..common::KeyValue::default() }
}

fn value_to_wire(value: &AttrValue) -> common::AnyValue {
    use common::any_value::Value;
    let value = match value {
        AttrValue::Empty => None,
        AttrValue::Str(s) => Some(Value::StringValue(s.clone())),
        AttrValue::Bool(b) => Some(Value::BoolValue(*b)),
        AttrValue::Int(i) => Some(Value::IntValue(*i)),
        AttrValue::Double(d) => Some(Value::DoubleValue(*d)),
        AttrValue::Bytes(bytes) => Some(Value::BytesValue(bytes.clone())),
        AttrValue::Array(items) => {
            Some(Value::ArrayValue(common::ArrayValue { values: items.iter().map(value_to_wire).collect() }))
        }
        AttrValue::Map(entries) => {
            Some(Value::KvlistValue(common::KeyValueList { values: attrs_to_wire(entries) }))
        }
    };
    common::AnyValue { value }
}

/// Tells most origins apart; whether two are the same is decided by comparing them.
fn hash_of(span: &Span) -> u64 {
    let mut hasher = DefaultHasher::new();
    span.service.hash(&mut hasher);
    span.origin.scope_name.hash(&mut hasher);
    span.origin.scope_version.hash(&mut hasher);
    for (_, value) in &span.origin.resource {
        match value {
            AttrValue::Str(s) => s.hash(&mut hasher),
            AttrValue::Int(i) => i.hash(&mut hasher),
            _ => {}
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests;
