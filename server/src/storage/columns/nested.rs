//! Events and links, which lie nested in the spans table.

use super::{RawEvent, RawLink, RawSpan, RawValue, span_id_of, trace_id_of};
use crate::storage::keys::{Keys, Of};
use crate::storage::native::{Dict, Fixed, List, Names, Text};
use crate::storage::pieces::Taker;
use crate::storage::token::Owner;
use crate::wire::otlp::view::{Malformed, attribute};

pub(super) struct Events {
    keys: Keys,
    pub time: List<Fixed<8>>,
    pub name: List<Names>,
    pub attrs: List<Dict<Text>>,
    pub dropped: List<Fixed<4>>,
}

impl Default for Events {
    fn default() -> Self {
        Events {
            keys: Keys::of(Owner::Event),
            time: List::of(Fixed::new("UInt64")),
            name: List::default(),
            attrs: List::default(),
            dropped: List::of(Fixed::new("UInt32")),
        }
    }
}

impl Events {
    pub fn add(&mut self, row: usize, span: &RawSpan<'_>, taker: &mut Taker<'_>) -> Result<(), Malformed> {
        if span.events.is_empty() {
            return Ok(());
        }
        for bytes in &span.events {
            let event = RawEvent::read(bytes)?;
            taker.event(&event);
            self.time.items.push(event.time.to_le_bytes());
            self.name.items.push(event.name);
            add_tagged(&mut self.attrs.items, &event.attributes, &mut self.keys, taker)?;
            self.dropped.items.push(event.dropped_attributes.to_le_bytes());
        }
        self.time.end_row_at(row);
        self.name.end_row_at(row);
        self.attrs.end_row_at(row);
        self.dropped.end_row_at(row);
        Ok(())
    }
}

pub(super) struct Links {
    keys: Keys,
    pub trace_id: List<Fixed<16>>,
    pub span_id: List<Fixed<8>>,
    pub trace_state: List<Text>,
    pub flags: List<Fixed<4>>,
    pub attrs: List<Dict<Text>>,
    pub dropped: List<Fixed<4>>,
}

impl Default for Links {
    fn default() -> Self {
        Links {
            keys: Keys::of(Owner::Link),
            trace_id: List::of(Fixed::new("FixedString(16)")),
            span_id: List::of(Fixed::new("UInt64")),
            trace_state: List::default(),
            flags: List::of(Fixed::new("UInt32")),
            attrs: List::default(),
            dropped: List::of(Fixed::new("UInt32")),
        }
    }
}

impl Links {
    pub fn add(&mut self, row: usize, span: &RawSpan<'_>, taker: &mut Taker<'_>) -> Result<(), Malformed> {
        if span.links.is_empty() {
            return Ok(());
        }
        for bytes in &span.links {
            let link = RawLink::read(bytes)?;
            taker.link(&link);
            self.trace_id.items.push(trace_id_of(link.trace_id));
            self.span_id.items.push(span_id_of(link.span_id).to_le_bytes());
            self.trace_state.items.push(link.trace_state);
            self.flags.items.push(link.flags.to_le_bytes());
            add_tagged(&mut self.attrs.items, &link.attributes, &mut self.keys, taker)?;
            self.dropped.items.push(link.dropped_attributes.to_le_bytes());
        }
        self.trace_id.end_row_at(row);
        self.span_id.end_row_at(row);
        self.trace_state.end_row_at(row);
        self.flags.end_row_at(row);
        self.attrs.end_row_at(row);
        self.dropped.end_row_at(row);
        Ok(())
    }
}

/// Attributes of an event or link, as a row of tagged text and as tokens.
fn add_tagged(
    map: &mut Dict<Text>,
    attributes: &[&[u8]],
    keys: &mut Keys,
    taker: &mut Taker<'_>,
) -> Result<(), Malformed> {
    for bytes in attributes {
        let (name, value) = attribute(bytes)?;
        let key = keys.get(name);
        taker.tagged(key, &value);
        let number = key.number(Of::Texts, &mut map.keys);
        map.keys.push_number(number);
        push_value(&mut map.values, &value)?;
    }
    map.end_row();
    Ok(())
}

/// Attributes as one row of tagged text.
pub(in crate::storage) fn push_tagged(map: &mut Dict<Text>, attributes: &[&[u8]]) -> Result<(), Malformed> {
    for bytes in attributes {
        let (key, value) = attribute::<&[u8]>(bytes)?;
        map.keys.push(key);
        push_value(&mut map.values, &value)?;
    }
    map.end_row();
    Ok(())
}

/// Plain strings are not copied on the way.
fn push_value(values: &mut Text, value: &RawValue<'_>) -> Result<(), Malformed> {
    match value {
        RawValue::Str(text) if !text.starts_with(b"\0") => values.push(text),
        other => values.push(other.to_model()?.to_text()),
    }
    Ok(())
}
