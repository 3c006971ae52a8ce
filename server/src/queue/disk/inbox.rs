//! Where appenders leave records for the writer thread. It holds no more than the permits its entries carry.

use std::io;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::queue::Record;
use crate::queue::disk::ledger::Reservation;

/// A record on its way to the disk, and who waits for it.
pub struct Pending {
    pub record: Record,
    pub reservation: Reservation,
    pub answer: oneshot::Sender<io::Result<()>>,
    /// The record's share of the pending bytes.
    pub permit: OwnedSemaphorePermit,
}

#[derive(Default)]
pub struct Inbox {
    state: Mutex<State>,
    arrived: Condvar,
    /// Goes up whenever the writer has answered somebody.
    progress: AtomicU64,
}

#[derive(Default)]
struct State {
    pending: Vec<Pending>,
    nudged: bool,
    closed: bool,
}

/// Everything that waited when the writer looked.
pub struct Taken {
    pub pending: Vec<Pending>,
    /// Nothing will ever arrive again.
    pub closed: bool,
}

impl Inbox {
    /// Hands the record back if the inbox is closed.
    pub fn put(&self, pending: Pending) -> Result<(), Pending> {
        let mut state = self.lock();
        if state.closed {
            return Err(pending);
        }
        state.pending.push(pending);
        drop(state);
        self.arrived.notify_one();
        Ok(())
    }

    /// Lets the writer look at the world again although nothing arrived.
    pub fn nudge(&self) {
        self.lock().nudged = true;
        self.arrived.notify_one();
    }

    pub fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_one();
    }

    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Waits for records, a nudge, the end or the deadline, whichever is first.
    pub fn take(&self, deadline: Option<Instant>) -> Taken {
        let mut state = self.lock();
        while state.pending.is_empty() && !state.nudged && !state.closed {
            let Some(deadline) = deadline else {
                state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let now = Instant::now();
            if now >= deadline {
                break;
            }
            let waited = self.arrived.wait_timeout(state, deadline - now);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.nudged = false;
        Taken { pending: mem::take(&mut state.pending), closed: state.closed }
    }

    pub fn progress(&self) -> u64 {
        self.progress.load(Ordering::Relaxed)
    }

    pub fn count_progress(&self) {
        self.progress.fetch_add(1, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
