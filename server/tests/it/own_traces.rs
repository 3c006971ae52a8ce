//! Skein's traces of its own work: there, of what they should be, apart from everybody's, and not of themselves.

use serde_json::Value;
use traffic::shapes;

use crate::server::{TestServer, skein, until};

/// Root operations of the traces below a path.
async fn roots(server: &TestServer, path: &str) -> Vec<String> {
    let (_, page) = server.get(path).await;
    let traces = page["traces"].as_array().cloned().unwrap_or_default();
    traces.iter().map(|trace| trace["root_operation"].as_str().unwrap().to_owned()).collect()
}

async fn becomes_a_trace(server: &TestServer, root: &str) {
    until(root, async || {
        let query = format!("/own/api/traces?operation={}&limit=1", root.replace(' ', "%20"));
        (!roots(server, &query).await.is_empty()).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn own_work_is_traced_apart_and_without_end_in_itself() {
    let mut server = TestServer::start_with(&["--own-traces", "true", "--settle-after-secs", "2"]).await;
    let engine = server.engine_pid().await;
    TestServer::signal(engine, "KILL");
    let spans = shapes::random(7, 40);
    server.send(&spans).await;
    becomes_a_trace(&server, "start the engine again").await;
    until("a question is answered", async || {
        let (status, _) = server.get("/api/traces?error=true").await;
        (status == 200).then_some(())
    })
    .await;
    for root in ["store a batch", "settle a slice", "GET /api/traces"] {
        becomes_a_trace(&server, root).await;
    }

    // A question with its statements, what they found and nothing of what was asked for.
    let (_, page) = server.get("/own/api/traces?operation=GET%20%2Fapi%2Ftraces&limit=1").await;
    let id = page["traces"][0]["trace_id"].as_str().unwrap().to_owned();
    let (_, trace) = server.get(&format!("/own/api/traces/{id}")).await;
    let spans_of = trace["spans"].as_array().unwrap();
    let statement = spans_of.iter().find(|span| span["kind"] == "client").unwrap();
    assert_eq!(statement["attributes"]["db.collection.name"], "pieces", "{trace}");
    assert!(statement["attributes"]["skein.scanned_rows"].is_number(), "{statement}");
    assert_eq!(statement["parent_span_id"], trace["root_span"]["span_id"], "{trace}");

    // Nobody else sees them, wherever they look.
    let (status, _) = server.get(&format!("/api/traces/{id}")).await;
    assert_eq!(status, 404);
    for path in ["/api/services", "/api/dependencies", "/api/traces?limit=1000", "/api/receipts"] {
        let (_, answer) = server.get(path).await;
        assert!(!answer.to_string().contains("\"skein\""), "{path}: {answer}");
    }
    let (_, own) = server.get("/own/api/services").await;
    let names: Vec<&Value> = own["services"].as_array().unwrap().iter().map(|s| &s["name"]).collect();
    assert_eq!(names, ["skein"]);

    // All that was done for others is done and told; storing, settling and reading what was told makes no more.
    let ids = "SELECT uniqExact(trace_id) FROM";
    let theirs = server.sql(&format!("{ids} spans WHERE tenant = 'default'")).await.unwrap();
    server.sql_becomes(&format!("{ids} traces WHERE tenant = 'default'"), &theirs).await;
    until("everything that was told is settled", async || {
        let told = server.metric("skein_own_spans_total").await;
        let stored = server.sql("SELECT count() FROM spans WHERE tenant = 'skein'").await?;
        let settled = server.sql("SELECT sum(spans) FROM traces FINAL WHERE tenant = 'skein'").await?;
        let is_all = server.metric("skein_own_waiting_spans").await == 0.0;
        (is_all && told.to_string() == stored && stored == settled).then_some(())
    })
    .await;
    let told = server.metric("skein_own_spans_total").await;
    roots(&server, "/own/api/traces").await;
    server.terminate().await;
    server.restart().await;
    // The one thing told on the way down and up: nothing was left in the queue.
    server.ready().await;
    assert_eq!(
        server.sql("SELECT count() FROM spans WHERE tenant = 'skein'").await.unwrap(),
        told.to_string()
    );
}

#[tokio::test]
async fn no_key_names_the_reserved_tenant() {
    let folder = tempfile::tempdir().unwrap();
    let made = ["key", "create", "--name", "x", "--tenant", "skein", "--data-dir"];
    let output = skein().args(made).arg(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("reserved"));
}
