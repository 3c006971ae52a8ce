//! A trace as columns: what the waterfall needs of every span, a few bytes each. Attributes are fetched a span at
//! a time.
//!
//! Rows are in order of start. Columns travel as they are (variable-length integers make them small) and everything
//! that can be computed from them, such as the tree, is computed where it is needed.

use serde::{Deserialize, Serialize};

use crate::order::sort_with;
use crate::view::{ServiceShare, TraceSummary};
use crate::{Nanos, SpanId, SpanKind, Status, Timestamp, TraceId};

pub mod build;
pub mod call;
pub mod clock;
pub mod context;
pub mod critical;
pub mod diff;
#[cfg(any(test, feature = "drawn"))]
pub mod drawn;
pub mod events;
pub mod finding;
pub mod flaw;
pub mod hosts;
pub mod idle;
pub mod orphan;
pub mod outline;
pub mod path;
pub mod totals;
pub mod tree;
pub mod work;

pub use build::{Builder, NumberedRow, SpanRow};
pub use clock::Clock;
pub use context::{LinkedSpan, RankAsked, SpanRank, TraceFile, TraceValues};
pub use critical::CriticalPath;
pub use diff::Diff;
pub use events::Events;
pub use hosts::{HostClock, HostClocks};
pub use outline::{Extra, Outline};
pub use totals::{Total, Totals};
pub use tree::Tree;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TraceStatus {
    #[default]
    Ok,
    /// At least one span failed.
    Error,
    /// No span failed, but something is missing: a parent, or the root.
    Partial,
}

/// What is to be known of a row besides its columns: things to show in its detail, and what its flags say.
pub mod mark {
    pub const EVENTS: u8 = 1;
    pub const LINKS: u8 = 2;
    pub const EXCEPTION: u8 = 4;
    pub const NOTES: u8 = 8;
    /// The sender said that the trace is not recorded.
    pub const UNSAMPLED: u8 = 16;
    /// The sender said that the parent is in another process, or in the same one. Older senders say neither.
    pub const REMOTE_PARENT: u8 = 32;
    pub const LOCAL_PARENT: u8 = 64;
    /// It came in a moment before the trace was read.
    pub const RECENT: u8 = 128;

    /// What a span's flags say: bit 0 that it is sampled, bit 8 that bit 9 means something, bit 9 that the parent
    /// is remote. Senders that set none of them leave all zero.
    pub fn of_flags(flags: u32) -> u8 {
        match (flags & 0x100 != 0, flags & 0x200 != 0) {
            (false, _) => 0,
            (true, remote) => {
                let unsampled = if flags & 1 == 0 { UNSAMPLED } else { 0 };
                unsampled | if remote { REMOTE_PARENT } else { LOCAL_PARENT }
            }
        }
    }
}

/// "No such row" in a column of row numbers.
pub const NO_ROW: u32 = u32::MAX;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    pub trace_id: TraceId,
    /// The earliest start.
    pub start: Timestamp,
    /// From the earliest start to the latest end.
    pub duration: Nanos,
    /// The dictionary of every name below; number 0 is the empty string.
    pub strings: Vec<String>,
    pub span_id: Vec<SpanId>,
    /// The parent as the sender named it; zero for a root.
    pub parent_id: Vec<SpanId>,
    /// The parent's row, or [`NO_ROW`] for a root or when the parent is not stored.
    pub parent: Vec<u32>,
    /// Nanoseconds after the trace's start.
    pub offset: Vec<u64>,
    pub length: Vec<u64>,
    /// Numbers into `strings`.
    pub service: Vec<u32>,
    pub operation: Vec<u32>,
    /// What to say beside the name: a status code, a database, a message.
    pub fact: Vec<u32>,
    /// Whom a call went to, as its attributes say: [`call::Node`] as text, or the empty name.
    pub peer: Vec<u32>,
    pub kind: Vec<SpanKind>,
    pub status: Vec<Status>,
    /// Bits of [`mark`].
    pub marks: Vec<u8>,
    /// Spans that were refused at the door, as far as they were written down.
    pub refused: Vec<SpanId>,
    pub events: Events,
}

impl Trace {
    pub fn len(&self) -> usize {
        self.span_id.len()
    }

    pub fn is_empty(&self) -> bool {
        self.span_id.is_empty()
    }

    pub fn service_name(&self, row: usize) -> &str {
        self.text(self.service[row])
    }

    pub fn operation_name(&self, row: usize) -> &str {
        self.text(self.operation[row])
    }

    pub fn fact_text(&self, row: usize) -> &str {
        self.text(self.fact[row])
    }

    /// A name by its number in the dictionary.
    pub fn text(&self, number: u32) -> &str {
        self.strings.get(number as usize).map_or("", String::as_str)
    }

    pub fn is_error(&self, row: usize) -> bool {
        self.status[row] == Status::Error
    }

    /// A span that names a parent which is not stored.
    pub fn is_orphan(&self, row: usize) -> bool {
        self.parent_id[row].is_valid() && self.parent[row] == NO_ROW
    }

    /// More spans of it may follow.
    pub fn in_flight(&self) -> bool {
        self.marks.iter().any(|marks| marks & mark::RECENT != 0)
    }

    pub fn row_of(&self, span: SpanId) -> Option<usize> {
        self.span_id.iter().position(|id| *id == span)
    }

    /// The first root, or the earliest span when no root is stored.
    pub fn root_row(&self) -> Option<usize> {
        self.parent_id.iter().position(|id| !id.is_valid()).or(if self.is_empty() { None } else { Some(0) })
    }

    pub fn summary(&self) -> TraceSummary {
        let root = self.root_row();
        let error_count = self.status.iter().filter(|s| **s == Status::Error).count() as u64;
        let orphan_count = (0..self.len()).filter(|row| self.is_orphan(*row)).count() as u64;
        let has_root = self.parent_id.iter().any(|id| !id.is_valid());
        TraceSummary {
            trace_id: self.trace_id,
            root_service: root.map_or_else(String::new, |r| self.service_name(r).to_owned()),
            root_operation: root.map_or_else(String::new, |r| self.operation_name(r).to_owned()),
            start: self.start,
            duration: self.duration,
            span_count: self.len() as u64,
            error_count,
            orphan_count,
            status: status_of(error_count, orphan_count, has_root),
            in_flight: self.in_flight(),
            critical: None,
            services: self.services(),
        }
    }

    /// Spans and errors per service, most spans first.
    pub fn services(&self) -> Vec<ServiceShare> {
        let mut counts = vec![(0u64, 0u64); self.strings.len()];
        for row in 0..self.len() {
            let entry = &mut counts[self.service[row] as usize];
            entry.0 += 1;
            entry.1 += u64::from(self.is_error(row));
        }
        let mut shares: Vec<ServiceShare> = counts
            .iter()
            .enumerate()
            .filter(|(_, (spans, _))| *spans > 0)
            .map(|(number, (spans, errors))| ServiceShare {
                name: self.text(number as u32).to_owned(),
                span_count: *spans,
                error_count: *errors,
            })
            .collect();
        sort_with(&mut shares, |a, b| b.span_count.cmp(&a.span_count).then_with(|| a.name.cmp(&b.name)));
        shares
    }
}

/// A failed span decides; after that, whether anything is missing.
pub fn status_of(errors: u64, orphans: u64, has_root: bool) -> TraceStatus {
    if errors > 0 {
        TraceStatus::Error
    } else if orphans > 0 || !has_root {
        TraceStatus::Partial
    } else {
        TraceStatus::Ok
    }
}

#[cfg(test)]
mod tests;
