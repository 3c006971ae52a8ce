//! How quickly traces open and searches answer while spans keep coming in.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use model::Nanos;
use tokio::time::Instant;
use traffic::rng::Rng;

use crate::Options;
use crate::api::Api;
use crate::engine::{Engine, TableSize};
use crate::fill::{DAY, fill};
use crate::load::{self, Plan};
use crate::pool::Pool;
use crate::process::Skein;
use crate::report::{Report, bytes_text, rate_text, row, table};
use crate::stats::Latencies;

const BACKGROUND_RATE: f64 = 20_000.0;
/// Merges may take this long after the filling.
const REST: Duration = Duration::from_secs(120);

/// What is asked, and where. `{start}` is a day ago, `{hour}` an hour ago, `{id}` an order's id that few traces have, and
/// `{trace}` a trace.
const SEARCHES: [(&str, &str); 26] = [
    ("newest", "traces?start={start}"),
    ("service", "traces?start={start}&service=catalog"),
    ("service + error", "traces?start={start}&service=payments&error=true"),
    ("rare service + error", "traces?start={start}&service=reviews&error=true"),
    ("service + operation", "traces?start={start}&service=cart&operation=POST%20/carts/items"),
    ("any service, error > 5 s", "traces?start={start}&q=error%20duration%3E5s"),
    ("trace > 2 s", "traces?start={start}&min_duration_ms=2000"),
    ("attribute = rare value", "traces?start={start}&q=app.order.id%3D{id}"),
    ("attribute = unknown value", "traces?start={start}&q=app.order.id%3Dnone"),
    ("number in a service", "traces?start={start}&q=service%3Dinventory%20app.reservation.lines%3E9"),
    (
        "above each other",
        "traces?start={start}&q=%7B%20resource.service.name%20%3D%20%22checkout%22%20%7D%20%3E%3E%20%7B%20status%20%3D%20error%20%7D",
    ),
    ("longest", "traces?start={start}&service=checkout&order=duration"),
    ("heatmap of all", "heatmap?start={start}"),
    ("heatmap of a query", "heatmap?start={start}&q=service%3Dcart%20duration%3E20ms"),
    ("facets of all", "facets?start={start}"),
    (
        "facets of a query",
        "facets?start={start}&q=service%3Dcart%20duration%3E20ms&fields=resource.service.name,name,status,span.app.region",
    ),
    ("services", "services"),
    ("operations of a service", "services/checkout/operations"),
    ("calls between services", "dependencies?start={start}"),
    ("anomalies", "anomalies?start={start}"),
    ("explain what failed", "explain?start={start}&part_q=error"),
    ("explain a brushed hour", "explain?start={start}&part_start={hour}&part_min_duration_ms=1000"),
    ("explain a value", "explain?start={start}&part_q=app.region%3Dap-south-1"),
    ("explain what spans tell", "explain?start={start}&part_q=service%3Dcart%20duration%3E20ms"),
    ("diff against the population", "diff?a={trace}&b=typical"),
    (
        "rate by service",
        "metrics/query_range?start={start}&step_ms=600000&q=%7B%20status%20%3D%20error%20%7D%20%7C%20rate()%20by(resource.service.name)",
    ),
];

/// What pages ask by server functions, of the last hour or five minutes: which, and its arguments.
fn pages() -> anyhow::Result<[(&'static str, &'static str, Vec<u8>); 5]> {
    const HOUR: u64 = 3_600;
    let (none, checkout) = (None::<u64>, "checkout");
    Ok([
        ("page of services", "report_services", postcard::to_allocvec(&300u64)?),
        ("page of a service", "report_service", postcard::to_allocvec(&(checkout, "", HOUR))?),
        ("examples of a service", "list_exemplars", postcard::to_allocvec(&(checkout, "", HOUR))?),
        ("map", "get_service_map", postcard::to_allocvec(&(none, HOUR, false))?),
        ("page of anomalies", "list_anomalies", postcard::to_allocvec(&(24 * HOUR))?),
    ])
}

