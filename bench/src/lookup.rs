//! How quickly traces open and searches answer while spans keep coming in.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use traffic::rng::Rng;

use crate::Options;
use crate::api::Api;
use crate::engine::Engine;
use crate::load::{self, Plan};
use crate::pool::Pool;
use crate::process::Skein;
use crate::report::{Report, rate_text, row, table};
use crate::stats::Latencies;

const BACKGROUND_RATE: f64 = 20_000.0;
const STORE_PATIENCE: Duration = Duration::from_secs(30);

/// What is searched for, and the parameters that do.
const SEARCHES: [(&str, &str); 6] = [
    ("newest", "limit=20"),
    ("service", "service=catalog&limit=20"),
    ("service + error", "service=payments&error=true&limit=20"),
    ("service + operation", "service=cart&operation=POST%20/carts/items&limit=20"),
    ("service + error + time", "service=reviews&error=true&min_duration_ms=5&limit=20"),
    ("slow anywhere", "min_duration_ms=2000&limit=20"),
];

#[derive(Default)]
struct Findings {
    latencies: Latencies,
    missing: usize,
    incomplete: usize,
}

pub async fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let pool = options.pool();
    let skein = Skein::start(&options.skein, options.dir.as_deref()).await?;
    let engine = Engine::of(&skein.data_dir())?;
    let wanted = options.lookup_spans();
    report.say(&format!("Lookup: storing {wanted} spans first."));
    let fill = Plan {
        rate: None,
        connections: options.connections,
        in_flight_each: options.in_flight,
        duration: Duration::from_secs(3_600),
        spans_max: wanted,
    };
    let filled = load::drive(&pool, &skein.addresses.otlp_grpc, &fill).await?;
    let stored = engine.wait_for_spans(filled.accepted, STORE_PATIENCE).await?;
    let drawn = pool.drawn();
    let seconds = Duration::from_secs(options.seconds);
    let background = Plan { rate: Some(BACKGROUND_RATE), duration: seconds * 2, spans_max: u64::MAX, ..fill };
    let load = tokio::spawn({
        let (pool, otlp) = (pool.clone(), skein.addresses.otlp_grpc.clone());
        async move { load::drive(&pool, &otlp, &background).await }
    });
    let api = Api::new(&skein.addresses.http);
    let traces = open_traces(&api, &pool, drawn, seconds).await?;
    let searches = search(&api, seconds).await?;
    let load = load.await??;
    report.heading(&format!(
        "Lookup in {:.1} M spans while {} come in",
        stored as f64 / 1e6,
        rate_text(BACKGROUND_RATE)
    ));
    report.text(&traces_text(&traces));
    report.text(&searches_table(&searches));
    report.text(&format!(
        "Meanwhile {} of {} spans offered were taken; acknowledged p99 {:.0} ms.",
        load.accepted,
        load.offered,
        load.acks.quantile_ms(0.99)
    ));
    skein.stop().await
}

async fn open_traces(api: &Api, pool: &Arc<Pool>, drawn: u64, length: Duration) -> anyhow::Result<Findings> {
    let mut rng = Rng::new(0x1007);
    let mut found = Findings::default();
    let until = Instant::now() + length;
    while Instant::now() < until {
        let Some(trace) = pool.sent_trace(&mut rng, drawn, 25..=35) else { break };
        match api.trace(trace.id).await? {
            Some((spans, took)) => {
                found.latencies.add(took);
                found.incomplete += usize::from(spans != trace.spans);
            }
            None => found.missing += 1,
        }
    }
    Ok(found)
}

struct Search {
    name: &'static str,
    latencies: Latencies,
    results: usize,
    scanned: Value,
}

async fn search(api: &Api, length: Duration) -> anyhow::Result<Vec<Search>> {
    let mut searches: Vec<Search> = SEARCHES
        .iter()
        .map(|(name, _)| Search { name, latencies: Latencies::default(), results: 0, scanned: Value::Null })
        .collect();
    let until = Instant::now() + length;
    while Instant::now() < until {
        for (search, (_, parameters)) in searches.iter_mut().zip(SEARCHES) {
            let from = load::now().0.saturating_sub(24 * 3_600_000_000_000);
            let path = format!("/api/traces?start={from}&end={}&{parameters}", load::now().0);
            if let Some(answer) = api.get(&path).await? {
                search.latencies.add(answer.took);
                search.results = answer.body["traces"].as_array().map_or(0, Vec::len);
                search.scanned = answer.body["scanned"].clone();
            }
        }
    }
    Ok(searches)
}

fn traces_text(found: &Findings) -> String {
    let l = &found.latencies;
    format!(
        "Trace by id (25 to 35 spans, one at a time): p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms of {}; {} not found, \
         {} with the wrong number of spans.",
        l.quantile_ms(0.5),
        l.quantile_ms(0.99),
        l.quantile_ms(1.0),
        l.count(),
        found.missing,
        found.incomplete
    )
}

fn searches_table(searches: &[Search]) -> String {
    let head = ["search over 24 h", "p50 ms", "p99 ms", "asked", "results", "scanned"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for s in searches {
        let scanned = match &s.scanned {
            Value::Object(fields) => {
                fields.iter().map(|(key, value)| format!("{key} {value}")).collect::<Vec<_>>().join(", ")
            }
            other => other.to_string(),
        };
        let values = [
            format!("{:.0}", s.latencies.quantile_ms(0.5)),
            format!("{:.0}", s.latencies.quantile_ms(0.99)),
            s.latencies.count().to_string(),
            s.results.to_string(),
            scanned,
        ];
        rows.push(row(s.name, values.into_iter()));
    }
    table(&rows)
}
