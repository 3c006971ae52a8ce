//! Log records read where they lie. A request of logs has the shape of one of spans: the views of resource and scope
//! read both, with log records in the place of spans.

use super::reader::{Malformed, Reader};
use super::{Value, any_value, once};

/// A LogRecord message. The lengths of its ids are as sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogView<'a> {
    pub time: u64,
    pub observed: u64,
    pub severity: u32,
    pub severity_text: &'a str,
    pub body: Value<'a>,
    pub attributes: Vec<&'a [u8]>,
    pub dropped_attributes: u32,
    pub flags: u32,
    pub trace_id: &'a [u8],
    pub span_id: &'a [u8],
    pub event_name: &'a str,
}

impl<'a> LogView<'a> {
    pub fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut view = LogView::default();
        let mut has_body = false;
        let mut reader = Reader::new(bytes);
        while let Some(field) = reader.next()? {
            match field.number {
                1 => view.time = reader.fixed64(field)?,
                2 => view.severity = reader.varint32(field)?,
                3 => view.severity_text = reader.text(field)?,
                5 => {
                    let body = once(&mut reader, field, &mut has_body)?;
                    view.body = any_value(body).map_err(|e| e.inside(bytes, body))?;
                }
                6 => view.attributes.push(reader.bytes(field)?),
                7 => view.dropped_attributes = reader.varint32(field)?,
                8 => view.flags = reader.fixed32(field)?,
                9 => view.trace_id = reader.bytes(field)?,
                10 => view.span_id = reader.bytes(field)?,
                11 => view.observed = reader.fixed64(field)?,
                12 => view.event_name = reader.text(field)?,
                _ => reader.skip(field)?,
            }
        }
        Ok(view)
    }
}
