//! Builds what the roles name, in order of dependence, starts it, waits for the signal to stop, and drains.
//!
//! Front doors close first, then the queue, then the writer finishes, and the engine goes last. What the deadline
//! cuts off is still in the queue on disk.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use model::view::{Endpoint, Endpoints};
use model::{TenantId, Timestamp};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::access::{Access, Keys, meta_url};
use crate::config::{EngineChoice, Role, ServeConfig, finish, usage};
use crate::detect::webhook::{Webhook, WebhookMetrics};
use crate::detect::{DetectMetrics, Detector};
use crate::http;
use crate::http::{App, Readiness};
use crate::ingest::intake::Intake;
use crate::ingest::metrics::IngestMetrics;
use crate::ingest::receipts::{ReceiptMetrics, Receipts};
use crate::ingest::sender::Guard;
use crate::ingest::shed::Shedder;
use crate::ingest::{self, cors, otlp_grpc, otlp_http};
use crate::limits::{
    DRAIN_DEADLINE, INGEST_KEYS_REFRESH, OWN_SPANS_INTERVAL, RECEIPT_FLUSH_INTERVAL, REQUESTS_DEADLINE,
};
use crate::listen::{Certificates, ListenMetrics, Listener};
use crate::query::Queries;
use crate::query::reached::Reached;
use crate::queue::Queue;
use crate::queue::disk::{DiskQueue, Options};
use crate::queue::metrics::QueueMetrics;
use crate::scrub::Scrubber;
use crate::settle::{SettleMetrics, Settler};
use crate::status::{Facts, Status};
use crate::storage::embedded::Embedded;
use crate::storage::erase::Eraser;
use crate::storage::reader::Reader;
use crate::storage::settled::SettleStore;
use crate::storage::store::Store;
use crate::storage::writer::{Writer, WriterMetrics};
use crate::storage::{metrics, migrate, retention};
use crate::telemetry::Metrics;
use crate::telemetry::own::{self, OwnMetrics, OwnSpans};
use crate::telemetry::stages::Stages;
use crate::telemetry::{disk, process};

const MIGRATE_RETRY: Duration = Duration::from_millis(150);

/// Runs a server until it is told to stop.
pub async fn serve(config: ServeConfig, engine: EngineChoice) -> ExitCode {
    let lock = match DataDirLock::take(&config.data_dir) {
        Ok(lock) => lock,
        Err(problem) => return usage(&problem),
    };
    let doors = match Doors::open(&config).await {
        Ok(doors) => doors,
        Err(problem) => return usage(&problem),
    };
    let code = finish(run(config, engine, doors).await);
    drop(lock);
    code
}

