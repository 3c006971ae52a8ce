//! A server under test: started, asked, killed.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use model::{Span, Timestamp};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use server::wire::otlp::encode::encode;
use tempfile::TempDir;
use tonic::transport::Channel;

/// Long enough for the slowest machine; a condition that comes true ends the wait at once.
pub const PATIENCE: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(25);

pub struct TestServer {
    child: Child,
    folder: TempDir,
    arguments: Vec<String>,
    http: String,
    otlp_grpc: String,
    otlp_http: String,
    pub client: reqwest::Client,
}

impl TestServer {
    /// A server that is ready.
    pub async fn start() -> TestServer {
        TestServer::start_with(&[]).await
    }

    pub async fn start_with(arguments: &[&str]) -> TestServer {
        let server = TestServer::start_unasked(arguments).await;
        server.ready().await;
        server
    }

    /// One that says where it is, and may not be ready.
    pub async fn start_unasked(arguments: &[&str]) -> TestServer {
        let folder = tempfile::tempdir().unwrap();
        let arguments: Vec<String> = arguments.iter().map(|a| (*a).to_owned()).collect();
        let child = spawn(folder.path(), &arguments);
        let client = reqwest::Client::new();
        let (http, otlp_grpc, otlp_http) = Default::default();
        let mut server = TestServer { child, folder, arguments, http, otlp_grpc, otlp_http, client };
        server.learn_addresses().await;
        server
    }

    /// Starts again on the same data folder.
    pub async fn restart(&mut self) {
        let _ = std::fs::remove_file(self.data_dir().join("addresses.json"));
        self.child = spawn(self.folder.path(), &self.arguments);
        self.learn_addresses().await;
    }

    /// The same, with other arguments.
    pub async fn restart_with(&mut self, arguments: &[&str]) {
        self.arguments = arguments.iter().map(|a| (*a).to_owned()).collect();
        self.restart().await;
    }

    async fn learn_addresses(&mut self) {
        let path = self.data_dir().join("addresses.json");
        let addresses: Value = until("the addresses are written", async || {
            serde_json::from_str(&std::fs::read_to_string(&path).ok()?).ok()
        })
        .await;
        let address = |name: &str| addresses[name].as_str().unwrap().to_owned();
        (self.http, self.otlp_grpc, self.otlp_http) =
            (address("http"), address("otlp_grpc"), address("otlp_http"));
    }

    pub async fn ready(&self) {
        until("the server is ready", async || {
            let response = self.client.get(self.url("/readyz")).send().await.ok()?;
            response.status().is_success().then_some(())
        })
        .await;
    }

