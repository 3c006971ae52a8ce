//! Hot spots: which services make requests slow or let them fail by themselves, and which only wait for others or
//! pass their failures on.
//!
//! ```text
//!   own failures    failed spans without a failed child            → it is where failures begin
//!   own time        time in which none of its children ran         → it is what requests wait for
//! ```
//! Both are held against an earlier time. What got worse in a service while its own figures did not is laid on the
//! one it calls whose calls changed most.

use std::collections::BTreeMap;

use crate::Nanos;
use crate::SpanKind;
use crate::view::{GraphEdge, Why, bare};
use crate::work::{Work, WorkKey};

/// Fewer requests show nothing.
const EVIDENCE: u64 = 20;
/// Failures worth telling: the share, and how much of them must be own.
const FAILED_SHARE: f64 = 0.005;
const OWN_PART: f64 = 0.5;
/// Slowness worth telling: its own time a request has grown by this factor and so much.
const GROWN: f64 = 1.25;
const GROWN_LEAST: Nanos = Nanos(1_000_000);
/// A share of all waiting worth telling.
const WAITING_SHARE: f64 = 0.1;
/// Standard deviations by which a share of failures may differ for no reason.
const SURPRISES: f64 = 2.5;
/// How much less what is only passed on counts.
pub const PASSED_ON: f64 = 0.2;

/// What one service did in a window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// Requests and messages taken, or roots begun.
    pub taken: u64,
    pub errors: u64,
    pub own_errors: u64,
    pub self_time: u64,
    pub duration: u64,
    pub critical: u64,
    /// Time in calls that nobody answered, by the peer: a part of `self_time`.
    pub peers: BTreeMap<String, u64>,
    /// Spans and own time of each operation.
    pub operations: BTreeMap<WorkKey, (u64, u64)>,
}

/// All services of a window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Window {
    pub services: BTreeMap<String, Figures>,
    pub critical: u64,
    pub edges: Vec<GraphEdge>,
}

impl Window {
    pub fn add(&mut self, key: &WorkKey, work: &Work) {
        let figures = self.services.entry(key.service.clone()).or_default();
        figures.add(key, work);
        self.critical += work.critical;
    }
}

impl Figures {
    fn add(&mut self, key: &WorkKey, work: &Work) {
        let is_entry = matches!(key.kind, SpanKind::Server | SpanKind::Consumer);
        if is_entry || work.roots > 0 {
            self.taken += if is_entry { work.spans } else { work.roots };
            self.errors += work.errors;
            self.duration += work.duration;
        }
        self.own_errors += work.own_errors;
        self.self_time += work.self_time;
        self.critical += work.critical;
        let operation = self.operations.entry(key.clone()).or_default();
        operation.0 += work.spans;
        operation.1 += work.self_time;
        if !key.peer.is_empty() {
            *self.peers.entry(key.peer.clone()).or_default() += work.self_time;
        }
    }

    fn a_request(&self, time: u64) -> f64 {
        time as f64 / self.taken.max(1) as f64
    }

    /// The own time of what is done now, had each operation taken as long as before: what is done more often, or for
    /// the first time, is not slower.
    fn own_as_before(&self, before: &Figures) -> f64 {
        let as_before = |(key, (spans, own)): (&WorkKey, &(u64, u64))| match before.operations.get(key) {
            Some((spans_before, own_before)) if *spans_before > 0 => {
                *spans as f64 * (*own_before as f64 / *spans_before as f64)
            }
            _ => *own as f64,
        };
        self.operations.iter().map(as_before).sum::<f64>() / self.taken.max(1) as f64
    }

    fn share(&self, errors: u64) -> f64 {
        errors as f64 / self.taken.max(1) as f64
    }
}

/// Why a service is worth looking at, if it is.
pub fn why(service: &str, now: &Window, before: &Window) -> Option<Why> {
    let is = now.services.get(service).filter(|figures| figures.taken >= EVIDENCE)?;
    let was = before.services.get(service).filter(|figures| figures.taken >= EVIDENCE);
    let found = failures(service, is, was, now, before)
        .or_else(|| was.and_then(|was| slowness(service, is, was, now, before)));
    found.or_else(|| waiting(is, now))
}

