//! The document and the code say the same: every path answers, and every answer fits its schema.

use serde_json::{Value, json};
use traffic::Shop;

use crate::server::{TestServer, now};

/// The schema of a path's answer, with the document's definitions beside it.
fn schema(document: &Value, path: &str, status: &str) -> Value {
    let answer =
        &document["paths"][path]["get"]["responses"][status]["content"]["application/json"]["schema"];
    assert!(answer.is_object(), "{path} documents no answer {status}");
    let mut schema = answer.clone();
    schema["components"] = document["components"].clone();
    schema
}

fn fits(document: &Value, path: &str, status: &str, answer: &Value) {
    let validator = jsonschema::validator_for(&schema(document, path, status)).unwrap();
    let problems: Vec<String> =
        validator.iter_errors(answer).map(|e| format!("{}: {e}", e.instance_path())).take(5).collect();
    assert!(problems.is_empty(), "{path}:\n{}", problems.join("\n"));
}

#[tokio::test]
async fn answers_fit_the_document() {
    let server = TestServer::start().await;
    let spans: Vec<_> =
        Shop::new(3).traces(now().minus(model::Nanos::from_secs(100)), 1.0).take(60).flatten().collect();
    server.send(&spans).await;
    server.stored(spans.len()).await;
    // What finds traces is stored beside them, a moment earlier or later.
    server.sql_becomes("SELECT count() > 0 FROM pieces", "1").await;
    let (_, document) = server.get("/api/openapi.json").await;

    // A key, and lines of the audit.
    let key = json!({ "name": "shop" });
    assert_eq!(server.client.post(server.url("/api/keys")).json(&key).send().await.unwrap().status(), 201);
    let unknown = server.url(&format!("/api/traces/{}", "ab".repeat(16)));
    assert_eq!(server.client.delete(unknown).send().await.unwrap().status(), 404);
    let id = spans[0].trace_id.to_string();
    let service = &spans[0].service;
    for (path, url) in [
        ("/api/traces", "/api/traces".to_owned()),
        ("/api/traces/{id}", format!("/api/traces/{id}")),
        ("/api/diff", format!("/api/diff?a={id}&b={}", spans[spans.len() - 1].trace_id)),
        ("/api/diff", format!("/api/diff?a=typical&b={id}")),
        ("/api/explain", "/api/explain?part_q=error".to_owned()),
        ("/api/anomalies", "/api/anomalies?state=open&service=cart".to_owned()),
        ("/api/audit", "/api/audit".to_owned()),
        ("/api/receipts", "/api/receipts".to_owned()),
        ("/api/dependencies", "/api/dependencies".to_owned()),
        ("/api/facets", "/api/facets?fields=name,span.http.route".to_owned()),
        ("/api/heatmap", "/api/heatmap".to_owned()),
        ("/api/metrics/query_range", "/api/metrics/query_range?q=error%7Crate()by(name)".to_owned()),
        ("/api/attributes", "/api/attributes".to_owned()),
        ("/api/attributes", "/api/attributes?field=name&prefix=g".to_owned()),
        ("/api/traces/{id}/logs", format!("/api/traces/{id}/logs")),
        ("/api/traces/{id}/otlp", format!("/api/traces/{id}/otlp")),
        ("/api/services", "/api/services".to_owned()),
        ("/api/status", "/api/status".to_owned()),
        ("/api/settings", "/api/settings".to_owned()),
        ("/api/keys", "/api/keys".to_owned()),
        ("/api/services/{service}/operations", format!("/api/services/{service}/operations")),
    ] {
        let (status, answer) = server.get(&url).await;
        assert_eq!(status, 200, "{url}: {answer}");
        fits(&document, path, "200", &answer);
    }
    for (path, url) in [("/api/traces", "/api/traces?limit=x"), ("/api/traces/{id}", "/api/traces/zz")] {
        fits(&document, path, "default", &server.get(url).await.1);
    }
}

#[tokio::test]
async fn every_documented_path_exists_and_takes_its_parameters() {
    let server = TestServer::start().await;
    let (_, document) = server.get("/api/openapi.json").await;
    for (path, methods) in document["paths"].as_object().unwrap() {
        let url = server.url(&path.replace("{id}", &"ab".repeat(16)).replace("{service}", "none"));
        let response = match (methods.get("get"), methods.get("post")) {
            (Some(_), _) => server.client.get(&url).send().await.unwrap(),
            (None, None) => server.client.delete(&url).send().await.unwrap(),
            (None, Some(_)) => server
                .client
                .post(&url)
                .header("content-type", "application/json")
                .body("{}")
                .send()
                .await
                .unwrap(),
        };
        assert_ne!(response.status(), 405, "{path}");
        let text = response.text().await.unwrap();
        assert!(!text.contains("there is nothing at"), "{path}");
    }
    let examples = json!({ "error": "true", "min_duration_ms": "1", "max_duration_ms": "2", "limit": "5",
        "start": "2026-01-01T00:00:00Z", "end": "1900000000000000000" });
    for parameter in document["paths"]["/api/traces"]["get"]["parameters"].as_array().unwrap() {
        let name = parameter["name"].as_str().unwrap();
        let value = examples.get(name).and_then(Value::as_str).unwrap_or("");
        assert_eq!(server.get(&format!("/api/traces?{name}={value}")).await.0, 200, "{name}");
    }
}
