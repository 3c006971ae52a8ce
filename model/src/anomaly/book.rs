//! Anomalies as they come and go: what was there a minute ago is the same one, and a node's callers do not open
//! their own.

use std::collections::HashSet;

use super::origin::changed;
use super::{Candidate, Graph, WINDOW_SECS};
use crate::trace::path::hash_text;
use crate::view::{Anomaly, Changed, Measure};
use crate::work::WorkKey;
use crate::{Nanos, Timestamp};

/// An origin must show in two rounds within this time.
const CONFIRMED_WITHIN: Nanos = Nanos(180 * 1_000_000_000);
/// One that is not seen for so long is over.
const OVER_AFTER: Nanos = Nanos(WINDOW_SECS * 1_000_000_000);
/// What changes near one that was over this recently is its aftermath.
const AFTERMATH: Nanos = Nanos(2 * WINDOW_SECS * 1_000_000_000);
/// Whatever has been so for this long is how it is now.
const USUAL_AFTER: Nanos = Nanos(6 * 3_600 * 1_000_000_000);
/// Closed ones are remembered for as long as their time may be learned from.
const REMEMBERED: Nanos = Nanos(8 * 86_400 * 1_000_000_000);
const AFFECTED_MOST: usize = 12;

/// All that is open, and what was lately.
#[derive(Clone, Debug, Default)]
pub struct Book {
    known: Vec<Anomaly>,
    /// Seen once so far.
    pending: Vec<(Timestamp, Candidate)>,
}

/// What one round changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    pub opened: Vec<Anomaly>,
    pub closed: Vec<Anomaly>,
    /// Open ones that were seen again.
    pub updated: Vec<Anomaly>,
}

impl Book {
    /// With what was stored.
    pub fn new(known: Vec<Anomaly>) -> Book {
        Book { known, pending: Vec::new() }
    }

    pub fn open(&self) -> impl Iterator<Item = &Anomaly> {
        self.known.iter().filter(|anomaly| anomaly.closed.is_none())
    }

    /// As it is known now.
    pub fn known(&self, id: &str) -> Option<&Anomaly> {
        self.known.iter().find(|anomaly| anomaly.id == id)
    }

    /// Whether a figure was disturbed in a window that begins then, so that it teaches nothing.
    pub fn is_disturbed(&self, key: &WorkKey, window: Timestamp) -> bool {
        self.known.iter().any(|anomaly| {
            anomaly.takes_in(window)
                && anomaly.changed().any(|c| {
                    c.operation == key.operation
                        && (c.service == key.service || (c.service.is_empty() && c.peer == key.peer))
                        || (c.service.is_empty() && c.peer == key.peer && !key.peer.is_empty())
                })
        })
    }

    /// The same of calls from one node to another.
    pub fn are_calls_disturbed(&self, client: &str, server: &str, window: Timestamp) -> bool {
        let is_calls = |c: &Changed| c.operation.is_empty() && c.service == client && c.peer == server;
        self.known.iter().any(|anomaly| anomaly.takes_in(window) && anomaly.changed().any(is_calls))
    }

    /// Takes in what was found in the window up to `now`.
    pub fn update(&mut self, now: Timestamp, found: Vec<Candidate>, graph: &Graph, chance: f64) -> Changes {
        let mut changes = Changes::default();
        let mut seen: HashSet<String> = HashSet::new();
        self.pending.retain(|(since, _)| since.plus(CONFIRMED_WITHIN) >= now);
        for candidate in found {
            if let Some(at) = self.same(&candidate, graph, now) {
                let anomaly = &mut self.known[at];
                if anomaly.closed.is_none() {
                    anomaly.renew(now, &candidate);
                    seen.insert(anomaly.id.clone());
                }
                continue;
            }
            match self.pending.iter().position(|(_, other)| other.node == candidate.node) {
                Some(at) => {
                    let (since, _) = self.pending.remove(at);
                    let anomaly = Anomaly::begun(since, now, &candidate, chance);
                    seen.insert(anomaly.id.clone());
                    changes.opened.push(anomaly.clone());
                    self.known.push(anomaly);
                }
                None => self.pending.push((now, candidate)),
            }
        }
        for anomaly in self.known.iter_mut().filter(|anomaly| anomaly.closed.is_none()) {
            let is_over = anomaly.last_seen.plus(OVER_AFTER) <= now;
            let is_usual = anomaly.start.plus(USUAL_AFTER) <= now;
            if is_over || is_usual {
                anomaly.closed = Some(anomaly.last_seen);
                changes.closed.push(anomaly.clone());
            } else if seen.contains(&anomaly.id) && !changes.opened.iter().any(|o| o.id == anomaly.id) {
                changes.updated.push(anomaly.clone());
            }
        }
        self.known.retain(|anomaly| anomaly.closed.is_none_or(|at| at.plus(REMEMBERED) >= now));
        changes
    }

