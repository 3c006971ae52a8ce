//! A month in minutes: what parts, merges, moves and expiry come to when spans arrive for more days than they are kept.
//!
//! Batches carry arrivals of the past, oldest first, as many a day as is asked for. What a clock would do over weeks
//! happens as they are stored: a part lies at once on the volume its age belongs to, and goes when all in it has
//! expired. Parts that grow old where they lie are not simulated.

use std::time::Duration;

use anyhow::Context;

use crate::Options;
use crate::api::Api;
use crate::engine::Engine;
use crate::fill::{DAY, Fill, fill_over};
use crate::process::Skein;
use crate::report::{Report, bytes_text, row, table};

/// More than spans are kept.
const DAYS: u64 = 40;
const WARM_DAYS: &str = "7";
const COLD_DAYS: &str = "21";
const KEPT_DAYS: u64 = 30;
const REST: Duration = Duration::from_secs(180);

pub async fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let pool = options.pool();
    let disks = tempfile::TempDir::with_prefix("skein-bench-disks-")?;
    let dir = |name: &str| disks.path().join(name).display().to_string();
    let (warm, cold) = (dir("warm"), dir("cold"));
    let arguments = [
        "--warm-dir",
        &warm,
        "--cold-dir",
        &cold,
        "--warm-after-days",
        WARM_DAYS,
        "--cold-after-days",
        COLD_DAYS,
    ];
    let skein = Skein::start_with(&options.skein, options.dir.as_deref(), &arguments).await?;
    let engine = Engine::of(&skein.data_dir())?;
    let batches = DAYS * options.month_batches;
    report.say(&format!("Month: {batches} batches of {DAYS} days."));
    let before = skein.cpu();
    let drawn_before = pool.drawn();
    let spans = batches * options.month_batch_spans;
    let plan = Fill { spans, over: model::Nanos(DAY.0 * DAYS), batch_spans: options.month_batch_spans };
    let stored = fill_over(&pool, &skein.data_dir(), plan).await?;
    let rested = engine.wait_for_rest(&skein, REST).await?;
    let used = skein.cpu().since(before);
    report.heading(&format!(
        "A month: {:.1} M spans in {batches} batches over {DAYS} days, {} a day",
        stored as f64 / 1e6,
        options.month_batches
    ));
    if !rested {
        report.text("Merges were still running.");
    }
    report.text(&parts_table(&engine).await?);
    report.text(&days_table(&engine).await?);
    let expired = engine
        .number(&format!("SELECT count() FROM spans WHERE received < now() - INTERVAL {} DAY", KEPT_DAYS + 1))
        .await?;
    let left = engine.span_count().await?;
    report.text(&format!(
        "Kept {left} of {stored} spans ({:.0} % of the days are kept); {expired} of them expired more than a day ago. \
         Merged rows {}, by merges {}. The engine used {:.1} s of CPU, {:.1} µs a span with all merges.",
        KEPT_DAYS as f64 / DAYS as f64 * 100.0,
        event(&engine, "MergedRows").await?,
        event(&engine, "Merge").await?,
        used.engine,
        used.engine * 1e6 / stored as f64
    ));
    report.text(&lookups(&skein, &pool, drawn_before, stored).await?);
    skein.stop().await
}

/// Active parts of each table on each disk.
async fn parts_table(engine: &Engine) -> anyhow::Result<String> {
    let sql = "SELECT table, disk_name, count(), uniqExact(partition), max(each), sum(rows), sum(bytes) FROM (SELECT table, disk_name, \
               partition, count() OVER (PARTITION BY table, partition) AS each, rows, bytes_on_disk AS bytes FROM system.parts \
               WHERE active AND database = currentDatabase()) GROUP BY table, disk_name HAVING sum(rows) > 0 \
               ORDER BY table, disk_name FORMAT TSV";
    let answer = engine.query(sql).await?;
    let head = ["table", "disk", "parts", "partitions", "most parts in one", "rows", "bytes"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for line in String::from_utf8_lossy(&answer).lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let (name, rest) = fields.split_first().context("an empty line")?;
        let bytes = fields.last().and_then(|text| text.parse().ok()).unwrap_or_default();
        let values = rest[..rest.len() - 1].iter().map(|text| (*text).to_owned());
        rows.push(row(name, values.chain([bytes_text(bytes)])));
    }
    Ok(table(&rows))
}

/// Where spans of which age lie.
async fn days_table(engine: &Engine) -> anyhow::Result<String> {
    let sql = "SELECT disk_name, min(dateDiff('day', max_time, now())), max(dateDiff('day', min_time, now())), count() \
               FROM (SELECT disk_name, toDateTime(splitByChar('''', partition)[4]) AS min_time, \
                   toDateTime(splitByChar('''', partition)[4]) + INTERVAL 1 DAY AS max_time FROM system.parts \
                   WHERE active AND database = currentDatabase() AND table = 'spans') \
               GROUP BY disk_name ORDER BY 2 FORMAT TSV";
    let answer = engine.query(sql).await?;
    let head = ["disk of spans", "days old, from", "to", "parts"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for line in String::from_utf8_lossy(&answer).lines() {
        rows.push(line.split('\t').map(str::to_owned).collect());
    }
    Ok(table(&rows))
}

async fn event(engine: &Engine, name: &str) -> anyhow::Result<u64> {
    engine.number(&format!("SELECT sum(value) FROM system.events WHERE event = '{name}'")).await
}

/// Traces by id from all over the month: the same table, ever more parts.
async fn lookups(
    skein: &Skein,
    pool: &std::sync::Arc<crate::pool::Pool>,
    from: u64,
    stored: u64,
) -> anyhow::Result<String> {
    let api = Api::new(&skein.addresses.http);
    let mut latencies = crate::stats::Latencies::default();
    let mut missing = 0u64;
    let until = pool.drawn();
    let mut rng = traffic::rng::Rng::new(0x3047);
    for _ in 0..200 {
        let Some(trace) = pool.sent_trace(&mut rng, until.saturating_sub(from), 25..=35) else { break };
        match api.trace(trace.id).await? {
            Some((_, took)) => latencies.add(took),
            None => missing += 1,
        }
    }
    Ok(format!(
        "Of 200 traces asked for by id, {missing} had expired ({:.0} % of {stored} spans are older than is kept); the \
         others opened in p50 {:.1} ms, p99 {:.1} ms.",
        (DAYS - KEPT_DAYS) as f64 / DAYS as f64 * 100.0,
        latencies.quantile_ms(0.5),
        latencies.quantile_ms(0.99)
    ))
}
