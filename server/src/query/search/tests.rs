//! Plans say what was asked, and the walk through time looks at everything once.

use model::{Nanos, TenantId};

use super::*;
use crate::query::verify::FactsOf;

/// As many as make windows grow least.
const BUSY_ROWS: u64 = 10_000_000;
const NOW: Timestamp = Timestamp(1_800_000_000_000_000_000);

fn scope() -> Scope {
    Scope { tenant: TenantId::default() }
}

fn search(asked: &TraceSearch) -> Search {
    Search::new(asked).unwrap()
}

fn asking(q: &str) -> Search {
    search(&TraceSearch { q: Some(q.into()), ..TraceSearch::default() })
}

/// What makes a piece worth a look.
fn hint(search: &Search) -> String {
    Scan::of(&search.query.pipeline, search.range).hint.map_or_else(String::new, |hint| hint.sql)
}

#[test]
fn values_are_bound_and_never_part_of_the_text() {
    let evil = "x' OR 1=1 --";
    let search = search(&TraceSearch {
        q: Some(format!("{{ span.\"{evil}\" = \"{evil}\" || resource.\"{evil}\" =~ \"{evil}\" }}")),
        service: Some(evil.into()),
        operation: Some(evil.into()),
        ..TraceSearch::default()
    });
    let scan = Scan::of(&search.query.pipeline, search.range);
    let window = Window::whole(search.range, NOW);
    let verify = Verify::new(&search.query).unwrap();
    let before = Place { key: 5, trace_id: TraceId([1; 16]) };
    for plan in [
        scan.newest_plan(&scope(), &window, window.low, before, 10),
        scan.largest_plan(&scope(), SearchOrder::Errors, &window, Some(before), 10),
        scan.older_plan(&scope(), &window, &[TraceId([2; 16])]),
        verify.traces_plan(&scope(), &[TraceId([2; 16])], &FactsOf::new(), search.range, 3),
        verify.spans_plan(&scope(), &[TraceId([2; 16])], &FactsOf::new(), search.range),
    ] {
        assert!(!plan.sql.contains(evil), "{}", plan.sql);
        assert!(plan.params.iter().any(|(_, value)| value == evil));
        assert_eq!(plan.params[0], ("tenant".to_owned(), "default".to_owned()));
    }
}

#[test]
fn what_is_said_of_one_span_is_asked_of_one_group() {
    assert_eq!(hint(&asking("")), "");
    assert_eq!(
        hint(&asking("service=cart error duration>1s")),
        "(error = 1 AND has(groups.service, {n0:String}) AND arrayExists((s, l, f) -> s = {n0:String} AND f = 1 \
         AND l >= 827, groups.service, groups.longest, groups.failed))",
        "what is not asked about is not read"
    );
    assert_eq!(hint(&asking("error")), "(error = 1)");
    assert_eq!(hint(&asking("duration>1s")), "(arrayExists((l) -> l >= 827, groups.longest))");
    assert_eq!(
        hint(&asking("{ name = \"a\" || name = \"b\" }")),
        "(((has(groups.operation, {n0:String})) OR (has(groups.operation, {n1:String}))))"
    );
}

#[test]
fn attributes_are_asked_for_by_token_and_range() {
    assert_eq!(hint(&asking("{ span.user.id = \"x\" }")), "(has(tokens, 2670545591))");
    assert!(
        hint(&asking("{ span.n > 100 }"))
            .contains("k = {n0:String} AND b >= reinterpretAsFloat32({n1:UInt32})")
    );
    assert!(
        hint(&asking("{ resource.host = \"a\" }")).contains("FROM origins WHERE tenant = {tenant:String}")
    );
    for unknown in
        ["{ .x = nil }", "{ span.x = 1 || kind = server }", "{ !(name = \"a\") }", "{ status != error }"]
    {
        assert_eq!(hint(&asking(unknown)), "", "{unknown}: any piece may have such a span");
    }
}

#[test]
fn of_two_kinds_of_spans_the_rarer_names_the_pieces() {
    let by_token = "(has(tokens, 2670545591))";
    assert_eq!(hint(&asking("{ resource.service.name = \"a\" } >> { span.user.id = \"x\" }")), by_token);
    assert_eq!(hint(&asking("{ span.user.id = \"x\" } && { }")), by_token);
    assert_eq!(hint(&asking("{ span.user.id = \"x\" } | { status = error }")), by_token);
    // The left side need not be there.
    assert_eq!(hint(&asking("{ span.user.id = \"x\" } !>> { }")), "");
    assert_eq!(hint(&asking("{ span.user.id = \"x\" } || { }")), "");
}

