//! Puts edits into an encoded message: lengths of all that encloses them follow, everything else stays as it was.

use std::ops::Range;

use crate::wire::otlp::view::{Malformed, Reader};

/// New bytes for a field, or for what a field carries. Ranges count from the start of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    pub range: Range<usize>,
    pub new: Vec<u8>,
}

/// `edits` are in order and apart from each other.
pub fn apply(body: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + 64);
    match message(body, 0, edits, &mut out) {
        Ok(()) => out,
        // The walk read the same bytes with the same reader. Were it ever otherwise, a secret must still not pass.
        Err(_) => Vec::new(),
    }
}

fn message(bytes: &[u8], base: usize, edits: &[Edit], out: &mut Vec<u8>) -> Result<(), Malformed> {
    let mut reader = Reader::new(bytes);
    let mut edits = edits;
    let end = base + bytes.len();
    loop {
        let before = reader.rest();
        let start = end - before.len();
        let Some(field) = reader.next()? else { return Ok(()) };
        let content = if field.is_bytes() {
            reader.bytes(field)?
        } else {
            reader.skip(field)?;
            &[]
        };
        let whole = start..end - reader.rest().len();
        let here = edits.partition_point(|edit| edit.range.start < whole.end);
        let (mine, later) = edits.split_at(here);
        edits = later;
        let inner = whole.end - content.len()..whole.end;
        match mine {
            [] => out.extend_from_slice(&before[..whole.len()]),
            [edit] if edit.range == whole => out.extend_from_slice(&edit.new),
            [edit] if edit.range == inner => put(out, field.number, &edit.new),
            _ => {
                let mut part = Vec::with_capacity(content.len() + 64);
                message(content, inner.start, mine, &mut part)?;
                put(out, field.number, &part);
            }
        }
    }
}

fn put(out: &mut Vec<u8>, number: u32, content: &[u8]) {
    put_varint(out, u64::from(number) << 3 | 2);
    put_varint(out, content.len() as u64);
    out.extend_from_slice(content);
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// An encoded text value of an attribute.
pub fn text_value(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 4);
    put(&mut out, 1, text.as_bytes());
    out
}
