//! The command line and the environment, read here and nowhere else.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use model::LinkTemplate;

use model::view::{Settings, Unit};

use crate::detect::webhook::check_url;
use crate::ingest::cors::check_origin;
use crate::key_command::{self, KeyAction};
use crate::listen::TlsFiles;
use crate::scrub::Scrubber;
use crate::storage::embedded::find_library;
use crate::storage::retention::Retention;
use crate::storage::store::Address;
use crate::storage::tiers::{Places, Tiers};
use crate::{demo, doctor, limits, node, storage, telemetry};

/// Exit status of a configuration that cannot be used.
const EXIT_USAGE: u8 = 2;

#[derive(Debug, Parser)]
#[command(
    name = "skein",
    version,
    about = "Distributed tracing: takes spans over OTLP, says why a request was slow"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server: receivers, queue, storage, queries and the web UI
    Serve(ServeConfig),
    /// Send steady, realistic traffic of a demo shop to a running server
    Demo(demo::DemoConfig),
    /// Make, list and revoke the keys that senders of spans show
    Key(KeyConfig),
    /// Check engine, disk, ports, configuration and clocks, and say what to do
    Doctor(doctor::DoctorConfig),
    /// The embedded engine's process; started by `serve`
    #[command(hide = true)]
    EngineChild(storage::engine_child::EngineArgs),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Take spans in and queue them
    Ingest,
    /// Store what is queued
    Write,
    /// Analyse traces that have gone quiet
    Settle,
    /// Answer the UI and the API
    Query,
}

impl Role {
    pub fn name(self) -> &'static str {
        match self {
            Role::Ingest => "ingest",
            Role::Write => "write",
            Role::Settle => "settle",
            Role::Query => "query",
        }
    }
}

#[derive(Clone, Debug, Args)]
pub struct ServeConfig {
    /// What this process does
    #[arg(long, env = "SKEIN_ROLES", value_delimiter = ',', default_value = "ingest,write,settle,query")]
    pub roles: Vec<Role>,
    /// UI, API, health and metrics
    #[arg(long, env = "SKEIN_HTTP", default_value = "127.0.0.1:7300", value_name = "ADDRESS")]
    pub http: SocketAddr,
    /// OTLP over gRPC
    #[arg(long, env = "SKEIN_OTLP_GRPC", default_value = "127.0.0.1:4317", value_name = "ADDRESS")]
    pub otlp_grpc: SocketAddr,
    /// OTLP over HTTP (also served on the UI's port)
    #[arg(long, env = "SKEIN_OTLP_HTTP", default_value = "127.0.0.1:4318", value_name = "ADDRESS")]
    pub otlp_http: SocketAddr,
    /// Zipkin's own port, such as 127.0.0.1:9411; without it Zipkin's senders use the UI's port or OTLP's
    #[arg(long, env = "SKEIN_ZIPKIN", value_name = "ADDRESS")]
    pub zipkin: Option<SocketAddr>,
    /// Origins whose pages may send from a browser, such as https://shop.example; * is all of them
    #[arg(long, env = "SKEIN_CORS_ORIGINS", value_delimiter = ',', value_name = "ORIGINS")]
    pub cors_origins: Vec<String>,
    /// Take spans from senders that show a valid ingest key only (see `skein key`)
    #[arg(long, env = "SKEIN_REQUIRE_KEYS")]
    pub require_keys: bool,
    /// Listen beyond loopback although whoever reaches the port may send (without --require-keys) or read
    #[arg(long, env = "SKEIN_ALLOW_UNGUARDED")]
    pub allow_unguarded: bool,
    #[command(flatten)]
    pub tls: TlsFiles,
    /// Engine, queue and metadata live here
    #[arg(long, env = "SKEIN_DATA_DIR", default_value = "./skein-data", value_name = "FOLDER")]
    pub data_dir: PathBuf,
    /// A ClickHouse server to use instead of the embedded one: http(s)://user:password@host:8123/database
    #[arg(long, env = "SKEIN_CLICKHOUSE_URL", value_name = "URL", hide_env_values = true)]
    pub clickhouse_url: Option<String>,
    /// Where metadata is kept instead of SQLite in the data folder: postgres://…
    #[arg(long, env = "SKEIN_META_URL", value_name = "URL", hide_env_values = true)]
    pub meta_url: Option<String>,
    /// Where spans wait to be stored, instead of the data folder: kafka://brokers/topic (not in this version)
    #[arg(long, env = "SKEIN_QUEUE_URL", value_name = "URL", hide_env_values = true)]
    pub queue_url: Option<String>,
    /// What the queue in the data folder may hold before senders are asked to wait
    #[arg(long, env = "SKEIN_QUEUE_MAX_BYTES", default_value_t = limits::QUEUE_DEFAULT_MAX_BYTES, value_name = "BYTES")]
    pub queue_max_bytes: u64,
    /// Spans a second to keep at most, shared out among senders; whole traces beyond it are left out, and those that
    /// stay count for them. 0 keeps everything
    #[arg(long, env = "SKEIN_TARGET_SPANS_PER_SECOND", default_value_t = 0, value_name = "SPANS")]
    pub target_spans_per_second: u64,
    #[command(flatten)]
    pub retention: Retention,
    #[command(flatten)]
    pub tiers: Tiers,
    /// A link to a tool beside Skein, shown with traces and spans; may be given more than once (in the environment: one a
    /// line). Filled in are {trace_id}, {span_id}, {service}, {operation}, and {start} and {end} in nanoseconds, or
    /// with _ms, _s or _iso behind
    #[arg(
        long = "link-template",
        env = "SKEIN_LINK_TEMPLATES",
        value_delimiter = '\n',
        value_name = "NAME=URL"
    )]
    pub link_templates: Vec<String>,
    /// Seconds a trace must have been quiet before it is analysed as a whole
    #[arg(long, env = "SKEIN_SETTLE_AFTER_SECS", default_value_t = limits::SETTLE_QUIET_SECS, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=600))]
    pub settle_after_secs: u32,
    /// Where to POST anomalies as they begin and end, such as https://hooks.example/skein
    #[arg(long, env = "SKEIN_ANOMALY_WEBHOOK", value_name = "URL", hide_env_values = true)]
    pub anomaly_webhook: Option<String>,
    /// What to take out of spans before they are stored, besides the built-in detectors' finds (JSON)
    #[arg(long, env = "SKEIN_SCRUB_RULES", value_name = "FILE")]
    pub scrub_rules: Option<PathBuf>,
    /// Trace Skein's own work: batches, slices, questions, restarts. The status page links to these traces
    #[arg(long, env = "SKEIN_OWN_TRACES", default_value_t = true, action = clap::ArgAction::Set, value_name = "BOOL")]
    pub own_traces: bool,
    /// The ClickHouse library of the embedded engine
    #[arg(long, env = "SKEIN_ENGINE_LIB", value_name = "FILE")]
    pub engine_lib: Option<PathBuf>,
}

