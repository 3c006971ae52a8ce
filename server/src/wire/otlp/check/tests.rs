//! Each reason on a span among good ones, and the promise: what passed can be read, byte for byte.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::limits::{CLOCK_AHEAD, LATE_AFTER, RECEIPT_OTHER, RECEIPT_SERVICES_A_REQUEST};
use crate::wire::otlp::samples::{RECEIVED, attribute, good_span, request, request_of};
use crate::wire::otlp::view::{EventView, LinkView, ResourceView, ScopeView, key_value, resource_spans};
use crate::wire::otlp::{Note, notes_of};

fn checked(request: &ExportTraceServiceRequest) -> Checked {
    check(request.encode_to_vec().into(), RECEIVED).unwrap()
}

/// One span broken by `change` between two good ones: it alone is refused.
fn refused_alone(reason: Reason, change: impl FnOnce(&mut Span)) -> String {
    let mut bad = good_span(2);
    change(&mut bad);
    let checked = checked(&request_of(vec![good_span(1), bad, good_span(3)]));
    assert_eq!(checked.accepted(), 2);
    assert_eq!(
        ExportTraceServiceRequest::decode(checked.body.clone()).unwrap(),
        request_of(vec![good_span(1), good_span(3)])
    );
    let [refusal] = &checked.refused()[..] else { panic!("{:?}", checked.refused()) };
    assert_eq!((refusal.reason, refusal.count), (reason, 1));
    refusal.example.clone()
}

#[test]
fn good_spans_pass_as_the_very_bytes_that_came() {
    let body = Bytes::from(request_of((1..100).map(good_span).collect()).encode_to_vec());
    let checked = check(body.clone(), RECEIVED).unwrap();
    assert_eq!((checked.accepted(), checked.refused().len()), (99, 0));
    assert_eq!(checked.body.as_ptr(), body.as_ptr());
}

#[test]
fn ids_name_something() {
    let example = refused_alone(Reason::InvalidTraceId, |s| s.trace_id.truncate(15));
    assert!(example.contains("GET /cart/{id}") && example.contains(&"07".repeat(15)), "{example}");
    refused_alone(Reason::InvalidTraceId, |s| s.trace_id = vec![0; 16]);
    refused_alone(Reason::InvalidTraceId, |s| s.trace_id.clear());
    refused_alone(Reason::InvalidTraceId, |s| s.trace_id = vec![1; 5000]);
    refused_alone(Reason::InvalidSpanId, |s| s.span_id = vec![0; 8]);
    refused_alone(Reason::InvalidSpanId, |s| s.span_id.push(1));
    refused_alone(Reason::InvalidParentId, |s| s.parent_span_id = vec![1; 16]);
}

#[test]
fn a_trace_id_of_64_bits_is_filled_up() {
    let short = Span { trace_id: vec![1, 2, 3, 4, 5, 6, 7, 8], trace_state: "a=1".into(), ..good_span(2) };
    let checked = checked(&request_of(vec![good_span(1), short.clone()]));
    assert_eq!((checked.accepted(), checked.refused().len()), (2, 0));
    let whole = Span { trace_id: vec![0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8], ..short };
    let stored = ExportTraceServiceRequest::decode(checked.body).unwrap();
    assert_eq!(stored, request_of(vec![good_span(1), whole]));
    refused_alone(Reason::InvalidTraceId, |s| s.trace_id = vec![0; 8]);
}

#[test]
fn a_root_has_no_parent_or_a_parent_of_zeros() {
    let no_parent = Span { parent_span_id: vec![], ..good_span(1) };
    let zeros = Span { parent_span_id: vec![0; 8], ..good_span(2) };
    assert_eq!(checked(&request_of(vec![no_parent, zeros])).accepted(), 2);
}

#[test]
fn times_fit_sixty_three_bits() {
    refused_alone(Reason::NoStartTime, |s| s.start_time_unix_nano = 0);
    refused_alone(Reason::TimeOutOfRange, |s| s.start_time_unix_nano = LAST_TIME + 1);
    refused_alone(Reason::TimeOutOfRange, |s| s.end_time_unix_nano = u64::MAX);
    refused_alone(Reason::TimeOutOfRange, |s| {
        s.events.push(Event { time_unix_nano: u64::MAX, ..Event::default() });
    });
}

