//! How far the clocks of hosts lie apart, learned from many calls between them.
//!
//! ```text
//!   call      |--------------------|            by the caller's clock
//!   answer              |---------|             by the callee's
//!             |- most --|         |-| - least
//! ```
//! An answer neither begins before its call nor ends after it, so every call bounds how far the callee's clock can be
//! ahead, from both sides. What most calls between two hosts agree on is taken; clocks of hosts that never call each
//! other are told through those between.

use serde::{Deserialize, Serialize};

use super::{NO_ROW, Trace};
use crate::SpanKind;
use crate::order::sort_by;

/// Fewer than this share of the calls of two hosts agreeing means that a clock was set meanwhile: nothing is said then.
const AGREEING_LEAST: (usize, usize) = (3, 4);

/// A host, and its clock beside that of the trace's root.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostClock {
    pub name: String,
    /// None when no calls join it to the root's host.
    pub ahead: Option<Ahead>,
}

/// How far a clock is ahead of another, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ahead {
    pub by: i64,
    /// It may be so much more or less.
    pub slack: u64,
    /// The calls this was learned from.
    pub calls: u64,
}

impl Ahead {
    /// Whether the clocks differ at all, as far as is known.
    pub fn is_certain(self) -> bool {
        self.by.unsigned_abs() > self.slack
    }
}

/// The hosts a trace ran on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostClocks {
    pub hosts: Vec<HostClock>,
    /// By row, the number of its host.
    pub host_of: Vec<u32>,
}

impl HostClocks {
    pub fn host(&self, row: usize) -> Option<&HostClock> {
        self.hosts.get(*self.host_of.get(row)? as usize)
    }
}

/// What calls between hosts say.
#[derive(Default)]
pub struct Crossings(Vec<Crossing>);

#[derive(Clone, Copy)]
struct Crossing {
    /// The lower number first, whoever called.
    hosts: (u32, u32),
    /// How far the second one's clock is ahead, at least and at most.
    least: i64,
    most: i64,
}

impl Crossings {
    /// Adds the answered calls of a trace whose rows ran on these hosts.
    pub fn add(&mut self, trace: &Trace, host_of: &[u32]) {
        for (row, above) in trace.parent.iter().enumerate().filter(|(_, above)| **above != NO_ROW) {
            let above = *above as usize;
            let is_answer = trace.kind[above] == SpanKind::Client && trace.kind[row] == SpanKind::Server;
            let (caller, callee) = (host_of[above], host_of[row]);
            // An answer that lasted longer than its call says nothing about clocks.
            if !is_answer || caller == callee || trace.length[row] > trace.length[above] {
                continue;
            }
            let (call, answer) = (trace.offset[above] as i64, trace.offset[row] as i64);
            let most = answer - call;
            let least = most - (trace.length[above] - trace.length[row]) as i64;
            self.0.push(match caller < callee {
                true => Crossing { hosts: (caller, callee), least, most },
                false => Crossing { hosts: (callee, caller), least: -most, most: -least },
            });
        }
    }

    /// Every host's clock beside the one of `root`: along the way on which least is left open.
    pub fn clocks(mut self, hosts: usize, root: u32) -> Vec<Option<Ahead>> {
        sort_by(&mut self.0, |crossing| (crossing.hosts.0.into(), crossing.hosts.1.into()));
        let pairs: Vec<((u32, u32), Ahead)> = self
            .0
            .chunk_by(|a, b| a.hosts == b.hosts)
            .filter_map(|calls| Some((calls[0].hosts, agreed(calls)?)))
            .collect();
        let mut found: Vec<Option<Ahead>> = vec![None; hosts];
        let mut is_done = vec![false; hosts];
        if let Some(root) = found.get_mut(root as usize) {
            *root = Some(Ahead::default());
        }
        let next = |found: &[Option<Ahead>], is_done: &[bool]| {
            let open = (0..hosts).filter(|host| !is_done[*host]);
            open.filter_map(|host| Some((found[host]?.slack, host))).min()
        };
        while let Some((_, here)) = next(&found, &is_done) {
            is_done[here] = true;
            let known = found[here].unwrap_or_default();
            for ((a, b), ahead) in &pairs {
                let (there, by) = match here as u32 {
                    here if here == *a => (*b as usize, ahead.by),
                    here if here == *b => (*a as usize, -ahead.by),
                    _ => continue,
                };
                let slack = known.slack.saturating_add(ahead.slack);
                if !is_done[there] && found[there].is_none_or(|other| slack < other.slack) {
                    found[there] = Some(Ahead { by: known.by.saturating_add(by), slack, calls: ahead.calls });
                }
            }
        }
        found
    }
}