/// Where the engine is, decided before anything starts.
#[derive(Clone, Debug)]
pub enum EngineChoice {
    Embedded { library: PathBuf, places: Places },
    Remote(Address),
}

impl ServeConfig {
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Takes secrets out of spans, by the rules file if there is one.
    pub fn scrubber(&self) -> Result<Scrubber, String> {
        let Some(path) = &self.scrub_rules else { return Ok(Scrubber::default()) };
        let named = |problem: String| format!("--scrub-rules {}: {problem}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| named(error.to_string()))?;
        Scrubber::from_json(&text).map_err(|error| named(error.to_string()))
    }

    /// Links to tools beside Skein.
    pub fn links(&self) -> Result<Vec<LinkTemplate>, String> {
        let named = |problem: String| format!("--link-template: {problem}");
        let texts = self.link_templates.iter().filter(|text| !text.trim().is_empty());
        let links: Vec<LinkTemplate> = texts
            .map(|text| LinkTemplate::parse(text).map_err(|error| named(error.to_string())))
            .collect::<Result<_, _>>()?;
        if links.len() > limits::LINK_TEMPLATES_MAX {
            return Err(named(format!(
                "{} are too many: {} at most",
                links.len(),
                limits::LINK_TEMPLATES_MAX
            )));
        }
        match links
            .iter()
            .enumerate()
            .find(|(at, link)| links[..*at].iter().any(|other| other.name == link.name))
        {
            Some((_, twice)) => Err(named(format!("'{}' is given twice", twice.name))),
            None => Ok(links),
        }
    }

    /// Everything that can be known to be wrong before a port is bound.
    pub fn check(&self) -> Result<EngineChoice, String> {
        if self.has(Role::Ingest) != self.has(Role::Write) {
            return Err("the queue on disk needs the roles ingest and write in one process".to_owned());
        }
        let mut addresses =
            vec![("--http", self.http), ("--otlp-grpc", self.otlp_grpc), ("--otlp-http", self.otlp_http)];
        addresses.extend(self.zipkin.map(|address| ("--zipkin", address)));
        for (at, (name, address)) in addresses.iter().enumerate() {
            if let Some((other, _)) = addresses[..at].iter().find(|(_, a)| a == address && a.port() != 0) {
                return Err(format!("{other} and {name} are both {address}"));
            }
            if !address.ip().is_loopback() {
                self.check_exposed(name, *address)?;
            }
        }
        for origin in &self.cors_origins {
            check_origin(origin).map_err(|problem| format!("--cors-origins: {problem}"))?;
        }
        if let Some(url) = &self.anomaly_webhook {
            check_url(url).map_err(|problem| format!("--anomaly-webhook: {problem}"))?;
        }
        if self.queue_max_bytes < 2 * limits::SEGMENT_MAX_BYTES as u64 {
            let least = 2 * limits::SEGMENT_MAX_BYTES;
            return Err(format!(
                "--queue-max-bytes {} is too little: {least} at least",
                self.queue_max_bytes
            ));
        }
        self.tls.load().map_err(|error| error.to_string())?;
        self.retention.check()?;
        self.tiers.check(self.clickhouse_url.is_none(), self.retention.spans_days)?;
        if self.queue_url.is_some() {
            return Err("--queue-url: this version queues in the data folder only; leave it out".to_owned());
        }
        if let Some(url) = &self.meta_url
            && !url.starts_with("postgres://")
            && !url.starts_with("postgresql://")
        {
            return Err(
                "--meta-url takes a postgres:// URL; leave it out for SQLite in the data folder".to_owned()
            );
        }
        self.scrubber()?;
        self.links()?;
        match &self.clickhouse_url {
            Some(url) => Ok(EngineChoice::Remote(Address::parse(url)?)),
            None => {
                let library = find_library(self.engine_lib.as_deref(), &self.data_dir)?;
                Ok(EngineChoice::Embedded { library, places: self.tiers.places(&self.data_dir)? })
            }
        }
    }
}

impl ServeConfig {
    /// What is set, for whoever wants to look.
    pub fn settings(&self, scrubber: &Scrubber) -> Settings {
        let Retention { spans_days, search_days, figures_days, logs_days } = self.retention;
        let keep = [
            ("spans and traces", spans_days),
            ("search", search_days),
            ("figures and receipts", figures_days),
            ("log lines", logs_days),
        ];
        let file = self.scrub_rules.as_ref().map(|path| path.display().to_string());
        Settings {
            keys_required: self.require_keys,
            redaction: scrubber.described(),
            rules_file: file.unwrap_or_default(),
            keep_days: keep.map(|(what, days)| (what.to_owned(), days)).to_vec(),
            limits: vec![
                ("--queue-max-bytes".to_owned(), self.queue_max_bytes, Unit::Bytes),
                ("--target-spans-per-second".to_owned(), self.target_spans_per_second, Unit::PerSecond),
                ("--settle-after-secs".to_owned(), self.settle_after_secs.into(), Unit::Seconds),
            ],
        }
    }