fn failures(
    service: &str,
    is: &Figures,
    was: Option<&Figures>,
    now: &Window,
    before: &Window,
) -> Option<Why> {
    let failed = is.share(is.errors);
    if failed < FAILED_SHARE && is.share(is.own_errors) < FAILED_SHARE {
        return None;
    }
    let own = is.share(is.own_errors);
    let own_before = was.map_or(0.0, |was| was.share(was.own_errors));
    let is_own = own >= failed * OWN_PART;
    let culprit = failing_callee(service, now, before).filter(|_| !is_own);
    let is_origin = is_own || culprit.is_none();
    let told = if is_origin { own } else { failed };
    let before = if is_origin { own_before } else { was.map_or(0.0, |was| was.share(was.errors)) };
    // As many more as chance brings are none.
    let chance = SURPRISES * (before.max(told / 4.0) / is.taken as f64).sqrt();
    let grown = (told - before - chance).max(0.0);
    let weight = (told + 15.0 * grown) * if is_origin { 1.0 } else { PASSED_ON };
    Some(Why {
        is_origin,
        is_failure: true,
        culprit: culprit.map(str::to_owned).unwrap_or_default(),
        now: told,
        before,
        weight,
    })
}

/// Whom it calls with most failures, beyond those there were.
fn failing_callee<'w>(service: &str, now: &'w Window, before: &Window) -> Option<&'w str> {
    let failed_before = |edge: &GraphEdge| {
        let same = |other: &&GraphEdge| other.client == edge.client && other.server == edge.server;
        before.edges.iter().find(same).map_or(0, |edge| edge.errors)
    };
    let calls = now.edges.iter().filter(|edge| edge.client.name == service && edge.errors > 0);
    let most = calls.max_by_key(|edge| (edge.errors.saturating_sub(failed_before(edge)), edge.errors))?;
    Some(&most.server.name)
}

fn slowness(service: &str, is: &Figures, was: &Figures, now: &Window, before: &Window) -> Option<Why> {
    let (lasts, lasted) = (is.a_request(is.duration), was.a_request(was.duration));
    let (own, own_before) = (is.a_request(is.self_time), is.own_as_before(was));
    let is_grown = |now: f64, before: f64| now >= before * GROWN && now - before >= GROWN_LEAST.0 as f64;
    if is_grown(own, own_before) && own - own_before >= (lasts - lasted) * OWN_PART {
        let (peer, peer_growth) = slow_peer(is, was).unwrap_or(("", 0.0));
        let of_peer = peer_growth >= (own - own_before) * OWN_PART;
        return Some(Why {
            is_origin: true,
            is_failure: false,
            culprit: if of_peer { bare(peer).to_owned() } else { String::new() },
            now: own,
            before: own_before,
            weight: (own / own_before.max(1.0)).log2().max(0.0),
        });
    }
    if !is_grown(lasts, lasted) {
        return None;
    }
    let culprit = slow_callee(service, is, was, now, before)?;
    Some(Why {
        is_origin: false,
        is_failure: false,
        culprit: culprit.to_owned(),
        now: lasts,
        before: lasted,
        weight: PASSED_ON * (lasts / lasted.max(1.0)).log2().max(0.0),
    })
}

fn slow_peer<'f>(is: &'f Figures, was: &Figures) -> Option<(&'f str, f64)> {
    let growth = |(peer, time): (&'f String, &u64)| {
        let before = was.peers.get(peer).copied().unwrap_or_default();
        (peer.as_str(), is.a_request(*time) - was.a_request(before))
    };
    is.peers.iter().map(growth).max_by(|a, b| a.1.total_cmp(&b.1))
}

/// Whom it waits for longer than it did, going by medians and how often it calls.
fn slow_callee<'w>(
    service: &str,
    is: &Figures,
    was: &Figures,
    now: &'w Window,
    before: &Window,
) -> Option<&'w str> {
    let time = |edge: &GraphEdge, figures: &Figures| {
        edge.calls as f64 * (edge.p50.0 as f64 + edge.p95.0 as f64) / 2.0 / figures.taken.max(1) as f64
    };
    let growth = |edge: &GraphEdge| {
        let same = |other: &&GraphEdge| other.client == edge.client && other.server == edge.server;
        time(edge, is) - before.edges.iter().find(same).map_or(0.0, |edge| time(edge, was))
    };
    let calls = now.edges.iter().filter(|edge| edge.client.name == service);
    calls.max_by(|a, b| growth(a).total_cmp(&growth(b))).map(|edge| edge.server.name.as_str())
}