#[test]
fn filters_are_part_of_the_query() {
    let bounds = TraceSearch { max_duration: Some(Nanos(5)), ..TraceSearch::default() };
    let conditions = |asked: TraceSearch| {
        let search = search(&asked);
        let verify = Verify::new(&search.query).unwrap();
        verify.traces_plan(&scope(), &[TraceId([2; 16])], &FactsOf::new(), search.range, 3).sql
    };
    assert!(conditions(bounds.clone()).contains("toInt64(t.length) <="), "the whole trace's");
    let named = TraceSearch { service: Some("cart".into()), ..bounds };
    assert!(conditions(named).contains("toInt64(s.duration) <="), "the span's");
    let error =
        TraceSearch { error: Some(true), q: Some("{ name = \"a\" }".into()), ..TraceSearch::default() };
    assert!(
        conditions(error)
            .contains("(ifNull(toString(s.operation) = {p0:String}, 0)) AND (ifNull(s.status = 2, 0))")
    );
}

#[test]
fn windows_adjoin_widen_and_end_with_what_reaches_into_the_range() {
    let from = NOW.minus(Nanos::from_secs(3600));
    let mut walk = Walk::new(Range { from, to: LATEST }, None, NOW);
    assert_eq!(walk.before.key, LATEST.0, "clocks that run ahead are looked at first");
    let mut lows = Vec::new();
    loop {
        let window = walk.window();
        lows.push(NOW.since(window.low).0 / 1_000_000_000);
        if !walk.step(None, Seen { rows: BUSY_ROWS, ..Seen::default() }) {
            assert!(window.is_past);
            break;
        }
        assert_eq!(walk.window().high, window.low, "windows adjoin");
    }
    assert_eq!(lows, [30, 150, 630, 2550, 3600, NOW.as_secs()]);
}

#[test]
fn windows_are_as_wide_as_is_cheap_and_as_what_is_missing_needs() {
    let width_after = |seen: Seen| {
        let mut walk = Walk::new(Range { from: Timestamp(0), to: LATEST }, None, NOW);
        walk.step(None, seen);
        let window = walk.window();
        window.high.since(window.low).0 / 1_000_000_000
    };
    assert_eq!(
        width_after(Seen { rows: 2_000, found: 0, wanted: 20 }),
        3_000,
        "a hundred times as many rows"
    );
    assert_eq!(width_after(Seen { rows: 0, found: 0, wanted: 20 }), 15_360, "but not all at once");
    assert_eq!(width_after(Seen { rows: 2_000, found: 10, wanted: 20 }), 120, "twice what is missing needs");
    assert_eq!(width_after(Seen { rows: 2_000, found: 19, wanted: 1 }), 30, "and never next to nothing");
}

#[test]
fn a_full_window_is_gone_on_with_from_its_last_candidate() {
    let mut walk = Walk::new(Range { from: Timestamp(0), to: LATEST }, None, NOW);
    let (low, last) = (walk.window().low, Place { trace_id: TraceId([9; 16]), key: NOW.0 });
    assert!(walk.step(Some(last), Seen::default()));
    assert_eq!((walk.window().low, walk.before), (low, last));
}

#[test]
fn everything_older_than_pieces_live_is_one_last_window() {
    let mut walk = Walk::new(Range { from: Timestamp(0), to: LATEST }, None, NOW);
    let mut steps = 0;
    while walk.step(None, Seen::default()) {
        steps += 1;
    }
    assert_eq!(walk.window().low, Timestamp(0));
    assert!(steps < 8, "{steps}");
}

#[test]
fn cursors_are_places_in_one_order() {
    let place = Place { key: NOW.0, trace_id: TraceId([0xab; 16]) };
    for order in SearchOrder::ALL {
        assert_eq!(Place::parse(&place.to_text(order), order).unwrap(), place);
    }
    assert!(Place::parse(&place.to_text(SearchOrder::Spans), SearchOrder::Errors).is_err());
    for text in ["", "x", "newest-34", "newest-zz-00000000000000000000000000000000", "newest-1-2"] {
        assert!(Place::parse(text, SearchOrder::Newest).is_err(), "{text}");
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let refused = |asked: TraceSearch| Search::new(&asked).unwrap_err();
    let time = |ns| Some(Timestamp(ns));
    let backwards = refused(TraceSearch { start: time(5), end: time(5), ..TraceSearch::default() });
    assert!(backwards.message.contains("before end"));
    assert!(refused(TraceSearch { limit: Some(0), ..TraceSearch::default() }).message.contains("limit"));
    let durations =
        TraceSearch { min_duration: Some(Nanos(2)), max_duration: Some(Nanos(1)), ..TraceSearch::default() };
    assert!(refused(durations).message.contains("larger"));
    let wrong = refused(TraceSearch { q: Some(" { duration > 100 }".into()), ..TraceSearch::default() });
    assert_eq!(wrong.range, Some((14, 17)), "{}", wrong.message);
    let metric = refused(TraceSearch { q: Some("{ } | rate()".into()), ..TraceSearch::default() });
    assert!(metric.hint.contains("/api/metrics"), "{}", metric.hint);
}
