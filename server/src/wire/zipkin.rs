//! Zipkin v2 spans, in JSON and protobuf, made into the protobuf bytes everything behind the door reads.
//!
//! What has no place of its own in OTLP becomes an attribute. A server span that shares its client's id (B3's old
//! habit) gets an id of its own under the client span, made from the shared one, so that a request sent twice gives
//! the same ids; spans of the same service that came with it and call the shared id their parent move under it.

use std::collections::{BTreeMap, HashMap, HashSet};

use opentelemetry_proto::tonic::common::v1::any_value::Value as Wire;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, SpanKind};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use xxhash_rust::xxh3::Xxh3;

use super::otlp::json::{Converted, NotJson, put_message};
use super::otlp::refusal::{Reason, Unread};
use super::otlp::view::{Malformed, Reader, next_of};

mod json;
mod tags;

use tags::Tags;

const CLIENT: i32 = 1;
const SERVER: i32 = 2;
const SAMPLED: u32 = 1;

/// A JSON array of spans.
pub fn convert_json(body: &[u8]) -> Result<Converted, NotJson> {
    let (spans, refused) = json::read(body)?;
    Ok(to_otlp(spans, refused))
}

/// A `zipkin.proto3.ListOfSpans`.
pub fn convert_protobuf(body: &[u8]) -> Result<Converted, Malformed> {
    let mut spans = Vec::new();
    let mut refused = Unread::default();
    let mut reader = Reader::new(body);
    let mut index = 0;
    while let Some(bytes) = next_of(&mut reader, 1)? {
        match ZipkinSpan::decode(bytes) {
            Ok(span) => spans.push(Sent { span, typed: Vec::new() }),
            Err(error) => refused.add("", Reason::Malformed, 1, || format!("span {index}: {error}")),
        }
        index += 1;
    }
    Ok(to_otlp(spans, refused))
}

/// A span as it was sent, and those of its tags that were not text.
struct Sent {
    span: ZipkinSpan,
    typed: Vec<KeyValue>,
}

/// `zipkin.proto3.Span`; JSON is read into the same shape. Times are microseconds.
#[derive(Clone, PartialEq, Message)]
struct ZipkinSpan {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    parent_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    id: Vec<u8>,
    #[prost(int32, tag = "4")]
    kind: i32,
    #[prost(string, tag = "5")]
    name: String,
    #[prost(fixed64, tag = "6")]
    timestamp: u64,
    #[prost(uint64, tag = "7")]
    duration: u64,
    #[prost(message, optional, tag = "8")]
    local_endpoint: Option<Endpoint>,
    #[prost(message, optional, tag = "9")]
    remote_endpoint: Option<Endpoint>,
    #[prost(message, repeated, tag = "10")]
    annotations: Vec<Annotation>,
    #[prost(btree_map = "string, string", tag = "11")]
    tags: BTreeMap<String, String>,
    #[prost(bool, tag = "12")]
    debug: bool,
    #[prost(bool, tag = "13")]
    shared: bool,
}

#[derive(Clone, PartialEq, Message)]
struct Endpoint {
    #[prost(string, tag = "1")]
    service_name: String,
    #[prost(bytes = "vec", tag = "2")]
    ipv4: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    ipv6: Vec<u8>,
    #[prost(int32, tag = "4")]
    port: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Annotation {
    #[prost(fixed64, tag = "1")]
    timestamp: u64,
    #[prost(string, tag = "2")]
    value: String,
}

impl ZipkinSpan {
    fn service(&self) -> &str {
        self.local_endpoint.as_ref().map_or("", |endpoint| &endpoint.service_name)
    }

