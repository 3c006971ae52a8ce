//! Who is at the bottom of what changed.
//!
//! Whoever calls someone that got slow or fails gets slow or fails too. What changed in a node itself is told from
//! that, so the origin is the deepest node that changed by itself:
//!
//! ```text
//!   shop ──▶ checkout ──▶ payments ──▶ postgresql/payments
//!   lasts    lasts        own errors
//!   longer   longer       ▲ origin; the others are affected
//! ```
//! A database that only one service sees change counts as a part of that service; where several do, it is itself the
//! origin.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Signal;
use crate::trace::call::{Node, NodeKind};
use crate::view::{Changed, Measure};

/// Who calls whom; services by their bare names, others as [`Node`] is written.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    calls: BTreeMap<String, BTreeSet<String>>,
    callers: BTreeMap<String, BTreeSet<String>>,
}

/// What one node did, with what goes along with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    pub node: String,
    pub origin: Signal,
    /// The origin's service is left out: several services see the same peer change.
    pub is_shared: bool,
    pub members: Vec<Signal>,
}

impl Graph {
    pub fn add(&mut self, client: &str, server: &str) {
        self.calls.entry(client.to_owned()).or_default().insert(server.to_owned());
        self.callers.entry(server.to_owned()).or_default().insert(client.to_owned());
    }

    /// The node and everything it calls, and what those call.
    fn reach<'g>(&'g self, node: &'g str) -> BTreeSet<&'g str> {
        let mut seen = BTreeSet::from([node]);
        let mut waiting = vec![node];
        while let Some(node) = waiting.pop() {
            for next in self.calls.get(node).into_iter().flatten() {
                if seen.insert(next) {
                    waiting.push(next);
                }
            }
        }
        seen
    }

    /// Whether one of them calls the other, if only by way of others.
    pub fn is_connected(&self, a: &str, b: &str) -> bool {
        self.reach(a).contains(b) || self.reach(b).contains(a)
    }
}

/// Who is held to account for what a signal is seen in: the peer, where all who call it may see it change, and several
/// do; else the service.
fn node_of(signal: &Signal, signals: &[Signal], graph: &Graph) -> String {
    let (service, node) = (&signal.key.service, signal.key.node());
    let is_service = Node::parse(node).is_none_or(|node| node.kind == NodeKind::Service);
    let has_others = graph.callers.get(node).is_some_and(|clients| clients.len() > 1);
    let is_seen_by_others =
        || signals.iter().any(|other| other.key.peer == node && other.key.service != *service);
    if is_service || !has_others || !is_seen_by_others() { service.clone() } else { node.to_owned() }
}

/// The origins of these signals; those that are no alarm by themselves only go along.
pub fn candidates(signals: &[Signal], graph: &Graph, chance: f64) -> Vec<Candidate> {
    let nodes: Vec<String> = signals.iter().map(|signal| node_of(signal, signals, graph)).collect();
    let is_strong = |at: usize| signals[at].chance <= chance;
    let mut reached: HashMap<&str, BTreeSet<&str>> = HashMap::new();
    for node in &nodes {
        reached.entry(node).or_insert_with(|| graph.reach(node));
    }
    let mut found: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for at in (0..signals.len()).filter(|at| is_strong(*at)) {
        for node in origins_of(at, signals, &nodes, &reached, &is_strong) {
            found.entry(node).or_default().push(at);
        }
    }
    let candidate = |(node, strong): (&str, Vec<usize>)| {
        let own = (0..signals.len()).filter(|at| nodes[*at] == node);
        let origin = own.min_by(|a, b| telling(&signals[*a], chance).cmp(&telling(&signals[*b], chance)))?;
        let members = (0..signals.len()).filter(|at| strong.contains(at) || nodes[*at] == node);
        let members = members.filter(|at| *at != origin).map(|at| signals[at].clone()).collect();
        let is_shared = Node::parse(node).is_some();
        Some(Candidate { node: node.to_owned(), origin: signals[origin].clone(), is_shared, members })
    };
    let mut candidates: Vec<Candidate> = found.into_iter().filter_map(candidate).collect();
    candidates.sort_by(|a, b| {
        a.origin.chance.total_cmp(&b.origin.chance).then(b.origin.size.total_cmp(&a.origin.size))
    });
    candidates
}

/// The deepest nodes below a signal's that changed by themselves; itself where none did.
fn origins_of<'n>(
    at: usize,
    signals: &[Signal],
    nodes: &'n [String],
    reached: &HashMap<&str, BTreeSet<&str>>,
    is_strong: &dyn Fn(usize) -> bool,
) -> Vec<&'n str> {
    let here = nodes[at].as_str();
    let below = |other: &usize| reached[here].contains(nodes[*other].as_str());
    let own = |other: &usize| signals[*other].measure.is_own();
    let mut able: Vec<usize> = (0..signals.len()).filter(|o| is_strong(*o) && own(o) && below(o)).collect();
    if able.is_empty() {
        // None that is beyond doubt: the least doubtful.
        let doubtful = (0..signals.len()).filter(|other| own(other) && below(other));
        able.extend(doubtful.min_by(|a, b| signals[*a].chance.total_cmp(&signals[*b].chance)));
    }
    if able.is_empty() {
        // Nobody changed by itself: whoever called differently, or else the deepest that is affected.
        able = (0..signals.len()).filter(|o| is_strong(*o) && below(o) && !is_effect(&signals[*o])).collect();
    }
    if able.is_empty() {
        able = (0..signals.len()).filter(|other| is_strong(*other) && below(other)).collect();
    }
    let names: BTreeSet<&str> = able.iter().map(|at| nodes[*at].as_str()).collect();
    let is_deepest = |name: &&str| {
        !names
            .iter()
            .any(|other| other != name && reached[*name].contains(*other) && !reached[*other].contains(*name))
    };
    names.iter().copied().filter(is_deepest).collect()
}

