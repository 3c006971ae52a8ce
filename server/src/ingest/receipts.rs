//! Counts what became of everything that was sent, and puts the counts into the queue every few seconds.
//!
//! There they are as safe as spans are: stored once, whatever fails in between. What is lost when the process is killed
//! is what was counted since the last flush.
//!
//! Every row has an owner, so memory is bounded by the number of rows; when it is reached, what has no row yet is counted
//! in one row for its tenant, outcome and reason.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, PoisonError};

use model::receipt::{Outcome, Reason};
use model::{TenantId, Timestamp};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::metrics::Door;
use crate::limits::{RECEIPT_OTHER, RECEIPT_ROWS_MAX, RECEIPT_TEXT_MAX_CHARS, REFUSED_SPANS_HELD};
use crate::queue::{Kind, Queue, QueueError, Record};
use crate::wire::otlp::check::TurnedAway;
use crate::wire::receipts::{Receipt, RefusedSpan, encode};

const SECS_PER_MINUTE: u32 = 60;
const SECS_PER_DAY: u32 = 86_400;
/// An id has at least this many hexadecimal digits in a row.
const ID_MIN_DIGITS: usize = 16;

/// Whose request it is, and when and where it came.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    pub received: Timestamp,
    pub tenant: &'a TenantId,
    /// The key's name; empty for a sender without one.
    pub key: &'a str,
    pub door: Door,
    pub kind: Kind,
}

/// What some of a request came to.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    pub outcome: Outcome,
    pub reason: &'a str,
    pub service: &'a str,
    pub items: u64,
    /// In words without secrets; may be empty.
    pub example: &'a str,
}

