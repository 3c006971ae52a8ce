//! What a trace can be compared with: another, or what stands for those of its root operation.

use serde::{Deserialize, Serialize};

use crate::TraceId;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Compare {
    Trace(TraceId),
    /// The mean of the middle half by duration.
    Typical,
    /// The last that began before it.
    Previous,
    /// The one with the median duration, of those looked at.
    Usual,
    Fastest,
}

impl Compare {
    pub const NAMED: [Compare; 4] = [Compare::Typical, Compare::Previous, Compare::Usual, Compare::Fastest];

    pub fn trace(self) -> Option<TraceId> {
        match self {
            Compare::Trace(id) => Some(id),
            _ => None,
        }
    }

    pub fn name(self) -> String {
        match self {
            Compare::Trace(id) => id.to_string(),
            Compare::Typical => "typical".to_owned(),
            Compare::Previous => "previous".to_owned(),
            Compare::Usual => "usual".to_owned(),
            Compare::Fastest => "fastest".to_owned(),
        }
    }

    /// One of those that are no trace by itself.
    pub fn of_name(name: &str) -> Option<Compare> {
        Compare::NAMED.into_iter().find(|named| named.name() == name)
    }
}
