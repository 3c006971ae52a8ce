//! A span as Skein knows it: every field of OTLP, nothing dropped, nothing renamed for a foreign format's sake.

use serde::{Deserialize, Serialize};

use crate::{Attrs, Nanos, SpanId, Timestamp, TraceId};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum SpanKind {
    #[default]
    Unspecified = 0,
    Internal = 1,
    Server = 2,
    Client = 3,
    Producer = 4,
    Consumer = 5,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum Status {
    #[default]
    Unset = 0,
    Ok = 1,
    Error = 2,
}

/// Who made a span: the resource (a running service) and the instrumentation scope (a library in it).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    pub resource: Attrs,
    pub resource_schema_url: String,
    pub resource_dropped_attributes: u32,
    pub scope_name: String,
    pub scope_version: String,
    pub scope: Attrs,
    pub scope_schema_url: String,
    pub scope_dropped_attributes: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub time: Timestamp,
    pub name: String,
    pub attributes: Attrs,
    pub dropped_attributes: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Link {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub trace_state: String,
    pub flags: u32,
    pub attributes: Attrs,
    pub dropped_attributes: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Span {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    /// Zero for a root.
    pub parent_id: SpanId,
    pub service: String,
    pub operation: String,
    pub kind: SpanKind,
    pub start: Timestamp,
    pub duration: Nanos,
    pub status: Status,
    pub status_message: String,
    pub trace_state: String,
    pub flags: u32,
    pub attributes: Attrs,
    pub events: Vec<Event>,
    pub links: Vec<Link>,
    pub dropped_attributes: u32,
    pub dropped_events: u32,
    pub dropped_links: u32,
    pub origin: Origin,
    /// What Skein changed or noticed on the way in, in words.
    pub notes: Vec<String>,
}

impl Span {
    pub fn end(&self) -> Timestamp {
        self.start.plus(self.duration)
    }

    pub fn is_root(&self) -> bool {
        !self.parent_id.is_valid()
    }
}

impl SpanKind {
    pub fn from_number(number: u8) -> SpanKind {
        match number {
            1 => SpanKind::Internal,
            2 => SpanKind::Server,
            3 => SpanKind::Client,
            4 => SpanKind::Producer,
            5 => SpanKind::Consumer,
            _ => SpanKind::Unspecified,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            SpanKind::Unspecified => "unspecified",
            SpanKind::Internal => "internal",
            SpanKind::Server => "server",
            SpanKind::Client => "client",
            SpanKind::Producer => "producer",
            SpanKind::Consumer => "consumer",
        }
    }
}

impl Status {
    pub fn from_number(number: u8) -> Status {
        match number {
            1 => Status::Ok,
            2 => Status::Error,
            _ => Status::Unset,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Status::Unset => "unset",
            Status::Ok => "ok",
            Status::Error => "error",
        }
    }
}