impl<'a> Event<'a> {
    pub fn of(reason: Reason, service: &'a str, items: u64) -> Event<'a> {
        Event { outcome: reason.outcome(), reason: reason.name(), service, items, example: "" }
    }

    pub fn accepted(service: &'a str, items: u64) -> Event<'a> {
        Event { outcome: Outcome::Accepted, reason: "", service, items, example: "" }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    kind: &'static str,
    outcome: &'static str,
    reason: String,
}

#[derive(Clone, Debug, Default)]
pub struct ReceiptMetrics {
    items: Family<Labels, Counter>,
    rows: Gauge,
    merged: Counter,
    unnamed: Counter,
    failed_flushes: Counter,
}

impl ReceiptMetrics {
    pub fn register(&self, registry: &mut Registry) {
        let receipts = registry.sub_registry_with_prefix("skein_receipts");
        receipts.register("items", "Spans and log records, by what became of them", self.items.clone());
        receipts.register("rows", "Receipts that wait to enter the queue", self.rows.clone());
        receipts.register(
            "unnamed",
            "Refused spans whose ids are not written down, beyond the limit",
            self.unnamed.clone(),
        );
        receipts.register("merged", "Items whose service and key are not told apart", self.merged.clone());
        receipts.register(
            "failed_flushes",
            "Attempts to put receipts into the queue that failed and are repeated",
            self.failed_flushes.clone(),
        );
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Row {
    minute_secs: u32,
    tenant: String,
    key: String,
    door: &'static str,
    kind: Kind,
    service: String,
    outcome: Outcome,
    reason: String,
}

#[derive(Debug, Default)]
struct Count {
    items: u64,
    requests: u64,
    example: String,
}

#[derive(Debug, Default)]
pub struct Receipts {
    rows: Mutex<HashMap<Row, Count>>,
    refused: Mutex<Vec<RefusedSpan>>,
    metrics: ReceiptMetrics,
    /// One at a time: what fails is put back before the next begins.
    flushing: tokio::sync::Mutex<()>,
}

impl Receipts {
    pub fn new(metrics: ReceiptMetrics) -> Receipts {
        Receipts { metrics, ..Receipts::default() }
    }

    /// Counts what one request came to.
    pub fn count(&self, origin: &Origin<'_>, events: &[Event<'_>]) {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        for event in events {
            let labels = Labels {
                kind: kind_name(origin.kind),
                outcome: event.outcome.name(),
                reason: event.reason.to_owned(),
            };
            self.metrics.items.get_or_create(&labels).inc_by(event.items);
            let count = Count { items: event.items, requests: 1, example: without_ids(event.example) };
            self.add(&mut rows, row_of(origin, event), count);
        }
        self.metrics.rows.set(rows.len() as i64);
    }

    /// Writes down which spans were refused, as far as there is room.
    pub fn name(&self, origin: &Origin<'_>, spans: &[TurnedAway]) {
        if spans.is_empty() {
            return;
        }
        let received_secs = u32::try_from(origin.received.as_secs()).unwrap_or(u32::MAX);
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let room = REFUSED_SPANS_HELD.saturating_sub(refused.len());
        self.metrics.unnamed.inc_by(spans.len().saturating_sub(room) as u64);
        refused.extend(spans.iter().take(room).map(|span| RefusedSpan {
            tenant: origin.tenant.0.clone(),
            received_secs,
            trace_id: span.trace_id,
            span_id: u64::from_be_bytes(span.span_id),
            reason: span.reason.name().to_owned(),
        }));
    }

    fn add(&self, rows: &mut HashMap<Row, Count>, row: Row, count: Count) {
        let is_full = rows.len() >= RECEIPT_ROWS_MAX;
        let mut entry = rows.entry(row);
        if is_full && let Entry::Vacant(vacant) = entry {
            self.metrics.merged.inc_by(count.items);
            let row = merged(vacant.into_key());
            // Few even if the queue takes nothing for days.
            let step = if rows.len() < 2 * RECEIPT_ROWS_MAX { SECS_PER_MINUTE } else { SECS_PER_DAY };
            entry = rows.entry(Row { minute_secs: row.minute_secs - row.minute_secs % step, ..row });
        }
        let known = entry.or_default();
        known.items += count.items;
        known.requests += count.requests;
        if known.example.is_empty() {
            known.example = count.example;
        }
    }

    /// Puts what was counted into the queue. What it does not take is kept for the next time.
    pub async fn flush(&self, queue: &dyn Queue, now: Timestamp) -> Result<(), QueueError> {
        let _turn = self.flushing.lock().await;
        let taken = std::mem::take(&mut *self.rows.lock().unwrap_or_else(PoisonError::into_inner));
        self.metrics.rows.set(0);
        let refused = std::mem::take(&mut *self.refused.lock().unwrap_or_else(PoisonError::into_inner));
        if taken.is_empty() && refused.is_empty() {
            return Ok(());
        }
        let receipts: Vec<Receipt> = taken.iter().map(|(row, count)| receipt(row, count)).collect();
        let record = Record {
            tenant: TenantId::default(),
            received: now,
            kind: Kind::Receipts,
            spans: 0,
            body: encode(&receipts, &refused).into(),
        };
        let result = queue.append(record).await;
        if result.is_err() {
            self.metrics.failed_flushes.inc();
            let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
            for (row, count) in taken {
                self.add(&mut rows, row, count);
            }
            self.metrics.rows.set(rows.len() as i64);
            self.refused.lock().unwrap_or_else(PoisonError::into_inner).extend(refused);
        }
        result
    }
}

fn row_of(origin: &Origin<'_>, event: &Event<'_>) -> Row {
    let secs = u32::try_from(origin.received.as_secs()).unwrap_or(u32::MAX);
    Row {
        minute_secs: secs - secs % SECS_PER_MINUTE,
        tenant: origin.tenant.0.clone(),
        key: shortened(origin.key),
        door: origin.door.name(),
        kind: origin.kind,
        service: shortened(event.service),
        outcome: event.outcome,
        reason: event.reason.to_owned(),
    }
}

/// The row of all those that are not told apart.
fn merged(row: Row) -> Row {
    Row { key: RECEIPT_OTHER.to_owned(), door: RECEIPT_OTHER, service: RECEIPT_OTHER.to_owned(), ..row }
}

fn receipt(row: &Row, count: &Count) -> Receipt {
    Receipt {
        minute_secs: row.minute_secs,
        tenant: row.tenant.clone(),
        key: row.key.clone(),
        door: row.door.to_owned(),
        kind: kind_name(row.kind).to_owned(),
        service: row.service.clone(),
        outcome: row.outcome,
        reason: row.reason.clone(),
        items: count.items,
        requests: count.requests,
        example: count.example.clone(),
    }
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Logs => "logs",
        Kind::Spans | Kind::Receipts => "spans",
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(RECEIPT_TEXT_MAX_CHARS).collect()
}

/// The text with an ellipsis where an id stands: a receipt outlives the deletion of a trace.
fn without_ids(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_hexdigit()) {
        let (before, run) = rest.split_at(at);
        let end = run.find(|c: char| !c.is_ascii_hexdigit() && c != '-').unwrap_or(run.len());
        let (run, after) = run.split_at(end);
        out.push_str(before);
        let digits = run.bytes().filter(u8::is_ascii_hexdigit).count();
        out.push_str(if digits < ID_MIN_DIGITS { run } else { "…" });
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests;
