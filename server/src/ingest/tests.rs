//! The doors with real clients over loopback: good, bad, packed, oversized, refused and broken requests.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use prost::Message;
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tonic::Code;
use tonic::codec::CompressionEncoding;
use tonic::transport::Channel;

use super::metrics::{Door, RequestLabels};
use super::testing::{Doors, Mood, body, gzip, request, simple_span, snappy_block, snappy_frames};
use crate::limits::REQUEST_MAX_BYTES;
use crate::wire::otlp::samples::{good_span, request_of};

const PROTOBUF: &str = "application/x-protobuf";

async fn post(doors: &Doors, content_type: &str, encoding: &str, body: impl Into<reqwest::Body>) -> Response {
    let request = Client::new().post(doors.url("/v1/traces")).header("content-type", content_type);
    let request = if encoding.is_empty() { request } else { request.header("content-encoding", encoding) };
    request.body(body).send().await.unwrap()
}

async fn post_simple(doors: &Doors, body: &Value) -> Response {
    Client::new().post(doors.url("/v1/spans")).json(body).send().await.unwrap()
}

async fn grpc(doors: &Doors) -> TraceServiceClient<Channel> {
    TraceServiceClient::connect(format!("http://{}", doors.grpc)).await.unwrap()
}

/// The first two fields of a `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(bytes = "vec", repeated, tag = "3")]
    details: Vec<Vec<u8>>,
}

async fn rpc_status(response: Response) -> RpcStatus {
    assert_eq!(response.headers()["content-type"], PROTOBUF);
    RpcStatus::decode(response.bytes().await.unwrap()).unwrap()
}

fn one_bad() -> opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest {
    let mut bad = good_span(2);
    bad.trace_id.clear();
    request_of(vec![good_span(1), bad, good_span(3)])
}

#[tokio::test]
async fn good_requests_are_stored_as_they_came() {
    let doors = Doors::open().await;
    let sent = body(50);
    let response = post(&doors, PROTOBUF, "", sent.clone()).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], PROTOBUF);
    assert!(response.bytes().await.unwrap().is_empty());
    let answer = grpc(&doors).await.export(request(50)).await.unwrap().into_inner();
    assert_eq!(answer, ExportTraceServiceResponse::default());
    let records = doors.queue.records.lock().unwrap().clone();
    assert_eq!(records.len(), 2);
    for record in records {
        assert_eq!((record.spans, record.body, record.tenant.0.as_str()), (50, sent.clone(), "default"));
        assert!(record.received.0 > 1_700_000_000_000_000_000);
    }
    doors.assert_idle().await;
}

#[tokio::test]
async fn packed_bodies_are_unpacked() {
    let doors = Doors::open().await;
    let sent = body(400);
    let mut deflated = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut deflated, &sent).unwrap();
    let zstd = zstd::encode_all(&sent[..], 3).unwrap();
    for (encoding, packed) in [
        ("gzip", gzip(&sent)),
        ("zstd", zstd),
        ("deflate", deflated.finish().unwrap()),
        ("snappy", snappy_frames(&sent)),
        ("x-snappy-framed", snappy_frames(&sent)),
        ("snappy", snappy_block(&sent)),
        ("identity", sent.to_vec()),
    ] {
        assert_eq!(post(&doors, PROTOBUF, encoding, packed).await.status(), 200, "{encoding}");
    }
    for packed in [snappy_frames(&sent), snappy_block(&sent)] {
        assert_eq!(raw_grpc(&doors, packed_call(&packed), "snappy").await.0, "0");
    }
    for encoding in [CompressionEncoding::Gzip, CompressionEncoding::Zstd] {
        grpc(&doors).await.send_compressed(encoding).export(request(400)).await.unwrap();
    }
    assert_eq!(doors.stored_spans(), 11 * 400);
    assert!(doors.queue.records.lock().unwrap().iter().all(|record| record.body == sent));
    doors.assert_idle().await;
}

