//! Killed at any point, nothing that was acknowledged is lost and nothing is doubled.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use model::Span;
use server::wire::otlp::encode::encode;
use traffic::shapes;

use crate::server::{TestServer, until};

/// Sends small batches without a pause; what was acknowledged is counted by span.
struct Load {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
    sender: tokio::task::JoinHandle<(HashSet<String>, HashSet<String>)>,
}

const BATCH: usize = 40;

impl Load {
    fn start(server: &TestServer, seed: u64) -> Load {
        let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let url = server.otlp_http("/v1/traces");
        let sender = tokio::spawn(send_until(stop.clone(), acknowledged.clone(), url, seed));
        Load { stop, acknowledged, sender }
    }

    async fn reaches(&self, spans: usize) {
        until("enough is acknowledged", async || {
            (self.acknowledged.load(Ordering::SeqCst) >= spans).then_some(())
        })
        .await;
    }

    /// What was acknowledged, and what was sent without an answer.
    async fn end(self) -> (HashSet<String>, HashSet<String>) {
        self.stop.store(true, Ordering::SeqCst);
        self.sender.await.unwrap()
    }
}

async fn send_until(
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
    url: String,
    seed: u64,
) -> (HashSet<String>, HashSet<String>) {
    use prost::Message;
    let client = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
    let (mut stored, mut unanswered) = (HashSet::new(), HashSet::new());
    for round in 0.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let spans: Vec<Span> = shapes::random(seed * 1_000_000 + round, BATCH);
        let ids = spans.iter().map(|span| format!("{}{}", span.trace_id, span.span_id));
        let request = client.post(&url).header("content-type", "application/x-protobuf");
        match request.body(encode(&spans).encode_to_vec()).send().await {
            Ok(response) if response.status().is_success() => {
                stored.extend(ids);
                acknowledged.fetch_add(BATCH, Ordering::SeqCst);
            }
            Ok(_) => {}
            Err(_) => {
                unanswered.extend(ids);
                tokio::task::yield_now().await;
            }
        }
    }
    (stored, unanswered)
}

/// Every acknowledged span is there exactly once; what had no answer at most once; nothing else.
async fn check(server: &TestServer, acknowledged: &HashSet<String>, unanswered: &HashSet<String>) {
    server.ready().await;
    until("the queue is empty", async || (server.metric("skein_queue_segments").await == 0.0).then_some(()))
        .await;
    let sql = "SELECT lower(hex(trace_id)) || lower(leftPad(hex(span_id), 16, '0')) FROM spans FORMAT TSV";
    let rows = until("the engine answers", async || server.sql(sql).await).await;
    let found: Vec<&str> = rows.lines().collect();
    let unique: HashSet<&str> = found.iter().copied().collect();
    assert_eq!(found.len(), unique.len(), "spans are doubled");
    let lost = acknowledged.iter().filter(|id| !unique.contains(id.as_str())).count();
    assert_eq!(lost, 0, "of {} acknowledged spans", acknowledged.len());
    let strange =
        unique.iter().filter(|id| !acknowledged.contains(**id) && !unanswered.contains(**id)).count();
    assert_eq!(strange, 0, "spans nobody sent");
    // The other tables were filled by the same batches, once each.
    let count = found.len().to_string();
    server.sql_becomes("SELECT sum(spans) FROM pieces", &count).await;
    server.sql_becomes("SELECT sum(calls) FROM red", &count).await;
}

fn join(all: &mut (HashSet<String>, HashSet<String>), more: (HashSet<String>, HashSet<String>)) {
    all.0.extend(more.0);
    all.1.extend(more.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_the_server_loses_and_doubles_nothing() {
    let mut server = TestServer::start().await;
    let mut sent = Default::default();
    for (round, after) in [400, 4_000, 1_200, 8_000].into_iter().enumerate() {
        let load = Load::start(&server, round as u64 + 1);
        load.reaches(after).await;
        server.kill().await;
        join(&mut sent, load.end().await);
        server.restart().await;
    }
    check(&server, &sent.0, &sent.1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_the_engine_loses_and_doubles_nothing_and_nobody_waits() {
    let server = TestServer::start().await;
    let load = Load::start(&server, 50);
    for round in 1..=4 {
        load.reaches(round * 3_000).await;
        let engine = server.engine_pid().await;
        TestServer::signal(engine, "KILL");
        until("another engine runs", async || (server.engine_pid().await != engine).then_some(())).await;
    }
    load.reaches(20_000).await;
    let sent = load.end().await;
    assert!(sent.1.is_empty(), "ingest does not depend on the engine");
    assert!(server.metric("skein_engine_restarts_total").await >= 4.0);
    check(&server, &sent.0, &sent.1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_both_loses_and_doubles_nothing() {
    let mut server = TestServer::start().await;
    let mut sent = Default::default();
    for round in 0..3 {
        let load = Load::start(&server, 80 + round);
        load.reaches(2_000 * (round as usize + 1)).await;
        TestServer::signal(server.engine_pid().await, "KILL");
        server.kill().await;
        join(&mut sent, load.end().await);
        server.restart().await;
    }
    check(&server, &sent.0, &sent.1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_hangs_is_not_noticed_by_senders() {
    let server = TestServer::start().await;
    let engine = server.engine_pid().await;
    TestServer::signal(engine, "STOP");
    let load = Load::start(&server, 120);
    load.reaches(30_000).await;
    let memory = resident_bytes(server.pid());
    assert!(memory < 300 << 20, "{} MB resident", memory >> 20);
    let sent = load.end().await;
    assert!(sent.1.is_empty());
    TestServer::signal(engine, "CONT");
    check(&server, &sent.0, &sent.1).await;
}

fn resident_bytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}
