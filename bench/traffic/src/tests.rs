//! The shop does everything it is said to do, the same way every time.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use model::{AttrValue, Nanos, Span, SpanId, SpanKind, Status, Timestamp};

use super::*;

const NOON: Timestamp = Timestamp(1_767_268_800_000_000_000);

/// An hour of an ordinary day, made once for all tests.
fn ordinary() -> &'static [Vec<Span>] {
    static HOUR: LazyLock<Vec<Vec<Span>>> = LazyLock::new(|| an_hour(&Shop::new(1), 0.8));
    &HOUR
}

fn an_hour(shop: &Shop, per_second: f64) -> Vec<Vec<Span>> {
    let end = NOON.plus(Nanos::from_secs(3600));
    shop.arrivals(NOON, per_second).take_while(|at| *at < end).flat_map(|at| shop.visit_at(at)).collect()
}

fn attr<'s>(span: &'s Span, key: &str) -> Option<&'s AttrValue> {
    span.attributes.iter().find(|(k, _)| k == key).map(|(_, v)| v)
}

fn by_id(trace: &[Span]) -> HashMap<SpanId, &Span> {
    trace.iter().map(|span| (span.span_id, span)).collect()
}

fn parent_of<'t>(ids: &HashMap<SpanId, &'t Span>, span: &Span) -> Option<&'t Span> {
    ids.get(&span.parent_id).copied()
}

#[test]
fn same_seed_same_spans() {
    let first: Vec<_> = Shop::new(7).traces(NOON, 10.0).take(50).collect();
    let again: Vec<_> = Shop::new(7).traces(NOON, 10.0).take(50).collect();
    let other: Vec<_> = Shop::new(8).traces(NOON, 10.0).take(50).collect();
    assert!(first == again);
    assert!(first != other);
}

#[test]
fn ids_are_valid_and_unique() {
    let mut spans = HashSet::new();
    let mut traces = HashSet::new();
    for trace in ordinary() {
        assert!(trace[0].trace_id.is_valid());
        assert!(traces.insert(trace[0].trace_id));
        for span in trace {
            assert_eq!(span.trace_id, trace[0].trace_id);
            assert!(span.span_id.is_valid() && spans.insert(span.span_id));
        }
    }
}

#[test]
fn a_calm_shop_has_whole_trees_in_order() {
    for trace in an_hour(&Shop::with_faults(2, Vec::new()), 0.1) {
        assert_eq!(trace.iter().filter(|s| s.is_root()).count(), 1);
        let ids = by_id(&trace);
        for span in trace.iter().filter(|s| !s.is_root()) {
            let parent = parent_of(&ids, span).expect("a parent");
            assert!(parent.start <= span.start, "{} starts before its parent", span.operation);
            // A caller may give up waiting, and a consumer works later; everything else is enclosed.
            let may_outlive = matches!(span.kind, SpanKind::Consumer | SpanKind::Server);
            assert!(may_outlive || span.end() <= parent.end(), "{} outlives its parent", span.operation);
        }
    }
}

#[test]
fn spans_look_like_those_of_an_sdk() {
    let traces = ordinary();
    let spans: Vec<&Span> = traces.iter().flatten().collect();
    let attributes: usize = spans.iter().map(|s| s.attributes.len()).sum();
    let average = attributes as f64 / spans.len() as f64;
    assert!((8.0..=12.0).contains(&average), "{average} attributes a span");
    for span in &spans {
        let keys: HashSet<&str> = span.attributes.iter().map(|(k, _)| k.as_str()).collect();
        assert_eq!(keys.len(), span.attributes.len(), "a key twice in {}", span.operation);
        let name = span.origin.resource.iter().find(|(k, _)| k == "service.name").map(|(_, v)| v);
        assert_eq!(name, Some(&AttrValue::Str(span.service.clone())));
        assert!(!span.origin.scope_name.is_empty() && !span.operation.is_empty());
    }
    let types: HashSet<&str> =
        spans.iter().flat_map(|s| &s.attributes).map(|(_, value)| value.type_name()).collect();
    assert_eq!(types, HashSet::from(["string", "int", "bool", "double", "array"]));
    let services: HashSet<&str> = spans.iter().map(|s| s.service.as_str()).collect();
    assert_eq!(services.len(), service::ALL.len());
}

#[test]
fn sizes_go_from_three_to_hundreds() {
    let mut sizes: Vec<usize> = ordinary().iter().map(Vec::len).collect();
    sizes.sort_unstable();
    let median = sizes[sizes.len() / 2];
    assert!(sizes[0] <= 3 && *sizes.last().unwrap() > 150, "{:?}", (sizes[0], sizes.last()));
    assert!((8..=40).contains(&median), "median {median}");
    assert!(sizes[sizes.len() * 97 / 100] <= 110, "{}", sizes[sizes.len() * 97 / 100]);
}

