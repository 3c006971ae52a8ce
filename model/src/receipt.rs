//! What became of everything that was sent: the outcomes, their reasons, and for each what it means and what to do.
//!
//! Names are stable: they are stored, and appear in metrics and answers.

use std::fmt;

use serde::{Deserialize, Serialize};

/// In the order in which they want looking at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Outcome {
    /// Lost: sending it again would fail again.
    Refused,
    /// Lost unless the sender comes back, as it was told to.
    TurnedAway,
    /// The same, because the key had sent its share.
    RateLimited,
    /// Left out on purpose, by trace, to hold the budget; the rest counts for it.
    Shed,
    /// Kept, but the sender says that it left out parts.
    Truncated,
    /// Kept, at a time that cannot be right.
    ClockAbsurd,
    /// Kept, long after the rest of its trace.
    Late,
    /// Kept, though the same bytes were taken shortly before.
    Duplicate,
    /// Kept, without a secret that was in it.
    Redacted,
    Accepted,
}

impl Outcome {
    pub const ALL: [Outcome; 10] = [
        Outcome::Refused,
        Outcome::TurnedAway,
        Outcome::RateLimited,
        Outcome::Shed,
        Outcome::Truncated,
        Outcome::ClockAbsurd,
        Outcome::Late,
        Outcome::Duplicate,
        Outcome::Redacted,
        Outcome::Accepted,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Outcome::Refused => "refused",
            Outcome::TurnedAway => "turned_away",
            Outcome::RateLimited => "rate_limited",
            Outcome::Shed => "shed",
            Outcome::Truncated => "truncated",
            Outcome::ClockAbsurd => "clock_absurd",
            Outcome::Late => "late",
            Outcome::Duplicate => "duplicate",
            Outcome::Redacted => "redacted",
            Outcome::Accepted => "accepted",
        }
    }

    pub fn of_name(name: &str) -> Option<Outcome> {
        Outcome::ALL.into_iter().find(|outcome| outcome.name() == name)
    }

    /// Whether what it counts was not stored. Sent is accepted and all of these.
    pub fn is_loss(self) -> bool {
        matches!(self, Outcome::Refused | Outcome::TurnedAway | Outcome::RateLimited | Outcome::Shed)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    // One span or log record.
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
    // A whole request, whose spans nobody counted.
    RequestMalformed,
    RequestTooLarge,
    TooSlow,
    Interrupted,
    UnknownEncoding,
    UnknownType,
    NoKey,
    // Come back later.
    Busy,
    QueueFull,
    Stopping,
    DiskFailed,
    Failed,
    KeyRate,
    // Left out by trace.
    OverTarget,
    // What the sender left out.
    DroppedAttributes,
    DroppedEvents,
    DroppedLinks,
    // Times.
    ClockAhead,
    ClockBehind,
    LongEnded,
    SentAgain,
}

