//! The whole trace in a strip: which pixels get which service's colour, whatever the number of spans.
//!
//! A strip has far fewer lines than a trace has spans, so many spans share a line. Within a line every pixel is given
//! away once, to the deepest span that covers it (children tell more than the parents around them). Pixels already
//! given away are skipped in one jump, so the cost is spans plus pixels, not spans times pixels.

use model::order::sort_by;
use model::trace::{Trace, Tree};

use crate::chart::folds::Folds;

/// A line of one colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The number of the colour token.
    pub color: u8,
    pub line: u16,
    pub from_px: u16,
    /// One past the last pixel.
    pub to_px: u16,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Strip {
    /// By colour, so that each colour is set once when drawing.
    pub runs: Vec<Run>,
    /// Pixels across in which a failed span starts or runs.
    pub errors_px: Vec<u16>,
}

/// `colors` holds the colour number of each service by its number in the trace's dictionary.
pub fn strip(trace: &Trace, tree: &Tree, folds: &Folds, colors: &[u8], width_px: u16, lines: u16) -> Strip {
    let count = trace.len();
    if count == 0 || width_px == 0 || lines == 0 {
        return Strip::default();
    }
    let lines = usize::from(lines).min(count);
    let mut runs = Vec::new();
    let mut line = Line::new(width_px);
    for number in 0..lines {
        let rows = &tree.order[count * number / lines..count * (number + 1) / lines];
        line.clear();
        for row in rows.iter().rev().map(|row| *row as usize) {
            let (from, to) = pixels(trace, folds, row, width_px);
            line.give(from, to, colors[trace.service[row] as usize]);
        }
        line.runs_into(&mut runs, number as u16);
    }
    let key = |run: &Run| (u64::from(run.color) << 16 | u64::from(run.line), run.from_px.into());
    sort_by(&mut runs, key);
    Strip { runs, errors_px: error_pixels(trace, folds, width_px) }
}

/// The pixels a span covers, at least one: first, and one past the last.
fn pixels(trace: &Trace, folds: &Folds, row: usize, width_px: u16) -> (usize, usize) {
    let width = usize::from(width_px);
    let per_ns = width as f64 / folds.shown(trace.duration.0).max(1) as f64;
    let (offset, length) = folds.shown_span(trace.offset[row], trace.length[row]);
    let from = ((offset as f64 * per_ns) as usize).min(width - 1);
    let end = offset.saturating_add(length);
    let to = ((end as f64 * per_ns).ceil() as usize).clamp(from + 1, width);
    (from, to)
}

/// Where failed spans end: that is when something went wrong.
fn error_pixels(trace: &Trace, folds: &Folds, width_px: u16) -> Vec<u16> {
    let mut marked = vec![false; usize::from(width_px)];
    for row in (0..trace.len()).filter(|row| trace.is_error(*row)) {
        marked[pixels(trace, folds, row, width_px).1 - 1] = true;
    }
    (0..width_px).filter(|px| marked[usize::from(*px)]).collect()
}

const FREE: u8 = u8::MAX;

struct Line {
    colors: Vec<u8>,
    /// From a pixel to the next one that may still be free: itself while it is free.
    next_free: Vec<u16>,
}

impl Line {
    fn new(width_px: u16) -> Line {
        Line { colors: vec![FREE; usize::from(width_px)], next_free: (0..=width_px).collect() }
    }

    fn clear(&mut self) {
        self.colors.fill(FREE);
        (0..).zip(&mut self.next_free).for_each(|(px, next)| *next = px);
    }

    fn give(&mut self, from: usize, to: usize, color: u8) {
        let mut px = self.free_from(from);
        while px < to {
            self.colors[px] = color;
            self.next_free[px] = px as u16 + 1;
            px = self.free_from(px + 1);
        }
    }

    /// The first free pixel at or after one; jumps are shortened on the way.
    fn free_from(&mut self, start: usize) -> usize {
        let mut end = start;
        while usize::from(self.next_free[end]) != end {
            end = usize::from(self.next_free[end]);
        }
        let mut px = start;
        while px != end {
            let next = usize::from(self.next_free[px]);
            self.next_free[px] = end as u16;
            px = next;
        }
        end
    }

    fn runs_into(&self, runs: &mut Vec<Run>, line: u16) {
        let mut from = 0;
        for chunk in self.colors.chunk_by(|a, b| a == b) {
            let to = from + chunk.len() as u16;
            if chunk[0] != FREE {
                runs.push(Run { color: chunk[0], line, from_px: from, to_px: to });
            }
            from = to;
        }
    }
}

#[cfg(test)]
mod tests {
    //! Strips drawn as text: one character a pixel, the colour's number or a dot.
    use model::trace::{Builder, SpanRow};
    use model::{Nanos, SpanId, Status, Timestamp, TraceId};

    use super::*;

    /// Spans as (id, parent, start, length); the service is the id, and so is its colour. Span 9 fails.
    fn check(spans: &[(u64, u64, u64, u64)], width: u16, lines: u16, expected: &str) -> Strip {
        let mut builder = Builder::new();
        for (id, parent, start, length) in spans {
            builder.push(&SpanRow {
                span_id: SpanId(*id),
                parent_id: SpanId(*parent),
                service: id.to_string(),
                start: Timestamp(*start),
                duration: Nanos(*length),
                status: if *id == 9 { Status::Error } else { Status::Unset },
                ..SpanRow::default()
            });
        }
        let trace = builder.finish(TraceId([1; 16]));
        let colors: Vec<u8> = trace.strings.iter().map(|s| s.parse().unwrap_or(0)).collect();
        let strip = strip(&trace, &Tree::new(&trace), &Folds::default(), &colors, width, lines);
        let mut drawn = vec![vec!['.'; usize::from(width)]; usize::from(lines).min(spans.len())];
        for run in &strip.runs {
            for px in run.from_px..run.to_px {
                drawn[usize::from(run.line)][usize::from(px)] = char::from(b'0' + run.color);
            }
        }
        let drawn: Vec<String> = drawn.into_iter().map(|line| line.into_iter().collect()).collect();
        let expected: Vec<&str> = expected.split_whitespace().collect();
        assert_eq!(drawn, expected);
        strip
    }

    #[test]
    fn a_line_each_while_there_is_room() {
        check(&[(1, 0, 0, 100), (2, 1, 20, 30), (3, 1, 80, 1)], 10, 20, "1111111111 ..222..... ........3.");
    }

    #[test]
    fn children_are_seen_over_their_parents() {
        check(&[(1, 0, 0, 100), (2, 1, 20, 30), (3, 2, 40, 20), (4, 1, 90, 10)], 10, 1, "1122331114");
    }

    #[test]
    fn errors_are_marked_where_they_end() {
        let strip = check(&[(1, 0, 0, 100), (9, 1, 20, 30)], 10, 2, "1111111111 ..999.....");
        assert_eq!(strip.errors_px, [4]);
    }

    #[test]
    fn nothing_and_no_time_at_all() {
        check(&[(1, 0, 5, 0)], 4, 3, "1...");
        assert_eq!(check(&[], 4, 3, ""), Strip::default());
    }
}
