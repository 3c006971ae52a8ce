//! What the queue tells Prometheus. The queue moves these figures; nothing here decides anything.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use model::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeLabelValue, EncodeMetric};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// Why a record was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Refusal {
    Full,
    Stalled,
    TooLarge,
    Closed,
    Io,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RefusalLabels {
    pub reason: Refusal,
}

/// Clones share the same figures.
#[derive(Clone, Debug)]
pub struct QueueMetrics {
    pub bytes: Gauge,
    pub segments: Gauge,
    pub pending_bytes: Gauge,
    pub appended_records: Counter,
    pub appended_spans: Counter,
    pub appended_bytes: Counter,
    pub commits: Counter,
    pub failed_commits: Counter,
    pub fsync_seconds: Histogram,
    pub refused: Family<RefusalLabels, Counter>,
    pub torn_bytes: Counter,
    pub damaged_segments: Counter,
    pub oldest: OldestAge,
}

/// When the oldest data in the queue arrived; its age is worked out at each scrape.
#[derive(Clone, Debug, Default)]
pub struct OldestAge {
    /// Nanoseconds since 1970; 0 while the queue is empty.
    arrived: Arc<AtomicU64>,
}

// === impl QueueMetrics ===

impl Default for QueueMetrics {
    fn default() -> Self {
        QueueMetrics {
            bytes: Gauge::default(),
            segments: Gauge::default(),
            pending_bytes: Gauge::default(),
            appended_records: Counter::default(),
            appended_spans: Counter::default(),
            appended_bytes: Counter::default(),
            commits: Counter::default(),
            failed_commits: Counter::default(),
            // 0.1 ms (a good NVMe disk) to 6.5 s (a disk in trouble)
            fsync_seconds: Histogram::new(exponential_buckets(0.000_1, 2.0, 17)),
            refused: Family::default(),
            torn_bytes: Counter::default(),
            damaged_segments: Counter::default(),
            oldest: OldestAge::default(),
        }
    }
}

impl QueueMetrics {
    /// Adds every figure to `registry` under `skein_queue_`.
    pub fn register(&self, registry: &mut Registry) {
        let queue = registry.sub_registry_with_prefix("skein_queue");
        queue.register("bytes", "Bytes of all segments on disk", self.bytes.clone());
        queue.register("segments", "Segments on disk, the open one included", self.segments.clone());
        queue.register("pending_bytes", "Bytes waiting for a commit", self.pending_bytes.clone());
        queue.register("appended_records", "Records made durable", self.appended_records.clone());
        queue.register("appended_spans", "Spans made durable", self.appended_spans.clone());
        queue.register("appended_bytes", "Bytes of records made durable", self.appended_bytes.clone());
        queue.register("commits", "Group commits that succeeded", self.commits.clone());
        queue.register("failed_commits", "Group commits the disk refused", self.failed_commits.clone());
        queue.register(
            "fsync_seconds",
            "Time a group commit waited for the disk",
            self.fsync_seconds.clone(),
        );
        queue.register("refused", "Records not taken, by reason", self.refused.clone());
        queue.register(
            "torn_bytes",
            "Bytes cut off after a crash, never acknowledged",
            self.torn_bytes.clone(),
        );
        queue.register(
            "damaged_segments",
            "Segments that failed their checksum; the rest of each was moved aside",
            self.damaged_segments.clone(),
        );
        queue.register_collector(Box::new(self.oldest.clone()));
    }

    pub fn count_refusal(&self, reason: Refusal) {
        self.refused.get_or_create(&RefusalLabels { reason }).inc();
    }
}

// === impl OldestAge ===

impl OldestAge {
    pub fn set(&self, arrived: Option<Timestamp>) {
        self.arrived.store(arrived.map_or(0, |t| t.0), Ordering::Relaxed);
    }

    fn secs_at(&self, now: Timestamp) -> f64 {
        match self.arrived.load(Ordering::Relaxed) {
            0 => 0.0,
            arrived => now.since(Timestamp(arrived)).0 as f64 / 1e9,
        }
    }
}

impl Collector for OldestAge {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let gauge = ConstGauge::new(self.secs_at(Timestamp(since_epoch.as_nanos() as u64)));
        let descriptor = encoder.encode_descriptor(
            "oldest_age",
            "Age of the oldest data not yet stored",
            Some(&Unit::Seconds),
            gauge.metric_type(),
        )?;
        gauge.encode(descriptor)
    }
}

#[cfg(test)]
mod tests;
