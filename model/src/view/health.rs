//! How services and operations are doing, beside how they did before.

use serde::{Deserialize, Serialize};

use super::{Heatmap, Red};
use crate::{Nanos, SpanKind, Timestamp};

/// Fewer calls than this in a window say nothing about how it compares with another.
const EVIDENCE_CALLS: u64 = 20;
/// Durations come and go by this factor without anything being wrong.
const USUAL_SWING: f64 = 1.25;

/// A service, or one of its operations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Health {
    pub name: String,
    pub kind: SpanKind,
    /// The last five minutes.
    pub now: Red,
    /// The same five minutes an hour and a day ago.
    pub hour_ago: Red,
    pub day_ago: Red,
    /// One for each step of the report.
    pub points: Vec<HealthPoint>,
    pub last_seen: Timestamp,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthPoint {
    pub calls: u64,
    pub errors: u64,
}

/// Every service, those in most trouble first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServicesReport {
    pub start: Timestamp,
    pub step: Nanos,
    pub services: Vec<Health>,
}

/// One service, its operations in most trouble first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServiceReport {
    pub start: Timestamp,
    pub step: Nanos,
    pub service: Health,
    pub operations: Vec<Health>,
    /// The durations of its calls, or of those of one operation. Failed ones are not told apart.
    pub durations: Heatmap,
    /// The median, 95th and 99th percentile of each step; zero where there was no call.
    pub quantiles: Vec<[Nanos; 3]>,
}

impl Health {
    /// How much this wants looking at: nothing when all is as it was. A failure share counts by itself and again by
    /// how much it has grown; durations count by how often their 95th percentile has doubled
    /// beyond its usual swing.
    pub fn trouble(&self) -> f64 {
        if self.now.calls < EVIDENCE_CALLS {
            return self.now.error_rate;
        }
        let before = self.before();
        let grown = before.map_or(0.0, |b| (self.now.error_rate - b.error_rate).max(0.0));
        5.0 * self.now.error_rate
            + 10.0 * grown
            + self.slowdown().map_or(0.0, |s| (s / USUAL_SWING).log2().max(0.0))
    }

    /// The 95th percentile now as a multiple of what it was; None without evidence.
    pub fn slowdown(&self) -> Option<f64> {
        let before = self.before().filter(|b| b.p95.0 > 0 && self.now.calls >= EVIDENCE_CALLS)?;
        Some(self.now.p95.0 as f64 / before.p95.0 as f64)
    }

    /// What to compare with: the hour before, or the day before when that was silent.
    pub fn before(&self) -> Option<&Red> {
        [&self.hour_ago, &self.day_ago].into_iter().find(|red| red.calls >= EVIDENCE_CALLS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn red(calls: u64, error_rate: f64, p95_ms: u64) -> Red {
        Red { calls, error_rate, p95: Nanos(p95_ms * 1_000_000), ..Red::default() }
    }

    fn health(now: Red, hour_ago: Red) -> Health {
        Health { now, hour_ago, ..Health::default() }
    }

    #[test]
    fn what_got_worse_comes_before_what_was_always_so() {
        let steady = health(red(100, 0.0, 50), red(100, 0.0, 50));
        let failing_as_ever = health(red(100, 0.1, 50), red(100, 0.1, 50));
        let failing_now = health(red(100, 0.1, 50), red(100, 0.0, 50));
        let slow_now = health(red(100, 0.0, 200), red(100, 0.0, 50));
        assert_eq!(steady.trouble(), 0.0);
        assert!(failing_now.trouble() > failing_as_ever.trouble());
        assert!(slow_now.trouble() > failing_as_ever.trouble());
    }

    #[test]
    fn a_handful_of_calls_is_no_evidence() {
        let few = health(red(3, 0.0, 900), red(100, 0.0, 1));
        assert_eq!((few.trouble(), few.slowdown()), (0.0, None));
        let new = health(red(100, 0.0, 900), red(3, 0.0, 1));
        assert_eq!((new.trouble(), new.slowdown()), (0.0, None));
    }

    #[test]
    fn a_silent_hour_is_passed_over_for_the_day() {
        let mut now = health(red(100, 0.0, 100), Red::default());
        now.day_ago = red(100, 0.0, 50);
        assert_eq!(now.slowdown(), Some(2.0));
    }
}
