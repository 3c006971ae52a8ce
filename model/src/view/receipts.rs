//! What became of everything that was sent, counted.

use serde::{Deserialize, Serialize};

use crate::receipt::Outcome;
use crate::{Nanos, Timestamp};

/// Which receipts are meant. What is left out is not asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptsAsked {
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
    pub outcome: Option<Outcome>,
    pub service: Option<String>,
    pub key: Option<String>,
}

/// One reason for which spans or log records of one service came to one end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptLine {
    pub outcome: Outcome,
    pub reason: String,
    /// What it means, and what to do.
    pub advice: String,
    /// Empty when nobody could tell.
    pub service: String,
    /// The ingest key's name; empty for senders without one.
    pub key: String,
    pub door: String,
    /// `spans` or `logs`.
    pub kind: String,
    /// Spans, log records or, of redactions, values. Zero where a request was not read so far.
    pub items: u64,
    pub requests: u64,
    /// One of them, without secrets and ids.
    pub example: String,
    /// The last minute in which it was so.
    pub last: Timestamp,
    /// Items, or requests where there are none, in each step of the report.
    pub points: Vec<u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptsReport {
    pub start: Timestamp,
    pub step: Nanos,
    /// Worst first.
    pub lines: Vec<ReceiptLine>,
    /// False if there are more lines than an answer carries.
    pub complete: bool,
    /// Items of each outcome, whichever of them the lines are about.
    pub totals: Vec<(Outcome, u64)>,
}
