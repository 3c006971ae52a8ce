//! How the ports speak HTTP: both versions, many requests on a connection, and frames for large batches.

use std::collections::HashMap;
use std::time::Duration;

use prost::Message;
use reqwest::Version;
use server::limits::{GRPC_FRAME_MAX_BYTES, GRPC_STREAM_WINDOW_BYTES};
use server::wire::otlp::encode::encode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use traffic::shapes;

use crate::server::TestServer;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const SETTINGS: u8 = 4;
const INITIAL_WINDOW_SIZE: u16 = 4;
const MAX_FRAME_SIZE: u16 = 5;

fn address(url: &str) -> &str {
    url.strip_prefix("http://").unwrap()
}

#[tokio::test]
async fn http_2_is_spoken_without_being_asked_for_first() {
    let server = TestServer::start().await;
    let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let body = encode(&shapes::random(1, 6)).encode_to_vec();
    for url in [server.otlp_http("/v1/traces"), server.url("/v1/traces")] {
        let sent = client.post(url).header("content-type", "application/x-protobuf").body(body.clone());
        let response = sent.send().await.unwrap();
        assert_eq!((response.status().as_u16(), response.version()), (200, Version::HTTP_2));
    }
    let page = client.get(server.url("/readyz")).send().await.unwrap();
    assert_eq!((page.status().as_u16(), page.version()), (200, Version::HTTP_2));
}

#[tokio::test]
async fn a_connection_takes_request_after_request() {
    let server = TestServer::start().await;
    let head =
        "POST /v1/spans HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n[]";
    for url in [server.otlp_http(""), server.url("")] {
        let mut connection = TcpStream::connect(address(&url)).await.unwrap();
        for _ in 0..3 {
            connection.write_all(head.as_bytes()).await.unwrap();
            let mut answer = String::new();
            while !answer.contains("}") && !answer.ends_with("]}") {
                let mut some = [0; 1024];
                let read = connection.read(&mut some).await.unwrap();
                assert!(read > 0, "the connection ended: {answer:?}");
                answer.push_str(std::str::from_utf8(&some[..read]).unwrap());
            }
            assert!(answer.starts_with("HTTP/1.1 202") && !answer.contains("connection: close"), "{answer}");
        }
    }
}

#[tokio::test]
async fn grpc_is_told_of_frames_and_windows_for_large_batches() {
    let server = TestServer::start_unasked(&[]).await;
    let mut connection = TcpStream::connect(address(server.otlp_grpc())).await.unwrap();
    connection.write_all(PREFACE).await.unwrap();
    connection.write_all(&[0, 0, 0, SETTINGS, 0, 0, 0, 0, 0]).await.unwrap();
    let mut head = [0; 9];
    let reading = connection.read_exact(&mut head);
    tokio::time::timeout(Duration::from_secs(10), reading).await.unwrap().unwrap();
    assert_eq!(head[3], SETTINGS);
    let mut told = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
    connection.read_exact(&mut told).await.unwrap();
    let told: HashMap<u16, u32> = told
        .chunks_exact(6)
        .map(|of| (u16::from_be_bytes([of[0], of[1]]), u32::from_be_bytes([of[2], of[3], of[4], of[5]])))
        .collect();
    assert_eq!(told[&MAX_FRAME_SIZE], GRPC_FRAME_MAX_BYTES);
    assert_eq!(told[&INITIAL_WINDOW_SIZE], GRPC_STREAM_WINDOW_BYTES);
}
