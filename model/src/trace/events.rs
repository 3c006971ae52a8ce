//! What happened at a moment within spans, as columns: few spans have any, so they stand apart from the rows.

use serde::{Deserialize, Serialize};

use crate::order::sort_by;

/// The name by which senders say that something went wrong.
pub const EXCEPTION: &str = "exception";

/// In order of row, then of time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Events {
    row: Vec<u32>,
    /// Nanoseconds after the trace's start.
    at: Vec<u64>,
    /// Numbers into the trace's dictionary.
    name: Vec<u32>,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    pub row: u32,
    pub at: u64,
    pub name: u32,
}

impl Events {
    /// Of row, time and name, in any order.
    pub fn new(mut all: Vec<(u32, u64, u32)>) -> Events {
        sort_by(&mut all, |(row, at, _)| (u64::from(*row), *at));
        Events {
            row: all.iter().map(|(row, _, _)| *row).collect(),
            at: all.iter().map(|(_, at, _)| *at).collect(),
            name: all.iter().map(|(_, _, name)| *name).collect(),
        }
    }

    pub fn len(&self) -> usize {
        self.row.len()
    }

    pub fn is_empty(&self) -> bool {
        self.row.is_empty()
    }

    pub fn get(&self, index: usize) -> Option<Event> {
        let row = *self.row.get(index)?;
        Some(Event { row, at: *self.at.get(index)?, name: *self.name.get(index)? })
    }

    /// The places of a row's events.
    pub fn of_row(&self, row: u32) -> std::ops::Range<usize> {
        let first = self.row.partition_point(|of| *of < row);
        first..first + self.row[first..].partition_point(|of| *of == row)
    }

    /// The rows that have any, each once.
    pub fn rows(&self) -> Vec<u32> {
        let mut rows = self.row.clone();
        rows.dedup();
        rows
    }
}

#[cfg(test)]
mod tests {
    //! Events are found by the row their span became.
    use super::super::Builder;
    use super::super::drawn::rows;
    use super::*;
    use crate::{Nanos, TraceId};

    #[test]
    fn a_row_has_its_own_in_order_of_time() {
        let mut spans = rows("shop GET 0..100\n  db a 60..90\n  db b 10..50");
        let at = |row: usize, ms: u64| spans[row].start.plus(Nanos(ms * 1_000_000));
        let (late, early, of_second) = (at(1, 20), at(1, 5), at(2, 0));
        spans[1].events = vec![(late, EXCEPTION.to_owned()), (early, "retry".to_owned())];
        spans[2].events = vec![(of_second, "retry".to_owned())];
        let mut builder = Builder::new();
        spans.iter().for_each(|span| builder.push(span));
        let trace = builder.finish(TraceId([1; 16]));
        let told = |row: u32| -> Vec<(u64, &str)> {
            let found = trace.events.of_row(row).filter_map(|index| trace.events.get(index));
            found.map(|event| (event.at / 1_000_000, trace.text(event.name))).collect()
        };
        // Rows are in order of start: the span drawn last is the second row.
        assert_eq!(told(0), []);
        assert_eq!(told(1), [(10, "retry")]);
        assert_eq!(told(2), [(65, "retry"), (80, "exception")]);
        assert_eq!(trace.events.rows(), [1, 2]);
        assert_eq!(trace.events.len(), 3);
    }
}
