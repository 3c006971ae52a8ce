//! Five times what the server's budget of spans takes: what becomes of the excess, of memory, of those who look, and of
//! the time afterwards.

use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use tokio::time::Instant;

use crate::Options;
use crate::api::Api;
use crate::engine::Engine;
use crate::load::{self, Outcome, Plan};
use crate::pool::Pool;
use crate::process::Skein;
use crate::report::{Report, bytes_text, rate_text, table};
use crate::stats::Latencies;

const OVERLOAD: f64 = 5.0;
/// How long load within the budget goes before, so that there is something to look at.
const CALM: Duration = Duration::from_secs(5);
const STORE_PATIENCE: Duration = Duration::from_secs(30);
const RECOVERY_PATIENCE: Duration = Duration::from_secs(60);
/// Whoever looks at traces pauses in between as a person would, though not as long.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Even the largest requests stay within the budget at this pace.
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// What is known once the load is over.
struct Found {
    calm: Outcome,
    over: Outcome,
    lookups: Latencies,
    not_found: usize,
    calm_peak: u64,
    peak: u64,
    /// From the end of the load until a request was taken whole and could be searched.
    recovery: Duration,
    probed: u64,
}

pub async fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let pool = options.pool();
    let budget = options.budget;
    let target = budget.to_string();
    let arguments = ["--target-spans-per-second", &target];
    let skein = Skein::start_with(&options.skein, options.dir.as_deref(), &arguments).await?;
    let engine = Engine::of(&skein.data_dir())?;
    report.say(&format!("Overload: {OVERLOAD} times a budget of {budget} spans a second."));
    let found = measure(options, &pool, &skein).await?;
    let sent = found.calm.offered + found.over.offered + found.probed;
    let told = found.calm.rejected + found.over.rejected;
    let stored = engine.wait_for_spans(sent - told, STORE_PATIENCE).await?;
    let totals = receipts(&Api::new(&skein.addresses.http), sent).await?;
    report.heading(&format!(
        "{OVERLOAD:.0} times a budget of {} for {} s",
        rate_text(budget as f64),
        options.seconds
    ));
    report.text(&found_table(&found));
    report.heading("Receipts");
    report.text(&receipts_table(sent, stored, told, &totals));
    skein.stop().await
}

async fn measure(options: &Options, pool: &Arc<Pool>, skein: &Skein) -> anyhow::Result<Found> {
    let api = Api::new(&skein.addresses.http);
    let plan = |rate: f64, duration: Duration| Plan::of(options, Some(rate), duration);
    // Far less than the budget, as requests are large: nothing is to be left out of what will be looked for.
    let calm = plan(0.25 * options.budget as f64, CALM);
    let calm = load::drive(pool, &skein.addresses.otlp_grpc, &calm).await?;
    let drawn = pool.drawn();
    let calm_peak = skein.server_peak_bytes();
    let over = plan(OVERLOAD * options.budget as f64, Duration::from_secs(options.seconds));
    let looking = tokio::spawn(look(pool.clone(), api.clone(), drawn, Instant::now() + over.duration));
    let over = load::drive(pool, &skein.addresses.otlp_grpc, &over).await?;
    let ended = Instant::now();
    let (lookups, not_found) = looking.await??;
    let probed = recover(pool, skein, &api).await?;
    let recovery = ended.elapsed();
    let peak = skein.server_peak_bytes();
    Ok(Found { calm, over, lookups, not_found, calm_peak, peak, recovery, probed })
}

