//! What all doors share: a body is unpacked, converted, checked and made durable, or turned away for a reason that
//! tells the sender whether to come back.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use model::Timestamp;
use model::receipt::{self, Reason};
use thiserror::Error;
use tokio::sync::Semaphore;

use super::body::Held;
use super::budget::{Budget, NoRoom, Share};
use super::decompress::{Coding, decompress};
use super::metrics::{Door, DoorLabels, IngestMetrics};
use super::receipts::{Event, Origin, Receipts};
use super::recent::{Print, Recent};
use super::sender::{Guard, Sender};
use super::shed::Shedder;
use crate::limits::{
    HEAVY_AT_A_TIME, HEAVY_FROM_BYTES, INTAKE_IN_FLIGHT_MAX_BYTES, REQUEST_MAX_BYTES, RETRY_AFTER,
};
use crate::queue::{Kind, Queue, QueueError, Record};
use crate::scrub::{Redaction, Scrubber, Shape};
use crate::telemetry::stages::{Stage, Stages};
use crate::wire::otlp::check::{Tally, check_and_thin, check_logs, refused};
use crate::wire::otlp::json::{Converted, NotJson};
use crate::wire::otlp::refusal::{Refusal, Unread, shorten};
use crate::wire::otlp::sampling::Threshold;
use crate::wire::otlp::{json, view};
use crate::wire::{simple, zipkin};

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

    /// Why, in the words of receipts.
    fn reason(&self) -> Reason {
        match self {
            IntakeError::Malformed(_) => Reason::RequestMalformed,
            IntakeError::TooLarge { .. } => Reason::RequestTooLarge,
            IntakeError::TooSlow => Reason::TooSlow,
            IntakeError::Interrupted => Reason::Interrupted,
            IntakeError::Busy => Reason::Busy,
            IntakeError::RateLimited { .. } => Reason::KeyRate,
            IntakeError::Full => Reason::QueueFull,
            IntakeError::Closed => Reason::Stopping,
            IntakeError::Io(_) => Reason::DiskFailed,
            IntakeError::Failed => Reason::Failed,
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
    receipts: Arc<Receipts>,
    recent: Recent,
    /// None while there is no budget of spans.
    shedder: Option<Shedder>,
}

impl Intake {
    pub fn new(queue: Arc<dyn Queue>, metrics: IngestMetrics) -> Intake {
        Intake::with_budget(queue, metrics, INTAKE_IN_FLIGHT_MAX_BYTES)
    }

    pub fn with_budget(queue: Arc<dyn Queue>, metrics: IngestMetrics, max_bytes: usize) -> Intake {
        let budget = Budget::new(max_bytes, metrics.in_flight_bytes.clone());
        let (heavy, scrubber) = (Semaphore::new(HEAVY_AT_A_TIME), Arc::default());
        let (receipts, recent) = (Arc::default(), Recent::default());
        let (guard, shedder) = (Guard::default(), None);
        Intake { queue, metrics, budget, heavy, scrubber, guard, receipts, recent, shedder }
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

    /// Counts in these.
    #[must_use]
    pub fn counting_in(self, receipts: Arc<Receipts>) -> Intake {
        Intake { receipts, ..self }
    }

    /// Holds a budget of spans a second.
    #[must_use]
    pub fn shedding(self, shedder: Shedder) -> Intake {
        Intake { shedder: Some(shedder), ..self }
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

    /// What became of everything that came.
    pub fn receipts(&self) -> &Arc<Receipts> {
        &self.receipts
    }

    /// Takes what a door reads, and returns once the good spans would survive a power cut. However it ends is counted,
    /// and logged where an operator must see it.
    pub async fn take(
        &self,
        sender: &Sender,
        door: Door,
        kind: Kind,
        reading: impl Future<Output = Result<Payload, IntakeError>>,
    ) -> Result<Outcome, IntakeError> {
        let received = now();
        let result = match reading.await {
            Ok(payload) => self.accept(sender, payload, door, received).await,
            Err(error) => Err(NotTaken { error, tallies: Vec::new() }),
        };
        let outcome = match &result {
            Ok(taken) if taken.outcome.refused.is_empty() => "ok",
            Ok(_) => "partial",
            Err(failed) => failed.error.name(),
        };
        self.metrics.count_request(door, outcome);
        let origin = Origin { received, tenant: &sender.tenant, key: sender.label(), door, kind };
        match result {
            Ok(taken) => {
                self.metrics.count_taken(door, kind, taken.outcome.accepted, &taken.outcome.refused);
                self.metrics.count_redactions(door, &taken.redactions);
                self.receipt_of_taken(&origin, &taken);
                Ok(taken.outcome)
            }
            Err(NotTaken { error, tallies }) => {
                self.receipt_of_not_taken(&origin, &error, &tallies);
                if let IntakeError::Io(_) | IntakeError::Failed = error {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(door = door.name(), error, "spans not taken");
                }
                Err(error)
            }
        }
    }

    /// Counts a request that was turned away before its body was read.
    pub fn refuse(&self, sender: &Sender, door: Door, kind: Kind, reason: Reason) {
        self.metrics.count_request(door, reason.name());
        let origin = Origin { received: now(), tenant: &sender.tenant, key: sender.label(), door, kind };
        self.receipts.count(&origin, &[Event::of(reason, "", 0)]);
    }

    async fn accept(
        &self,
        sender: &Sender,
        payload: Payload,
        door: Door,
        received: Timestamp,
    ) -> Result<Taken, NotTaken> {
        let began = Instant::now();
        let length = payload.body.bytes.len() as u64;
        self.metrics.received_bytes.get_or_create(&DoorLabels { door }).inc_by(length);
        let kind = payload.kind;
        let threshold = self.threshold(sender, kind, began);
        let prepared = self.prepare(payload, Moment { received, threshold }).await?;
        let Prepared { body, tallies, redactions } = prepared;
        let accepted = tallies.iter().map(|tally| tally.accepted).sum();
        self.note_load(sender, kind, &tallies);
        if let Err(error) = sender.admit(accepted) {
            let limited = self.metrics.rate_limited_spans.get_or_create(&DoorLabels { door });
            limited.inc_by(u64::from(accepted));
            return Err(NotTaken { error, tallies });
        }
        if accepted > 0 {
            let record = Record {
                tenant: sender.tenant.clone(),
                received,
                kind,
                spans: accepted,
                body: body.bytes.clone(),
            };
            let appending = Instant::now();
            let appended = self.queue.append(record).await;
            self.metrics.stages.count(Stage::Append, appending.elapsed(), appended.is_err());
            if let Err(error) = appended {
                return Err(NotTaken { error: error.into(), tallies });
            }
        }
        self.metrics.ack_seconds.observe(began.elapsed().as_secs_f64());
        let is_again = accepted > 0 && self.recent.has_seen(Print::of(&sender.tenant, &body.bytes));
        let outcome = Outcome { accepted, refused: refused(&tallies) };
        Ok(Taken { outcome, tallies, redactions, is_again })
    }

    fn threshold(&self, sender: &Sender, kind: Kind, now: Instant) -> Threshold {
        match &self.shedder {
            Some(shedder) if kind == Kind::Spans => shedder.threshold(&sender.name(), now),
            _ => Threshold::NONE,
        }
    }

    fn note_load(&self, sender: &Sender, kind: Kind, tallies: &[Tally]) {
        if let (Some(shedder), Kind::Spans) = (&self.shedder, kind) {
            let kept: u64 = tallies.iter().map(|tally| u64::from(tally.accepted)).sum();
            let shed: u64 = tallies.iter().map(|tally| u64::from(tally.shed())).sum();
            shedder.count(&sender.name(), kept + shed, kept);
            self.metrics.least_kept.set(shedder.least_kept());
        }
    }

    fn receipt_of_taken(&self, origin: &Origin<'_>, taken: &Taken) {
        let mut events = Vec::with_capacity(taken.tallies.len());
        let examples: Vec<String> = taken
            .tallies
            .iter()
            .flat_map(|t| t.refused.iter())
            .map(|r| self.scrubber.text(&r.example))
            .collect();
        let mut examples = examples.iter();
        for tally in &taken.tallies {
            if tally.accepted > 0 {
                events.push(Event::accepted(&tally.service, tally.accepted.into()));
            }
            for refusal in tally.refused.iter() {
                let example = examples.next().map_or("", String::as_str);
                let event = Event::of(refusal.reason, &tally.service, refusal.count.into());
                events.push(Event { example, ..event });
            }
            self.receipts.name(origin, &tally.turned_away);
            for (reason, count) in tally.noticed() {
                events.push(Event::of(reason, &tally.service, count.into()));
            }
            if taken.is_again && tally.accepted > 0 {
                events.push(Event::of(Reason::SentAgain, &tally.service, tally.accepted.into()));
            }
        }
        // The scrubber does not tell services apart.
        let mut kept = taken.tallies.iter().filter(|tally| tally.accepted > 0);
        let service = kept.next().filter(|_| kept.next().is_none()).map_or("", |tally| &tally.service);
        for redaction in &taken.redactions {
            let (reason, items) = (redaction.rule.as_str(), redaction.count.into());
            let outcome = receipt::Outcome::Redacted;
            events.push(Event { outcome, reason, service, items, example: &redaction.example });
        }
        self.receipts.count(origin, &events);
    }

    /// All that came is turned away together, the bad spans among it too: nothing was said of them.
    fn receipt_of_not_taken(&self, origin: &Origin<'_>, error: &IntakeError, tallies: &[Tally]) {
        let reason = error.reason();
        let example = match error {
            IntakeError::Malformed(_) => self.scrubber.text(&error.to_string()),
            _ => String::new(),
        };
        if tallies.is_empty() {
            let event = Event::of(reason, "", 0);
            return self.receipts.count(origin, &[Event { example: &example, ..event }]);
        }
        let events = tallies.iter().map(|tally| Event::of(reason, &tally.service, tally.items().into()));
        self.receipts.count(origin, &events.collect::<Vec<_>>());
    }

    async fn prepare(&self, payload: Payload, moment: Moment) -> Result<Prepared, IntakeError> {
        if payload.body.bytes.len() < HEAVY_FROM_BYTES || payload.is_ready() {
            return prepare(payload, &self.scrubber, moment, &self.metrics.stages);
        }
        let _turn = self.heavy.acquire().await.map_err(|_| IntakeError::Closed)?;
        let (scrubber, stages) = (Arc::clone(&self.scrubber), self.metrics.stages.clone());
        let preparing = tokio::task::spawn_blocking(move || prepare(payload, &scrubber, moment, &stages));
        preparing.await.map_err(|_| IntakeError::Failed)?
    }
}

impl Payload {
    /// Whether the bytes need nothing but the check.
    fn is_ready(&self) -> bool {
        self.coding == Coding::Identity && self.format == Format::Protobuf
    }
}

/// What a request is judged by, beside itself.
#[derive(Clone, Copy)]
struct Moment {
    received: Timestamp,
    threshold: Threshold,
}

/// What goes into the queue, and what is said of it.
struct Prepared {
    body: Held,
    tallies: Vec<Tally>,
    redactions: Vec<Redaction>,
}

/// A request whose good spans are durable.
struct Taken {
    outcome: Outcome,
    tallies: Vec<Tally>,
    redactions: Vec<Redaction>,
    /// The same bytes had been taken before.
    is_again: bool,
}

/// A request of which nothing was taken; the tallies are empty if it was not read so far.
struct NotTaken {
    error: IntakeError,
    tallies: Vec<Tally>,
}

impl From<IntakeError> for NotTaken {
    fn from(error: IntakeError) -> NotTaken {
        NotTaken { error, tallies: Vec::new() }
    }
}

fn prepare(
    payload: Payload,
    scrubber: &Scrubber,
    moment: Moment,
    stages: &Stages,
) -> Result<Prepared, IntakeError> {
    let Moment { received, threshold } = moment;
    let kind = payload.kind;
    let (converted, mut share) = stages.pass(Stage::Decode, || decode(payload))?;
    let (body, unread) = (converted.body, converted.refused);
    let (checked, shape) = stages
        .pass(Stage::Validate, || match kind {
            Kind::Spans => Ok((check_and_thin(body, received, threshold)?, Shape::Traces)),
            Kind::Logs | Kind::Receipts => Ok((check_logs(body, received)?, Shape::Logs)),
        })
        .map_err(|error: view::Malformed| IntakeError::from(error))?;
    let mut tallies = checked.tallies;
    tallies.extend(unread.into_services().map(Tally::unread));
    let scrubbing = Instant::now();
    let scrubbed = scrubber.apply(checked.body, shape);
    stages.count(Stage::Scrub, scrubbing.elapsed(), false);
    share.shrink_to(share.bytes().min(scrubbed.body.len()));
    let body = Held { bytes: scrubbed.body, share };
    Ok(Prepared { body, tallies, redactions: scrubbed.redactions })
}

/// The body as OTLP's protobuf, unpacked.
fn decode(payload: Payload) -> Result<(Converted, Share), IntakeError> {
    let Held { bytes, share } = decompress(payload.body, payload.coding, REQUEST_MAX_BYTES)?;
    let converted = match payload.format {
        Format::Protobuf => Converted { body: bytes, refused: Unread::default() },
        Format::Json if payload.kind == Kind::Logs => json::logs::convert(&bytes)?,
        Format::Json => json::convert(&bytes)?,
        Format::SimpleJson => simple::convert(&bytes)?,
        Format::ZipkinJson => zipkin::convert_json(&bytes)?,
        Format::ZipkinProtobuf => zipkin::convert_protobuf(&bytes)?,
    };
    if converted.body.len() > REQUEST_MAX_BYTES {
        return Err(IntakeError::TooLarge { max_bytes: REQUEST_MAX_BYTES });
    }
    Ok((converted, share))
}

fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX))
}
