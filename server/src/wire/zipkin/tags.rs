//! A Zipkin span's tags on their way to attributes. Zipkin's tags are text; only those that OpenTelemetry's
//! conventions define as numbers get their type back. What merely looks like a number (an order's id, a version)
//! stays the text it was.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::any_value::Value as Wire;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Status;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use super::attribute;

/// Whole numbers, by the conventions now and before.
const NUMBERS: [&str; 26] = [
    "client.port",
    "code.line.number",
    "code.lineno",
    "db.response.returned_rows",
    "http.request.body.size",
    "http.request.resend_count",
    "http.request.size",
    "http.request_content_length",
    "http.resend_count",
    "http.response.body.size",
    "http.response.size",
    "http.response.status_code",
    "http.response_content_length",
    "http.status_code",
    "messaging.batch.message_count",
    "messaging.kafka.offset",
    "messaging.message.body.size",
    "net.host.port",
    "net.peer.port",
    "network.local.port",
    "network.peer.port",
    "process.pid",
    "rpc.grpc.status_code",
    "server.port",
    "thread.id",
    "peer.port",
];

pub(super) struct Tags {
    texts: BTreeMap<String, String>,
    /// Those whose type is known.
    typed: Vec<KeyValue>,
}

impl Tags {
    pub fn new(texts: BTreeMap<String, String>, typed: Vec<KeyValue>) -> Tags {
        Tags { texts, typed }
    }

    pub fn take(&mut self, key: &str) -> Option<String> {
        self.texts.remove(key)
    }

    /// Adds what the span says elsewhere, unless a tag says it already.
    pub fn add(&mut self, key: &str, value: Wire) {
        if !self.texts.contains_key(key) && !self.typed.iter().any(|known| known.key == key) {
            self.typed.push(attribute(key, value));
        }
    }

    pub fn add_text(&mut self, key: &str, text: &str) {
        if !text.is_empty() {
            self.add(key, Wire::StringValue(text.to_owned()));
        }
    }

    /// The instrumentation scope, as OpenTelemetry's exporters to Zipkin write it.
    pub fn take_scope(&mut self) -> InstrumentationScope {
        let names = [self.take("otel.scope.name"), self.take("otel.library.name")];
        let versions = [self.take("otel.scope.version"), self.take("otel.library.version")];
        InstrumentationScope {
            name: names.into_iter().flatten().next().unwrap_or_default(),
            version: versions.into_iter().flatten().next().unwrap_or_default(),
            ..InstrumentationScope::default()
        }
    }

    /// In Zipkin the tag `error` marks a failure, whatever its text, and the text says which. `false` is what
    /// bridges from other tracers send for success.
    pub fn take_status(&mut self) -> Status {
        let code = self.take("otel.status_code");
        let description = self.take("otel.status_description");
        let is_error = self.texts.get("error").is_some_and(|text| text != "false")
            || self.typed.iter().any(|tag| tag.key == "error" && is_true(tag));
        let said = if is_error { self.take("error").filter(|text| text != "true") } else { None };
        let code = match code.as_deref() {
            Some("OK") => StatusCode::Ok,
            Some("ERROR") => StatusCode::Error,
            _ if is_error => StatusCode::Error,
            _ => StatusCode::Unset,
        };
        Status { code: code.into(), message: description.or(said).unwrap_or_default() }
    }

    pub fn into_attributes(self) -> Vec<KeyValue> {
        let texts = self.texts.into_iter().map(|(key, text)| {
            let number = if NUMBERS.contains(&&*key) { text.parse().ok() } else { None };
            attribute(&key, number.map_or(Wire::StringValue(text), Wire::IntValue))
        });
        let mut attributes: Vec<KeyValue> = texts.collect();
        attributes.extend(self.typed);
        attributes
    }
}

fn is_true(tag: &KeyValue) -> bool {
    tag.value.as_ref().and_then(|value| value.value.as_ref()) == Some(&Wire::BoolValue(true))
}
