//! Takes batches off the queue and stores them: the only code that inserts spans.
//!
//! One batch at a time is turned into columns and stored: turning takes a fifth of the time, and a batch ahead would be
//! the largest thing in memory. A batch is acknowledged only when all of its blocks are stored, and until then it is
//! tried again, under the same token, for as long as it takes. Nothing is ever given up on.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::columns::{Batched, Batcher, TableBlock};
use super::{Store, StoreError};
use crate::limits::KNOWN_ORIGINS_MAX;
use crate::queue::{Batch, Queue};
use crate::telemetry::own::{Kind, Work};
use crate::telemetry::stages::{Stage, Stages};

const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// Origins are sent again after this long, so that their date of last sight stays true.
const ORIGINS_REFRESH: Duration = Duration::from_secs(12 * 3600);

#[derive(Clone, Debug, Default)]
pub struct WriterMetrics {
    pub spans: Counter,
    pub log_records: Counter,
    pub batches: Counter,
    pub retries: Counter,
    pub unreadable: Counter,
    /// 1 while the last attempt to store failed.
    pub failing: Gauge,
    /// Registered by whoever made them.
    pub stages: Stages,
}

impl WriterMetrics {
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("skein_writer");
        registry.register("spans", "Spans stored in the engine", self.spans.clone());
        registry.register("log_records", "Log records stored in the engine", self.log_records.clone());
        registry.register("batches", "Batches stored in the engine", self.batches.clone());
        registry.register("retries", "Attempts to store that failed and were repeated", self.retries.clone());
        registry.register(
            "unreadable_records",
            "Queue records that could not be read to their end",
            self.unreadable.clone(),
        );
        registry.register("failing", "1 while the last attempt to store failed", self.failing.clone());
    }
}

#[derive(Clone)]
pub struct Writer {
    queue: Arc<dyn Queue>,
    store: Store,
    metrics: WriterMetrics,
    known: Arc<Mutex<KnownOrigins>>,
}

struct KnownOrigins {
    ids: HashSet<u64>,
    since: Instant,
}

struct Prepared {
    id: u64,
    token: String,
    batched: Batched,
    /// It carries nothing but Skein's own spans.
    is_own: bool,
}

impl Writer {
    pub fn new(queue: Arc<dyn Queue>, store: Store, metrics: WriterMetrics) -> Writer {
        let known = KnownOrigins { ids: HashSet::new(), since: Instant::now() };
        Writer { queue, store, metrics, known: Arc::new(Mutex::new(known)) }
    }

    /// Runs until the queue is closed and empty.
    pub async fn run(self) {
        loop {
            let batch = match self.queue.next_batch().await {
                Ok(Some(batch)) => batch,
                Ok(None) => return,
                Err(error) => {
                    tracing::error!(%error, "the queue cannot be read; trying again");
                    tokio::time::sleep(BACKOFF_MAX).await;
                    continue;
                }
            };
            let this = self.clone();
            match tokio::task::spawn_blocking(move || this.prepare(batch)).await {
                Ok(prepared) => self.store_one(prepared).await,
                Err(error) => tracing::error!(%error, "a batch could not be prepared and stays in the queue"),
            }
        }
    }

    /// Records go one by one as they are read, so that a batch is not held twice.
    fn prepare(&self, batch: Batch) -> Prepared {
        let began = Instant::now();
        let Batch { id, token, records } = batch;
        let is_own = records.iter().all(|record| record.tenant.is_own());
        let known = self.known_origins();
        let mut batcher = Batcher::new(&known);
        batcher.expect(&records);
        for record in records {
            if let Err(error) = batcher.add(&record) {
                // The doors check every span, so this is a fault of ours: keep what could be read, and say so.
                self.metrics.unreadable.inc();
                let error = chain(&error);
                tracing::error!(error, token, "a queue record cannot be read to its end");
            }
        }
        let batched = batcher.finish();
        self.metrics.stages.count(Stage::Columns, began.elapsed(), false);
        Prepared { id, token, batched, is_own }
    }

    async fn store_one(&self, prepared: Prepared) {
        let mut backoff = BACKOFF_MIN;
        while let Err(error) = self.insert(&prepared).await {
            self.metrics.retries.inc();
            if self.metrics.failing.set(1) == 0 {
                tracing::warn!(error = %chain(&error), "spans cannot be stored; they wait in the queue");
            }
            tokio::time::sleep(backoff).await;
            backoff = (backoff * 2).min(BACKOFF_MAX);
        }
        if self.metrics.failing.set(0) == 1 {
            tracing::info!("spans are being stored again");
        }
        self.metrics.batches.inc();
        self.metrics.spans.inc_by(prepared.batched.spans as u64);
        self.metrics.log_records.inc_by(prepared.batched.logs as u64);
        self.remember(prepared.batched.new_origins);
        if let Err(error) = self.queue.acknowledge(prepared.id).await {
            // Its segment stays and is stored again, under the same token, at the next start.
            tracing::error!(%error, "a stored batch could not be removed from the queue");
        }
    }

    /// The tables side by side: each insert keeps one thread of the engine busy. Which of them were stored when one
    /// fails does not matter, the token sees to that.
    async fn insert(&self, prepared: &Prepared) -> Result<(), StoreError> {
        let work = match prepared.is_own {
            true => Work::untraced(),
            false => Work::begin("store a batch", Kind::Consumer),
        };
        work.note("skein.spans", prepared.batched.spans as i64);
        work.note("skein.log_records", prepared.batched.logs as i64);
        let inserts = prepared.batched.blocks.iter().map(|block| self.insert_one(block, &prepared.token));
        let stored = work.during(futures::future::try_join_all(inserts)).await;
        if let Err(error) = &stored {
            work.fail(error.name());
        }
        stored.map(|_| ())
    }

    async fn insert_one(&self, block: &TableBlock, token: &str) -> Result<(), StoreError> {
        let work = Work::part(format!("INSERT {}", block.table), Kind::Client);
        work.note("db.system.name", "clickhouse");
        work.note("db.collection.name", block.table);
        work.note("skein.rows", block.rows as i64);
        work.note("skein.bytes", block.body.iter().map(bytes::Bytes::len).sum::<usize>() as i64);
        let began = Instant::now();
        let stored = work.during(self.store.insert(block, token)).await;
        self.metrics.stages.count(Stage::Insert, began.elapsed(), stored.is_err());
        if let Err(error) = &stored {
            work.fail(error.name());
        }
        stored
    }

    fn known_origins(&self) -> HashSet<u64> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.since.elapsed() > ORIGINS_REFRESH || known.ids.len() > KNOWN_ORIGINS_MAX {
            *known = KnownOrigins { ids: HashSet::new(), since: Instant::now() };
        }
        known.ids.clone()
    }

    fn remember(&self, origins: HashSet<u64>) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).ids.extend(origins);
    }
}

/// An error and what caused it, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