#[test]
fn odd_spans_that_can_be_stored_are_kept_and_noted() {
    let notes = |span: Span| {
        assert_eq!(checked(&request_of(vec![span.clone()])).accepted(), 1);
        let bytes = span.encode_to_vec();
        let mut view = SpanView::default();
        view.read(&bytes).unwrap();
        notes_of(&view, RECEIVED).iter().collect::<Vec<_>>()
    };
    assert_eq!(notes(good_span(1)), []);
    assert_eq!(notes(Span { end_time_unix_nano: 5, ..good_span(1) }), [Note::EndBeforeStart]);
    let future = RECEIVED.0 + 2 * CLOCK_AHEAD.as_nanos() as u64;
    let ahead = Span { start_time_unix_nano: future, end_time_unix_nano: future, ..good_span(1) };
    assert_eq!(notes(ahead), [Note::ClockAhead]);
    let behind = Span { start_time_unix_nano: 5, end_time_unix_nano: 6, ..good_span(1) };
    assert_eq!(notes(behind), [Note::ClockBehind]);
    assert_eq!(notes(Span { end_time_unix_nano: 0, ..good_span(1) }), [Note::NoEnd]);
    let link = Link { trace_id: vec![1; 16], span_id: vec![2; 8], ..Link::default() };
    assert_eq!(notes(Span { links: vec![link.clone()], ..good_span(1) }), []);
    let nowhere = Link { span_id: vec![0; 8], ..link };
    let odd = Span { links: vec![nowhere], end_time_unix_nano: 5, kind: 77, ..good_span(1) };
    assert_eq!(notes(odd), [Note::EndBeforeStart, Note::InvalidLink]);
}

#[test]
fn a_span_has_a_size_and_a_depth() {
    refused_alone(Reason::TooLarge, |s| {
        s.attributes.push(attribute("blob", Value::BytesValue(vec![0; SPAN_MAX_BYTES])));
    });
    refused_alone(Reason::TooDeep, |s| {
        let leaf = AnyValue { value: Some(Value::BoolValue(true)) };
        let deep = (0..=ATTRIBUTE_MAX_DEPTH).fold(leaf, |inner, _| AnyValue {
            value: Some(Value::ArrayValue(ArrayValue { values: vec![inner] })),
        });
        s.attributes.push(KeyValue { key: "deep".into(), value: Some(deep), ..KeyValue::default() });
    });
}

#[test]
fn broken_text_refuses_its_span_only() {
    let mut bytes = request_of(vec![good_span(1), good_span(2)]).encode_to_vec();
    let at = bytes.windows(8).rposition(|part| part == b"/cart/81").unwrap();
    bytes[at] = 0xff;
    let checked = check(bytes.into(), RECEIVED).unwrap();
    assert_eq!((checked.accepted(), checked.refused()[0].reason), (1, Reason::NotUtf8));
    assert_eq!(
        ExportTraceServiceRequest::decode(checked.body.clone()).unwrap(),
        request_of(vec![good_span(1)])
    );
}

#[test]
fn a_broken_span_refuses_itself_only() {
    let mut bytes = request_of(vec![good_span(1), good_span(2)]).encode_to_vec();
    let at = bytes.windows(3).rposition(|part| part == b"\x12\x08\0").unwrap();
    bytes[at] = 0x13;
    let checked = check(bytes.into(), RECEIVED).unwrap();
    assert_eq!((checked.accepted(), checked.refused()[0].reason), (1, Reason::Malformed));
    assert!(checked.refused()[0].example.contains("wire type 3"), "{}", checked.refused()[0].example);
}

#[test]
fn a_broken_resource_refuses_what_hangs_under_it() {
    let mut bytes = request_of(vec![good_span(1), good_span(2)]).encode_to_vec();
    let at = bytes.windows(4).position(|part| part == b"cart").unwrap();
    bytes[at] = 0xff;
    bytes.extend(request_of(vec![good_span(3)]).encode_to_vec());
    let checked = check(bytes.into(), RECEIVED).unwrap();
    assert_eq!((checked.accepted(), checked.refused()[0].count), (1, 2));
    assert_eq!(checked.refused()[0].reason, Reason::NotUtf8);
    assert!(checked.refused()[0].example.contains("in its resource"));
    assert_eq!(
        ExportTraceServiceRequest::decode(checked.body.clone()).unwrap(),
        request_of(vec![good_span(3)])
    );
}