impl Reason {
    pub const ALL: [Reason; 31] = [
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
        Reason::RequestMalformed,
        Reason::RequestTooLarge,
        Reason::TooSlow,
        Reason::Interrupted,
        Reason::UnknownEncoding,
        Reason::UnknownType,
        Reason::NoKey,
        Reason::Busy,
        Reason::QueueFull,
        Reason::Stopping,
        Reason::DiskFailed,
        Reason::Failed,
        Reason::KeyRate,
        Reason::OverTarget,
        Reason::DroppedAttributes,
        Reason::DroppedEvents,
        Reason::DroppedLinks,
        Reason::ClockAhead,
        Reason::ClockBehind,
        Reason::LongEnded,
        Reason::SentAgain,
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
            Reason::RequestMalformed => "request_malformed",
            Reason::RequestTooLarge => "request_too_large",
            Reason::TooSlow => "too_slow",
            Reason::Interrupted => "interrupted",
            Reason::UnknownEncoding => "unknown_encoding",
            Reason::UnknownType => "unknown_type",
            Reason::NoKey => "no_key",
            Reason::Busy => "busy",
            Reason::QueueFull => "queue_full",
            Reason::Stopping => "stopping",
            Reason::DiskFailed => "disk_failed",
            Reason::Failed => "failed",
            Reason::KeyRate => "key_rate",
            Reason::OverTarget => "over_target",
            Reason::DroppedAttributes => "dropped_attributes",
            Reason::DroppedEvents => "dropped_events",
            Reason::DroppedLinks => "dropped_links",
            Reason::ClockAhead => "clock_ahead",
            Reason::ClockBehind => "clock_behind",
            Reason::LongEnded => "long_ended",
            Reason::SentAgain => "sent_again",
        }
    }

    pub fn of_name(name: &str) -> Option<Reason> {
        Reason::ALL.into_iter().find(|reason| reason.name() == name)
    }

    /// What becomes of whatever has this reason.
    pub fn outcome(self) -> Outcome {
        match self {
            Reason::Busy | Reason::QueueFull | Reason::Stopping | Reason::DiskFailed | Reason::Failed => {
                Outcome::TurnedAway
            }
            Reason::KeyRate => Outcome::RateLimited,
            Reason::OverTarget => Outcome::Shed,
            Reason::DroppedAttributes | Reason::DroppedEvents | Reason::DroppedLinks => Outcome::Truncated,
            Reason::ClockAhead | Reason::ClockBehind => Outcome::ClockAbsurd,
            Reason::LongEnded => Outcome::Late,
            Reason::SentAgain => Outcome::Duplicate,
            _ => Outcome::Refused,
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
            Reason::OverTarget => {
                "more was sent than the server's budget of spans a second; whole traces were left out, and figures count the rest for them. Raise --target-spans-per-second, or sample at the sender"
            }
            Reason::DroppedAttributes => {
                "the SDK dropped attributes of the span before sending it; raise OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT"
            }
            Reason::DroppedEvents => {
                "the SDK dropped events of the span before sending it; raise OTEL_SPAN_EVENT_COUNT_LIMIT"
            }
            Reason::DroppedLinks => {
                "the SDK dropped links of the span before sending it; raise OTEL_SPAN_LINK_COUNT_LIMIT"
            }
            Reason::ClockAhead => {
                "the span starts minutes after it arrived; set the clock of the sender's machine (NTP), or check the unit of its times"
            }
            Reason::ClockBehind => {
                "the span ended more than a week before it arrived; set the clock of the sender's machine (NTP), or check the unit of its times"
            }
            Reason::LongEnded => {
                "the span ended long before it arrived, when its trace had been looked at already; look for a sender that was cut off, or that retries from a disk"
            }
            Reason::SentAgain => {
                "the same request was taken shortly before: the sender did not get our answer. Look at its timeouts and at proxies on the way"
            }
            of_a_request => of_a_request.sentence_about_a_request(),
        }
    }

    fn sentence_about_a_request(self) -> &'static str {
        match self {
            Reason::RequestMalformed => {
                "the request's body is not what its headers say; check the sender's encoder, and proxies that rewrite bodies"
            }
            Reason::RequestTooLarge => "the request is larger than one may be; lower the sender's batch size",
            Reason::TooSlow => "the body did not arrive in time; check the network between sender and server",
            Reason::Interrupted => "the connection ended before the body did; check the sender's timeouts",
            Reason::UnknownEncoding => {
                "the body's compression is not known; use gzip, zstd, deflate, snappy or none"
            }
            Reason::UnknownType => "the body's content type is not one this door reads; check the exporter",
            Reason::NoKey => {
                "the request showed no valid ingest key; make one with 'skein key create' and send it as a bearer token"
            }
            Reason::Busy => {
                "the server was reading as many bytes as it may hold; senders come back. If it lasts, send smaller requests or give it more CPU"
            }
            Reason::QueueFull => {
                "the queue on disk was full, because storing fell behind; senders come back. Look at the engine, or raise --queue-max-bytes"
            }
            Reason::Stopping => "the server was shutting down; senders come back",
            Reason::DiskFailed => {
                "the queue could not be written to disk; look at the disk and the server's log"
            }
            Reason::Failed => "the server failed to read the request; its log has the details",
            Reason::KeyRate => {
                "the key had sent all the spans it may send in a second; raise its rate, or send less"
            }
            // The others are about spans.
            _ => "",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What to say about an outcome and its reason as they are stored. The reason of a redaction is its rule.
pub fn advice(outcome: Outcome, reason: &str) -> String {
    match (outcome, Reason::of_name(reason)) {
        (Outcome::Accepted, _) => "stored".to_owned(),
        (Outcome::Redacted, _) => format!(
            "the rule '{reason}' took values out before they were stored; better that the sender does not record them"
        ),
        (_, Some(reason)) => reason.sentence().to_owned(),
        (_, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_name_of_its_own_and_words() {
        for (at, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(Reason::of_name(reason.name()), Some(reason));
            assert!(!Reason::ALL[..at].contains(&reason), "{reason} twice");
            assert!(advice(reason.outcome(), reason.name()).len() > 20, "{reason}");
        }
    }

    #[test]
    fn outcomes_are_found_by_their_names_losses_first() {
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::of_name(outcome.name()), Some(outcome));
        }
        assert!(Outcome::ALL.is_sorted());
        assert!(Outcome::ALL.is_sorted_by_key(|outcome| !outcome.is_loss()));
    }
}
