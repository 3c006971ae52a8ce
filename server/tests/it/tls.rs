//! TLS at every port, with certificates that change while the server runs and clients that have to show theirs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use server::wire::otlp::encode::encode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint};
use traffic::shapes;

use crate::server::{TestServer, skein, until};

/// An authority, and what it signs.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Writes a certificate for this machine and its key.
    fn sign(&self, cert: &Path, key: &Path) {
        let signing_key = KeyPair::generate().unwrap();
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let signed = CertificateParams::new(names).unwrap().signed_by(&signing_key, &self.0).unwrap();
        std::fs::write(cert, signed.pem()).unwrap();
        std::fs::write(key, signing_key.serialize_pem()).unwrap();
    }
}

/// The files of one test, and how a client speaks that trusts an authority.
struct Files(tempfile::TempDir);

impl Files {
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn arguments(&self, client_ca: Option<&Authority>) -> Vec<String> {
        let file = |name: &str| self.path(name).display().to_string();
        let mut arguments =
            vec!["--tls-cert".to_owned(), file("cert.pem"), "--tls-key".to_owned(), file("key.pem")];
        if let Some(authority) = client_ca {
            std::fs::write(self.path("clients.pem"), authority.0.pem()).unwrap();
            arguments.extend(["--tls-client-ca".to_owned(), file("clients.pem")]);
        }
        arguments
    }
}

fn client(trusts: &Authority, shows: Option<(&Path, &Path)>) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(trusts.0.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match shows {
        None => builder.with_no_client_auth(),
        Some((cert, key)) => {
            let chain = CertificateDer::pem_file_iter(cert).unwrap().collect::<Result<_, _>>().unwrap();
            builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(key).unwrap()).unwrap()
        }
    };
    TlsConnector::from(Arc::new(config))
}

async fn connect(client: &TlsConnector, url: &str) -> std::io::Result<TlsStream<TcpStream>> {
    let address = url.strip_prefix("https://").expect("TLS is announced");
    let tcp = TcpStream::connect(address).await?;
    client.connect(ServerName::try_from("localhost").unwrap(), tcp).await
}

/// The status line of an answer over HTTP/1.1.
async fn get(client: &TlsConnector, url: &str, path: &str) -> std::io::Result<String> {
    let mut stream = connect(client, url).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let text = String::from_utf8_lossy(&answer);
    text.lines().next().map(str::to_owned).ok_or_else(|| std::io::ErrorKind::UnexpectedEof.into())
}

