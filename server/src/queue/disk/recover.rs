//! Finds the segments of earlier runs, and reads a segment while mending what a crash or a bad disk did to it.
//!
//! Only the newest segment of a run was still being written when that run ended, so only there an invalid end
//! means an interrupted write: it is cut off. Anywhere else, or where a valid record follows, it is damage: the
//! valid records before it stay a batch and the rest is kept in `<sequence>.<offset>.damaged` for inspection.
//! Sealed segments are checked when they are read, so that a long backlog does not delay the start. A file the
//! disk does not give back is no damage: it waits and is tried again.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use model::Timestamp;
use tracing::{error, warn};

use crate::limits::QUEUE_READ_BYTES;
use crate::queue::disk::ledger::{Ending, Segment};
use crate::queue::disk::segment::{self, HEADER_BYTES, Header, HeaderError};
use crate::queue::disk::{OpenError, nanos_since_epoch};
use crate::queue::metrics::QueueMetrics;
use crate::queue::{Batch, Record};

/// What earlier runs left.
#[derive(Debug, Default)]
pub struct Found {
    /// Oldest first, each fit to be handed out.
    pub segments: Vec<Segment>,
    /// Bytes in files of a later format, which stay where they are.
    pub foreign_bytes: u64,
    /// Larger than any number in use.
    pub next_sequence: u64,
}

/// What came of a segment file.
pub enum Loaded {
    Batch {
        batch: Batch,
        created: Timestamp,
        bytes: u64,
    },
    /// It held nothing, or nothing readable: the file was removed or moved aside.
    Gone,
}

pub fn find_segments(dir: &Path, metrics: &QueueMetrics) -> Result<Found, OpenError> {
    find(dir, metrics).map_err(|source| OpenError::Folder { path: dir.to_owned(), source })
}

/// Reads a whole segment, and mends it if it must be. What it returns is durable, because a batch must not
/// change after it was handed out.
pub fn load(segment: &Segment, metrics: &QueueMetrics) -> io::Result<Loaded> {
    let path = &segment.path;
    let mut file = File::open(path)?;
    let length = file.metadata()?.len() as usize;
    let header = match header_of(&read(&mut file, &[], HEADER_BYTES)?, segment.sequence) {
        Ok(header) => header,
        Err(error) => {
            reject(segment, length, &error, metrics)?;
            return Ok(Loaded::Gone);
        }
    };
    let seed = header.seed();
    let Contents { records, valid_bytes, tail } = read_records(&mut file, length, seed)?;
    drop(file);
    if !tail.is_empty() {
        if segment.ending == Ending::Sealed || segment::holds_a_record(&tail, seed) {
            set_aside(path, &tail, valid_bytes, metrics)?;
        } else {
            metrics.torn_bytes.inc_by(tail.len() as u64);
            warn!(file = %path.display(), bytes = tail.len(), "cut off an interrupted write, never acknowledged");
        }
    }
    if records.is_empty() {
        fs::remove_file(path)?;
        return Ok(Loaded::Gone);
    }
    if !tail.is_empty() || segment.ending == Ending::MayBeTorn {
        cut(path, valid_bytes)?;
    }
    let batch = Batch { id: segment.sequence, token: header.token(), records };
    Ok(Loaded::Batch { batch, created: header.created, bytes: valid_bytes as u64 })
}

/// What a segment holds behind its header.
struct Contents {
    records: Vec<Record>,
    /// Header and records.
    valid_bytes: usize,
    tail: Bytes,
}

