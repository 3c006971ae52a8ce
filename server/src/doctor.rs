//! `skein doctor`: looks at everything a server depends on and says, line by line, what is well and what to do.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use clap::Args;

use crate::config::{EngineChoice, ServeConfig};
use crate::listen::probe::probe;
use crate::storage::embedded::Embedded;
use crate::storage::store::{Address, Store};
use crate::storage::tiers::Places;

const ENGINE_START_MAX: Duration = Duration::from_secs(30);
const DISK_LOW_BYTES: u64 = 5 << 30;
/// 2024-01-01: a clock before it was never set.
const CLOCK_EARLIEST_UNIX_SECS: u64 = 1_704_067_200;

enum Finding {
    Well(String),
    Watch(String),
    Wrong(String),
}

use Finding::{Watch, Well, Wrong};

#[derive(Debug, Args)]
pub struct DoctorConfig {
    #[command(flatten)]
    pub serve: ServeConfig,
    /// Authorities (PEM) to trust when a running skein speaks TLS
    #[arg(long, env = "SKEIN_CA", value_name = "FILE")]
    pub ca: Option<PathBuf>,
}

pub async fn run(config: &DoctorConfig) -> ExitCode {
    let DoctorConfig { serve: config, ca } = config;
    let mut findings = Vec::new();
    let engine = config.check();
    findings.push(match &engine {
        Ok(_) => Well("configuration: can be used".to_owned()),
        Err(problem) => Wrong(format!("configuration: {problem}")),
    });
    findings.push(data_dir(&config.data_dir));
    findings.push(disk(&config.data_dir));
    for (flag, address) in
        [("--http", config.http), ("--otlp-grpc", config.otlp_grpc), ("--otlp-http", config.otlp_http)]
    {
        findings.push(port(flag, address, config, ca.as_deref()).await);
    }
    findings.push(clock());
    if let Ok(engine) = engine {
        findings.push(engine_answers(engine).await);
    }
    report(&findings)
}

fn report(findings: &[Finding]) -> ExitCode {
    let mut out = std::io::stdout().lock();
    let mut wrong = 0;
    for finding in findings {
        let (mark, text) = match finding {
            Well(text) => ("ok   ", text),
            Watch(text) => ("watch", text),
            Wrong(text) => ("WRONG", text),
        };
        wrong += usize::from(matches!(finding, Wrong(_)));
        let _ = writeln!(out, "{mark}  {text}");
    }
    if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn data_dir(path: &Path) -> Finding {
    let probe = path.join(".doctor");
    let written = std::fs::create_dir_all(path).and_then(|()| std::fs::write(&probe, b"?"));
    let _ = std::fs::remove_file(&probe);
    match written {
        Ok(()) => Well(format!("data folder: {} can be written to", path.display())),
        Err(error) => Wrong(format!("data folder: {} cannot be written to: {error}", path.display())),
    }
}

fn disk(path: &Path) -> Finding {
    let text = std::process::Command::new("df").arg("-Pk").arg(path).output();
    let free = text.ok().and_then(|out| {
        let line = String::from_utf8(out.stdout).ok()?.lines().nth(1)?.to_owned();
        line.split_whitespace().nth(3)?.parse::<u64>().ok().map(|kib| kib << 10)
    });
    match free {
        None => Watch("disk: free space cannot be told on this system".to_owned()),
        Some(bytes) if bytes < DISK_LOW_BYTES => {
            Watch(format!("disk: {} MB free; spans need 60 to 90 bytes each, so make room", bytes >> 20))
        }
        Some(bytes) => Well(format!("disk: {} GB free", bytes >> 30)),
    }
}

async fn port(flag: &str, address: SocketAddr, config: &ServeConfig, ca: Option<&Path>) -> Finding {
    match std::net::TcpListener::bind(address) {
        Ok(_) => Well(format!("port: {flag} {address} is free")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            in_use(flag, address, config, ca).await
        }
        Err(error) => Wrong(format!("port: {flag} {address} cannot be bound: {error}")),
    }
}

/// Somebody is there: on the UI's port a running skein would say so.
async fn in_use(flag: &str, address: SocketAddr, config: &ServeConfig, ca: Option<&Path>) -> Finding {
    if flag != "--http" {
        return Watch(format!(
            "port: {flag} {address} is in use; well if that is a running skein, else choose another"
        ));
    }
    if config.tls.cert.is_some() && ca.is_none() {
        return Watch(format!(
            "port: {flag} {address} is in use; give the authority of its certificate (--ca) to hear who is there"
        ));
    }
    match probe(address, ca).await {
        Ok(()) => Well(format!("port: {flag} {address} is a running skein's")),
        Err(error) => Watch(format!(
            "port: {flag} {address} is in use, and not by a skein that answers ({error}); stop what is there or choose \
             another"
        )),
    }
}

fn clock() -> Finding {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs());
    if now < CLOCK_EARLIEST_UNIX_SECS {
        Wrong("clock: this machine's clock was never set; spans would be stored in the past".to_owned())
    } else {
        Well("clock: set".to_owned())
    }
}

/// Starts the embedded engine on a folder of its own, so that a running server is not disturbed.
async fn engine_answers(engine: EngineChoice) -> Finding {
    match engine {
        EngineChoice::Remote(address) => answers(&address, "server", Duration::ZERO).await,
        EngineChoice::Embedded { library, .. } => {
            let folder = std::env::temp_dir().join(format!("skein-doctor-{}", std::process::id()));
            let finding = match Embedded::start(library.clone(), &folder, &Places::default()) {
                Ok(embedded) => {
                    let what = format!("library {}", library.display());
                    let finding = answers(&embedded.address, &what, ENGINE_START_MAX).await;
                    embedded.stop().await;
                    finding
                }
                Err(error) => Wrong(format!("engine: {error:#}")),
            };
            let _ = std::fs::remove_dir_all(&folder);
            finding
        }
    }
}

async fn answers(address: &Address, what: &str, patience: Duration) -> Finding {
    let store = Store::new(address);
    let started = std::time::Instant::now();
    loop {
        match store.ping().await {
            Ok(()) => {
                return Well(format!("engine: {what} answers after {} ms", started.elapsed().as_millis()));
            }
            Err(error) if started.elapsed() >= patience => {
                let cause = anyhow::Error::from(error);
                return Wrong(format!("engine: {what} at {} does not answer: {cause:#}", address.url));
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}