#[tokio::test]
async fn bad_spans_are_refused_and_the_rest_kept() {
    let doors = Doors::open().await;
    let answer = grpc(&doors).await.export(one_bad()).await.unwrap().into_inner();
    let partial = answer.partial_success.unwrap();
    assert_eq!(partial.rejected_spans, 1);
    assert!(partial.error_message.contains("invalid_trace_id"), "{}", partial.error_message);

    let response = post(&doors, PROTOBUF, "", one_bad().encode_to_vec()).await;
    assert_eq!(response.status(), 200);
    let answer = ExportTraceServiceResponse::decode(response.bytes().await.unwrap()).unwrap();
    assert_eq!(answer.partial_success.unwrap().rejected_spans, 1);

    let span =
        |trace_id: &str| json!({ "traceId": trace_id, "spanId": "01".repeat(8), "startTimeUnixNano": "5" });
    let spans = json!([span(&"02".repeat(16)), span("02"), { "traceId": "zz" }]);
    let sent = json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": spans }] }] });
    let response = post(&doors, "application/json; charset=utf-8", "", sent.to_string()).await;
    assert_eq!(response.status(), 200);
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["partialSuccess"]["rejectedSpans"], "2");
    assert_eq!(doors.stored_spans(), 2 + 2 + 1);
}

#[tokio::test]
async fn nothing_good_is_nothing_stored() {
    let doors = Doors::open().await;
    assert_eq!(post(&doors, PROTOBUF, "", "").await.status(), 200);
    let mut bad = good_span(1);
    bad.span_id.clear();
    assert_eq!(post(&doors, PROTOBUF, "", request_of(vec![bad]).encode_to_vec()).await.status(), 200);
    assert!(doors.queue.records.lock().unwrap().is_empty());
}

#[tokio::test]
async fn json_is_answered_in_json() {
    let doors = Doors::open().await;
    let response = post(&doors, "application/json", "", "{}").await;
    assert_eq!(response.json::<Value>().await.unwrap(), json!({}));
    let response = post(&doors, "application/json", "", "{\n \"resourceSpans\": 5 }").await;
    assert_eq!(response.status(), 400);
    let error: Value = response.json().await.unwrap();
    assert_eq!((&error["error"]["code"], &error["code"]), (&json!("bad_request"), &json!(3)));
    assert!(error["error"]["message"].as_str().unwrap().contains("line 2 column"), "{error}");
    assert_eq!(error["message"], error["error"]["message"]);
}

#[tokio::test]
async fn the_simple_batch_is_taken_and_answered() {
    let doors = Doors::open().await;
    let mut bad = simple_span(3);
    bad["duration_ms"] = json!("long");
    let response = post_simple(&doors, &json!([simple_span(1), simple_span(2), bad])).await;
    assert_eq!(response.status(), 202);
    let answer: Value = response.json().await.unwrap();
    assert_eq!((&answer["accepted"], &answer["refused"][0]["reason"]), (&json!(2), &json!("invalid_field")));
    assert!(answer["refused"][0]["example"].as_str().unwrap().starts_with("span 2: 'duration_ms'"));
    let response = post_simple(&doors, &json!({ "spans": [simple_span(4)] })).await;
    assert_eq!(response.json::<Value>().await.unwrap(), json!({ "accepted": 1, "refused": [] }));
    assert_eq!(post_simple(&doors, &json!({})).await.status(), 400);
    assert_eq!(doors.stored_spans(), 3);
}

#[tokio::test]
async fn log_records_are_taken_and_counted_apart_from_spans() {
    let doors = Doors::open().await;
    let json = json!({ "resourceLogs": [{ "scopeLogs": [{ "logRecords": [
        { "timeUnixNano": "1700000000000000000", "body": { "stringValue": "a" } }, { "severityNumber": "LOUD" },
    ] }] }] });
    let response = Client::new().post(doors.url("/v1/logs")).json(&json).send().await.unwrap();
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["partialSuccess"]["rejectedLogRecords"], json!("1"));
    let record = doors.queue.records.lock().unwrap()[0].clone();
    assert_eq!((record.kind, record.spans), (crate::queue::Kind::Logs, 1));
    let labels = super::metrics::DoorLabels { door: Door::OtlpHttp };
    assert_eq!(doors.metrics.accepted_logs.get_or_create(&labels).get(), 1);
    assert_eq!(doors.metrics.accepted_spans.get_or_create(&labels).get(), 0);
    doors.assert_idle().await;
}

