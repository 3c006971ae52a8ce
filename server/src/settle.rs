//! Settling: once a trace has been quiet for a while it is read whole and analysed, by the code that also runs in the
//! browser, and what was found out is stored.
//!
//! Time is cut into slices by when pieces were stored. A trace belongs to every slice after whose end it stayed quiet
//! long enough, which is a matter of what is stored and not of when it is asked, so any number of settlers come to the
//! same. The slices done are written down last: a slice cut short is settled again, and its rows replace each other. A
//! trace with late spans is settled again in a later slice. There the figures of calls and paths grow by the
//! difference to what the trace was known to be before.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use model::SpanId;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use self::analysis::Analysed;
use self::gather::{Gathered, Gathering, Waiting};
use self::sums::Sums;
use crate::limits::{
    SETTLE_CHUNK_SPANS, SETTLE_CHUNK_TRACES, SETTLE_LOOKUPS_MAX, SETTLE_RECORDS_HELD, SETTLE_REFUSED_SECS,
    SETTLE_SLICE_SECS, SETTLE_WIDE_READS_MAX,
};
use crate::storage::StoreError;
use crate::storage::settled::{Known, Quiet, SettleStore, SliceRecord, TraceKey, TraceRecord};
use crate::telemetry::cpu::{CpuSeconds, metered};
use crate::telemetry::own::{Kind, Work};
use crate::telemetry::stages::{Stage, Stages};

mod analysis;
mod gather;
mod sums;
mod work;

const RETRY: Duration = Duration::from_secs(5);
/// While nothing is stored that is not settled.
const IDLE: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, Default)]
pub struct SettleMetrics {
    pub slices: Counter,
    pub traces: Counter,
    pub spans: Counter,
    pub again: Counter,
    pub lookups_passed_over: Counter,
    pub paths_passed_over: Counter,
    pub operations_passed_over: Counter,
    pub failures: Counter,
    pub cpu_seconds: CpuSeconds,
    /// How long ago what is to be settled next was stored.
    pub behind_secs: Gauge,
    /// Registered by whoever made them.
    pub stages: Stages,
}

impl SettleMetrics {
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("skein_settle");
        registry.register("slices", "Slices of time settled", self.slices.clone());
        registry.register("traces", "Traces settled", self.traces.clone());
        registry.register("spans", "Spans of the traces settled", self.spans.clone());
        registry.register("again", "Traces that had been settled before", self.again.clone());
        registry.register(
            "lookups_passed_over",
            "Incomplete traces not looked up for earlier spans, beyond the limit of a slice",
            self.lookups_passed_over.clone(),
        );
        registry.register(
            "paths_passed_over",
            "Spans too deep, or of too many call paths, to be counted by path",
            self.paths_passed_over.clone(),
        );
        registry.register(
            "operations_passed_over",
            "Spans of too many operations to be counted by what each did itself",
            self.operations_passed_over.clone(),
        );
        registry.register("failures", "Attempts that failed and were repeated", self.failures.clone());
        registry.register(
            "cpu_seconds",
            "CPU time of the server for settling, without the engine's",
            self.cpu_seconds.clone(),
        );
        registry.register(
            "behind_seconds",
            "How long ago the oldest piece that is not settled was stored",
            self.behind_secs.clone(),
        );
    }
}

pub struct Settler {
    store: SettleStore,
    quiet_secs: u32,
    metrics: SettleMetrics,
}

/// What one slice came to.
#[derive(Default)]
struct Slice {
    until: u32,
    /// Those that are not stored yet.
    records: Vec<TraceRecord>,
    sums: Sums,
    traces: u64,
    again: u64,
    spans: u64,
    /// Traces of which spans may have arrived earlier than those looked at, and whether they began much earlier.
    doubtful: Vec<(Quiet, bool)>,
    passed_over: u64,
    /// Spans of such traces that were refused at the door lately.
    refused: HashMap<TraceKey, Vec<SpanId>>,
}

impl Settler {
    pub fn new(store: SettleStore, quiet_secs: u32, metrics: SettleMetrics) -> Settler {
        Settler { store, quiet_secs, metrics }
    }

