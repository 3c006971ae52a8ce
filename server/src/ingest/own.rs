//! The door for Skein's own spans: into the queue, under a tenant that no key may name. They are neither counted in
//! receipts nor traced, and never wait for room.

use model::{TenantId, Timestamp};

use crate::queue::{Kind, Queue, Record};
use crate::telemetry::own::OwnSpans;
use crate::wire::otlp::own::encode;

/// Puts what has ended into the queue.
pub async fn carry(own: &mut OwnSpans, queue: &dyn Queue, now: Timestamp) {
    let spans = own.some();
    if spans.is_empty() {
        return;
    }
    let count = spans.len() as u32;
    let body = encode(spans, &own.resource);
    let record = Record { tenant: TenantId::own(), received: now, kind: Kind::Spans, spans: count, body };
    match queue.append(record).await {
        Ok(()) => drop(own.metrics.queued.inc_by(count.into())),
        // A full queue has its own metric, and refuses others too.
        Err(_) => drop(own.metrics.dropped.inc_by(count.into())),
    }
}
