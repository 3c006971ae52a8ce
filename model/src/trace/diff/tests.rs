//! Diffs of drawn traces, and of random ones against what must always add up.

use proptest::prelude::*;

use super::super::drawn;
use super::super::{Builder, SpanRow};
use super::*;
use crate::Timestamp;

/// Entries as `. . service operation a/b change`, durations in milliseconds.
fn check(a: &str, b: &str, expected: &[&str]) -> Diff {
    let diff = Diff::new(&drawn::trace(a), &drawn::trace(b));
    let millis = |side: &Side| {
        if side.calls == 0 { "-".to_owned() } else { (side.duration / 1_000_000).to_string() }
    };
    let lines: Vec<String> = diff
        .entries
        .iter()
        .map(|entry| {
            let indent = ". ".repeat(entry.depth as usize);
            let (service, operation) = (diff.text(entry.service), diff.text(entry.operation));
            let (a, b, change) = (millis(&entry.a), millis(&entry.b), entry.change().name());
            format!("{indent}{service} {operation} {a}/{b} {change}")
        })
        .collect();
    assert_eq!(lines, expected);
    diff
}

#[test]
fn a_trace_is_the_same_as_itself() {
    let drawing = "shop GET 0..100\n  cart get 10..60 error\n  cart get 70..80";
    let diff = check(drawing, drawing, &["shop GET 100/100 same", ". cart get 60/60 same"]);
    assert_eq!((diff.delta(), diff.contributions().len()), (0, 0));
    assert_eq!(diff.words(), "Both took the same time.");
}

#[test]
fn order_does_not_matter_and_calls_are_counted() {
    let diff = check(
        "shop GET 0..100
           cart get 10..40
           db query 50..70",
        "shop GET 0..180
           mail send 5..15
           db query 20..40
           cart get 50..80 error
           cart get 80..110
           cart get 110..140",
        &[
            "shop GET 100/180 slower",
            ". mail send -/10 added",
            ". cart get 30/90 slower",
            ". db query 20/20 same",
        ],
    );
    let cart = &diff.entries[2];
    assert_eq!((cart.a.calls, cart.b.calls, cart.error_appeared()), (1, 3, true));
    assert_eq!(
        diff.words(),
        "The second took 80 ms longer: +60 ms in cart get (3 calls instead of 1), +10 ms in shop GET, \
         +10 ms in mail send (1 call, added)."
    );
}

#[test]
fn what_is_gone_or_faster_says_so() {
    let diff = check(
        "shop GET 0..100\n  cart get 10..90\n    db query 20..80",
        "shop GET 0..50\n  cart get 10..40",
        &["shop GET 100/50 faster", ". cart get 80/30 faster", ". . db query 60/- removed"],
    );
    assert_eq!(
        diff.words(),
        "The second took 50 ms less: −60 ms in db query (1 call, removed), +10 ms in cart get."
    );
}

#[test]
fn little_differences_are_none() {
    check("shop GET 0..100", "shop GET 0..109", &["shop GET 100/109 same"]);
    check("shop GET 0..100", "shop GET 0..110", &["shop GET 100/110 slower"]);
}

#[test]
fn a_kind_tells_calls_of_one_name_apart() {
    check(
        "shop GET 0..100\n  shop pay 10..20 client\n    pay pay 11..19 server",
        "shop GET 0..100\n  shop pay 10..20 internal\n    pay pay 11..19 server",
        &[
            "shop GET 100/100 same",
            ". shop pay 10/- removed",
            ". . pay pay 8/- removed",
            ". shop pay -/10 added",
            ". . pay pay -/8 added",
        ],
    );
}