fn is_effect(signal: &Signal) -> bool {
    matches!(signal.measure, Measure::Duration | Measure::Errors)
}

/// Of what one node shows: alarms first, then failures, its own time, and by size.
fn telling(signal: &Signal, chance: f64) -> (bool, Measure, i64) {
    (signal.chance > chance, signal.measure, -(signal.size * 1e3).min(1e15) as i64)
}

impl Candidate {
    pub fn changed(&self) -> Changed {
        let mut changed = changed(&self.origin);
        if self.is_shared {
            changed.service.clear();
            changed.operation.clear();
        }
        changed
    }
}

pub(super) fn changed(signal: &Signal) -> Changed {
    let Signal { key, server, measure, now, usual, calls, .. } = signal;
    Changed {
        service: key.service.clone(),
        operation: key.operation.clone(),
        kind: key.kind,
        peer: if server.is_empty() { key.peer.clone() } else { server.clone() },
        measure: *measure,
        now: *now,
        usual: *usual,
        calls: *calls,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::WorkKey;

    const CHANCE: f64 = 1e-6;

    fn signal(service: &str, peer: &str, measure: Measure, chance: f64) -> Signal {
        let key = WorkKey { service: service.into(), peer: peer.into(), ..WorkKey::default() };
        let server = String::new();
        Signal { key, server, measure, now: 2.0, usual: 1.0, calls: 100, chance, size: 1.0 }
    }

    fn graph() -> Graph {
        let mut graph = Graph::default();
        for (client, server) in [
            ("shop", "checkout"),
            ("shop", "catalog"),
            ("checkout", "payments"),
            ("payments", "database:postgresql/payments"),
            ("checkout", "database:redis"),
            ("catalog", "database:redis"),
        ] {
            graph.add(client, server);
        }
        graph
    }

    /// Origins as `node: measure`, and how many go along.
    fn check(signals: &[Signal], expected: &[(&str, Measure, usize)]) {
        let found = candidates(signals, &graph(), CHANCE);
        let mut found: Vec<(&str, Measure, usize)> =
            found.iter().map(|c| (c.node.as_str(), c.origin.measure, c.members.len())).collect();
        found.sort_unstable();
        assert_eq!(found, expected);
    }

    #[test]
    fn whoever_waits_is_affected_and_the_deepest_is_the_origin() {
        check(
            &[
                signal("shop", "", Measure::Duration, 1e-12),
                signal("checkout", "", Measure::Duration, 1e-12),
                signal("payments", "", Measure::OwnTime, 1e-9),
            ],
            &[("payments", Measure::OwnTime, 2)],
        );
    }

    #[test]
    fn a_database_of_one_service_is_a_part_of_it() {
        check(
            &[
                signal("payments", "database:postgresql/payments", Measure::OwnTime, 1e-9),
                signal("shop", "", Measure::Duration, 1e-9),
            ],
            &[("payments", Measure::OwnTime, 1)],
        );
    }

    #[test]
    fn a_store_that_only_one_of_several_sees_change_is_that_ones() {
        check(
            &[
                signal("catalog", "", Measure::OwnTime, 1e-9),
                signal("catalog", "database:redis", Measure::OwnTime, 1e-9),
            ],
            &[("catalog", Measure::OwnTime, 1)],
        );
    }

    #[test]
    fn a_store_that_several_see_change_is_itself_the_origin() {
        let signals = [
            signal("catalog", "database:redis", Measure::OwnTime, 1e-9),
            signal("checkout", "database:redis", Measure::OwnTime, 1e-9),
            signal("shop", "", Measure::Duration, 1e-9),
        ];
        check(&signals, &[("database:redis", Measure::OwnTime, 2)]);
        let changed = candidates(&signals, &graph(), CHANCE)[0].changed();
        assert_eq!((changed.who(), changed.service.as_str()), ("redis", ""));
    }

    #[test]
    fn two_faults_are_two() {
        check(
            &[
                signal("shop", "", Measure::Errors, 1e-9),
                signal("catalog", "", Measure::OwnErrors, 1e-9),
                signal("payments", "", Measure::OwnTime, 1e-9),
            ],
            &[("catalog", Measure::OwnErrors, 1), ("payments", Measure::OwnTime, 1)],
        );
    }

    #[test]
    fn doubtful_changes_point_but_do_not_alarm() {
        check(&[signal("payments", "", Measure::OwnTime, 1e-5)], &[]);
        check(
            &[signal("shop", "", Measure::Duration, 1e-9), signal("payments", "", Measure::OwnTime, 1e-5)],
            &[("payments", Measure::OwnTime, 1)],
        );
    }

    #[test]
    fn who_calls_more_is_the_origin_where_nobody_got_slow() {
        check(
            &[
                signal("checkout", "", Measure::CallsARequest, 1e-9),
                signal("shop", "", Measure::Duration, 1e-9),
            ],
            &[("checkout", Measure::CallsARequest, 1)],
        );
        check(
            &[
                signal("checkout", "", Measure::CallsARequest, 1e-9),
                signal("payments", "", Measure::OwnErrors, 1e-9),
            ],
            &[("payments", Measure::OwnErrors, 1)],
        );
    }
}
