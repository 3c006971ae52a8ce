//! What settling costs while spans arrive: the server's CPU by its own metric, the engine's by its log of statements and
//! merges, and how far it falls behind.
//!
//! The server's part is what the settler's task used; that of the connections it reads from is not told apart. Merges are
//! those of the tables that settling alone fills.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use server::telemetry::figures::Figures;
use tokio::time::Instant;

use crate::Options;
use crate::engine::Engine;
use crate::load::{self, Plan};
use crate::process::Skein;
use crate::report::{Report, rate_text, row, table};

/// The engine of a skein keeps no such logs by itself.
const LOGS: &str = "<clickhouse>
  <query_log><database>system</database><table>query_log</table></query_log>
  <part_log><database>system</database><table>part_log</table></part_log>
</clickhouse>
";
const CPU: &str = "sum(ProfileEvents['UserTimeMicroseconds'] + ProfileEvents['SystemTimeMicroseconds'])";
const STATEMENTS: &str = "system.query_log WHERE type != 'QueryStart' AND log_comment = 'settle'";
const MERGES: &str = "system.part_log WHERE event_type = 'MergeParts' AND database = currentDatabase()
    AND table IN ('traces', 'edges', 'paths', 'work', 'slices')";
/// Traces are settled half a minute after their last span; nothing settled for longer means that no more will be.
const PATIENCE: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_secs(1);

/// CPU in microseconds, from the start on.
#[derive(Clone, Copy, Debug, Default)]
struct Used {
    server: f64,
    statements: f64,
    merges: f64,
}

#[derive(Default)]
struct Phase {
    name: String,
    rate: f64,
    settled: f64,
    behind_secs: f64,
    used: Used,
}

pub async fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let folder = match &options.dir {
        Some(parent) => tempfile::TempDir::with_prefix_in("skein-bench-", parent)?,
        None => tempfile::TempDir::with_prefix("skein-bench-")?,
    };
    keep_logs(folder.path())?;
    let skein = Skein::start_again(&options.skein, folder.path()).await?;
    let engine = Engine::of(&skein.data_dir())?;
    let mut phases = Vec::new();
    for rate in &options.rates {
        let phase = measure(options, &skein, &engine, rate.0).await?;
        report.say(&format!("  {}: {:.0} spans settled", phase.name, phase.settled));
        phases.push(phase);
    }
    report.heading("Settling while spans arrive");
    report.text(&phase_table(&phases));
    report.heading("Statements of settling, all runs together");
    report.text(&statements_table(&engine, phases.iter().map(|phase| phase.settled).sum()).await?);
    skein.stop().await
}

fn keep_logs(folder: &Path) -> anyhow::Result<()> {
    let more = folder.join("data/engine/config.d");
    std::fs::create_dir_all(&more)?;
    std::fs::write(more.join("logs.xml"), LOGS).context("the engine's logs")
}

async fn measure(
    options: &Options,
    skein: &Skein,
    engine: &Engine,
    rate: Option<f64>,
) -> anyhow::Result<Phase> {
    let pool = options.pool();
    let before = used(skein, engine).await?;
    let settled_before = figure(skein, "skein_settle_spans_total").await?;
    let plan = Plan::of(options, rate, Duration::from_secs(options.seconds));
    let sending = tokio::spawn({
        let address = skein.addresses.otlp_grpc.clone();
        async move { load::drive(&pool, &address, &plan).await }
    });
    let mut phase = Phase::default();
    let mut last = (0.0, Instant::now());
    let mut accepted = None;
    let mut sending = Some(sending);
    loop {
        tokio::time::sleep(POLL).await;
        phase.behind_secs = phase.behind_secs.max(figure(skein, "skein_settle_behind_seconds").await?);
        phase.settled = figure(skein, "skein_settle_spans_total").await? - settled_before;
        if phase.settled != last.0 {
            last = (phase.settled, Instant::now());
        }
        if sending.as_ref().is_some_and(|sending| sending.is_finished())
            && let Some(sending) = sending.take()
        {
            let outcome = sending.await??;
            phase.rate = outcome.accepted as f64 / outcome.wall.as_secs_f64();
            accepted = Some(outcome.accepted as f64);
            last.1 = Instant::now();
        }
        if accepted.is_some_and(|accepted| phase.settled >= accepted) {
            break;
        }
        if accepted.is_some() && last.1.elapsed() > PATIENCE {
            bail!("{} spans were settled of {accepted:?} that were accepted", phase.settled);
        }
    }
    engine.wait_for_rest(skein, options.rest_time()).await?;
    phase.used = used(skein, engine).await?.since(before);
    phase.name =
        rate.map_or_else(|| "as much as is taken".to_owned(), |r| format!("{} offered", rate_text(r)));
    Ok(phase)
}

