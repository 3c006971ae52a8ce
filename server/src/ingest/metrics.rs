//! What the doors tell Prometheus. The doors move these figures; nothing here decides anything.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::queue::Kind;
use crate::scrub::Redaction;
use crate::telemetry::stages::Stages;
use crate::wire::otlp::{Reason, Refusal};

/// Where a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Door {
    OtlpGrpc,
    OtlpHttp,
    SimpleJson,
    Zipkin,
}

impl Door {
    pub fn name(self) -> &'static str {
        match self {
            Door::OtlpGrpc => "otlp_grpc",
            Door::OtlpHttp => "otlp_http",
            Door::SimpleJson => "simple_json",
            Door::Zipkin => "zipkin",
        }
    }
}

impl EncodeLabelValue for Door {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
        self.name().encode(encoder)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct DoorLabels {
    pub door: Door,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    pub door: Door,
    /// `ok`, `partial`, or the name of the error.
    pub outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RefusalLabels {
    pub door: Door,
    pub reason: ReasonLabel,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReasonLabel(pub Reason);

impl EncodeLabelValue for ReasonLabel {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
        self.0.name().encode(encoder)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RedactionLabels {
    pub door: Door,
    /// A detector, or a rule of the rules file.
    pub rule: String,
}

/// Clones share the same figures.
#[derive(Clone, Debug)]
pub struct IngestMetrics {
    pub requests: Family<RequestLabels, Counter>,
    pub accepted_spans: Family<DoorLabels, Counter>,
    pub refused_spans: Family<RefusalLabels, Counter>,
    pub redacted_values: Family<RedactionLabels, Counter>,
    pub accepted_logs: Family<DoorLabels, Counter>,
    pub refused_logs: Family<RefusalLabels, Counter>,
    /// Of requests turned away because their key had sent its share.
    pub rate_limited_spans: Family<DoorLabels, Counter>,
    pub received_bytes: Family<DoorLabels, Counter>,
    pub in_flight_bytes: Gauge,
    /// 1 while nothing is left out to hold the budget of spans.
    pub least_kept: Gauge<f64, AtomicU64>,
    pub ack_seconds: Histogram,
    /// Registered by whoever made them.
    pub stages: Stages,
}

fn full_share() -> Gauge<f64, AtomicU64> {
    let share = Gauge::default();
    share.set(1.0);
    share
}

impl Default for IngestMetrics {
    fn default() -> Self {
        IngestMetrics {
            requests: Family::default(),
            accepted_spans: Family::default(),
            refused_spans: Family::default(),
            redacted_values: Family::default(),
            accepted_logs: Family::default(),
            refused_logs: Family::default(),
            rate_limited_spans: Family::default(),
            received_bytes: Family::default(),
            in_flight_bytes: Gauge::default(),
            least_kept: full_share(),
            // 0.25 ms to 8 s
            ack_seconds: Histogram::new(exponential_buckets(0.000_25, 2.0, 16)),
            stages: Stages::default(),
        }
    }
}

impl IngestMetrics {
    /// Adds every figure to `registry` under `skein_ingest_`.
    pub fn register(&self, registry: &mut Registry) {
        let ingest = registry.sub_registry_with_prefix("skein_ingest");
        ingest.register("requests", "Requests, by door and outcome", self.requests.clone());
        ingest.register("accepted_spans", "Spans made durable, by door", self.accepted_spans.clone());
        ingest.register("refused_spans", "Spans refused, by door and reason", self.refused_spans.clone());
        ingest.register("accepted_logs", "Log records made durable, by door", self.accepted_logs.clone());
        ingest.register("refused_logs", "Log records refused, by door and reason", self.refused_logs.clone());
        ingest.register(
            "redacted_values",
            "Secrets taken out before the queue, by door and rule",
            self.redacted_values.clone(),
        );
        ingest.register(
            "rate_limited_spans",
            "Spans turned away because their key's rate was used up, by door",
            self.rate_limited_spans.clone(),
        );
        ingest.register(
            "received_bytes",
            "Bytes of bodies as they came, by door",
            self.received_bytes.clone(),
        );
        ingest.register(
            "in_flight_bytes",
            "Bytes of bodies being read, decoded or written to the queue",
            self.in_flight_bytes.clone(),
        );
        ingest.register(
            "least_kept_share",
            "Share of its spans that is left to the sender that is shed most",
            self.least_kept.clone(),
        );
        ingest.register(
            "ack_seconds",
            "Time from a body's last byte to its spans being durable",
            self.ack_seconds.clone(),
        );
    }

    pub fn count_request(&self, door: Door, outcome: &'static str) {
        self.requests.get_or_create(&RequestLabels { door, outcome }).inc();
    }

    pub fn count_taken(&self, door: Door, kind: Kind, accepted: u32, refused: &[Refusal]) {
        let (taken, not_taken) = match kind {
            Kind::Logs => (&self.accepted_logs, &self.refused_logs),
            Kind::Spans | Kind::Receipts => (&self.accepted_spans, &self.refused_spans),
        };
        taken.get_or_create(&DoorLabels { door }).inc_by(u64::from(accepted));
        for Refusal { reason, count, .. } in refused {
            let labels = RefusalLabels { door, reason: ReasonLabel(*reason) };
            not_taken.get_or_create(&labels).inc_by(u64::from(*count));
        }
    }

    pub fn count_redactions(&self, door: Door, redactions: &[Redaction]) {
        for Redaction { rule, count, .. } in redactions {
            let labels = RedactionLabels { door, rule: rule.clone() };
            self.redacted_values.get_or_create(&labels).inc_by(u64::from(*count));
        }
    }
}