#[tokio::test]
async fn zipkin_is_answered_as_zipkin_does() {
    let doors = Doors::open().await;
    let span = json!({ "traceId": "48485a3953bb6124", "id": "1", "name": "get", "timestamp": 1_700_000_000_000_000_u64,
        "duration": 5, "localEndpoint": { "serviceName": "cart" } });
    let send = |body: Value| Client::new().post(doors.url("/api/v2/spans")).json(&body).send();
    let response = send(json!([span])).await.unwrap();
    assert_eq!(response.status(), 202);
    assert!(response.bytes().await.unwrap().is_empty());
    let partial = send(json!([span, { "id": "1" }])).await.unwrap();
    assert_eq!(partial.status(), 202);
    let answer: Value = partial.json().await.unwrap();
    assert_eq!(
        (&answer["accepted"], &answer["refused"][0]["reason"]),
        (&json!(1), &json!("invalid_trace_id"))
    );
    assert_eq!(send(json!({})).await.unwrap().status(), 400);
    let text = Client::new().post(doors.url("/api/v2/spans")).header("content-type", "text/plain").body("x");
    assert_eq!(text.send().await.unwrap().status(), 415);
    assert_eq!(doors.stored_spans(), 2);
    doors.assert_idle().await;
}

#[tokio::test]
async fn pages_of_named_origins_may_send_and_no_others() {
    let doors = Doors::open().await;
    let ask = |origin: &'static str| {
        Client::new()
            .request(reqwest::Method::OPTIONS, doors.url("/v1/traces"))
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type,x-skein-key")
            .send()
    };
    let allowed = ask("https://shop.example").await.unwrap();
    assert_eq!(allowed.status(), 200);
    assert_eq!(allowed.headers()["access-control-allow-origin"], "https://shop.example");
    assert_eq!(allowed.headers()["access-control-allow-methods"], "POST");
    assert_eq!(allowed.headers()["access-control-allow-headers"], "content-type,x-skein-key");
    let refused = ask("https://evil.example").await.unwrap();
    assert!(refused.headers().get("access-control-allow-origin").is_none());
    let sent = Client::new().post(doors.url("/v1/traces")).header("origin", "https://shop.example");
    let sent = sent.header("content-type", PROTOBUF).body(body(1)).send().await.unwrap();
    assert_eq!((sent.status().as_u16(), doors.stored_spans()), (200, 1));
    assert_eq!(sent.headers()["access-control-allow-origin"], "https://shop.example");
}

#[tokio::test]
async fn a_small_body_cannot_become_a_large_one() {
    let doors = Doors::open().await;
    let bomb = vec![0; 20 * REQUEST_MAX_BYTES];
    for (encoding, packed) in [
        ("gzip", gzip(&bomb)),
        ("zstd", zstd::encode_all(&bomb[..], 3).unwrap()),
        ("snappy", snappy_frames(&bomb[..2 * REQUEST_MAX_BYTES])),
        ("snappy", snappy_block(&bomb)),
    ] {
        let response = post(&doors, PROTOBUF, encoding, packed.clone()).await;
        assert_eq!(response.status(), 413, "{encoding}");
        assert_eq!(rpc_status(response).await.code, 8);
        assert_eq!(raw_grpc(&doors, packed_call(&packed), encoding).await.0, "8", "{encoding}");
    }
    doors.assert_idle().await;
}

#[tokio::test]
async fn broken_packing_is_told() {
    let doors = Doors::open().await;
    let packed = [
        ("gzip", gzip(&body(9))),
        ("zstd", zstd::encode_all(&body(9)[..], 3).unwrap()),
        ("snappy", snappy_frames(&body(9))),
        ("snappy", snappy_block(&body(9))),
    ];
    for (encoding, packed) in packed {
        for broken in [&packed[..packed.len() - 5], b"neither", b""] {
            let response = post(&doors, PROTOBUF, encoding, broken.to_vec()).await;
            assert_eq!(response.status(), 400, "{encoding} {broken:?}");
            assert_eq!(raw_grpc(&doors, packed_call(broken), encoding).await.0, "3", "{encoding} {broken:?}");
        }
    }
    doors.assert_idle().await;
}

