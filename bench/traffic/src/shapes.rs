//! Synthetic traces of one form, for tests and for the pages that must stay fast however a trace is built.

use model::{Nanos, Span, SpanId, SpanKind, Status, Timestamp, TraceId};

use crate::rng::Rng;
use crate::service::{ALL, Library, Service, origin};
use crate::value::{int, text};

/// When every synthetic trace starts, unless it is moved with [`moved_to`].
pub const START: Timestamp = Timestamp(1_767_225_600_000_000_000);

/// One root with n - 1 children side by side.
pub fn wide(n: usize) -> Vec<Span> {
    build(1, n, |_, _| 0)
}

/// Every span the only child of the one before.
pub fn deep(n: usize) -> Vec<Span> {
    build(2, n, |_, row| row - 1)
}

/// A tree grown by chance; most spans hang under one of the last few.
pub fn random(seed: u64, n: usize) -> Vec<Span> {
    build(seed, n, |rng, row| {
        let back = rng.lognormal(4.0, 1.2) as usize;
        row - 1 - back.min(row - 1)
    })
}

/// The same trace at another time.
pub fn moved_to(mut spans: Vec<Span>, start: Timestamp) -> Vec<Span> {
    let first = spans.iter().map(|span| span.start).min().unwrap_or_default();
    for span in &mut spans {
        span.start = start.plus(span.start.since(first));
        for event in &mut span.events {
            event.time = start.plus(event.time.since(first));
        }
    }
    spans
}

/// Grows a tree; `parent_of` names the row of a row's parent. Parents enclose their children in time.
fn build(seed: u64, n: usize, parent_of: impl Fn(&mut Rng, usize) -> usize) -> Vec<Span> {
    let mut rng = Rng::of(seed, n as u64);
    let mut trace_id = [0; 16];
    trace_id[..8].copy_from_slice(&rng.id().to_be_bytes());
    trace_id[8..].copy_from_slice(&rng.id().to_be_bytes());
    let parents: Vec<usize> = (0..n).map(|row| if row == 0 { 0 } else { parent_of(&mut rng, row) }).collect();
    let mut spans: Vec<Span> = Vec::with_capacity(n);
    for row in 0..n {
        let service = ALL[rng.popular(ALL.len() as u64) as usize];
        let mut span = one(&mut rng, service, TraceId(trace_id));
        span.attributes.push(("app.row".to_owned(), int(row as i64)));
        if row == 0 {
            span.start = START;
        } else {
            let parent = &spans[parents[row]];
            span.parent_id = parent.span_id;
            span.start = parent.start.plus(Nanos(1_000 + rng.below(200_000)));
        }
        spans.push(span);
    }
    // Children come after their parents, so one pass from the end makes every parent long enough.
    for row in (1..n).rev() {
        let end = spans[row].end().plus(Nanos(500));
        let parent = &mut spans[parents[row]];
        parent.duration = Nanos(parent.duration.0.max(end.since(parent.start).0));
    }
    spans
}

fn one(rng: &mut Rng, service: &'static Service, trace_id: TraceId) -> Span {
    let operations = ["GET /items", "load", "SELECT items", "GET", "render", "send items"];
    let is_failed = rng.chance(0.01);
    Span {
        trace_id,
        span_id: SpanId(rng.id()),
        service: service.name.to_owned(),
        operation: (*rng.pick(&operations)).to_owned(),
        kind: *rng.pick(&[SpanKind::Server, SpanKind::Client, SpanKind::Internal]),
        duration: Nanos::from_millis_f64(rng.lognormal(3.0, 1.0)),
        status: if is_failed { Status::Error } else { Status::Unset },
        status_message: if is_failed { "it did not work".to_owned() } else { String::new() },
        attributes: vec![
            ("app.customer.id".to_owned(), text(format!("c-{:05}", rng.popular(20_000)))),
            ("app.items".to_owned(), int(rng.below(90) as i64)),
        ],
        flags: 0x101,
        origin: origin(service, 0, service.version, Library::Own),
        ..Span::default()
    }
}
