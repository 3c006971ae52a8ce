//! Which lines of a log are listed, and what each says. Pure.

use std::ops::Range;

use model::log::{LogLine, Severity};
use model::{SpanId, Timestamp};

use crate::chart::folds::Folds;
use crate::format::{lowered, offset};
use crate::views::span_detail::text::plain;

pub const LINE_PX: f64 = 22.0;
const OVERSCAN: usize = 4;

/// What a line says, in one line: its body, or the name of what happened.
pub fn text_of(line: &LogLine) -> String {
    let body = plain(&line.body);
    let text = if body.trim().is_empty() { line.event_name.clone() } else { body };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The sender's word for the severity, or else ours.
pub fn severity_of(line: &LogLine) -> String {
    if line.severity_text.is_empty() {
        line.severity.name().to_owned()
    } else {
        line.severity_text.to_ascii_lowercase()
    }
}

/// Everything a line holds, for reading it whole.
pub fn whole(line: &LogLine) -> String {
    let attributes = line.attributes.iter().map(|(key, value)| format!("\n{key}: {}", plain(value)));
    plain(&line.body) + &attributes.collect::<String>()
}

/// Numbers of the lines that are at least this severe and hold the text in their body, service or attributes.
pub fn matching(lines: &[LogLine], least: Severity, text: &str) -> Vec<u32> {
    let text = lowered(text.trim());
    let holds = |what: &str| lowered(what).contains(&text);
    let is_listed = |line: &LogLine| {
        let is_severe = least.0 <= 1 || line.severity >= least;
        is_severe
            && (text.is_empty() || holds(&line.service) || holds(&line.event_name) || holds(&whole(line)))
    };
    (0..).zip(lines).filter(|(_, line)| is_listed(line)).map(|(number, _)| number).collect()
}

/// Numbers of a span's lines.
pub fn of_span(lines: &[LogLine], span: SpanId) -> Vec<u32> {
    (0..).zip(lines).filter(|(_, line)| line.span_id == span).map(|(number, _)| number).collect()
}

/// Time after the trace's start, or before it.
pub fn at(line: &LogLine, start: Timestamp) -> String {
    if line.time < start {
        format!("−{}", offset(start.since(line.time)))
    } else {
        format!("+{}", offset(line.time.since(start)))
    }
}

/// Where a line's mark is in a window of time, from 0 to 1; None outside of it.
pub fn place(line: &LogLine, start: Timestamp, folds: &Folds, (from_ns, to_ns): (f64, f64)) -> Option<f64> {
    let ns = folds.shown(line.time.since(start).0);
    let share = (ns as f64 - from_ns) / (to_ns - from_ns);
    (line.time >= start && (0.0..=1.0).contains(&share)).then_some(share)
}

/// The lines on screen, and a few beyond.
pub fn visible(top_px: f64, view_px: f64, count: usize) -> Range<usize> {
    let first = (top_px / LINE_PX) as usize;
    let last = ((top_px + view_px) / LINE_PX).ceil() as usize;
    first.saturating_sub(OVERSCAN).min(count)..(last + OVERSCAN).min(count)
}

#[cfg(test)]
mod tests {
    //! Three lines, looked through.
    use model::AttrValue;

    use super::*;

    fn lines() -> Vec<LogLine> {
        let line = |time: u64, severity: u8, body: &str, span: u64| LogLine {
            time: Timestamp(time),
            severity: Severity(severity),
            body: AttrValue::Str(body.into()),
            span_id: SpanId(span),
            service: "cart".into(),
            ..LogLine::default()
        };
        let mut lines = vec![line(1_000, 9, "took\n the lock", 1), line(1_500, 17, "lost it", 2)];
        lines.push(LogLine {
            event_name: "retry".into(),
            attributes: vec![("try".into(), AttrValue::Int(42))],
            ..line(900, 0, "", 1)
        });
        lines
    }

    #[test]
    fn lines_are_found_by_severity_and_text() {
        let lines = lines();
        assert_eq!(matching(&lines, Severity(0), ""), [0, 1, 2]);
        assert_eq!(matching(&lines, Severity::WARN, ""), [1]);
        assert_eq!(matching(&lines, Severity(0), "LOCK"), [0]);
        assert_eq!(matching(&lines, Severity(0), "try: 42"), [2]);
        assert_eq!(of_span(&lines, SpanId(1)), [0, 2]);
    }

    #[test]
    fn each_says_one_line_and_lies_in_time() {
        let lines = lines();
        let start = Timestamp(1_000);
        assert_eq!((text_of(&lines[0]), text_of(&lines[2])), ("took the lock".into(), "retry".into()));
        assert_eq!((at(&lines[1], start), at(&lines[2], start)), ("+500 ns".into(), "−100 ns".into()));
        assert_eq!(place(&lines[1], start, &Folds::default(), (0.0, 1_000.0)), Some(0.5));
        assert_eq!(place(&lines[1], start, &Folds::default(), (0.0, 100.0)), None);
        assert_eq!(place(&lines[2], start, &Folds::default(), (0.0, 100.0)), None);
        assert_eq!(severity_of(&lines[1]), "error");
    }

    #[test]
    fn only_what_is_on_screen_is_drawn() {
        assert_eq!(visible(0.0, 220.0, 1_000), 0..14);
        assert_eq!(visible(2_200.0, 220.0, 1_000), 96..114);
        assert_eq!(visible(0.0, 220.0, 3), 0..3);
    }
}
