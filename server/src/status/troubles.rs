//! What is wrong, in words, with what to do about it.

use model::view::{Figure, TableFigures, Trouble};

use super::{Facts, Window};
use crate::limits::DISK_FREE_LOW_BYTES;

/// A limit this nearly reached will be reached.
const NEAR: f64 = 0.8;
/// The queue is half full only when something behind it has stopped.
const QUEUE_FILLING: f64 = 0.5;
const AGE_MAX_SECS: f64 = 30.0;
/// How much later than it might a slice may be settled.
const SETTLE_LATE_SECS: f64 = 120.0;
/// Merges keep the parts of a table well below this; the engine slows inserts down at a few hundred a partition.
const PARTS_MAX: u64 = 1_000;

pub fn troubles(
    facts: &Facts,
    window: &Window<'_>,
    figures: &mut [Figure],
    tables: &[TableFigures],
    missing: Option<(&'static str, bool)>,
) -> Vec<Trouble> {
    let mut found = Vec::new();
    let mut tell = |what: String, advice: &str| found.push(Trouble { what, advice: advice.to_owned() });
    match missing {
        Some((what, false)) => tell(
            capital(what),
            "Spans are still accepted and wait in the queue. Its own log is engine/process.log in the data folder; \
             skein doctor looks for the cause.",
        ),
        Some((what, true)) => tell(capital(what), "This ends by itself; searches answer when it has."),
        None => {}
    }
    for figure in figures.iter_mut() {
        if let Some((what, advice)) = wrong_with(facts, window, figure) {
            figure.is_wrong = true;
            tell(what, advice);
        }
    }
    for table in tables.iter().filter(|table| table.parts > PARTS_MAX) {
        tell(
            format!("Merges do not keep up: {} has {} parts", table.name, table.parts),
            "Give the engine more of the disk or the processor, or send less.",
        );
    }
    found
}

fn wrong_with(facts: &Facts, window: &Window<'_>, figure: &Figure) -> Option<(String, &'static str)> {
    let value = figure.value.unwrap_or(0.0);
    let fill = figure.limit.map_or(0.0, |limit| value / limit.max(1.0));
    let percent = (fill * 100.0).round();
    let late_after = SETTLE_LATE_SECS + f64::from(facts.settle_after_secs);
    match figure.id.as_str() {
        "queue_bytes" if fill > QUEUE_FILLING => Some((
            format!("The queue is {percent} % full"),
            "What stores it is slower than what fills it. Beyond its limit senders are asked to wait.",
        )),
        "queue_age" if value > AGE_MAX_SECS => Some((
            format!("The oldest span in the queue has waited for {value:.0} s"),
            "Searches lack what is still in the queue. Look at the writer and at the engine below.",
        )),
        "writer_failing" if value > 0.0 => Some((
            "Spans cannot be stored".to_owned(),
            "They wait in the queue and are tried again. The reason is among the latest lines below.",
        )),
        "settle_behind" if value > late_after => Some((
            format!("Traces are analysed {value:.0} s after they could be"),
            "Service map and whole-trace facts lag behind; searches and traces do not.",
        )),
        "engine_up" if value == 0.0 => {
            Some(("The engine's process does not run".to_owned(), "It is started again by itself."))
        }
        "engine_restarts" if window.grown("skein_engine_restarts_total") > 0.0 => Some((
            "The engine was started again in the last minute".to_owned(),
            "If that goes on, engine/process.log in the data folder says why it ends.",
        )),
        "turned_away_per_second" if value > 0.0 => Some((
            "Requests are being turned away".to_owned(),
            "Senders are asked to come back; the receipts say why, and whose they are.",
        )),
        "disk_free" if value < DISK_FREE_LOW_BYTES as f64 => Some((
            format!("The disk is nearly full: {} left", gigabytes(value)),
            "Merges and the queue need room, and what finds none is refused. Free some, keep things for fewer days, \
             or give older ones a disk of their own (--warm-dir).",
        )),
        "disk_free" if value < queue_may_grow(facts, window) => Some((
            format!(
                "The queue may grow by {}, and the disk has {} left",
                gigabytes(queue_may_grow(facts, window)),
                gigabytes(value)
            ),
            "Were the engine away for long, the disk would be full before the queue is. Free some, or give a smaller \
             --queue-max-bytes.",
        )),
        "engine_counted_memory" if fill > NEAR => Some((
            format!("The engine holds {percent} % of the memory it may"),
            "At its limit it refuses questions and merges. Give the machine more memory, or ask of shorter times.",
        )),
        "own_spans_waiting" if window.grown("skein_own_dropped_spans_total") > 0.0 => Some((
            "Not all of Skein's own work was traced in the last minute".to_owned(),
            "More was done than is worth tracing; nothing of anybody else's is missing.",
        )),
        _ if fill > NEAR => Some((
            format!("{}, {}: {percent} % of its limit", figure.part, figure.label),
            "When the limit is reached senders are asked to come back.",
        )),
        _ => None,
    }
}

/// Nothing where there is no queue.
fn queue_may_grow(facts: &Facts, window: &Window<'_>) -> f64 {
    window.now("skein_queue_bytes").map_or(0.0, |bytes| facts.queue_max_bytes as f64 - bytes)
}

fn gigabytes(bytes: f64) -> String {
    format!("{:.1} GB", bytes / 1e9)
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