#[test]
fn spans_that_cannot_be_told_apart_are_a_malformed_request() {
    let bytes = request_of(vec![good_span(1), good_span(2)]).encode_to_vec();
    for end in 1..bytes.len() {
        assert!(check(Bytes::copy_from_slice(&bytes[..end]), RECEIVED).is_err());
    }
    assert!(check(Bytes::from_static(b"<html>not a trace</html>"), RECEIVED).is_err());
}

#[test]
fn what_is_odd_about_good_spans_is_counted_by_service() {
    let at = |start: u64| Span { start_time_unix_nano: start, end_time_unix_nano: start + 1, ..good_span(1) };
    let late = at(RECEIVED.0 - 2 * LATE_AFTER.as_nanos() as u64);
    let ahead = at(RECEIVED.0 + 2 * CLOCK_AHEAD.as_nanos() as u64);
    let cut = Span { dropped_attributes_count: 3, dropped_links_count: 1, ..good_span(1) };
    let nameless = Span { trace_id: vec![], ..good_span(2) };
    let mut sent = request_of(vec![good_span(3), late, ahead, cut.clone(), cut, nameless]);
    let mut other = request_of(vec![good_span(4), at(5)]);
    other.resource_spans[0].resource = None;
    sent.resource_spans.extend(other.resource_spans);
    let [cart, unknown] = &checked(&sent).tallies[..] else { panic!("two services") };
    assert_eq!((cart.service.as_str(), cart.accepted, cart.refused.total()), ("cart", 5, 1));
    let noticed: Vec<_> = cart.noticed().collect();
    let expected = [
        (Reason::DroppedAttributes, 2),
        (Reason::DroppedLinks, 2),
        (Reason::ClockAhead, 1),
        (Reason::LongEnded, 1),
    ];
    assert_eq!(noticed, expected);
    assert_eq!((unknown.service.as_str(), unknown.items()), ("unknown_service", 2));
    assert_eq!(unknown.noticed().collect::<Vec<_>>(), [(Reason::ClockBehind, 1)]);
}

#[test]
fn a_request_of_countless_services_has_a_bounded_tally() {
    let mut sent = ExportTraceServiceRequest::default();
    for service in 0..2 * RECEIPT_SERVICES_A_REQUEST {
        let mut one = request_of(vec![good_span(1)]);
        let name = Value::StringValue(format!("service {service}"));
        one.resource_spans[0].resource.as_mut().unwrap().attributes = vec![attribute("service.name", name)];
        sent.resource_spans.extend(one.resource_spans);
    }
    let checked = checked(&sent);
    assert_eq!(checked.accepted() as usize, 2 * RECEIPT_SERVICES_A_REQUEST);
    assert_eq!(checked.tallies.len(), RECEIPT_SERVICES_A_REQUEST + 1);
    assert_eq!(checked.tallies.last().unwrap().service, RECEIPT_OTHER);
}

#[test]
fn a_request_is_thinned_out_by_whole_traces_that_say_so() {
    let span = |last: u8, id: u64, state: &str| {
        let mut trace_id = vec![7; 16];
        trace_id[9] = last;
        Span { trace_id, trace_state: state.to_owned(), ..good_span(id) }
    };
    let bad = Span { span_id: vec![], ..good_span(9) };
    let sent = [span(0, 1, ""), span(0x80, 2, "a=1"), span(0xff, 3, "ot=th:c"), span(0x7f, 4, ""), bad];
    let body = request_of(sent.to_vec()).encode_to_vec().into();
    let thinned = check_and_thin(body, RECEIVED, Threshold::keeping(0.5)).unwrap();
    let refused: Vec<_> = thinned.refused().iter().map(|r| (r.reason, r.count)).collect();
    assert_eq!(thinned.accepted(), 2);
    assert_eq!(refused, [(Reason::OverTarget, 2), (Reason::InvalidSpanId, 1)]);
    let stayed = request_of(vec![span(0x80, 2, "ot=th:8,a=1"), span(0xff, 3, "ot=th:c")]);
    assert_eq!(ExportTraceServiceRequest::decode(thinned.body).unwrap(), stayed);
}

