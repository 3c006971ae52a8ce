//! What the engine is like: whether its process lives, how near its memory is to its limit, and how large its tables are.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;

use super::embedded::EngineState;
use super::reader::Reader;
use crate::telemetry::Metrics;
use crate::telemetry::process::memory_of;

const ASKED_EVERY: Duration = Duration::from_secs(10);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TableLabel {
    table: String,
}

#[derive(Debug)]
struct ChildCollector {
    state: Arc<EngineState>,
}

impl Collector for ChildCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let pid = self.state.pid.load(Ordering::Relaxed);
        let memory = ConstGauge::new(memory_of(pid) as i64);
        let kind = memory.metric_type();
        let help = "Memory of the embedded engine's process";
        memory.encode(encoder.encode_descriptor("skein_engine_memory_bytes", help, None, kind)?)?;
        let up = ConstGauge::new(i64::from(pid != 0));
        let kind = up.metric_type();
        up.encode(encoder.encode_descriptor(
            "skein_engine_up",
            "1 while the embedded engine's process runs",
            None,
            kind,
        )?)?;
        let restarts = ConstCounter::new(self.state.restarts.load(Ordering::Relaxed));
        let kind = restarts.metric_type();
        let help = "Times the embedded engine was started again";
        restarts.encode(encoder.encode_descriptor("skein_engine_restarts", help, None, kind)?)
    }
}

pub fn register(registry: &mut Registry, child: Option<Arc<EngineState>>) {
    if let Some(state) = child {
        registry.register_collector(Box::new(ChildCollector { state }));
    }
}

/// Keeps what the engine tells of itself current.
pub async fn watch_engine(reader: Reader, metrics: Metrics) {
    let bytes: Family<TableLabel, Gauge> = Family::default();
    let rows: Family<TableLabel, Gauge> = Family::default();
    let parts: Family<TableLabel, Gauge> = Family::default();
    metrics.register(|registry| {
        registry.register("skein_table_bytes", "Bytes of a table on disk", bytes.clone());
        registry.register("skein_table_rows", "Rows of a table", rows.clone());
        registry.register("skein_table_parts", "Parts of a table, before they are merged", parts.clone());
    });
    let (counted, limit) = (Gauge::<i64>::default(), Gauge::<i64>::default());
    let mut is_told = false;
    loop {
        // While the engine is away the last figures stand. Where there is no limit there is nothing to be near to.
        if let Some(memory) = reader.engine_memory().await.ok().filter(|memory| memory.limit > 0) {
            counted.set(memory.counted);
            limit.set(memory.limit);
            if !is_told {
                is_told = true;
                let (counted, limit) = (counted.clone(), limit.clone());
                metrics.register(|registry| {
                    let help = "Memory the engine holds by its own count, which its limit is held against";
                    registry.register("skein_engine_counted_memory_bytes", help, counted);
                    let help = "Memory the engine may hold; it refuses what would take more";
                    registry.register("skein_engine_memory_limit_bytes", help, limit);
                });
            }
        }
        for size in reader.table_sizes().await.unwrap_or_default() {
            let label = TableLabel { table: size.table };
            bytes.get_or_create(&label).set(size.bytes as i64);
            rows.get_or_create(&label).set(size.rows as i64);
            parts.get_or_create(&label).set(size.parts as i64);
        }
        tokio::time::sleep(ASKED_EVERY).await;
    }
}
