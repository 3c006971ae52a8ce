//! Points in time and lengths of time, in nanoseconds, as types.

use serde::{Deserialize, Serialize};

/// Nanoseconds since 1970-01-01 00:00:00 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Timestamp(pub u64);

/// A length of time in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Nanos(pub u64);

impl Timestamp {
    pub fn from_secs(secs: u64) -> Timestamp {
        Timestamp(secs.saturating_mul(1_000_000_000))
    }

    pub fn as_secs(self) -> u64 {
        self.0 / 1_000_000_000
    }

    pub fn since(self, earlier: Timestamp) -> Nanos {
        Nanos(self.0.saturating_sub(earlier.0))
    }

    pub fn plus(self, length: Nanos) -> Timestamp {
        Timestamp(self.0.saturating_add(length.0))
    }

    pub fn minus(self, length: Nanos) -> Timestamp {
        Timestamp(self.0.saturating_sub(length.0))
    }
}

impl Nanos {
    pub fn from_secs(secs: u64) -> Nanos {
        Nanos(secs.saturating_mul(1_000_000_000))
    }

    pub fn from_millis_f64(millis: f64) -> Nanos {
        Nanos((millis * 1e6).round().max(0.0) as u64)
    }

    pub fn as_millis_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }
}
