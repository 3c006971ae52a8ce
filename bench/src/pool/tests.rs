//! Re-stamped requests are requests like any other.

use std::collections::{HashMap, HashSet};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span as WireSpan;

use super::*;

fn spans_of(bytes: &[u8]) -> Vec<WireSpan> {
    let request = ExportTraceServiceRequest::decode(bytes).unwrap();
    let scopes = request.resource_spans.into_iter().flat_map(|r| r.scope_spans);
    scopes.flat_map(|s| s.spans).collect()
}

fn pool() -> Pool {
    Pool::new(1, 6_000, &[500, 3_000])
}

#[test]
fn a_stamped_request_is_the_template_with_other_ids_and_times() {
    let pool = pool();
    let now = Timestamp(1_800_000_000_000_000_000);
    let template = &pool.templates[1];
    let (before, after) =
        (spans_of(&template.bytes), spans_of(&template.stamped(pool.keys(1), now.0 - template.latest_end)));
    let later = now.0 - template.latest_end;
    assert_eq!(before.len() as u64, template.spans);
    assert_eq!(after.iter().map(|s| s.end_time_unix_nano).max(), Some(now.0));
    let key = |id: &[u8]| u64::from_be_bytes(id.try_into().unwrap()) ^ pool.keys(1).span;
    for (old, new) in before.iter().zip(&after) {
        assert_ne!(old.trace_id, new.trace_id);
        assert_eq!(key(&old.span_id).to_be_bytes(), new.span_id[..]);
        assert_eq!(old.parent_span_id.len(), new.parent_span_id.len());
        assert_eq!(new.start_time_unix_nano - old.start_time_unix_nano, later);
        let mut restored = new.clone();
        restored.trace_id.clone_from(&old.trace_id);
        restored.span_id.clone_from(&old.span_id);
        restored.parent_span_id.clone_from(&old.parent_span_id);
        restored.start_time_unix_nano -= later;
        restored.end_time_unix_nano -= later;
        restored.events.iter_mut().for_each(|e| e.time_unix_nano -= later);
        for (link, old_link) in restored.links.iter_mut().zip(&old.links) {
            assert_ne!(link.trace_id, old_link.trace_id);
            link.trace_id.clone_from(&old_link.trace_id);
            link.span_id.clone_from(&old_link.span_id);
        }
        assert_eq!(&restored, old, "nothing else changes");
    }
    assert!(before.iter().any(|s| !s.links.is_empty()) && before.iter().any(|s| !s.events.is_empty()));
}

#[test]
fn parents_and_links_still_point_to_their_spans() {
    let pool = pool();
    for number in 0..3 {
        let draw = Draw { number, spans: 0 };
        let spans = spans_of(&pool.bytes(draw, Timestamp(1)));
        let template = spans_of(&pool.template(number).bytes);
        let known = |spans: &[WireSpan]| {
            let ids: HashSet<_> = spans.iter().map(|s| (s.trace_id.clone(), s.span_id.clone())).collect();
            let parents =
                spans.iter().filter(|s| ids.contains(&(s.trace_id.clone(), s.parent_span_id.clone())));
            let links = spans.iter().flat_map(|s| &s.links);
            let linked = links.filter(|l| ids.contains(&(l.trace_id.clone(), l.span_id.clone())));
            (ids.len(), parents.count(), linked.count())
        };
        assert_eq!(known(&spans), known(&template));
    }
}

#[test]
fn no_two_draws_share_a_trace_or_a_span() {
    let pool = pool();
    let mut traces = HashSet::new();
    let mut ids = HashSet::new();
    let mut count = 0;
    for _ in 0..12 {
        let draw = pool.draw();
        let spans = spans_of(&pool.bytes(draw, Timestamp(1)));
        assert_eq!(spans.len() as u64, draw.spans);
        let new: HashSet<Vec<u8>> = spans.iter().map(|s| s.trace_id.clone()).collect();
        assert!(new.iter().all(|id| traces.insert(id.clone())));
        count += spans.len();
        ids.extend(spans.into_iter().map(|s| s.span_id));
    }
    assert_eq!(ids.len(), count);
}

#[test]
fn a_sent_trace_can_be_named_again() {
    let pool = pool();
    let mut sizes: HashMap<Vec<u8>, usize> = HashMap::new();
    for _ in 0..6 {
        let draw = pool.draw();
        for span in spans_of(&pool.bytes(draw, Timestamp(1))) {
            *sizes.entry(span.trace_id).or_default() += 1;
        }
    }
    let mut rng = Rng::new(1);
    for _ in 0..50 {
        let trace = pool.sent_trace(&mut rng, pool.drawn(), 20..=40).unwrap();
        assert_eq!(sizes.get(&trace.id.0[..]), Some(&trace.spans));
    }
}

#[test]
fn a_pool_goes_on_where_another_ended() {
    let earlier = pool();
    let draws: Vec<Draw> = (0..3).map(|_| earlier.draw()).collect();
    draws.into_iter().skip(1).for_each(|draw| earlier.give_back(draw));
    let mut later = pool();
    later.resume(&earlier.state()).unwrap();
    assert_eq!((later.drawn(), later.salt), (3, earlier.salt));
    assert!(later.was_sent(0) && !later.was_sent(1) && !later.was_sent(2));
    assert!(pool().resume("of no pool").is_none());
}
