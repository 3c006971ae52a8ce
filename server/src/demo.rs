//! `skein demo`: a shop's steady traffic, sent to a running skein the way real services send it.
//!
//! Every service instance has a batch of its own and sends spans when they end, so parents arrive after their
//! children, as they do from real SDKs. It must not know anything of the server but the address of its OTLP door.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use model::{AttrValue, Nanos, Span, Timestamp};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Status};
use traffic::Shop;
use traffic::rng::Rng;

use crate::wire::otlp::encode::encode;

#[derive(clap::Args, Clone, Debug)]
pub struct DemoConfig {
    /// The OTLP gRPC address to send to
    #[arg(long, env = "SKEIN_DEMO_ENDPOINT", default_value = "http://127.0.0.1:4317")]
    pub endpoint: String,
    /// Authorities (PEM) one of which signed the server's certificate; the endpoint is then https://
    #[arg(long, env = "SKEIN_CA", value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Requests to the shop per second; most make one trace
    #[arg(long, env = "SKEIN_DEMO_RATE", default_value_t = 10.0)]
    pub rate: f64,
    /// Minutes of past traffic to send first, thinner than the rest
    #[arg(long, env = "SKEIN_DEMO_BACKFILL", default_value_t = 30, value_name = "MINUTES")]
    pub backfill: u64,
    /// The same seed makes the same shop
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

const RATE_MAX: f64 = 2_000.0;
const BACKFILL_RATE: f64 = 2.0;
const BACKFILL_BATCH_SPANS: usize = 2_000;
const TICK: Duration = Duration::from_millis(100);
const REPORT_EVERY: Duration = Duration::from_secs(60);
/// What SDKs do: a full batch goes at once, a smaller one when it has waited long enough.
const BATCH_SPANS: usize = 512;
const BATCH_WAIT_MS: (u64, u64) = (400, 1_600);
/// Requests under way at once; beyond that spans are dropped, for a demo must not grow without end.
const REQUESTS_MAX: usize = 256;
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
const BACKOFF_MS: (u64, u64) = (250, 8_000);
const TRIES_MAX: u32 = 40;
/// Further behind than this (a suspended laptop), the missed traffic is skipped.
const CATCH_UP_MAX: Nanos = Nanos(15_000_000_000);
const DRAIN_DEADLINE: Duration = Duration::from_secs(3);

/// Sends until `shutdown` resolves.
pub async fn run(config: DemoConfig, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
    anyhow::ensure!(
        config.rate > 0.0 && config.rate <= RATE_MAX,
        "--rate must be above 0 and at most {RATE_MAX}, this is {}",
        config.rate
    );
    let endpoint = Endpoint::from_shared(config.endpoint.clone())
        .with_context(|| format!("--endpoint {} is not an address", config.endpoint))?
        .timeout(REQUEST_TIMEOUT);
    let endpoint = match &config.ca {
        Some(path) => trusting(endpoint, path)?,
        None => {
            anyhow::ensure!(
                endpoint.uri().scheme_str() != Some("https"),
                "--endpoint {} needs --ca: the authority of the server's certificate",
                config.endpoint
            );
            endpoint
        }
    };
    let sender = Sender { client: TraceServiceClient::new(endpoint.connect_lazy()), sent: Arc::default() };
    say(&format!(
        "Sending a shop's traffic to {}: {} requests a second, after the last {} minutes. Ctrl-C stops it.",
        config.endpoint, config.rate, config.backfill
    ));
    let mut demo = Demo::new(&config, sender);
    let work = async {
        demo.backfill(Nanos::from_secs(config.backfill * 60)).await;
        demo.go_on().await;
    };
    tokio::select! {
        () = work => {}
        () = shutdown => {}
    }
    demo.drain().await;
    Ok(())
}

fn trusting(endpoint: Endpoint, authority: &Path) -> anyhow::Result<Endpoint> {
    let name = authority.display();
    let pem = std::fs::read(authority).with_context(|| format!("--ca {name} cannot be read"))?;
    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem));
    endpoint.tls_config(tls).with_context(|| format!("--ca {name} cannot be used"))
}

struct Demo {
    shop: Shop,
    rate: f64,
    sender: Sender,
    started: Timestamp,
    /// Spans that have not ended yet, by their end.
    running: BTreeMap<(Timestamp, u64), Span>,
    counter: u64,
    batches: HashMap<String, Batch>,
    requests: JoinSet<()>,
    rng: Rng,
}

/// What one service instance has to send.
struct Batch {
    spans: Vec<Span>,
    due: Instant,
}

impl Demo {
    fn new(config: &DemoConfig, sender: Sender) -> Demo {
        Demo {
            shop: Shop::new(config.seed),
            rate: config.rate,
            sender,
            started: now(),
            running: BTreeMap::new(),
            counter: 0,
            batches: HashMap::new(),
            requests: JoinSet::new(),
            rng: Rng::new(config.seed),
        }
    }

    /// Sends the past, so that no page is empty when the first visitor comes.
    async fn backfill(&mut self, length: Nanos) {
        let rate = self.rate.min(BACKFILL_RATE);
        let until = self.started;
        let arrivals = self.shop.arrivals(until.minus(length), rate).take_while(|at| *at < until);
        let mut batch = Vec::new();
        let mut count = 0;
        for at in arrivals {
            for span in self.shop.visit_at(at).into_iter().flatten() {
                if span.end() > until {
                    self.put(span);
                    continue;
                }
                batch.push(span);
                count += 1;
            }
            if batch.len() >= BACKFILL_BATCH_SPANS {
                self.sender.send(std::mem::take(&mut batch)).await;
            }
        }
        if !batch.is_empty() {
            self.sender.send(batch).await;
        }
        if count > 0 {
            say(&format!("The last {} minutes are in: {count} spans.", length.0 / 60_000_000_000));
        }
    }

