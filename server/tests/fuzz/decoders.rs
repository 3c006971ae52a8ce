//! What senders send: whatever passes the door must be readable by everything behind it.

use std::collections::HashSet;
use std::io::Write;
use std::sync::LazyLock;

use bytes::Bytes;
use model::{Nanos, TenantId, Timestamp};
use prometheus_client::metrics::gauge::Gauge;
use prost::Message;
use serde_json::json;
use server::ingest::body::Held;
use server::ingest::budget::Budget;
use server::ingest::decompress::{Coding, decompress};
use server::queue::{Kind, Record};
use server::scrub::{Scrubber, Shape};
use server::storage::columns::Batcher;
use server::wire::otlp::check::{Checked, check, check_and_thin, check_logs};
use server::wire::otlp::encode::encode;
use server::wire::otlp::json;
use server::wire::otlp::json::Converted;
use server::wire::otlp::sampling::Threshold;
use server::wire::receipts::{self, Receipt};
use server::wire::{simple, zipkin};
use traffic::shapes;

use crate::Target;

/// Made once: its patterns take longer to build than an input to look at.
static SCRUBBER: LazyLock<Scrubber> = LazyLock::new(Scrubber::default);
const RECEIVED: Timestamp = Timestamp(1_700_000_000_000_000_000);
const USUAL_ROUNDS: u64 = 4_000;
const UNPACKED_MAX_BYTES: usize = 1 << 20;

/// Behind the door: the scrubber finds nothing it cannot read, and the writer makes a row of every span.
fn passes_on(checked: &Checked, kind: Kind) {
    let shape = if kind == Kind::Logs { Shape::Logs } else { Shape::Traces };
    let scrubbed = SCRUBBER.apply(checked.body.clone(), shape);
    let again = match kind {
        Kind::Logs => check_logs(scrubbed.body.clone(), RECEIVED).unwrap(),
        _ => check(scrubbed.body.clone(), RECEIVED).unwrap(),
    };
    assert_eq!((again.accepted(), again.refused().len()), (checked.accepted(), 0));
    let known = HashSet::new();
    let mut batcher = Batcher::new(&known);
    let (tenant, spans) = (TenantId::default(), checked.accepted());
    batcher.add(&Record { tenant, received: RECEIVED, kind, spans, body: scrubbed.body }).unwrap();
    let batched = batcher.finish();
    assert_eq!(batched.spans + batched.logs, checked.accepted() as usize);
}

fn spans_pass_on(converted: Converted) {
    let Ok(checked) = check(converted.body, RECEIVED) else { panic!("a converter made no request") };
    passes_on(&checked, Kind::Spans);
}

fn traces() -> Vec<Vec<u8>> {
    let mut odd = shapes::random(3, 12);
    odd[3].start = Timestamp(0);
    odd[4].trace_state = "ot=th:c;rv:0123456789abcd,vendor=1".to_owned();
    odd[5].duration = Nanos(u64::MAX / 4);
    [shapes::random(1, 1), shapes::random(2, 9), odd].iter().map(|s| encode(s).encode_to_vec()).collect()
}

