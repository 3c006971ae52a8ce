//! A queue whose files were damaged: it opens or says why not, and hands out nothing that was not put in whole. A search
//! led by coverage learns to make checksums that fit, and what has one is as good as put in.

use std::sync::LazyLock;

use bytes::Bytes;
use crc32c::crc32c_append;
use model::{TenantId, Timestamp};
use server::queue::disk::{DiskQueue, Options};
use server::queue::metrics::QueueMetrics;
use server::queue::{Kind, Queue, Record};

use crate::Target;

/// Each round opens a queue on disk.
const ROUNDS: u64 = 150;
const RECORD_BEGINS: &[u8] = b"\xf5rec";

fn records() -> Vec<Record> {
    let record = |number: u64| Record {
        tenant: TenantId(format!("tenant-{}", number % 2)),
        received: Timestamp(1_000 + number),
        kind: [Kind::Spans, Kind::Logs, Kind::Receipts][(number % 3) as usize],
        spans: number as u32,
        body: Bytes::from(vec![number as u8; 10 + 7 * number as usize]),
    };
    (0..12).map(record).collect()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn open(folder: &std::path::Path) -> Result<DiskQueue, String> {
    DiskQueue::open(folder, Options::default(), QueueMetrics::default()).map_err(|error| error.to_string())
}

/// A segment with these records, and its name.
fn segment(records: Vec<Record>) -> (String, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let queue = open(folder.path()).unwrap();
        for record in records {
            queue.append(record).await.unwrap();
        }
        queue.close().await;
    });
    let mut files: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "segment"));
    assert_eq!(files.len(), 1, "{files:?}");
    (files[0].file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&files[0]).unwrap())
}

static SEGMENT: LazyLock<(String, Vec<u8>)> = LazyLock::new(|| segment(records()));

/// Checksums of a segment's records start from that of its head.
fn seed_of(segment: &[u8]) -> u32 {
    u32::from_le_bytes(segment[12..16].try_into().unwrap())
}

/// A record as it lies in a segment, behind the segment's head, but for its checksum: that is of this segment.
fn written(record: &Record) -> Vec<u8> {
    let (_, mut bytes) = segment(vec![record.clone()]);
    let begins = bytes.windows(RECORD_BEGINS.len()).position(|window| window == RECORD_BEGINS).unwrap();
    bytes.split_off(begins)
}

pub const RECOVERY: Target =
    Target { name: "recovery", rounds: ROUNDS, seeds: || vec![SEGMENT.1.clone()], check: take_up };

fn take_up(input: &[u8]) {
    let (name, whole) = &*SEGMENT;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(name), input).unwrap();
    let known = records();
    let found = runtime().block_on(async {
        let Ok(queue) = open(folder.path()) else { return Vec::new() };
        queue.close().await;
        let mut found = Vec::new();
        while let Some(batch) = queue.next_batch().await.unwrap() {
            found.extend(batch.records);
            queue.acknowledge(batch.id).await.unwrap();
        }
        found
    });
    for record in found.iter().filter(|record| !known.contains(record)) {
        let written = written(record);
        let is_it = |bytes: &[u8]| {
            let sum = crc32c_append(crc32c_append(seed_of(input), &bytes[..8]), &bytes[12..]);
            bytes[..8] == written[..8] && bytes[8..12] == sum.to_le_bytes() && bytes[12..] == written[12..]
        };
        assert!(input.windows(written.len()).any(is_it), "a record nobody wrote");
    }
    if input == whole {
        assert_eq!(found, known);
    }
}
