//! A disk that refuses, stalls or disappears: senders hear of it, and nothing acknowledged suffers.

use super::*;

fn is_io(result: &Result<(), QueueError>) -> bool {
    matches!(result, Err(QueueError::Io(_)))
}

#[tokio::test]
async fn a_failed_write_leaves_nothing_behind() {
    let fixture = Fixture::new();
    let disk = FaultyDisk::new();
    let queue = fixture.open_on(&disk);
    append_all(&queue, &[record(0, 200)]).await;
    disk.set(|d| d.room_bytes = Some(150));
    assert!(is_io(&queue.append(record(1, 200)).await));
    append_all(&queue, &[record(2, 200)]).await;

    let batches = drain(&queue).await;
    assert_eq!(batches.len(), 2, "nothing is written behind a failed write");
    assert_eq!(batches[0].records, [record(0, 200)]);
    assert_eq!(batches[1].records, [record(2, 200)]);
    assert_eq!(fixture.metrics.bytes.get() as u64, fixture.bytes_on_disk());
    assert_eq!((fixture.metrics.failed_commits.get(), fixture.refused(Refusal::Io)), (1, 1));
}

#[tokio::test]
async fn a_failed_first_write_removes_the_file() {
    let fixture = Fixture::new();
    let disk = FaultyDisk::new();
    let queue = fixture.open_on(&disk);
    disk.set(|d| d.syncs_left = Some(0));
    assert!(is_io(&queue.append(record(0, 200)).await));
    assert_eq!((fixture.files(), fixture.metrics.bytes.get()), (0, 0));
    append_all(&queue, &[record(1, 200)]).await;
    let batches = drain(&queue).await;
    assert_eq!(batches.len(), 1);
    assert_eq!(batches[0].records, [record(1, 200)]);
}

#[tokio::test]
async fn a_failed_write_that_cannot_be_undone_stops_writing_until_it_can() {
    let fixture = Fixture::with(|o| o.segment_max_spans = 2);
    let disk = FaultyDisk::new();
    let queue = fixture.open_on(&disk);
    append_all(&queue, &[record(0, 200)]).await;
    disk.set(|d| {
        d.syncs_left = Some(0);
        d.cuts_fail = true;
    });
    for number in 1..4 {
        assert!(is_io(&queue.append(record(number, 200)).await));
    }
    assert!(queue.ledger.nothing_waits(), "a batch whose end is unknown is not handed out");
    disk.set(|d| d.cuts_fail = false);
    append_all(&queue, &[record(4, 200)]).await;
    let batches = drain(&queue).await;
    assert_eq!(batches.len(), 2);
    assert_eq!(batches[0].records, [record(0, 200)]);
    assert_eq!(batches[1].records, [record(4, 200)]);
}

#[tokio::test]
async fn a_write_never_undone_is_mended_by_the_next_start() {
    let fixture = Fixture::new();
    let disk = FaultyDisk::new();
    let queue = fixture.open_on(&disk);
    append_all(&queue, &[record(0, 200)]).await;
    disk.set(|d| {
        d.room_bytes = Some(150);
        d.cuts_fail = true;
    });
    assert!(is_io(&queue.append(record(1, 200)).await));
    assert_eq!(drain(&queue).await, [], "what is suspect is not handed out");
    drop(queue);
    let batches = drain(&fixture.open()).await;
    assert_eq!(batches.len(), 1);
    assert_eq!(batches[0].records, [record(0, 200)]);
    assert_eq!(fixture.metrics.torn_bytes.get(), 150);
}

#[tokio::test]
async fn a_stalled_disk_refuses_new_senders_and_keeps_those_it_took() {
    let fixture = Fixture::with(|o| {
        o.pending_max_bytes = 400;
        o.stall_max = Duration::from_millis(1);
    });
    let disk = FaultyDisk::new();
    let queue = Arc::new(fixture.open_on(&disk));
    disk.set(|d| d.stalled = true);
    let taken = Arc::clone(&queue);
    let taken = tokio::spawn(async move { taken.append(record(0, 300)).await });
    disk.stalls().await;

    let refused = queue.append(record(1, 300)).await;
    assert!(matches!(refused, Err(QueueError::Full { max_bytes: 400, .. })), "{refused:?}");
    assert_eq!(fixture.refused(Refusal::Stalled), 1);

    disk.set(|d| d.stalled = false);
    taken.await.unwrap().unwrap();
    append_all(&queue, &[record(2, 300)]).await;
    let records: Vec<Record> = drain(&queue).await.into_iter().flat_map(|b| b.records).collect();
    assert_eq!(records, [record(0, 300), record(2, 300)]);
}

#[tokio::test]
async fn a_folder_that_disappears_is_an_error_until_it_is_back() {
    let fixture = Fixture::with(|o| o.segment_max_spans = 1);
    let queue = fixture.open();
    append_all(&queue, &[record(0, 10)]).await;
    fs::remove_dir_all(fixture.dir()).unwrap();
    assert!(is_io(&queue.append(record(1, 10)).await));
    assert!(queue.next_batch().await.is_err());

    fs::create_dir(fixture.dir()).unwrap();
    append_all(&queue, &[record(2, 10)]).await;
    queue.close().await;
    let records = loop {
        // the lost one is tried again whenever nothing else waits
        if let Ok(batch) = queue.next_batch().await {
            break batch.unwrap().records;
        }
    };
    assert_eq!(records, [record(2, 10)]);
}

#[tokio::test]
async fn a_folder_that_is_none_is_named() {
    let fixture = Fixture::new();
    let path = fixture.dir().join("file");
    fs::write(&path, b"").unwrap();
    let Err(error) = DiskQueue::open(&path, Options::default(), QueueMetrics::default()) else {
        panic!("a file is no folder")
    };
    assert!(matches!(error, OpenError::Folder { path: p, .. } if p == path));
}

#[tokio::test]
async fn a_dead_writer_thread_leaves_nobody_waiting() {
    let fixture = Fixture::new();
    let disk = FaultyDisk::new();
    let queue = fixture.open_on(&disk);
    disk.set(|d| d.creates_panic = true);
    assert!(is_io(&queue.append(record(0, 10)).await));
    assert_eq!(queue.next_batch().await.unwrap(), None);
    assert!(matches!(queue.append(record(1, 10)).await, Err(QueueError::Closed)));
}