/// Opens traces that were sent before the overload, until it is over.
async fn look(pool: Arc<Pool>, api: Api, drawn: u64, until: Instant) -> anyhow::Result<(Latencies, usize)> {
    let mut rng = traffic::rng::Rng::new(0x0ed);
    let (mut latencies, mut not_found) = (Latencies::default(), 0);
    while Instant::now() < until {
        let Some(trace) = pool.sent_trace(&mut rng, drawn, 5..=60) else { break };
        match api.trace(trace.id).await? {
            Some((_, took)) => latencies.add(took),
            None => not_found += 1,
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok((latencies, not_found))
}

/// Sends small requests until one is taken whole and its trace can be opened; how many spans it took.
async fn recover(pool: &Pool, skein: &Skein, api: &Api) -> anyhow::Result<u64> {
    let channel = load::connect(&skein.addresses.otlp_grpc).await?;
    let mut rng = traffic::rng::Rng::new(0x5e1f);
    let mut probed = 0;
    let deadline = Instant::now() + RECOVERY_PATIENCE;
    while Instant::now() < deadline {
        let draw = pool.draw();
        let Some(trace) = pool.trace_of(draw, &mut rng) else { continue };
        let rejected = load::export_once(&channel, pool.bytes(draw, load::now()).into()).await?;
        probed += draw.spans;
        if rejected == 0 && api.wait_for_trace(trace.id, RECOVERY_PATIENCE).await?.is_some() {
            return Ok(probed);
        }
        tokio::time::sleep(PROBE_EVERY).await;
    }
    bail!("the server did not recover within {RECOVERY_PATIENCE:?}")
}

/// Items of each outcome, once they add up to what was sent, or as they are when they never do.
async fn receipts(api: &Api, sent: u64) -> anyhow::Result<Vec<(String, u64)>> {
    let mut totals = Vec::new();
    let deadline = Instant::now() + STORE_PATIENCE;
    while Instant::now() < deadline {
        let answer = api.get("/api/receipts").await?.map(|answer| answer.body["totals"].clone());
        let answer = answer.unwrap_or_default();
        let answer = answer.as_object().cloned().unwrap_or_default();
        totals = answer.into_iter().map(|(name, items)| (name, items.as_u64().unwrap_or(0))).collect();
        if accounted(&totals) >= sent {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    Ok(totals)
}

/// What was stored and what was lost for good; requests turned away came again.
fn accounted(totals: &[(String, u64)]) -> u64 {
    totals
        .iter()
        .filter(|(name, _)| ["accepted", "refused", "shed"].contains(&name.as_str()))
        .map(|t| t.1)
        .sum()
}

fn found_table(found: &Found) -> String {
    let over = &found.over;
    let lookups = &found.lookups;
    let rows = [
        ("spans offered a second", rate_text(over.offered as f64 / over.wall.as_secs_f64())),
        ("taken a second", rate_text(over.accepted as f64 / over.wall.as_secs_f64())),
        ("requests asked to come back", over.pushed_back.to_string()),
        ("failed for good", over.failed.to_string()),
        (
            "acknowledged p50 / p99",
            format!("{:.1} / {:.1} ms", over.acks.quantile_ms(0.5), over.acks.quantile_ms(0.99)),
        ),
        (
            "trace by id p50 / p99 meanwhile",
            format!(
                "{:.1} / {:.1} ms of {}, {} not found",
                lookups.quantile_ms(0.5),
                lookups.quantile_ms(0.99),
                lookups.count(),
                found.not_found
            ),
        ),
        (
            "server's peak memory before / after",
            format!("{} / {}", bytes_text(found.calm_peak), bytes_text(found.peak)),
        ),
        ("until a request was whole and searchable again", format!("{:.1} s", found.recovery.as_secs_f64())),
    ];
    let mut all = vec![vec![String::new(), String::new()]];
    all.extend(rows.map(|(name, value)| vec![name.to_owned(), value]));
    table(&all)
}

fn receipts_table(sent: u64, stored: u64, told: u64, totals: &[(String, u64)]) -> String {
    let mut rows = vec![vec![String::new(), "spans".to_owned()]];
    let mut add = |name: &str, spans: u64| rows.push(vec![name.to_owned(), spans.to_string()]);
    add("sent", sent);
    add("stored, counted in the engine", stored);
    add("left out of the load, as it was told", told);
    for (name, items) in totals {
        add(&format!("receipts: {name}"), *items);
    }
    let difference = sent as i64 - accounted(totals) as i64;
    format!("{}\nSent less accepted, refused and shed by the receipts: {difference}.", table(&rows))
}
