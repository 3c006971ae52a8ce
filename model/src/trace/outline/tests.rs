//! Outlines of drawn traces, drawn as text again.

use super::super::Clock;
use super::super::drawn::trace;
use super::super::orphan::{Evidence, orphans};
use super::*;

/// A line a row: indentation, then what it is.
fn lines(drawing: &str) -> Vec<String> {
    let trace = trace(drawing);
    let tree = Arc::new(Tree::new(&trace));
    let found = orphans(&trace, &tree, &Clock::new(&trace, &tree), &Evidence::default());
    let outline = Outline::new(&trace, &tree, &found);
    assert_eq!(outline.len(), outline.extras().count() + trace.len());
    let line = |row: &u32| {
        let indent = "  ".repeat(outline.tree.depth[*row as usize] as usize);
        let text = match outline.extra(*row) {
            None => trace.operation_name(*row as usize).to_owned(),
            Some(Extra::Gap(gap)) => format!("gap {} {} {}", gap.parent.0, gap.spans, gap.cause.name()),
            Some(Extra::Group(group)) => format!("×{} errors {}", group.count, group.errors),
        };
        format!("{indent}{text}")
    };
    outline.tree.order.iter().map(line).collect()
}

#[test]
fn a_whole_trace_is_listed_as_it_is() {
    let trace = trace("shop GET 0..100\n  cart get 10..60\n    db query 20..50");
    let tree = Arc::new(Tree::new(&trace));
    let outline = Outline::new(&trace, &tree, &[]);
    assert!(Arc::ptr_eq(&outline.tree, &tree));
    assert!(outline.is_span(2) && outline.extra(2).is_none());
}

#[test]
fn orphans_of_one_parent_stand_under_one_gap_by_start() {
    assert_eq!(
        lines(
            "shop GET 0..100
             cart early 10..20 parent=99
             mail other 15..18 parent=98
             cart late 30..40 parent=99"
        ),
        ["GET", "gap 99 2 sender_silent", "  early", "  late", "gap 98 1 sender_silent", "  other"]
    );
}

#[test]
fn where_the_context_was_lost_the_gap_stands_under_the_call() {
    assert_eq!(
        lines(
            "shop GET 0..100 server
               shop call 10..90 client
             cart get 20..80 server parent=99
               cart query 30..40"
        ),
        ["GET", "  call", "    gap 99 1 context_broken", "      get", "        query"]
    );
}

#[test]
fn a_span_that_names_itself_has_no_gap() {
    assert_eq!(lines("shop GET 0..100\ncart get 10..20 id=7 parent=7"), ["GET", "get"]);
}

#[test]
fn many_siblings_of_one_kind_are_a_group_where_the_first_stands() {
    let mut drawing = "shop GET 0..100\n  shop before 0..1\n".to_owned();
    for at in 0..GROUP_LEAST {
        drawing +=
            &format!("  db SELECT {}..{} {}\n", 2 * at + 2, 2 * at + 3, if at == 3 { "error" } else { "" });
    }
    drawing += "  shop between 5..6\n";
    let found = lines(&drawing);
    assert_eq!(found[..4], ["GET", "  before", "  ×10 errors 1", "    SELECT"]);
    assert_eq!(found.last().map(String::as_str), Some("  between"));
    let few: String =
        drawing.lines().filter(|line| !line.contains("error")).map(|l| format!("{l}\n")).collect();
    assert!(lines(&few).iter().all(|line| !line.contains('×')));
}

#[test]
fn a_group_knows_its_durations_and_when_it_ran() {
    let mut drawing = "shop GET 0..2000\n".to_owned();
    for at in 0..20 {
        let start = at * 50;
        drawing += &format!("  db SELECT {start}..{}\n", start + if at == 19 { 1_000 } else { 60 - at });
    }
    let trace = trace(&drawing);
    let tree = Arc::new(Tree::new(&trace));
    let outline = Outline::new(&trace, &tree, &[]);
    let Some((row, Extra::Group(group))) = outline.extras().next() else {
        panic!("no group");
    };
    let millis = group.quantiles().map(|length| length.0 / 1_000_000);
    assert_eq!((group.count, millis), (20, [42, 51, 60, 1_000]));
    assert_eq!(group.buckets.iter().sum::<u32>(), 20);
    assert_eq!((group.buckets[BUCKETS - 1], group.bucket_start(0).0 / 1_000_000), (1, 42));
    assert_eq!(group.sparkline().chars().count(), BUCKETS);
    // The first twelve overlap or touch, the others leave a pause.
    assert_eq!((group.busy.len(), group.busy[0]), (9, (0, 599 * 1_000_000)));
    assert_eq!(outline.extent(&trace, row), (0, 1_950 * 1_000_000));
}

#[test]
fn groups_also_stand_under_gaps_and_at_the_top() {
    let orphans: String = (0..12).map(|at| format!("cart get {at}..{} parent=99\n", at + 1)).collect();
    assert_eq!(lines(&orphans)[..3], ["gap 99 12 sender_silent", "  ×12 errors 0", "    get"]);
    let roots: String = (0..12).map(|at| format!("cart get {at}..{}\n", at + 1)).collect();
    assert_eq!(lines(&roots)[..2], ["×12 errors 0", "  get"]);
}
