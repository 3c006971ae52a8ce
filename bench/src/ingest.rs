//! How much is taken, stored and searchable, what a span costs in CPU, memory and bytes, and how that compares.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::Options;
use crate::api::Api;
use crate::engine::Engine;
use crate::load::{self, Outcome, Plan};
use crate::pool::Pool;
use crate::process::{Cpu, Skein};
use crate::reference;
use crate::report::{Report, bytes_text, rate_text, row, table};
use crate::stats::Latencies;

/// No new row for so long means that no more will come.
const STORE_PATIENCE: Duration = Duration::from_secs(30);
const PROBE_PATIENCE: Duration = Duration::from_secs(30);

/// One run of load, from the first request to the engine's rest.
struct Phase {
    name: String,
    load: Outcome,
    stored: u64,
    /// From the first request until everything was queryable.
    until_queryable: Duration,
    /// And until the engine had merged what it wanted to merge.
    until_merged: Duration,
    cpu: Cpu,
    visible: Latencies,
    is_at_rest: bool,
}

pub async fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let pool = options.pool();
    let skein = Skein::start(&options.skein, options.dir.as_deref()).await?;
    let engine = Engine::of(&skein.data_dir())?;
    report.say(&format!(
        "Ingest: {:.0} bytes of protobuf a span, requests of {:?} spans.",
        pool.mean_span_bytes(),
        options.batch_spans
    ));
    let mut phases = Vec::new();
    for rate in &options.rates {
        let phase = measure(options, &pool, &skein, &engine, rate.0).await?;
        report.say(&format!("  {}: {} stored", phase.name, rate_text(phase.queryable_per_second())));
        phases.push(phase);
    }
    report.heading("Ingest, OTLP/gRPC to queryable");
    report.text(&phase_table(&phases));
    let reference = reference::measure(
        &engine,
        &skein,
        options.reference_spans(),
        options.reference_time(),
        options.rest_time(),
    )
    .await?;
    report.heading("Beside ClickHouse alone");
    report.text(&reference_table(&phases, &reference));
    sizes(&engine, &skein, report).await?;
    let wrong = check_samples(&pool, &skein).await?;
    report.text(&format!("Of 40 sampled traces, {wrong} did not come back with exactly the spans sent."));
    skein.stop().await
}

async fn measure(
    options: &Options,
    pool: &Arc<Pool>,
    skein: &Skein,
    engine: &Engine,
    rate: Option<f64>,
) -> anyhow::Result<Phase> {
    let before = engine.span_count().await?;
    let cpu = skein.cpu();
    let start = Instant::now();
    let plan = Plan::of(options, rate, Duration::from_secs(options.seconds));
    let probe = tokio::spawn(probe(
        pool.clone(),
        skein.addresses.otlp_grpc.clone(),
        Api::new(&skein.addresses.http),
        start + plan.duration,
    ));
    let load = load::drive(pool, &skein.addresses.otlp_grpc, &plan).await?;
    let (probed, visible) = probe.await??;
    let stored = engine.wait_for_spans(before + load.accepted + probed, STORE_PATIENCE).await? - before;
    let until_queryable = start.elapsed();
    let is_at_rest = engine.wait_for_rest(skein, options.rest_time()).await?;
    Ok(Phase {
        name: rate.map_or_else(|| "as much as is taken".to_owned(), |r| format!("{} offered", rate_text(r))),
        stored: stored.saturating_sub(probed),
        load,
        until_queryable,
        until_merged: start.elapsed(),
        cpu: skein.cpu().since(cpu),
        visible,
        is_at_rest,
    })
}

/// Every second sends one more request and waits until one of its traces can be opened.
async fn probe(
    pool: Arc<Pool>,
    otlp_grpc: String,
    api: Api,
    until: Instant,
) -> anyhow::Result<(u64, Latencies)> {
    let channel = load::connect(&otlp_grpc).await?;
    let mut rng = traffic::rng::Rng::new(0xb0b);
    let (mut spans, mut visible) = (0, Latencies::default());
    while Instant::now() < until {
        let draw = pool.draw();
        let Some(trace) = pool.trace_of(draw, &mut rng) else { continue };
        let start = Instant::now();
        if load::export_once(&channel, pool.bytes(draw, load::now()).into()).await.is_ok() {
            spans += draw.spans;
            if api.wait_for_trace(trace.id, PROBE_PATIENCE).await?.is_some() {
                visible.add(start.elapsed());
            }
        }
        tokio::time::sleep_until(start + Duration::from_secs(1)).await;
    }
    Ok((spans, visible))
}

/// How many of some sampled traces are not there with all their spans.
async fn check_samples(pool: &Pool, skein: &Skein) -> anyhow::Result<usize> {
    let api = Api::new(&skein.addresses.http);
    let mut rng = traffic::rng::Rng::new(0xc0de);
    let mut wrong = 0;
    for _ in 0..40 {
        let Some(trace) = pool.sent_trace(&mut rng, pool.drawn(), 1..=2_000) else { break };
        let found = api.trace(trace.id).await?;
        wrong += usize::from(found.is_none_or(|(spans, _)| spans != trace.spans));
    }
    Ok(wrong)
}

