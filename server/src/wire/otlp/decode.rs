//! An encoded OTLP request as spans of the model: for looking at a file, never on the way to storage.

use model::{
    AttrValue, Attrs, Event, Link, Nanos, Origin, Span, SpanId, SpanKind, Status, Timestamp, TraceId,
};

use super::UNKNOWN_SERVICE;
use super::view::{
    EventView, LinkView, Malformed, ResourceView, ScopeView, SpanView, key_value, resource_spans,
};

/// Every span, in the order of the request. Ids of a wrong length become zero.
pub fn decode(request: &[u8]) -> Result<Vec<Span>, Malformed> {
    let mut spans = Vec::new();
    let mut view = SpanView::default();
    for resource in resource_spans(request) {
        let resource = ResourceView::read(resource?)?;
        let mut origin = Origin {
            resource: attributes(&resource.attributes)?,
            resource_schema_url: resource.schema_url.to_owned(),
            resource_dropped_attributes: resource.dropped_attributes,
            ..Origin::default()
        };
        let service = service_of(&origin.resource);
        for scope in &resource.scope_spans {
            let scope = ScopeView::read(scope)?;
            origin.scope_name = scope.name.to_owned();
            origin.scope_version = scope.version.to_owned();
            origin.scope = attributes(&scope.attributes)?;
            origin.scope_schema_url = scope.schema_url.to_owned();
            origin.scope_dropped_attributes = scope.dropped_attributes;
            for bytes in &scope.spans {
                view.read(bytes)?;
                spans.push(span(&view, &service, &origin)?);
            }
        }
    }
    Ok(spans)
}

fn span(view: &SpanView<'_>, service: &str, origin: &Origin) -> Result<Span, Malformed> {
    Ok(Span {
        trace_id: trace_id(view.trace_id),
        span_id: span_id(view.span_id),
        parent_id: span_id(view.parent_id),
        service: service.to_owned(),
        operation: view.name.to_owned(),
        kind: SpanKind::from_number(view.kind.min(u32::from(u8::MAX)) as u8),
        start: Timestamp(view.start),
        duration: Nanos(view.end.saturating_sub(view.start)),
        status: Status::from_number(view.status_code.min(u32::from(u8::MAX)) as u8),
        status_message: view.status_message.to_owned(),
        trace_state: view.trace_state.to_owned(),
        flags: view.flags,
        attributes: attributes(&view.attributes)?,
        events: view.events.iter().map(|bytes| event(bytes)).collect::<Result<_, _>>()?,
        links: view.links.iter().map(|bytes| link(bytes)).collect::<Result<_, _>>()?,
        dropped_attributes: view.dropped_attributes,
        dropped_events: view.dropped_events,
        dropped_links: view.dropped_links,
        origin: origin.clone(),
        notes: Vec::new(),
    })
}

fn event(bytes: &[u8]) -> Result<Event, Malformed> {
    let view = EventView::read(bytes)?;
    Ok(Event {
        time: Timestamp(view.time),
        name: view.name.to_owned(),
        attributes: attributes(&view.attributes)?,
        dropped_attributes: view.dropped_attributes,
    })
}

fn link(bytes: &[u8]) -> Result<Link, Malformed> {
    let view = LinkView::read(bytes)?;
    Ok(Link {
        trace_id: trace_id(view.trace_id),
        span_id: span_id(view.span_id),
        trace_state: view.trace_state.to_owned(),
        flags: view.flags,
        attributes: attributes(&view.attributes)?,
        dropped_attributes: view.dropped_attributes,
    })
}

fn attributes(encoded: &[&[u8]]) -> Result<Attrs, Malformed> {
    encoded
        .iter()
        .map(|bytes| {
            let (key, value) = key_value(bytes)?;
            Ok((key.to_owned(), value.to_model()?))
        })
        .collect()
}

fn service_of(resource: &Attrs) -> String {
    let name = resource.iter().find(|(key, _)| key == "service.name");
    match name {
        Some((_, AttrValue::Str(name))) if !name.is_empty() => name.clone(),
        _ => UNKNOWN_SERVICE.to_owned(),
    }
}

fn trace_id(bytes: &[u8]) -> TraceId {
    bytes.try_into().map(TraceId).unwrap_or_default()
}

fn span_id(bytes: &[u8]) -> SpanId {
    bytes.try_into().map(u64::from_be_bytes).map(SpanId).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message;

    use super::super::encode::encode;
    use super::super::samples::{good_span, request_of};
    use super::*;

    #[test]
    fn what_is_decoded_is_what_is_encoded_again() {
        let request = request_of(vec![good_span(1), good_span(2)]);
        let spans = decode(&request.encode_to_vec()).unwrap();
        assert_eq!(spans.len(), 2);
        assert_eq!(decode(&encode(&spans).encode_to_vec()).unwrap(), spans);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
        }
    }
}
