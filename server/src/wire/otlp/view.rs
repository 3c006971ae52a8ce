//! Spans read where they lie: borrowed views of encoded OTLP messages, for code that turns them into columns.
//!
//! A view holds what a generated decoder would hold (the last of repeated scalars wins, absent fields are their
//! defaults, unknown fields are skipped), with three differences. A message that may come once and comes twice
//! (resource, scope, an attribute's value) is malformed instead of merged: no sender does that, and the raw bytes
//! of the first would no longer be the whole. Groups are malformed. Attribute values nest at most
//! `ATTRIBUTE_MAX_DEPTH` deep. A view reads its own message only: what is inside the raw slices it lists is read,
//! and may prove malformed, when they are. Offsets in errors count from the start of the bytes given to `read`.
//!
//! Texts are read as [`Text`] says: as `&str`, which looks at every byte, or as the bytes they are, for whoever reads
//! what `check` has let pass and hands it on.

use model::{AttrValue, Attrs};

use crate::limits::ATTRIBUTE_MAX_DEPTH;

mod log;
mod reader;

pub use log::LogView;
use reader::Field;
pub use reader::Malformed;
pub(crate) use reader::Reader;
pub(in crate::wire) use reader::is_ascii;

/// What a text of a message is read as.
pub trait Text<'a>: Copy + Default {
    /// None if it is not text.
    fn of(bytes: &'a [u8]) -> Option<Self>;
    fn bytes(self) -> &'a [u8];
}

impl<'a> Text<'a> for &'a str {
    #[inline(always)]
    fn of(bytes: &'a [u8]) -> Option<Self> {
        std::str::from_utf8(bytes).ok()
    }

    #[inline(always)]
    fn bytes(self) -> &'a [u8] {
        self.as_bytes()
    }
}

impl<'a> Text<'a> for &'a [u8] {
    #[inline(always)]
    fn of(bytes: &'a [u8]) -> Option<Self> {
        Some(bytes)
    }

    #[inline(always)]
    fn bytes(self) -> &'a [u8] {
        self
    }
}

/// The raw ResourceSpans messages of an `ExportTraceServiceRequest`. Ends after the first error.
pub fn resource_spans(request: &[u8]) -> impl Iterator<Item = Result<&[u8], Malformed>> {
    let mut reader = Some(Reader::new(request));
    std::iter::from_fn(move || {
        let found = next_of(reader.as_mut()?, 1);
        if !matches!(found, Ok(Some(_))) {
            reader = None;
        }
        found.transpose()
    })
}

/// The next occurrence of a message field, skipping all others.
#[inline]
pub(crate) fn next_of<'a>(reader: &mut Reader<'a>, number: u32) -> Result<Option<&'a [u8]>, Malformed> {
    while let Some(field) = reader.next()? {
        if field.number == number {
            return reader.bytes(field).map(Some);
        }
        reader.skip(field)?;
    }
    Ok(None)
}

/// A ResourceSpans message: one running service and what it sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResourceView<'a> {
    pub attributes: Vec<&'a [u8]>,
    pub dropped_attributes: u32,
    pub schema_url: &'a str,
    pub scope_spans: Vec<&'a [u8]>,
    /// The encoded Resource message.
    pub resource_bytes: &'a [u8],
}

impl<'a> ResourceView<'a> {
    pub fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut view = ResourceView::default();
        let mut has_resource = false;
        let mut reader = Reader::new(bytes);
        while let Some(field) = reader.next()? {
            match field.number {
                1 => view.resource_bytes = once(&mut reader, field, &mut has_resource)?,
                2 => view.scope_spans.push(reader.bytes(field)?),
                3 => view.schema_url = reader.text(field)?,
                _ => reader.skip(field)?,
            }
        }
        view.read_resource().map_err(|e| e.inside(bytes, view.resource_bytes))?;
        Ok(view)
    }

    fn read_resource(&mut self) -> Result<(), Malformed> {
        let mut reader = Reader::new(self.resource_bytes);
        while let Some(field) = reader.next()? {
            match field.number {
                1 => self.attributes.push(reader.bytes(field)?),
                2 => self.dropped_attributes = reader.varint32(field)?,
                _ => reader.skip(field)?,
            }
        }
        Ok(())
    }
}

