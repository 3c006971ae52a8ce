//! What the server says of itself, and what is set: states that come and go, and keys made and revoked over the API.

use serde_json::{Value, json};
use traffic::shapes;

use crate::server::{TestServer, until};

async fn becomes(server: &TestServer, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    until(what, async || {
        let (status, report) = server.get("/api/status").await;
        assert_eq!(status, 200);
        is_so(&report).then_some(report)
    })
    .await
}

fn figure<'r>(report: &'r Value, id: &str) -> &'r Value {
    report["figures"].as_array().unwrap().iter().find(|figure| figure["id"] == id).expect(id)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_while_it_is_so() {
    let server = TestServer::start().await;
    server.send(&shapes::random(1, 30)).await;
    server.stored(30).await;
    let report = becomes(&server, "the tables are counted", |report| {
        report["tables"]
            .as_array()
            .unwrap()
            .iter()
            .any(|table| table["name"] == "spans" && table["rows"] == 30)
    })
    .await;
    assert_eq!(report["condition"], "fine", "{report}");
    assert_eq!(report["roles"], json!(["ingest", "write", "settle", "query"]));
    let spans = report["tables"].as_array().unwrap().iter().find(|table| table["name"] == "spans").unwrap();
    assert_eq!(spans["keep_days"], 30);
    let stages: Vec<&str> =
        report["stages"].as_array().unwrap().iter().map(|stage| stage["name"].as_str().unwrap()).collect();
    assert!(
        ["decode", "validate", "scrub", "append", "columns", "insert"].iter().all(|s| stages.contains(s))
    );
    assert!(figure(&report, "server_memory")["value"].as_f64().unwrap() > 1e6, "{report}");
    assert!(figure(&report, "queue_bytes")["limit"].as_f64().unwrap() > 1e6, "{report}");
    let (free, all) = (figure(&report, "disk_free"), figure(&report, "disk_size"));
    assert!(free["value"].as_f64().unwrap() < all["value"].as_f64().unwrap(), "{report}");
    let memory = figure(&report, "engine_counted_memory");
    let (counted, limit) = (memory["value"].as_f64().unwrap(), memory["limit"].as_f64().unwrap());
    assert!(counted > 1e6 && counted < limit, "{report}");
    let up = figure(&report, "engine_up");
    assert_eq!((&up["value"], &up["unit"]), (&json!(1.0), &json!("yes_no")));

    let engine = server.engine_pid().await;
    TestServer::signal(engine, "STOP");
    server.send(&shapes::random(2, 30)).await;
    let report = becomes(&server, "the engine is away", |report| report["condition"] == "engine_away").await;
    assert!(report["troubles"][0]["what"].as_str().unwrap().contains("engine"), "{report}");
    TestServer::signal(engine, "KILL");
    let report = becomes(&server, "the restart is told", |report| {
        report["condition"] == "degraded" && figure(report, "engine_restarts")["is_wrong"] == true
    })
    .await;
    let said = report["log"].as_array().unwrap();
    assert!(
        said.iter().any(|line| line["text"].as_str().unwrap().contains("the storage engine ended")),
        "{report}"
    );
    server.stored(60).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_made_told_once_and_revoked() {
    let server = TestServer::start().await;
    let make = async |body: Value| {
        let response = server.client.post(server.url("/api/keys")).json(&body).send().await.unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };
    let (status, made) = make(json!({ "name": " checkout ", "spans_per_second": 500 })).await;
    assert_eq!(status, 201, "{made}");
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    let opens = async || {
        let request = server.client.post(server.otlp_http("/v1/spans")).header("x-skein-key", key);
        request.json(&json!([])).send().await.unwrap().status().as_u16()
    };
    until("the key opens", async || (opens().await == 202).then_some(())).await;

    let (_, list) = server.get("/api/keys").await;
    let line = &list["keys"][0];
    assert_eq!(
        (&line["id"], &line["name"], &line["spans_per_second"]),
        (&json!(id), &json!("checkout"), &json!(500))
    );
    assert!(line["revoked_unix_ns"].is_null() && !list.to_string().contains(key), "{list}");

    let gone = server.client.delete(server.url(&format!("/api/keys/{id}"))).send().await.unwrap();
    assert_eq!(gone.status(), 200);
    until("the key is refused", async || (opens().await == 401).then_some(())).await;
    let again = server.client.delete(server.url(&format!("/api/keys/{id}"))).send().await.unwrap();
    assert_eq!(again.status(), 404);

    for wrong in
        [json!({}), json!({ "name": "" }), json!({ "name": "x", "rate": 1 }), json!({ "name": "a\nb" })]
    {
        let (status, refused) = make(wrong).await;
        assert_eq!((status, &refused["error"]["code"]), (400, &json!("bad_request")));
    }
    // A page of another origin can send no more than plain text without being asked for leave first.
    let plain = server.client.post(server.url("/api/keys")).body(r#"{"name":"x"}"#).send().await.unwrap();
    assert_eq!(plain.status(), 400);
    let (_, audit) = server.get("/api/audit").await;
    let lines: Vec<(&str, &str)> = audit["audit"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| (line["action"].as_str().unwrap(), line["outcome"].as_str().unwrap()))
        .collect();
    assert_eq!(lines, [("revoke_key", "done"), ("create_key", "done")]);

    // Whoever looks at Skein's own traces sees no keys, and makes none.
    let (_, own) = server.get("/own/api/keys").await;
    assert_eq!(own["keys"], json!([]));
    let own =
        server.client.post(server.url("/own/api/keys")).json(&json!({ "name": "x" })).send().await.unwrap();
    assert_eq!(own.status(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_tell_what_is_in_effect() {
    let rules = tempfile::NamedTempFile::new().unwrap();
    let text = r#"{ "detectors": { "card": "off" }, "rules": [{ "name": "customer", "key": "customer.*", "action": "drop" }] }"#;
    std::fs::write(rules.path(), text).unwrap();
    let path = rules.path().to_str().unwrap();
    let server =
        TestServer::start_unasked(&["--scrub-rules", path, "--keep-spans-days", "12", "--require-keys"])
            .await;
    let (status, settings) = server.get("/api/settings").await;
    assert_eq!(status, 200);
    let rule = |name: &str| {
        let rules = settings["redaction"].as_array().unwrap();
        rules.iter().find(|rule| rule["name"] == name).unwrap_or_else(|| panic!("{name}: {settings}")).clone()
    };
    assert_eq!((&rule("card")["action"], &rule("token")["action"]), (&json!("off"), &json!("mask")));
    assert_eq!(
        (&rule("customer")["what"], &rule("customer")["is_built_in"]),
        (&json!("attributes customer.*"), &json!(false))
    );
    assert_eq!(
        (&settings["keep_days"]["spans and traces"], &settings["keys_required"]),
        (&json!(12), &json!(true))
    );
    assert_eq!(settings["rules_file"], path);
}
