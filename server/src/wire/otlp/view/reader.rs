//! Protobuf's wire format and nothing above it: takes one message apart into fields that borrow from it.
//!
//! As strict as a generated decoder about framing. Stricter in one thing: groups, which no OTLP message has ever
//! used, are refused even in unknown fields.

use thiserror::Error;

use super::Text;

/// Why bytes are not the message they should be, and at which byte of it.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum Malformed {
    #[error("the data ends inside a field that starts at byte {at}")]
    Truncated { at: usize },
    #[error("the number at byte {at} is longer than protobuf allows")]
    Number { at: usize },
    #[error("byte {at} does not start a protobuf field")]
    Key { at: usize },
    #[error("field {field} at byte {at} has protobuf wire type {found}, which it cannot have")]
    WireType { field: u32, found: u8, at: usize },
    #[error("the text in field {field} at byte {at} is not UTF-8")]
    Utf8 { field: u32, at: usize },
    #[error("field {field} at byte {at} comes twice but may come once")]
    Repeated { field: u32, at: usize },
    #[error("the attribute value at byte {at} is nested deeper than {max} levels")]
    TooDeep { max: usize, at: usize },
}

impl Malformed {
    /// Where in the message the trouble is.
    pub fn at(&self) -> usize {
        match self {
            Malformed::Truncated { at }
            | Malformed::Number { at }
            | Malformed::Key { at }
            | Malformed::WireType { at, .. }
            | Malformed::Utf8 { at, .. }
            | Malformed::Repeated { at, .. }
            | Malformed::TooDeep { at, .. } => *at,
        }
    }

    /// Turns an offset within `part` into one within `whole`, which `part` was borrowed from.
    #[must_use]
    pub fn inside(mut self, whole: &[u8], part: &[u8]) -> Malformed {
        let shift = (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize);
        match &mut self {
            Malformed::Truncated { at }
            | Malformed::Number { at }
            | Malformed::Key { at }
            | Malformed::WireType { at, .. }
            | Malformed::Utf8 { at, .. }
            | Malformed::Repeated { at, .. }
            | Malformed::TooDeep { at, .. } => *at += shift,
        }
        self
    }
}

/// The fields of one message, in the order they were written. What each carries is taken by the reader's method for
/// the type it must have, so that no field is looked at twice.
pub(crate) struct Reader<'a> {
    whole: usize,
    rest: &'a [u8],
}

/// The start of a field. Exactly one of the reader's methods must take what it carries.
#[derive(Clone, Copy)]
pub(crate) struct Field {
    pub number: u32,
    wire_type: u8,
    at: usize,
}

const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const LENGTH: u8 = 2;
const FIXED32: u8 = 5;

impl<'a> Reader<'a> {
    #[inline(always)]
    pub fn new(message: &'a [u8]) -> Reader<'a> {
        Reader { whole: message.len(), rest: message }
    }

    #[inline(always)]
    fn at(&self) -> usize {
        self.whole - self.rest.len()
    }

    /// The next field; None at the message's end.
    #[inline(always)]
    pub fn next(&mut self) -> Result<Option<Field>, Malformed> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let at = self.at();
        let key = self.number()?;
        let number = (key >> 3) as u32;
        if number == 0 || key > u64::from(u32::MAX) {
            return Err(Malformed::Key { at });
        }
        Ok(Some(Field { number, wire_type: (key & 7) as u8, at }))
    }

