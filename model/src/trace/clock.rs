//! Where spans lie once clocks that disagree are set right.
//!
//! Within a service one clock is trusted. Where a call crosses to another service, what cannot be is put right:
//!
//! ```text
//!   caller     |----------------|          |----------------|
//!   callee  |------|               becomes      |------|          it cannot begin before it was called,
//!   callee              |------|   becomes      |------|          nor a server end after the client that waited
//! ```
//! Only the middle is a guess; an answer that is longer than its call starts with it.

use super::{HostClocks, NO_ROW, Trace, Tree};
use crate::SpanKind;
use crate::order::sort_by;

/// What is added to each row's own times, in nanoseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    pub shift: Vec<i64>,
    /// By how much a row that was moved may lie elsewhere, either way: the room there is around it.
    pub slack: Vec<u64>,
}

impl Clock {
    pub fn new(trace: &Trace, tree: &Tree) -> Clock {
        let mut clock = Clock { shift: vec![0; trace.len()], slack: vec![0; trace.len()] };
        for row in &tree.order {
            let above = tree.parent[*row as usize];
            if above != NO_ROW {
                let (shift, slack) = clock.moved_under(trace, above as usize, *row as usize);
                clock.shift[*row as usize] = shift;
                clock.slack[*row as usize] = slack;
            }
        }
        clock
    }

    /// By what was learned of hosts' clocks; where nothing was, by this trace alone. None when the hosts are not those of
    /// this trace's rows.
    pub fn of_hosts(trace: &Trace, tree: &Tree, hosts: &HostClocks) -> Option<Clock> {
        if hosts.host_of.len() != trace.len() {
            return None;
        }
        let mut clock = Clock { shift: vec![0; trace.len()], slack: vec![0; trace.len()] };
        for row in &tree.order {
            let (row, above) = (*row as usize, tree.parent[*row as usize]);
            let ahead = hosts.host(row).and_then(|host| host.ahead);
            let (shift, slack) = match ahead {
                Some(ahead) if ahead.is_certain() => (-ahead.by, ahead.slack),
                Some(_) => (0, 0),
                None if above == NO_ROW => (0, 0),
                None => clock.moved_under(trace, above as usize, row),
            };
            clock.shift[row] = shift;
            clock.slack[row] = slack;
        }
        Some(clock)
    }

    /// Whether any row lies elsewhere than its sender said.
    pub fn moves_anything(&self) -> bool {
        self.shift.iter().any(|shift| *shift != 0)
    }

    /// Start after the trace's start, in nanoseconds.
    pub fn start(&self, trace: &Trace, row: usize) -> u64 {
        trace.offset[row].saturating_add_signed(self.shift[row])
    }

    pub fn end(&self, trace: &Trace, row: usize) -> u64 {
        self.start(trace, row).saturating_add(trace.length[row])
    }

    /// By row: time in which none of its children runs.
    pub fn self_times(&self, trace: &Trace, tree: &Tree) -> Vec<u64> {
        let mut spans: Vec<(u64, u64)> = Vec::new();
        (0..trace.len())
            .map(|row| {
                let (start, end) = (self.start(trace, row), self.end(trace, row));
                spans.clear();
                spans.extend(
                    tree.children(row as u32)
                        .map(|child| (self.start(trace, child as usize), self.end(trace, child as usize))),
                );
                sort_by(&mut spans, |(start, end)| (*start, *end));
                let (mut covered, mut reached) = (0, start);
                for (from, to) in &spans {
                    let to = (*to).min(end);
                    covered += to.saturating_sub((*from).max(reached));
                    reached = reached.max(to);
                }
                (end - start) - covered
            })
            .collect()
    }

    /// By how much a row is moved, and how sure that is.
    fn moved_under(&self, trace: &Trace, above: usize, row: usize) -> (i64, u64) {
        if trace.service[above] == trace.service[row] {
            return (self.shift[above], self.slack[above]);
        }
        let (start, length) = (trace.offset[row], trace.length[row]);
        let (call_start, call_end) = (self.start(trace, above), self.end(trace, above));
        let is_answer = trace.kind[above] == SpanKind::Client && trace.kind[row] == SpanKind::Server;
        let ends_late = start.saturating_add(length) > call_end;
        let fits = length <= call_end - call_start;
        if start >= call_start && !(ends_late && is_answer && fits) {
            return (0, 0);
        }
        let spare = if fits { (call_end - call_start - length) / 2 } else { 0 };
        ((call_start + spare) as i64 - start as i64, self.slack[above].saturating_add(spare))
    }
}

#[cfg(test)]
mod tests;
