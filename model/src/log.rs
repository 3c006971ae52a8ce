//! Log lines, as services send them beside their spans.

use serde::{Deserialize, Serialize};

use crate::{AttrValue, Attrs, Origin, SpanId, Timestamp, TraceId};

/// One line of a service's log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LogLine {
    /// When it happened; when it was seen, if its source does not say.
    pub time: Timestamp,
    /// When the sender's logging system saw it; zero if it does not say.
    pub observed: Timestamp,
    /// Zero if it belongs to no trace.
    pub trace_id: TraceId,
    /// Zero if it belongs to no span.
    pub span_id: SpanId,
    pub service: String,
    pub severity: Severity,
    /// The sender's own name of the severity.
    pub severity_text: String,
    /// The name of what happened, if the line is an event.
    pub event_name: String,
    /// What it says: usually a text, but any value there is.
    pub body: AttrValue,
    pub attributes: Attrs,
    pub dropped_attributes: u32,
    pub flags: u32,
    pub origin: Origin,
}

/// OTLP's number of a severity: six levels of four steps each, from 1 on. Zero is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Severity(pub u8);

impl Severity {
    pub const WARN: Severity = Severity(13);
    pub const ERROR: Severity = Severity(17);

    /// The level's name.
    pub fn name(self) -> &'static str {
        match self.0 {
            1..=4 => "trace",
            5..=8 => "debug",
            9..=12 => "info",
            13..=16 => "warn",
            17..=20 => "error",
            21..=24 => "fatal",
            _ => "unset",
        }
    }
}

/// The log of one trace, in order of time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TraceLogs {
    pub lines: Vec<LogLine>,
    /// False if the trace has more lines than one answer carries: these are the first.
    pub complete: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_are_six_levels_of_four_steps() {
        let names: Vec<&str> = (0..=25).map(|number| Severity(number).name()).collect();
        assert_eq!((names[0], names[25]), ("unset", "unset"));
        assert_eq!(
            (names[1], names[12], Severity::WARN.name(), Severity::ERROR.name()),
            ("trace", "info", "warn", "error")
        );
        assert_eq!(names.iter().filter(|name| **name == "fatal").count(), 4);
    }
}
