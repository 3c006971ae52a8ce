//! A full queue says so, at once and in words a client understands, and takes more when there is room again.

use std::time::{Duration, Instant};

use prost::Message;
use server::limits::SEGMENT_MAX_BYTES;
use server::wire::otlp::encode::encode;
use tonic::Code;
use traffic::shapes;

use crate::server::{TestServer, until};

const LARGE_BODY_BYTES: usize = 8 << 20;
/// A refusal comes from a counter, not from a time-out.
const AT_ONCE: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_answers_429_and_resource_exhausted() {
    let max_bytes = (2 * SEGMENT_MAX_BYTES).to_string();
    let server = TestServer::start_with(&["--queue-max-bytes", &max_bytes]).await;
    let engine = server.engine_pid().await;
    TestServer::signal(engine, "STOP");

    let mut spans = shapes::random(1, 8);
    spans[0].status_message = "x".repeat(LARGE_BODY_BYTES / 2);
    let body = encode(&spans).encode_to_vec();
    let mut accepted = 0;
    let response = until("the queue is full", async || {
        let request = server
            .client
            .post(server.otlp_http("/v1/traces"))
            .header("content-type", "application/x-protobuf");
        let began = Instant::now();
        let response = request.body(body.clone()).send().await.unwrap();
        assert!(began.elapsed() < AT_ONCE, "an answer took {:?}", began.elapsed());
        if response.status() == 200 {
            accepted += spans.len();
        }
        (response.status() == 429).then_some(response)
    })
    .await;
    assert!(response.headers().contains_key("retry-after"));
    let refused = server.grpc().await.export(encode(&spans)).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert!(accepted > 0);

    TestServer::signal(engine, "CONT");
    server.stored(accepted).await;
    server.send(&shapes::random(2, 8)).await;
    server.stored(accepted + 8).await;
}