    /// Example traces, which are looked for once it is open.
    pub fn set_traces(&mut self, id: &str, traces: Vec<crate::TraceId>) {
        if let Some(anomaly) = self.known.iter_mut().find(|anomaly| anomaly.id == id) {
            anomaly.traces = traces;
        }
    }

    /// The one that a candidate belongs to: of the same node, or near one that is open or was a moment ago.
    fn same(&self, candidate: &Candidate, graph: &Graph, now: Timestamp) -> Option<usize> {
        let recent = |anomaly: &Anomaly| anomaly.closed.is_none_or(|at| at.plus(AFTERMATH) >= now);
        let is_node = |anomaly: &Anomaly| anomaly.node() == candidate.node;
        let is_near = |anomaly: &Anomaly| graph.is_connected(&anomaly.node(), &candidate.node);
        let find = |is: &dyn Fn(&Anomaly) -> bool| {
            self.known.iter().rposition(|anomaly| recent(anomaly) && is(anomaly))
        };
        // A node that fails on its own account, well after another began, is no aftermath of it.
        let is_its_own = candidate.origin.measure.is_own();
        find(&is_node).or_else(|| {
            find(&|anomaly: &Anomaly| {
                is_near(anomaly)
                    && (!is_its_own
                        || anomaly.start.plus(AFTERMATH) >= now
                        || anomaly.is_caused_by(candidate))
            })
        })
    }
}

impl Anomaly {
    fn begun(since: Timestamp, now: Timestamp, candidate: &Candidate, chance: f64) -> Anomaly {
        let start = since.minus(Nanos(WINDOW_SECS * 1_000_000_000));
        let id = format!("{:016x}", hash_text(&format!("{}\n{}", candidate.node, start.as_secs() / 60)));
        let mut anomaly = Anomaly {
            id,
            start,
            last_seen: now,
            origin: candidate.changed(),
            confidence: confidence(candidate.origin.chance, chance),
            ..Anomaly::default()
        };
        anomaly.renew(now, candidate);
        anomaly
    }

    /// Worse windows replace milder ones; who is affected is kept.
    fn renew(&mut self, now: Timestamp, candidate: &Candidate) {
        self.last_seen = now;
        let is_same = candidate.changed().measure == self.origin.measure && self.node() == candidate.node;
        if is_same && candidate.origin.size > self.size {
            self.size = candidate.origin.size;
            self.origin = candidate.changed();
        }
        for signal in std::iter::once(&candidate.origin).chain(&candidate.members) {
            let changed = changed(signal);
            let is_known = |c: &Changed| {
                (&c.service, &c.operation, &c.peer) == (&changed.service, &changed.operation, &changed.peer)
            };
            if !is_known(&self.origin)
                && !self.affected.iter().any(is_known)
                && self.affected.len() < AFFECTED_MOST
            {
                self.affected.push(changed);
            }
        }
    }

    fn changed(&self) -> impl Iterator<Item = &Changed> {
        std::iter::once(&self.origin).chain(&self.affected)
    }

    /// The window that begins then overlaps it.
    fn takes_in(&self, window: Timestamp) -> bool {
        let is_usual_now = self.start.plus(USUAL_AFTER) <= self.last_seen;
        let end = self.closed.map_or(Timestamp(u64::MAX), |at| at);
        !is_usual_now && window.plus(OVER_AFTER) > self.start && window < end
    }

    /// Whose it is, as candidates name nodes.
    pub fn node(&self) -> String {
        if self.origin.service.is_empty() { self.origin.peer.clone() } else { self.origin.service.clone() }
    }

    /// It was seen in it already, if not as its origin.
    fn is_caused_by(&self, candidate: &Candidate) -> bool {
        self.affected
            .iter()
            .any(|c| c.service == candidate.node && !matches!(c.measure, Measure::Duration | Measure::Errors))
    }
}

