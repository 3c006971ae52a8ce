//! Something that is not as it was, for as long as it lasts.

use serde::{Deserialize, Serialize};

use crate::{Nanos, SpanKind, Timestamp, TraceId};

/// What about an operation changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// The share of calls in which a failure began.
    #[default]
    OwnErrors,
    /// The time it spends itself, waiting for nobody.
    OwnTime,
    /// How long its messages lie.
    Lag,
    /// A node is called that never was.
    NewCalls,
    /// A node is no longer called.
    LostCalls,
    /// A node is called more or less often for each request taken.
    CallsARequest,
    /// Requests from outside.
    Requests,
    /// Its calls last longer, whoever it waits for.
    Duration,
    /// Its calls fail, wherever the failure began.
    Errors,
}

/// Something that is not as it was, and who is taken to be its origin.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Anomaly {
    /// The same in every process that sees it.
    pub id: String,
    pub start: Timestamp,
    pub last_seen: Timestamp,
    /// None while it lasts.
    pub closed: Option<Timestamp>,
    pub origin: Changed,
    /// Other operations that changed with it, those nearest to the origin first.
    pub affected: Vec<Changed>,
    /// Seconds or failures more than usual, in the worst window.
    pub size: f64,
    /// 0 to 1: how sure it is that this is not chance, for all that is looked at.
    pub confidence: f64,
    pub traces: Vec<TraceId>,
}

/// One figure, as it is and as it usually was: nanoseconds, shares, or calls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Changed {
    /// Empty where several services see the same peer change.
    pub service: String,
    pub operation: String,
    pub kind: SpanKind,
    /// A database, queue or outside system that does the work, or the node that is called; else empty.
    pub peer: String,
    pub measure: Measure,
    pub now: f64,
    pub usual: f64,
    /// Calls it was seen by.
    pub calls: u64,
}

/// Those of a stretch of time, open ones first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AnomalyList {
    pub anomalies: Vec<Anomaly>,
    /// Up to when everything was judged; zero when nothing was yet.
    pub judged: Timestamp,
    /// Before it nothing is known to judge by; zero when there is nothing at all.
    pub known_since: Timestamp,
}

impl Measure {
    pub const ALL: [Measure; 9] = [
        Measure::OwnErrors,
        Measure::OwnTime,
        Measure::Lag,
        Measure::NewCalls,
        Measure::LostCalls,
        Measure::CallsARequest,
        Measure::Requests,
        Measure::Duration,
        Measure::Errors,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Measure::OwnErrors => "own_errors",
            Measure::OwnTime => "own_time",
            Measure::Lag => "lag",
            Measure::NewCalls => "new_calls",
            Measure::LostCalls => "lost_calls",
            Measure::CallsARequest => "calls_a_request",
            Measure::Requests => "requests",
            Measure::Duration => "duration",
            Measure::Errors => "errors",
        }
    }

    /// What its figures count, durations apart, which are nanoseconds.
    pub fn unit(self) -> &'static str {
        match self {
            Measure::OwnErrors | Measure::Errors => "share",
            Measure::OwnTime | Measure::Lag | Measure::Duration => "ns",
            Measure::Requests => "per_second",
            Measure::NewCalls | Measure::LostCalls | Measure::CallsARequest => "per_request",
        }
    }

    /// Whether it lies with the one it is seen in, rather than with someone it waits for.
    pub fn is_own(self) -> bool {
        matches!(self, Measure::OwnErrors | Measure::OwnTime | Measure::Lag)
    }
}

impl Changed {
    /// Who did it: a service, or a node that no service stands for.
    pub fn who(&self) -> &str {
        if self.service.is_empty() { bare(&self.peer) } else { &self.service }
    }

