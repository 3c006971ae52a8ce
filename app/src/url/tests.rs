//! Links keep their meaning, and whatever is pasted is understood.

use model::view::SearchOrder;
use model::{SpanId, Timestamp};

use super::*;

const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

fn route(url: &str) -> Route {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    Route::of(path, query)
}

#[test]
fn a_full_search_comes_back_from_its_url() {
    let view = SearchView {
        q: "service=\"cart & co\" operation=\"GET /v1/{id}?x=ü\" error duration>=250ms a+b=100%".into(),
        range: TimeRange::Last(3_600),
        order: SearchOrder::Duration,
        is_live: true,
        facets: vec!["span.http.route".into(), "resource.\"a b\"".into()],
    };
    assert_eq!(route(&view.url()), Route::Search(view.clone()));
    let from = Some(Timestamp::from_secs(1_795_183_402));
    let custom = SearchView { range: TimeRange::Between(from, None), ..view };
    assert_eq!(route(&custom.url()), Route::Search(custom));
}

#[test]
fn filters_of_older_links_become_a_query() {
    let read = route("/?v=1&service=cart+co&operation=GET+/&errors=1&min=250ms&max=1.5s&range=1h");
    let q = "service=\"cart co\" operation=\"GET /\" error duration>=250ms duration<=1.5s";
    assert_eq!(read, Route::Search(SearchView { range: TimeRange::Last(3_600), ..SearchView::about(q) }));
}

#[test]
fn the_plain_page_has_a_plain_url() {
    let measured = SearchView::about("{ } | rate()");
    assert_eq!(route(&measured.url()), Route::Series(measured), "series are a page of the other program");
    assert!(SearchView::about("a | b").url().starts_with("/?"), "what only looks like it is not");
    assert_eq!(SearchView::default().url(), "/");
    assert_eq!(route("/"), Route::Search(SearchView::default()));
    assert_eq!(TraceView::default().url(ID.parse().unwrap()), format!("/trace/{ID}"));
}

#[test]
fn a_trace_view_comes_back_from_its_url() {
    let view = TraceView {
        span: Some(SpanId(7)),
        window: Some((1_000, 2_500_000)),
        find: "timed out".into(),
        closed: Closed::These(vec![SpanId(1), SpanId(u64::MAX)]),
        opened: Closed::These(vec![SpanId(3)]),
        top: Some(SpanId(4)),
        is_idle_folded: true,
        shape: Shape::Flame,
        beside: Some(SpanId(9)),
    };
    let id = ID.parse().unwrap();
    assert_eq!(route(&view.url(id)), Route::Trace(id, view));
}

#[test]
fn many_folded_spans_are_left_out_but_all_is_kept() {
    let id = ID.parse().unwrap();
    let many = TraceView { closed: Closed::These((1..99).map(SpanId).collect()), ..TraceView::default() };
    assert_eq!(many.url(id), format!("/trace/{ID}"));
    let all = TraceView { closed: Closed::All, ..TraceView::default() };
    assert_eq!(route(&all.url(id)), Route::Trace(id, all));
}

#[test]
fn damaged_state_falls_back_to_defaults() {
    let url = format!("/trace/{ID}?v=9&span=xyz&window=9-3&closed=..&what=ever");
    assert_eq!(route(&url), Route::Trace(ID.parse().unwrap(), TraceView::default()));
    assert_eq!(route("/?min=soon&range=never"), Route::Search(SearchView::default()));
}

#[test]
fn unknown_places_are_told_apart_from_unreadable_ids() {
    assert_eq!(route("/nowhere"), Route::NotFound("/nowhere".into()));
    assert_eq!(route("/trace/hello%20you"), Route::BadTraceId("hello you".into()));
}

fn read(text: &str) -> Option<(String, Option<String>)> {
    pasted::read(text).map(|p| (p.trace.to_string(), p.span.map(|s| s.to_string())))
}

#[test]
fn every_notation_of_an_id() {
    let plain = Some((ID.to_owned(), None));
    let with_span = Some((ID.to_owned(), Some(SPAN.to_owned())));
    assert_eq!(read(ID), plain);
    assert_eq!(read(&format!("  {}\n", ID.to_uppercase())), plain);
    assert_eq!(read("4bf92f35-77b3-4da6-a3ce-929d0e0e4736"), plain);
    assert_eq!(read(&format!("\"trace_id\": \"{ID}\"")), plain);
    assert_eq!(read(&format!("00-{ID}-{SPAN}-01")), with_span);
    assert_eq!(read(&format!("traceparent: 00-{ID}-{SPAN}-01")), with_span);
    assert_eq!(read(&format!("{ID}-{SPAN}-1")), with_span);
    assert_eq!(read(&format!("{ID}-{SPAN}-1-05e3ac9a4f6e3b90")), with_span);
    assert_eq!(read(&format!("https://skein.example/trace/{ID}?v=1&span={SPAN}")), with_span);
    assert_eq!(read("a3ce929d0e0e4736"), Some(("0000000000000000a3ce929d0e0e4736".into(), None)));
    assert_eq!(read("1-4bf92f35-77b34da6a3ce929d0e0e4736"), plain);
    assert_eq!(read("11803532876627986230"), Some(("0000000000000000a3ce929d0e0e4736".into(), None)));
    assert_eq!(read("100985939111033328018442752961257817910"), plain);
    assert_eq!(read(&format!("Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent={SPAN};Sampled=1")), with_span);
}

#[test]
fn words_are_not_ids() {
    for text in [
        "",
        "checkout",
        "deadbeef",
        "http://example.com/x",
        "GET /v1/cart",
        "user_id=12345",
        "123456789012",
        &"9".repeat(24),
        &"0".repeat(32),
    ] {
        assert_eq!(read(text), None, "{text}");
    }
}

#[test]
fn a_log_tool_links_with_the_ids_as_it_has_them() {
    let route =
        Route::of("/link", "?trace_id=4BF92F3577B34DA6A3CE929D0E0E4736&span_id=00f067aa0ba902b7&ts=1");
    let Route::Trace(id, view) = route else { panic!("{route:?}") };
    assert_eq!(id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(view.span, Some("00f067aa0ba902b7".parse().unwrap()));
    assert!(matches!(Route::of("/link", "?trace_id=what"), Route::BadTraceId(_)));
    assert!(matches!(Route::of("/link", ""), Route::NotFound(_)));
}

#[test]
fn the_server_knows_which_pages_are_reports() {
    for page in model::view::REPORT_PAGES {
        // A journey is one of a trace.
        let path = if page == "journey" { format!("/journey/{ID}") } else { format!("/{page}") };
        assert!(Route::of(&path, "").is_report(), "{page}");
    }
    let others = ["/", "/trace/0af7651916cd43dd8448eb211c80319c", "/file", "/nowhere", "/link"];
    for path in others {
        assert!(!Route::of(path, "").is_report(), "{path}");
    }
}

#[test]
fn pages_below_the_own_base_are_the_same_pages() {
    assert_eq!(Route::of("/own", "q=error"), Route::of("/", "q=error"));
    assert_eq!(Route::of("/own/services/cart", ""), Route::of("/services/cart", ""));
    assert!(matches!(Route::of("/owner", ""), Route::NotFound(_)));
}
