//! Each way a file can be found, and what becomes of it.

use model::{TenantId, Timestamp};
use tempfile::TempDir;

use super::*;
use crate::queue::Kind;
use crate::queue::disk::segment::{file_name, push_record_head, record_bytes};
use crate::queue::disk::{DiskQueue, Options};
use crate::queue::{Queue, Record};

fn header(sequence: u64) -> Header {
    Header { run_id: 5, sequence, created: Timestamp(1_000 + sequence) }
}

fn record(number: u64) -> Record {
    let body = Bytes::from(vec![number as u8; 50]);
    Record { tenant: TenantId::default(), received: Timestamp(number), kind: Kind::Spans, spans: 1, body }
}

fn segment_of(sequence: u64, numbers: &[u64]) -> Vec<u8> {
    let header = header(sequence);
    let mut bytes = header.encode().to_vec();
    for record in numbers.iter().map(|n| record(*n)) {
        push_record_head(&mut bytes, header.seed(), &record);
        bytes.extend_from_slice(&record.body);
    }
    bytes
}

struct Folder {
    dir: TempDir,
    metrics: QueueMetrics,
}

impl Folder {
    fn new(files: &[(u64, Vec<u8>)]) -> Folder {
        let dir = tempfile::tempdir().unwrap();
        for (sequence, bytes) in files {
            fs::write(dir.path().join(file_name(*sequence)), bytes).unwrap();
        }
        Folder { dir, metrics: QueueMetrics::default() }
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.dir.path()).unwrap();
        let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The record numbers of each batch.
    async fn drain(&self) -> Vec<Vec<u64>> {
        let queue = DiskQueue::open(self.dir.path(), Options::default(), self.metrics.clone()).unwrap();
        queue.close().await;
        let mut batches = Vec::new();
        while let Some(batch) = queue.next_batch().await.unwrap() {
            assert_eq!(batch.token, header(batch.id).token());
            batches.push(batch.records.iter().map(|r| r.received.0).collect());
        }
        batches
    }
}

#[tokio::test]
async fn whole_segments_come_back_oldest_first() {
    let folder = Folder::new(&[(10, segment_of(10, &[3])), (9, segment_of(9, &[1, 2]))]);
    assert_eq!(folder.drain().await, [vec![1, 2], vec![3]]);
    assert_eq!(folder.drain().await, [vec![1, 2], vec![3]]);
    assert_eq!((folder.metrics.torn_bytes.get(), folder.metrics.damaged_segments.get()), (0, 0));
}

#[test]
fn a_segment_is_read_some_at_a_time() {
    let sizes = [0, 1, QUEUE_READ_BYTES / 3, QUEUE_READ_BYTES, 7, 3 * QUEUE_READ_BYTES + 5, 400_000, 900_000];
    let records: Vec<Record> = sizes
        .iter()
        .zip(0..)
        .map(|(size, number)| Record { body: Bytes::from(vec![number as u8; *size]), ..record(number) })
        .collect();
    let (header, mut bytes) = (header(1), header(1).encode().to_vec());
    for record in &records {
        push_record_head(&mut bytes, header.seed(), record);
        bytes.extend_from_slice(&record.body);
    }
    let whole = bytes.len();
    let ends: Vec<usize> = records
        .iter()
        .scan(HEADER_BYTES, |end, r| {
            *end += record_bytes(r);
            Some(*end)
        })
        .collect();
    for length in ends.iter().flat_map(|end| [*end - 1, *end, *end + 5]).filter(|length| *length <= whole) {
        let folder = Folder::new(&[(1, bytes[..length].to_vec())]);
        let mut file = File::open(folder.dir.path().join(file_name(1))).unwrap();
        read(&mut file, &[], HEADER_BYTES).unwrap();
        let found = read_records(&mut file, length, header.seed()).unwrap();
        let count = ends.iter().filter(|end| **end <= length).count();
        let end = count.checked_sub(1).map_or(HEADER_BYTES, |last| ends[last]);
        assert!(found.records == records[..count], "{length}");
        assert_eq!((found.valid_bytes, found.tail.len()), (end, length - end), "{length}");
    }
}

#[tokio::test]
async fn a_torn_end_is_cut_off() {
    let whole = segment_of(1, &[1, 2]);
    let folder = Folder::new(&[(1, whole[..whole.len() - 1].to_vec())]);
    assert_eq!(folder.drain().await, [vec![1]]);
    let torn = record_bytes(&record(2)) as u64 - 1;
    assert_eq!((folder.metrics.torn_bytes.get(), folder.metrics.damaged_segments.get()), (torn, 0));
    assert_eq!(fs::read(folder.dir.path().join(file_name(1))).unwrap(), segment_of(1, &[1]));
}