async fn used(skein: &Skein, engine: &Engine) -> anyhow::Result<Used> {
    engine.query("SYSTEM FLUSH LOGS query_log, part_log").await?;
    let micros = async |of: &str| anyhow::Ok(engine.number(&format!("SELECT {CPU} FROM {of}")).await? as f64);
    Ok(Used {
        server: figure(skein, "skein_settle_cpu_seconds_total").await? * 1e6,
        statements: micros(STATEMENTS).await?,
        merges: micros(MERGES).await?,
    })
}

async fn figure(skein: &Skein, name: &str) -> anyhow::Result<f64> {
    let answer = reqwest::get(format!("{}/metrics", skein.addresses.http)).await?.error_for_status()?;
    Figures::read(&answer.text().await?).sum(name).with_context(|| format!("there is no metric {name}"))
}

impl Used {
    fn since(self, earlier: Used) -> Used {
        Used {
            server: self.server - earlier.server,
            statements: self.statements - earlier.statements,
            merges: self.merges - earlier.merges,
        }
    }

    fn total(self) -> f64 {
        self.server + self.statements + self.merges
    }
}

fn phase_table(phases: &[Phase]) -> String {
    let mut rows = vec![vec![String::new()]];
    rows[0].extend(phases.iter().map(|p| p.name.clone()));
    let mut add = |name: &str, value: &dyn Fn(&Phase) -> String| {
        rows.push(row(name, phases.iter().map(value)));
    };
    add("accepted a second", &|p| rate_text(p.rate));
    add("spans settled", &|p| format!("{:.0}", p.settled));
    add("oldest that is not settled, at most", &|p| format!("{:.0} s", p.behind_secs));
    let cost = |p: &Phase, of: fn(&Used) -> f64| {
        let micros_a_span = of(&p.used) / p.settled;
        format!("{micros_a_span:.3} µs = {:.1} %", micros_a_span * p.rate / 1e4)
    };
    add("CPU a span, of one core at this rate: server", &|p| cost(p, |used| used.server));
    add("the engine for its statements", &|p| cost(p, |used| used.statements));
    add("the engine for merges of its tables", &|p| cost(p, |used| used.merges));
    add("all", &|p| cost(p, |used| used.total()));
    table(&rows)
}

/// What is asked and stored, dearest first.
async fn statements_table(engine: &Engine, spans: f64) -> anyhow::Result<String> {
    let sql = format!(
        "SELECT query_kind, arrayStringConcat(tables, ' '), count(), {CPU}, sum(read_rows), sum(written_rows) FROM {STATEMENTS}
         GROUP BY 1, 2 ORDER BY 4 DESC LIMIT 12 FORMAT TSV"
    );
    let answer = engine.query(&sql).await?;
    let names = ["kind", "tables", "times", "CPU µs a span", "rows read", "rows written"];
    let mut rows = vec![names.map(str::to_owned).to_vec()];
    for line in String::from_utf8_lossy(&answer).lines() {
        let mut cells: Vec<String> = line.split('\t').map(str::to_owned).collect();
        let micros: f64 = cells.get(3).context("a line without CPU")?.parse()?;
        cells[3] = format!("{:.3}", micros / spans.max(1.0));
        rows.push(cells);
    }
    Ok(table(&rows))
}
