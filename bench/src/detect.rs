//! What it costs to judge figures once a minute, and to keep them: a server whose tables of work and calls are filled
//! as three hours of traffic and the same time of seven days before it fill them, for more and more operations.
//!
//! A detector that meets a tenant judges the last half hour at once. That is what is timed.

use std::time::Duration;

use anyhow::{Context, bail};
use tokio::time::Instant;

use crate::Options;
use crate::engine::Engine;
use crate::process::{Cpu, Skein};
use crate::report::{Report, row, table};

const OPERATIONS: [u64; 3] = [200, 1_000, 4_000];
/// As many settled slices of ten seconds each minute has.
const SLICES: u64 = 6;
const DAYS: u64 = 7;
const PATIENCE: Duration = Duration::from_secs(240);
const POLL: Duration = Duration::from_millis(200);
/// The CPU a server uses while nothing is there to judge is taken over so long.
const IDLE: Duration = Duration::from_secs(10);

pub async fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    report.heading("Judging figures once a minute");
    let names =
        ["operations", "rows of work", "bytes a row", "a round, server", "a round, engine", "of one core"];
    let mut rows = vec![names.map(str::to_owned).to_vec()];
    let sizes = if options.quick { &OPERATIONS[..1] } else { &OPERATIONS[..] };
    for operations in sizes {
        rows.push(measure(options, *operations, report).await?);
    }
    report.text(&format!(
        "Every operation is called in every slice; a fifth as many kinds of calls. A round reads five minutes, and every fifth \
         one three hours and half an hour of {DAYS} days as well; the mean over the rounds of half an hour. The share is \
         that of a round a minute."
    ));
    report.text(&table(&rows));
    Ok(())
}

async fn measure(options: &Options, operations: u64, report: &mut Report) -> anyhow::Result<Vec<String>> {
    let skein = Skein::start(&options.skein, options.dir.as_deref()).await?;
    let engine = Engine::of(&skein.data_dir())?;
    fill(&engine, operations).await?;
    report.say(&format!("{operations} operations are stored"));
    let (before, began) = (skein.cpu(), Instant::now());
    let rounds = judged(&skein).await?;
    let (used, took) = (skein.cpu().since(before), began.elapsed());
    engine.wait_for_rest(&skein, PATIENCE).await?;
    let idle = skein.cpu();
    tokio::time::sleep(IDLE).await;
    let idle = skein.cpu().since(idle);
    let beyond = |of: fn(&Cpu) -> f64| {
        (of(&used) - of(&idle) * took.as_secs_f64() / IDLE.as_secs_f64()).max(0.0) * 1e3 / rounds as f64
    };
    let (server_ms, engine_ms) = (beyond(|cpu| cpu.server), beyond(|cpu| cpu.engine));
    let tables = engine.tables().await?;
    let work = tables.iter().find(|table| table.name == "work").context("no work is stored")?;
    skein.stop().await?;
    let share = format!("{:.2} %", (server_ms + engine_ms) / 60_000.0 * 100.0);
    let cells = [
        work.rows.to_string(),
        format!("{} B", work.bytes / work.rows.max(1)),
        format!("{server_ms:.0} ms"),
        format!("{engine_ms:.0} ms"),
        share,
    ];
    Ok(row(&operations.to_string(), cells.into_iter()))
}

/// Rows as settling stores them, for each slice of each minute that is looked at. Calls first: with work there is a
/// tenant to judge.
async fn fill(engine: &Engine, operations: u64) -> anyhow::Result<()> {
    let minutes = |first: u64, last: u64| {
        format!(
            "SELECT toStartOfMinute(now('UTC')) - 60 * (number + {first}) AS time FROM numbers({})",
            last - first + 1
        )
    };
    // A day's half hour moves on by the half hour that is judged.
    let days = (1..=DAYS).map(|day| minutes(day * 1_440 - 15, day * 1_440 + 60));
    let all: Vec<String> = std::iter::once(minutes(1, 240)).chain(days).collect();
    let all = all.join(" UNION ALL ");
    let slices = format!("arrayJoin(range({SLICES})) * 10");
    let shape = "mapFromArrays(arrayMap(n -> toUInt16(80 + n), range(12)), arrayMap(n -> toInt64(1 + n % 4), range(12)))";
    let pairs = operations / 5;
    engine
        .query(&format!(
            "INSERT INTO edges SELECT 'default', time, 0, concat('service-', toString(pair % 50)), 0,
                concat('service-', toString(pair % 50 + 1 + intDiv(pair, 50))), time + {slices}, 40, 0, 1000000, map()
             FROM ({all}) AS times CROSS JOIN (SELECT number AS pair FROM numbers({pairs})) AS pairs"
        ))
        .await?;
    engine
        .query(&format!(
            "INSERT INTO work SELECT 'default', time, concat('service-', toString(operation % 50)),
                concat('operation-', toString(operation)), 2, '', time + {slices},
                30, 0, 0, 0, 1000000, 500000, 500000, {shape}, {shape}, map()
             FROM ({all}) AS times CROSS JOIN (SELECT number AS operation FROM numbers({operations})) AS operations"
        ))
        .await?;
    Ok(())
}

/// Waits until nothing of the half hour is left to judge; how many rounds that took.
async fn judged(skein: &Skein) -> anyhow::Result<u64> {
    let http = reqwest::Client::new();
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        tokio::time::sleep(POLL).await;
        let text = http
            .get(format!("{}/metrics", skein.addresses.http))
            .send()
            .await?
            .error_for_status()?
            .text()
            .await?;
        let rounds = text.lines().find_map(|line| line.strip_prefix("skein_anomaly_rounds_total "));
        let open = text.lines().find_map(|line| line.strip_prefix("skein_anomaly_operations "));
        // Operations are counted when a round of all tenants is over.
        if let (Some(rounds), Some(operations)) = (rounds, open)
            && operations.trim() != "0"
        {
            return rounds.trim().parse().context("rounds");
        }
    }
    bail!("nothing was judged within {PATIENCE:?}")
}
