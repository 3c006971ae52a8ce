//! The on-disk format of a segment: bytes in, records out. No I/O happens here.
//!
//! ```text
//!  segment file   <sequence, 16 hex digits>.segment          integers are little-endian
//!
//!  0        8         10         12       16       32         40        48
//!  ┌────────┬─────────┬──────────┬────────┬────────┬──────────┬─────────┬────────┬────────┬─────
//!  │ magic  │ version │ reserved │ crc32c │ run id │ sequence │ created │ record │ record │ ...
//!  └────────┴─────────┴──────────┴────────┴────────┴──────────┴─────────┴────────┴────────┴─────
//!
//!  record
//!
//!  0        4        8        12         20      24       26         28
//!  ┌────────┬────────┬────────┬──────────┬───────┬────────┬──────────┬────────┬──────┐
//!  │ marker │ length │ crc32c │ received │ spans │ tenant │   kind   │ tenant │ body │
//!  │        │        │        │          │       │ length │          │        │      │
//!  └────────┴────────┴────────┴──────────┴───────┴────────┴──────────┴────────┴──────┘
//!                                                                    └──── length ───┘
//! ```
//!
//! Times are nanoseconds since 1970. The run id is drawn anew at every start, so run id and sequence name a
//! segment for ever. A checksum covers everything else in its header or record; a record's starts from its
//! segment's, so a record is valid in no other file. The marker finds the next record after a damaged one.
//! A later format takes the next version number and is read beside this one: see [`Header::parse`].

use std::path::Path;

use bytes::Bytes;
use crc32c::{crc32c, crc32c_append};
use model::{TenantId, Timestamp};
use thiserror::Error;

use crate::queue::{Kind, Record};

pub const HEADER_BYTES: usize = 48;
pub const RECORD_HEAD_BYTES: usize = 28;
pub const TENANT_MAX_BYTES: usize = u16::MAX as usize;

const MAGIC: [u8; 8] = *b"SKEINSEG";
const VERSION: u16 = 1;
const MARKER: [u8; 4] = *b"\xf5rec";
const EXTENSION: &str = "segment";
/// Markers looked at behind damage. Each may cost a checksum over the rest of the file, and a sender may put
/// markers into a body.
const CANDIDATES_MAX: usize = 64;

/// The first bytes of every segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub run_id: u128,
    pub sequence: u64,
    pub created: Timestamp,
}

#[derive(Debug, Error, PartialEq, Eq)]
pub enum HeaderError {
    #[error("it has {0} bytes, fewer than a header")]
    Short(usize),
    #[error("it does not start like a segment")]
    Magic,
    #[error("it is in format {0}, which this version does not know")]
    Version(u16),
    #[error("its header does not match its checksum")]
    Checksum,
    #[error("it is segment {0} under another name")]
    Sequence(u64),
}

/// The records at the start of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct Scan {
    pub records: Vec<Record>,
    /// What follows is cut off, torn or damaged.
    pub valid_bytes: usize,
}

/// What a record will take up in a segment.
pub fn record_bytes(record: &Record) -> usize {
    RECORD_HEAD_BYTES + record.tenant.0.len() + record.body.len()
}

pub fn file_name(sequence: u64) -> String {
    format!("{sequence:016x}.{EXTENSION}")
}

/// The sequence number in a name made by [`file_name`], or in one with another extension.
pub fn sequence_of(path: &Path) -> Option<u64> {
    let stem = path.file_name()?.to_str()?.split('.').next()?;
    if stem.len() == 16 { u64::from_str_radix(stem, 16).ok() } else { None }
}

pub fn is_segment(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == EXTENSION)
}

// === impl Header ===

impl Header {
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..10].copy_from_slice(&VERSION.to_le_bytes());
        bytes[16..32].copy_from_slice(&self.run_id.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[40..].copy_from_slice(&self.created.0.to_le_bytes());
        let checksum = header_checksum(&bytes);
        bytes[12..16].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Reads the start of a segment. The version is looked at before the checksum, which another format may
    /// keep elsewhere.
    pub fn parse(bytes: &[u8]) -> Result<Header, HeaderError> {
        let Some(head) = bytes.first_chunk::<HEADER_BYTES>() else {
            return Err(HeaderError::Short(bytes.len()));
        };
        if head[..8] != MAGIC {
            return Err(HeaderError::Magic);
        }
        match u16::from_le_bytes(array_at(head, 8)) {
            VERSION => {}
            unknown => return Err(HeaderError::Version(unknown)),
        }
        if u32::from_le_bytes(array_at(head, 12)) != header_checksum(head) {
            return Err(HeaderError::Checksum);
        }
        Ok(Header {
            run_id: u128::from_le_bytes(array_at(head, 16)),
            sequence: u64::from_le_bytes(array_at(head, 32)),
            created: Timestamp(u64::from_le_bytes(array_at(head, 40))),
        })
    }

    /// Names the segment's batch among all batches of all queues.
    pub fn token(&self) -> String {
        format!("{:032x}-{}", self.run_id, self.sequence)
    }

    /// Where the checksums of this segment's records start from.
    pub fn seed(&self) -> u32 {
        header_checksum(&self.encode())
    }
}

