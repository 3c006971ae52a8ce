//! What queries answer, in the vocabulary of the screen.

use serde::{Deserialize, Serialize};

use crate::trace::TraceStatus;
use crate::{Nanos, Timestamp, TraceId};

/// One line of a search result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TraceSummary {
    pub trace_id: TraceId,
    /// The root span's service, or that of the earliest span when the root is missing.
    pub root_service: String,
    pub root_operation: String,
    pub start: Timestamp,
    pub duration: Nanos,
    pub span_count: u64,
    pub error_count: u64,
    /// Spans whose parent is not stored.
    pub orphan_count: u64,
    pub status: TraceStatus,
    /// Most spans first.
    pub services: Vec<ServiceShare>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceShare {
    pub name: String,
    pub span_count: u64,
    pub error_count: u64,
}

/// Which traces to look for. A trace matches when one of its spans satisfies every filter at once; without a
/// service or operation the duration bounds are those of the whole trace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TraceSearch {
    pub service: Option<String>,
    pub operation: Option<String>,
    pub error: Option<bool>,
    pub min_duration: Option<Nanos>,
    pub max_duration: Option<Nanos>,
    /// From this time on, inclusive.
    pub start: Option<Timestamp>,
    /// Up to this time, exclusive.
    pub end: Option<Timestamp>,
    pub limit: Option<u32>,
    pub cursor: Option<String>,
}

/// A page of search results, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SearchPage {
    pub traces: Vec<TraceSummary>,
    /// Where the next page starts; None when this was the last.
    pub next_cursor: Option<String>,
    /// False when a limit ended the search before every candidate was looked at.
    pub complete: bool,
    pub scanned: Scanned,
}

/// What answering cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scanned {
    pub rows: u64,
    pub bytes: u64,
}

/// Rate, errors and duration over a window of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Red {
    pub calls: u64,
    pub errors: u64,
    pub rate_per_sec: f64,
    /// Share of calls that failed, 0 to 1.
    pub error_rate: f64,
    pub p50: Nanos,
    pub p95: Nanos,
    pub p99: Nanos,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceSummary {
    pub name: String,
    pub red: Red,
    /// When a span of this service last arrived.
    pub last_seen: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperationSummary {
    pub name: String,
    pub kind: crate::SpanKind,
    pub red: Red,
}

impl Scanned {
    pub fn add(&mut self, other: Scanned) {
        self.rows += other.rows;
        self.bytes += other.bytes;
    }
}
