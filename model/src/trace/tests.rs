//! Traces drawn as text: what a trace says about itself.

use super::*;

/// One span a line: `id parent start length service [error]`; parent `-` for a root.
pub(super) fn trace_of(drawing: &str) -> Trace {
    let mut builder = Builder::new();
    for line in drawing.lines().map(str::trim).filter(|l| !l.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        builder.push(&SpanRow {
            span_id: SpanId(words[0].parse().unwrap()),
            parent_id: SpanId(words[1].parse().unwrap_or(0)),
            start: Timestamp(1_000 + words[2].parse::<u64>().unwrap()),
            duration: Nanos(words[3].parse().unwrap()),
            service: words[4].to_owned(),
            operation: format!("op{}", words[0]),
            status: if words.get(5) == Some(&"error") { Status::Error } else { Status::Unset },
            ..SpanRow::default()
        });
    }
    builder.finish(TraceId([7; 16]))
}

#[test]
fn a_whole_trace_is_ok_and_counts_its_services() {
    let summary = trace_of(
        "1 - 0 100 shop
         2 1 10 50 cart
         3 1 60 10 cart",
    )
    .summary();
    assert_eq!(summary.status, TraceStatus::Ok);
    assert_eq!((summary.root_service.as_str(), summary.root_operation.as_str()), ("shop", "op1"));
    assert_eq!(summary.duration, Nanos(100));
    assert_eq!(summary.services[0], ServiceShare { name: "cart".into(), span_count: 2, error_count: 0 });
}

#[test]
fn a_missing_parent_makes_it_partial_and_an_error_decides() {
    let broken = trace_of("1 - 0 100 shop\n 2 9 10 50 cart");
    assert_eq!((broken.summary().status, broken.summary().orphan_count), (TraceStatus::Partial, 1));
    let failed = trace_of("1 - 0 100 shop\n 2 9 10 50 cart error");
    assert_eq!(failed.summary().status, TraceStatus::Error);
}

#[test]
fn without_a_root_it_is_partial_and_named_after_the_earliest_span() {
    let summary = trace_of("2 9 10 50 cart\n 3 2 20 10 db").summary();
    assert_eq!(summary.status, TraceStatus::Partial);
    assert_eq!(summary.root_service, "cart");
}

#[test]
fn the_duration_reaches_the_last_end_even_past_the_root() {
    assert_eq!(trace_of("1 - 0 100 shop\n 2 1 90 200 mail").duration, Nanos(290));
}

#[test]
fn columns_travel_and_come_back() {
    let trace = trace_of("1 - 0 100 shop\n 2 1 10 50 cart error");
    let bytes = postcard::to_allocvec(&trace).unwrap();
    assert_eq!(postcard::from_bytes::<Trace>(&bytes).unwrap(), trace);
}

#[test]
fn an_empty_trace_has_a_summary() {
    assert_eq!(Builder::new().finish(TraceId([1; 16])).summary().span_count, 0);
}
