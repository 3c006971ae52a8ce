//! What queries answer, in the vocabulary of the screen.

use serde::{Deserialize, Serialize};

use crate::trace::TraceStatus;
use crate::{Nanos, Timestamp, TraceId};

mod anomaly;
mod explain;
mod graph;
mod health;
mod journey;
mod receipts;
mod search;
mod settings;
mod status;

pub use anomaly::{Anomaly, AnomalyList, Changed, Measure, bare};
pub use explain::{Explanation, Finding, Region};
pub use graph::{
    EdgeChange, GraphEdge, GraphNode, MapEdge, MapFigures, MapNode, ServiceGraph, ServiceMap, columns_of_map,
    rows_of_map, set_out,
};
pub use health::{
    Deploy, Exemplar, Flag, Health, HealthPoint, ServiceReport, ServicesReport, TimeShare, Why,
};
pub use journey::{Journey, JourneyLink};
pub use receipts::{ReceiptLine, ReceiptsAsked, ReceiptsReport};
pub use search::{
    AttributeKey, AttributeValue, Facet, FacetValue, Facets, HeatCell, Heatmap, MatchedSpan, Matches,
    SearchOrder, SearchPage, Series, SeriesSet, TraceSearch,
};
pub use settings::{Endpoint, Endpoints, KeyInfo, NewKey, RedactionRule, Settings};
pub use status::{Condition, Figure, Said, StageFigures, StatusReport, TableFigures, Trouble, Unit};

/// Pages that report on more than one trace, by the first part of their addresses. They travel as a program of their
/// own, so that opening a trace does not wait for them.
pub const REPORT_PAGES: [&str; 10] = [
    "services",
    "anomalies",
    "map",
    "diff",
    "explain",
    "receipts",
    "status",
    "settings",
    "series",
    "journey",
];

/// Below here every page and every question is about Skein's own traces.
pub const OWN_BASE: &str = "/own";

/// A path without [`OWN_BASE`], and whether it had it.
pub fn below_own_base(path: &str) -> (&str, bool) {
    match path.strip_prefix(OWN_BASE) {
        Some(rest) if rest.is_empty() || rest.starts_with(['/', '?']) => (rest, true),
        _ => (path, false),
    }
}

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
    /// Spans came in a moment ago, and more may follow: what is missing may only be late.
    pub in_flight: bool,
    /// Whom it waited for most; not known of a trace that is large and in flight.
    pub critical: Option<CriticalShare>,
    /// Most spans first.
    pub services: Vec<ServiceShare>,
}

/// A service's share of a critical path, 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CriticalShare {
    pub service: String,
    pub share: f32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceShare {
    pub name: String,
    pub span_count: u64,
    pub error_count: u64,
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

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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

/// Something that cannot be undone, and who did it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditLine {
    pub began: Timestamp,
    pub actor: String,
    pub action: String,
    pub subject: String,
    /// `started`, `done` or `failed`; `started` for good means that the process ended in between.
    pub outcome: String,
    pub detail: String,
}
