//! One bound on the bytes of all requests being read and decoded: what does not fit is turned away at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use prometheus_client::metrics::gauge::Gauge;

/// Clones share the same bytes.
#[derive(Clone, Debug)]
pub struct Budget {
    max_bytes: usize,
    used: Arc<AtomicUsize>,
    gauge: Gauge,
}

/// The budget has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoom;

/// Bytes taken from the budget; given back when dropped.
#[derive(Debug)]
pub struct Share {
    budget: Budget,
    bytes: usize,
}

impl Budget {
    pub fn new(max_bytes: usize, gauge: Gauge) -> Budget {
        Budget { max_bytes, used: Arc::default(), gauge }
    }

    /// A share without bytes yet.
    pub fn share(&self) -> Share {
        Share { budget: self.clone(), bytes: 0 }
    }

    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }
}

impl Share {
    pub fn grow(&mut self, bytes: usize) -> Result<(), NoRoom> {
        let before = self.budget.used.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > self.budget.max_bytes {
            self.budget.used.fetch_sub(bytes, Ordering::Relaxed);
            return Err(NoRoom);
        }
        self.bytes += bytes;
        self.budget.gauge.inc_by(bytes as i64);
        Ok(())
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Gives back all but `bytes`.
    pub fn shrink_to(&mut self, bytes: usize) {
        let back = self.bytes.saturating_sub(bytes);
        self.bytes -= back;
        self.budget.used.fetch_sub(back, Ordering::Relaxed);
        self.budget.gauge.dec_by(back as i64);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}
