//! Traces that links join: what one message set off, across all of them.

use serde::{Deserialize, Serialize};

use super::TraceSummary;
use crate::{SpanId, Timestamp};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Journey {
    /// In order of start.
    pub traces: Vec<TraceSummary>,
    /// In the order in which what was sent was taken up.
    pub links: Vec<JourneyLink>,
    /// The limit that ended it, in words.
    pub cut: Option<String>,
}

/// From a span that handed something on to the span that took it up. Both stand for the traces they are in, by number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JourneyLink {
    pub from: u32,
    pub from_span: SpanId,
    /// Service and operation.
    pub from_name: (String, String),
    pub sent: Timestamp,
    pub to: u32,
    pub to_span: SpanId,
    pub to_name: (String, String),
    pub taken: Timestamp,
}

impl JourneyLink {
    /// How long it lay in between, in nanoseconds; below zero when it was taken up before the sender had ended.
    pub fn lag_ns(&self) -> i64 {
        self.taken.0 as i64 - self.sent.0 as i64
    }
}