/// Resolves on ctrl-C or SIGTERM.
pub async fn stop_signal() {
    let mut terminate = match signal(SignalKind::terminate()) {
        Ok(terminate) => terminate,
        Err(error) => {
            tracing::error!(%error, "SIGTERM cannot be listened for");
            return std::future::pending().await;
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

async fn run(config: ServeConfig, engine: EngineChoice, doors: Doors) -> anyhow::Result<()> {
    let (metrics, stages) = (Metrics::default(), Stages::default());
    metrics.register(|registry| {
        process::register(registry);
        disk::register(registry, config.data_dir.clone());
        stages.register(registry);
    });
    let own = traced(&config, &metrics);
    let access = Access::open(&meta_url(config.meta_url.as_deref(), &config.data_dir)).await?;
    let (embedded, address) = match engine {
        EngineChoice::Embedded { library, places } => {
            let embedded = Embedded::start(library, &config.data_dir, &places)?;
            let address = embedded.address.clone();
            (Some(embedded), address)
        }
        EngineChoice::Remote(address) => (None, address),
    };
    let store = Store::new(&address);
    let reader = Reader::new(store.clone()).counting_in(stages.clone());
    let readiness = Readiness::new(store.clone());
    metrics.register(|registry| metrics::register(registry, embedded.as_ref().map(Embedded::state)));
    let sizes = tokio::spawn(metrics::watch_engine(reader.clone(), metrics.clone()));
    let scrubber = config.scrubber().map_err(anyhow::Error::msg)?;
    let status = Status::new(metrics.clone(), facts(&config));
    let watching = tokio::spawn(status.clone().watch(now));
    let reached = Reached::default();
    metrics.register(|registry| reached.register(registry));
    let app = App {
        queries: Queries::new(reader, config.settle_after_secs, reached),
        links: config.links().map_err(anyhow::Error::msg)?.into(),
        eraser: Eraser::new(store.clone()),
        access,
        readiness: readiness.clone(),
        metrics: metrics.clone(),
        status,
        settings: Arc::new(config.settings(&scrubber)),
        endpoints: Arc::new(doors.endpoints()?),
        tenant: TenantId::default(),
    };

    let keys = Arc::new(Keys::default());
    metrics.register(|registry| keys.register(registry));
    app.access.refresh_keys(&keys, now()).await?;
    let refreshing = tokio::spawn(refresh_keys(app.access.clone(), keys.clone()));
    let guard = Guard::new(keys, config.require_keys);

    let settling = config.has(Role::Settle).then(|| {
        let found = SettleMetrics { stages: stages.clone(), ..SettleMetrics::default() };
        metrics.register(|registry| found.register(registry));
        let settler =
            Settler::new(SettleStore::new(store.on_behalf_of("settle")), config.settle_after_secs, found);
        tokio::spawn(settle_when_migrated(settler, readiness.clone()))
    });
    let detecting = config.has(Role::Settle).then(|| {
        let detector = detector(&config, &store, &metrics);
        let readiness = readiness.clone();
        tokio::spawn(async move {
            readiness.migrated().await;
            detector.run().await;
        })
    });

    let (stop, stopping) = watch::channel(false);
    let writing = if config.has(Role::Ingest) {
        Some(
            Writing::start(
                &config,
                &store,
                (&metrics, &stages),
                readiness,
                (guard, scrubber),
                own,
                &stopping,
            )
            .context("the queue cannot be opened")?,
        )
    } else {
        tokio::spawn(migrate_until_done(store.clone(), readiness));
        None
    };
    let serving = doors.serve(&config, app, writing.as_ref().map(|w| w.intake.clone()), &stopping)?;

    stop_signal().await;
    tracing::info!("stopping: no new requests, what was accepted is being stored");
    let _ = stop.send(true);
    let all_closed = futures::future::join_all(serving);
    if tokio::time::timeout(REQUESTS_DEADLINE, all_closed).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
    if let Some(writing) = writing {
        writing.drain().await;
    }
    for task in settling.into_iter().chain(detecting) {
        task.abort();
    }
    sizes.abort();
    watching.abort();
    refreshing.abort();
    if let Some(embedded) = embedded {
        embedded.stop().await;
    }
    Ok(())
}

/// The way of a span from the doors to the engine.
struct Writing {
    queue: Arc<dyn Queue>,
    intake: Arc<Intake>,
    writer: JoinHandle<()>,
    flushing: JoinHandle<()>,
    carrying: JoinHandle<()>,
}

impl Writing {
    fn start(
        config: &ServeConfig,
        store: &Store,
        (metrics, stages): (&Metrics, &Stages),
        readiness: Readiness,
        (guard, scrubber): (Guard, Scrubber),
        own: Option<OwnSpans>,
        stopping: &watch::Receiver<bool>,
    ) -> anyhow::Result<Writing> {
        let queued = QueueMetrics::default();
        let written = WriterMetrics { stages: stages.clone(), ..WriterMetrics::default() };
        let taken = IngestMetrics { stages: stages.clone(), ..IngestMetrics::default() };
        let counted = ReceiptMetrics::default();
        metrics.register(|registry| {
            counted.register(registry);
            queued.register(registry);
            written.register(registry);
            taken.register(registry);
        });
        let (queue_bytes, queue_max_bytes) = (queued.bytes.clone(), config.queue_max_bytes);
        let fill = Box::new(move || queue_bytes.get() as f64 / queue_max_bytes as f64);
        let options = Options { max_bytes: config.queue_max_bytes, ..Options::default() };
        let queue: Arc<dyn Queue> =
            Arc::new(DiskQueue::open(&config.data_dir.join("queue"), options, queued)?);
        let receipts = Arc::new(Receipts::new(counted));
        let intake = Intake::new(queue.clone(), taken).with_scrubber(scrubber).guarded(guard);
        let intake = match config.target_spans_per_second {
            0 => intake,
            target => intake.shedding(Shedder::new(target, fill, Instant::now())),
        };
        let intake = Arc::new(intake.counting_in(receipts.clone()));
        let flushing = tokio::spawn(flush_receipts(receipts, queue.clone(), stopping.clone()));
        let carrying = tokio::spawn(carry_own_spans(own, queue.clone(), stopping.clone()));
        let writer = Writer::new(queue.clone(), store.clone(), written);
        let (store, retention, tiers) = (store.clone(), config.retention.clone(), config.tiers.clone());
        let writer = tokio::spawn(async move {
            migrate_until_done(store.clone(), readiness).await;
            if let Err(error) = retention::apply(&store, &retention, &tiers).await {
                let error = anyhow::Error::from(error);
                tracing::error!(
                    error = format!("{error:#}"),
                    "what expires when could not be changed; the next start tries again"
                );
            }
            writer.run().await;
        });
        Ok(Writing { queue, intake, writer, flushing, carrying })
    }

    async fn drain(self) {
        let _ = self.flushing.await;
        if let Err(error) = self.intake.receipts().flush(self.queue.as_ref(), now()).await {
            tracing::warn!(%error, "the last receipts are lost");
        }
        let _ = self.carrying.await;
        self.queue.close().await;
        let mut writer = self.writer;
        if tokio::time::timeout(DRAIN_DEADLINE, &mut writer).await.is_err() {
            writer.abort();
            tracing::warn!(
                "not everything could be stored in time; the rest waits in the queue for the next start"
            );
        }
    }
}

async fn flush_receipts(receipts: Arc<Receipts>, queue: Arc<dyn Queue>, stopping: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(RECEIPT_FLUSH_INTERVAL) => {}
            () = stopped(stopping.clone()) => return,
        }
        // What the queue does not take now is counted on; the metric of failed flushes tells.
        let _ = receipts.flush(queue.as_ref(), now()).await;
    }
}

fn facts(config: &ServeConfig) -> Facts {
    Facts {
        roles: config.roles.iter().map(|role| role.name().to_owned()).collect(),
        started: now(),
        queue_max_bytes: config.queue_max_bytes,
        settle_after_secs: config.settle_after_secs,
        keep_days: config.retention.days_of_tables(),
        own_traces: config.own_traces && config.has(Role::Ingest),
    }
}

/// Traces of Skein's own work begin with its start. They need the queue of this process.
fn traced(config: &ServeConfig, metrics: &Metrics) -> Option<OwnSpans> {
    let own = OwnMetrics::default();
    metrics.register(|registry| own.register(registry));
    (config.own_traces && config.has(Role::Ingest)).then(|| own::start(own))
}

async fn carry_own_spans(own: Option<OwnSpans>, queue: Arc<dyn Queue>, stopping: watch::Receiver<bool>) {
    let Some(mut own) = own else { return };
    loop {
        let is_last = tokio::select! {
            () = tokio::time::sleep(OWN_SPANS_INTERVAL) => false,
            () = stopped(stopping.clone()) => true,
        };
        ingest::own::carry(&mut own, queue.as_ref(), now()).await;
        if is_last {
            return;
        }
    }
}

/// While the metadata is away, the keys last seen stay valid.
async fn refresh_keys(access: Access, keys: Arc<Keys>) {
    let mut is_told = false;
    loop {
        tokio::time::sleep(INGEST_KEYS_REFRESH).await;
        match access.refresh_keys(&keys, now()).await {
            Ok(()) => is_told = false,
            Err(_) if is_told => {}
            Err(error) => {
                is_told = true;
                tracing::error!(error = %anyhow::Error::from(error), "ingest keys cannot be read; trying on");
            }
        }
    }
}

fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX))
}

