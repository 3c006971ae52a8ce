//! What the check counts, by service: each span that came is in exactly one of `accepted` and `refused`.

use model::receipt::Reason;

use crate::limits::{RECEIPT_OTHER, RECEIPT_SERVICES_A_REQUEST, RECEIPT_TEXT_MAX_CHARS};
use crate::wire::otlp::UNKNOWN_SERVICE;
use crate::wire::otlp::notes::{Timing, timing};
use crate::wire::otlp::refusal::{Refusal, Refusals};
use crate::wire::otlp::view::{Malformed, Reader, Value, key_value, next_of};

/// What may be noticed of a span that passes, each a bit of [`Noticed`].
pub const NOTICED: [Reason; 6] = [
    Reason::DroppedAttributes,
    Reason::DroppedEvents,
    Reason::DroppedLinks,
    Reason::ClockAhead,
    Reason::ClockBehind,
    Reason::LongEnded,
];

/// A set of [`NOTICED`], and whether the span's trace id has to be filled up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Noticed(u8);

const HAS_SHORT_TRACE_ID: u8 = 1 << 7;

impl Noticed {
    pub(super) fn with_short_trace_id(self) -> Noticed {
        Noticed(self.0 | HAS_SHORT_TRACE_ID)
    }

    #[inline]
    pub(super) fn has_short_trace_id(self) -> bool {
        self.0 & HAS_SHORT_TRACE_ID != 0
    }

    #[inline]
    pub(super) fn dropped(attributes: u64, events: u64, links: u64) -> Noticed {
        Noticed(u8::from(attributes > 0) | u8::from(events > 0) << 1 | u8::from(links > 0) << 2)
    }

    /// With what its times, in nanoseconds, say at the moment it arrived.
    #[inline]
    pub(super) fn at(self, start: u64, end: u64, received: u64) -> Noticed {
        match timing(start, end, received) {
            Timing::Usual => self,
            Timing::Ahead => Noticed(self.0 | 1 << 3),
            Timing::Behind => Noticed(self.0 | 1 << 4),
            Timing::Late => Noticed(self.0 | 1 << 5),
        }
    }
}

/// A refused span whose ids could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurnedAway {
    pub trace_id: [u8; 16],
    pub span_id: [u8; 8],
    pub reason: Reason,
}

/// One service's share of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Empty when it cannot be told.
    pub service: String,
    pub accepted: u32,
    pub refused: Refusals,
    /// Some of those that were refused.
    pub turned_away: Vec<TurnedAway>,
    /// Spans of which each of [`NOTICED`] is so.
    noticed: [u32; NOTICED.len()],
}

impl Tally {
    pub fn of(service: &str) -> Tally {
        Tally { service: service.to_owned(), ..Tally::default() }
    }

    /// What was refused before it was looked at here.
    pub fn unread((service, refused): (String, Refusals)) -> Tally {
        Tally { service, refused, ..Tally::default() }
    }

    pub fn items(&self) -> u32 {
        self.accepted + self.refused.total()
    }

    /// Good spans that were left out to hold the budget.
    pub fn shed(&self) -> u32 {
        self.refused.iter().filter(|refusal| refusal.reason == Reason::OverTarget).map(|r| r.count).sum()
    }

    #[inline]
    pub(super) fn accept(&mut self, noticed: Noticed) {
        self.accepted += 1;
        if noticed.0 != 0 {
            for (bit, count) in self.noticed.iter_mut().enumerate() {
                *count += u32::from(noticed.0 >> bit & 1);
            }
        }
    }

    pub fn noticed(&self) -> impl Iterator<Item = (Reason, u32)> {
        NOTICED.into_iter().zip(self.noticed).filter(|(_, count)| *count > 0)
    }
}

/// The tallies of a request under construction.
#[derive(Default)]
pub(super) struct Tallies {
    all: Vec<Tally>,
    at: usize,
}

impl Tallies {
    /// What is counted from now on belongs to this service.
    pub fn turn_to(&mut self, service: &str) {
        let service = shortened(service);
        if let Some(at) = self.all.iter().position(|tally| tally.service == service) {
            self.at = at;
        } else if self.all.len() <= RECEIPT_SERVICES_A_REQUEST {
            let is_last = self.all.len() == RECEIPT_SERVICES_A_REQUEST;
            self.at = self.all.len();
            self.all.push(Tally::of(if is_last { RECEIPT_OTHER } else { service }));
        } else {
            self.at = RECEIPT_SERVICES_A_REQUEST;
        }
    }

    pub fn now(&mut self) -> &mut Tally {
        if self.all.is_empty() {
            self.turn_to("");
        }
        &mut self.all[self.at]
    }

    pub fn into_vec(self) -> Vec<Tally> {
        self.all.into_iter().filter(|tally| tally.items() > 0).collect()
    }
}

/// All refusals of a request, whoever's spans they were.
pub fn refused(tallies: &[Tally]) -> Vec<Refusal> {
    let mut all = Refusals::default();
    for tally in tallies {
        all.extend(tally.refused.clone());
    }
    all.into_vec()
}

/// The service of a ResourceSpans message whose resource passed the check.
pub(super) fn service_of(resource_spans: &[u8]) -> Result<&str, Malformed> {
    let Some(resource) = next_of(&mut Reader::new(resource_spans), 1)? else { return Ok(UNKNOWN_SERVICE) };
    let mut reader = Reader::new(resource);
    while let Some(attribute) = next_of(&mut reader, 1)? {
        if let ("service.name", Value::Str(name)) = key_value(attribute)?
            && !name.is_empty()
        {
            return Ok(name);
        }
    }
    Ok(UNKNOWN_SERVICE)
}

fn shortened(text: &str) -> &str {
    text.char_indices().nth(RECEIPT_TEXT_MAX_CHARS).map_or(text, |(end, _)| &text[..end])
}
