//! The embedded engine: a child process of our own binary that serves ClickHouse on loopback, kept alive.
//!
//! Everyone else sees only the [`Address`]. When the child dies it is started again, more slowly each time; the
//! queue takes what arrives meanwhile.

use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::process::{Child, Command};
use tokio::sync::watch;

use super::store::Address;
use super::tiers::Places;
use crate::telemetry::own::{Kind, Work};

const LIBRARY_NAME: &str = if cfg!(target_os = "macos") { "libchdb.dylib" } else { "libchdb.so" };
const USER: &str = "skein";
const DATABASE: &str = "skein";
const BACKOFF_MIN: Duration = Duration::from_millis(200);
const BACKOFF_MAX: Duration = Duration::from_secs(10);
/// An engine that ran this long had started well: the next restart is quick again.
const HEALTHY_AFTER: Duration = Duration::from_secs(30);
const STOP_DEADLINE: Duration = Duration::from_secs(12);
/// The engine's share of the machine's memory, in percent.
const MEMORY_SHARE_PERCENT: u64 = 45;
const MEMORY_MIN_BYTES: u64 = 1 << 30;
/// Merges give way to questions and inserts.
const MERGE_NICENESS: u32 = 5;
/// How much larger each level of merged parts is than the one below. The engine's own 5 rewrites a row once more on
/// its way to the size of a day, at 3 µs each time; more than this leaves lookups too many parts to look into.
const MERGE_BASE: u32 = 12;

pub struct Embedded {
    pub address: Address,
    state: Arc<EngineState>,
    stop: watch::Sender<bool>,
    supervisor: tokio::task::JoinHandle<()>,
}

/// What metrics and the doctor may know of the child.
#[derive(Debug, Default)]
pub struct EngineState {
    pub pid: AtomicU32,
    pub restarts: AtomicU64,
}

/// Where the library is: named, beside the binary, or in the data folder.
pub fn find_library(named: Option<&Path>, data_dir: &Path) -> Result<PathBuf, String> {
    if let Some(path) = named {
        return if path.is_file() {
            Ok(path.to_owned())
        } else {
            Err(format!("SKEIN_ENGINE_LIB names {}, which is not a file", path.display()))
        };
    }
    let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.join(LIBRARY_NAME)));
    let candidates: Vec<PathBuf> = beside.into_iter().chain([data_dir.join(LIBRARY_NAME)]).collect();
    candidates.iter().find(|path| path.is_file()).cloned().ok_or_else(|| {
        let places = candidates.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(" or ");
        format!("no ClickHouse library at {places}; run `make build`, set SKEIN_ENGINE_LIB, or name a server with --clickhouse-url")
    })
}

impl Embedded {
    pub fn start(library: PathBuf, data_dir: &Path, places: &Places) -> anyhow::Result<Embedded> {
        let folder = data_dir.join("engine");
        std::fs::create_dir_all(folder.join("data"))
            .with_context(|| format!("cannot create the engine's folder {}", folder.display()))?;
        // The engine takes a relative path in its configuration as one relative to that file.
        let folder = folder
            .canonicalize()
            .with_context(|| format!("cannot find the engine's folder {}", folder.display()))?;
        let port = free_port().context("no free port on loopback for the engine")?;
        let address = Address {
            url: format!("http://127.0.0.1:{port}"),
            user: USER.to_owned(),
            password: format!("{:032x}", rand::random::<u128>()),
            database: DATABASE.to_owned(),
        };
        places.remember(&folder).context("cannot write down where older parts go")?;
        write_files(&folder, &address, places)?;
        let state = Arc::new(EngineState::default());
        let (stop, stopping) = watch::channel(false);
        let supervisor = Supervisor { library, folder, port, state: state.clone(), stopping };
        Ok(Embedded { address, state, stop, supervisor: tokio::spawn(supervisor.run()) })
    }

    pub fn state(&self) -> Arc<EngineState> {
        self.state.clone()
    }

    /// Ends the child and waits for it.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        let _ = self.supervisor.await;
    }
}

struct Supervisor {
    library: PathBuf,
    folder: PathBuf,
    port: u16,
    state: Arc<EngineState>,
    stopping: watch::Receiver<bool>,
}

impl Supervisor {
    async fn run(mut self) {
        let mut backoff = BACKOFF_MIN;
        let mut away: Option<Work> = None;
        while !*self.stopping.borrow() {
            let started = Instant::now();
            match self.spawn() {
                Ok(child) => {
                    self.state.pid.store(child.id().unwrap_or(0), Ordering::Relaxed);
                    away = None;
                    self.watch(child).await;
                    self.state.pid.store(0, Ordering::Relaxed);
                }
                Err(error) => tracing::error!(%error, "the storage engine cannot be started"),
            }
            if *self.stopping.borrow() {
                return;
            }
            backoff =
                if started.elapsed() > HEALTHY_AFTER { BACKOFF_MIN } else { (backoff * 2).min(BACKOFF_MAX) };
            let restarts = self.state.restarts.fetch_add(1, Ordering::Relaxed);
            let away = away.get_or_insert_with(|| Work::begin("start the engine again", Kind::Internal));
            away.note("skein.restarts", restarts as i64 + 1);
            away.fail("the engine ended");
            tracing::warn!(wait_ms = backoff.as_millis() as u64, log = %self.folder.join("process.log").display(),
                "the storage engine ended; starting it again");
            tokio::select! {
                () = tokio::time::sleep(backoff) => {}
                _ = self.stopping.changed() => {}
            }
        }
    }

