//! The names a dashboard relies on, and the age worked out at a scrape.

use model::{Nanos, Timestamp};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use super::{OldestAge, QueueMetrics, Refusal};

#[test]
fn every_figure_is_exposed_under_its_name() {
    let metrics = QueueMetrics::default();
    let mut registry = Registry::default();
    metrics.register(&mut registry);
    metrics.count_refusal(Refusal::TooLarge);
    metrics.bytes.set(42);
    metrics.fsync_seconds.observe(0.001);

    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    for line in [
        "skein_queue_bytes 42",
        "skein_queue_segments 0",
        "skein_queue_pending_bytes 0",
        "skein_queue_appended_records_total 0",
        "skein_queue_appended_spans_total 0",
        "skein_queue_appended_bytes_total 0",
        "skein_queue_commits_total 0",
        "skein_queue_failed_commits_total 0",
        "skein_queue_fsync_seconds_count 1",
        "skein_queue_refused_total{reason=\"TooLarge\"} 1",
        "skein_queue_torn_bytes_total 0",
        "skein_queue_damaged_segments_total 0",
        "skein_queue_oldest_age_seconds 0.0",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is missing from\n{text}");
    }
}

#[test]
fn age_counts_from_the_oldest_arrival() {
    let oldest = OldestAge::default();
    let now = Timestamp::from_secs(100);
    assert_eq!(oldest.secs_at(now), 0.0);
    oldest.set(Some(now.minus(Nanos::from_secs(7))));
    assert_eq!(oldest.secs_at(now), 7.0);
    oldest.set(Some(now.plus(Nanos::from_secs(7))));
    assert_eq!(oldest.secs_at(now), 0.0, "a clock set back shows no age rather than a huge one");
}
