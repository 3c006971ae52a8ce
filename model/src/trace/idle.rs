//! Stretches of a trace in which nothing at its tips runs: only spans that wait for others, or none at all.

use super::{Trace, Tree};

/// Shorter stretches are not worth a break in the time axis.
const LEAST_SHARE: u64 = 25;

/// Starts and ends after the trace's start, in nanoseconds, apart and in order.
pub fn idle(trace: &Trace, tree: &Tree) -> Vec<(u64, u64)> {
    let least = (trace.duration.0 / LEAST_SHARE).max(1);
    let mut found = Vec::new();
    let mut reached = 0;
    for row in (0..trace.len()).filter(|row| tree.child_count[*row] == 0) {
        let start = trace.offset[row];
        if start.saturating_sub(reached) >= least {
            found.push((reached, start));
        }
        reached = reached.max(start.saturating_add(trace.length[row]));
    }
    if trace.duration.0.saturating_sub(reached) >= least {
        found.push((reached, trace.duration.0));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::drawn::trace;
    use super::*;

    fn check(drawing: &str, expected: &[(u64, u64)]) {
        let trace = trace(drawing);
        let found = idle(&trace, &Tree::new(&trace));
        let found: Vec<_> = found.iter().map(|(from, to)| (from / 1_000_000, to / 1_000_000)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn time_between_the_tips_is_idle_whoever_waits() {
        check(
            "shop session 0..1000
               shop GET 0..100
                 db query 10..90
               shop GET 600..700
             mail send 950..990",
            &[(90, 600), (700, 950)],
        );
    }

    #[test]
    fn short_pauses_and_long_work_are_not() {
        check("shop GET 0..1000\n  db a 0..480\n  db b 500..990", &[]);
        check("shop GET 0..1000", &[]);
    }
}
