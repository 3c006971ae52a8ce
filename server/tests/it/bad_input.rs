//! Whatever is sent, the answer is clear, the rest is kept, and the server lives on.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use prost::Message;
use serde_json::Value;
use server::limits::REQUEST_MAX_BYTES;
use server::wire::otlp::encode::encode;
use traffic::shapes;

use crate::server::TestServer;

const PROTOBUF: &str = "application/x-protobuf";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_bad_span_is_refused_and_the_rest_of_its_batch_kept() {
    let server = TestServer::start().await;
    let spans = shapes::random(1, 10);
    let mut request = encode(&spans);
    let of_scope = &mut request.resource_spans[0].scope_spans[0].spans;
    of_scope[0].trace_id = vec![1, 2, 3];
    let (status, answer) = server.post_protobuf(request.encode_to_vec()).await;
    assert_eq!(status, 200);
    let partial = answer.partial_success.unwrap();
    assert_eq!(partial.rejected_spans, 1);
    assert!(partial.error_message.contains("trace"), "{}", partial.error_message);
    server.stored(9).await;
    let text = server.client.get(server.url("/metrics")).send().await.unwrap().text().await.unwrap();
    assert!(
        text.lines().any(|l| l.contains("refused") && l.contains("trace_id") && l.ends_with(" 1")),
        "{text}"
    );
}

#[tokio::test]
async fn what_is_not_a_request_is_answered_with_the_right_status() {
    let server = TestServer::start().await;
    let good = encode(&shapes::random(2, 20)).encode_to_vec();
    let garbage: Vec<u8> = (0..4_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let cases: [(&str, &str, Vec<u8>, u16); 6] = [
        ("truncated", PROTOBUF, good[..good.len() - 7].to_vec(), 400),
        ("garbage", PROTOBUF, garbage, 400),
        ("not JSON", "application/json", b"{\"resourceSpans\": [".to_vec(), 400),
        ("not UTF-8 JSON", "application/json", b"{\"resourceSpans\": \"\xff\xfe\"}".to_vec(), 400),
        ("another type", "text/csv", good.clone(), 415),
        ("too large", PROTOBUF, vec![0; REQUEST_MAX_BYTES + 1], 413),
    ];
    for (what, kind, body, expected) in cases {
        let (status, answer) = server.post("/v1/traces", kind, body).await;
        assert_eq!(status, expected, "{what}: {}", String::from_utf8_lossy(&answer));
        assert!(!answer.is_empty(), "{what} is answered in words");
    }
    let (status, answer) =
        server.post("/v1/spans", "application/json", b"[{\"trace_id\": 5}]".to_vec()).await;
    assert!(status == 202 || status == 400, "{status}");
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_ne!(answer.to_string(), "{}");
    assert_eq!(server.post_protobuf(good).await.0, 200);
    server.stored(20).await;
}

#[tokio::test]
async fn a_zip_bomb_is_refused_and_costs_no_memory() {
    let server = TestServer::start().await;
    let bomb = gzip(&gzip(&vec![0; 1 << 30])[..]);
    let once = gzip(&vec![0; 1 << 30]);
    for body in [once, bomb] {
        let request = server.client.post(server.otlp_http("/v1/traces")).header("content-type", PROTOBUF);
        let response = request.header("content-encoding", "gzip").body(body).send().await.unwrap();
        assert!([400, 413].contains(&response.status().as_u16()), "{}", response.status());
    }
    let peak = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let peak = peak.lines().find(|l| l.starts_with("VmHWM:")).unwrap().split_whitespace().nth(1).unwrap();
    let peak_mib = peak.parse::<u64>().unwrap() >> 10;
    assert!(peak_mib < 200, "{peak_mib} MiB at most");
    server.send(&shapes::random(3, 5)).await;
    server.stored(5).await;
}

#[tokio::test]
async fn bad_questions_are_answered_with_what_to_ask_instead() {
    let server = TestServer::start().await;
    for path in [
        "/api/traces?limit=0",
        "/api/traces?start=soon",
        "/api/traces?error=perhaps",
        "/api/traces?sevrice=cart",
        "/api/traces?cursor=nonsense",
        "/api/traces?min_duration_ms=5&max_duration_ms=1",
    ] {
        let (status, answer) = server.get(path).await;
        assert_eq!(status, 400, "{path}");
        for field in ["code", "message", "hint"] {
            assert!(answer["error"][field].as_str().is_some_and(|t| !t.is_empty()), "{path}: {answer}");
        }
    }
    assert_eq!(server.get("/api/nothing").await.0, 404);
}
