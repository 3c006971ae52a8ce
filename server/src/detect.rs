//! Looks for anomalies: once a minute the figures that settling stored are judged by `model::anomaly`, and what opens
//! or closes is stored and told. Nothing is decided here.
//!
//! What is known of earlier anomalies is read back at the start, so that a restart opens none of them again. Two
//! processes that look at the same come to the same, and their rows replace each other.

use std::collections::HashMap;
use std::time::Duration;

use model::anomaly::{Book, Budget, Gathering, WINDOW_SECS, candidates, judge, stretches};
use model::view::{Anomaly, Measure};
use model::{Nanos, Timestamp};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use self::webhook::Webhook;
use crate::limits::{ANOMALY_BASE_SECS, ANOMALY_CATCH_UP_SECS, ANOMALY_REMEMBERED_SECS, ANOMALY_SERIES_MAX};
use crate::storage::StoreError;
use crate::storage::anomalies::{AnomalyRecord, JudgedRecord};
use crate::storage::settled::SettleStore;
use crate::storage::work::{Asked, Examples, WindowCalls, WindowWork};

pub mod webhook;

const RETRY: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_secs(2);
const STEP_SECS: u64 = 60;
/// Spans of a minute come in with traces that end a little later.
const LATE_SECS: u64 = 30;

#[derive(Clone, Debug, Default)]
pub struct DetectMetrics {
    pub rounds: Counter,
    pub opened: Counter,
    pub closed: Counter,
    pub open: Gauge,
    pub operations: Gauge,
    pub operations_passed_over: Gauge,
    pub failures: Counter,
    pub behind_secs: Gauge,
}

impl DetectMetrics {
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("skein_anomaly");
        registry.register("rounds", "Minutes judged, of each tenant", self.rounds.clone());
        registry.register("opened", "Anomalies that began", self.opened.clone());
        registry.register("closed", "Anomalies that ended", self.closed.clone());
        registry.register("open", "Anomalies that last", self.open.clone());
        registry.register("operations", "Operations judged in the last round", self.operations.clone());
        registry.register(
            "operations_passed_over",
            "Operations too rare to be judged, beyond the limit of a tenant",
            self.operations_passed_over.clone(),
        );
        registry.register("failures", "Rounds that failed and were repeated", self.failures.clone());
        registry.register("behind_seconds", "Age of the newest minute judged", self.behind_secs.clone());
    }
}

pub struct Detector {
    store: SettleStore,
    quiet_secs: u32,
    metrics: DetectMetrics,
    webhook: Option<Webhook>,
    tenants: HashMap<String, Watched>,
    /// The last minute judged of all.
    judged: u64,
}

/// One tenant between two rounds.
struct Watched {
    book: Book,
    judged: u64,
    known_since: Timestamp,
    /// When each pair was first seen to call: read once, as all that is kept has to be looked through for it.
    first_calls: HashMap<(String, String), Timestamp>,
    /// What figures are judged by, which is read again when it has become old.
    base: Base,
}

#[derive(Default)]
struct Base {
    end: u64,
    work: Vec<WindowWork>,
    calls: Vec<WindowCalls>,
}

impl Detector {
    pub fn new(
        store: SettleStore,
        quiet_secs: u32,
        metrics: DetectMetrics,
        webhook: Option<Webhook>,
    ) -> Detector {
        Detector { store, quiet_secs, metrics, webhook, tenants: HashMap::new(), judged: 0 }
    }