/// The stretch that lies in the bounds of the most calls, if those are most calls.
fn agreed(calls: &[Crossing]) -> Option<Ahead> {
    // Numbers are shifted so that an order of numbers without a sign is theirs; at the same place, bounds begin first.
    let unsigned = |number: i64| (number as u64) ^ (1 << 63);
    let mut bounds: Vec<(i64, bool)> =
        calls.iter().flat_map(|call| [(call.least, true), (call.most, false)]).collect();
    sort_by(&mut bounds, |(at, begins)| (unsigned(*at), u64::from(!begins)));
    let (mut now, mut best, mut stretch) = (0usize, 0usize, None);
    for (at, begins) in
        bounds.windows(2).map(|pair| (pair[0], pair[1])).map(|((from, begins), (to, _))| ((from, to), begins))
    {
        now = if begins { now + 1 } else { now - 1 };
        if now > best {
            (best, stretch) = (now, Some(at));
        }
    }
    let (from, to) = stretch?;
    let width = to.abs_diff(from);
    let is_most = best * AGREEING_LEAST.1 >= calls.len() * AGREEING_LEAST.0;
    is_most.then(|| Ahead {
        by: from.saturating_add((width / 2) as i64),
        slack: width.div_ceil(2),
        calls: calls.len() as u64,
    })
}

#[cfg(test)]
mod tests {
    //! Hosts are services here: what they say in milliseconds.
    use super::super::drawn::trace;
    use super::*;

    const MILLI: i64 = 1_000_000;

    /// Each trace's services as hosts, in the order they are given in.
    fn crossings(names: &[&str], drawings: &[&str]) -> Crossings {
        let mut crossings = Crossings::default();
        for drawing in drawings {
            let trace = trace(drawing);
            let number =
                |row: usize| names.iter().position(|name| *name == trace.service_name(row)).unwrap() as u32;
            crossings.add(&trace, &(0..trace.len()).map(number).collect::<Vec<_>>());
        }
        crossings
    }

    fn clocks(names: &[&str], drawings: &[&str]) -> Vec<Option<(i64, u64)>> {
        let found = crossings(names, drawings).clocks(names.len(), 0);
        found.into_iter().map(|ahead| ahead.map(|a| (a.by / MILLI, a.slack / MILLI as u64))).collect()
    }

    #[test]
    fn one_call_bounds_a_clock_from_both_sides() {
        let one = "shop GET 0..100 client\n  cart get 130..150 server";
        // Between 50 and 130 ahead.
        assert_eq!(clocks(&["shop", "cart"], &[one]), [Some((0, 0)), Some((90, 40))]);
    }

    #[test]
    fn many_calls_narrow_it_whoever_calls() {
        let there = "shop GET 0..100 client\n  cart get 130..150 server";
        let close = "shop GET 0..22 client\n  cart get 101..121 server";
        let back = "cart ask 200..230 client\n  shop say 108..118 server";
        assert_eq!(clocks(&["shop", "cart"], &[there, close]), [Some((0, 0)), Some((100, 1))]);
        // Back: shop is behind by 92 to 112.
        assert_eq!(clocks(&["shop", "cart"], &[there, back]), [Some((0, 0)), Some((102, 10))]);
    }

    #[test]
    fn what_most_agree_on_stands_against_a_few() {
        let usual = "shop GET 0..22 client\n  cart get 101..121 server";
        let odd = "shop GET 0..22 client\n  cart get 501..521 server";
        assert_eq!(clocks(&["shop", "cart"], &[usual, usual, usual, odd])[1], Some((100, 1)));
        assert_eq!(clocks(&["shop", "cart"], &[usual, odd])[1], None);
    }

    #[test]
    fn clocks_are_told_through_hosts_between() {
        let calls = "shop GET 0..22 client
             cart get 101..121 server
               cart ask 102..120 client
                 db say 53..67 server
             mail send 5..10 producer";
        assert_eq!(
            clocks(&["shop", "cart", "db", "mail"], &[calls]),
            [Some((0, 0)), Some((100, 1)), Some((49, 3)), None]
        );
    }

    #[test]
    fn an_answer_longer_than_its_call_says_nothing() {
        assert_eq!(clocks(&["shop", "cart"], &["shop GET 0..10 client\n  cart get 0..30 server"])[1], None);
    }
}
