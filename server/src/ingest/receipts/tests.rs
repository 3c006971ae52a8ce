//! Rows, their bound, what stays when the queue takes nothing, and that ids stay out of examples.

use std::sync::Arc;

use super::*;
use crate::ingest::testing::{MemoryQueue, Mood};
use crate::wire::receipts::decode;

const T0: Timestamp = Timestamp(1_700_000_001_000_000_000);

fn origin(tenant: &TenantId) -> Origin<'_> {
    Origin { received: T0, tenant, key: "", door: Door::OtlpGrpc, kind: Kind::Spans }
}

async fn flushed(receipts: &Receipts, queue: &Arc<MemoryQueue>) -> Vec<Receipt> {
    receipts.flush(queue.as_ref(), T0).await.unwrap();
    let records = std::mem::take(&mut *queue.records.lock().unwrap());
    assert!(records.iter().all(|record| record.kind == Kind::Receipts && record.spans == 0));
    records.iter().flat_map(|record| decode(&record.body).unwrap().0).collect()
}

#[tokio::test]
async fn what_has_the_same_reason_is_one_row() {
    let (receipts, queue) = (Receipts::default(), Arc::new(MemoryQueue::default()));
    let tenant = TenantId::default();
    let refused = Event { example: "first", ..Event::of(Reason::NotUtf8, "cart", 3) };
    receipts.count(&origin(&tenant), &[Event::accepted("cart", 10), refused]);
    receipts.count(&origin(&tenant), &[Event { example: "second", ..refused }]);
    let mut rows = flushed(&receipts, &queue).await;
    rows.sort_by_key(|row| row.outcome);
    let [refused, accepted] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!((refused.reason.as_str(), refused.items, refused.requests), ("not_utf8", 6, 2));
    assert_eq!((refused.example.as_str(), refused.minute_secs % 60), ("first", 0));
    assert_eq!((accepted.outcome, accepted.items, accepted.requests), (Outcome::Accepted, 10, 1));
    assert!(flushed(&receipts, &queue).await.is_empty(), "what was flushed is not counted again");
}

#[tokio::test]
async fn what_the_queue_does_not_take_is_counted_once_later() {
    let (receipts, queue) = (Receipts::default(), Arc::new(MemoryQueue::default()));
    let tenant = TenantId::default();
    receipts.count(&origin(&tenant), &[Event::accepted("cart", 1)]);
    *queue.mood.lock().unwrap() = Mood::Full;
    assert!(receipts.flush(queue.as_ref(), T0).await.is_err());
    receipts.count(&origin(&tenant), &[Event::accepted("cart", 1)]);
    *queue.mood.lock().unwrap() = Mood::Takes;
    let rows = flushed(&receipts, &queue).await;
    assert_eq!(rows.iter().map(|row| (row.items, row.requests)).collect::<Vec<_>>(), [(2, 2)]);
}

#[tokio::test]
async fn beyond_the_bound_services_are_not_told_apart_and_nothing_is_lost() {
    let (receipts, queue) = (Receipts::default(), Arc::new(MemoryQueue::default()));
    let tenant = TenantId::default();
    let services = RECEIPT_ROWS_MAX + 500;
    for service in 0..services {
        let name = format!("service {service}");
        receipts.count(&origin(&tenant), &[Event::accepted(&name, 2)]);
    }
    // One that has a row keeps it.
    receipts.count(&origin(&tenant), &[Event::accepted("service 7", 2)]);
    let rows = flushed(&receipts, &queue).await;
    assert_eq!(rows.len(), RECEIPT_ROWS_MAX + 1);
    assert_eq!(rows.iter().map(|row| row.items).sum::<u64>(), 2 * (services as u64 + 1));
    let other: Vec<_> = rows.iter().filter(|row| row.service == RECEIPT_OTHER).collect();
    assert_eq!((other.len(), other[0].items, other[0].door.as_str()), (1, 1_000, RECEIPT_OTHER));
    let known = rows.iter().find(|row| row.service == "service 7").unwrap();
    assert_eq!(known.items, 4);
}

#[test]
fn examples_carry_no_ids() {
    assert_eq!(without_ids("span \"GET\" with trace id '0af7651916cd43dd8448eb211c80319c'"), {
        "span \"GET\" with trace id '…'"
    });
    assert_eq!(without_ids("0AF76519-16cd-43dd-8448-eb211c80319c, then 00f067aa0ba902b7"), "…, then …");
    assert_eq!(without_ids("line 12 column 7: bad face"), "line 12 column 7: bad face");
    assert_eq!(without_ids("Grüße, café — ebbed"), "Grüße, café — ebbed");
    assert_eq!(without_ids(""), "");
}