impl Phase {
    fn queryable_per_second(&self) -> f64 {
        self.stored as f64 / self.until_queryable.as_secs_f64()
    }

    fn merged_per_second(&self) -> f64 {
        self.stored as f64 / self.until_merged.as_secs_f64()
    }

    fn loss_percent(&self) -> f64 {
        100.0 * (self.load.offered as f64 - self.stored as f64) / self.load.offered.max(1) as f64
    }
}

fn unfinished(is_at_rest: bool) -> &'static str {
    if is_at_rest { "" } else { " (merges not over)" }
}

fn phase_table(phases: &[Phase]) -> String {
    let mut rows = vec![vec![String::new()]];
    rows[0].extend(phases.iter().map(|p| p.name.clone()));
    let mut add = |name: &str, value: &dyn Fn(&Phase) -> String| {
        rows.push(row(name, phases.iter().map(value)));
    };
    add("spans offered", &|p| p.load.offered.to_string());
    add("accepted a second", &|p| rate_text(p.load.accepted as f64 / p.load.wall.as_secs_f64()));
    add("queryable a second", &|p| rate_text(p.queryable_per_second()));
    add("merged a second", &|p| rate_text(p.merged_per_second()) + unfinished(p.is_at_rest));
    add("behind at the end of the load", &|p| {
        format!("{:.1} s", p.until_queryable.saturating_sub(p.load.wall).as_secs_f64())
    });
    add("not stored", &|p| format!("{:.3} %", p.loss_percent()));
    add("of it rejected / failed", &|p| format!("{} / {}", p.load.rejected, p.load.failed));
    add("requests asked to come back", &|p| p.load.pushed_back.to_string());
    add("acknowledged p50 / p99", &|p| {
        format!("{:.1} / {:.1} ms", p.load.acks.quantile_ms(0.5), p.load.acks.quantile_ms(0.99))
    });
    add("visible after sending, p50 / max", &|p| {
        let all = p.visible.count();
        format!("{:.0} / {:.0} ms of {all}", p.visible.quantile_ms(0.5), p.visible.quantile_ms(1.0))
    });
    let cpu = |p: &Phase| p.cpu.micros_per(p.stored);
    add("CPU µs a span: load driver", &|p| format!("{:.2}", cpu(p).driver));
    add("CPU µs a span: server", &|p| format!("{:.2}", cpu(p).server));
    add("CPU µs a span: engine with merges", &|p| {
        format!("{:.2}{}", cpu(p).engine, unfinished(p.is_at_rest))
    });
    add("CPU µs a span: all", &|p| format!("{:.2}", cpu(p).total()));
    let failures = phases.iter().filter_map(|p| p.load.failure.as_ref());
    let notes: String = failures.map(|f| format!("\nA request failed for good: {f}\n")).collect();
    format!("{}{notes}", table(&rows))
}

/// Merges are put off while rows come in, by either: the share that says what can be kept up is of the time with them.
fn reference_table(phases: &[Phase], reference: &reference::Reference) -> String {
    let best = |rate: fn(&Phase) -> f64| phases.iter().map(rate).fold(0.0, f64::max);
    let (queryable, merged) = (best(Phase::queryable_per_second), best(Phase::merged_per_second));
    let line = |name: &str, rate: reference::Rate| {
        vec![
            name.to_owned(),
            format!("{:.2}", rate.micros_per_span),
            rate_text(rate.spans_per_second),
            format!("{:.2}", queryable / rate.spans_per_second.max(1.0)),
            rate_text(rate.merged_per_second) + unfinished(rate.is_at_rest),
            format!("{:.2}", merged / rate.merged_per_second.max(1.0)),
        ]
    };
    let head = [
        "Native blocks of 100k rows, 2 connections",
        "engine CPU µs a span",
        "spans a second",
        "skein's share",
        "with merges",
        "skein's share",
    ];
    table(&[
        head.map(str::to_owned).to_vec(),
        line("the same rows into all tables", reference.all_tables),
        line("into `spans` alone", reference.spans_only),
    ])
}

async fn sizes(engine: &Engine, skein: &Skein, report: &mut Report) -> anyhow::Result<()> {
    let tables = engine.tables().await?;
    let spans = tables.iter().find(|t| t.name == "spans").map_or(1, |t| t.rows.max(1));
    let mut rows = vec![["table", "rows", "on disk", "bytes a span"].map(str::to_owned).to_vec()];
    let mut total = 0;
    for t in &tables {
        total += t.bytes;
        let per_span = format!("{:.1}", t.bytes as f64 / spans as f64);
        rows.push(vec![t.name.clone(), t.rows.to_string(), bytes_text(t.bytes), per_span]);
    }
    let per_span = format!("{:.1}", total as f64 / spans as f64);
    rows.push(vec!["all".to_owned(), String::new(), bytes_text(total), per_span]);
    report.heading("Bytes on disk");
    report.text(&table(&rows));
    report.text(&format!(
        "Peak memory: server {}, engine {}.",
        bytes_text(skein.server_peak_bytes()),
        bytes_text(skein.engine_peak_bytes())
    ));
    Ok(())
}