/// Nothing got worse, but it is what much time goes by in.
fn waiting(is: &Figures, now: &Window) -> Option<Why> {
    let share = is.critical as f64 / now.critical.max(1) as f64;
    (share >= WAITING_SHARE).then(|| Why { now: share, ..Why::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::call::NodeKind;
    use crate::view::GraphNode;

    const MS: u64 = 1_000_000;

    fn key(service: &str, peer: &str) -> WorkKey {
        let kind = if peer.is_empty() { SpanKind::Server } else { SpanKind::Client };
        WorkKey { service: service.into(), operation: "op".into(), kind, peer: peer.into() }
    }

    fn work(spans: u64, (errors, own_errors): (u64, u64), (duration_ms, own_ms): (u64, u64)) -> Work {
        let (duration, self_time) = (spans * duration_ms * MS, spans * own_ms * MS);
        Work { spans, errors, own_errors, duration, self_time, critical: self_time, ..Work::default() }
    }

    fn edge(client: &str, server: &str, errors: u64, ms: u64) -> GraphEdge {
        let node = |name: &str| GraphNode { kind: NodeKind::Service, name: name.into() };
        let time = Nanos(ms * MS);
        let (client, server) = (node(client), node(server));
        GraphEdge { client, server, calls: 100, errors, p50: time, p95: time, p99: time }
    }

    fn window(shop: &Work, cart: &Work, edges: Vec<GraphEdge>) -> Window {
        let mut window = Window { edges, ..Window::default() };
        window.add(&key("shop", ""), shop);
        window.add(&key("cart", ""), cart);
        window
    }

    fn usual() -> Window {
        let edges = vec![edge("shop", "cart", 0, 20), edge("shop", "auth", 0, 5)];
        window(&work(100, (0, 0), (60, 35)), &work(100, (0, 0), (20, 20)), edges)
    }

    fn told(service: &str, now: &Window) -> Option<(bool, bool, String)> {
        why(service, now, &usual()).map(|w| (w.is_origin, w.is_failure, w.culprit))
    }

    #[test]
    fn failures_are_laid_on_where_they_begin() {
        let edges = vec![edge("shop", "cart", 30, 20), edge("shop", "auth", 1, 5)];
        let now = window(&work(100, (30, 0), (60, 35)), &work(100, (30, 30), (20, 20)), edges);
        assert_eq!(told("cart", &now), Some((true, true, String::new())));
        assert_eq!(told("shop", &now), Some((false, true, "cart".into())));
        let weight = |service| why(service, &now, &usual()).unwrap().weight;
        assert!(weight("cart") > 4.0 * weight("shop"));
    }

    #[test]
    fn slowness_is_laid_on_who_takes_the_time() {
        let edges = vec![edge("shop", "cart", 0, 90), edge("shop", "auth", 0, 5)];
        let now = window(&work(100, (0, 0), (130, 35)), &work(100, (0, 0), (90, 90)), edges);
        assert_eq!(told("cart", &now), Some((true, false, String::new())));
        assert_eq!(told("shop", &now), Some((false, false, "cart".into())));
    }

    #[test]
    fn a_database_that_takes_the_time_is_named() {
        let (mut before, mut now) = (usual(), usual());
        before.add(&key("cart", "database:redis"), &work(100, (0, 0), (2, 2)));
        now.add(&key("cart", "database:redis"), &work(100, (0, 0), (50, 50)));
        now.add(&key("cart", ""), &Work { duration: 4_800 * MS, ..Work::default() });
        let found = why("cart", &now, &before).unwrap();
        assert_eq!((found.is_origin, found.culprit.as_str()), (true, "redis"));
        assert!(found.words().contains("redis"), "{}", found.words());
    }

    #[test]
    fn without_trouble_the_largest_share_of_waiting_is_told() {
        let now = usual();
        assert_eq!(told("cart", &now), Some((false, false, String::new())));
        assert!(why("cart", &now, &usual()).unwrap().words().contains("36 %"));
        let few = window(&work(3, (3, 3), (1, 1)), &work(3, (0, 0), (1, 1)), Vec::new());
        assert_eq!(told("shop", &few), None);
    }
}
