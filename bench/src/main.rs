//! `make bench`: drives a skein of its own with realistic load and writes down what it cost.
//!
//! It starts `skein serve` in a folder of its own, measures, compares with ClickHouse alone in the same run, and
//! stops it. It only knows what any client knows, and the engine's address, to count rows and bytes.

use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::{Parser, Subcommand};

mod api;
mod detect;
mod engine;
mod faults;
mod fill;
mod ingest;
mod load;
mod lookup;
mod month;
mod overload;
mod pool;
mod process;
mod reference;
mod report;
mod senders;
mod settle;
mod stages;
mod stats;

use pool::Pool;
use report::Report;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(name = "bench", about = "Measures a skein of its own under realistic load")]
struct Cli {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    options: Options,
}

#[derive(Clone, Copy, Subcommand)]
enum What {
    /// How much is taken and what a span costs, beside ClickHouse alone
    Ingest,
    /// How quickly traces open and searches answer
    Lookup,
    /// What becomes of five times the budget of spans
    Overload,
    /// What each stage of the way in costs a span
    ///
    /// The flame graph in `bench/results` is of this, without the time it takes to make the spans: `perf record -F 199
    /// --call-graph dwarf,16384 target/release/bench stages --seconds 2`, `perf script --no-inline |
    /// inferno-collapse-perf | grep -v -e traffic:: -e bench::pool | inferno-flamegraph`.
    Stages,
    /// Whether an application with the Rust SDK notices when Skein is hung or gone
    Senders,
    /// Whether the causes of simulated faults are named, and how often there is a false alarm
    Faults,
    /// What looking for anomalies once a minute costs
    Detect,
    /// What settling costs while spans arrive
    Settle,
    /// Parts, merges, moves and expiry over more days than spans are kept
    Month,
    /// Ingest and lookup, which is also what happens without a word
    All,
}

#[derive(Clone, clap::Args)]
pub struct Options {
    /// A minute instead of many: for a first look, not for results
    #[arg(long, global = true)]
    quick: bool,
    /// How long each run of load lasts
    #[arg(long, global = true, default_value_t = 60, value_name = "SECONDS")]
    seconds: u64,
    /// Spans a second to offer, one run each; `max` means as much as is taken
    #[arg(long, global = true, value_delimiter = ',', default_values_t = [Offered(Some(50_000.0)), Offered(None)])]
    rates: Vec<Offered>,
    #[arg(long, global = true, default_value_t = 4)]
    connections: usize,
    /// Requests under way at once on each connection
    #[arg(long, global = true, default_value_t = 2)]
    in_flight: usize,
    /// Sizes of requests, taken in turn
    #[arg(long, global = true, value_delimiter = ',', default_values_t = [512, 1_024, 2_048, 4_096, 8_192])]
    batch_spans: Vec<usize>,
    /// Different spans made beforehand
    #[arg(long, global = true, default_value_t = 120_000)]
    pool_spans: u64,
    /// Spans of a day stored before lookups are measured; several numbers, rising, show how cost grows
    #[arg(long, global = true, value_delimiter = ',', default_values_t = [20_000_000])]
    lookup_spans: Vec<u64>,
    /// Where lookups keep what was stored, to be measured again without storing it again
    #[arg(long, global = true, value_name = "FOLDER")]
    keep: Option<PathBuf>,
    /// Batches a day of the simulated month, and spans in each
    #[arg(long, global = true, default_value_t = 24)]
    month_batches: u64,
    #[arg(long, global = true, default_value_t = 5_000)]
    month_batch_spans: u64,
    /// Spans a second that the overloaded server may keep
    #[arg(long, global = true, default_value_t = 20_000)]
    budget: u64,
    /// Days without faults that are simulated, and how busy the simulated shop is
    #[arg(long, global = true, default_value_t = 5)]
    quiet_days: u64,
    #[arg(long, global = true, default_value_t = 4.0)]
    traces_per_second: f64,
    #[arg(long, global = true, default_value_t = 1)]
    seed: u64,
    /// The binary to measure
    #[arg(long, global = true, default_value = "target/release/skein")]
    skein: PathBuf,
    /// Where data folders are made, instead of the system's folder for temporary files
    #[arg(long, global = true)]
    dir: Option<PathBuf>,
    /// Where reports are kept
    #[arg(long, global = true, default_value = "bench/results")]
    results: PathBuf,
    /// The report's date, instead of the clock's
    #[arg(long, global = true)]
    date: Option<String>,
}

