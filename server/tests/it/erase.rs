//! A trace deleted on request is gone from every table, and there is a line that says so.

use model::{Nanos, Span};
use serde_json::{Value, json};
use traffic::Shop;

use crate::server::{TestServer, now};

async fn delete(server: &TestServer, id: &str) -> (u16, Value) {
    let response = server.client.delete(server.url(&format!("/api/traces/{id}"))).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn last_line(server: &TestServer) -> Value {
    let (status, answer) = server.get("/api/audit?limit=1").await;
    assert_eq!(status, 200, "{answer}");
    answer["audit"][0].clone()
}

#[tokio::test]
async fn a_deleted_trace_is_in_no_table_and_the_others_are_whole() {
    let server = TestServer::start().await;
    let traces: Vec<Vec<Span>> =
        Shop::new(5).traces(now().minus(Nanos::from_secs(60)), 1.0).take(20).collect();
    let (gone, others) = traces.split_first().unwrap();
    // In two batches, so that it is in more parts than one.
    let (early, late) = gone.split_at(gone.len() / 2);
    server.send(early).await;
    server.stored(early.len()).await;
    server.send(late).await;
    for spans in others {
        server.send(spans).await;
    }
    let all: usize = traces.iter().map(Vec::len).sum();
    server.stored(all).await;

    let id = gone[0].trace_id.to_string();
    let (status, answer) = delete(&server, &id).await;
    assert_eq!((status, &answer["deleted_spans"]), (200, &json!(gone.len())), "{answer}");
    assert_eq!(server.get(&format!("/api/traces/{id}")).await.0, 404);
    let tables = server
        .sql("SELECT table FROM system.columns WHERE database = currentDatabase() AND name = 'trace_id'")
        .await
        .unwrap();
    assert!(tables.lines().count() >= 2, "{tables}");
    for table in tables.lines() {
        let left = format!("SELECT count() FROM {table} WHERE trace_id = unhex('{id}')");
        assert_eq!(server.sql(&left).await.unwrap(), "0", "{table}");
    }
    let kept = (all - gone.len()).to_string();
    assert_eq!(server.sql("SELECT count() FROM spans").await.unwrap(), kept);
    let line = last_line(&server).await;
    assert_eq!(
        (&line["action"], &line["subject"], &line["outcome"]),
        (&json!("delete_trace"), &json!(id), &json!("done"))
    );
    assert_eq!(line["detail"], format!("{} spans", gone.len()));

    // Gone is gone, and asking again says so, on record.
    assert_eq!(delete(&server, &id).await.0, 404);
    assert_eq!(last_line(&server).await["outcome"], "failed");
    // What arrives later begins it anew.
    server.send(&gone[..1]).await;
    server.sql_becomes(&format!("SELECT count() FROM spans WHERE trace_id = unhex('{id}')"), "1").await;
    assert_eq!(server.get(&format!("/api/traces/{id}")).await.0, 200);
}

#[tokio::test]
async fn a_deletion_while_the_engine_is_away_fails_on_record() {
    let server = TestServer::start().await;
    assert_eq!(delete(&server, "zz").await.0, 400);
    let engine = server.engine_pid().await;
    TestServer::signal(engine, "STOP");
    let asked = tokio::spawn({
        let request = server.client.delete(server.url(&format!("/api/traces/{}", "ab".repeat(16))));
        async move { request.send().await.unwrap().status().as_u16() }
    });
    crate::server::until("the line is there", async || {
        (last_line(&server).await["outcome"] == "started").then_some(())
    })
    .await;
    TestServer::signal(engine, "CONT");
    assert_eq!(asked.await.unwrap(), 404);
    assert_eq!(last_line(&server).await["outcome"], "failed");
}
