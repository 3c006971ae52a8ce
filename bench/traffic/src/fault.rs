//! What goes wrong in the shop, where, and when by simulated time.
//!
//! A scenario test hands its own list to [`Shop::with_faults`](crate::Shop::with_faults); the usual list comes and
//! goes every hour, so that any half hour shows most of it.

use model::{Nanos, Timestamp};

use crate::service::Service;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Window {
    Always,
    /// From the first point up to, not including, the second.
    Between(Timestamp, Timestamp),
    /// Again and again: `length` long, `offset` into each `period` counted from 1970.
    Every {
        period: Nanos,
        offset: Nanos,
        length: Nanos,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// The service runs another version, in which one operation takes `factor` times as long.
    SlowRelease { service: &'static str, operation: &'static str, version: &'static str, factor: f64 },
    /// A share of the operation's calls fails; with a region, only for its customers.
    Errors { service: &'static str, operation: &'static str, share: f64, region: Option<&'static str> },
    /// A share of the operation's calls hangs for `hang` before it goes on.
    Hangs { service: &'static str, operation: &'static str, share: f64, hang: Nanos },
    /// Every call to a store (`redis`, `postgresql`, ...) takes `factor` times as long.
    SlowStore { system: &'static str, factor: f64 },
    /// What one instance of the service does itself takes `factor` times as long.
    SlowInstance { service: &'static str, host: &'static str, factor: f64 },
    /// A share of one customer's calls of the operation fails.
    FailsFor { service: &'static str, operation: &'static str, customer: &'static str, share: f64 },
    /// A share of what comes into the service waits for a free place before anything is done, for a time that is
    /// `mean` on average.
    Queues { service: &'static str, share: f64, mean: Nanos },
    /// The service makes each call to the other so many times more.
    Repeats { service: &'static str, to: &'static str, times: u32 },
    /// Statements of the service that touch the table take `factor` times as long.
    SlowTable { service: &'static str, table: &'static str, factor: f64 },
    /// Messages lie for so long before the service takes them.
    Lag { service: &'static str, by: Nanos },
    /// The service calls the other in every request for the operation.
    Calls { service: &'static str, operation: &'static str, to: &'static Service },
    /// The service no longer calls the other, and goes on without.
    Skips { service: &'static str, to: &'static str },
    /// Someone outside the shop answers `factor` times as slowly.
    SlowOutside { host: &'static str, factor: f64 },
    /// The clock of a host runs ahead.
    ClockAhead { host: &'static str, by: Nanos },
    /// In a share of the traces, a span of the service that others call their parent never arrives.
    LostSpan { service: &'static str, share: f64 },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    pub name: &'static str,
    pub window: Window,
    pub effect: Effect,
}

impl Window {
    pub fn contains(&self, at: Timestamp) -> bool {
        match *self {
            Window::Always => true,
            Window::Between(from, until) => from <= at && at < until,
            Window::Every { period, offset, length } => {
                let phase = at.0.wrapping_sub(offset.0) % period.0.max(1);
                phase < length.0
            }
        }
    }

    /// From one minute of every hour to another.
    pub fn minutes_of_hour(from: u64, until: u64) -> Window {
        Window::Every {
            period: Nanos::from_secs(3600),
            offset: Nanos::from_secs(from * 60),
            length: Nanos::from_secs((until - from) * 60),
        }
    }
}

/// The faults of an ordinary day.
pub fn usual() -> Vec<Fault> {
    let fault = |name, window, effect| Fault { name, window, effect };
    vec![
        fault(
            "recommendations 2.8.0 is slow",
            Window::minutes_of_hour(12, 37),
            Effect::SlowRelease {
                service: "recommendations",
                operation: "shop.recommendations.v1.Recommendations/List",
                version: "2.8.0",
                factor: 2.0,
            },
        ),
        fault(
            "the payment provider fails in one region",
            Window::minutes_of_hour(5, 11),
            Effect::Errors {
                service: "payments",
                operation: "shop.payments.v1.Payments/Charge",
                share: 0.55,
                region: Some("ap-south-1"),
            },
        ),
        fault(
            "reviews lose their database",
            Window::minutes_of_hour(40, 44),
            Effect::Errors {
                service: "reviews",
                operation: "GET /reviews/{productId}",
                share: 0.3,
                region: None,
            },
        ),
        fault(
            "carriers hang",
            Window::minutes_of_hour(24, 30),
            Effect::Hangs {
                service: "shipping",
                operation: "POST /quotes",
                share: 0.4,
                hang: Nanos::from_secs(3),
            },
        ),
        fault(
            "redis is busy",
            Window::minutes_of_hour(51, 55),
            Effect::SlowStore { system: "redis", factor: 12.0 },
        ),
        fault(
            "node-4 runs ahead",
            Window::Always,
            Effect::ClockAhead { host: "node-4", by: Nanos(180_000_000) },
        ),
        fault("catalog loses spans", Window::Always, Effect::LostSpan { service: "catalog", share: 0.006 }),
    ]
}