fn detector(config: &ServeConfig, store: &Store, metrics: &Metrics) -> Detector {
    let (found, told) = (DetectMetrics::default(), WebhookMetrics::default());
    metrics.register(|registry| {
        found.register(registry);
        told.register(registry);
    });
    let webhook = config.anomaly_webhook.clone().map(|url| Webhook::start(url, told));
    Detector::new(SettleStore::new(store.on_behalf_of("detect")), config.settle_after_secs, found, webhook)
}

async fn settle_when_migrated(settler: Settler, readiness: Readiness) {
    readiness.migrated().await;
    settler.run().await;
}

/// The engine may still be starting, or be away: ingest goes on meanwhile.
async fn migrate_until_done(store: Store, readiness: Readiness) {
    let mut told = false;
    loop {
        match migrate::migrate(&store).await {
            Ok(()) => break,
            Err(crate::storage::StoreError::Unavailable(_)) => {}
            Err(error) if !told => {
                told = true;
                tracing::error!(error = %anyhow::Error::from(error), "the tables cannot be brought up to date; trying on");
            }
            Err(_) => {}
        }
        tokio::time::sleep(MIGRATE_RETRY).await;
    }
    readiness.set_migrated();
    tracing::info!("ready");
}

/// The ports, bound before anything else starts.
struct Doors {
    http: TcpListener,
    otlp: Option<(TcpListener, TcpListener)>,
    zipkin: Option<TcpListener>,
    certificates: Option<Arc<Certificates>>,
}