    /// Ids at their full length, and no parent that names nothing: zeros or the span itself.
    fn set_ids_right(&mut self) {
        pad(&mut self.trace_id, 16);
        pad(&mut self.id, 8);
        pad(&mut self.parent_id, 8);
        if self.parent_id == self.id || self.parent_id == [0; 8] {
            self.parent_id.clear();
        }
    }
}

/// Older tracers leave out an id's leading zeros, and the first half of a trace id.
fn pad(id: &mut Vec<u8>, length: usize) {
    if !id.is_empty() && id.len() < length {
        id.splice(0..0, vec![0; length - id.len()]);
    }
}

fn to_otlp(mut sent: Vec<Sent>, refused: Unread) -> Converted {
    sent.iter_mut().for_each(|sent| sent.span.set_ids_right());
    split_shared(&mut sent);
    let mut resources: Vec<ResourceSpans> = Vec::new();
    let mut places: HashMap<(String, String, String), usize> = HashMap::new();
    for Sent { span, typed } in sent {
        let service = span.service().to_owned();
        let (span, scope) = to_span(span, typed);
        let at = *places.entry((service.clone(), scope.name.clone(), scope.version.clone())).or_insert_with(
            || {
                resources.push(group(service, scope));
                resources.len() - 1
            },
        );
        resources[at].scope_spans[0].spans.push(span);
    }
    let mut body = Vec::new();
    for resource in resources {
        put_message(1, &resource.encode_to_vec(), &mut body);
    }
    Converted { body: body.into(), refused }
}

fn group(service: String, scope: InstrumentationScope) -> ResourceSpans {
    let mut attributes = Vec::new();
    if !service.is_empty() {
        attributes.push(attribute("service.name", Wire::StringValue(service)));
    }
    let scope_spans = ScopeSpans { scope: Some(scope), ..ScopeSpans::default() };
    ResourceSpans {
        resource: Some(Resource { attributes, ..Resource::default() }),
        scope_spans: vec![scope_spans],
        ..ResourceSpans::default()
    }
}

// === Shared spans ===

/// Gives each server span that shares its client's id one of its own.
fn split_shared(sent: &mut [Sent]) {
    let clients: HashSet<(Vec<u8>, Vec<u8>)> = sent
        .iter()
        .filter(|sent| sent.span.kind == CLIENT)
        .map(|sent| (sent.span.trace_id.clone(), sent.span.id.clone()))
        .collect();
    let is_shared = |span: &ZipkinSpan| {
        let told = span.shared && span.kind != CLIENT;
        told || span.kind == SERVER && clients.contains(&(span.trace_id.clone(), span.id.clone()))
    };
    // The id, and the service in which it is the server's.
    let shared: HashSet<(Vec<u8>, Vec<u8>, String)> = sent
        .iter()
        .map(|sent| &sent.span)
        .filter(|span| is_shared(span))
        .map(|span| (span.trace_id.clone(), span.id.clone(), span.service().to_owned()))
        .collect();
    for Sent { span, .. } in sent {
        if is_shared(span) {
            span.parent_id = std::mem::take(&mut span.id);
            span.id = server_id(&span.trace_id, &span.parent_id);
        } else if shared.contains(&(span.trace_id.clone(), span.parent_id.clone(), span.service().to_owned()))
        {
            span.parent_id = server_id(&span.trace_id, &span.parent_id);
        }
    }
}

/// Always the same for the same shared id.
fn server_id(trace_id: &[u8], shared: &[u8]) -> Vec<u8> {
    let mut hash = Xxh3::new();
    hash.update(trace_id);
    hash.update(shared);
    hash.update(b"server");
    hash.digest().max(1).to_be_bytes().to_vec()
}

// === One span ===

fn to_span(sent: ZipkinSpan, typed: Vec<KeyValue>) -> (Span, InstrumentationScope) {
    let mut tags = Tags::new(sent.tags, typed);
    let scope = tags.take_scope();
    let status = tags.take_status();
    let trace_state = tags.take("w3c.tracestate").unwrap_or_default();
    if let Some(remote) = &sent.remote_endpoint {
        tags.add_text("peer.service", &remote.service_name);
        add_address(&mut tags, remote, "network.peer.address", "network.peer.port");
    }
    if let Some(local) = &sent.local_endpoint {
        add_address(&mut tags, local, "network.local.address", "network.local.port");
    }
    if sent.debug {
        tags.add("zipkin.debug", Wire::BoolValue(true));
    }
    let start = start_of(sent.timestamp, &sent.annotations);
    let span = Span {
        trace_id: sent.trace_id,
        span_id: sent.id,
        parent_span_id: sent.parent_id,
        trace_state,
        // Zipkin's senders report what they sampled.
        flags: SAMPLED,
        name: sent.name,
        kind: kind(sent.kind),
        start_time_unix_nano: start,
        // Without a duration it has no known end.
        end_time_unix_nano: if sent.duration == 0 { 0 } else { start.saturating_add(nanos(sent.duration)) },
        attributes: tags.into_attributes(),
        events: sent.annotations.into_iter().map(event).collect(),
        status: Some(status),
        ..Span::default()
    };
    (span, scope)
}

/// A span that does not say when it started started with the first thing noted in it.
fn start_of(timestamp: u64, annotations: &[Annotation]) -> u64 {
    let first = annotations.iter().map(|annotation| annotation.timestamp).filter(|time| *time > 0).min();
    nanos(if timestamp > 0 { timestamp } else { first.unwrap_or(0) })
}

fn nanos(micros: u64) -> u64 {
    micros.saturating_mul(1000)
}

/// Spans without a kind are Zipkin's local ones.
fn kind(kind: i32) -> i32 {
    let kind = match kind {
        CLIENT => SpanKind::Client,
        SERVER => SpanKind::Server,
        3 => SpanKind::Producer,
        4 => SpanKind::Consumer,
        _ => SpanKind::Internal,
    };
    kind.into()
}

/// An annotation's text is an event's name; OpenTelemetry's exporters put its attributes there too.
fn event(annotation: Annotation) -> Event {
    let time_unix_nano = nanos(annotation.timestamp);
    match json::named_attributes(&annotation.value) {
        Some((name, attributes)) => Event { time_unix_nano, name, attributes, ..Event::default() },
        None => Event { time_unix_nano, name: annotation.value, ..Event::default() },
    }
}

fn add_address(tags: &mut Tags, endpoint: &Endpoint, address: &str, port: &str) {
    if let Ok(v4) = <[u8; 4]>::try_from(&endpoint.ipv4[..]) {
        tags.add_text(address, &std::net::Ipv4Addr::from(v4).to_string());
    } else if let Ok(v6) = <[u8; 16]>::try_from(&endpoint.ipv6[..]) {
        tags.add_text(address, &std::net::Ipv6Addr::from(v6).to_string());
    }
    if endpoint.port > 0 {
        tags.add(port, Wire::IntValue(endpoint.port.into()));
    }
}

fn attribute(key: &str, value: Wire) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

#[cfg(test)]
mod tests;
