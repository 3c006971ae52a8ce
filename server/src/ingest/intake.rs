//! What all doors share: a body is unpacked, converted, checked and made durable, or turned away for a reason that
//! tells the sender whether to come back.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use model::Timestamp;
use thiserror::Error;
use tokio::sync::Semaphore;

use super::body::Held;
use super::budget::{Budget, NoRoom};
use super::decompress::{Coding, decompress};
use super::metrics::{Door, DoorLabels, IngestMetrics};
use super::sender::{Guard, Sender};
use crate::limits::{INTAKE_IN_FLIGHT_MAX_BYTES, REQUEST_MAX_BYTES, RETRY_AFTER};
use crate::queue::{Kind, Queue, QueueError, Record};
use crate::scrub::{Redaction, Scrubber, Shape};
use crate::wire::otlp::check::{check, check_logs};
use crate::wire::otlp::json::{Converted, NotJson};
use crate::wire::otlp::refusal::{Refusal, Refusals, shorten};
use crate::wire::otlp::{json, view};
use crate::wire::{simple, zipkin};

/// Bodies from here on are unpacked away from the threads that serve connections.
const HEAVY_FROM_BYTES: usize = 256 << 10;
/// How many such bodies at a time; JSON is several times its size while it is read.
const HEAVY_AT_A_TIME: usize = 2;

/// How the spans or log records of a body are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Protobuf,
    Json,
    SimpleJson,
    ZipkinJson,
    ZipkinProtobuf,
}

/// A request as it came through a door.
#[derive(Debug)]
pub struct Payload {
    pub body: Held,
    pub coding: Coding,
    pub format: Format,
    pub kind: Kind,
}

/// The accepted spans are durable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub accepted: u32,
    pub refused: Vec<Refusal>,
}

impl Outcome {
    pub fn refused_spans(&self) -> u32 {
        self.refused.iter().map(|refusal| refusal.count).sum()
    }
}

/// Why nothing of a request was taken.
#[derive(Debug, Error)]
pub enum IntakeError {
    #[error("{0}")]
    Malformed(String),
    #[error("the request is larger than {max_bytes} bytes, unpacked; send fewer spans at a time")]
    TooLarge { max_bytes: usize },
    #[error("the body did not arrive in time")]
    TooSlow,
    #[error("the connection ended before the body did")]
    Interrupted,
    #[error("the server is reading as many requests as it has memory for")]
    Busy,
    #[error("the key's rate of spans is used up")]
    RateLimited { pause: Duration },
    #[error("the queue is full")]
    Full,
    #[error("the server is shutting down")]
    Closed,
    #[error("the queue cannot write to disk")]
    Io(#[source] std::io::Error),
    #[error("the server failed to read the request")]
    Failed,
}

impl IntakeError {
    /// Names the outcome in metrics.
    pub fn name(&self) -> &'static str {
        match self {
            IntakeError::Malformed(_) => "malformed",
            IntakeError::TooLarge { .. } => "too_large",
            IntakeError::TooSlow => "too_slow",
            IntakeError::Interrupted => "interrupted",
            IntakeError::Busy => "busy",
            IntakeError::RateLimited { .. } => "rate_limited",
            IntakeError::Full => "full",
            IntakeError::Closed => "closed",
            IntakeError::Io(_) => "io",
            IntakeError::Failed => "failed",
        }
    }

    /// When the sender should try again; None if the same request would fail again.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            IntakeError::Busy | IntakeError::Full | IntakeError::Closed | IntakeError::Io(_) => {
                Some(RETRY_AFTER)
            }
            IntakeError::RateLimited { pause } => Some(*pause),
            _ => None,
        }
    }
}

impl From<NoRoom> for IntakeError {
    fn from(_: NoRoom) -> IntakeError {
        IntakeError::Busy
    }
}

impl From<view::Malformed> for IntakeError {
    fn from(error: view::Malformed) -> IntakeError {
        IntakeError::Malformed(format!("the body is not the protobuf message it should be: {error}"))
    }
}

impl From<NotJson> for IntakeError {
    fn from(error: NotJson) -> IntakeError {
        IntakeError::Malformed(shorten(error.to_string()))
    }
}

impl From<QueueError> for IntakeError {
    fn from(error: QueueError) -> IntakeError {
        match error {
            QueueError::Full { .. } => IntakeError::Full,
            QueueError::Closed => IntakeError::Closed,
            QueueError::RecordTooLarge { max_bytes, .. } => IntakeError::TooLarge { max_bytes },
            QueueError::Io(source) => IntakeError::Io(source),
        }
    }
}

/// The way from any door into the queue.
pub struct Intake {
    queue: Arc<dyn Queue>,
    metrics: IngestMetrics,
    budget: Budget,
    heavy: Semaphore,
    scrubber: Arc<Scrubber>,
    guard: Guard,
}

impl Intake {
    pub fn new(queue: Arc<dyn Queue>, metrics: IngestMetrics) -> Intake {
        Intake::with_budget(queue, metrics, INTAKE_IN_FLIGHT_MAX_BYTES)
    }