/// Where answers have what they found.
const LISTS: [&str; 9] =
    ["traces", "cells", "facets", "services", "operations", "edges", "anomalies", "findings", "series"];

/// What was found at one number of stored spans.
struct Stage {
    stored: u64,
    searches: Vec<Search>,
}

#[derive(Default)]
struct Findings {
    latencies: Latencies,
    missing: usize,
    incomplete: usize,
}

pub async fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let kept = options.keep.as_ref().map(|folder| folder.join("pool"));
    let earlier = kept.as_ref().and_then(|path| std::fs::read_to_string(path).ok());
    let pool = options.pool_after(earlier.as_deref())?;
    let skein = match &options.keep {
        Some(folder) => Skein::start_again(&options.skein, folder).await?,
        None => Skein::start(&options.skein, options.dir.as_deref()).await?,
    };
    let engine = Engine::of(&skein.data_dir())?;
    let mut stages = Vec::new();
    for wanted in options.lookup_spans() {
        let missing = wanted.saturating_sub(engine.span_count().await?);
        report.say(&format!("Lookup: storing {missing} spans, for {wanted}."));
        fill(&pool, &skein.data_dir(), missing).await?;
        stages.push(measure(options, report, &pool, &skein, &engine).await?);
        if let Some(path) = &kept {
            std::fs::write(path, pool.state())?;
        }
    }
    if stages.len() > 1 {
        report.heading("How cost grows");
        report.text(&growth_table(&stages));
    }
    skein.stop().await
}

async fn measure(
    options: &Options,
    report: &mut Report,
    pool: &Arc<Pool>,
    skein: &Skein,
    engine: &Engine,
) -> anyhow::Result<Stage> {
    let rested = engine.wait_for_rest(skein, REST).await?;
    let stored = engine.span_count().await?;
    let drawn = pool.drawn();
    let seconds = Duration::from_secs(options.seconds);
    let background = Plan::of(options, Some(BACKGROUND_RATE), seconds * 2);
    let load = tokio::spawn({
        let (pool, otlp) = (pool.clone(), skein.addresses.otlp_grpc.clone());
        async move { load::drive(&pool, &otlp, &background).await }
    });
    let api = Api::new(&skein.addresses.http);
    let traces = open_traces(&api, pool, drawn, seconds).await?;
    let searches = search(&api, seconds).await?;
    let load = load.await??;
    report.heading(&format!(
        "Lookup in {:.1} M spans while {} come in",
        stored as f64 / 1e6,
        rate_text(BACKGROUND_RATE)
    ));
    if !rested {
        report.text("Merges of the filling were still running.");
    }
    let spans = engine.span_count().await?;
    report.text(&sizes_text(&engine.tables().await?, spans));
    report.text(&traces_text(&traces));
    report.text(&searches_table(&searches));
    report.text(&format!(
        "Meanwhile {} of {} spans offered were taken; acknowledged p99 {:.0} ms.",
        load.accepted,
        load.offered,
        load.acks.quantile_ms(0.99)
    ));
    Ok(Stage { stored, searches })
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
    /// Until the first traces of an answer in parts.
    first: Latencies,
    results: usize,
    rows: u64,
    bytes: u64,
}

