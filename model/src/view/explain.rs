//! What sets some traces apart from others: the question, and the ranked answer.

use serde::{Deserialize, Serialize};

use super::Scanned;
use crate::{AttrValue, Nanos, Timestamp, TraceId};

/// Some of the traces of a search: those that begin and last within bounds, and that another query finds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Region {
    pub q: Option<String>,
    /// From this time on, and up to but without the other.
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
    /// At least this long, and shorter than the other.
    pub min_duration: Option<Nanos>,
    pub max_duration: Option<Nanos>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// Traces of the region, and the others of the search.
    pub inside: u64,
    pub outside: u64,
    /// How many of each were looked at.
    pub looked_inside: u32,
    pub looked_outside: u32,
    /// All that was compared: each could have come out by chance.
    pub tried: u32,
    /// Those that set the region apart most come first; then how they ended, where that was asked; those that only go along
    /// with a service come last.
    pub findings: Vec<Finding>,
    pub scanned: Scanned,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Spans of which the trace has at least one each: fields, signs and values as the query language writes them.
    pub spans: Vec<Vec<(String, String, AttrValue)>>,
    /// How many of the traces looked at have it, and of how many that is known.
    pub inside: u32,
    pub outside: u32,
    pub of_inside: u32,
    pub of_outside: u32,
    /// The chance that so many would have it for no reason, corrected for how many things were tried.
    pub chance: f64,
    /// Where it was asked how they ended: how they did, and not why.
    pub is_symptom: bool,
    /// The service that explains it as well: where the service takes part, this makes no difference.
    pub goes_with: Option<String>,
    /// Others that the very same traces have.
    pub alike: Vec<String>,
    /// The search for the region's traces that have it.
    pub q: String,
    pub examples: Vec<TraceId>,
}
