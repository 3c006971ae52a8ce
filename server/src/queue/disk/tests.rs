//! The queue's promise, one behaviour a test: what comes out, what is refused, what survives.

use std::fs;
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::Bytes;
use model::{TenantId, Timestamp};
use tempfile::TempDir;

use super::*;
use crate::queue::Kind;
use faulty::FaultyDisk;

mod crash;
mod failure;
mod faulty;

/// A queue on a real disk, in a folder of its own.
struct Fixture {
    folder: TempDir,
    options: Options,
    metrics: QueueMetrics,
}

impl Fixture {
    /// Seals by size only, so that nothing depends on time.
    fn new() -> Fixture {
        let options = Options { segment_max_age: Duration::MAX, ..Options::default() };
        let folder = tempfile::tempdir().unwrap();
        Fixture { folder, options, metrics: QueueMetrics::default() }
    }

    fn with(change: impl FnOnce(&mut Options)) -> Fixture {
        let mut fixture = Fixture::new();
        change(&mut fixture.options);
        fixture
    }

    fn dir(&self) -> &Path {
        self.folder.path()
    }

    fn open(&self) -> DiskQueue {
        DiskQueue::open(self.dir(), self.options.clone(), self.metrics.clone()).unwrap()
    }

    fn open_on(&self, disk: &Arc<FaultyDisk>) -> DiskQueue {
        let files = Arc::new(Arc::clone(disk)) as Arc<dyn Files>;
        DiskQueue::open_with(self.dir(), self.options.clone(), self.metrics.clone(), files).unwrap()
    }

    fn refused(&self, reason: Refusal) -> u64 {
        let labels = crate::queue::metrics::RefusalLabels { reason };
        self.metrics.refused.get_or_create(&labels).get()
    }

    fn bytes_on_disk(&self) -> u64 {
        fs::read_dir(self.dir()).unwrap().map(|e| e.unwrap().metadata().unwrap().len()).sum()
    }

    fn files(&self) -> usize {
        fs::read_dir(self.dir()).unwrap().count()
    }
}

/// Distinct in every field, so that a mix-up shows.
fn record(number: u64, body_bytes: usize) -> Record {
    let body: Vec<u8> = (0..body_bytes).map(|i| (number as usize + i) as u8).collect();
    Record {
        tenant: TenantId(format!("tenant-{}", number % 3)),
        received: Timestamp(1_000 + number),
        kind: if number.is_multiple_of(4) { Kind::Logs } else { Kind::Spans },
        spans: 1,
        body: Bytes::from(body),
    }
}

async fn append_all(queue: &DiskQueue, records: &[Record]) {
    for record in records {
        queue.append(record.clone()).await.unwrap();
    }
}

async fn take(queue: &DiskQueue) -> Batch {
    queue.next_batch().await.unwrap().expect("a batch waits")
}

/// Everything left, in order, none of it acknowledged.
async fn drain(queue: &DiskQueue) -> Vec<Batch> {
    queue.close().await;
    let mut batches = Vec::new();
    while let Some(batch) = queue.next_batch().await.unwrap() {
        batches.push(batch);
    }
    batches
}

fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> bool {
    future.poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

// === the way through ===

#[tokio::test]
async fn records_come_out_as_they_went_in() {
    let fixture = Fixture::with(|o| o.segment_max_spans = 3);
    let queue = fixture.open();
    let records: Vec<Record> = (0..3).map(|n| record(n, n as usize * 100)).collect();
    append_all(&queue, &records).await;
    let batch = take(&queue).await;
    assert_eq!(batch.records, records);
    let (run, sequence) = batch.token.split_once('-').unwrap();
    assert_eq!((run.len(), sequence), (32, "1"));
}

#[tokio::test]
async fn a_segment_is_sealed_when_full_of_bytes() {
    let fixture = Fixture::with(|o| o.segment_max_bytes = 1_000);
    let queue = fixture.open();
    let records: Vec<Record> = (0..6).map(|n| record(n, 400)).collect();
    append_all(&queue, &records).await;
    let batches = drain(&queue).await;
    let sizes: Vec<usize> = batches.iter().map(|b| b.records.len()).collect();
    assert_eq!(sizes, [2, 2, 2]);
    assert!(fs::read_dir(fixture.dir()).unwrap().all(|e| e.unwrap().metadata().unwrap().len() <= 1_000));
}

#[tokio::test]
async fn a_segment_is_sealed_when_old() {
    let fixture = Fixture::with(|o| o.segment_max_age = Duration::from_millis(1));
    let queue = fixture.open();
    for number in 0..3 {
        append_all(&queue, &[record(number, 10)]).await;
        assert_eq!(take(&queue).await.records, [record(number, 10)]);
    }
}

#[tokio::test]
async fn a_segment_grows_while_the_reader_has_others_to_take() {
    let fixture = Fixture::with(|o| o.segment_max_age = Duration::ZERO);
    let queue = fixture.open();
    let records: Vec<Record> = (0..50).map(|n| record(n, 10)).collect();
    append_all(&queue, &records).await;
    assert_eq!(take(&queue).await.records, records[..1]);
    assert_eq!(take(&queue).await.records, records[1..], "the rest was not cut into 49 batches");
}

#[tokio::test]
async fn a_record_larger_than_a_segment_gets_its_own() {
    let fixture = Fixture::with(|o| {
        o.segment_max_bytes = 1_000;
        o.pending_max_bytes = 1_000;
    });
    let queue = fixture.open();
    let big = record(1, 20 << 20);
    append_all(&queue, &[record(0, 10), big.clone(), record(2, 10)]).await;
    let batches = drain(&queue).await;
    assert_eq!(batches.len(), 3);
    assert_eq!(batches[1].records, [big]);
}

#[tokio::test]
async fn an_empty_body_and_tenant_are_records_too() {
    let fixture = Fixture::new();
    let queue = fixture.open();
    let empty = Record { tenant: TenantId(String::new()), body: Bytes::new(), ..record(1, 0) };
    append_all(&queue, std::slice::from_ref(&empty)).await;
    assert_eq!(drain(&queue).await[0].records, [empty]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_appenders_at_once_lose_nothing() {
    let fixture = Fixture::with(|o| o.segment_max_bytes = 100_000);
    let queue = Arc::new(fixture.open());
    let appends = (0..3_000).map(|number| {
        let queue = Arc::clone(&queue);
        tokio::spawn(async move { queue.append(record(number, 300)).await })
    });
    for append in appends.collect::<Vec<_>>() {
        append.await.unwrap().unwrap();
    }
    let mut records: Vec<Record> = drain(&queue).await.into_iter().flat_map(|b| b.records).collect();
    records.sort_by_key(|r| r.received);
    assert_eq!(records, (0..3_000).map(|n| record(n, 300)).collect::<Vec<_>>());
    assert_eq!(fixture.metrics.pending_bytes.get(), 0);
}

#[tokio::test]
async fn records_that_wait_share_one_commit() {
    let fixture = Fixture::new();
    let disk = FaultyDisk::new();
    let queue = Arc::new(fixture.open_on(&disk));
    disk.set(|d| d.stalled = true);
    let first = Arc::clone(&queue);
    let first = tokio::spawn(async move { first.append(record(0, 300)).await });
    disk.stalls().await;
    let others: Vec<_> = (1..3_000)
        .map(|number| {
            let queue = Arc::clone(&queue);
            tokio::spawn(async move { queue.append(record(number, 300)).await })
        })
        .collect();
    let all_bytes: usize = (0..3_000).map(|n| segment::record_bytes(&record(n, 300))).sum();
    while queue.pending_bytes.available_permits() + all_bytes > fixture.options.pending_max_bytes {
        tokio::task::yield_now().await;
    }
    disk.set(|d| d.stalled = false);
    first.await.unwrap().unwrap();
    for other in others {
        other.await.unwrap().unwrap();
    }
    assert_eq!(fixture.metrics.commits.get(), 2);
    assert_eq!(fixture.metrics.appended_spans.get(), 3_000);
}

// === batches ===

#[tokio::test]
async fn batches_are_acknowledged_in_any_order_and_twice() {
    let fixture = Fixture::with(|o| o.segment_max_spans = 1);
    let queue = fixture.open();
    append_all(&queue, &[record(0, 10), record(1, 10), record(2, 10)]).await;
    let (first, second, third) = (take(&queue).await, take(&queue).await, take(&queue).await);
    assert_eq!([&first.records[0], &third.records[0]], [&record(0, 10), &record(2, 10)]);
    for id in [third.id, first.id, first.id, 999] {
        queue.acknowledge(id).await.unwrap();
    }
    assert_eq!(fixture.files(), 1);
    drop(queue);
    assert_eq!(drain(&fixture.open()).await, [second], "handed out again, the same");
}

#[test]
fn a_batch_nobody_received_is_handed_out_again() {
    let fixture = Fixture::with(|o| o.segment_max_spans = 1);
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().max_blocking_threads(1).build().unwrap().block_on(async {
        let queue = fixture.open();
        append_all(&queue, &[record(0, 10), record(1, 10)]).await;
        let (busy_until, busy) = std::sync::mpsc::channel::<()>();
        let occupied = tokio::task::spawn_blocking(move || busy.recv());
        {
            let mut lost = pin!(queue.next_batch());
            assert!(!poll_once(lost.as_mut()), "no thread is free to read it");
        }
        drop(busy_until);
        occupied.await.unwrap().unwrap_err();
        let mut batches = drain(&queue).await;
        batches.sort_by_key(|b| b.id);
        assert_eq!(batches.len(), 2);
        assert_eq!(batches[0].records, [record(0, 10)]);
    });
}

#[tokio::test]
async fn tokens_never_repeat_even_when_every_file_is_gone() {
    let fixture = Fixture::with(|o| o.segment_max_spans = 1);
    let mut tokens = std::collections::HashSet::new();
    for number in 0..4 {
        let queue = fixture.open();
        append_all(&queue, &[record(number, 10), record(number, 10)]).await;
        for batch in drain(&queue).await {
            assert!(tokens.insert(batch.token), "a token was used twice");
            queue.acknowledge(batch.id).await.unwrap();
        }
        assert_eq!(fixture.files(), 0);
    }
}

// === bounds ===

#[tokio::test]
async fn a_full_queue_refuses_at_once_until_a_batch_is_stored() {
    let fixture = Fixture::with(|o| {
        o.max_bytes = 2_000;
        o.segment_max_spans = 2;
    });
    let queue = fixture.open();
    let mut taken = 0;
    let error = loop {
        match queue.append(record(taken, 300)).await {
            Ok(()) => taken += 1,
            Err(error) => break error,
        }
        assert!(fixture.bytes_on_disk() <= 2_000);
    };
    assert!(matches!(error, QueueError::Full { used_bytes: 1.., max_bytes: 2_000 }), "{error}");
    assert_eq!((taken, fixture.refused(Refusal::Full)), (5, 1));
    assert_eq!(fixture.metrics.bytes.get() as u64, fixture.bytes_on_disk());

    let batch = take(&queue).await;
    assert!(queue.append(record(9, 300)).await.is_err(), "handed out is not yet stored");
    queue.acknowledge(batch.id).await.unwrap();
    append_all(&queue, &[record(9, 300)]).await;
    assert_eq!(fixture.metrics.bytes.get() as u64, fixture.bytes_on_disk());
}

#[tokio::test]
async fn what_an_earlier_run_left_counts_against_the_bound() {
    let mut fixture = Fixture::new();
    append_all(&fixture.open(), &[record(0, 1_000)]).await;
    fixture.options.max_bytes = 1_200;
    let queue = fixture.open();
    assert!(matches!(queue.append(record(1, 200)).await, Err(QueueError::Full { .. })));
    let batch = take(&queue).await;
    queue.acknowledge(batch.id).await.unwrap();
    append_all(&queue, &[record(1, 200)]).await;
}

#[tokio::test]
async fn a_record_that_can_never_fit_is_told_apart_from_a_full_queue() {
    let fixture = Fixture::with(|o| o.record_max_bytes = 1_000);
    let queue = fixture.open();
    let error = queue.append(record(0, 1_000)).await.unwrap_err();
    assert!(matches!(error, QueueError::RecordTooLarge { bytes: 1_008, max_bytes: 1_000 }), "{error}");
    append_all(&queue, &[record(0, 992)]).await;

    let fixture = Fixture::with(|o| o.max_bytes = 500);
    let queue = fixture.open();
    assert!(matches!(queue.append(record(0, 600)).await, Err(QueueError::RecordTooLarge { .. })));
    assert_eq!(fixture.refused(Refusal::TooLarge), 1);
}

#[tokio::test]
async fn appenders_wait_for_room_while_commits_keep_coming() {
    let fixture = Fixture::with(|o| o.pending_max_bytes = 400);
    let queue = Arc::new(fixture.open());
    let appends = (0..200).map(|number| {
        let queue = Arc::clone(&queue);
        tokio::spawn(async move { queue.append(record(number, 300)).await })
    });
    for append in appends.collect::<Vec<_>>() {
        append.await.unwrap().unwrap();
    }
    assert_eq!(fixture.metrics.commits.get(), 200, "one fits at a time");
}

// === the end ===

#[tokio::test]
async fn closing_drains_and_ends() {
    let fixture = Fixture::new();
    let queue = Arc::new(fixture.open());
    append_all(&queue, &[record(0, 10), record(1, 10)]).await;
    let reader = Arc::clone(&queue);
    let reader = tokio::spawn(async move {
        let batch = take(&reader).await;
        (batch, reader.next_batch().await.unwrap())
    });
    queue.close().await;
    assert!(matches!(queue.append(record(2, 10)).await, Err(QueueError::Closed)));
    let (batch, end) = reader.await.unwrap();
    assert_eq!(batch.records.len(), 2);
    assert_eq!(end, None);
    queue.acknowledge(batch.id).await.unwrap();
    assert_eq!((fixture.files(), fixture.refused(Refusal::Closed)), (0, 1));
}

#[tokio::test]
async fn a_reader_waiting_on_an_empty_queue_is_woken_by_its_end() {
    let queue = Arc::new(Fixture::new().open());
    let reader = Arc::clone(&queue);
    let reader = tokio::spawn(async move { reader.next_batch().await });
    tokio::task::yield_now().await;
    queue.close().await;
    assert_eq!(reader.await.unwrap().unwrap(), None);
}

#[tokio::test]
async fn dropping_the_queue_writes_what_it_was_given() {
    let fixture = Fixture::new();
    let queue = fixture.open();
    for number in 0..10 {
        // the sender goes away before the answer
        assert!(!poll_once(pin!(queue.append(record(number, 10)))));
    }
    drop(queue);
    let batches = drain(&fixture.open()).await;
    assert_eq!(batches.len(), 1);
    assert_eq!(batches[0].records.len(), 10);
}
