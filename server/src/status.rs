//! Whether anything is wrong with Skein, and where: its own metrics, now and a minute ago, put into words.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use model::Timestamp;
use model::view::StatusReport;

use crate::limits::{STATUS_STEP, STATUS_WINDOW};
use crate::telemetry::Metrics;
use crate::telemetry::figures::Figures;

mod figures;
mod report;
mod troubles;

/// What does not change while a server runs.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub roles: Vec<String>,
    pub started: Timestamp,
    pub queue_max_bytes: u64,
    pub settle_after_secs: u32,
    /// Days the rows of each table are kept.
    pub keep_days: Vec<(&'static str, u32)>,
    pub own_traces: bool,
}

/// Clones share the same past.
#[derive(Clone)]
pub struct Status {
    metrics: Metrics,
    facts: Arc<Facts>,
    past: Arc<Mutex<VecDeque<(Timestamp, Figures)>>>,
}

/// The figures between which rates are taken.
struct Window<'f> {
    before: &'f Figures,
    now: &'f Figures,
    secs: f64,
}

impl Status {
    pub fn new(metrics: Metrics, facts: Facts) -> Status {
        Status { metrics, facts: Arc::new(facts), past: Arc::default() }
    }

    /// Notes figures for as long as it is polled.
    pub async fn watch(self, clock: fn() -> Timestamp) {
        loop {
            self.note(clock());
            tokio::time::sleep(STATUS_STEP).await;
        }
    }

    fn note(&self, now: Timestamp) {
        let figures = Figures::read(&self.metrics.text());
        let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        let is_old = |at: Timestamp| u128::from(now.since(at).0) > STATUS_WINDOW.as_nanos();
        while past.front().is_some_and(|(at, _)| is_old(*at)) {
            past.pop_front();
        }
        past.push_back((now, figures));
    }

    /// `missing` is what storage lacks, in words, and whether it answers at all.
    pub fn report(&self, now: Timestamp, missing: Option<(&'static str, bool)>) -> StatusReport {
        let figures = Figures::read(&self.metrics.text());
        let past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, before) = past.front().map_or((now, &figures), |(at, figures)| (*at, figures));
        let window = now.since(since);
        let secs = (window.0 as f64 / 1e9).max(1.0);
        report::report(&self.facts, &Window { before, now: &figures, secs }, (now, window), missing)
    }
}

impl Window<'_> {
    fn now(&self, name: &str) -> Option<f64> {
        self.now.sum(name)
    }

    /// How much a counter grew.
    fn grown(&self, name: &str) -> f64 {
        (self.now.sum(name).unwrap_or(0.0) - self.before.sum(name).unwrap_or(0.0)).max(0.0)
    }

    fn grown_of(&self, name: &str, label: &str, value: &str) -> f64 {
        (self.now.sum_of(name, label, value) - self.before.sum_of(name, label, value)).max(0.0)
    }

    fn rate(&self, name: &str) -> Option<f64> {
        self.now(name).map(|_| self.grown(name) / self.secs)
    }
}
