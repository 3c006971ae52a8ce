//! Plans say what was asked, and the walk through time looks at everything once.

use model::TenantId;

use super::*;

const NOW: Timestamp = Timestamp(1_800_000_000_000_000_000);

fn scope() -> Scope {
    Scope { tenant: TenantId::default() }
}

fn search(filters: TraceSearch) -> Search {
    Search::new(filters).unwrap()
}

#[test]
fn values_are_bound_and_never_part_of_the_text() {
    let evil = "x' OR 1=1 --";
    let search = search(TraceSearch {
        service: Some(evil.into()),
        operation: Some(evil.into()),
        ..TraceSearch::default()
    });
    let plan = search.candidates_plan(&scope(), Timestamp(0), search.before, 10);
    assert!(!plan.sql.contains(evil));
    assert!(plan.params.contains(&("service", evil.to_owned())));
    assert!(plan.params.contains(&("tenant", "default".to_owned())));
}

#[test]
fn duration_bounds_are_a_spans_only_when_one_is_named() {
    let bounds = TraceSearch { max_duration: Some(Nanos(5)), ..TraceSearch::default() };
    assert!(!search(bounds.clone()).conditions().contains("max_duration"));
    let named = TraceSearch { service: Some("cart".into()), ..bounds };
    assert!(search(named).conditions().contains("duration <= {max_duration:UInt64}"));
}

#[test]
fn the_key_columns_are_always_bounded() {
    assert!(search(TraceSearch::default()).conditions().starts_with("error IN (0, 1)"));
    let errors = TraceSearch { error: Some(true), ..TraceSearch::default() };
    assert!(search(errors).conditions().starts_with("error = 1"));
}

#[test]
fn windows_adjoin_widen_and_end_at_the_start() {
    let from = NOW.minus(Nanos::from_secs(3600));
    let search = search(TraceSearch { start: Some(from), ..TraceSearch::default() });
    let mut walk = Walk::new(&search, NOW);
    assert_eq!(walk.before.key, LATEST, "clocks that run ahead are looked at first");
    let mut widths = Vec::new();
    loop {
        let low = walk.low;
        widths.push(walk.width.0 / 1_000_000_000);
        if !walk.step(None) {
            break;
        }
        assert_eq!(walk.before.key, low, "windows adjoin");
    }
    assert_eq!(walk.low, from);
    assert_eq!(widths, [10, 40, 160, 640, 2560, 10240]);
}

#[test]
fn a_full_window_is_gone_on_with_from_its_last_candidate() {
    let search = search(TraceSearch::default());
    let mut walk = Walk::new(&search, NOW);
    let (low, last) = (walk.low, Candidate { trace_id: TraceId([9; 16]), key: NOW });
    assert!(walk.step(Some(&last)));
    assert_eq!((walk.low, walk.before), (low, Place { key: NOW, trace_id: TraceId([9; 16]) }));
}

#[test]
fn everything_older_than_search_rows_live_is_one_last_window() {
    let search = search(TraceSearch::default());
    let mut walk = Walk::new(&search, NOW);
    let mut steps = 0;
    while walk.step(None) {
        steps += 1;
    }
    assert_eq!(walk.low, Timestamp(0));
    assert!(steps < 12, "{steps}");
}

#[test]
fn cursors_are_places_and_nothing_else() {
    let place = Place { key: NOW, trace_id: TraceId([0xab; 16]) };
    assert_eq!(Place::parse(&place.to_string()).unwrap(), place);
    for text in ["", "x", "12-34", "zz-00000000000000000000000000000000"] {
        assert!(Place::parse(text).is_err(), "{text}");
    }
}

#[test]
fn bounds_that_exclude_everything_are_refused() {
    let refused = |filters| Search::new(filters).unwrap_err().message;
    let time = |ns| Some(Timestamp(ns));
    assert!(
        refused(TraceSearch { start: time(5), end: time(5), ..TraceSearch::default() })
            .contains("before end")
    );
    assert!(refused(TraceSearch { limit: Some(0), ..TraceSearch::default() }).contains("limit"));
    let durations =
        TraceSearch { min_duration: Some(Nanos(2)), max_duration: Some(Nanos(1)), ..TraceSearch::default() };
    assert!(refused(durations).contains("larger"));
}
