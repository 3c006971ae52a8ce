//! What the queue holds: the bytes against its bound, and where each segment is on its way.
//!
//! ```text
//!  open ──sealed──▶ waiting ──take──▶ being read ──▶ handed out ──acknowledged──▶ gone
//!                      ▲                  │
//!                      └── caller went ───┤
//!                   unreadable ◀── I/O ───┘     tried again when nothing else waits
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::Timestamp;
use tokio::sync::Notify;

use crate::queue::metrics::QueueMetrics;

/// A segment nobody writes to any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    pub sequence: u64,
    pub path: PathBuf,
    pub bytes: u64,
    pub created: Timestamp,
    pub ending: Ending,
}

/// How the writing of a segment ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Every byte was made durable.
    Sealed,
    /// An earlier run was perhaps cut short while writing it.
    MayBeTorn,
}

pub struct Ledger {
    max_bytes: u64,
    metrics: QueueMetrics,
    state: Mutex<State>,
    /// Something can be taken, or nothing ever will be.
    pub changed: Notify,
}

#[derive(Default)]
struct State {
    /// On disk, including the open segment and files this version cannot read.
    stored_bytes: u64,
    /// Promised to records on their way to the disk.
    reserved_bytes: u64,
    open_since: Option<Timestamp>,
    waiting: VecDeque<Segment>,
    unreadable: VecDeque<Segment>,
    being_read: BTreeMap<u64, Segment>,
    handed_out: BTreeMap<u64, Segment>,
    finished: bool,
}

/// Room promised to one record; given back when dropped.
pub struct Reservation {
    ledger: Arc<Ledger>,
    bytes: u64,
}

/// A segment being read; it waits again when dropped.
pub struct Handout {
    ledger: Arc<Ledger>,
    sequence: u64,
}

pub enum Next {
    Segment(Segment, Handout),
    /// Nothing waits now.
    Later,
    /// Nothing will ever wait again.
    Finished,
}

impl Ledger {
    pub fn new(max_bytes: u64, found: Vec<Segment>, foreign_bytes: u64, metrics: QueueMetrics) -> Ledger {
        let stored_bytes = foreign_bytes + found.iter().map(|s| s.bytes).sum::<u64>();
        let state = State { stored_bytes, waiting: found.into(), ..State::default() };
        let ledger = Ledger { max_bytes, metrics, state: Mutex::new(state), changed: Notify::new() };
        ledger.show(&ledger.lock());
        ledger
    }

    /// Promises room, or says how much is used.
    pub fn reserve(self: &Arc<Self>, bytes: u64) -> Result<Reservation, u64> {
        let mut state = self.lock();
        let used = state.stored_bytes + state.reserved_bytes;
        if used.saturating_add(bytes) > self.max_bytes {
            return Err(used);
        }
        state.reserved_bytes += bytes;
        self.show(&state);
        drop(state);
        Ok(Reservation { ledger: Arc::clone(self), bytes })
    }

    /// Turns promises into bytes on disk in one step. `open_since` is when the open segment was created.
    pub fn commit<'a>(
        &self,
        reservations: impl Iterator<Item = &'a mut Reservation>,
        written_bytes: u64,
        open_since: Timestamp,
    ) {
        let promised: u64 = reservations.map(|r| std::mem::take(&mut r.bytes)).sum();
        let mut state = self.lock();
        state.reserved_bytes -= promised;
        state.stored_bytes += written_bytes;
        state.open_since = Some(open_since);
        self.show(&state);
    }

    /// The open segment is complete.
    pub fn seal(&self, segment: Segment) {
        let mut state = self.lock();
        state.open_since = None;
        state.waiting.push_back(segment);
        self.show(&state);
        drop(state);
        self.changed.notify_waiters();
    }

    /// The writer has stopped: what waits now is all there is.
    pub fn finish(&self) {
        self.lock().finished = true;
        self.changed.notify_waiters();
    }

    /// Whether the reader has nothing to take. Then a segment is worth sealing early.
    pub fn nothing_waits(&self) -> bool {
        self.lock().waiting.is_empty()
    }

    pub fn take_next(self: &Arc<Self>) -> Next {
        let mut state = self.lock();
        let next = state.waiting.pop_front().or_else(|| state.unreadable.pop_front());
        match next {
            Some(segment) => {
                let sequence = segment.sequence;
                state.being_read.insert(sequence, segment.clone());
                Next::Segment(segment, Handout { ledger: Arc::clone(self), sequence })
            }
            None if state.finished && state.being_read.is_empty() => Next::Finished,
            None => Next::Later,
        }
    }

    /// The segment of a batch that was handed out, to be removed by the caller.
    pub fn take_handed_out(&self, sequence: u64) -> Option<Segment> {
        self.lock().handed_out.remove(&sequence)
    }

    /// Its removal failed: it can be acknowledged again.
    pub fn put_handed_out(&self, segment: Segment) {
        self.lock().handed_out.insert(segment.sequence, segment);
    }

    pub fn removed(&self, segment: &Segment) {
        let mut state = self.lock();
        state.stored_bytes -= segment.bytes;
        self.show(&state);
    }

    fn show(&self, state: &State) {
        let closed = [&state.handed_out, &state.being_read];
        let first = closed.iter().filter_map(|map| map.values().next());
        let oldest = first.chain(state.unreadable.front()).chain(state.waiting.front()).map(|s| s.created);
        self.metrics.oldest.set(oldest.chain(state.open_since).min());
        let count = closed.iter().map(|map| map.len()).sum::<usize>()
            + state.waiting.len()
            + state.unreadable.len()
            + usize::from(state.open_since.is_some());
        self.metrics.segments.set(count as i64);
        self.metrics.bytes.set(state.stored_bytes as i64);
        self.metrics.pending_bytes.set(state.reserved_bytes as i64);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Reservation ===

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.bytes > 0 {
            let mut state = self.ledger.lock();
            state.reserved_bytes -= self.bytes;
            self.ledger.show(&state);
        }
    }
}

// === impl Handout ===

impl Handout {
    /// The batch reaches the caller. `bytes` is what the segment takes up now.
    pub fn hand_out(self, bytes: u64) {
        self.leave(|state, mut segment| {
            state.stored_bytes -= segment.bytes.saturating_sub(bytes);
            segment.bytes = bytes;
            state.handed_out.insert(segment.sequence, segment);
        });
    }

    /// There was nothing to hand out, and the file is gone.
    pub fn discard(self) {
        self.leave(|state, segment| state.stored_bytes -= segment.bytes);
    }

    /// The disk failed: other segments go first.
    pub fn set_back(self) {
        self.leave(|state, segment| state.unreadable.push_back(segment));
    }

    fn leave(&self, go: impl FnOnce(&mut State, Segment)) {
        let mut state = self.ledger.lock();
        if let Some(segment) = state.being_read.remove(&self.sequence) {
            go(&mut state, segment);
            self.ledger.show(&state);
            drop(state);
            self.ledger.changed.notify_waiters();
        }
    }
}

impl Drop for Handout {
    fn drop(&mut self) {
        self.leave(|state, segment| state.waiting.push_front(segment));
    }
}