/// The share of such findings that are no chance, going by how many are accepted.
fn confidence(found: f64, accepted: f64) -> f64 {
    let doubt = (found / accepted.max(f64::MIN_POSITIVE)).clamp(0.0, 1.0);
    (1.0 - 0.1 * doubt).clamp(0.5, 0.999)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anomaly::Signal;

    const CHANCE: f64 = 1e-6;

    fn at(minute: u64) -> Timestamp {
        Timestamp::from_secs(1_000_020 + minute * 60)
    }

    fn candidate(service: &str, measure: Measure) -> Candidate {
        let key = WorkKey { service: service.into(), operation: "op".into(), ..WorkKey::default() };
        let (server, calls) = (String::new(), 50);
        let origin = Signal { key, server, measure, now: 2.0, usual: 1.0, calls, chance: 1e-9, size: 1.0 };
        Candidate { node: service.into(), origin, is_shared: false, members: Vec::new() }
    }

    fn graph() -> Graph {
        let mut graph = Graph::default();
        graph.add("shop", "payments");
        graph.add("mail", "smtp");
        graph
    }

    #[test]
    fn it_opens_when_it_is_seen_twice_and_closes_when_it_is_gone() {
        let mut book = Book::default();
        let mut round = |minute, found: Vec<Candidate>| book.update(at(minute), found, &graph(), CHANCE);
        let failing = || vec![candidate("payments", Measure::OwnErrors)];
        assert_eq!(round(0, failing()), Changes::default());
        let opened = round(1, failing()).opened;
        assert_eq!(opened.len(), 1);
        assert_eq!((opened[0].start, opened[0].closed), (at(0).minus(OVER_AFTER), None));
        assert_eq!(round(2, failing()).updated.len(), 1);
        for minute in 3..7 {
            assert_eq!(round(minute, Vec::new()), Changes::default(), "{minute}");
        }
        let closed = round(7, Vec::new()).closed;
        assert_eq!(closed[0].closed, Some(at(2)));
        assert_eq!(closed[0].id, opened[0].id);
    }

    #[test]
    fn a_single_strange_window_opens_nothing() {
        let mut book = Book::default();
        let failing = || vec![candidate("payments", Measure::OwnErrors)];
        book.update(at(0), failing(), &graph(), CHANCE);
        assert_eq!(book.update(at(9), failing(), &graph(), CHANCE), Changes::default());
    }

    #[test]
    fn callers_join_and_strangers_open_their_own() {
        let mut book = Book::default();
        for minute in 0..2 {
            book.update(at(minute), vec![candidate("payments", Measure::OwnTime)], &graph(), CHANCE);
        }
        for minute in 2..5 {
            let found = vec![candidate("shop", Measure::CallsARequest), candidate("mail", Measure::OwnTime)];
            book.update(at(minute), found, &graph(), CHANCE);
        }
        let open: Vec<String> = book.open().map(Anomaly::node).collect();
        assert_eq!(open, ["payments", "mail"]);
        assert_eq!(book.open().next().unwrap().affected[0].service, "shop");
    }

    #[test]
    fn a_restart_goes_on_with_what_was_stored() {
        let mut book = Book::default();
        let failing = || vec![candidate("payments", Measure::OwnErrors)];
        for minute in 0..3 {
            book.update(at(minute), failing(), &graph(), CHANCE);
        }
        let mut again = Book::new(book.open().cloned().collect());
        let changes = again.update(at(3), failing(), &graph(), CHANCE);
        assert_eq!((changes.opened.len(), changes.updated.len()), (0, 1));
    }

    #[test]
    fn what_is_disturbed_is_not_learned_from() {
        let mut book = Book::default();
        for minute in 0..2 {
            book.update(at(minute), vec![candidate("payments", Measure::OwnTime)], &graph(), CHANCE);
        }
        let key =
            |service: &str| WorkKey { service: service.into(), operation: "op".into(), ..WorkKey::default() };
        assert!(book.is_disturbed(&key("payments"), at(0)));
        assert!(!book.is_disturbed(&key("payments"), at(0).minus(Nanos(1_000 * 1_000_000_000))));
        assert!(!book.is_disturbed(&key("shop"), at(0)));
    }
}
