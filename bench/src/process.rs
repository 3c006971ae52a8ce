//! A skein of our own, started for one run on free ports and a folder of its own, and what it and its engine use.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use serde::Deserialize;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::Instant;

const START_DEADLINE: Duration = Duration::from_secs(60);
const STOP_DEADLINE: Duration = Duration::from_secs(45);
const POLL: Duration = Duration::from_millis(50);
/// The unit of `/proc/<pid>/stat`; it has been a hundredth of a second on every Linux of this century.
const TICKS_PER_SECOND: f64 = 100.0;

#[derive(Clone, Debug, Deserialize)]
pub struct Addresses {
    pub http: String,
    pub otlp_grpc: String,
}

pub struct Skein {
    pub addresses: Addresses,
    child: Child,
    pid: u32,
    folder: PathBuf,
    /// Takes the folder away, unless it is to be kept.
    _passing: Option<TempDir>,
}

/// CPU seconds used so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cpu {
    pub driver: f64,
    pub server: f64,
    pub engine: f64,
}

impl Skein {
    /// Starts `binary serve` below `parent` and waits until it says it is ready.
    pub async fn start(binary: &Path, parent: Option<&Path>) -> anyhow::Result<Skein> {
        Skein::start_with(binary, parent, &[]).await
    }

    /// The same, with more on its command line.
    pub async fn start_with(
        binary: &Path,
        parent: Option<&Path>,
        arguments: &[&str],
    ) -> anyhow::Result<Skein> {
        let passing = match parent {
            Some(parent) => TempDir::with_prefix_in("skein-bench-", parent)?,
            None => TempDir::with_prefix("skein-bench-")?,
        };
        let folder = passing.path().to_owned();
        Skein::start_in(binary, folder, Some(passing), arguments).await
    }

    /// In a folder that stays, with what an earlier run left in it.
    pub async fn start_again(binary: &Path, folder: &Path) -> anyhow::Result<Skein> {
        std::fs::create_dir_all(folder)?;
        Skein::start_in(binary, folder.to_owned(), None, &[]).await
    }

    async fn start_in(
        binary: &Path,
        folder: PathBuf,
        passing: Option<TempDir>,
        arguments: &[&str],
    ) -> anyhow::Result<Skein> {
        let data_dir = folder.join("data");
        // What it says of an earlier run would be taken for this one's.
        let _ = std::fs::remove_file(data_dir.join("addresses.json"));
        let log = std::fs::File::create(folder.join("log"))?;
        let mut command = Command::new(binary);
        command.arg("serve").arg("--data-dir").arg(&data_dir);
        for door in ["--http", "--otlp-grpc", "--otlp-http"] {
            command.args([door, "127.0.0.1:0"]);
        }
        let child = command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}; `make build` makes it", binary.display()))?;
        let pid = child.id().context("skein ended at once")?;
        let addresses = Addresses { http: String::new(), otlp_grpc: String::new() };
        let mut skein = Skein { addresses, child, pid, folder, _passing: passing };
        skein.addresses = skein.wait_until_ready().await?;
        Ok(skein)
    }

    async fn wait_until_ready(&mut self) -> anyhow::Result<Addresses> {
        let deadline = Instant::now() + START_DEADLINE;
        let http = reqwest::Client::new();
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                bail!("skein ended with {status}:\n{}", self.log_tail());
            }
            if let Ok(text) = std::fs::read_to_string(self.data_dir().join("addresses.json")) {
                let addresses: Addresses = serde_json::from_str(&text).context("addresses.json")?;
                let answer = http.get(format!("{}/readyz", addresses.http)).send().await;
                if answer.is_ok_and(|a| a.status().is_success()) {
                    return Ok(addresses);
                }
            }
            tokio::time::sleep(POLL).await;
        }
        bail!("skein was not ready within {START_DEADLINE:?}:\n{}", self.log_tail())
    }

    pub fn data_dir(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn log_tail(&self) -> String {
        let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    pub fn cpu(&self) -> Cpu {
        Cpu {
            driver: cpu_seconds("self").unwrap_or_default(),
            server: cpu_seconds(&self.pid.to_string()).unwrap_or_default(),
            engine: self.engine_pid().and_then(|pid| cpu_seconds(&pid.to_string())).unwrap_or_default(),
        }
    }

    /// The most memory the server process ever had, without the engine, in bytes.
    pub fn server_peak_bytes(&self) -> u64 {
        peak_bytes(self.pid).unwrap_or_default()
    }

    pub fn engine_peak_bytes(&self) -> u64 {
        self.engine_pid().and_then(peak_bytes).unwrap_or_default()
    }

    fn engine_pid(&self) -> Option<u32> {
        let processes = std::fs::read_dir("/proc").ok()?;
        let pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
        pids.into_iter().find(|pid| stat_field(&pid.to_string(), 4) == Some(u64::from(self.pid)))
    }

    pub async fn signal(&self, name: &str) -> anyhow::Result<()> {
        Command::new("kill").arg(format!("-{name}")).arg(self.pid.to_string()).status().await?;
        Ok(())
    }

    /// Asks it to stop the way an operator does, and waits.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        Command::new("kill").arg("-TERM").arg(self.pid.to_string()).status().await?;
        let ended = tokio::time::timeout(STOP_DEADLINE, self.child.wait()).await;
        let status = ended.context("skein did not stop")??;
        if !status.success() {
            bail!("skein ended with {status}:\n{}", self.log_tail());
        }
        Ok(())
    }
}

impl Cpu {
    pub fn since(self, earlier: Cpu) -> Cpu {
        Cpu {
            driver: self.driver - earlier.driver,
            server: self.server - earlier.server,
            engine: self.engine - earlier.engine,
        }
    }

    pub fn micros_per(self, spans: u64) -> Cpu {
        let per = |seconds: f64| seconds * 1e6 / spans.max(1) as f64;
        Cpu { driver: per(self.driver), server: per(self.server), engine: per(self.engine) }
    }

    pub fn total(self) -> f64 {
        self.driver + self.server + self.engine
    }
}

fn cpu_seconds(pid: &str) -> Option<f64> {
    let ticks = stat_field(pid, 14)? + stat_field(pid, 15)?;
    Some(ticks as f64 / TICKS_PER_SECOND)
}

/// A field of `/proc/<pid>/stat`, counted from 1 as its manual does; only those after the name.
fn stat_field(pid: &str, number: usize) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let after_name = &stat[stat.rfind(')')? + 1..];
    after_name.split_whitespace().nth(number - 3)?.parse().ok()
}

fn peak_bytes(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? << 10)
}