impl Doors {
    async fn open(config: &ServeConfig) -> Result<Doors, String> {
        let http = bind("--http", config.http).await?;
        let otlp = if config.has(Role::Ingest) {
            let grpc = bind("--otlp-grpc", config.otlp_grpc).await?;
            Some((grpc, bind("--otlp-http", config.otlp_http).await?))
        } else {
            None
        };
        let zipkin = match config.zipkin {
            Some(address) if otlp.is_some() => Some(bind("--zipkin", address).await?),
            _ => None,
        };
        let certificates = config.tls.load().map_err(|error| error.to_string())?;
        Ok(Doors { http, otlp, zipkin, certificates })
    }

    fn endpoints(&self) -> std::io::Result<Endpoints> {
        let endpoint = |tcp: &TcpListener| {
            let address = tcp.local_addr()?;
            let host = match address.ip() {
                ip if ip.is_unspecified() => String::new(),
                IpAddr::V4(ip) => ip.to_string(),
                IpAddr::V6(ip) => format!("[{ip}]"),
            };
            std::io::Result::Ok(Endpoint { host, port: address.port() })
        };
        let (otlp_grpc, otlp_http) = match &self.otlp {
            Some((grpc, http)) => (Some(endpoint(grpc)?), Some(endpoint(http)?)),
            None => (None, None),
        };
        Ok(Endpoints { is_tls: self.certificates.is_some(), otlp_grpc, otlp_http })
    }