#[tokio::test]
async fn snappy_is_read_as_others_write_it() {
    let doors = Doors::open().await;
    // An export of nothing by the letter of the format: a frame kept as it is, with its masked sum, and a block.
    let framed: &[u8] = b"\xff\x06\x00\x00sNaPpY\x01\x06\x00\x00\xcf=\xd7C{}";
    for packed in [framed, b"\x02\x04{}"] {
        assert_eq!(post(&doors, "application/json", "snappy", packed.to_vec()).await.status(), 200);
    }
    let other_sum: Vec<u8> = framed.iter().map(|byte| if *byte == b'=' { b'>' } else { *byte }).collect();
    assert_eq!(post(&doors, "application/json", "snappy", other_sum).await.status(), 400);
    doors.assert_idle().await;
}

#[tokio::test]
async fn what_is_not_otlp_is_told_and_harms_nothing() {
    let doors = Doors::open().await;
    let whole = body(3);
    for garbage in [&whole[..whole.len() / 2], b"\xff\xfe\xfd", b"<html>", &[0x0b; 64]] {
        let response = post(&doors, PROTOBUF, "", garbage.to_vec()).await;
        assert_eq!(response.status(), 400);
        let status = rpc_status(response).await;
        assert_eq!(status.code, 3);
        assert!(status.message.contains("byte"), "{}", status.message);
        let mut framed = vec![0];
        framed.extend(u32::try_from(garbage.len()).unwrap().to_be_bytes());
        framed.extend(garbage);
        assert_eq!(raw_grpc(&doors, framed, "identity").await.0, "3");
    }
    assert_eq!(
        post(&doors, "application/json", "", &b"{\"resourceSpans\":\"\xff\"}"[..]).await.status(),
        400
    );
    assert_eq!(post(&doors, PROTOBUF, "", whole).await.status(), 200);
    assert_eq!(doors.stored_spans(), 3);
}

#[tokio::test]
async fn text_that_is_not_utf8_refuses_its_span() {
    let doors = Doors::open().await;
    let mut bytes = body(2).to_vec();
    let at = bytes.windows(8).position(|part| part == b"/cart/81").unwrap();
    bytes[at] = 0xff;
    let response = post(&doors, PROTOBUF, "", bytes).await;
    let answer = ExportTraceServiceResponse::decode(response.bytes().await.unwrap()).unwrap();
    assert!(answer.partial_success.unwrap().error_message.contains("not_utf8"));
    assert_eq!(doors.stored_spans(), 1);
}

#[tokio::test]
async fn types_encodings_and_methods_nobody_reads() {
    let doors = Doors::open().await;
    let response = post(&doors, "text/plain", "", body(1)).await;
    assert_eq!(response.status(), 415);
    assert!(response.json::<Value>().await.unwrap()["error"]["hint"].as_str().unwrap().contains(PROTOBUF));
    let response = post(&doors, PROTOBUF, "br", body(1)).await;
    assert_eq!((response.status().as_u16(), response.headers().contains_key("accept-encoding")), (415, true));
    assert_eq!(post(&doors, PROTOBUF, "gzip, zstd", body(1)).await.status(), 415);
    let simple = Client::new().post(doors.url("/v1/spans")).body("[]").send().await.unwrap();
    assert_eq!(simple.status(), 415);
    for path in ["/v1/traces", "/v1/spans"] {
        let response = reqwest::get(doors.url(path)).await.unwrap();
        assert_eq!(
            (response.status().as_u16(), response.headers()["allow"].to_str().unwrap()),
            (405, "POST")
        );
        assert_eq!(response.json::<Value>().await.unwrap()["error"]["code"], "bad_request");
    }
    assert_eq!(raw_grpc(&doors, vec![0; 5], "br").await.0, "12");
}