/// Some at a time, into memory that is given back when they are done with.
fn read_records(file: &mut File, length: usize, seed: u32) -> io::Result<Contents> {
    let (mut records, mut valid_bytes, mut tail) = (Vec::new(), HEADER_BYTES, Bytes::new());
    while valid_bytes + tail.len() < length {
        let wanted = QUEUE_READ_BYTES.max(segment::wanted_bytes(&tail)).min(length - valid_bytes);
        let bytes = read(file, &tail, wanted)?;
        if bytes.len() < wanted {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let found = segment::scan(&bytes, seed);
        tail = bytes.slice(found.valid_bytes..);
        valid_bytes += found.valid_bytes;
        records.extend(found.records);
        if segment::wanted_bytes(&tail) <= tail.len() {
            // All of it is here, and it is no record: nothing behind it counts.
            tail = read(file, &tail, length - valid_bytes)?;
            break;
        }
    }
    Ok(Contents { records, valid_bytes, tail })
}

/// Reads on until there are so many bytes, those before included, or the file ends.
fn read(file: &mut File, before: &[u8], wanted: usize) -> io::Result<Bytes> {
    let mut bytes = Vec::with_capacity(wanted);
    bytes.extend_from_slice(before);
    file.take((wanted - before.len()) as u64).read_to_end(&mut bytes)?;
    Ok(Bytes::from(bytes))
}

// === the folder ===

fn find(dir: &Path, metrics: &QueueMetrics) -> io::Result<Found> {
    fs::create_dir_all(dir)?;
    let (mut files, next_sequence) = list(dir)?;
    let mut found = Found { next_sequence, ..Found::default() };
    files.sort_unstable();
    let newest = files.last().map(|(sequence, _)| *sequence);
    for (sequence, path) in files {
        let about = fs::metadata(&path)?;
        let (bytes, created) = (about.len(), Timestamp(nanos_since_epoch(about.modified()?)));
        let ending = if Some(sequence) == newest { Ending::MayBeTorn } else { Ending::Sealed };
        let segment = Segment { sequence, path, bytes, created, ending };
        match inspect(&segment, metrics) {
            Ok(Inspected::Segment(segment)) => found.segments.push(segment),
            Ok(Inspected::Foreign) => found.foreign_bytes += bytes,
            Ok(Inspected::Gone) => {}
            Err(error) => {
                error!(file = %segment.path.display(), %error, "a segment cannot be read now: tried again later");
                found.segments.push(segment);
            }
        }
    }
    sync_dir(dir)?;
    Ok(found)
}

enum Inspected {
    Segment(Segment),
    /// A later version wrote it: left alone.
    Foreign,
    Gone,
}

/// The segment files, and a sequence number above every file's, those moved aside included.
fn list(dir: &Path) -> io::Result<(Vec<(u64, PathBuf)>, u64)> {
    let mut files = Vec::new();
    let mut next_sequence = 1;
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if let Some(sequence) = segment::sequence_of(&path) {
            next_sequence = next_sequence.max(sequence.saturating_add(1));
            if segment::is_segment(&path) {
                files.push((sequence, path));
            }
        }
    }
    Ok((files, next_sequence))
}

/// The newest segment was perhaps being written and is mended; of an older one the header is enough for now.
fn inspect(segment: &Segment, metrics: &QueueMetrics) -> io::Result<Inspected> {
    let mut head = Vec::with_capacity(HEADER_BYTES);
    File::open(&segment.path)?.take(HEADER_BYTES as u64).read_to_end(&mut head)?;
    match header_of(&head, segment.sequence) {
        Err(HeaderError::Version(version)) => {
            let file = segment.path.display();
            error!(%file, version, "a later version wrote this segment: it stays until that version runs");
            Ok(Inspected::Foreign)
        }
        Err(error) => {
            reject(segment, segment.bytes as usize, &error, metrics)?;
            Ok(Inspected::Gone)
        }
        Ok(header) if segment.ending == Ending::Sealed => {
            Ok(Inspected::Segment(Segment { created: header.created, ..segment.clone() }))
        }
        Ok(_) => match load(segment, metrics)? {
            Loaded::Gone => Ok(Inspected::Gone),
            Loaded::Batch { created, bytes, .. } => {
                let ending = Ending::Sealed;
                Ok(Inspected::Segment(Segment { bytes, created, ending, ..segment.clone() }))
            }
        },
    }
}

// === mending ===

fn header_of(bytes: &[u8], sequence: u64) -> Result<Header, HeaderError> {
    let header = Header::parse(bytes)?;
    // a copy under another name would be handed out twice under one token
    if header.sequence == sequence { Ok(header) } else { Err(HeaderError::Sequence(header.sequence)) }
}

/// Removes a file that never became a segment, and moves aside one that no longer is.
fn reject(segment: &Segment, length: usize, reason: &HeaderError, metrics: &QueueMetrics) -> io::Result<()> {
    if length == 0 || (segment.ending == Ending::MayBeTorn && length < HEADER_BYTES) {
        metrics.torn_bytes.inc_by(length as u64);
        return fs::remove_file(&segment.path);
    }
    let kept = kept_path(&segment.path, 0);
    fs::rename(&segment.path, &kept)?;
    metrics.damaged_segments.inc();
    error!(file = %kept.display(), %reason, "this is no segment any more and was moved aside whole");
    Ok(())
}

/// Copies `tail` beside the segment, durably, so that it can be cut off.
fn set_aside(path: &Path, tail: &[u8], offset: usize, metrics: &QueueMetrics) -> io::Result<()> {
    let kept = kept_path(path, offset);
    let mut file = File::create(&kept)?;
    file.write_all(tail)?;
    file.sync_all()?;
    if let Some(dir) = path.parent() {
        sync_dir(dir)?;
    }
    metrics.damaged_segments.inc();
    error!(
        segment = %path.display(), offset, bytes = tail.len(), kept = %kept.display(),
        "a segment is damaged: the records before the damage are used, the rest was moved aside"
    );
    Ok(())
}

fn cut(path: &Path, length: usize) -> io::Result<()> {
    let file = File::options().write(true).open(path)?;
    file.set_len(length as u64)?;
    file.sync_all()
}

fn kept_path(segment: &Path, offset: usize) -> PathBuf {
    segment.with_extension(format!("{offset}.damaged"))
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests;