    /// Whether an address beyond loopback is guarded, or meant to be open.
    fn check_exposed(&self, name: &str, address: SocketAddr) -> Result<(), String> {
        // Who shows a certificate of the right authority is known.
        if self.allow_unguarded || self.tls.client_ca.is_some() {
            Ok(())
        } else if name == "--http" {
            Err(format!(
                "{name} {address} is not loopback, and the UI shows everything to whoever reaches it; put a proxy \
                 that asks who it is before a loopback address, ask for certificates with --tls-client-ca, or say \
                 --allow-unguarded"
            ))
        } else if self.require_keys {
            Ok(())
        } else {
            Err(format!(
                "{name} {address} is not loopback, and anybody could send; add --require-keys, or say \
                 --allow-unguarded"
            ))
        }
    }
}

/// Which metadata the keys are in, and what to do with them.
#[derive(Debug, Args)]
struct KeyConfig {
    #[command(subcommand)]
    action: KeyAction,
    /// The server's data folder
    #[arg(
        long,
        env = "SKEIN_DATA_DIR",
        default_value = "./skein-data",
        value_name = "FOLDER",
        global = true
    )]
    data_dir: PathBuf,
    /// Where the server keeps its metadata, if not in the data folder: postgres://…
    #[arg(long, env = "SKEIN_META_URL", value_name = "URL", hide_env_values = true, global = true)]
    meta_url: Option<String>,
}

