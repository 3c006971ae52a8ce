//! Where a trace's time went: by service, and by operation within it.

use std::collections::HashMap;

use super::{Clock, CriticalPath, Trace, Tree};
use crate::order::{falling, sort_by};

/// Names are numbers into the trace's dictionary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    pub service: u32,
    /// 0, the empty name, in totals of a whole service.
    pub operation: u32,
    pub spans: u64,
    pub errors: u64,
    /// Sum of durations, in nanoseconds like the rest.
    pub duration: u64,
    /// Sum of time in which no child ran.
    pub self_time: u64,
    /// Time on the critical path.
    pub critical: u64,
}

/// Most critical time first, then most time of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub by_service: Vec<Total>,
    pub by_operation: Vec<Total>,
}

impl Totals {
    pub fn new(trace: &Trace, tree: &Tree, clock: &Clock, path: &CriticalPath) -> Totals {
        let mut services: HashMap<(u32, u32), Total> = HashMap::new();
        let mut operations: HashMap<(u32, u32), Total> = HashMap::new();
        for (row, self_time) in clock.self_times(trace, tree).into_iter().enumerate() {
            let (service, operation) = (trace.service[row], trace.operation[row]);
            let one = Total {
                service,
                operation: 0,
                spans: 1,
                errors: u64::from(trace.is_error(row)),
                duration: trace.length[row],
                self_time,
                critical: path.time[row],
            };
            services.entry((service, 0)).or_default().add(&one);
            operations.entry((service, operation)).or_default().add(&Total { operation, ..one });
        }
        Totals { by_service: sorted(services), by_operation: sorted(operations) }
    }
}

impl Total {
    fn add(&mut self, other: &Total) {
        self.service = other.service;
        self.operation = other.operation;
        self.spans += other.spans;
        self.errors += other.errors;
        self.duration = self.duration.saturating_add(other.duration);
        self.self_time = self.self_time.saturating_add(other.self_time);
        self.critical += other.critical;
    }
}

fn sorted(totals: HashMap<(u32, u32), Total>) -> Vec<Total> {
    let mut all: Vec<Total> = totals.into_values().collect();
    // Twice, as the first order decides what the second leaves equal.
    sort_by(&mut all, |total| (total.service.into(), total.operation.into()));
    sort_by(&mut all, |total| (falling(total.critical), falling(total.self_time)));
    all
}

#[cfg(test)]
mod tests {
    use super::super::drawn::trace;
    use super::*;

    #[test]
    fn every_service_and_operation_gets_its_time() {
        let trace = trace(
            "shop GET 0..100
               cart get 10..60 error
                 db query 20..50
               cart get 70..80",
        );
        let tree = Tree::new(&trace);
        let clock = Clock::new(&trace, &tree);
        let totals = Totals::new(&trace, &tree, &clock, &CriticalPath::new(&trace, &tree, &clock));
        let line = |t: &Total| {
            let name = (trace.text(t.service), trace.text(t.operation));
            (name, t.spans, t.errors, [t.duration, t.self_time, t.critical].map(|ns| ns / 1_000_000))
        };
        assert_eq!(
            totals.by_service.iter().map(line).collect::<Vec<_>>(),
            [
                (("shop", ""), 1, 0, [100, 40, 40]),
                (("cart", ""), 2, 1, [60, 30, 30]),
                (("db", ""), 1, 0, [30, 30, 30]),
            ]
        );
        assert_eq!(line(&totals.by_operation[1]), (("cart", "get"), 2, 1, [60, 30, 30]));
    }
}
