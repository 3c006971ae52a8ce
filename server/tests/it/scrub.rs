//! Planted secrets are nowhere on disk: not in the queue while the engine is away, not in the tables, not in the log.

use std::path::Path;

use model::AttrValue;
use serde_json::json;
use traffic::shapes;

use crate::server::{TestServer, now};
use prost::Message;
use server::wire::otlp::encode::encode;

const SECRETS: [&str; 6] = [
    "4111 1111 1111 1111",
    "378282246310005",
    "tr0ub4dor-and-3",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmN",
    "AKIAIOSFODNN7EXAMPLE",
    "hunter2-in-a-cookie",
];
/// What is no secret and must be found, or else the search below would find nothing whatever is there.
const HARMLESS: &str = "harmless-words-beside-them";

fn texts() -> [String; 6] {
    [
        format!("paid with {} {HARMLESS}", SECRETS[0]),
        format!("amex={}", SECRETS[1]),
        format!("postgres://shop:{}@db:5432/shop", SECRETS[2]),
        format!("Authorization: Bearer {}", SECRETS[3]),
        format!("key {}", SECRETS[4]),
        format!("https://shop/login?password={}", SECRETS[5]),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn planted_secrets_are_nowhere_on_disk() {
    let mut server = TestServer::start().await;
    let engine = server.engine_pid().await;
    TestServer::signal(engine, "STOP");
    let mut spans = shapes::random(7, 6);
    for (span, text) in spans.iter_mut().zip(texts()) {
        span.operation = text.clone();
        span.status_message = text.clone();
        span.attributes.push(("note".to_owned(), AttrValue::Str(text.clone())));
        span.attributes.push(("list".to_owned(), AttrValue::Array(vec![AttrValue::Str(text)])));
        span.attributes
            .push(("http.request.header.cookie".to_owned(), AttrValue::Str(SECRETS[5].to_owned())));
    }
    server.send(&spans).await;
    let (status, _) = server.post_protobuf(encode(&spans[..1]).encode_to_vec()).await;
    assert_eq!(status, 200);
    let batch = json!([{
        "trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "00f067aa0ba902b7", "service_name": "cart",
        "operation_name": texts()[3], "start_time_unix_ns": now().0, "duration_ms": 1, "status": "ok",
        "tags": { "card": texts()[0], "url": texts()[2] },
    }]);
    let (status, _) = server.post("/v1/spans", "application/json", batch.to_string().into_bytes()).await;
    assert_eq!(status, 202);

    assert!(holds(&server.data_dir().join("queue"), HARMLESS), "the queue is not where it is looked for");
    nowhere(&server);
    TestServer::signal(engine, "CONT");
    server.stored(8).await;
    for secret in SECRETS {
        for table in ["spans", "origins", "red"] {
            let sql =
                format!("SELECT count() FROM {table} WHERE position(toString(tuple(*)), '{secret}') > 0");
            server.sql_becomes(&sql, "0").await;
        }
    }
    let sql = format!("SELECT count() > 0 FROM spans WHERE position(toString(tuple(*)), '{HARMLESS}') > 0");
    server.sql_becomes(&sql, "1").await;
    assert!(server.metric("skein_ingest_redacted_values_total").await >= 30.0);
    nowhere(&server);
    server.terminate().await;
    nowhere(&server);
}

fn nowhere(server: &TestServer) {
    let data = server.data_dir();
    for secret in SECRETS {
        assert!(!holds(data.parent().unwrap(), secret), "{secret} is on disk");
    }
}

/// Whether any file below a folder has a text in it. Files that go away meanwhile have not.
fn holds(folder: &Path, text: &str) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| {
        let path = entry.path();
        if path.is_dir() {
            holds(&path, text)
        } else {
            std::fs::read(&path).is_ok_and(|bytes| memchr::memmem::find(&bytes, text.as_bytes()).is_some())
        }
    })
}