/// A ScopeSpans message: one instrumentation library and its spans.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScopeView<'a> {
    pub name: &'a str,
    pub version: &'a str,
    pub attributes: Vec<&'a [u8]>,
    pub dropped_attributes: u32,
    pub schema_url: &'a str,
    /// The encoded InstrumentationScope message.
    pub scope_bytes: &'a [u8],
    pub spans: Vec<&'a [u8]>,
}

impl<'a> ScopeView<'a> {
    pub fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut view = ScopeView::default();
        let mut has_scope = false;
        let mut reader = Reader::new(bytes);
        while let Some(field) = reader.next()? {
            match field.number {
                1 => view.scope_bytes = once(&mut reader, field, &mut has_scope)?,
                2 => view.spans.push(reader.bytes(field)?),
                3 => view.schema_url = reader.text(field)?,
                _ => reader.skip(field)?,
            }
        }
        view.read_scope().map_err(|e| e.inside(bytes, view.scope_bytes))?;
        Ok(view)
    }

    fn read_scope(&mut self) -> Result<(), Malformed> {
        let mut reader = Reader::new(self.scope_bytes);
        while let Some(field) = reader.next()? {
            match field.number {
                1 => self.name = reader.text(field)?,
                2 => self.version = reader.text(field)?,
                3 => self.attributes.push(reader.bytes(field)?),
                4 => self.dropped_attributes = reader.varint32(field)?,
                _ => reader.skip(field)?,
            }
        }
        Ok(())
    }
}

pub type SpanView<'a> = SpanOf<'a, &'a str>;
pub type EventView<'a> = EventOf<'a, &'a str>;
pub type LinkView<'a> = LinkOf<'a, &'a str>;
pub type Value<'a> = ValueOf<'a, &'a str>;

/// A Span message. Numbers are as sent: kinds and status codes nobody defined are passed on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpanOf<'a, T> {
    pub trace_id: &'a [u8],
    pub span_id: &'a [u8],
    pub parent_id: &'a [u8],
    pub trace_state: T,
    pub name: T,
    pub kind: u32,
    pub start: u64,
    pub end: u64,
    pub attributes: Vec<&'a [u8]>,
    pub dropped_attributes: u32,
    pub events: Vec<&'a [u8]>,
    pub dropped_events: u32,
    pub links: Vec<&'a [u8]>,
    pub dropped_links: u32,
    pub status_code: u32,
    pub status_message: T,
    pub flags: u32,
}

impl<'a, T: Text<'a>> SpanOf<'a, T> {
    /// Clears and refills this view, so that its lists keep their memory from span to span.
    pub fn read(&mut self, bytes: &'a [u8]) -> Result<(), Malformed> {
        self.clear();
        let mut reader = Reader::new(bytes);
        while let Some(field) = reader.next()? {
            match field.number {
                1 => self.trace_id = reader.bytes(field)?,
                2 => self.span_id = reader.bytes(field)?,
                3 => self.trace_state = reader.text(field)?,
                4 => self.parent_id = reader.bytes(field)?,
                5 => self.name = reader.text(field)?,
                6 => self.kind = reader.varint32(field)?,
                7 => self.start = reader.fixed64(field)?,
                8 => self.end = reader.fixed64(field)?,
                9 => self.attributes.push(reader.bytes(field)?),
                10 => self.dropped_attributes = reader.varint32(field)?,
                11 => self.events.push(reader.bytes(field)?),
                12 => self.dropped_events = reader.varint32(field)?,
                13 => self.links.push(reader.bytes(field)?),
                14 => self.dropped_links = reader.varint32(field)?,
                15 => {
                    let status = reader.bytes(field)?;
                    self.read_status(status).map_err(|e| e.inside(bytes, status))?;
                }
                16 => self.flags = reader.fixed32(field)?,
                _ => reader.skip(field)?,
            }
        }
        Ok(())
    }

    /// A status in several pieces adds up to one.
    fn read_status(&mut self, bytes: &'a [u8]) -> Result<(), Malformed> {
        let mut reader = Reader::new(bytes);
        while let Some(field) = reader.next()? {
            match field.number {
                2 => self.status_message = reader.text(field)?,
                3 => self.status_code = reader.varint32(field)?,
                _ => reader.skip(field)?,
            }
        }
        Ok(())
    }

    fn clear(&mut self) {
        let (mut attributes, mut events, mut links) = (
            std::mem::take(&mut self.attributes),
            std::mem::take(&mut self.events),
            std::mem::take(&mut self.links),
        );
        attributes.clear();
        events.clear();
        links.clear();
        *self = SpanOf { attributes, events, links, ..SpanOf::default() };
    }
}

