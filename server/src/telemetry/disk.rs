//! How much room there is where the data lies.

use std::path::PathBuf;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

/// The folder's file system is asked each time metrics are.
#[derive(Debug)]
struct DataFolder(PathBuf);

impl Collector for DataFolder {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let Ok(disk) = rustix::fs::statvfs(&self.0) else { return Ok(()) };
        // What is kept back for the system's own user is not ours.
        let free = ("skein_data_free_bytes", "Room left for us on the data folder's disk", disk.f_bavail);
        let all = ("skein_data_disk_bytes", "Size of the data folder's disk", disk.f_blocks);
        for (name, help, blocks) in [free, all] {
            let bytes =
                ConstGauge::new(i64::try_from(blocks.saturating_mul(disk.f_frsize)).unwrap_or(i64::MAX));
            let kind = bytes.metric_type();
            bytes.encode(encoder.encode_descriptor(name, help, None, kind)?)?;
        }
        Ok(())
    }
}

pub fn register(registry: &mut Registry, data_dir: PathBuf) {
    registry.register_collector(Box::new(DataFolder(data_dir)));
}