#[test]
fn many_places_are_summed_up_and_still_add_up() {
    let (mut a, mut b) = ("shop GET 0..1000\n".to_owned(), "shop GET 0..1000\n".to_owned());
    for number in 0..9 {
        let at = number * 100;
        a.push_str(&format!("  cart step{number} {at}..{}\n", at + 50));
        b.push_str(&format!("  cart step{number} {at}..{}\n", at + 51 + number));
    }
    let diff = Diff::new(&drawn::trace(&a), &drawn::trace(&b.replace("0..1000", "0..1060")));
    // Ten places: steps gained 1 to 9 ms, and the root itself the rest of its 60.
    assert_eq!(diff.contributions().len(), 10);
    assert!(diff.words().ends_with("in 6 other places."), "{}", diff.words());
}

#[test]
fn a_trace_without_spans_and_deep_ones_can_be_compared() {
    let empty = Builder::new().finish(TraceId([1; 16]));
    let deep = chain(100_000);
    assert!(Diff::new(&empty, &empty).entries.is_empty());
    let diff = Diff::new(&empty, &deep);
    assert_eq!(diff.entries.len(), 100_000);
    assert!(diff.entries.iter().all(|entry| entry.change() == Change::Added));
    assert_eq!(Diff::new(&deep, &deep).entries.last().map(|entry| entry.depth), Some(99_999));
}

fn chain(levels: u64) -> Trace {
    let mut builder = Builder::new();
    for number in 1..=levels {
        builder.push(&SpanRow {
            span_id: SpanId(number),
            parent_id: SpanId(number - 1),
            start: Timestamp(number),
            duration: Nanos(3 * levels - 2 * number),
            ..SpanRow::default()
        });
    }
    builder.finish(TraceId([2; 16]))
}

#[test]
fn what_is_typical_is_the_middle_half_and_rare_paths_count_for_their_callers() {
    let usual = "shop GET 0..100\n  cart get 10..40\n  db query 50..70";
    let others = [
        usual,
        usual,
        usual,
        "shop GET 0..108\n  cart get 10..40\n  db query 50..70\n  mail send 80..88",
        "shop GET 0..9000\n  cart get 10..8940",
    ]
    .map(drawn::trace);
    let trace = drawn::trace("shop GET 0..160\n  cart get 10..100\n  mail send 110..120");
    let diff = Diff::from_typical(&others, 1_000, &trace).unwrap();
    let millis = |ns: u64| ns / 1_000_000;
    let lines: Vec<_> = diff
        .entries
        .iter()
        .map(|e| (diff.text(e.service), millis(e.a.duration), millis(e.b.duration), e.change()))
        .collect();
    // Of five, one at each end is left out: the mean is that of 100, 100 and 108.
    let expected = [
        ("shop", 102, 160, Change::Slower),
        ("cart", 30, 90, Change::Slower),
        ("db", 20, 0, Change::Removed),
        ("mail", 0, 10, Change::Added),
    ];
    assert_eq!(lines, expected);
    let sample = diff.sample.as_ref().unwrap();
    assert_eq!((sample.traces, sample.middle, sample.of), (5, 3, 1_000));
    let spread = &sample.spread[1];
    assert_eq!((spread.present, millis(spread.p50), millis(spread.p95)), (5, 30, 8_930));
    assert_eq!(sample.spread[3].present, 1);
    assert!(diff.words().starts_with("This trace took 57.3 ms longer than is typical: +60 ms in cart get"));
    assert_eq!(Diff::from_typical(&[], 0, &trace), None);
}

fn any_trace() -> impl Strategy<Value = Trace> {
    let span = (0usize..30, 0u64..1_000, 0u64..600, 0u32..3, 0u8..3, any::<bool>());
    proptest::collection::vec(span, 1..30).prop_map(|spans| {
        let mut builder = Builder::new();
        for (at, (parent, start, length, service, kind, failed)) in spans.iter().enumerate() {
            builder.push(&SpanRow {
                span_id: SpanId(at as u64 + 1),
                parent_id: SpanId(if at == 0 { 0 } else { *parent as u64 }),
                service: format!("s{service}"),
                operation: format!("o{}", service % 2),
                kind: SpanKind::from_number(*kind),
                status: if *failed { crate::Status::Error } else { crate::Status::Unset },
                start: Timestamp(1_000 + start),
                duration: Nanos(length * 1_000_000),
                ..SpanRow::default()
            });
        }
        builder.finish(TraceId([3; 16]))
    })
}

