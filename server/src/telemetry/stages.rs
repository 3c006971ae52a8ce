//! Rate, errors and durations of what every request, batch and question goes through. Requests themselves are not
//! traced: there are too many.

use std::sync::Arc;
use std::time::{Duration, Instant};

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// In the order a span meets them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// A body is unpacked and, if it is not OTLP's protobuf, made so.
    Decode,
    Validate,
    Scrub,
    /// Until the disk has it.
    Append,
    /// A batch becomes columns.
    Columns,
    /// One block into one table.
    Insert,
    /// A slice of time.
    Settle,
    /// One statement of a question.
    Query,
}

impl Stage {
    pub const ALL: [Stage; 8] = [
        Stage::Decode,
        Stage::Validate,
        Stage::Scrub,
        Stage::Append,
        Stage::Columns,
        Stage::Insert,
        Stage::Settle,
        Stage::Query,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Stage::Decode => "decode",
            Stage::Validate => "validate",
            Stage::Scrub => "scrub",
            Stage::Append => "append",
            Stage::Columns => "columns",
            Stage::Insert => "insert",
            Stage::Settle => "settle",
            Stage::Query => "query",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    stage: Name,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Name(Stage);

impl EncodeLabelValue for Name {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
        self.0.name().encode(encoder)
    }
}

/// Clones share the same figures.
#[derive(Clone, Debug)]
pub struct Stages {
    seconds: Family<Labels, Histogram, fn() -> Histogram>,
    failures: Family<Labels, Counter>,
    /// Looked up once: a request passes four of them.
    each: Arc<[(Histogram, Counter); Stage::ALL.len()]>,
}

/// 10 µs to 84 s.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.000_01, 2.0, 24))
}

impl Default for Stages {
    fn default() -> Self {
        let family = Family::<Labels, Histogram, fn() -> Histogram>::new_with_constructor(seconds);
        let failures: Family<Labels, Counter> = Family::default();
        let each = Stage::ALL.map(|stage| {
            let labels = Labels { stage: Name(stage) };
            (family.get_or_create(&labels).clone(), failures.get_or_create(&labels).clone())
        });
        Stages { seconds: family, failures, each: Arc::new(each) }
    }
}

impl Stages {
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("skein_stage");
        registry.register("seconds", "Time one pass through a stage took", self.seconds.clone());
        registry.register("failures", "Passes through a stage that failed", self.failures.clone());
    }

    /// A pass through a stage, and whether it failed.
    pub fn count(&self, stage: Stage, took: Duration, is_failed: bool) {
        let (seconds, failures) = &self.each[stage as usize];
        seconds.observe(took.as_secs_f64());
        if is_failed {
            failures.inc();
        }
    }

    /// Goes through a stage.
    pub fn pass<T, E>(&self, stage: Stage, doing: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let began = Instant::now();
        let result = doing();
        self.count(stage, began.elapsed(), result.is_err());
        result
    }
}
