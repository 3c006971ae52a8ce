//! What is not as it was: operations that got slow or fail, calls that are made more often, for the first time or no
//! more, beside what each was learned to be; and who is at the bottom of it.
//!
//! ```text
//!   windows of five minutes        judged            origins                 book
//!   of each operation and call ──▶ Signal ─────────▶ Candidate ────────────▶ Anomaly, open or closed
//!                                  (chance, size)    (deepest that changed)  (what was there stays the same one)
//! ```
//! Nothing here has a clock or reads anything: [`judge`] is given the figures, [`Book::update`] the time.

use crate::Timestamp;
use crate::work::{Work, WorkKey};

mod book;
mod chance;
mod gather;
mod judge;
mod origin;

pub use book::{Book, Changes};
pub use gather::{Gathering, stretches};
pub use judge::judge;
pub use origin::{Candidate, Graph, candidates};

/// Windows have this length; the one that is judged and those it is judged by.
pub const WINDOW_SECS: u64 = 300;

/// What an operation was like, window by window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    pub key: WorkKey,
    pub now: Work,
    /// The windows before the one judged, latest first, where that one has few calls.
    pub lately: Vec<Work>,
    /// Of today, oldest first, and of the same time of earlier days.
    pub recent: Vec<(Timestamp, Work)>,
    pub days: Vec<(Timestamp, Work)>,
}

/// Calls from one node to another, nodes written as [`crate::trace::call::Node`] is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallSeries {
    pub client: String,
    pub server: String,
    /// Its first call that is known of.
    pub first_seen: Timestamp,
    pub now: Calls,
    pub recent: Vec<(Timestamp, Calls)>,
}

/// How often one node called another, and was called itself, in a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    pub calls: u64,
    /// Requests and messages the client took: what it makes its calls for.
    pub taken: u64,
}

/// Everything that is judged at one time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picture {
    /// Where the window that is judged begins and ends.
    pub start: Timestamp,
    pub end: Timestamp,
    /// Before it nothing is known.
    pub known_since: Timestamp,
    pub series: Vec<Series>,
    pub calls: Vec<CallSeries>,
}

/// False alarms that are accepted in a day, all that is judged together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    pub a_day: f64,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget { a_day: 0.2 }
    }
}

/// One figure that is not what it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    pub key: WorkKey,
    /// The node called, where it is calls that changed.
    pub server: String,
    pub measure: crate::view::Measure,
    pub now: f64,
    pub usual: f64,
    /// Calls that it is seen by.
    pub calls: u64,
    /// The chance of it without a reason, as one of all that is judged.
    pub chance: f64,
    /// How much it matters: seconds or failures more than usual.
    pub size: f64,
}