fn logs_json() -> Vec<u8> {
    let record = |body: serde_json::Value| {
        json!({ "timeUnixNano": "1700000000000000000", "severityNumber": 17, "body": body,
            "attributes": [{ "key": "code", "value": { "intValue": "7" } }],
            "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "00f067aa0ba902b7" })
    };
    let bodies =
        [json!({ "stringValue": "no room" }), json!({ "arrayValue": { "values": [{ "boolValue": true }] } })];
    let records: Vec<_> = bodies.into_iter().map(record).collect();
    let resource = json!({ "attributes": [{ "key": "service.name", "value": { "stringValue": "cart" } }] });
    let sent =
        json!({ "resourceLogs": [{ "resource": resource, "scopeLogs": [{ "logRecords": records }] }] });
    sent.to_string().into_bytes()
}

/// A decoder of ordinary speed.
const fn decoder(name: &'static str, seeds: fn() -> Vec<Vec<u8>>, check: fn(&[u8])) -> Target {
    Target { name, rounds: USUAL_ROUNDS, seeds, check }
}

const fn unpacker(name: &'static str, seeds: fn() -> Vec<Vec<u8>>, check: fn(&[u8])) -> Target {
    Target { name, rounds: USUAL_ROUNDS / 8, seeds, check }
}

pub const OTLP_TRACES: Target = decoder("otlp_traces", traces, |input| {
    let body = Bytes::copy_from_slice(input);
    let Ok(checked) = check(body.clone(), RECEIVED) else { return };
    passes_on(&checked, Kind::Spans);
    let thinned = check_and_thin(body, RECEIVED, Threshold::keeping(0.5)).unwrap();
    let items = |checked: &Checked| checked.tallies.iter().map(|tally| tally.items()).sum::<u32>();
    assert_eq!(items(&thinned), items(&checked));
    passes_on(&thinned, Kind::Spans);
});

pub const OTLP_LOGS: Target = decoder(
    "otlp_logs",
    || vec![json::logs::convert(&logs_json()).unwrap().body.to_vec()],
    |input| {
        if let Ok(checked) = check_logs(Bytes::copy_from_slice(input), RECEIVED) {
            passes_on(&checked, Kind::Logs);
        }
    },
);

pub const OTLP_JSON: Target = decoder(
    "otlp_json",
    || vec![traces_json()],
    |input| {
        if let Ok(converted) = json::convert(input) {
            spans_pass_on(converted);
        }
    },
);

pub const OTLP_JSON_LOGS: Target = decoder(
    "otlp_json_logs",
    || vec![logs_json()],
    |input| {
        if let Ok(converted) = json::logs::convert(input) {
            passes_on(&check_logs(converted.body, RECEIVED).unwrap(), Kind::Logs);
        }
    },
);

pub const SIMPLE_JSON: Target = decoder(
    "simple_json",
    || vec![simple_spans()],
    |input| {
        if let Ok(converted) = simple::convert(input) {
            spans_pass_on(converted);
        }
    },
);

pub const ZIPKIN_JSON: Target = decoder(
    "zipkin_json",
    || vec![zipkin_spans()],
    |input| {
        if let Ok(converted) = zipkin::convert_json(input) {
            spans_pass_on(converted);
        }
    },
);

pub const ZIPKIN_PROTOBUF: Target = decoder(
    "zipkin_protobuf",
    || vec![zipkin_list()],
    |input| {
        if let Ok(converted) = zipkin::convert_protobuf(input) {
            spans_pass_on(converted);
        }
    },
);

pub const RECEIPTS: Target = decoder(
    "receipts",
    || vec![counted()],
    |input| {
        if let Ok((rows, refused)) = receipts::decode(input) {
            assert_eq!(receipts::decode(&receipts::encode(&rows, &refused)).unwrap(), (rows, refused));
        }
    },
);

pub const GZIP: Target = unpacker(
    "gzip",
    || {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(&plain()).unwrap();
        vec![packed.finish().unwrap()]
    },
    |input| unpack(input, Coding::Gzip),
);

pub const DEFLATE: Target = unpacker(
    "deflate",
    || {
        let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(&plain()).unwrap();
        vec![packed.finish().unwrap()]
    },
    |input| unpack(input, Coding::Deflate),
);

pub const ZSTD: Target = unpacker(
    "zstd",
    || vec![zstd::encode_all(&plain()[..], 1).unwrap()],
    |input| unpack(input, Coding::Zstd),
);

/// Framed as a stream is, and the one block that gRPC's senders make.
pub const SNAPPY: Target = unpacker(
    "snappy",
    || {
        let mut framed = snap::write::FrameEncoder::new(Vec::new());
        framed.write_all(&plain()).unwrap();
        let block = snap::raw::Encoder::new().compress_vec(&plain()).unwrap();
        vec![framed.into_inner().unwrap(), block]
    },
    |input| unpack(input, Coding::Snappy),
);

pub const QUERY: Target = decoder("query", typed, |input| {
    let text = String::from_utf8_lossy(input);
    let _ = model::query::read(&text);
    let _ = model::query::inspect(&text);
});

fn traces_json() -> Vec<u8> {
    let span = json!({ "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "00f067aa0ba902b7", "name": "GET",
        "kind": "SPAN_KIND_SERVER", "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": 1_700_000_000_100_000_000_u64,
        "attributes": [{ "key": "n", "value": { "doubleValue": 1.5 } }, { "key": "b", "value": { "bytesValue": "AAE=" } }],
        "events": [{ "timeUnixNano": "5", "name": "e" }], "status": { "code": 2, "message": "no" } });
    let sent = json!({ "resourceSpans": [{ "resource": {}, "scopeSpans": [{ "scope": { "name": "s" }, "spans": [span] }] }] });
    sent.to_string().into_bytes()
}

fn simple_spans() -> Vec<u8> {
    let sent = json!([{ "trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "00f067aa0ba902b7",
        "parent_span_id": "", "service_name": "cart", "operation_name": "add", "kind": "server",
        "start_time_unix_ns": "1700000000000000000", "duration_ms": 12.5, "status": "error",
        "tags": { "user": "ann", "items": 3, "list": [1, { "deep": null }] } }]);
    sent.to_string().into_bytes()
}

fn zipkin_spans() -> Vec<u8> {
    let sent = json!([{ "traceId": "48485a3953bb6124", "id": "1", "kind": "CLIENT", "name": "call",
            "timestamp": 1_700_000_000_000_000_u64, "duration": 9, "localEndpoint": { "serviceName": "shop", "ipv4": "10.0.0.1" },
            "annotations": [{ "timestamp": 1_700_000_000_000_001_u64, "value": "ws" }], "tags": { "error": "no room" } },
        { "traceId": "48485a3953bb6124", "id": "1", "kind": "SERVER", "shared": true, "parentId": "0" }]);
    sent.to_string().into_bytes()
}

/// A `ListOfSpans` with one span: id, parent, kind, name, time, service, tag.
fn zipkin_list() -> Vec<u8> {
    let span = [
        &[0x0a, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0x1a, 8, 8, 7, 6, 5, 4, 3, 2, 1, 0x20, 2, 0x2a, 3][..],
        b"get",
        &[0x31, 0, 0, 0, 0, 9, 6, 5, 0, 0x38, 9, 0x42, 6, 0x0a, 4],
        b"cart",
        &[0x5a, 6, 0x0a, 1, b'k', 0x12, 1, b'v'],
    ]
    .concat();
    let list = [&[0x0a, span.len() as u8][..], &span].concat();
    assert_eq!(check(zipkin::convert_protobuf(&list).unwrap().body, RECEIVED).unwrap().accepted(), 1);
    list
}

fn counted() -> Vec<u8> {
    let row = Receipt {
        minute_secs: 1_700_000_040,
        tenant: "default".into(),
        key: String::new(),
        door: "zipkin".into(),
        kind: "spans".into(),
        service: "cart".into(),
        outcome: model::receipt::Outcome::Late,
        reason: "long_ended".into(),
        items: 7,
        requests: 2,
        example: "span".into(),
    };
    receipts::encode(&[row.clone(), row], &[])
}

fn plain() -> Vec<u8> {
    vec![b'x'; 100_000]
}

fn unpack(input: &[u8], coding: Coding) {
    let budget = Budget::new(4 * UNPACKED_MAX_BYTES, Gauge::default());
    let held = Held { bytes: Bytes::copy_from_slice(input), share: budget.share() };
    if let Ok(held) = decompress(held, coding, UNPACKED_MAX_BYTES) {
        assert!(held.bytes.len() <= UNPACKED_MAX_BYTES && budget.used() == held.bytes.len());
        drop(held);
    }
    assert_eq!(budget.used(), 0);
}

fn typed() -> Vec<Vec<u8>> {
    let seeds = [
        "{ resource.service.name = \"cart\" && duration > 1s } >> { status = error } | count() > 2",
        "{ span.http.route =~ \"/cart/.*\" } | rate() by (name)",
        "checkout error duration>1s \"no room\"",
    ];
    seeds.iter().map(|text| text.as_bytes().to_vec()).collect()
}
