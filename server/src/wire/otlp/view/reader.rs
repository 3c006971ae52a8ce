//! Protobuf's wire format and nothing above it: takes one message apart into fields that borrow from it.
//!
//! As strict as a generated decoder about framing. Stricter in one thing: groups, which no OTLP message has ever
//! used, are refused even in unknown fields.

use thiserror::Error;

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

/// The fields of one message, in the order they were written.
pub(in crate::wire) struct Reader<'a> {
    whole: usize,
    rest: &'a [u8],
}

/// One field: its number and what it carries.
#[derive(Clone, Copy)]
pub(in crate::wire) struct Field<'a> {
    pub number: u32,
    at: usize,
    payload: Payload<'a>,
}

#[derive(Clone, Copy)]
enum Payload<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
}

impl<'a> Reader<'a> {
    #[inline]
    pub fn new(message: &'a [u8]) -> Reader<'a> {
        Reader { whole: message.len(), rest: message }
    }

    #[inline]
    fn at(&self) -> usize {
        self.whole - self.rest.len()
    }

    /// The next field, and it with its key as it was written.
    pub fn next_raw(&mut self) -> Result<Option<(Field<'a>, &'a [u8])>, Malformed> {
        let before = self.rest;
        let field = self.next()?;
        Ok(field.map(|field| (field, &before[..before.len() - self.rest.len()])))
    }

    /// The next field; None at the message's end.
    #[inline]
    pub fn next(&mut self) -> Result<Option<Field<'a>>, Malformed> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let at = self.at();
        let key = self.varint()?;
        let number = (key >> 3) as u32;
        if number == 0 || key > u64::from(u32::MAX) {
            return Err(Malformed::Key { at });
        }
        let payload = match key & 7 {
            0 => Payload::Varint(self.varint()?),
            1 => Payload::Fixed64(u64::from_le_bytes(self.array(at)?)),
            2 => {
                let length = self.varint()?;
                Payload::Bytes(self.take(length, at)?)
            }
            5 => Payload::Fixed32(u32::from_le_bytes(self.array(at)?)),
            3 | 4 => return Err(Malformed::WireType { field: number, found: (key & 7) as u8, at }),
            _ => return Err(Malformed::Key { at }),
        };
        Ok(Some(Field { number, at, payload }))
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, Malformed> {
        match self.rest {
            [byte, rest @ ..] if *byte < 0x80 => {
                self.rest = rest;
                Ok(u64::from(*byte))
            }
            [low, high, rest @ ..] if *high < 0x80 => {
                self.rest = rest;
                Ok(u64::from(*low & 0x7f) | u64::from(*high) << 7)
            }
            _ => self.long_varint(),
        }
    }

    #[cold]
    fn long_varint(&mut self) -> Result<u64, Malformed> {
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

    #[inline]
    fn take(&mut self, length: u64, field_at: usize) -> Result<&'a [u8], Malformed> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let (taken, rest) =
            self.rest.split_at_checked(length).ok_or(Malformed::Truncated { at: field_at })?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    fn array<const N: usize>(&mut self, field_at: usize) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Malformed::Truncated { at: field_at })?;
        self.rest = rest;
        Ok(*taken)
    }
}

impl<'a> Field<'a> {
    #[inline]
    pub fn bytes(&self) -> Result<&'a [u8], Malformed> {
        match self.payload {
            Payload::Bytes(bytes) => Ok(bytes),
            _ => Err(self.wrong()),
        }
    }

    #[inline]
    pub fn text(&self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Malformed::Utf8 { field: self.number, at: self.at })
    }

    /// As [`Field::text`] where only the answer "it is text" matters; quicker for the usual ASCII.
    #[inline]
    pub fn is_text(&self) -> Result<(), Malformed> {
        let bytes = self.bytes()?;
        if is_ascii(bytes) { Ok(()) } else { self.text().map(|_| ()) }
    }

    #[inline]
    pub fn varint(&self) -> Result<u64, Malformed> {
        match self.payload {
            Payload::Varint(value) => Ok(value),
            _ => Err(self.wrong()),
        }
    }

    /// A 32-bit number; as in every protobuf decoder, bits beyond it are cut off.
    #[inline]
    pub fn varint32(&self) -> Result<u32, Malformed> {
        self.varint().map(|value| value as u32)
    }

    #[inline]
    pub fn fixed64(&self) -> Result<u64, Malformed> {
        match self.payload {
            Payload::Fixed64(value) => Ok(value),
            _ => Err(self.wrong()),
        }
    }

    #[inline]
    pub fn fixed32(&self) -> Result<u32, Malformed> {
        match self.payload {
            Payload::Fixed32(value) => Ok(value),
            _ => Err(self.wrong()),
        }
    }

    /// The error for a field that was there before.
    #[cold]
    pub fn repeated(&self) -> Malformed {
        Malformed::Repeated { field: self.number, at: self.at }
    }

    #[cold]
    fn wrong(&self) -> Malformed {
        let found = match self.payload {
            Payload::Varint(_) => 0,
            Payload::Fixed64(_) => 1,
            Payload::Bytes(_) => 2,
            Payload::Fixed32(_) => 5,
        };
        Malformed::WireType { field: self.number, found, at: self.at }
    }
}

/// Eight bytes at a time; attribute keys and values are too short for the library's larger steps to pay.
#[inline]
fn is_ascii(bytes: &[u8]) -> bool {
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    let (words, tail) = bytes.as_chunks::<8>();
    let seen = words.iter().fold(0, |seen, word| seen | u64::from_le_bytes(*word));
    let tail = tail.iter().fold(0, |seen, byte| seen | *byte);
    seen & HIGH_BITS == 0 && tail < 0x80
}
