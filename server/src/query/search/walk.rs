//! The way back through time, window by window, and the places along it.

use model::view::SearchOrder;
use model::{ApiError, Nanos, Timestamp, TraceId};

use super::LATEST;
use crate::query::verify::Range;
use crate::storage::reader::Candidate;

const FIRST_WINDOW: Nanos = Nanos(30 * 1_000_000_000);
/// A window is widened until looking through it is likely to take about this many rows of `pieces`.
const WINDOW_ROWS: u64 = 200_000;
const WINDOW_GROWTH: std::ops::RangeInclusive<u64> = 4..=512;
/// Pieces are kept no longer than this, so one last window takes in all that is older.
const OLDEST: Nanos = Nanos(8 * 86_400 * 1_000_000_000);
/// Pieces that began before the range and reach into it began at most this long before it, or are at least this
/// long, which few are.
pub const NEAR: Nanos = Nanos(3_600 * 1_000_000_000);

/// A place in an order: everything after it is smaller, or older.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub key: u64,
    pub trace_id: TraceId,
}

/// Starts of pieces, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub low: Timestamp,
    pub high: Timestamp,
    /// Pieces that began before the range and reach into it.
    pub is_past: bool,
}

/// What came of looking through a window.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    pub rows: u64,
    pub found: usize,
    /// What the page is short of still.
    pub wanted: usize,
}

/// Where a search stands: the window from `low` up to the place.
#[derive(Debug)]
pub struct Walk {
    low: Timestamp,
    pub before: Place,
    width: Nanos,
    is_past: bool,
    range: Range,
    oldest: Timestamp,
}

impl Window {
    pub fn between(low: Timestamp, high: Timestamp) -> Window {
        Window { low, high, is_past: false }
    }

    /// All there is of a range at once.
    pub fn whole(range: Range, now: Timestamp) -> Window {
        let low = range.from.minus(NEAR);
        Window::between(if low <= now.minus(OLDEST) { Timestamp(0) } else { low }, range.to)
    }
}

impl Walk {
    pub fn new(range: Range, before: Option<Place>, now: Timestamp) -> Walk {
        let newest = Place { key: range.to.min(LATEST).0, trace_id: TraceId([0; 16]) };
        let before = before.unwrap_or(newest).min(newest);
        let oldest = now.minus(OLDEST);
        let mut walk = Walk { low: range.from, before, width: FIRST_WINDOW, is_past: false, range, oldest };
        let at = Timestamp(before.key);
        if at < range.from {
            walk.enter_past();
        } else {
            // Clocks run ahead: the first window takes in the future.
            walk.low = walk.window_below(at.min(now));
        }
        walk
    }

    pub fn window(&self) -> Window {
        Window { low: self.low, high: Timestamp(self.before.key), is_past: self.is_past }
    }

    /// Moves on: behind the last candidate when there were more, else to the next window. False when everything has
    /// been looked at.
    pub fn step(&mut self, last_of_full: Option<Place>, seen: Seen) -> bool {
        if let Some(last) = last_of_full {
            self.before = last;
            return true;
        }
        if self.low.0 == 0 {
            return false;
        }
        // The lowest id comes last at each time, and none is zero: everything at `low` has been looked at.
        self.before = Place { key: self.low.0, trace_id: TraceId([0; 16]) };
        if self.low <= self.range.from {
            self.enter_past();
        } else {
            self.width = self.next_width(seen);
            self.low = self.window_below(self.low);
        }
        true
    }

    /// As wide as is cheap; no wider than what is missing is likely to lie in.
    fn next_width(&self, seen: Seen) -> Nanos {
        let growth = (WINDOW_ROWS / seen.rows.max(1)).clamp(*WINDOW_GROWTH.start(), *WINDOW_GROWTH.end());
        let cheap = self.width.0.saturating_mul(growth);
        let needed = match seen.found {
            0 => u64::MAX,
            found => (self.width.0 / found as u64).saturating_mul(2 * seen.wanted as u64),
        };
        Nanos(cheap.min(needed.max(FIRST_WINDOW.0)))
    }

    fn enter_past(&mut self) {
        (self.low, self.is_past) = (Timestamp(0), true);
    }

    fn window_below(&self, high: Timestamp) -> Timestamp {
        let low = high.minus(self.width);
        if low <= self.oldest { self.range.from } else { low.max(self.range.from) }
    }
}

impl Place {
    pub fn of(candidate: &Candidate) -> Place {
        Place { key: candidate.key, trace_id: candidate.trace_id }
    }

    /// A cursor says which order it belongs to.
    pub fn to_text(self, order: SearchOrder) -> String {
        format!("{}-{:x}-{}", order.name(), self.key, self.trace_id)
    }

    pub fn parse(text: &str, order: SearchOrder) -> Result<Place, ApiError> {
        let parsed =
            text.strip_prefix(order.name()).and_then(|rest| rest.strip_prefix('-')).and_then(|rest| {
                let (key, id) = rest.split_once('-')?;
                let key = u64::from_str_radix(key, 16).ok().filter(|key| *key <= LATEST.0)?;
                let id = u128::from_str_radix(id, 16).ok().filter(|_| id.len() == 32)?;
                Some(Place { key, trace_id: TraceId(id.to_be_bytes()) })
            });
        parsed.ok_or_else(|| {
            ApiError::bad_request(
                "this cursor is not one of this search",
                "use next_cursor of the page before, unchanged, and the same query and order",
            )
        })
    }
}
