//! The format: what is written is read back, and nothing else is taken for a record.

use bytes::Bytes;
use model::{TenantId, Timestamp};
use proptest::prelude::*;

use super::*;

const HEADER: Header = Header { run_id: 0x0123_4567_89ab_cdef, sequence: 7, created: Timestamp(11) };

fn record(tenant: &str, body: &[u8]) -> Record {
    Record {
        tenant: TenantId(tenant.to_owned()),
        received: Timestamp(1_700_000_000_000_000_000),
        kind: Kind::Spans,
        spans: 3,
        body: Bytes::copy_from_slice(body),
    }
}

fn encode(header: &Header, records: &[Record]) -> Vec<u8> {
    let mut bytes = header.encode().to_vec();
    for record in records {
        push_record_head(&mut bytes, header.seed(), record);
        bytes.extend_from_slice(&record.body);
    }
    bytes
}

/// Of what follows the header.
fn scan_of(bytes: &[u8]) -> Scan {
    scan(&Bytes::copy_from_slice(&bytes[HEADER_BYTES..]), HEADER.seed())
}

/// Version 1, byte by byte: files written today must be readable by every later version.
#[test]
fn the_format_does_not_drift() {
    let mut expected = Vec::new();
    expected.extend_from_slice(b"SKEINSEG\x01\x00\x00\x00");
    expected.extend_from_slice(&HEADER.seed().to_le_bytes());
    expected.extend_from_slice(&[0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    expected.extend_from_slice(&[7, 0, 0, 0, 0, 0, 0, 0, 11, 0, 0, 0, 0, 0, 0, 0]);
    let bytes = encode(&HEADER, &[record("ab", b"xyz")]);
    assert_eq!(bytes[..HEADER_BYTES], expected);
    assert_eq!(HEADER.seed(), 0xba5d_0959);

    let mut expected = b"\xf5rec\x05\x00\x00\x00".to_vec();
    expected.extend_from_slice(&0x449e_9640u32.to_le_bytes());
    expected.extend_from_slice(&1_700_000_000_000_000_000u64.to_le_bytes());
    expected.extend_from_slice(b"\x03\x00\x00\x00\x02\x00\x00\x00abxyz");
    assert_eq!(bytes[HEADER_BYTES..], expected);
}

#[test]
fn token_is_run_and_sequence() {
    assert_eq!(HEADER.token(), "00000000000000000123456789abcdef-7");
}

#[test]
fn a_header_that_is_none_says_why() {
    let good = HEADER.encode();
    assert_eq!(Header::parse(&good), Ok(HEADER));
    assert_eq!(Header::parse(&good[..47]), Err(HeaderError::Short(47)));
    assert_eq!(Header::parse(&[0; 64]), Err(HeaderError::Magic));
    for at in 12..HEADER_BYTES {
        let mut bad = good;
        bad[at] ^= 1;
        assert_eq!(Header::parse(&bad), Err(HeaderError::Checksum), "byte {at}");
    }
    let mut later = good;
    later[8] = 2;
    assert_eq!(Header::parse(&later), Err(HeaderError::Version(2)));
}

#[test]
fn file_names_sort_by_sequence_and_read_back() {
    assert_eq!(file_name(255), "00000000000000ff.segment");
    assert_eq!(sequence_of(Path::new("/q/00000000000000ff.segment")), Some(255));
    assert_eq!(sequence_of(Path::new("/q/00000000000000ff.48.damaged")), Some(255));
    assert_eq!(sequence_of(Path::new("/q/ff.segment")), None);
    assert_eq!(sequence_of(Path::new("/q/notes.txt")), None);
    assert!(is_segment(Path::new("/q/00000000000000ff.segment")));
    assert!(!is_segment(Path::new("/q/00000000000000ff.48.damaged")));
}

#[test]
fn bodies_share_the_memory_of_the_file() {
    let bytes = Bytes::from(encode(&HEADER, &[record("t", b"first"), record("t", b"second")]));
    let bytes = bytes.slice(HEADER_BYTES..);
    let scan = scan(&bytes, HEADER.seed());
    let file = bytes.as_ptr_range();
    assert_eq!(scan.records.len(), 2);
    for record in &scan.records {
        assert!(file.contains(&record.body.as_ptr()));
    }
}

#[test]
fn every_flipped_bit_is_noticed() {
    let records = [record("t", b"first"), record("t", b"second")];
    let good = encode(&HEADER, &records);
    let second = HEADER_BYTES + record_bytes(&records[0]);
    for bit in HEADER_BYTES * 8..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let expected = if bit / 8 < second { 0 } else { 1 };
        assert_eq!(scan_of(&bad).records, records[..expected], "bit {bit}");
    }
}

#[test]
fn a_record_of_another_segment_is_none() {
    let other = Header { sequence: 8, ..HEADER };
    let mut bytes = HEADER.encode().to_vec();
    bytes.extend_from_slice(&encode(&other, &[record("t", b"stale")])[HEADER_BYTES..]);
    assert_eq!(scan_of(&bytes), Scan { records: Vec::new(), valid_bytes: 0 });
    assert!(!holds_a_record(&bytes[HEADER_BYTES..], HEADER.seed()));
}

#[test]
fn a_record_behind_damage_is_found() {
    let records = [record("t", &[0xf5; 300]), record("t", b"second")];
    let bytes = encode(&HEADER, &records);
    let tail = &bytes[HEADER_BYTES + 1..];
    assert!(holds_a_record(tail, HEADER.seed()));
    assert!(!holds_a_record(&tail[..tail.len() - 1], HEADER.seed()));
    assert!(!holds_a_record(&[], HEADER.seed()));
}

#[test]
fn a_record_says_how_long_it_is() {
    let bytes = encode(&HEADER, &[record("t", b"first"), record("t", b"second")]);
    let first = &bytes[HEADER_BYTES..];
    assert_eq!(wanted_bytes(first), record_bytes(&record("t", b"first")));
    assert_eq!(wanted_bytes(&first[..RECORD_HEAD_BYTES - 1]), RECORD_HEAD_BYTES);
}

fn any_record() -> impl Strategy<Value = Record> {
    let body = proptest::collection::vec(any::<u8>(), 0..200);
    let kind = prop_oneof![Just(Kind::Spans), Just(Kind::Logs), Just(Kind::Receipts)];
    (".{0,20}", any::<u64>(), kind, any::<u32>(), body).prop_map(|(tenant, received, kind, spans, body)| {
        Record {
            tenant: TenantId(tenant),
            received: Timestamp(received),
            kind,
            spans,
            body: Bytes::from(body),
        }
    })
}

proptest! {
    #[test]
    fn any_cut_leaves_the_whole_records_before_it(
        records in proptest::collection::vec(any_record(), 0..8),
        cut in any::<prop::sample::Index>(),
        garbage in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        let bytes = encode(&HEADER, &records);
        let length = HEADER_BYTES + cut.index(bytes.len() - HEADER_BYTES + 1);
        let mut end = HEADER_BYTES;
        let whole = records.iter().take_while(|r| { end += record_bytes(r); end <= length }).count();
        let mut torn = bytes[..length].to_vec();
        let found = scan_of(&torn);
        prop_assert_eq!(&found.records, &records[..whole]);
        torn.truncate(HEADER_BYTES + found.valid_bytes);
        torn.extend_from_slice(&garbage);
        prop_assert_eq!(scan_of(&torn), found);
    }

    #[test]
    fn garbage_never_panics(garbage in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut bytes = HEADER.encode().to_vec();
        bytes.extend_from_slice(&garbage);
        scan_of(&bytes);
        holds_a_record(&garbage, HEADER.seed());
        let _ = Header::parse(&garbage);
    }
}
