//! Traces drawn as text, for tests: a span a line, its parent by indentation, times in milliseconds.
//!
//! ```text
//!   shop GET /cart          0..100  server
//!     cart lookup          10..60   client
//!       db SELECT          12..50   server error
//!   mail send              70..90   producer parent=99
//! ```
//! A line is: service, operation, `start..end`, then in any order a kind, `error`, `id=7` (else the line's number),
//! `parent=9` (else the line above that is indented less), `peer=text`, and the marks `events`, `unsampled`,
//! `remote`, `local`.

use super::{Builder, SpanRow, Trace, mark};
use crate::{Nanos, SpanId, SpanKind, Status, Timestamp, TraceId};

const MILLI: u64 = 1_000_000;
/// Far enough from zero for skewed clocks.
const EPOCH: u64 = 1_700_000_000_000 * MILLI;

/// Panics at a line it cannot read: a test's drawing is the test's own fault.
pub fn trace(drawing: &str) -> Trace {
    let mut builder = Builder::new();
    for row in rows(drawing) {
        builder.push(&row);
    }
    builder.finish(TraceId([7; 16]))
}

/// The spans in the order of their lines.
pub fn rows(drawing: &str) -> Vec<SpanRow> {
    let mut above: Vec<(usize, SpanId)> = Vec::new();
    let lines = drawing.lines().filter(|line| !line.trim().is_empty());
    lines
        .enumerate()
        .map(|(at, line)| {
            let indent = line.len() - line.trim_start().len();
            while above.last().is_some_and(|(other, _)| *other >= indent) {
                above.pop();
            }
            let mut row = row(line, at as u64 + 1);
            if !row.parent_id.is_valid() {
                row.parent_id = above.last().map_or(SpanId(0), |(_, id)| *id);
            }
            above.push((indent, row.span_id));
            row
        })
        .collect()
}

fn row(line: &str, number: u64) -> SpanRow {
    let words: Vec<&str> = line.split_whitespace().collect();
    let Some(at) = words.iter().position(|word| word.contains("..")).filter(|at| *at >= 1) else {
        panic!("a drawn span needs a service and a time such as 10..20: {line}");
    };
    let (start, end) = words[at].split_once("..").map(|(a, b)| (millis(a), millis(b))).unwrap_or_default();
    let mut row = SpanRow {
        span_id: SpanId(number),
        service: words[0].to_owned(),
        operation: words[1..at].join(" "),
        start: Timestamp(EPOCH.saturating_add_signed(start)),
        duration: Nanos((end - start).max(0) as u64),
        ..SpanRow::default()
    };
    for word in &words[at + 1..] {
        apply(&mut row, word, line);
    }
    row
}

fn apply(row: &mut SpanRow, word: &str, line: &str) {
    let number = |text: &str| SpanId(text.parse().unwrap_or_else(|_| panic!("not a number, {text}: {line}")));
    match word.split_once('=') {
        Some(("id", text)) => row.span_id = number(text),
        Some(("parent", text)) => row.parent_id = number(text),
        None if word == "error" => row.status = Status::Error,
        Some(("peer", text)) => row.peer = text.to_owned(),
        None if word == "events" => row.marks |= mark::EVENTS,
        None if word == "unsampled" => row.marks |= mark::UNSAMPLED,
        None if word == "remote" => row.marks |= mark::REMOTE_PARENT,
        None if word == "local" => row.marks |= mark::LOCAL_PARENT,
        None => match (0..=5).map(SpanKind::from_number).find(|kind| kind.name() == word) {
            Some(kind) => row.kind = kind,
            None => panic!("a drawn span cannot say {word}: {line}"),
        },
        Some(_) => panic!("a drawn span cannot say {word}: {line}"),
    }
}

fn millis(text: &str) -> i64 {
    text.parse::<i64>().unwrap_or_else(|_| panic!("not a time in milliseconds: {text}")) * MILLI as i64
}
