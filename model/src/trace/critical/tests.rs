//! The path of drawn traces, and of random ones against what must always hold.

use proptest::prelude::*;

use super::super::drawn;
use super::super::{Builder, SpanRow};
use super::*;
use crate::{Nanos, SpanId, Timestamp, TraceId};

const MILLI: u64 = 1_000_000;

fn path_of(trace: &Trace) -> CriticalPath {
    let tree = Tree::new(trace);
    CriticalPath::new(trace, &tree, &Clock::new(trace, &tree))
}

/// The path as `operation start..end`, in milliseconds.
fn check(drawing: &str, expected: &[&str]) {
    let trace = drawn::trace(drawing);
    let path = path_of(&trace);
    let found: Vec<String> = path
        .segments
        .iter()
        .map(|s| {
            let name = trace.operation_name(s.row as usize);
            format!("{name} {}..{}", s.start / MILLI, s.end / MILLI)
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn a_span_alone_is_its_path() {
    check("shop GET 0..100", &["GET 0..100"]);
}

#[test]
fn calls_one_after_the_other_are_all_on_it() {
    check(
        "shop GET 0..100
           shop a 10..40
           shop b 50..90
             shop c 60..80",
        &["GET 0..10", "a 10..40", "GET 40..50", "b 50..60", "c 60..80", "b 80..90", "GET 90..100"],
    );
}

#[test]
fn of_calls_side_by_side_the_last_to_end_is_on_it() {
    check(
        "shop GET 0..100
           shop a 10..60
           shop b 12..90
           shop c 11..30",
        &["GET 0..12", "b 12..90", "GET 90..100"],
    );
}

#[test]
fn a_call_that_was_still_running_when_the_next_began_did_not_hold_it_up() {
    check(
        "shop GET 0..100
           shop a 10..60
           shop b 40..90",
        &["GET 0..40", "b 40..90", "GET 90..100"],
    );
}

#[test]
fn ends_that_miss_by_a_little_meet() {
    check(
        "shop GET 0..100
           shop a 10..51
           shop b 50..101",
        &["GET 0..10", "a 10..50", "b 50..100"],
    );
}

#[test]
fn what_goes_on_after_its_parent_was_not_waited_for() {
    check(
        "shop GET 0..100
           shop a 10..30
           shop mail 20..250
             shop smtp 40..90",
        &["GET 0..10", "a 10..30", "GET 30..100"],
    );
}

#[test]
fn a_server_that_answers_too_late_was_waited_for_until_the_client_gave_up() {
    check(
        "shop GET 0..100 server
           shop call 10..90 client
             cart slow 20..400 server
               cart query 30..350 client",
        &["GET 0..10", "call 10..20", "slow 20..30", "query 30..90", "GET 90..100"],
    );
}

#[test]
fn nobody_waits_for_a_message_to_be_consumed() {
    check(
        "shop GET 0..100 server
           shop publish 10..40 producer
             mail consume 20..35 consumer",
        &["GET 0..10", "publish 10..40", "GET 40..100"],
    );
}

#[test]
fn a_skewed_callee_is_walked_where_it_must_have_been() {
    check(
        "shop GET 0..100 client
           cart get 900..960 server
             cart inner 910..950",
        &["GET 0..20", "get 20..30", "inner 30..70", "get 70..80", "GET 80..100"],
    );
}

#[test]
fn a_child_that_starts_before_its_parent_counts_within_it() {
    check(
        "shop warm 0..5
         shop GET 10..100 id=7
         shop early 0..50 parent=7",
        // The first root is `warm`, and it has no children.
        &["warm 0..5"],
    );
    let trace = drawn::trace("shop GET 10..100 id=7\nshop early 0..50 parent=7");
    let path = path_of(&trace);
    assert_eq!(path.time, [40 * MILLI, 50 * MILLI]);
}

#[test]
fn spans_without_length_and_traces_without_spans_have_a_path() {
    check("shop GET 5..5\n  shop a 5..5", &[]);
    assert_eq!(path_of(&Builder::new().finish(TraceId([1; 16]))), CriticalPath::default());
}

#[test]
fn any_span_can_be_the_root_of_a_path() {
    let trace = drawn::trace(
        "shop publish 0..10 producer
           mail consume 50..90 consumer
             mail smtp 60..80 client",
    );
    let tree = Tree::new(&trace);
    let path = CriticalPath::below(&trace, &tree, &Clock::new(&trace, &tree), 1);
    assert_eq!(path.time, [0, 20 * MILLI, 20 * MILLI]);
}

#[test]
fn a_hundred_thousand_levels_and_a_hundred_thousand_siblings() {
    for deep in [true, false] {
        let mut builder = Builder::new();
        for number in 1..=100_000u64 {
            builder.push(&SpanRow {
                span_id: SpanId(number),
                parent_id: SpanId(if deep { number - 1 } else { u64::from(number > 1) }),
                start: Timestamp(if deep || number == 1 { number } else { number * 10 }),
                duration: Nanos(match (deep, number) {
                    (true, _) => 300_000 - 2 * number,
                    (false, 1) => 2_000_000,
                    (false, _) => 10,
                }),
                ..SpanRow::default()
            });
        }
        let trace = builder.finish(TraceId([1; 16]));
        let path = path_of(&trace);
        assert_eq!(path.total(), trace.length[0]);
        assert!(path.time.iter().all(|time| *time > 0));
    }
}

fn any_trace() -> impl Strategy<Value = Trace> {
    let span = (0usize..40, 0u64..1_000, 0u64..600, 0u32..3, 0u8..6);
    proptest::collection::vec(span, 1..40).prop_map(|spans| {
        let mut builder = Builder::new();
        for (at, (parent, start, length, service, kind)) in spans.iter().enumerate() {
            builder.push(&SpanRow {
                span_id: SpanId(at as u64 + 1),
                parent_id: SpanId(if at == 0 { 0 } else { (parent % 40) as u64 }),
                service: format!("s{service}"),
                kind: SpanKind::from_number(*kind),
                start: Timestamp(1_000 + start),
                duration: Nanos(*length),
                ..SpanRow::default()
            });
        }
        builder.finish(TraceId([3; 16]))
    })
}

proptest! {
    /// Whatever the trace: the path covers its root once, in order, and no row more than its own length.
    #[test]
    fn the_path_adds_up_to_the_root(trace in any_trace()) {
        let (tree, root) = (Tree::new(&trace), trace.root_row().unwrap());
        let clock = Clock::new(&trace, &tree);
        let path = CriticalPath::new(&trace, &tree, &clock);
        prop_assert_eq!(path.total(), trace.length[root]);
        let mut reached = clock.start(&trace, root);
        for segment in &path.segments {
            prop_assert_eq!(segment.start, reached);
            prop_assert!(segment.start < segment.end);
            reached = segment.end;
        }
        for row in 0..trace.len() {
            prop_assert!(path.time[row] <= trace.length[row]);
        }
    }

    /// Time of its own and time under children is all the time there is; without overlaps it adds up to the root.
    #[test]
    fn self_times_add_up(cuts in proptest::collection::vec(1u64..50, 1..30)) {
        // A chain of siblings and nested calls that never overlap.
        let mut builder = Builder::new();
        let total: u64 = cuts.iter().sum::<u64>() * 3;
        let mut push = |id: u64, parent: u64, start: u64, duration: u64| builder.push(&SpanRow {
            span_id: SpanId(id), parent_id: SpanId(parent), start: Timestamp(start), duration: Nanos(duration),
            ..SpanRow::default()
        });
        push(1, 0, 10, total);
        let mut at = 10;
        for (number, cut) in cuts.iter().enumerate() {
            let id = 2 + 2 * number as u64;
            push(id, 1, at, cut * 2);
            push(id + 1, id, at + cut / 2, *cut);
            at += cut * 3;
        }
        let trace = builder.finish(TraceId([3; 16]));
        let tree = Tree::new(&trace);
        let clock = Clock::new(&trace, &tree);
        let own = clock.self_times(&trace, &tree);
        prop_assert_eq!(own.iter().sum::<u64>(), total);
        prop_assert_eq!(&own, &CriticalPath::new(&trace, &tree, &clock).time);
    }
}