    /// What it has said so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.http)
    }

    pub fn otlp_http(&self, path: &str) -> String {
        format!("{}{path}", self.otlp_http)
    }

    pub fn otlp_grpc(&self) -> &str {
        &self.otlp_grpc
    }

    // === Asking ===

    pub async fn get(&self, path: &str) -> (u16, Value) {
        let response = self.client.get(self.url(path)).send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        let value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path}: {e}: {text}"));
        (status, value)
    }

    /// Calls a server function as the browser does.
    pub async fn ask<T: DeserializeOwned>(&self, function: &str, arguments: &impl Serialize) -> T {
        let body = postcard::to_stdvec(arguments).unwrap();
        let request = self.client.post(self.url(&format!("/fn/{function}")));
        let response =
            request.header("content-type", "application/postcard").body(body).send().await.unwrap();
        assert_eq!(response.status(), 200, "{function}");
        postcard::from_bytes(&response.bytes().await.unwrap()).unwrap()
    }

    pub async fn metric(&self, name: &str) -> f64 {
        let text = self.client.get(self.url("/metrics")).send().await.unwrap().text().await.unwrap();
        text.lines()
            .filter(|line| line.split(['{', ' ']).next() == Some(name))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }

    /// Asks the embedded engine itself; None while it is away.
    pub async fn sql(&self, sql: &str) -> Option<String> {
        let text = std::fs::read_to_string(self.data_dir().join("engine/client.json")).ok()?;
        let at: Value = serde_json::from_str(&text).ok()?;
        let field = |name: &str| at[name].as_str().unwrap().to_owned();
        let url = format!("{}/?database={}", field("url"), field("database"));
        let request =
            self.client.post(url).basic_auth(field("user"), Some(field("password"))).body(sql.to_owned());
        let response = request.send().await.ok()?;
        let ok = response.status().is_success();
        let answer = response.text().await.ok()?.trim().to_owned();
        ok.then_some(answer)
    }

    /// Waits until the engine answers `expected`.
    pub async fn sql_becomes(&self, sql: &str, expected: &str) {
        let mut last = None;
        let deadline = Instant::now() + PATIENCE;
        while last.as_deref() != Some(expected) {
            assert!(Instant::now() < deadline, "{sql} is {last:?}, not {expected}");
            tokio::time::sleep(POLL).await;
            last = self.sql(sql).await;
        }
    }

    // === Sending ===

    pub async fn grpc(&self) -> TraceServiceClient<Channel> {
        until("gRPC connects", async || TraceServiceClient::connect(self.otlp_grpc.clone()).await.ok()).await
    }

    /// Sends spans over gRPC; panics unless all are accepted.
    pub async fn send(&self, spans: &[Span]) {
        let answer = self.grpc().await.export(encode(spans)).await.unwrap().into_inner();
        assert_eq!(answer.partial_success.map_or(0, |p| p.rejected_spans), 0);
    }

    pub async fn post(&self, path: &str, content_type: &str, body: Vec<u8>) -> (u16, Vec<u8>) {
        let request = self.client.post(self.otlp_http(path)).header("content-type", content_type).body(body);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.bytes().await.unwrap().to_vec())
    }

    pub async fn post_protobuf(&self, body: Vec<u8>) -> (u16, ExportTraceServiceResponse) {
        let (status, bytes) = self.post("/v1/traces", "application/x-protobuf", body).await;
        let answer = if status == 200 {
            ExportTraceServiceResponse::decode(&bytes[..]).unwrap()
        } else {
            Default::default()
        };
        (status, answer)
    }

    /// Waits until this many spans are stored.
    pub async fn stored(&self, spans: usize) {
        self.sql_becomes("SELECT count() FROM spans", &spans.to_string()).await;
        self.sql_becomes("SELECT sum(calls) FROM red", &spans.to_string()).await;
        self.sql_becomes("SELECT sum(spans) FROM pieces", &spans.to_string()).await;
    }

    // === Ending ===

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The engine's process, once it runs.
    pub async fn engine_pid(&self) -> u32 {
        until("the engine's process runs", async || child_of(self.pid())).await
    }

    pub fn signal(pid: u32, name: &str) {
        let _ =
            Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).stderr(Stdio::null()).status();
    }

    pub async fn kill(&mut self) {
        TestServer::signal(self.pid(), "KILL");
        self.ended().await;
    }

    pub async fn terminate(&mut self) -> ExitStatus {
        TestServer::signal(self.pid(), "TERM");
        self.ended().await
    }

    async fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the server does not end");
            tokio::time::sleep(POLL).await;
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if let Some(engine) = child_of(self.child.id()) {
            TestServer::signal(engine, "CONT");
            TestServer::signal(engine, "KILL");
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            eprintln!("--- the server's log ---\n{log}");
        }
    }
}

pub fn skein() -> Command {
    Command::new(env!("CARGO_BIN_EXE_skein"))
}

fn spawn(folder: &Path, arguments: &[String]) -> Child {
    let log = std::fs::File::options().create(true).append(true).open(folder.join("log")).unwrap();
    // Counting what is stored is easier without what the server says of itself.
    let quiet: &[&str] = match arguments.iter().any(|a| a == "--own-traces") {
        true => &[],
        false => &["--own-traces", "false"],
    };
    skein()
        .args(["serve", "--http", "127.0.0.1:0", "--otlp-grpc", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0"])
        // A relative folder, as the default is; the browser tests give an absolute one.
        .current_dir(folder)
        .args(["--data-dir", "data"])
        .args(quiet)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
}

fn child_of(parent: u32) -> Option<u32> {
    let entries = std::fs::read_dir("/proc").ok()?;
    entries.flatten().find_map(|entry| {
        let pid: u32 = entry.file_name().to_string_lossy().parse().ok()?;
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        // The name may hold anything; what follows it does not.
        let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
        (fields.first() != Some(&"Z") && fields.get(1)?.parse() == Ok(parent)).then_some(pid)
    })
}

/// Asks until there is an answer.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(POLL).await;
    }
}

pub fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp(since.as_nanos() as u64)
}