    async fn go_on(&mut self) {
        let mut tick = tokio::time::interval(TICK);
        let mut report = tokio::time::interval_at(Instant::now() + REPORT_EVERY, REPORT_EVERY);
        let mut arrivals = self.shop.arrivals(self.started, self.rate);
        let mut next = self.started;
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                _ = report.tick() => {
                    self.sender.report();
                    continue;
                }
            }
            let now = now();
            if now.since(next) > CATCH_UP_MAX {
                next = now;
                arrivals = self.shop.arrivals(now, self.rate);
            }
            while next <= now {
                let visit = self.shop.visit_at(next);
                visit.into_iter().flatten().for_each(|span| self.put(span));
                next = arrivals.next().unwrap_or(now);
            }
            self.collect_ended(now);
            self.send_due(Instant::now());
        }
    }

    fn put(&mut self, span: Span) {
        self.counter += 1;
        self.running.insert((span.end(), self.counter), span);
    }

    fn collect_ended(&mut self, now: Timestamp) {
        while let Some(entry) = self.running.first_entry().filter(|entry| entry.key().0 <= now) {
            let span = entry.remove();
            let wait_ms = self.rng.between(BATCH_WAIT_MS.0, BATCH_WAIT_MS.1);
            let batch = self.batches.entry(instance_of(&span)).or_insert_with(|| Batch {
                spans: Vec::new(),
                due: Instant::now() + Duration::from_millis(wait_ms),
            });
            batch.spans.push(span);
        }
    }

    fn send_due(&mut self, now: Instant) {
        while self.requests.try_join_next().is_some() {}
        let is_due = |batch: &Batch| batch.due <= now || batch.spans.len() >= BATCH_SPANS;
        for (_, batch) in self.batches.extract_if(|_, batch| is_due(batch)) {
            if self.requests.len() >= REQUESTS_MAX {
                self.sender.sent.dropped.fetch_add(batch.spans.len() as u64, Ordering::Relaxed);
                continue;
            }
            let sender = self.sender.clone();
            self.requests.spawn(async move { sender.send(batch.spans).await });
        }
    }

    /// Gives what is under way a moment to arrive.
    async fn drain(&mut self) {
        self.collect_ended(now());
        self.send_due(Instant::now() + REPORT_EVERY);
        let all = async { while self.requests.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN_DEADLINE, all).await.is_err() {
            self.requests.abort_all();
        }
    }
}

#[derive(Default)]
struct Sent {
    spans: AtomicU64,
    refused: AtomicU64,
    dropped: AtomicU64,
    is_waiting: AtomicBool,
}

#[derive(Clone)]
struct Sender {
    client: TraceServiceClient<Channel>,
    sent: Arc<Sent>,
}

impl Sender {
    /// Sends one request, again and again while the server says it may work later.
    async fn send(&self, spans: Vec<Span>) {
        let count = spans.len() as u64;
        let request = encode(&spans);
        drop(spans);
        let mut rng = Rng::new(count ^ now().0);
        let mut pause_ms = BACKOFF_MS.0;
        for _ in 0..TRIES_MAX {
            match self.client.clone().export(request.clone()).await {
                Ok(answer) => {
                    let refused = answer.into_inner().partial_success.map_or(0, |p| p.rejected_spans);
                    let refused = u64::try_from(refused).unwrap_or_default();
                    self.sent.refused.fetch_add(refused, Ordering::Relaxed);
                    self.sent.spans.fetch_add(count.saturating_sub(refused), Ordering::Relaxed);
                    if self.sent.is_waiting.swap(false, Ordering::Relaxed) {
                        say("It answers.");
                    }
                    return;
                }
                Err(status) if may_pass(&status) => {
                    if !self.sent.is_waiting.swap(true, Ordering::Relaxed) {
                        say(&format!("No answer yet ({}); trying again.", reason(&status)));
                    }
                }
                Err(status) => {
                    say(&format!("{count} spans were refused: {}", reason(&status)));
                    break;
                }
            }
            tokio::time::sleep(Duration::from_millis(pause_ms / 2 + rng.below(pause_ms))).await;
            pause_ms = (pause_ms * 2).min(BACKOFF_MS.1);
        }
        self.sent.dropped.fetch_add(count, Ordering::Relaxed);
    }

    fn report(&self) {
        let spans = self.sent.spans.swap(0, Ordering::Relaxed);
        let refused = self.sent.refused.swap(0, Ordering::Relaxed);
        let dropped = self.sent.dropped.swap(0, Ordering::Relaxed);
        let losses = match (refused, dropped) {
            (0, 0) => String::new(),
            _ => format!(" {refused} were refused, {dropped} given up."),
        };
        say(&format!("{spans} spans in the last minute.{losses}"));
    }
}

/// Whether OTLP lets a client try again after this answer. An answer that never came is `Unknown` here.
fn may_pass(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unavailable
            | Code::ResourceExhausted
            | Code::DeadlineExceeded
            | Code::Cancelled
            | Code::Aborted
            | Code::OutOfRange
            | Code::DataLoss
            | Code::Unknown
    )
}

fn reason(status: &Status) -> String {
    match status.message() {
        "" => format!("{:?}", status.code()),
        message => message.to_owned(),
    }
}

fn instance_of(span: &Span) -> String {
    let id = span.origin.resource.iter().find(|(key, _)| key == "service.instance.id");
    match id {
        Some((_, AttrValue::Str(id))) => id.clone(),
        _ => span.service.clone(),
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// A line for the person at the terminal; nobody may be listening.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

#[cfg(test)]
mod tests;