    /// `fails by itself: 4.1 % of its calls instead of 0.1 %`, without who.
    pub fn words(&self) -> String {
        let (now, usual) = (self.figure(self.now), self.figure(self.usual));
        let of_peer = !self.peer.is_empty() && !self.service.is_empty();
        let peer = bare(&self.peer);
        match self.measure {
            Measure::OwnErrors if of_peer => {
                format!("calls to {peer} fail: {now} of them instead of {usual}")
            }
            Measure::OwnErrors => format!("fails by itself: {now} of its calls instead of {usual}"),
            Measure::OwnTime if of_peer => format!("waits for {peer}: {now} a call instead of {usual}"),
            Measure::OwnTime => format!("is slow by itself: {now} a call instead of {usual}"),
            Measure::Lag => format!("takes its messages late: after {now} instead of {usual}"),
            Measure::NewCalls => format!("calls {peer}, which it never did"),
            Measure::LostCalls => format!("no longer calls {peer}: {usual} calls a request before"),
            Measure::CallsARequest => format!("calls {peer} {now} times a request instead of {usual}"),
            Measure::Requests => format!("gets {now} requests a second instead of {usual}"),
            Measure::Duration => format!("lasts {now} instead of {usual}"),
            Measure::Errors => format!("fails: {now} of its calls instead of {usual}"),
        }
    }

    fn figure(&self, value: f64) -> String {
        match self.measure {
            Measure::OwnErrors | Measure::Errors => percent(value),
            Measure::OwnTime | Measure::Lag | Measure::Duration => length_of(value),
            _ if value >= 10.0 => (value.round() as u64).to_string(),
            _ => decimals(value, 2),
        }
    }
}

impl Anomaly {
    /// `payments fails by itself: 41 % of its calls instead of 0.2 % (shop.Payments/Charge)`.
    pub fn reason(&self) -> String {
        let Changed { operation, .. } = &self.origin;
        let place = if operation.is_empty() { String::new() } else { format!(" ({operation})") };
        format!("{} {}{place}", self.origin.who(), self.origin.words())
    }
}

/// A node's name without its kind.
pub fn bare(node: &str) -> &str {
    node.split_once(':').map_or(node, |(_, name)| name)
}

pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let text = if percent >= 10.0 { (percent.round() as u64).to_string() } else { decimals(percent, 1) };
    if text == "0.0" && share > 0.0 { "<0.1 %".to_owned() } else { format!("{text} %") }
}

pub(super) fn length_of(ns: f64) -> String {
    length(Nanos(ns.max(0.0) as u64))
}

fn length(length: Nanos) -> String {
    match length.0 {
        ns if ns >= 1_000_000_000 => format!("{} s", decimals(ns as f64 / 1e9, 1)),
        ns if ns >= 10_000_000 => format!("{} ms", ns / 1_000_000),
        ns if ns >= 1_000_000 => format!("{} ms", decimals(ns as f64 / 1e6, 1)),
        ns => format!("{} µs", ns / 1_000),
    }
}

/// In whole numbers, which is less code than printing a float.
fn decimals(value: f64, places: u32) -> String {
    let scale = 10_u64.pow(places);
    let scaled = (value * scale as f64).round() as u64;
    format!("{}.{:0width$}", scaled / scale, scaled % scale, width = places as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_told_in_words() {
        let mut changed = Changed {
            service: "payments".into(),
            operation: "Charge".into(),
            measure: Measure::OwnErrors,
            now: 0.412,
            usual: 0.0021,
            ..Changed::default()
        };
        let reason = |origin: &Changed| Anomaly { origin: origin.clone(), ..Anomaly::default() }.reason();
        assert_eq!(reason(&changed), "payments fails by itself: 41 % of its calls instead of 0.2 % (Charge)");
        changed = Changed { measure: Measure::OwnTime, now: 48.3e6, usual: 2.04e6, ..changed };
        assert_eq!(reason(&changed), "payments is slow by itself: 48 ms a call instead of 2.0 ms (Charge)");
        changed.peer = "database:postgresql/payments".into();
        assert_eq!(
            reason(&changed),
            "payments waits for postgresql/payments: 48 ms a call instead of 2.0 ms (Charge)"
        );
        changed.service.clear();
        changed.operation.clear();
        assert_eq!(reason(&changed), "postgresql/payments is slow by itself: 48 ms a call instead of 2.0 ms");
        changed = Changed { measure: Measure::CallsARequest, now: 3.004, usual: 0.5, ..changed };
        assert_eq!(changed.words(), "calls postgresql/payments 3.00 times a request instead of 0.50");
    }
}