    #[inline(always)]
    pub fn bytes(&mut self, field: Field) -> Result<&'a [u8], Malformed> {
        field.must_be(LENGTH)?;
        let length = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        let (taken, rest) =
            self.rest.split_at_checked(length).ok_or(Malformed::Truncated { at: field.at })?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline(always)]
    pub fn text<T: Text<'a>>(&mut self, field: Field) -> Result<T, Malformed> {
        T::of(self.bytes(field)?).ok_or_else(|| field.no_text())
    }

    /// As [`Reader::text`] where only the answer "it is text" matters; quicker for the usual ASCII.
    #[inline(always)]
    pub fn is_text(&mut self, field: Field) -> Result<(), Malformed> {
        let bytes = self.bytes(field)?;
        if is_ascii(bytes) || std::str::from_utf8(bytes).is_ok() { Ok(()) } else { Err(field.no_text()) }
    }

    #[inline(always)]
    pub fn varint(&mut self, field: Field) -> Result<u64, Malformed> {
        field.must_be(VARINT)?;
        self.number()
    }

    /// A 32-bit number; as in every protobuf decoder, bits beyond it are cut off.
    #[inline(always)]
    pub fn varint32(&mut self, field: Field) -> Result<u32, Malformed> {
        self.varint(field).map(|value| value as u32)
    }

    #[inline(always)]
    pub fn fixed64(&mut self, field: Field) -> Result<u64, Malformed> {
        field.must_be(FIXED64)?;
        self.array(field).map(u64::from_le_bytes)
    }

    #[inline(always)]
    pub fn fixed32(&mut self, field: Field) -> Result<u32, Malformed> {
        field.must_be(FIXED32)?;
        self.array(field).map(u32::from_le_bytes)
    }

    /// Passes over a field nobody asked for.
    pub fn skip(&mut self, field: Field) -> Result<(), Malformed> {
        match field.wire_type {
            VARINT => self.varint(field).map(|_| ()),
            FIXED64 => self.fixed64(field).map(|_| ()),
            LENGTH => self.bytes(field).map(|_| ()),
            FIXED32 => self.fixed32(field).map(|_| ()),
            3 | 4 => Err(field.wrong()),
            _ => Err(Malformed::Key { at: field.at }),
        }
    }

    /// What is not read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    #[inline(always)]
    fn number(&mut self) -> Result<u64, Malformed> {
        match self.rest {
            [byte, rest @ ..] if *byte < 0x80 => {
                self.rest = rest;
                Ok(u64::from(*byte))
            }
            [low, high, rest @ ..] if *high < 0x80 => {
                self.rest = rest;
                Ok(u64::from(*low & 0x7f) | u64::from(*high) << 7)
            }
            _ => self.long_number(),
        }
    }

    #[cold]
    fn long_number(&mut self) -> Result<u64, Malformed> {
        let at = self.at();
        let mut value = 0u64;
        for (i, byte) in self.rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * i);
            if *byte < 0x80 {
                // The tenth byte holds the one bit that is left.
                if i == 9 && *byte > 1 {
                    return Err(Malformed::Number { at });
                }
                self.rest = &self.rest[i + 1..];
                return Ok(value);
            }
        }
        Err(if self.rest.len() < 10 { Malformed::Truncated { at } } else { Malformed::Number { at } })
    }

    #[inline(always)]
    fn array<const N: usize>(&mut self, field: Field) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Malformed::Truncated { at: field.at })?;
        self.rest = rest;
        Ok(*taken)
    }
}

impl Field {
    #[inline(always)]
    fn must_be(self, wire_type: u8) -> Result<(), Malformed> {
        if self.wire_type == wire_type { Ok(()) } else { Err(self.wrong()) }
    }

    /// The error for a field that was there before.
    #[cold]
    pub fn repeated(self) -> Malformed {
        Malformed::Repeated { field: self.number, at: self.at }
    }

    #[cold]
    fn no_text(self) -> Malformed {
        Malformed::Utf8 { field: self.number, at: self.at }
    }

    #[cold]
    fn wrong(self) -> Malformed {
        Malformed::WireType { field: self.number, found: self.wire_type, at: self.at }
    }
}

impl Field {
    /// Whether it carries text, bytes or a message.
    #[inline(always)]
    pub fn is_bytes(self) -> bool {
        self.wire_type == LENGTH
    }
}

/// Eight bytes at a time, the last eight overlapping: attribute keys and values are too short for the library's
/// larger steps to pay.
#[inline(always)]
pub(in crate::wire) fn is_ascii(bytes: &[u8]) -> bool {
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    let Some(last) = bytes.last_chunk::<8>() else {
        return bytes.iter().fold(0, |seen, byte| seen | *byte) < 0x80;
    };
    let words = bytes.as_chunks::<8>().0;
    let seen = words.iter().fold(u64::from_le_bytes(*last), |seen, word| seen | u64::from_le_bytes(*word));
    seen & HIGH_BITS == 0
}
