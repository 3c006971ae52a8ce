//! How the traces of a slice are cut into chunks.

use super::*;
use model::TraceId;

fn quiet(number: u8, spans: u64) -> Quiet {
    let key = TraceKey { trace_id: TraceId([number; 16]), tenant: "default".to_owned() };
    Quiet { key, first_received: 1, spans, was_quiet: false }
}

#[test]
fn chunks_are_bounded_by_spans_and_a_giant_stands_alone() {
    let sizes = [10, SETTLE_CHUNK_SPANS - 10, 1, SETTLE_CHUNK_SPANS * 5, 7, 8];
    let traces: Vec<Quiet> = sizes.iter().zip(0..).map(|(spans, number)| quiet(number, *spans)).collect();
    let lengths: Vec<usize> = chunks(&traces).map(<[Quiet]>::len).collect();
    assert_eq!(lengths, [2, 1, 1, 2]);
    assert_eq!(chunks(&[]).count(), 0);
}

#[test]
fn chunks_are_bounded_by_traces() {
    let traces: Vec<Quiet> = (0..=SETTLE_CHUNK_TRACES).map(|_| quiet(1, 1)).collect();
    let lengths: Vec<usize> = chunks(&traces).map(<[Quiet]>::len).collect();
    assert_eq!(lengths, [SETTLE_CHUNK_TRACES, 1]);
}