/// An Event message of a span.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventOf<'a, T> {
    pub time: u64,
    pub name: T,
    pub attributes: Vec<&'a [u8]>,
    pub dropped_attributes: u32,
}

impl<'a, T: Text<'a>> EventOf<'a, T> {
    pub fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut view = EventOf::default();
        let mut reader = Reader::new(bytes);
        while let Some(field) = reader.next()? {
            match field.number {
                1 => view.time = reader.fixed64(field)?,
                2 => view.name = reader.text(field)?,
                3 => view.attributes.push(reader.bytes(field)?),
                4 => view.dropped_attributes = reader.varint32(field)?,
                _ => reader.skip(field)?,
            }
        }
        Ok(view)
    }
}

/// A Link message of a span. The lengths of its ids are as sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LinkOf<'a, T> {
    pub trace_id: &'a [u8],
    pub span_id: &'a [u8],
    pub trace_state: T,
    pub flags: u32,
    pub attributes: Vec<&'a [u8]>,
    pub dropped_attributes: u32,
}

impl<'a, T: Text<'a>> LinkOf<'a, T> {
    pub fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut view = LinkOf::default();
        let mut reader = Reader::new(bytes);
        while let Some(field) = reader.next()? {
            match field.number {
                1 => view.trace_id = reader.bytes(field)?,
                2 => view.span_id = reader.bytes(field)?,
                3 => view.trace_state = reader.text(field)?,
                4 => view.attributes.push(reader.bytes(field)?),
                5 => view.dropped_attributes = reader.varint32(field)?,
                6 => view.flags = reader.fixed32(field)?,
                _ => reader.skip(field)?,
            }
        }
        Ok(view)
    }
}