proptest! {
    #[test]
    fn everything_is_in_one_entry_and_adds_up(a in any_trace(), b in any_trace()) {
        let diff = Diff::new(&a, &b);
        for (trace, side) in [(&a, (|e| e.a) as fn(&Entry) -> Side), (&b, |e| e.b)] {
            let sum = |f: fn(&Side) -> u64| diff.entries.iter().map(|e| f(&side(e))).sum::<u64>();
            prop_assert_eq!(sum(|s| s.calls.into()), trace.len() as u64);
            prop_assert_eq!(sum(|s| s.duration), trace.length.iter().sum::<u64>());
            let errors = (0..trace.len()).filter(|row| trace.is_error(*row)).count();
            prop_assert_eq!(sum(|s| s.errors.into()), errors as u64);
            prop_assert_eq!(sum(|s| s.critical), trace.length[trace.root_row().unwrap()]);
        }
        let parts: i64 = diff.contributions().iter().map(|(_, delta)| delta).sum();
        prop_assert_eq!(parts, diff.delta());
        let sent = postcard::to_allocvec(&diff).unwrap();
        prop_assert_eq!(&postcard::from_bytes::<Diff>(&sent).unwrap(), &diff);
        for (at, entry) in diff.entries.iter().enumerate() {
            prop_assert!(entry.parent == NO_ROW || (entry.parent as usize) < at);
            prop_assert!(entry.a.calls + entry.b.calls > 0);
        }
    }

    #[test]
    fn beside_what_is_typical_it_adds_up_too(
        others in proptest::collection::vec(any_trace(), 1..12),
        trace in any_trace(),
    ) {
        let diff = Diff::from_typical(&others, 0, &trace).unwrap();
        let parts: i64 = diff.contributions().iter().map(|(_, delta)| delta).sum();
        prop_assert_eq!(parts, diff.delta());
        let own: u64 = diff.entries.iter().map(|entry| entry.b.critical).sum();
        prop_assert_eq!(own, trace.length[trace.root_row().unwrap()]);
        prop_assert_eq!(diff.b.root_duration.0, own);
        prop_assert_eq!(diff.entries.iter().map(|e| e.b.calls as usize).sum::<usize>(), trace.len());
        prop_assert_eq!(diff.sample.as_ref().unwrap().spread.len(), diff.entries.len());
        for (at, entry) in diff.entries.iter().enumerate() {
            prop_assert!(entry.parent == NO_ROW || (entry.parent as usize) < at);
            prop_assert!(entry.a.calls + entry.b.calls > 0);
        }
        let back = diff.clone().turned_round();
        prop_assert_eq!(back.delta(), -diff.delta());
        prop_assert_eq!(back.turned_round(), diff.clone());
        let sent = postcard::to_allocvec(&diff).unwrap();
        prop_assert_eq!(postcard::from_bytes::<Diff>(&sent).unwrap(), diff);
    }

    /// Turned round, what was added is removed and what was slower is faster.
    #[test]
    fn a_diff_can_be_turned_round(a in any_trace(), b in any_trace()) {
        let (there, back) = (Diff::new(&a, &b), Diff::new(&b, &a));
        prop_assert_eq!(there.delta(), -back.delta());
        let count = |diff: &Diff, change| diff.entries.iter().filter(|e| e.change() == change).count();
        prop_assert_eq!(count(&there, Change::Added), count(&back, Change::Removed));
        prop_assert_eq!(count(&there, Change::Slower), count(&back, Change::Faster));
        prop_assert_eq!(count(&there, Change::Same), count(&back, Change::Same));
    }
}