    fn spawn(&self) -> std::io::Result<Child> {
        // The running file itself, even if a newer build has taken its name since.
        let own = Path::new("/proc/self/exe");
        let own = if own.exists() { own.to_owned() } else { std::env::current_exe()? };
        let log = || std::fs::File::options().create(true).append(true).open(self.folder.join("process.log"));
        Command::new(own)
            .arg("engine-child")
            .arg("--library")
            .arg(&self.library)
            .arg("--folder")
            .arg(&self.folder)
            .arg("--http-port")
            .arg(self.port.to_string())
            // A pipe would keep whoever reads our output waiting for the child as well.
            .stdin(Stdio::piped())
            .stdout(log()?)
            .stderr(log()?)
            .kill_on_drop(true)
            .spawn()
    }

    /// Returns when the child is gone, by itself or because we are stopping.
    async fn watch(&mut self, mut child: Child) {
        let stdin = child.stdin.take();
        tokio::select! {
            status = child.wait() => {
                drop(stdin);
                if let Ok(status) = status {
                    tracing::warn!(%status, "the storage engine exited");
                }
            }
            _ = self.stopping.changed() => {
                drop(stdin);
                if tokio::time::timeout(STOP_DEADLINE, child.wait()).await.is_err() {
                    tracing::warn!("the storage engine did not stop in time and is killed");
                    let _ = child.kill().await;
                }
            }
        }
    }
}

fn free_port() -> std::io::Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn write_files(folder: &Path, address: &Address, places: &Places) -> anyhow::Result<()> {
    let client = serde_json::json!({
        "url": address.url, "user": address.user, "password": address.password, "database": address.database,
    });
    let files = [
        ("config.xml", config_xml(folder, machine_memory_bytes(), places)),
        ("users.xml", users_xml(&address.password)),
        ("client.json", client.to_string()),
    ];
    for (name, text) in files {
        let path = folder.join(name);
        let mut file = std::fs::File::options()
            .create(true)
            .write(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        std::io::Write::write_all(&mut file, text.as_bytes())?;
    }
    Ok(())
}

/// What the machine has, or what its control group leaves of it.
fn machine_memory_bytes() -> u64 {
    let total = std::fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| text.lines().next()?.split_whitespace().nth(1)?.parse::<u64>().ok())
        .map_or(4 << 30, |kib| kib << 10);
    let group = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|t| t.trim().parse().ok());
    total.min(group.unwrap_or(u64::MAX))
}

fn config_xml(folder: &Path, memory_bytes: u64, places: &Places) -> String {
    let folder = xml_escaped(&folder.display().to_string());
    let engine_memory = (memory_bytes / 100 * MEMORY_SHARE_PERCENT).max(MEMORY_MIN_BYTES);
    let storage = places.xml();
    let marks = (engine_memory / 16).min(1 << 30);
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get).max(2);
    format!(
        "<clickhouse>
  <logger><log>{folder}/engine.log</log><errorlog>{folder}/engine.err.log</errorlog><size>20M</size><count>2</count></logger>
  <listen_host>127.0.0.1</listen_host>
  <users_config>{folder}/users.xml</users_config>
  <timezone>UTC</timezone>
  <max_server_memory_usage>{engine_memory}</max_server_memory_usage>
  <mark_cache_size>{marks}</mark_cache_size>
  <background_pool_size>{cores}</background_pool_size>
  <background_schedule_pool_size>8</background_schedule_pool_size>
  <os_threads_nice_value_merge_mutate>{MERGE_NICENESS}</os_threads_nice_value_merge_mutate>
  <merge_tree>
    <merge_selector_base>{MERGE_BASE}</merge_selector_base>
    <number_of_free_entries_in_pool_to_lower_max_size_of_merge>2</number_of_free_entries_in_pool_to_lower_max_size_of_merge>
    <number_of_free_entries_in_pool_to_execute_mutation>2</number_of_free_entries_in_pool_to_execute_mutation>
    <number_of_free_entries_in_pool_to_execute_optimize_entire_partition>2</number_of_free_entries_in_pool_to_execute_optimize_entire_partition>
  </merge_tree>
{storage}</clickhouse>
"
    )
}

/// `default` is the engine's own session, which needs no password; it may open the listener and idle. All reading
/// and writing is done by a user whose password is new at every start.
fn users_xml(password: &str) -> String {
    format!(
        "<clickhouse>
  <profiles>
    <default/>
    <idle><function_sleep_max_microseconds_per_block>0</function_sleep_max_microseconds_per_block></idle>
  </profiles>
  <users>
    <default>
      <password></password><networks><ip>127.0.0.1</ip></networks><profile>idle</profile><quota>default</quota>
      <grants><query>GRANT SYSTEM LISTEN ON *.*</query><query>GRANT SELECT ON system.numbers</query></grants>
    </default>
    <{USER}>
      <password>{password}</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota>
    </{USER}>
  </users>
  <quotas><default/></quotas>
</clickhouse>
"
    )
}

pub fn xml_escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
