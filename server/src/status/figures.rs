//! Which figures there are, part by part. A part this process does not have has no metrics, and no figures.

use model::view::{Figure, Unit};

use super::{Facts, Window};
use crate::limits::{
    INGEST_KEYS_MAX, INTAKE_IN_FLIGHT_MAX_BYTES, OWN_SPANS_WAITING_MAX, QUESTION_MAX_BYTES,
    QUEUE_PENDING_MAX_BYTES, RECEIPT_ROWS_MAX, REQUEST_MAX_BYTES, SETTLE_LOOKUPS_MAX, SETTLE_PATHS_MAX,
    TLS_HANDSHAKES_MAX,
};

use Unit::{Bytes, Count, PerSecond, Seconds, YesNo};

const RECEIPTS: &str = "skein_receipts_items_total";
const REQUESTS: &str = "skein_ingest_requests_total";

pub fn figures(facts: &Facts, window: &Window<'_>) -> Vec<Figure> {
    let mut all = Vec::new();
    ingest(window, &mut all);
    queue(facts, window, &mut all);
    rest(window, &mut all);
    all
}

fn figure(part: &str, id: &str, label: &str, value: Option<f64>, unit: Unit) -> Figure {
    let (part, id, label) = (part.to_owned(), id.to_owned(), label.to_owned());
    Figure { id, part, label, value, unit, ..Figure::default() }
}

fn limited(figure: Figure, limit: f64, reached: Option<f64>) -> Figure {
    Figure { limit: Some(limit), reached: reached.map(|count| count as u64), ..figure }
}

fn ingest(window: &Window<'_>, all: &mut Vec<Figure>) {
    // There from the start, where receipts come with the first sender.
    if window.now("skein_ingest_in_flight_bytes").is_none() {
        return;
    }
    let rate = |outcome: &str| Some(window.grown_of(RECEIPTS, "outcome", outcome) / window.secs);
    for (outcome, label) in [
        ("accepted", "accepted"),
        ("refused", "refused, as unreadable or wrong"),
        ("rate_limited", "over their key's rate"),
        ("shed", "left out to hold the budget"),
        ("redacted", "values redacted"),
    ] {
        let id = format!("{outcome}_per_second");
        all.push(figure("Ingest", &id, label, rate(outcome), PerSecond));
    }
    let turned_away: f64 =
        ["busy", "full", "io"].iter().map(|outcome| window.grown_of(REQUESTS, "outcome", outcome)).sum();
    let turned_away = Some(turned_away / window.secs);
    all.push(figure(
        "Ingest",
        "turned_away_per_second",
        "requests turned away, to come back",
        turned_away,
        PerSecond,
    ));
    let refused = |outcome: &str| Some(window.now.sum_of(REQUESTS, "outcome", outcome));
    let bytes =
        figure("Ingest", "in_flight_bytes", "being read", window.now("skein_ingest_in_flight_bytes"), Bytes);
    all.push(limited(bytes, INTAKE_IN_FLIGHT_MAX_BYTES as f64, refused("busy")));
    let largest = figure("Ingest", "request_bytes", "one request, unpacked", None, Bytes);
    all.push(limited(largest, REQUEST_MAX_BYTES as f64, refused("too_large")));
    let keys = figure("Ingest", "ingest_keys", "valid keys", window.now("skein_ingest_keys"), Count);
    all.push(limited(keys, INGEST_KEYS_MAX as f64, None));
    let handshakes =
        figure("Ingest", "tls_handshakes", "TLS handshakes", window.now("skein_tls_handshakes"), Count);
    all.push(limited(handshakes, TLS_HANDSHAKES_MAX as f64, None));
    let rows = figure("Ingest", "receipt_rows", "receipts waiting", window.now("skein_receipts_rows"), Count);
    all.push(limited(rows, RECEIPT_ROWS_MAX as f64, window.now("skein_receipts_merged_total")));
}