#[test]
fn everything_that_is_promised_occurs_within_an_hour() {
    let traces = ordinary();
    let ids_of_orders: HashSet<_> = traces.iter().flatten().map(|s| (s.trace_id, s.span_id)).collect();
    let any = |what: &str, is: &dyn Fn(&Span) -> bool| {
        assert!(traces.iter().flatten().any(is), "no {what}");
    };
    any("gRPC", &|s| attr(s, "rpc.system").is_some());
    any("old SQL", &|s| attr(s, "db.statement").is_some());
    any("new SQL", &|s| attr(s, "db.query.text").is_some() && attr(s, "db.namespace").is_some());
    any("cache miss", &|s| attr(s, "cache.hit") == Some(&AttrValue::Bool(false)));
    any("timeout", &|s| attr(s, "error.type") == Some(&AttrValue::Str("timeout".to_owned())));
    any("trace state", &|s| !s.trace_state.is_empty());
    any("consumer in the producer's trace", &|s| s.kind == SpanKind::Consumer && !s.is_root());
    any("consumer linked from another trace", &|s| {
        let link = s.links.first();
        s.is_root() && link.is_some_and(|l| ids_of_orders.contains(&(l.trace_id, l.span_id)))
    });
    any("exception", &|s| {
        let exception = s.events.iter().find(|e| e.name == "exception");
        let stack = exception.and_then(|e| e.attributes.iter().find(|(k, _)| k == "exception.stacktrace"));
        matches!(stack, Some((_, AttrValue::Str(stack))) if stack.lines().count() >= 4)
            && s.status == Status::Error
    });
    let has = |what: &str, is: &dyn Fn(&[Span]) -> bool| {
        assert!(traces.iter().any(|t| is(t)), "no {what}");
    };
    has("retry", &|t| t.iter().filter(|s| s.operation.ends_with("Payments/Charge")).count() >= 4);
    has("fan-out", &|t| t.iter().filter(|s| s.operation == "GET /stock/{productId}").count() >= 4);
    has("N+1", &|t| t.iter().filter(|s| s.operation.ends_with("catalog.prices")).count() >= 15);
    has("missing parent", &|t| {
        let ids = by_id(t);
        t.iter().any(|s| !s.is_root() && parent_of(&ids, s).is_none())
    });
    has("error that propagates to the root", &|t| {
        t[0].status == Status::Error && t.iter().filter(|s| s.status == Status::Error).count() >= 4
    });
    has("skewed clock", &|t| {
        let ids = by_id(t);
        let early = |s: &Span| parent_of(&ids, s).is_some_and(|p| s.start < p.start);
        let late = |s: &Span| parent_of(&ids, s).is_some_and(|p| s.start > p.end());
        t.iter().any(early) && t.iter().any(late)
    });
}

#[test]
fn a_slow_release_changes_version_and_latency_of_one_operation() {
    let start = NOON.plus(Nanos::from_secs(1800));
    let operation = "shop.recommendations.v1.Recommendations/List";
    let fault = Fault {
        name: "slow",
        window: Window::Between(start, Timestamp(u64::MAX)),
        effect: Effect::SlowRelease { service: "recommendations", operation, version: "2.8.0", factor: 2.0 },
    };
    let traces = an_hour(&Shop::with_faults(6, vec![fault]), 0.2);
    let ranked = |version: &str| {
        let of_version = |s: &&Span| {
            let value = AttrValue::Str(version.to_owned());
            s.operation == "rank_candidates"
                && s.origin.resource.iter().any(|(k, v)| k == "service.version" && *v == value)
        };
        let mut lengths: Vec<u64> =
            traces.iter().flatten().filter(of_version).map(|s| s.duration.0).collect();
        lengths.sort_unstable();
        lengths[lengths.len() / 2] as f64
    };
    let ratio = ranked("2.8.0") / ranked("2.7.3");
    assert!((1.6..2.5).contains(&ratio), "{ratio}");
}

#[test]
fn windows_come_and_go() {
    let window = Window::minutes_of_hour(10, 20);
    let minute = |m: u64| Timestamp::from_secs(1_767_268_800 + m * 60);
    let open: Vec<u64> = (0..120).filter(|m| window.contains(minute(*m))).collect();
    assert_eq!(open, (10..20).chain(70..80).collect::<Vec<_>>());
}

#[test]
fn shapes_have_their_form() {
    let depth = |spans: &[Span]| {
        let ids = by_id(spans);
        let mut deepest = 0;
        for span in spans {
            let (mut at, mut depth) = (span, 1);
            while let Some(parent) = parent_of(&ids, at) {
                assert!(parent.start <= at.start && at.end() <= parent.end());
                (at, depth) = (parent, depth + 1);
            }
            assert!(at.is_root());
            deepest = deepest.max(depth);
        }
        deepest
    };
    assert_eq!(depth(&shapes::wide(500)), 2);
    assert_eq!(depth(&shapes::deep(500)), 500);
    assert!(depth(&shapes::random(1, 500)) > 5);
    assert!(shapes::random(9, 800) == shapes::random(9, 800));
    assert_eq!(shapes::wide(1).len(), 1);
    assert!(shapes::deep(0).is_empty());
    let moved = shapes::moved_to(shapes::wide(3), NOON);
    assert_eq!(moved.iter().map(|s| s.start).min(), Some(NOON));
}