#[tokio::test]
async fn files_without_a_record_are_removed() {
    let empty = [Vec::new(), vec![b'S'; 20], segment_of(1, &[]), [segment_of(1, &[]), vec![0; 500]].concat()];
    for bytes in empty {
        let folder = Folder::new(&[(1, bytes)]);
        assert!(folder.drain().await.is_empty());
        assert!(folder.names().is_empty());
        assert_eq!(folder.metrics.damaged_segments.get(), 0);
    }
}

#[tokio::test]
async fn damage_in_the_middle_keeps_the_records_before_it() {
    let end_of_first = HEADER_BYTES + record_bytes(&record(1));
    for newer_segment in [false, true] {
        let mut bytes = segment_of(1, &[1, 2, 3]);
        bytes[end_of_first + 40] ^= 0x10;
        let rest = bytes[end_of_first..].to_vec();
        let mut files = vec![(1, bytes)];
        files.extend(newer_segment.then(|| (2, segment_of(2, &[4]))));
        let folder = Folder::new(&files);
        let expected = if newer_segment { vec![vec![1], vec![4]] } else { vec![vec![1]] };
        assert_eq!(folder.drain().await, expected);
        assert_eq!(folder.drain().await, expected);
        let kept = folder.dir.path().join(format!("0000000000000001.{end_of_first}.damaged"));
        assert_eq!(fs::read(kept).unwrap(), rest);
        assert_eq!((folder.metrics.torn_bytes.get(), folder.metrics.damaged_segments.get()), (0, 1));
    }
}

/// Only a segment that was still being written can end in the middle of a record for an innocent reason.
#[tokio::test]
async fn a_sealed_segment_that_lost_its_end_is_damaged() {
    let whole = segment_of(1, &[1, 2]);
    let folder = Folder::new(&[(1, whole[..whole.len() - 1].to_vec()), (2, segment_of(2, &[3]))]);
    assert_eq!(folder.drain().await, [vec![1], vec![3]]);
    assert_eq!((folder.metrics.torn_bytes.get(), folder.metrics.damaged_segments.get()), (0, 1));
}

#[tokio::test]
async fn a_file_that_is_no_segment_is_moved_aside() {
    let mut bad_header = segment_of(1, &[1]);
    bad_header[20] ^= 1;
    for (bytes, newest) in [(bad_header, 1), (vec![b'x'; 20], 2), (segment_of(7, &[1]), 1)] {
        let mut files = vec![(1, bytes.clone())];
        files.extend((newest == 2).then(|| (2, segment_of(2, &[4]))));
        let folder = Folder::new(&files);
        folder.drain().await;
        assert_eq!(folder.names()[0], "0000000000000001.0.damaged");
        assert_eq!(fs::read(folder.dir.path().join("0000000000000001.0.damaged")).unwrap(), bytes);
        assert_eq!(folder.metrics.damaged_segments.get(), 1);
    }
}

#[tokio::test]
async fn a_segment_of_a_later_version_waits_for_that_version() {
    let mut later = segment_of(1, &[1]);
    later[8] = 2;
    let length = later.len() as i64;
    let folder = Folder::new(&[(1, later)]);
    assert!(folder.drain().await.is_empty());
    assert_eq!(folder.names(), [file_name(1)]);
    assert_eq!((folder.metrics.bytes.get(), folder.metrics.damaged_segments.get()), (length, 0));
}

#[tokio::test]
async fn one_unreadable_file_holds_up_no_other() {
    let folder = Folder::new(&[(2, segment_of(2, &[1]))]);
    fs::create_dir(folder.dir.path().join(file_name(1))).unwrap();
    let queue = DiskQueue::open(folder.dir.path(), Options::default(), folder.metrics.clone()).unwrap();
    queue.close().await;
    assert!(queue.next_batch().await.is_err());
    assert_eq!(queue.next_batch().await.unwrap().unwrap().id, 2);
    assert!(queue.next_batch().await.is_err(), "it is not forgotten");
}

#[test]
fn numbers_in_use_are_not_used_again() {
    let folder = Folder::new(&[(3, segment_of(3, &[1]))]);
    fs::write(folder.dir.path().join("0000000000000008.48.damaged"), b"").unwrap();
    fs::write(folder.dir.path().join("notes.txt"), b"").unwrap();
    let found = find_segments(folder.dir.path(), &folder.metrics).unwrap();
    assert_eq!((found.next_sequence, found.segments.len()), (9, 1));
    assert_eq!(found.segments[0].created, header(3).created);
}
