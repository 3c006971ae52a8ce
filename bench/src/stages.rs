//! What each stage of the way in costs a span, one at a time on one thread, without server and engine.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use model::{TenantId, Timestamp};
use server::queue::disk::{DiskQueue, Options as QueueOptions};
use server::queue::metrics::QueueMetrics;
use server::queue::{Kind, Queue, Record};
use server::scrub::{Scrubber, Shape};
use server::storage::columns::Batcher;
use server::wire::otlp::check::{check, check_and_thin};
use server::wire::otlp::sampling::Threshold;

use crate::Options;
use crate::load::now;
use crate::report::{Report, row, table};

/// Requests prepared beforehand: more than the processor's caches hold.
const REQUESTS: usize = 64;
/// Requests on their way into the queue at once, as from several busy senders.
const APPENDS_AT_ONCE: usize = 8;
/// As many spans as the queue seals at most.
const BATCH_SPANS: u64 = 100_000;

struct Request {
    body: Bytes,
    spans: u64,
}

/// The best of several rounds: what else runs on the machine only adds to it.
struct Cost {
    stage: &'static str,
    nanos_per_span: f64,
}

pub async fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let pool = options.pool();
    let at = now();
    let requests: Vec<Request> = (0..REQUESTS)
        .map(|_| {
            let draw = pool.draw();
            Request { body: pool.bytes(draw, at).into(), spans: draw.spans }
        })
        .collect();
    let spans: u64 = requests.iter().map(|request| request.spans).sum();
    report.say(&format!("Stages: {spans} spans in {REQUESTS} requests."));
    let time = Duration::from_secs(options.seconds.min(5));
    let scrubber = Scrubber::default();
    let half = Threshold::keeping(0.5);
    let mut costs = vec![
        best("check", time, &requests, |body| drop(check(body, at))),
        best("check, half of all traces left out", time, &requests, |body| {
            drop(check_and_thin(body, at, half))
        }),
        best("scrub", time, &requests, |body| drop(scrubber.apply(body, Shape::Traces))),
    ];
    costs.push(append(&requests, time).await?);
    costs.push(encode(&requests, time, at)?);
    report.heading("Stages of the way in, one thread");
    report.text(&format!(
        "{:.0} bytes of protobuf a span; the best of rounds of {spans} spans.",
        pool.mean_span_bytes()
    ));
    let mut rows = vec![vec!["stage".to_owned(), "ns a span".to_owned()]];
    rows.extend(
        costs.iter().map(|cost| row(cost.stage, std::iter::once(format!("{:.0}", cost.nanos_per_span)))),
    );
    report.text(&table(&rows));
    Ok(())
}

fn best(stage: &'static str, time: Duration, requests: &[Request], mut each: impl FnMut(Bytes)) -> Cost {
    let spans: u64 = requests.iter().map(|request| request.spans).sum();
    let (until, mut least) = (Instant::now() + time, Duration::MAX);
    while Instant::now() < until {
        let began = Instant::now();
        requests.iter().for_each(|request| each(request.body.clone()));
        least = least.min(began.elapsed());
    }
    Cost { stage, nanos_per_span: least.as_nanos() as f64 / spans as f64 }
}

/// Into a queue on disk, fsync and all, and out of it again.
async fn append(requests: &[Request], time: Duration) -> anyhow::Result<Cost> {
    let folder = tempfile::tempdir()?;
    let queue = Arc::new(DiskQueue::open(folder.path(), QueueOptions::default(), QueueMetrics::default())?);
    let taker = tokio::spawn({
        let queue = queue.clone();
        async move {
            while let Ok(Some(batch)) = queue.next_batch().await {
                if queue.acknowledge(batch.id).await.is_err() {
                    return;
                }
            }
        }
    });
    let spans: u64 = requests.iter().map(|request| request.spans).sum();
    let (until, mut least) = (Instant::now() + time, Duration::MAX);
    while Instant::now() < until {
        let began = Instant::now();
        let mut waiting = FuturesUnordered::new();
        for request in requests {
            waiting.push(queue.append(record(request, now())));
            if waiting.len() >= APPENDS_AT_ONCE
                && let Some(done) = waiting.next().await
            {
                done?;
            }
        }
        while let Some(done) = waiting.next().await {
            done?;
        }
        least = least.min(began.elapsed());
    }
    queue.close().await;
    taker.await?;
    let nanos_per_span = least.as_nanos() as f64 / spans as f64;
    Ok(Cost { stage: "queue append, 8 requests at once, until on disk", nanos_per_span })
}

/// Into the blocks of all tables, as many spans at a time as the writer takes.
fn encode(requests: &[Request], time: Duration, at: Timestamp) -> anyhow::Result<Cost> {
    let (until, mut least) = (Instant::now() + time, f64::MAX);
    let mut known: HashSet<u64> = HashSet::new();
    let mut spans = 0;
    let is_room = |request: &&Request| {
        let is_room = spans < BATCH_SPANS;
        spans += request.spans;
        is_room
    };
    let records: Vec<Record> =
        requests.iter().cycle().take_while(is_room).map(|request| record(request, at)).collect();
    let spans: u64 = records.iter().map(|record| u64::from(record.spans)).sum();
    while Instant::now() < until {
        let began = Instant::now();
        let batched = {
            let mut batcher = Batcher::new(&known);
            batcher.expect(&records);
            for record in &records {
                batcher.add(record)?;
            }
            batcher.finish()
        };
        least = least.min(began.elapsed().as_nanos() as f64 / spans as f64);
        known.extend(batched.new_origins);
    }
    Ok(Cost { stage: "encode: columns, pieces and figures of 100k spans", nanos_per_span: least })
}

fn record(request: &Request, received: Timestamp) -> Record {
    Record {
        tenant: TenantId::default(),
        received,
        kind: Kind::Spans,
        spans: u32::try_from(request.spans).unwrap_or(u32::MAX),
        body: request.body.clone(),
    }
}