fn header_checksum(bytes: &[u8; HEADER_BYTES]) -> u32 {
    crc32c_append(crc32c(&bytes[..12]), &bytes[16..])
}

// === records ===

fn kind_number(kind: Kind) -> u16 {
    match kind {
        Kind::Spans => 0,
        Kind::Logs => 1,
        Kind::Receipts => 2,
    }
}

fn kind_of(number: u16) -> Option<Kind> {
    [Kind::Spans, Kind::Logs, Kind::Receipts].into_iter().find(|kind| kind_number(*kind) == number)
}

/// Writes what stands before the body: the fixed head and the tenant.
pub fn push_record_head(out: &mut Vec<u8>, seed: u32, record: &Record) {
    let tenant = record.tenant.0.as_bytes();
    let length = (tenant.len() + record.body.len()) as u32;
    let start = out.len();
    out.extend_from_slice(&MARKER);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&record.received.0.to_le_bytes());
    out.extend_from_slice(&record.spans.to_le_bytes());
    out.extend_from_slice(&(tenant.len() as u16).to_le_bytes());
    out.extend_from_slice(&kind_number(record.kind).to_le_bytes());
    out.extend_from_slice(tenant);
    let before_body = checksum(seed, &out[start..]);
    let whole = crc32c_append(before_body, &record.body);
    out[start + 8..start + 12].copy_from_slice(&whole.to_le_bytes());
}

/// Reads records up to the end or the first that is incomplete or invalid. Bodies share the memory of `bytes`.
pub fn scan(bytes: &Bytes, seed: u32) -> Scan {
    let mut scan = Scan { records: Vec::new(), valid_bytes: 0 };
    while let Some((record, length)) = record_at(bytes, scan.valid_bytes, seed) {
        scan.records.push(record);
        scan.valid_bytes += length;
    }
    scan
}

/// How many bytes there must be to tell whether a record starts here.
pub fn wanted_bytes(start: &[u8]) -> usize {
    let body = start.first_chunk::<RECORD_HEAD_BYTES>().map(|head| u32::from_le_bytes(array_at(head, 4)));
    RECORD_HEAD_BYTES + body.unwrap_or_default() as usize
}

/// Whether a valid record starts anywhere in `tail`: then what precedes it was not the end of the log. A tail
/// with too many markers to check them all is taken to hold one, because keeping bytes aside is the safe error.
pub fn holds_a_record(tail: &[u8], seed: u32) -> bool {
    let mut rest = tail;
    for _ in 0..CANDIDATES_MAX {
        let Some(at) = rest.windows(MARKER.len()).position(|window| window == MARKER) else {
            return false;
        };
        rest = &rest[at..];
        if frame(rest, seed).is_some() {
            return true;
        }
        rest = &rest[1..];
    }
    true
}

fn record_at(bytes: &Bytes, start: usize, seed: u32) -> Option<(Record, usize)> {
    let frame = frame(bytes.get(start..)?, seed)?;
    let tenant_end = RECORD_HEAD_BYTES + usize::from(u16::from_le_bytes(array_at(frame, 24)));
    let tenant = std::str::from_utf8(frame.get(RECORD_HEAD_BYTES..tenant_end)?).ok()?;
    let record = Record {
        tenant: TenantId(tenant.to_owned()),
        received: Timestamp(u64::from_le_bytes(array_at(frame, 12))),
        kind: kind_of(u16::from_le_bytes(array_at(frame, 26)))?,
        spans: u32::from_le_bytes(array_at(frame, 20)),
        body: bytes.slice(start + tenant_end..start + frame.len()),
    };
    Some((record, frame.len()))
}

/// The whole record at the start of `bytes`, if it is there and matches its checksum.
fn frame(bytes: &[u8], seed: u32) -> Option<&[u8]> {
    let head = bytes.first_chunk::<RECORD_HEAD_BYTES>()?;
    if head[..4] != MARKER {
        return None;
    }
    let length = u32::from_le_bytes(array_at(head, 4)) as usize;
    let frame = bytes.get(..RECORD_HEAD_BYTES.checked_add(length)?)?;
    (u32::from_le_bytes(array_at(head, 8)) == checksum(seed, frame)).then_some(frame)
}

/// Over a record or its beginning, leaving out the place where the checksum itself stands.
fn checksum(seed: u32, frame: &[u8]) -> u32 {
    crc32c_append(crc32c_append(seed, &frame[..8]), &frame[12..])
}

/// `N` bytes from `start`, which the caller knows to be there.
fn array_at<const N: usize>(bytes: &[u8], start: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[start..start + N]);
    array
}

#[cfg(test)]
mod tests;