/// An offered rate; none means as much as is taken.
#[derive(Clone, Copy, Debug)]
struct Offered(Option<f64>);

impl FromStr for Offered {
    type Err = String;

    fn from_str(text: &str) -> Result<Offered, String> {
        match text.parse::<f64>() {
            _ if text == "max" => Ok(Offered(None)),
            Ok(rate) if rate > 0.0 && rate.is_finite() => Ok(Offered(Some(rate))),
            _ => Err("a number of spans a second, or max".to_owned()),
        }
    }
}

impl std::fmt::Display for Offered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(rate) => write!(f, "{rate}"),
            None => f.write_str("max"),
        }
    }
}

impl Options {
    fn pool(&self) -> Arc<Pool> {
        Arc::new(Pool::new(self.seed, self.pool_spans, &self.batch_spans))
    }

    /// The pool as an earlier run left it.
    fn pool_after(&self, earlier: Option<&str>) -> anyhow::Result<Arc<Pool>> {
        let mut pool = Pool::new(self.seed, self.pool_spans, &self.batch_spans);
        if let Some(text) = earlier {
            pool.resume(text).with_context(|| format!("{text:?} is not what an earlier run left"))?;
        }
        Ok(Arc::new(pool))
    }

    fn lookup_spans(&self) -> Vec<u64> {
        let mut sizes = self.lookup_spans.clone();
        sizes.sort_unstable();
        sizes
    }

    fn reference_spans(&self) -> u64 {
        if self.quick { 400_000 } else { 1_500_000 }
    }

    fn reference_time(&self) -> Duration {
        Duration::from_secs(if self.quick { 4 } else { self.seconds.clamp(20, 60) })
    }

    /// How long merges may take to end.
    fn rest_time(&self) -> Duration {
        Duration::from_secs(if self.quick { 12 } else { 180 })
    }

    fn shortened(mut self) -> Options {
        if self.quick {
            self.seconds = self.seconds.min(10);
            self.lookup_spans = self.lookup_spans.iter().map(|spans| (*spans).min(400_000)).collect();
            self.lookup_spans.dedup();
            self.pool_spans = self.pool_spans.min(60_000);
        }
        self
    }
}

/// One thread: the driver is to take as little of the machine as it can.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli.what.unwrap_or(What::All), &cli.options.shortened()).await {
        Ok(path) => {
            eprintln!("Kept in {}", path.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(what: What, options: &Options) -> anyhow::Result<PathBuf> {
    let (name, is_ingest, is_lookup) = match what {
        What::Ingest => ("ingest", true, false),
        What::Lookup => ("lookup", false, true),
        What::Overload => ("overload", false, false),
        What::Stages => ("stages", false, false),
        What::Senders => ("senders", false, false),
        What::Faults => ("faults", false, false),
        What::Detect => ("detect", false, false),
        What::Settle => ("settle", false, false),
        What::Month => ("month", false, false),
        What::All => ("ingest and lookup", true, true),
    };
    let mut report = Report::new(options.date.as_deref(), name);
    if options.quick {
        report.text(
            "A quick run: merges, caches and pools have not settled, so read it for orders of magnitude.",
        );
    }
    if is_ingest {
        ingest::run(options, &mut report).await?;
    }
    if is_lookup {
        lookup::run(options, &mut report).await?;
    }
    if matches!(what, What::Overload) {
        overload::run(options, &mut report).await?;
    }
    if matches!(what, What::Stages) {
        stages::run(options, &mut report).await?;
    }
    if matches!(what, What::Senders) {
        senders::run(options, &mut report).await?;
    }
    if matches!(what, What::Faults) {
        faults::run(options, &mut report)?;
    }
    if matches!(what, What::Detect) {
        detect::run(options, &mut report).await?;
    }
    if matches!(what, What::Settle) {
        settle::run(options, &mut report).await?;
    }
    if matches!(what, What::Month) {
        month::run(options, &mut report).await?;
    }
    report.finish(&options.results)
}