#[tokio::test]
async fn a_large_body_is_refused_before_it_is_sent() {
    let doors = Doors::open().await;
    let mut connection = tokio::net::TcpStream::connect(doors.http).await.unwrap();
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: {PROTOBUF}\r\ncontent-length: {}\r\n\r\n",
        REQUEST_MAX_BYTES + 1
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 64];
    let read = connection.read(&mut answer).await.unwrap();
    assert!(answer[..read].starts_with(b"HTTP/1.1 413"), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn a_body_that_names_no_length_ends_at_the_limit() {
    let doors = Doors::open().await;
    let pieces = (0..40).map(|_| Ok::<_, std::io::Error>(vec![0x0a; REQUEST_MAX_BYTES / 32]));
    let stream = reqwest::Body::wrap(http_body_util::StreamBody::new(futures::stream::iter(
        pieces.map(|piece| piece.map(|bytes| hyper::body::Frame::data(bytes::Bytes::from(bytes)))),
    )));
    let client = Client::new().post(doors.url("/v1/traces")).header("content-type", PROTOBUF);
    // The server may close the connection while the client is still sending.
    if let Ok(response) = client.body(stream).send().await {
        assert_eq!(response.status(), 413);
    }
    let too_large = RequestLabels { door: Door::OtlpHttp, outcome: "too_large" };
    assert_eq!(doors.metrics.requests.get_or_create(&too_large).get(), 1);
    doors.assert_idle().await;
}

#[tokio::test]
async fn a_large_call_is_refused_for_good() {
    let doors = Doors::open().await;
    let mut span = good_span(1);
    span.name = "x".repeat(REQUEST_MAX_BYTES);
    let status = grpc(&doors).await.export(request_of(vec![span])).await.unwrap_err();
    assert_eq!((status.code(), status.details().len()), (Code::ResourceExhausted, 0), "{status}");
    assert!(status.message().contains("16777216"), "{status}");
    doors.assert_idle().await;
}

#[tokio::test]
async fn a_full_queue_asks_to_come_back() {
    let doors = Doors::open().await;
    doors.set(Mood::Full);
    let response = post(&doors, PROTOBUF, "", body(1)).await;
    assert_eq!((response.status().as_u16(), response.headers()["retry-after"].to_str().unwrap()), (429, "1"));
    assert_eq!(rpc_status(response).await.code, 8);
    assert_eq!(post_simple(&doors, &json!([simple_span(1)])).await.status(), 429);
    let status = grpc(&doors).await.export(request(1)).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    let details = RpcStatus::decode(status.details()).unwrap();
    assert!(String::from_utf8_lossy(&details.details[0]).contains("google.rpc.RetryInfo"));
    doors.set(Mood::Takes);
    assert_eq!(post(&doors, PROTOBUF, "", body(1)).await.status(), 200);
    doors.assert_idle().await;
}

#[tokio::test]
async fn a_closed_or_broken_queue_is_unavailable() {
    let doors = Doors::open().await;
    for mood in [Mood::Closed, Mood::Broken] {
        doors.set(mood);
        assert_eq!(post(&doors, PROTOBUF, "", body(1)).await.status(), 503);
        let response = post_simple(&doors, &json!([simple_span(1)])).await;
        assert_eq!(
            (response.status().as_u16(), response.headers()["retry-after"].to_str().unwrap()),
            (503, "1")
        );
        let status = grpc(&doors).await.export(request(1)).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable);
    }
}

#[tokio::test]
async fn beyond_the_budget_senders_are_turned_away_at_once() {
    let doors = Doors::with_budget(body(100).len()).await;
    // One sender has sent half of a body and hangs.
    let mut slow = tokio::net::TcpStream::connect(doors.http).await.unwrap();
    let half = body(60);
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: {PROTOBUF}\r\ncontent-length: {}\r\n\r\n",
        2 * half.len()
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    slow.write_all(&half).await.unwrap();
    while doors.intake.budget().used() < half.len() {
        tokio::task::yield_now().await;
    }
    let quick = async {
        assert_eq!(post(&doors, PROTOBUF, "", body(60)).await.status(), 429);
        assert_eq!(grpc(&doors).await.export(request(60)).await.unwrap_err().code(), Code::ResourceExhausted);
        assert_eq!(post(&doors, PROTOBUF, "gzip", gzip(&body(300))).await.status(), 429);
        assert_eq!(post(&doors, PROTOBUF, "", body(20)).await.status(), 200);
    };
    tokio::time::timeout(Duration::from_secs(20), quick).await.unwrap();
    drop(slow);
    doors.assert_idle().await;
}

#[tokio::test]
async fn calls_are_framed_right() {
    let doors = Doors::open().await;
    for (framed, code) in [
        (vec![], "3"),
        (vec![0, 0, 0, 0], "3"),
        (vec![0, 0, 0, 0, 9, 1], "3"),
        (vec![2, 0, 0, 0, 0], "3"),
        (vec![0, 0, 0, 0, 0, 0, 0, 0, 0, 0], "3"),
        (vec![1, 0, 0, 0, 0], "3"),
        (vec![0, 0xff, 0xff, 0xff, 0xff], "8"),
        (vec![0, 0, 0, 0, 0], "0"),
    ] {
        let (status, message) = raw_grpc(&doors, framed.clone(), "identity").await;
        assert_eq!(status, code, "{framed:?} {message}");
    }
}