async fn search(api: &Api, length: Duration) -> anyhow::Result<Vec<Search>> {
    let pages = pages()?;
    let mut searches: Vec<Search> = SEARCHES
        .iter()
        .map(|(name, _)| name)
        .chain(pages.iter().map(|(name, ..)| name))
        .map(|name| Search {
            name,
            latencies: Latencies::default(),
            first: Latencies::default(),
            results: 0,
            rows: 0,
            bytes: 0,
        })
        .collect();
    let start = load::now().minus(DAY).0.to_string();
    let known = api.get("/api/attributes?field=span.app.order.id").await?;
    let id = known
        .and_then(|answer| Some(answer.body["values"].as_array()?.last()?["value"].as_str()?.to_owned()));
    let id = id.context("no order id is known")?;
    let newest = api.get("/api/traces?limit=1&service=checkout").await?;
    let trace = newest.and_then(|answer| Some(answer.body["traces"][0]["trace_id"].as_str()?.to_owned()));
    let trace = trace.context("no trace is known")?;
    let hour = load::now().minus(Nanos(DAY.0 / 24)).0.to_string();
    let until = Instant::now() + length;
    while Instant::now() < until {
        for (search, (_, path)) in searches.iter_mut().zip(SEARCHES) {
            let filled = [("{start}", &start), ("{hour}", &hour), ("{id}", &id), ("{trace}", &trace)];
            let path = filled.iter().fold(path.to_owned(), |path, (name, value)| path.replace(name, value));
            let path = if path.starts_with("traces?") {
                format!("/api/{path}&limit=20")
            } else {
                format!("/api/{path}")
            };
            if let Some(answer) = api.get(&path).await? {
                search.latencies.add(answer.took);
                let list = LISTS.iter().find_map(|name| answer.body[*name].as_array());
                search.results = list.map_or(0, Vec::len);
                let scanned = |name: &str| answer.body["scanned"][name].as_u64().unwrap_or_default();
                (search.rows, search.bytes) = (scanned("rows"), scanned("bytes"));
            }
            if path.starts_with("/api/traces") {
                api.first_traces(&path).await?.into_iter().for_each(|took| search.first.add(took));
            }
        }
        for (search, (_, function, arguments)) in searches[SEARCHES.len()..].iter_mut().zip(&pages) {
            search.latencies.add(api.call(function, arguments).await?);
        }
    }
    Ok(searches)
}

fn sizes_text(tables: &[TableSize], spans: u64) -> String {
    let bytes: u64 = tables.iter().map(|table| table.bytes).sum();
    let each = |table: &TableSize| {
        format!("{} {:.1} ({} rows)", table.name, table.bytes as f64 / spans as f64, table.rows)
    };
    format!(
        "On disk {}; bytes a span: {:.1}, of them {}.",
        bytes_text(bytes),
        bytes as f64 / spans as f64,
        tables.iter().map(each).collect::<Vec<_>>().join(", ")
    )
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
    let head = [
        "search over 24 h",
        "p50 ms",
        "p99 ms",
        "first rows p50 ms",
        "p99 ms",
        "asked",
        "results",
        "rows read",
        "MB read",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for s in searches {
        let first = |q: f64| match s.first.count() {
            0 => "-".to_owned(),
            _ => format!("{:.0}", s.first.quantile_ms(q)),
        };
        let values = [
            format!("{:.0}", s.latencies.quantile_ms(0.5)),
            format!("{:.0}", s.latencies.quantile_ms(0.99)),
            first(0.5),
            first(0.99),
            s.latencies.count().to_string(),
            s.results.to_string(),
            s.rows.to_string(),
            format!("{:.1}", s.bytes as f64 / 1e6),
        ];
        rows.push(row(s.name, values.into_iter()));
    }
    table(&rows)
}

/// Time, rows and bytes of each search, a column for each number of stored spans.
fn growth_table(stages: &[Stage]) -> String {
    let sizes = || stages.iter().map(|stage| format!("{:.1} M", stage.stored as f64 / 1e6));
    let head =
        ["p50 ms at", "rows at", "MB at"].map(|what| sizes().map(move |size| format!("{what} {size}")));
    let mut rows = vec![row("search over 24 h", head.into_iter().flatten())];
    for (at, search) in stages[0].searches.iter().enumerate() {
        let of = |value: fn(&Search) -> String| stages.iter().map(move |stage| value(&stage.searches[at]));
        let times = of(|s| format!("{:.0}", s.latencies.quantile_ms(0.5)));
        let read = of(|s| s.rows.to_string());
        let bytes = of(|s| format!("{:.1}", s.bytes as f64 / 1e6));
        rows.push(row(search.name, times.chain(read).chain(bytes)));
    }
    table(&rows)
}
