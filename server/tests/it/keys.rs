//! Ingest keys, from the command line to every door.

use prost::Message;
use server::wire::otlp::encode::encode;
use tonic::{Code, Request};
use traffic::shapes;

use crate::server::{TestServer, skein, until};

const PROTOBUF: &str = "application/x-protobuf";

/// What `skein key` prints for this server's metadata.
fn key(server: &TestServer, arguments: &[&str]) -> String {
    let output =
        skein().arg("key").args(arguments).arg("--data-dir").arg(server.data_dir()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

async fn post(server: &TestServer, path: &str, header: Option<(&str, &str)>) -> reqwest::Response {
    let (kind, body) = match path {
        "/v1/traces" => (PROTOBUF, encode(&shapes::random(1, 3)).encode_to_vec()),
        _ => ("application/json", b"[]".to_vec()),
    };
    let request = server.client.post(server.otlp_http(path)).header("content-type", kind).body(body);
    let request = match header {
        Some((name, value)) => request.header(name, value),
        None => request,
    };
    request.send().await.unwrap()
}

async fn export(server: &TestServer, spans: usize, bearer: Option<&str>) -> Result<(), tonic::Status> {
    let mut request = Request::new(encode(&shapes::random(2, spans)));
    if let Some(key) = bearer {
        request.metadata_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
    }
    server.grpc().await.export(request).await.map(|_| ())
}

#[tokio::test]
async fn where_keys_are_required_every_door_asks_for_one() {
    let server = TestServer::start_with(&["--require-keys"]).await;
    let valid = key(&server, &["create", "--name", "shop"]);
    until("the new key opens", async || export(&server, 4, Some(&valid)).await.ok()).await;

    let forged = format!("{}{}", &valid[..valid.len() - 1], if valid.ends_with('0') { "1" } else { "0" });
    for path in ["/v1/traces", "/v1/spans", "/api/v2/spans"] {
        let absent = post(&server, path, None).await;
        assert_eq!(absent.status(), 401, "{path}");
        assert_eq!(absent.headers()["www-authenticate"], "Bearer");
        let absent = absent.bytes().await.unwrap();
        for wrong in ["", "Bearer", "nonsense", &forged] {
            let wrong = post(&server, path, Some(("x-skein-key", wrong))).await;
            assert_eq!(
                (wrong.status().as_u16(), wrong.bytes().await.unwrap()),
                (401, absent.clone()),
                "{path}"
            );
        }
        assert!(post(&server, path, Some(("x-skein-key", &valid))).await.status().is_success(), "{path}");
    }
    let bearer = format!("bearer {valid}");
    assert_eq!(post(&server, "/v1/traces", Some(("authorization", &bearer))).await.status(), 200);
    let absent = export(&server, 4, None).await.unwrap_err();
    let wrong = export(&server, 4, Some(&forged)).await.unwrap_err();
    assert_eq!((absent.code(), wrong.code()), (Code::Unauthenticated, Code::Unauthenticated));
    assert_eq!(absent.message(), wrong.message());
    assert_eq!(server.metric("skein_ingest_accepted_spans_total").await, 10.0);

    let id = valid.split('_').nth(1).unwrap();
    key(&server, &["revoke", id]);
    until("the revoked key is refused", async || export(&server, 4, Some(&valid)).await.err()).await;
    let list = key(&server, &["list"]);
    assert!(list.contains(id) && list.contains("shop") && !list.contains(&valid), "{list}");
}

#[tokio::test]
async fn a_key_over_its_rate_is_told_when_to_come_back() {
    let server = TestServer::start().await;
    let slow = key(&server, &["create", "--name", "slow", "--spans-per-second", "1"]);
    // A key of ours that is not valid yet is refused even where none is needed.
    until("the new key opens", async || export(&server, 2_000, Some(&slow)).await.ok()).await;
    let refused = post(&server, "/v1/traces", Some(("x-skein-key", &slow))).await;
    assert_eq!(refused.status(), 429);
    let pause: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=2_000).contains(&pause), "{pause}");
    assert_eq!(export(&server, 2_000, Some(&slow)).await.unwrap_err().code(), Code::ResourceExhausted);
    assert_eq!(server.metric("skein_ingest_rate_limited_spans_total").await, 2_003.0);
    // Nobody else is held up, nor is a token meant for somebody else taken for a key.
    assert_eq!(post(&server, "/v1/traces", None).await.status(), 200);
    assert_eq!(post(&server, "/v1/traces", Some(("authorization", "Bearer of-a-proxy"))).await.status(), 200);
}
