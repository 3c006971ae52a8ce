//! Where a journey puts things: a line for each trace, and one for each of its spans while it is open. Pure.
//!
//! ```text
//!   ▾ shop  POST /orders     |=======|                              a trace: from its start to its end
//!       shop publish         |    ==╲|                              its spans, while it is open
//!   ▸ mail  send             |        ╲______|=====|                a link, from what sent to what took up
//! ```

use std::ops::Range;

use model::view::{Journey, JourneyLink};

use crate::chart::folds::Folds;

/// Shorter pauses between traces are shown as they are.
const LEAST_PAUSE_SHARE: u64 = 12;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    Trace(usize),
    /// A span by its place among the lines of the trace's spans.
    Span(usize, usize),
}

/// The lines listed, found by number without a list of them: an open trace may have a million.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// The line of each trace, and one past the last.
    first: Vec<usize>,
}

impl Lines {
    /// Of how many spans are listed of each trace: none while it is closed.
    pub fn new(spans: impl IntoIterator<Item = usize>) -> Lines {
        let mut first = vec![0];
        let mut next = 0;
        for count in spans {
            next += 1 + count;
            first.push(next);
        }
        Lines { first }
    }

    pub fn count(&self) -> usize {
        self.first.last().copied().unwrap_or(0)
    }

    pub fn at(&self, index: usize) -> Option<Line> {
        if index >= self.count() {
            return None;
        }
        let group = self.first.partition_point(|first| *first <= index) - 1;
        Some(match index - self.first[group] {
            0 => Line::Trace(group),
            at => Line::Span(group, at - 1),
        })
    }

    pub fn of_trace(&self, group: usize) -> usize {
        self.first.get(group).copied().unwrap_or(0)
    }

    /// A span's line, or its trace's while that is closed.
    pub fn of_span(&self, group: usize, place: Option<usize>) -> usize {
        let (first, next) = (self.of_trace(group), self.of_trace(group + 1));
        place.map(|place| first + 1 + place).filter(|line| *line < next).unwrap_or(first)
    }
}

/// A journey's time: when it began, how long it took, and the stretches in which none of its traces ran.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub start_ns: u64,
    pub length_ns: u64,
    pub pauses: Vec<(u64, u64)>,
}

impl Span {
    pub fn of(journey: &Journey) -> Span {
        let times = || journey.traces.iter().map(|trace| (trace.start.0, trace.start.plus(trace.duration).0));
        let start_ns = times().map(|(start, _)| start).min().unwrap_or(0);
        let end_ns = times().map(|(_, end)| end).max().unwrap_or(0);
        let length_ns = end_ns - start_ns;
        let mut pauses = Vec::new();
        let mut reached = 0;
        // Traces are in order of start.
        for (start, end) in times().map(|(start, end)| (start - start_ns, end - start_ns)) {
            if start > reached && start - reached > length_ns / LEAST_PAUSE_SHARE {
                pauses.push((reached, start));
            }
            reached = reached.max(end);
        }
        Span { start_ns, length_ns, pauses }
    }

    pub fn folds(&self, is_folded: bool) -> Folds {
        if is_folded { Folds::new(&self.pauses, self.length_ns) } else { Folds::default() }
    }

    /// After the journey's start.
    pub fn offset(&self, time_ns: u64) -> u64 {
        time_ns.saturating_sub(self.start_ns)
    }
}

/// The longest wait, and all waits together.
pub fn lags(links: &[JourneyLink]) -> (u64, u64) {
    let waits = || links.iter().map(|link| link.lag_ns().max(0) as u64);
    (waits().max().unwrap_or(0), waits().sum())
}

/// Lines on screen.
pub fn visible(top_px: f64, height_px: f64, line_px: f64, count: usize) -> Range<usize> {
    let first = (top_px / line_px).floor().max(0.0) as usize;
    let last = ((top_px + height_px) / line_px).ceil().max(0.0) as usize + 1;
    first.min(count)..last.min(count)
}

#[cfg(test)]
mod tests {
    //! Lines of open and closed traces, and time with pauses.
    use model::trace::Trace;
    use model::view::TraceSummary;
    use model::{Nanos, Timestamp};

    use super::*;

    #[test]
    fn an_open_trace_lists_its_spans_below_itself() {
        let lines = Lines::new([0, 3, 0]);
        let all: Vec<Line> = (0..lines.count()).filter_map(|at| lines.at(at)).collect();
        let expected = [
            Line::Trace(0),
            Line::Trace(1),
            Line::Span(1, 0),
            Line::Span(1, 1),
            Line::Span(1, 2),
            Line::Trace(2),
        ];
        assert_eq!(all, expected);
        assert_eq!(lines.at(6), None);
        assert_eq!((lines.of_trace(2), lines.of_span(1, Some(2)), lines.of_span(1, None)), (5, 4, 1));
        // A closed trace stands for its spans.
        assert_eq!(lines.of_span(0, Some(7)), 0);
        assert_eq!(Lines::new([]).at(0), None);
    }

    fn journey(times: &[(u64, u64)]) -> Journey {
        let trace = |(start, length): &(u64, u64)| TraceSummary {
            start: Timestamp(1_000 + start),
            duration: Nanos(*length),
            ..Trace::default().summary()
        };
        Journey { traces: times.iter().map(trace).collect(), ..Journey::default() }
    }

    #[test]
    fn pauses_lie_where_no_trace_runs() {
        let span = Span::of(&journey(&[(0, 100), (50, 20), (900, 100), (1_010, 90)]));
        assert_eq!((span.start_ns, span.length_ns), (1_000, 1_100));
        assert_eq!(span.pauses, [(100, 900)]);
        assert_eq!(span.offset(1_900), 900);
        assert!(span.folds(true).shown(1_100) < 400);
        assert_eq!(span.folds(false).shown(1_100), 1_100);
        assert_eq!(Span::of(&journey(&[])), Span::default());
    }

    #[test]
    fn a_wait_is_never_less_than_nothing() {
        let link = |sent: u64, taken: u64| JourneyLink {
            from: 0,
            from_span: model::SpanId(1),
            from_name: Default::default(),
            sent: Timestamp(sent),
            to: 1,
            to_span: model::SpanId(2),
            to_name: Default::default(),
            taken: Timestamp(taken),
        };
        assert_eq!(lags(&[link(10, 40), link(50, 45), link(10, 15)]), (30, 35));
    }

    #[test]
    fn only_lines_on_screen_are_drawn() {
        assert_eq!(visible(44.0, 66.0, 22.0, 100), 2..6);
        assert_eq!(visible(0.0, 66.0, 22.0, 2), 0..2);
    }
}