/// Runs what the command line names.
pub fn run() -> ExitCode {
    let command = Cli::parse().command;
    if let Command::EngineChild(args) = command {
        return finish(storage::engine_child::run(&args));
    }
    telemetry::init_logging();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return finish(Err(error.into())),
    };
    runtime.block_on(async {
        match command {
            Command::Serve(config) => match config.check() {
                Ok(engine) => node::serve(config, engine).await,
                Err(problem) => usage(&problem),
            },
            Command::Demo(config) => finish(demo::run(config, node::stop_signal()).await),
            Command::Key(config) => {
                finish(key_command::run(config.action, config.meta_url.as_deref(), &config.data_dir).await)
            }
            Command::Doctor(config) => doctor::run(&config).await,
            Command::EngineChild(_) => ExitCode::SUCCESS,
        }
    })
}

/// One clear line, and the status that says the configuration is at fault.
pub fn usage(problem: &str) -> ExitCode {
    tell(&format!("skein: {problem}"));
    ExitCode::from(EXIT_USAGE)
}

pub fn finish(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&format!("skein: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn tell(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(arguments: &[&str]) -> ServeConfig {
        let all = ["skein", "serve", "--clickhouse-url", "http://h"].iter().chain(arguments);
        match Cli::try_parse_from(all).unwrap().command {
            Command::Serve(config) => config,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let config = config(&[]);
        assert_eq!(config.http.to_string(), "127.0.0.1:7300");
        assert_eq!(config.otlp_grpc.to_string(), "127.0.0.1:4317");
        assert_eq!(config.otlp_http.to_string(), "127.0.0.1:4318");
        assert_eq!(config.data_dir, PathBuf::from("./skein-data"));
        assert!(config.check().is_ok());
    }

    #[test]
    fn what_cannot_work_is_said_before_anything_starts() {
        let problem = |arguments: &[&str]| config(arguments).check().unwrap_err();
        assert!(problem(&["--http", "127.0.0.1:4317"]).contains("both 127.0.0.1:4317"));
        assert!(problem(&["--http", "0.0.0.0:7300"]).contains("not loopback"));
        assert!(problem(&["--http", "0.0.0.0:7300", "--require-keys"]).contains("--allow-unguarded"));
        assert!(problem(&["--otlp-grpc", "0.0.0.0:4317"]).contains("--require-keys"));
        assert!(problem(&["--zipkin", "127.0.0.1:7300"]).contains("both 127.0.0.1:7300"));
        assert!(problem(&["--cors-origins", "https://a.example,b"]).contains("'b' is not an origin"));
        assert!(problem(&["--anomaly-webhook", "hooks"]).contains("--anomaly-webhook: 'hooks' is not"));
        assert!(problem(&["--roles", "ingest"]).contains("ingest and write"));
        assert!(problem(&["--queue-max-bytes", "5"]).contains("too little"));
        assert!(problem(&["--keep-search-days", "31"]).contains("more than --keep-spans-days 30"));
        assert!(problem(&["--cold-dir", "/cold"]).contains("--storage-policy"));
        assert!(problem(&["--queue-url", "kafka://h/spans"]).contains("data folder only"));
        assert!(problem(&["--scrub-rules", "/nowhere/rules.json"]).contains("/nowhere/rules.json"));
        assert!(
            problem(&["--link-template", "Logs=ftp://h"]).contains("--link-template: the address of 'Logs'")
        );
        let twice = ["--link-template", "L=https://h/{trace_id}", "--link-template", "L=https://g"];
        assert!(problem(&twice).contains("'L' is given twice"));
        assert!(problem(&["--meta-url", "mysql://h/x"]).contains("postgres://"));
    }

    #[test]
    fn beyond_loopback_there_are_keys_or_a_plain_word() {
        assert!(config(&["--otlp-http", "0.0.0.0:4318", "--require-keys"]).check().is_ok());
        assert!(config(&["--http", "0.0.0.0:7300", "--allow-unguarded"]).check().is_ok());
    }

    #[test]
    fn port_zero_may_be_asked_for_more_than_once() {
        assert!(config(&["--http", "127.0.0.1:0", "--otlp-grpc", "127.0.0.1:0"]).check().is_ok());
    }
}
