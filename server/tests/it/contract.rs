//! What the outside relies on: flags, addresses, health, exit codes, one server to a data folder.

use std::process::Output;

use model::view::Endpoints;

use crate::server::{TestServer, skein, until};

fn serve(arguments: &[&str]) -> Output {
    skein().arg("serve").args(arguments).output().unwrap()
}

fn one_line(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(text.trim().lines().count(), 1, "{text}");
    text
}

#[tokio::test]
async fn a_server_tells_where_it_is_and_ends_cleanly() {
    let mut server = TestServer::start().await;
    assert_eq!(server.client.get(server.url("/healthz")).send().await.unwrap().status(), 200);
    let metrics = server.client.get(server.url("/metrics")).send().await.unwrap().text().await.unwrap();
    for name in ["skein_queue_", "skein_writer_spans", "skein_engine_up 1"] {
        assert!(metrics.contains(name), "{name} is not in\n{metrics}");
    }
    let doors: Endpoints = server.ask("get_endpoints", &()).await;
    let told = [&doors.otlp_grpc, &doors.otlp_http].map(|at| doors.url(at.as_ref().unwrap(), "elsewhere"));
    assert_eq!(told, [server.otlp_grpc().to_owned(), server.otlp_http("")]);
    let engine = server.engine_pid().await;
    let status = server.terminate().await;
    assert_eq!(status.code(), Some(0));
    until("the engine is gone", async || {
        (!std::path::Path::new(&format!("/proc/{engine}")).exists()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_was_accepted_is_stored_before_the_end() {
    let mut server = TestServer::start().await;
    server.send(&traffic::shapes::random(3, 50)).await;
    assert_eq!(server.terminate().await.code(), Some(0));
    let waiting = std::fs::read_dir(server.data_dir().join("queue")).unwrap().flatten();
    let bytes: u64 = waiting.map(|file| file.metadata().unwrap().len()).sum();
    assert_eq!(bytes, 0, "the queue still holds something");
}

#[tokio::test]
async fn a_second_server_on_the_same_folder_is_refused() {
    let server = TestServer::start().await;
    let folder = server.data_dir();
    let second = serve(&[
        "--http",
        "127.0.0.1:0",
        "--otlp-grpc",
        "127.0.0.1:0",
        "--otlp-http",
        "127.0.0.1:0",
        "--data-dir",
        folder.to_str().unwrap(),
    ]);
    assert_eq!(second.status.code(), Some(2));
    assert!(one_line(&second).contains("another skein"));
    server.ready().await;
}

#[tokio::test]
async fn a_port_that_is_taken_is_said_and_the_status_is_2() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let output = serve(&[
        "--http",
        &address,
        "--otlp-grpc",
        "127.0.0.1:0",
        "--otlp-http",
        "127.0.0.1:0",
        "--data-dir",
        folder.path().to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(2));
    assert!(one_line(&output).contains(&address));
}

#[test]
fn bad_configuration_is_one_line_and_status_2() {
    for arguments in [
        &["--clickhouse-url", "ftp://h"][..],
        &["--engine-lib", "/nowhere/lib.so"],
        &["--http", "0.0.0.0:0"],
        &["--roles", "write"],
    ] {
        let output = serve(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        one_line(&output);
    }
    assert_eq!(serve(&["--http", "nonsense"]).status.code(), Some(2));
    assert_eq!(serve(&["--no-such-flag"]).status.code(), Some(2));
}

#[tokio::test]
async fn another_clickhouse_can_be_named_and_then_no_child_starts() {
    // Any ClickHouse will do: the one embedded in another skein is one.
    let lender = TestServer::start().await;
    let text = std::fs::read_to_string(lender.data_dir().join("engine/client.json")).unwrap();
    let at: serde_json::Value = serde_json::from_str(&text).unwrap();
    let host = at["url"].as_str().unwrap().trim_start_matches("http://").to_owned();
    let url = format!("http://skein:{}@{host}/guest", at["password"].as_str().unwrap());
    let guest = TestServer::start_with(&["--clickhouse-url", &url]).await;
    let spans = traffic::shapes::random(4, 30);
    guest.send(&spans).await;
    lender.sql_becomes("SELECT count() FROM guest.spans", "30").await;
    assert_eq!(guest.get(&format!("/api/traces/{}", spans[0].trace_id)).await.0, 200);
    assert!(!guest.data_dir().join("engine").exists(), "no engine of its own");
}

#[tokio::test]
async fn the_doctor_finds_a_healthy_place_healthy() {
    let folder = tempfile::tempdir().unwrap();
    let output = skein()
        .args(["doctor", "--http", "127.0.0.1:0", "--otlp-grpc", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0"])
        .arg("--data-dir")
        .arg(folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("engine: library"), "{text}");
}

#[tokio::test]
async fn a_server_function_that_fails_has_the_status_of_its_error() {
    let server = TestServer::start().await;
    let unknown = [1u8; 16];
    let url = server.url("/fn/get_trace");
    let answer =
        server.client.post(url).header("content-type", "application/postcard").body(unknown.to_vec());
    assert_eq!(answer.send().await.unwrap().status(), 404);
}