async fn grpc(client: TlsConnector, url: &str) -> TraceServiceClient<Channel> {
    let url = url.to_owned();
    let connector = tower::service_fn(move |_| {
        let (client, url) = (client.clone(), url.clone());
        async move { connect(&client, &url).await.map(TokioIo::new) }
    });
    let endpoint = Endpoint::from_static("http://localhost");
    TraceServiceClient::new(endpoint.connect_with_connector_lazy(connector))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_used_without_a_restart() {
    let files = Files(tempfile::tempdir().unwrap());
    let (old, new) = (Authority::new(), Authority::new());
    old.sign(&files.path("cert.pem"), &files.path("key.pem"));
    let arguments = files.arguments(None);
    let server = TestServer::start_unasked(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let trusting = client(&old, None);
    until("the server is ready", async || {
        let status = get(&trusting, &server.url(""), "/readyz").await.ok()?;
        status.contains("200").then_some(())
    })
    .await;
    let mut sender = grpc(trusting.clone(), server.otlp_grpc()).await;
    sender.export(encode(&shapes::random(1, 5))).await.unwrap();
    assert!(get(&trusting, &server.otlp_http(""), "/v1/traces").await.unwrap().contains("405"));
    // Plain text is not understood, and a stranger's certificate not trusted.
    let plain = server.url("/readyz").replace("https://", "http://");
    assert!(server.client.get(plain).send().await.is_err());
    assert!(get(&client(&new, None), &server.url(""), "/readyz").await.is_err());

    // Half of a pair changes nothing; the whole is used by new connections, and the open one goes on.
    new.sign(&files.path("cert.pem"), &files.path("unused.pem"));
    until("the odd pair was looked at", async || server.log().contains("stays the old one").then_some(()))
        .await;
    assert!(get(&trusting, &server.url(""), "/readyz").await.is_ok());
    new.sign(&files.path("cert.pem"), &files.path("key.pem"));
    until("the new certificate is used", async || {
        get(&client(&new, None), &server.url(""), "/readyz").await.ok()
    })
    .await;
    assert!(get(&trusting, &server.url(""), "/readyz").await.is_err());
    sender.export(encode(&shapes::random(2, 5))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn with_an_authority_for_clients_nobody_else_gets_in() {
    let files = Files(tempfile::tempdir().unwrap());
    let (ours, strangers) = (Authority::new(), Authority::new());
    ours.sign(&files.path("cert.pem"), &files.path("key.pem"));
    ours.sign(&files.path("friend.pem"), &files.path("friend-key.pem"));
    strangers.sign(&files.path("stranger.pem"), &files.path("stranger-key.pem"));
    let arguments = files.arguments(Some(&ours));
    let server = TestServer::start_unasked(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let friend = client(&ours, Some((&files.path("friend.pem"), &files.path("friend-key.pem"))));
    until("the server is ready", async || get(&friend, &server.url(""), "/readyz").await.ok()).await;
    grpc(friend, server.otlp_grpc()).await.export(encode(&shapes::random(1, 5))).await.unwrap();
    let stranger = client(&ours, Some((&files.path("stranger.pem"), &files.path("stranger-key.pem"))));
    for client in [client(&ours, None), stranger] {
        assert!(get(&client, &server.url(""), "/readyz").await.is_err());
        assert!(get(&client, &server.otlp_http(""), "/v1/traces").await.is_err());
        assert!(grpc(client, server.otlp_grpc()).await.export(encode(&shapes::random(1, 5))).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn demo_and_doctor_speak_to_a_server_with_a_certificate() {
    let files = Files(tempfile::tempdir().unwrap());
    let (ours, strangers) = (Authority::new(), Authority::new());
    ours.sign(&files.path("cert.pem"), &files.path("key.pem"));
    let (ca, wrong_ca) = (files.path("ca.pem"), files.path("wrong.pem"));
    std::fs::write(&ca, ours.0.pem()).unwrap();
    std::fs::write(&wrong_ca, strangers.0.pem()).unwrap();
    let arguments = files.arguments(None);
    let server = TestServer::start_unasked(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut demo = skein()
        .args(["demo", "--backfill", "1", "--endpoint", server.otlp_grpc(), "--ca"])
        .arg(&ca)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    server.sql_becomes("SELECT count() > 50 FROM spans", "1").await;
    demo.kill().unwrap();
    demo.wait().unwrap();
    let output = skein().args(["demo", "--endpoint", server.otlp_grpc()]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("--ca"), "{output:?}");

    // No engine is needed to ask who is at a port.
    let http = server.url("").replace("https://", "");
    let doctor = |ca: &Path| {
        let data = files.path("doctor");
        let output = skein()
            .args(["doctor", "--http", &http, "--clickhouse-url", "http://127.0.0.1:1", "--ca"])
            .arg(ca)
            .args(["--otlp-grpc", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0", "--data-dir"])
            .arg(data)
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let said = doctor(&ca);
    assert!(said.contains("is a running skein's"), "{said}");
    let said = doctor(&wrong_ca);
    assert!(said.contains("not by a skein that answers"), "{said}");
}

#[test]
fn certificates_that_cannot_be_used_are_told_before_anything_starts() {
    let files = Files(tempfile::tempdir().unwrap());
    std::fs::write(files.path("cert.pem"), "no certificate").unwrap();
    std::fs::write(files.path("key.pem"), "no key").unwrap();
    for (arguments, told) in [
        (files.arguments(None), "key.pem"),
        (files.arguments(None)[..2].to_vec(), "go together"),
        (vec!["--tls-client-ca".to_owned(), "x.pem".to_owned()], "needs --tls-cert"),
    ] {
        let output = skein().arg("serve").args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), said.contains(told)), (Some(2), true), "{said}");
    }
}