    /// Runs until it is dropped.
    pub async fn run(mut self) {
        let mut is_told = false;
        loop {
            match self.round().await {
                Ok(()) => {
                    is_told = false;
                    tokio::time::sleep(POLL).await;
                }
                Err(error) => {
                    self.metrics.failures.inc();
                    if !std::mem::replace(&mut is_told, true) {
                        let error = anyhow::Error::from(error);
                        tracing::warn!(error = format!("{error:#}"), "figures cannot be judged; trying on");
                    }
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    /// Judges the minutes of which everything is settled, but for those that were.
    async fn round(&mut self) -> Result<(), StoreError> {
        let now = self.store.now().await?;
        let settled = self.settled(now).await?;
        let end = settled.saturating_sub(LATE_SECS.min(u64::from(self.quiet_secs))) / STEP_SECS * STEP_SECS;
        self.metrics.behind_secs.set(i64::from(now) - i64::try_from(end).unwrap_or(i64::MAX));
        if end <= self.judged {
            return Ok(());
        }
        let since = end.saturating_sub(ANOMALY_BASE_SECS);
        let (mut operations, mut passed_over) = (0, 0);
        for tenant in self.store.tenants_at_work(since).await? {
            let count = self.store.count_operations(&tenant, since).await?;
            operations += count.min(ANOMALY_SERIES_MAX);
            passed_over += count.saturating_sub(ANOMALY_SERIES_MAX);
            let judged = self.watch(&tenant, end).await?;
            let from = (judged + STEP_SECS).max(end.saturating_sub(ANOMALY_CATCH_UP_SECS));
            for minute in (from..=end).step_by(STEP_SECS as usize) {
                self.judge(&tenant, minute).await?;
                self.metrics.rounds.inc();
            }
        }
        self.judged = end;
        let open: usize = self.tenants.values().map(|watched| watched.book.open().count()).sum();
        let gauge = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.metrics.open.set(gauge(open as u64));
        self.metrics.operations.set(gauge(operations));
        self.metrics.operations_passed_over.set(gauge(passed_over));
        Ok(())
    }

    /// Goes on with what is stored of a tenant; the last minute that was judged.
    async fn watch(&mut self, tenant: &str, end: u64) -> Result<u64, StoreError> {
        if let Some(watched) = self.tenants.get(tenant) {
            return Ok(watched.judged);
        }
        let since = Timestamp::from_secs(end.saturating_sub(ANOMALY_REMEMBERED_SECS));
        let book = Book::new(self.store.anomalies(tenant, since).await?);
        let judged = self.store.judged(tenant).await?;
        let known_since = self.store.known_since(tenant).await?;
        let first_calls = self.store.first_calls(tenant).await?;
        let first_calls =
            first_calls.into_iter().map(|(client, server, at)| ((client, server), at)).collect();
        let watched = Watched { book, judged, known_since, first_calls, base: Base::default() };
        self.tenants.insert(tenant.to_owned(), watched);
        Ok(judged)
    }

    /// Up to when everything that arrived is settled. Where nothing arrives there is nothing to wait for.
    async fn settled(&self, now: u32) -> Result<u64, StoreError> {
        let done = self.store.done().await?.unwrap_or_default();
        let idle = now.saturating_sub(self.quiet_secs + 60);
        let waits = done >= idle || self.store.first_stored(done).await?.is_some();
        Ok(u64::from(if waits { done } else { idle }))
    }

    async fn judge(&mut self, tenant: &str, end: u64) -> Result<(), StoreError> {
        let store = &self.store;
        let Some(watched) = self.tenants.get_mut(tenant) else { return Ok(()) };
        let known_since = watched.known_since;
        if watched.base.end + WINDOW_SECS <= end {
            watched.base = Base::read(store, tenant, end, known_since).await?;
        }
        let mut gathering = watched.base.with_now(store, tenant, end, known_since).await?;
        // A pair that nobody knew when the base was read was not there before.
        for pair in gathering.pairs() {
            watched.first_calls.entry(pair).or_insert(Timestamp::from_secs(watched.base.end));
        }
        watched
            .first_calls
            .iter()
            .for_each(|((client, server), at)| gathering.first_seen(client, server, *at));
        let (picture, graph) = gathering.finish(&watched.book);
        let (signals, chance) = judge(&picture, Budget::default());
        let found = candidates(&signals, &graph, chance);
        let now = Timestamp::from_secs(end);
        let mut changes = watched.book.update(now, found, &graph, chance);
        for anomaly in &mut changes.opened {
            anomaly.traces = store.examples(tenant, &examples(anomaly)).await.unwrap_or_default();
            watched.book.set_traces(&anomaly.id, anomaly.traces.clone());
        }
        let all = changes.opened.iter().chain(&changes.updated).chain(&changes.closed);
        let records: Vec<AnomalyRecord> =
            all.map(|anomaly| AnomalyRecord::new(tenant, anomaly, now)).collect();
        store.store("anomalies", &records).await?;
        let until = u32::try_from(end).unwrap_or(u32::MAX);
        let known_since = u32::try_from(known_since.as_secs()).unwrap_or_default();
        let done = JudgedRecord { tenant: tenant.to_owned(), until, known_since };
        store.store("judged", std::slice::from_ref(&done)).await?;
        watched.judged = end;
        self.metrics.opened.inc_by(changes.opened.len() as u64);
        self.metrics.closed.inc_by(changes.closed.len() as u64);
        for anomaly in &changes.opened {
            tracing::info!(tenant, id = anomaly.id, reason = anomaly.reason(), "an anomaly began");
        }
        if let Some(webhook) = &self.webhook {
            changes.opened.iter().for_each(|anomaly| webhook.tell("open", tenant, anomaly));
            changes.closed.iter().for_each(|anomaly| webhook.tell("close", tenant, anomaly));
        }
        Ok(())
    }
}

impl Base {
    async fn read(
        store: &SettleStore,
        tenant: &str,
        end: u64,
        known_since: Timestamp,
    ) -> Result<Base, StoreError> {
        let stretches = stretches(Timestamp::from_secs(end), known_since);
        let asked = Asked { tenant, end, stretches: &stretches };
        let work = store.work(&asked).await?;
        let calls = store.window_calls(&asked).await?;
        Ok(Base { end, work, calls })
    }

    /// The same beside the window that ends now.
    async fn with_now(
        &self,
        store: &SettleStore,
        tenant: &str,
        end: u64,
        known_since: Timestamp,
    ) -> Result<Gathering, StoreError> {
        let stretches = [(end.saturating_sub(WINDOW_SECS), end)];
        let asked = Asked { tenant, end, stretches: &stretches };
        let (work, calls) = (store.work(&asked).await?, store.window_calls(&asked).await?);
        let mut gathering = Gathering::new(Timestamp::from_secs(end), known_since);
        for figures in work.iter().chain(self.work.iter().filter(|w| w.window > 0)) {
            gathering.add_work(figures.window, figures.key.clone(), &figures.work);
        }
        for figures in calls.iter().chain(self.calls.iter().filter(|c| c.window > 0)) {
            gathering.add_calls(figures.window, &figures.client, &figures.server, figures.calls);
        }
        Ok(gathering)
    }
}

/// Traces that show what an anomaly tells.
fn examples(anomaly: &Anomaly) -> Examples<'_> {
    let origin = &anomaly.origin;
    let is_calls = matches!(origin.measure, Measure::NewCalls | Measure::LostCalls | Measure::CallsARequest);
    let is_slow = matches!(origin.measure, Measure::OwnTime | Measure::Duration);
    Examples {
        service: &origin.service,
        operation: &origin.operation,
        peer: if is_calls { "" } else { &origin.peer },
        from: anomaly.start.as_secs(),
        to: anomaly.last_seen.plus(Nanos::from_secs(60)).as_secs(),
        failed: matches!(origin.measure, Measure::OwnErrors | Measure::Errors),
        least: if is_slow { origin.usual.max(0.0) as u64 } else { 0 },
    }
}