#[tokio::test]
async fn other_services_are_unimplemented() {
    let doors = Doors::open().await;
    let metrics = "opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
    let (status, message) = raw_call(&doors, metrics, vec![0; 5], "identity").await;
    assert_eq!(status, "12", "{message}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_senders_at_once_lose_nothing() {
    let doors = std::sync::Arc::new(Doors::open().await);
    let senders: Vec<_> = (0..16)
        .map(|sender| {
            let doors = doors.clone();
            tokio::spawn(async move {
                let mut client = grpc(&doors).await;
                for turn in 0..8 {
                    if (sender + turn) % 2 == 0 {
                        client.export(request(50)).await.unwrap();
                    } else {
                        let packed = gzip(&body(50));
                        assert_eq!(post(&doors, PROTOBUF, "gzip", packed).await.status(), 200);
                    }
                }
            })
        })
        .collect();
    for sender in senders {
        sender.await.unwrap();
    }
    assert_eq!(doors.stored_spans(), 16 * 8 * 50);
    doors.assert_idle().await;
}

#[tokio::test]
async fn everything_is_counted() {
    let doors = Doors::open().await;
    post(&doors, PROTOBUF, "", body(3)).await;
    post(&doors, PROTOBUF, "", one_bad().encode_to_vec()).await;
    post(&doors, PROTOBUF, "", "garbage").await;
    post(&doors, "text/plain", "", "garbage").await;
    doors.set(Mood::Full);
    grpc(&doors).await.export(request(1)).await.unwrap_err();
    let mut registry = prometheus_client::registry::Registry::default();
    doors.metrics.register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    for line in [
        "skein_ingest_requests_total{door=\"otlp_http\",outcome=\"ok\"} 1",
        "skein_ingest_requests_total{door=\"otlp_http\",outcome=\"partial\"} 1",
        "skein_ingest_requests_total{door=\"otlp_http\",outcome=\"malformed\"} 1",
        "skein_ingest_requests_total{door=\"otlp_http\",outcome=\"unknown_type\"} 1",
        "skein_ingest_requests_total{door=\"otlp_grpc\",outcome=\"full\"} 1",
        "skein_ingest_accepted_spans_total{door=\"otlp_http\"} 5",
        "skein_ingest_refused_spans_total{door=\"otlp_http\",reason=\"invalid_trace_id\"} 1",
        "skein_ingest_in_flight_bytes 0",
        "skein_ingest_ack_seconds_count 2",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

/// A call's one message, packed.
fn packed_call(packed: &[u8]) -> Vec<u8> {
    let length = u32::try_from(packed.len()).unwrap().to_be_bytes();
    [&[1][..], &length, packed].concat()
}

/// Sends bytes as the body of an export call; returns `grpc-status` and `grpc-message`.
async fn raw_grpc(doors: &Doors, framed: Vec<u8>, encoding: &str) -> (String, String) {
    let spans = "opentelemetry.proto.collector.trace.v1.TraceService/Export";
    raw_call(doors, spans, framed, encoding).await
}

async fn raw_call(doors: &Doors, method: &str, framed: Vec<u8>, encoding: &str) -> (String, String) {
    let url = format!("http://{}/{method}", doors.grpc);
    let request = hyper::Request::post(url)
        .header("content-type", "application/grpc")
        .header("grpc-encoding", encoding)
        .body(tonic::body::Body::new(http_body_util::Full::from(framed)))
        .unwrap();
    let mut channel =
        Channel::from_shared(format!("http://{}", doors.grpc)).unwrap().connect().await.unwrap();
    std::future::poll_fn(|cx| tower::Service::poll_ready(&mut channel, cx)).await.unwrap();
    let response = tower::Service::call(&mut channel, request).await.unwrap();
    let mut headers = response.headers().clone();
    let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap();
    headers.extend(body.trailers().cloned().unwrap_or_default());
    let text = |name: &str| headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
    (text("grpc-status"), text("grpc-message"))
}