    pub fn with_budget(queue: Arc<dyn Queue>, metrics: IngestMetrics, max_bytes: usize) -> Intake {
        let budget = Budget::new(max_bytes, metrics.in_flight_bytes.clone());
        let (heavy, scrubber) = (Semaphore::new(HEAVY_AT_A_TIME), Arc::default());
        Intake { queue, metrics, budget, heavy, scrubber, guard: Guard::default() }
    }

    /// Scrubs by other rules than the built-in ones.
    #[must_use]
    pub fn with_scrubber(mut self, scrubber: Scrubber) -> Intake {
        self.scrubber = Arc::new(scrubber);
        self
    }

    /// Lets in only whom `guard` lets in; without one, everybody.
    #[must_use]
    pub fn guarded(self, guard: Guard) -> Intake {
        Intake { guard, ..self }
    }

    pub fn guard(&self) -> &Guard {
        &self.guard
    }

    /// What bodies are read against.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    pub fn metrics(&self) -> &IngestMetrics {
        &self.metrics
    }

    /// Returns once the good spans would survive a power cut.
    pub async fn accept(
        &self,
        sender: &Sender,
        payload: Payload,
        door: Door,
    ) -> Result<Outcome, IntakeError> {
        let began = Instant::now();
        let received = payload.body.bytes.len() as u64;
        self.metrics.received_bytes.get_or_create(&DoorLabels { door }).inc_by(received);
        let kind = payload.kind;
        let prepared = self.prepare(payload).await?;
        if let Err(error) = sender.admit(prepared.outcome.accepted) {
            let limited = self.metrics.rate_limited_spans.get_or_create(&DoorLabels { door });
            limited.inc_by(u64::from(prepared.outcome.accepted));
            return Err(error);
        }
        if prepared.outcome.accepted > 0 {
            let record = Record {
                tenant: sender.tenant.clone(),
                received: now(),
                kind,
                spans: prepared.outcome.accepted,
                body: prepared.body.bytes.clone(),
            };
            self.queue.append(record).await?;
        }
        self.metrics.count_taken(door, kind, prepared.outcome.accepted, &prepared.outcome.refused);
        self.metrics.count_redactions(door, &prepared.redactions);
        self.metrics.ack_seconds.observe(began.elapsed().as_secs_f64());
        Ok(prepared.outcome)
    }

    /// Counts how a request ended, and says once in the log what an operator must see.
    pub fn count(&self, door: Door, result: &Result<Outcome, IntakeError>) {
        let outcome = match result {
            Ok(outcome) if outcome.refused.is_empty() => "ok",
            Ok(_) => "partial",
            Err(error) => error.name(),
        };
        if let Err(error @ (IntakeError::Io(_) | IntakeError::Failed)) = result {
            tracing::error!(door = door.name(), error = error as &dyn std::error::Error, "spans not taken");
        }
        self.metrics.count_request(door, outcome);
    }

    async fn prepare(&self, payload: Payload) -> Result<Prepared, IntakeError> {
        if payload.body.bytes.len() < HEAVY_FROM_BYTES || payload.is_ready() {
            return prepare(payload, &self.scrubber);
        }
        let _turn = self.heavy.acquire().await.map_err(|_| IntakeError::Closed)?;
        let scrubber = Arc::clone(&self.scrubber);
        let preparing = tokio::task::spawn_blocking(move || prepare(payload, &scrubber));
        preparing.await.map_err(|_| IntakeError::Failed)?
    }
}

impl Payload {
    /// Whether the bytes need nothing but the check.
    fn is_ready(&self) -> bool {
        self.coding == Coding::Identity && self.format == Format::Protobuf
    }
}

/// What goes into the queue, and what the sender is told then.
struct Prepared {
    body: Held,
    outcome: Outcome,
    redactions: Vec<Redaction>,
}

fn prepare(payload: Payload, scrubber: &Scrubber) -> Result<Prepared, IntakeError> {
    let Held { bytes, mut share } = decompress(payload.body, payload.coding, REQUEST_MAX_BYTES)?;
    let converted = match payload.format {
        Format::Protobuf => Converted { body: bytes, refused: Refusals::default() },
        Format::Json if payload.kind == Kind::Logs => json::logs::convert(&bytes)?,
        Format::Json => json::convert(&bytes)?,
        Format::SimpleJson => simple::convert(&bytes)?,
        Format::ZipkinJson => zipkin::convert_json(&bytes)?,
        Format::ZipkinProtobuf => zipkin::convert_protobuf(&bytes)?,
    };
    if converted.body.len() > REQUEST_MAX_BYTES {
        return Err(IntakeError::TooLarge { max_bytes: REQUEST_MAX_BYTES });
    }
    let (checked, shape) = match payload.kind {
        Kind::Spans => (check(converted.body)?, Shape::Traces),
        Kind::Logs => (check_logs(converted.body)?, Shape::Logs),
    };
    let mut refused = converted.refused;
    for Refusal { reason, count, example } in checked.refused {
        refused.add(reason, count, || example);
    }
    let scrubbed = scrubber.apply(checked.body, shape);
    share.shrink_to(share.bytes().min(scrubbed.body.len()));
    let body = Held { bytes: scrubbed.body, share };
    let outcome = Outcome { accepted: checked.accepted, refused: refused.into_vec() };
    Ok(Prepared { body, outcome, redactions: scrubbed.redactions })
}

fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX))
}