    /// Opens the doors, then tells where they are.
    fn serve(
        self,
        config: &ServeConfig,
        app: App,
        intake: Option<Arc<Intake>>,
        stopping: &watch::Receiver<bool>,
    ) -> anyhow::Result<Vec<JoinHandle<()>>> {
        let certificates = self.certificates;
        let handshakes = ListenMetrics::default();
        app.metrics.register(|registry| handshakes.register(registry));
        let listen = |tcp: TcpListener| Listener::new(tcp, certificates.clone(), handshakes.clone());
        let http = listen(self.http)?;
        let mut addresses = vec![("http", http.address())];
        let mut router =
            if config.has(Role::Query) { http::router(app) } else { http::health_router().with_state(app) };
        let mut serving = Vec::new();
        if let (Some((grpc, otlp_http)), Some(intake)) = (self.otlp, intake) {
            let (grpc, otlp_http) = (listen(grpc)?, listen(otlp_http)?);
            addresses.push(("otlp_grpc", grpc.address()));
            addresses.push(("otlp_http", otlp_http.address()));
            let senders = cors::allow(otlp_http::router(intake.clone()), &config.cors_origins);
            router = router.merge(senders.clone());
            if let Some(zipkin) = self.zipkin {
                let zipkin = listen(zipkin)?;
                addresses.push(("zipkin", zipkin.address()));
                serving.push(serve_http(zipkin, senders.clone(), stopping.clone()));
            }
            serving.push(serve_http(otlp_http, senders, stopping.clone()));
            serving.push(tokio::spawn(otlp_grpc::serve(grpc, intake, stopped(stopping.clone()))));
        }
        serving.push(serve_http(http, router, stopping.clone()));
        let scheme = if certificates.is_some() { "https" } else { "http" };
        announce(&config.data_dir, scheme, &addresses)?;
        if let Some(certificates) = certificates {
            let (fresh, stopping) = (certificates.keep_fresh(), stopping.clone());
            serving.push(tokio::spawn(async move {
                tokio::select! {
                    () = fresh => {}
                    () = stopped(stopping) => {}
                }
            }));
        }
        Ok(serving)
    }
}

async fn bind(flag: &str, address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            format!("{flag} {address} is in use; stop what listens there or choose another port (0 picks a free one)")
        }
        _ => format!("{flag} {address} cannot be bound: {error}"),
    })
}

fn serve_http(listener: Listener, router: axum::Router, stopping: watch::Receiver<bool>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let served = axum::serve(listener, router).with_graceful_shutdown(stopped(stopping)).await;
        if let Err(error) = served {
            tracing::error!(%error, "an HTTP listener ended");
        }
    })
}

async fn stopped(mut stopping: watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// One line an address on stdout, and all of them in `addresses.json`.
fn announce(data_dir: &Path, scheme: &str, addresses: &[(&str, SocketAddr)]) -> anyhow::Result<()> {
    let urls: serde_json::Map<String, serde_json::Value> = addresses
        .iter()
        .map(|(name, address)| ((*name).to_owned(), format!("{scheme}://{address}").into()))
        .collect();
    let path = data_dir.join("addresses.json");
    let unfinished = data_dir.join("addresses.json.new");
    std::fs::write(&unfinished, serde_json::to_string_pretty(&urls)?)
        .and_then(|()| std::fs::rename(&unfinished, &path))
        .with_context(|| format!("cannot write {}", path.display()))?;
    let mut out = std::io::stdout().lock();
    for (name, address) in addresses {
        writeln!(out, "{name} {scheme}://{address}")?;
    }
    out.flush()?;
    Ok(())
}

/// Held for as long as the process lives; the system lets go of it however the process ends.
struct DataDirLock {
    _file: std::fs::File,
}

impl DataDirLock {
    fn take(data_dir: &Path) -> Result<DataDirLock, String> {
        let name = data_dir.display();
        std::fs::create_dir_all(data_dir)
            .map_err(|e| format!("the data folder {name} cannot be made: {e}"))?;
        let file = std::fs::File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(data_dir.join("lock"))
            .map_err(|e| format!("the data folder {name} cannot be written to: {e}"))?;
        match file.try_lock() {
            Ok(()) => Ok(DataDirLock { _file: file }),
            Err(std::fs::TryLockError::WouldBlock) => Err(format!(
                "another skein is using the data folder {name}; stop it or give another --data-dir"
            )),
            Err(std::fs::TryLockError::Error(e)) => {
                Err(format!("the data folder {name} cannot be locked: {e}"))
            }
        }
    }
}