fn queue(facts: &Facts, window: &Window<'_>, all: &mut Vec<Figure>) {
    let Some(bytes) = window.now("skein_queue_bytes") else { return };
    let refused = |reason: &str| Some(window.now.sum_of("skein_queue_refused_total", "reason", reason));
    let used = figure("Queue", "queue_bytes", "on disk", Some(bytes), Bytes);
    all.push(limited(used, facts.queue_max_bytes as f64, refused("Full")));
    let pending = window.now("skein_queue_pending_bytes");
    let pending = figure("Queue", "queue_pending_bytes", "waiting for the disk", pending, Bytes);
    all.push(limited(pending, QUEUE_PENDING_MAX_BYTES as f64, refused("Stalled")));
    let age = window.now("skein_queue_oldest_age_seconds");
    all.push(figure("Queue", "queue_age", "age of the oldest", age, Seconds));
    all.push(figure("Queue", "queue_segments", "segments", window.now("skein_queue_segments"), Count));
    let damaged = window.now("skein_queue_damaged_segments_total");
    all.push(figure("Queue", "queue_damaged", "damaged segments", damaged, Count));
}

fn rest(window: &Window<'_>, all: &mut Vec<Figure>) {
    let mut add = |part: &str, id: &str, label: &str, value: Option<f64>, unit: Unit| {
        all.extend(value.map(|value| figure(part, id, label, Some(value), unit)));
    };
    let now = |name: &str| window.now(name);
    add("Writer", "stored_per_second", "spans stored", window.rate("skein_writer_spans_total"), PerSecond);
    add("Writer", "writer_retries", "attempts repeated", now("skein_writer_retries_total"), Count);
    add("Writer", "writer_failing", "failing now", now("skein_writer_failing"), YesNo);
    add(
        "Settling",
        "settled_per_second",
        "traces settled",
        window.rate("skein_settle_traces_total"),
        PerSecond,
    );
    add("Settling", "settle_behind", "behind by", now("skein_settle_behind_seconds"), Seconds);
    add("Engine", "engine_up", "running", now("skein_engine_up"), YesNo);
    add("Engine", "engine_restarts", "restarts", now("skein_engine_restarts_total"), Count);
    add("Questions", "asked_per_second", "asked", window.rate("skein_http_answers_total"), PerSecond);
    let failed = window.now("skein_http_answers_total").map(|_| {
        ["500", "503"]
            .iter()
            .map(|status| window.grown_of("skein_http_answers_total", "status", status))
            .sum::<f64>()
    });
    add("Questions", "failed_per_second", "failed", failed.map(|count| count / window.secs), PerSecond);
    add("Memory", "server_memory", "server", now("skein_memory_bytes"), Bytes);
    add("Memory", "engine_memory", "engine", now("skein_engine_memory_bytes"), Bytes);
    add("Disk", "disk_free", "free", now("skein_data_free_bytes"), Bytes);
    add("Disk", "disk_size", "in all", now("skein_data_disk_bytes"), Bytes);
    let counted = now("skein_engine_counted_memory_bytes").zip(now("skein_engine_memory_limit_bytes"));
    all.extend(counted.map(|(counted, limit)| {
        let label = "engine, by its own count";
        limited(figure("Memory", "engine_counted_memory", label, Some(counted), Bytes), limit, None)
    }));
    let too_large = window.now.sum_of("skein_http_answers_total", "status", "413");
    let largest = figure("Questions", "question_bytes", "one question", None, Bytes);
    all.push(limited(largest, QUESTION_MAX_BYTES as f64, Some(too_large)));
    let passed_over = |id: &str, label: &str, limit: usize, metric: &str| {
        let figure = figure("Settling", id, label, None, Count);
        window.now(metric).map(|count| limited(figure, limit as f64, Some(count)))
    };
    let lookups = "skein_settle_lookups_passed_over_total";
    all.extend(passed_over("settle_lookups", "look-ups in a slice", SETTLE_LOOKUPS_MAX, lookups));
    let paths = "skein_settle_paths_passed_over_total";
    all.extend(passed_over("settle_paths", "call paths in a slice", SETTLE_PATHS_MAX, paths));
    let waiting = figure(
        "Own traces",
        "own_spans_waiting",
        "spans waiting",
        window.now("skein_own_waiting_spans"),
        Count,
    );
    all.push(limited(waiting, OWN_SPANS_WAITING_MAX as f64, window.now("skein_own_dropped_spans_total")));
}
