//! What was noticed about a span that was kept. Derived from the span and its arrival alone, so the door and the writer
//! agree.

use model::Timestamp;

use super::view::{LinkOf, SpanOf};
use crate::limits::{CLOCK_AHEAD, CLOCK_BEHIND, LATE_AFTER};

/// One thing noticed; its text is stored with the span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Note {
    EndBeforeStart = 1,
    NoEnd = 2,
    InvalidLink = 4,
    ShortTraceId = 8,
    ClockAhead = 16,
    ClockBehind = 32,
}

/// What the times of a span say beside that of its arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timing {
    Usual,
    Late,
    Ahead,
    Behind,
}

/// A set of notes, usually empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notes(u8);

impl Note {
    const ALL: [Note; 6] = [
        Note::EndBeforeStart,
        Note::NoEnd,
        Note::InvalidLink,
        Note::ShortTraceId,
        Note::ClockAhead,
        Note::ClockBehind,
    ];

    pub fn text(self) -> &'static str {
        match self {
            Note::EndBeforeStart => {
                "ended before it started (a clock was set back?); its duration is shown as 0"
            }
            Note::NoEnd => "has no end time; its duration is shown as 0",
            Note::InvalidLink => "a link's trace or span id is not valid and leads nowhere",
            Note::ShortTraceId => {
                "its trace id has 64 bits, as B3 and older tracers make them; it is filled up with zeros"
            }
            Note::ClockAhead => "starts minutes after it arrived: its sender's clock is ahead",
            Note::ClockBehind => "ended more than a week before it arrived: its sender's clock is behind",
        }
    }
}

impl Notes {
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn contains(self, note: Note) -> bool {
        self.0 & note as u8 != 0
    }

    pub fn iter(self) -> impl Iterator<Item = Note> {
        Note::ALL.into_iter().filter(move |note| self.contains(*note))
    }

    fn insert(&mut self, note: Note) {
        self.0 |= note as u8;
    }
}

pub fn notes_of<T>(span: &SpanOf<'_, T>, received: Timestamp) -> Notes {
    let mut notes = Notes::default();
    if span.end == 0 {
        notes.insert(Note::NoEnd);
    } else if span.end < span.start {
        notes.insert(Note::EndBeforeStart);
    }
    if span.links.iter().any(|link| !leads_somewhere(link)) {
        notes.insert(Note::InvalidLink);
    }
    if span.trace_id.len() == 16 && span.trace_id[..8] == [0; 8] {
        notes.insert(Note::ShortTraceId);
    }
    match timing(span.start, span.end, received.0) {
        Timing::Ahead => notes.insert(Note::ClockAhead),
        Timing::Behind => notes.insert(Note::ClockBehind),
        Timing::Usual | Timing::Late => {}
    }
    notes
}

/// All in nanoseconds.
#[inline]
pub(super) fn timing(start: u64, end: u64, received: u64) -> Timing {
    let last = start.max(end);
    let is_older = |than: std::time::Duration| last.saturating_add(than.as_nanos() as u64) < received;
    if start > received.saturating_add(CLOCK_AHEAD.as_nanos() as u64) {
        Timing::Ahead
    } else if !is_older(LATE_AFTER) {
        Timing::Usual
    } else if is_older(CLOCK_BEHIND) {
        Timing::Behind
    } else {
        Timing::Late
    }
}

fn leads_somewhere(link: &[u8]) -> bool {
    LinkOf::<&[u8]>::read(link).is_ok_and(|link| is_id(link.trace_id, 16) && is_id(link.span_id, 8))
}

/// Whether bytes are an id of this length that names something.
#[inline]
pub(in crate::wire) fn is_id(bytes: &[u8], length: usize) -> bool {
    bytes.len() == length && bytes.iter().any(|byte| *byte != 0)
}