#[test]
fn nothing_is_nothing() {
    let checked = check(Bytes::new(), RECEIVED).unwrap();
    assert_eq!((checked.accepted(), checked.refused().len()), (0, 0));
}

#[test]
fn unknown_fields_survive_a_refusal() {
    let mut bytes = request_of(vec![Span { trace_id: vec![], ..good_span(1) }, good_span(2)]).encode_to_vec();
    bytes.extend([0xba, 0x3e, 3, b'n', b'e', b'w']);
    let checked = check(bytes.into(), RECEIVED).unwrap();
    assert!(checked.body.ends_with(&[0xba, 0x3e, 3, b'n', b'e', b'w']));
}

/// Reads all of a request that passed; panics where a view fails.
fn assert_safe(body: &[u8]) -> u32 {
    let mut spans = 0;
    let mut view = SpanView::default();
    let attributes = |raw: &[&[u8]]| {
        for bytes in raw {
            key_value(bytes).unwrap().1.to_model().unwrap();
        }
    };
    for raw in resource_spans(body) {
        let resource = ResourceView::read(raw.unwrap()).unwrap();
        for raw in &resource.scope_spans {
            let scope = ScopeView::read(raw).unwrap();
            for raw in &scope.spans {
                spans += 1;
                view.read(raw).unwrap();
                attributes(&resource.attributes);
                attributes(&scope.attributes);
                attributes(&view.attributes);
                assert!(is_id(view.trace_id, 16) && is_id(view.span_id, 8));
                assert!(view.start > 0 && view.start.max(view.end) <= LAST_TIME);
                view.events.iter().for_each(|raw| attributes(&EventView::read(raw).unwrap().attributes));
                view.links.iter().for_each(|raw| attributes(&LinkView::read(raw).unwrap().attributes));
            }
        }
    }
    spans
}

fn assert_promise(bytes: Vec<u8>) {
    let whole = Bytes::from(bytes);
    if let Ok(checked) = check(whole, RECEIVED) {
        assert_eq!(assert_safe(&checked.body), checked.accepted());
        let again = check(checked.body.clone(), RECEIVED).unwrap();
        assert_eq!((again.accepted(), again.refused().len()), (checked.accepted(), 0));
        assert_eq!(again.body, checked.body);
    }
}

proptest! {
    #[test]
    fn what_passes_is_safe_and_the_rest_is_counted(sent in request()) {
        let all: usize = sent.resource_spans.iter().flat_map(|r| &r.scope_spans).map(|s| s.spans.len()).sum();
        let checked = checked(&sent);
        let refused: u32 = checked.refused().iter().map(|r| r.count).sum();
        assert_eq!(checked.accepted() + refused, all as u32);
        assert_promise(sent.encode_to_vec());
    }

    #[test]
    fn what_is_thinned_out_is_as_safe(sent in request(), share in 0.0..1.0) {
        let whole = checked(&sent);
        let threshold = Threshold::keeping(share);
        let thinned = check_and_thin(sent.encode_to_vec().into(), RECEIVED, threshold).unwrap();
        let items = |checked: &Checked| checked.tallies.iter().map(Tally::items).sum::<u32>();
        prop_assert_eq!(items(&thinned), items(&whole));
        prop_assert_eq!(assert_safe(&thinned.body), thinned.accepted());
        let again = check_and_thin(thinned.body.clone(), RECEIVED, threshold).unwrap();
        prop_assert_eq!(again.accepted(), thinned.accepted());
    }

    #[test]
    fn changed_bytes_never_get_past(sent in request(), at in any::<[usize; 3]>(), byte in any::<[u8; 3]>()) {
        let mut bytes = sent.encode_to_vec();
        if !bytes.is_empty() {
            for (at, byte) in at.into_iter().zip(byte) {
                let at = at % bytes.len();
                bytes[at] = byte;
            }
            assert_promise(bytes);
        }
    }
}
