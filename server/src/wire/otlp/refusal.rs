//! Why a span was not taken, in words its sender can act on.

use std::fmt;

/// Stable: the names appear in metrics and answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    InvalidTraceId,
    InvalidSpanId,
    InvalidParentId,
    NoStartTime,
    TimeOutOfRange,
    TooLarge,
    TooDeep,
    NotUtf8,
    Malformed,
    /// A field of a JSON span that is missing or has the wrong type.
    InvalidField,
}

impl Reason {
    pub const ALL: [Reason; 10] = [
        Reason::InvalidTraceId,
        Reason::InvalidSpanId,
        Reason::InvalidParentId,
        Reason::NoStartTime,
        Reason::TimeOutOfRange,
        Reason::TooLarge,
        Reason::TooDeep,
        Reason::NotUtf8,
        Reason::Malformed,
        Reason::InvalidField,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Reason::InvalidTraceId => "invalid_trace_id",
            Reason::InvalidSpanId => "invalid_span_id",
            Reason::InvalidParentId => "invalid_parent_id",
            Reason::NoStartTime => "no_start_time",
            Reason::TimeOutOfRange => "time_out_of_range",
            Reason::TooLarge => "too_large",
            Reason::TooDeep => "too_deep",
            Reason::NotUtf8 => "not_utf8",
            Reason::Malformed => "malformed",
            Reason::InvalidField => "invalid_field",
        }
    }

    /// What is wrong and what to do.
    pub fn sentence(self) -> &'static str {
        match self {
            Reason::InvalidTraceId => {
                "a trace id is 16 bytes (32 hexadecimal digits) that are not all zero; check how the sender makes or propagates ids"
            }
            Reason::InvalidSpanId => {
                "a span id is 8 bytes (16 hexadecimal digits) that are not all zero; check how the sender makes ids"
            }
            Reason::InvalidParentId => {
                "a parent span id is 8 bytes (16 hexadecimal digits), or absent for a root; check the propagated context"
            }
            Reason::NoStartTime => "a span needs a start time, in nanoseconds since 1970",
            Reason::TimeOutOfRange => {
                "times are nanoseconds since 1970 and end in the year 2262; check the unit and the sender's clock"
            }
            Reason::TooLarge => "the span is larger than one span may be; shorten its attributes or events",
            Reason::TooDeep => "an attribute value nests deeper than is stored; flatten it",
            Reason::NotUtf8 => "text is UTF-8; send other data as a bytes attribute",
            Reason::Malformed => {
                "the span's bytes are not the message they should be; check the sender's encoder"
            }
            Reason::InvalidField => "a field of the span is missing or has the wrong type",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Spans of one request that were refused for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub reason: Reason,
    pub count: u32,
    /// The first of them: which span, and what exactly.
    pub example: String,
}

/// All refusals of a request, one entry a reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusals(Vec<Refusal>);

impl Refusals {
    pub fn add(&mut self, reason: Reason, count: u32, example: impl FnOnce() -> String) {
        if count == 0 {
            return;
        }
        match self.0.iter_mut().find(|refusal| refusal.reason == reason) {
            Some(known) => known.count += count,
            None => self.0.push(Refusal { reason, count, example: shorten(example()) }),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn total(&self) -> u32 {
        self.0.iter().map(|refusal| refusal.count).sum()
    }

    pub fn extend(&mut self, others: Refusals) {
        for other in others.0 {
            self.add(other.reason, other.count, || other.example);
        }
    }

    pub fn into_vec(self) -> Vec<Refusal> {
        self.0
    }
}

/// How much is said of one thing; what senders wrote may be in it.
const SAID_MAX_CHARS: usize = 300;

/// A text of bearable length.
pub fn shorten(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(SAID_MAX_CHARS) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// One line about refusals, for the message of a partial success.
pub fn summary(refusals: &[Refusal]) -> String {
    let parts: Vec<String> = refusals
        .iter()
        .map(|r| {
            format!(
                "{} refused as {}: {} (for example {})",
                r.count,
                r.reason,
                r.reason.sentence(),
                r.example
            )
        })
        .collect();
    parts.join("; ")
}