/// An attribute's value. Arrays and maps stay encoded until [`ValueOf::to_model`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum ValueOf<'a, T> {
    #[default]
    Empty,
    Str(T),
    Bool(bool),
    Int(i64),
    Double(f64),
    Bytes(&'a [u8]),
    Array(&'a [u8]),
    Map(&'a [u8]),
}

/// Reads a KeyValue message.
#[inline]
pub fn key_value<'a>(bytes: &'a [u8]) -> Result<(&'a str, Value<'a>), Malformed> {
    attribute(bytes)
}

/// The same, as whichever texts.
#[inline]
pub fn attribute<'a, T: Text<'a>>(bytes: &'a [u8]) -> Result<(T, ValueOf<'a, T>), Malformed> {
    match plain_attribute(bytes) {
        Some((key, text)) => Ok((key, ValueOf::Str(text))),
        None => any_attribute(bytes),
    }
}

/// What most attributes are: a key and a text, each once, both short.
#[inline(always)]
fn plain_attribute<'a, T: Text<'a>>(bytes: &'a [u8]) -> Option<(T, T)> {
    let [0x0a, length @ 0..0x80, rest @ ..] = bytes else { return None };
    let (key, rest) = rest.split_at_checked(usize::from(*length))?;
    let [0x12, value @ 0..0x80, 0x0a, length, text @ ..] = rest else { return None };
    let is_all = usize::from(*length) == text.len() && usize::from(*value) == text.len() + 2;
    if is_all { T::of(key).zip(T::of(text)) } else { None }
}

fn any_attribute<'a, T: Text<'a>>(bytes: &'a [u8]) -> Result<(T, ValueOf<'a, T>), Malformed> {
    let mut key = T::default();
    let mut value = ValueOf::Empty;
    let mut has_value = false;
    let mut reader = Reader::new(bytes);
    while let Some(field) = reader.next()? {
        match field.number {
            1 => key = reader.text(field)?,
            2 => {
                let encoded = once(&mut reader, field, &mut has_value)?;
                value = any_value(encoded).map_err(|e| e.inside(bytes, encoded))?;
            }
            _ => reader.skip(field)?,
        }
    }
    Ok((key, value))
}

/// Reads an AnyValue message. A reference into a string table, which only profiles have, is an empty value.
#[inline]
fn any_value<'a, T: Text<'a>>(bytes: &'a [u8]) -> Result<ValueOf<'a, T>, Malformed> {
    let mut value = ValueOf::Empty;
    let mut reader = Reader::new(bytes);
    while let Some(field) = reader.next()? {
        value = match (field.number, value) {
            (1, _) => ValueOf::Str(reader.text(field)?),
            (2, _) => ValueOf::Bool(reader.varint(field)? != 0),
            (3, _) => ValueOf::Int(reader.varint(field)? as i64),
            (4, _) => ValueOf::Double(f64::from_bits(reader.fixed64(field)?)),
            (5, ValueOf::Array(_)) | (6, ValueOf::Map(_)) => return Err(field.repeated()),
            (5, _) => ValueOf::Array(reader.bytes(field)?),
            (6, _) => ValueOf::Map(reader.bytes(field)?),
            (7, _) => ValueOf::Bytes(reader.bytes(field)?),
            (8, _) => reader.varint(field).map(|_| ValueOf::Empty)?,
            (_, value) => reader.skip(field).map(|()| value)?,
        };
    }
    Ok(value)
}

impl<'a, T: Text<'a>> ValueOf<'a, T> {
    /// The value on its own, read to its depths. Offsets in errors count within the array or map.
    pub fn to_model(&self) -> Result<AttrValue, Malformed> {
        self.at_depth(0)
    }

    fn at_depth(&self, depth: usize) -> Result<AttrValue, Malformed> {
        Ok(match *self {
            ValueOf::Empty => AttrValue::Empty,
            ValueOf::Str(text) => AttrValue::Str(String::from_utf8_lossy(text.bytes()).into_owned()),
            ValueOf::Bool(yes) => AttrValue::Bool(yes),
            ValueOf::Int(number) => AttrValue::Int(number),
            ValueOf::Double(number) => AttrValue::Double(number),
            ValueOf::Bytes(bytes) => AttrValue::Bytes(bytes.to_vec()),
            ValueOf::Array(_) | ValueOf::Map(_) if depth == ATTRIBUTE_MAX_DEPTH => {
                return Err(Malformed::TooDeep { max: ATTRIBUTE_MAX_DEPTH, at: 0 });
            }
            ValueOf::Array(bytes) => AttrValue::Array(items(bytes, depth)?),
            ValueOf::Map(bytes) => AttrValue::Map(entries(bytes, depth)?),
        })
    }
}

fn items(bytes: &[u8], depth: usize) -> Result<Vec<AttrValue>, Malformed> {
    let mut items = Vec::new();
    let mut reader = Reader::new(bytes);
    while let Some(item) = next_of(&mut reader, 1)? {
        let value = any_value::<&str>(item).and_then(|value| value.at_depth(depth + 1));
        items.push(value.map_err(|e| e.inside(bytes, item))?);
    }
    Ok(items)
}

fn entries(bytes: &[u8], depth: usize) -> Result<Attrs, Malformed> {
    let mut entries = Vec::new();
    let mut reader = Reader::new(bytes);
    while let Some(entry) = next_of(&mut reader, 1)? {
        let (key, value) = key_value(entry).map_err(|e| e.inside(bytes, entry))?;
        let value = value.at_depth(depth + 1).map_err(|e| e.inside(bytes, entry))?;
        entries.push((key.to_owned(), value));
    }
    Ok(entries)
}

/// The bytes of a message field that may come once.
#[inline]
fn once<'a>(reader: &mut Reader<'a>, field: Field, seen: &mut bool) -> Result<&'a [u8], Malformed> {
    if std::mem::replace(seen, true) {
        return Err(field.repeated());
    }
    reader.bytes(field)
}

#[cfg(test)]
mod tests;