    /// Runs until it is dropped.
    pub async fn run(self) {
        let mut done = None;
        let mut is_told = false;
        loop {
            match metered(self.round(&mut done), &self.metrics.cpu_seconds).await {
                Ok(Duration::ZERO) => is_told = false,
                Ok(wait) => tokio::time::sleep(wait).await,
                Err(error) => {
                    self.metrics.failures.inc();
                    if !std::mem::replace(&mut is_told, true) {
                        let error = anyhow::Error::from(error);
                        tracing::warn!(error = format!("{error:#}"), "traces cannot be settled; trying on");
                    }
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    /// Settles the next slice, or says how long to wait: when its time has not come, asking costs more than it brings.
    async fn round(&self, done: &mut Option<u32>) -> Result<Duration, StoreError> {
        let now = self.store.now().await?;
        let from = match *done {
            Some(done) => done,
            None => self.store.done().await?.unwrap_or_default(),
        };
        *done = Some(from);
        let step = SETTLE_SLICE_SECS.min(self.quiet_secs);
        let wait_until =
            |until: u32| Duration::from_secs((until + self.quiet_secs).saturating_sub(now).into());
        if !wait_until(from + step).is_zero() {
            return Ok(wait_until(from + step));
        }
        let Some(first) = self.store.first_stored(from).await? else {
            self.metrics.behind_secs.set(0);
            return Ok(IDLE);
        };
        let from = from.max(first - first % step);
        self.metrics.behind_secs.set(i64::from(now) - i64::from(from));
        let until = from - from % step + step;
        if !wait_until(until).is_zero() {
            return Ok(wait_until(until));
        }
        let began = Instant::now();
        let settled = self.slice(from, until).await;
        self.metrics.stages.count(Stage::Settle, began.elapsed(), settled.is_err());
        settled?;
        *done = Some(until);
        Ok(Duration::ZERO)
    }

    async fn slice(&self, from: u32, until: u32) -> Result<(), StoreError> {
        let quiet = self.store.quiet(from, until, self.quiet_secs).await?;
        let work = match quiet.iter().all(|trace| trace.key.is_own()) {
            true => Work::untraced(),
            false => Work::begin("settle a slice", Kind::Internal),
        };
        work.note("skein.traces", quiet.len() as i64);
        let settling = async {
            let reading = Work::part("read and analyse", Kind::Internal);
            let slice = reading.during(self.settle(quiet, until)).await?;
            reading.note("skein.spans", slice.spans as i64);
            drop(reading);
            let storing = Work::part("store what was found out", Kind::Internal);
            storing.during(self.store(slice)).await
        };
        let settled = work.during(settling).await;
        if let Err(error) = &settled {
            work.fail(error.name());
        }
        settled
    }

    async fn settle(&self, quiet: Vec<Quiet>, until: u32) -> Result<Slice, StoreError> {
        let refused = self.store.refused(until.saturating_sub(SETTLE_REFUSED_SECS)).await?;
        let mut slice = Slice { until, refused, ..Slice::default() };
        let (again, fresh): (Vec<Quiet>, Vec<Quiet>) = quiet.into_iter().partition(|trace| trace.was_quiet);
        for chunk in chunks(&fresh) {
            self.read(&mut slice, chunk, &HashMap::new(), false).await?;
        }
        for chunk in chunks(&again) {
            let known = self.store.known(&keys(chunk), until).await?;
            self.read(&mut slice, chunk, &known, true).await?;
        }
        let doubtful = std::mem::take(&mut slice.doubtful);
        let mut early: Vec<Quiet> = Vec::new();
        for chunk in doubtful.chunks(SETTLE_CHUNK_TRACES) {
            let traces: Vec<Quiet> = chunk.iter().map(|(trace, _)| trace.clone()).collect();
            let known = self.store.known(&keys(&traces), until).await?;
            let room = SETTLE_WIDE_READS_MAX.saturating_sub(early.len());
            let is_early = |(trace, early): &&(Quiet, bool)| *early && !known.contains_key(&trace.key);
            early.extend(chunk.iter().filter(is_early).take(room).map(|(trace, _)| trace.clone()));
            let rest: Vec<Quiet> = traces.into_iter().filter(|trace| !early.contains(trace)).collect();
            for chunk in chunks(&rest) {
                self.read(&mut slice, chunk, &known, true).await?;
            }
        }
        for mut trace in early {
            // Whatever is stored of it, and through the index: it is one trace.
            trace.first_received = 0;
            self.read(&mut slice, &[trace], &HashMap::new(), true).await?;
        }
        Ok(slice)
    }

    /// Reads and analyses these traces. Those that are doubtful are put aside, unless it is too late for doubts.
    async fn read(
        &self,
        slice: &mut Slice,
        chunk: &[Quiet],
        known: &HashMap<TraceKey, Known>,
        is_last: bool,
    ) -> Result<(), StoreError> {
        let here = |trace: &Quiet| match known.get(&trace.key) {
            Some(known) => (known.first_received.min(trace.first_received), Some(*known)),
            None => (trace.first_received, None),
        };
        let from = chunk.iter().map(|trace| here(trace).0).min().unwrap_or_default();
        let waiting = chunk.iter().map(|trace| Waiting { quiet: trace, known: here(trace).1 }).collect();
        let mut gathering = Gathering::new(waiting);
        self.store.spans(&keys(chunk), from, |block| gathering.add(block)).await?;
        gathering.each(|waiting, gathered| {
            let Gathered { mut trace, before, first_received, last_received, stands_for } = gathered;
            trace.trace.refused = slice.refused.get(&waiting.quiet.key).cloned().unwrap_or_default();
            let (quiet, now) = (waiting.quiet, Analysed::new(trace));
            let is_doubtful = !is_last && now.may_have_earlier(quiet.first_received);
            if is_doubtful && slice.doubtful.len() < SETTLE_LOOKUPS_MAX {
                slice.doubtful.push((quiet.clone(), now.begins_early(quiet.first_received)));
                return;
            }
            slice.passed_over += u64::from(is_doubtful);
            let record = TraceRecord {
                tenant: quiet.key.tenant.clone(),
                slice: slice.until,
                first_received,
                last_received,
                known_received: waiting.known.map_or(0, |known| known.last_received),
                ..now.record()
            };
            slice.add(record, stands_for, &now, before.map(Analysed::new).as_ref());
        });
        if slice.records.len() >= SETTLE_RECORDS_HELD {
            self.store.store("traces", &std::mem::take(&mut slice.records)).await?;
        }
        Ok(())
    }

    /// The slice itself last: what is cut off before is made again from the same traces and replaces what is there.
    async fn store(&self, slice: Slice) -> Result<(), StoreError> {
        let Slice { until, records, sums, traces, again, spans, passed_over, .. } = slice;
        let (uncounted, operations) = (sums.uncounted, sums.operations_uncounted());
        let (edges, paths, work) = sums.finish(until);
        self.store.store("edges", &edges).await?;
        self.store.store("paths", &paths).await?;
        self.store.store("work", &work).await?;
        self.store.store("traces", &records).await?;
        let done = SliceRecord { slice: until, traces, spans, again };
        self.store.store("slices", std::slice::from_ref(&done)).await?;
        self.metrics.slices.inc();
        self.metrics.traces.inc_by(traces);
        self.metrics.spans.inc_by(spans);
        self.metrics.again.inc_by(again);
        self.metrics.lookups_passed_over.inc_by(passed_over);
        self.metrics.paths_passed_over.inc_by(uncounted);
        self.metrics.operations_passed_over.inc_by(operations);
        Ok(())
    }
}

impl Slice {
    fn add(&mut self, record: TraceRecord, stands_for: u64, now: &Analysed, before: Option<&Analysed>) {
        self.traces += 1;
        self.again += u64::from(record.known_received > 0);
        self.spans += record.spans;
        self.sums.add(&record.tenant, now, stands_for);
        if let Some(before) = before {
            self.sums.take_away(&record.tenant, before, stands_for);
        }
        self.records.push(record);
    }
}

fn keys(traces: &[Quiet]) -> Vec<TraceKey> {
    traces.iter().map(|trace| trace.key.clone()).collect()
}

/// Neighbours in the order of ids, so that each part of the table is read about once.
fn chunks(traces: &[Quiet]) -> impl Iterator<Item = &[Quiet]> {
    let mut rest = traces;
    std::iter::from_fn(move || {
        let mut spans = 0;
        let fits = |trace: &&Quiet| {
            spans += trace.spans;
            spans <= SETTLE_CHUNK_SPANS
        };
        let count = rest.iter().take(SETTLE_CHUNK_TRACES).take_while(fits).count().max(1);
        let (chunk, further) = rest.split_at_checked(count)?;
        rest = further;
        Some(chunk)
    })
}

#[cfg(test)]
mod tests;
