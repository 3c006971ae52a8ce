//! How services and operations are doing, beside how they did before.

use serde::{Deserialize, Serialize};

use super::{Heatmap, Red};
use crate::{Nanos, SpanKind, Timestamp};

/// Fewer calls than this in a window say nothing about how it compares with another.
const EVIDENCE_CALLS: u64 = 20;
/// Durations come and go by this factor without anything being wrong.
const USUAL_SWING: f64 = 1.25;
/// What is certain comes before what only looks bad.
const ORIGIN_OF_ANOMALY: f64 = 100.0;

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
    /// What it is in trouble for, or what it is known for; of services only.
    pub why: Option<Why>,
    /// An anomaly that lasts, and that it is the origin of or affected by.
    pub flag: Option<Flag>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthPoint {
    pub calls: u64,
    pub errors: u64,
}

/// That something is part of an anomaly.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flag {
    pub is_origin: bool,
    /// What the anomaly is.
    pub reason: String,
}

/// Why a service is worth looking at: what it does itself, told from what it only waits for or passes on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Why {
    /// It lies with the service itself, or with what it keeps its data in.
    pub is_origin: bool,
    pub is_failure: bool,
    /// Whom it waits for, or whose failures it passes on.
    pub culprit: String,
    /// Shares of requests, or nanoseconds a request; of one in no trouble the share of all waiting.
    pub now: f64,
    pub before: f64,
    /// How much it counts in the order; zero for one in no trouble.
    pub weight: f64,
}

impl Why {
    pub fn words(&self) -> String {
        let Why { now, before, culprit, .. } = self;
        let (share, time) = (super::anomaly::percent, super::anomaly::length_of);
        match (self.weight > 0.0, self.is_failure, self.is_origin) {
            (false, ..) => format!("{} of all waiting", share(*now)),
            (_, true, true) => format!("fails by itself: {}, {} an hour ago", share(*now), share(*before)),
            (_, true, false) => format!("passes on failures of {culprit}: {}", share(*now)),
            (_, false, true) if !culprit.is_empty() => {
                format!("waits for {culprit}: {} of its own, {} an hour ago", time(*now), time(*before))
            }
            (_, false, true) => format!("slow by itself: {}, {} an hour ago", time(*now), time(*before)),
            (_, false, false) => {
                format!("waits for {culprit}: {}, {} an hour ago", time(*now), time(*before))
            }
        }
    }
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
    /// Of the time the report covers.
    pub deploys: Vec<Deploy>,
    /// Who held its calls up, or those of one operation, in the last hour.
    pub time: Vec<TimeShare>,
}

/// A version of a service that began to run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deploy {
    pub time: Timestamp,
    pub version: String,
    /// One that ran just before.
    pub before: String,
}

/// How long each call is held up by a service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeShare {
    pub service: String,
    pub a_call: Nanos,
}

/// A call that stands for others like it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exemplar {
    pub trace: crate::TraceId,
    pub start: Timestamp,
    pub duration: Nanos,
    pub failed: bool,
}

impl Health {
    /// How much this wants looking at: nothing when all is as it was. A failure share counts by itself and again by
    /// how much it has grown; durations count by how often their 95th percentile has doubled
    /// beyond its usual swing. Where it is known why, that decides.
    pub fn trouble(&self) -> f64 {
        let flagged =
            if self.flag.as_ref().is_some_and(|flag| flag.is_origin) { ORIGIN_OF_ANOMALY } else { 0.0 };
        let trouble = match self.why.as_ref().filter(|why| why.weight > 0.0) {
            Some(why) if why.is_origin => why.weight.max(self.plain_trouble()),
            Some(why) => why.weight,
            None => self.plain_trouble(),
        };
        flagged + trouble
    }

    fn plain_trouble(&self) -> f64 {
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

    /// Both have enough calls to be compared.
    pub fn is_comparable(&self, before: &Red) -> bool {
        self.now.calls >= EVIDENCE_CALLS && before.calls >= EVIDENCE_CALLS
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
