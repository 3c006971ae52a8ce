//! What the system knows of a process of ours.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

/// Linux counts memory in pages of this size on the machines we run on.
const PAGE_BYTES: u64 = 4_096;

/// Memory a process has now; zero where the system does not tell, or there is no such process.
pub fn memory_of(pid: u32) -> u64 {
    let pages = std::fs::read_to_string(format!("/proc/{pid}/statm"))
        .ok()
        .and_then(|text| text.split_whitespace().nth(1)?.parse::<u64>().ok());
    pages.unwrap_or(0) * PAGE_BYTES
}

#[derive(Debug)]
struct Own;

impl Collector for Own {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let memory = ConstGauge::new(memory_of(std::process::id()) as i64);
        let kind = memory.metric_type();
        let help = "Memory of the server's process, without the engine's";
        memory.encode(encoder.encode_descriptor("skein_memory_bytes", help, None, kind)?)
    }
}

pub fn register(registry: &mut Registry) {
    registry.register_collector(Box::new(Own));
}
