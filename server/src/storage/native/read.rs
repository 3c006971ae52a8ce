//! ClickHouse's Native format, the reading side: numbers, fixed strings and dictionaries of names, which is all that
//! is read in bulk. A name is decoded once a block and not once a row.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

use super::{HAS_ADDITIONAL_KEYS, LOW_CARDINALITY_VERSION};
use crate::limits::{READ_BLOCK_MAX_ROWS, READ_NAME_MAX_BYTES};

/// The dictionary lies elsewhere, which the engine does on disk but not on the wire.
const NEEDS_GLOBAL_DICTIONARY: u64 = 1 << 8;

pub struct Block {
    pub rows: usize,
    columns: Vec<(String, Data)>,
}

enum Data {
    Fixed(Vec<u8>),
    Names(Dictionary),
}

/// The names of a block, and by row which of them it is.
#[derive(Debug, Default)]
pub struct Dictionary {
    pub keys: Vec<String>,
    pub index: Vec<u32>,
}

/// The next block; none at the end.
pub async fn block(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Block>> {
    let mut first = [0];
    if from.read(&mut first).await? == 0 {
        return Ok(None);
    }
    let count = varint(from, Some(first[0])).await?;
    let rows = varint(from, None).await?;
    if rows > READ_BLOCK_MAX_ROWS {
        return Err(invalid(&format!("a block of {rows} rows")));
    }
    let rows = rows as usize;
    let mut columns = Vec::new();
    for _ in 0..count {
        let name = text(from).await?;
        let kind = text(from).await?;
        columns.push((name, column(from, &kind, rows).await?));
    }
    Ok(Some(Block { rows, columns }))
}

impl Block {
    /// The values of a column of `WIDTH` bytes each, as they are.
    pub fn fixed<const WIDTH: usize>(&self, name: &str) -> io::Result<&[[u8; WIDTH]]> {
        let Some(Data::Fixed(bytes)) = self.column(name) else { return Err(missing(name)) };
        match bytes.as_chunks() {
            (values, []) if values.len() == self.rows => Ok(values),
            _ => Err(invalid(&format!("column {name} is not of the width expected"))),
        }
    }

    pub fn names(&self, name: &str) -> io::Result<&Dictionary> {
        match self.column(name) {
            Some(Data::Names(names)) => Ok(names),
            _ => Err(missing(name)),
        }
    }

    fn column(&self, name: &str) -> Option<&Data> {
        self.columns.iter().find_map(|(known, data)| (known == name).then_some(data))
    }
}

async fn column(from: &mut (impl AsyncRead + Unpin), kind: &str, rows: usize) -> io::Result<Data> {
    let width = match kind {
        "LowCardinality(String)" => return names(from, rows).await.map(Data::Names),
        "UInt8" => 1,
        "UInt32" => 4,
        "UInt64" | "Int64" => 8,
        "FixedString(16)" => 16,
        _ => return Err(invalid(&format!("a column of type {kind}"))),
    };
    bytes(from, rows * width).await.map(Data::Fixed)
}

async fn names(from: &mut (impl AsyncRead + Unpin), rows: usize) -> io::Result<Dictionary> {
    if rows == 0 {
        return Ok(Dictionary::default());
    }
    let version = whole(from).await?;
    let layout = whole(from).await?;
    let is_own = layout & (HAS_ADDITIONAL_KEYS | NEEDS_GLOBAL_DICTIONARY) == HAS_ADDITIONAL_KEYS;
    if version != LOW_CARDINALITY_VERSION || !is_own {
        return Err(invalid(&format!("a dictionary of version {version} and layout {layout:#x}")));
    }
    let count = whole(from).await?;
    if count > READ_BLOCK_MAX_ROWS {
        return Err(invalid(&format!("a dictionary of {count} names")));
    }
    let mut keys = Vec::with_capacity(count as usize);
    for _ in 0..count {
        keys.push(text(from).await?);
    }
    let indexed = whole(from).await?;
    if indexed != rows as u64 {
        return Err(invalid(&format!("{indexed} names in {rows} rows")));
    }
    let width = 1 << (layout & 0xff).min(3);
    let index: Vec<u32> = bytes(from, rows * width).await?.chunks_exact(width).map(number).collect();
    match index.iter().find(|at| **at as usize >= keys.len()) {
        Some(at) => Err(invalid(&format!("name {at} of {}", keys.len()))),
        None => Ok(Dictionary { keys, index }),
    }
}

/// Little-endian; what does not fit becomes a number no dictionary has.
fn number(bytes: &[u8]) -> u32 {
    let number = bytes.iter().rev().fold(0u64, |above, byte| above << 8 | u64::from(*byte));
    u32::try_from(number).unwrap_or(u32::MAX)
}

async fn text(from: &mut (impl AsyncRead + Unpin)) -> io::Result<String> {
    let len = varint(from, None).await?;
    if len > READ_NAME_MAX_BYTES {
        return Err(invalid(&format!("a name of {len} bytes")));
    }
    let bytes = bytes(from, len as usize).await?;
    Ok(String::from_utf8(bytes)
        .unwrap_or_else(|wrong| String::from_utf8_lossy(wrong.as_bytes()).into_owned()))
}

async fn bytes(from: &mut (impl AsyncRead + Unpin), len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; len];
    from.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// Read as bytes: the answer's stream may stop within a number, and then only these go on where they were.
async fn whole(from: &mut (impl AsyncRead + Unpin)) -> io::Result<u64> {
    let mut bytes = [0; 8];
    from.read_exact(&mut bytes).await?;
    Ok(u64::from_le_bytes(bytes))
}

async fn varint(from: &mut (impl AsyncRead + Unpin), first: Option<u8>) -> io::Result<u64> {
    let mut number = 0;
    let mut next = first;
    for shift in (0..64).step_by(7) {
        let byte = match next.take() {
            Some(byte) => byte,
            None => from.read_u8().await?,
        };
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(invalid("a number without end"))
}

fn missing(name: &str) -> io::Error {
    invalid(&format!("no such column: {name}"))
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the engine's answer has {what}"))
}

#[cfg(test)]
mod tests {
    //! What the writing side writes is read again.
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use tokio::io::ReadBuf;

    use super::super::{self as native, Column, Fixed, Names};
    use super::*;

    fn written(names: &[String]) -> Vec<u8> {
        let mut service = Names::default();
        let mut span = Fixed::<8>::new("UInt64");
        for (name, number) in names.iter().zip(1u64..) {
            service.push(name);
            span.push(number.to_le_bytes());
        }
        let columns: Vec<(&'static str, &mut dyn Column)> =
            vec![("service", &mut service), ("span", &mut span)];
        native::block(names.len(), columns).1.concat()
    }

    fn names(count: usize, kinds: usize) -> Vec<String> {
        (0..count).map(|number| format!("service {}", number % kinds)).collect()
    }

    #[tokio::test]
    async fn what_is_written_is_read_at_every_width_of_dictionary() {
        for kinds in [1, 256, 257, 70_000] {
            let names = names(70_000, kinds);
            let bytes = [written(&names), written(&names[..3])].concat();
            let mut from = &bytes[..];
            let first = block(&mut from).await.unwrap().unwrap();
            let dictionary = first.names("service").unwrap();
            assert_eq!(dictionary.keys.len(), kinds);
            let read: Vec<&String> =
                dictionary.index.iter().map(|at| &dictionary.keys[*at as usize]).collect();
            assert!(read.into_iter().eq(&names));
            let spans = first.fixed::<8>("span").unwrap();
            assert!(spans.iter().map(|span| u64::from_le_bytes(*span)).eq(1..=70_000));
            assert_eq!(block(&mut from).await.unwrap().unwrap().rows, 3);
            assert!(block(&mut from).await.unwrap().is_none());
        }
    }

    /// Hands out three bytes at a time, and says in their midst that there are no more yet.
    struct Halting<'b> {
        rest: &'b [u8],
        is_halt: bool,
    }

    impl AsyncRead for Halting<'_> {
        fn poll_read(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let (now, rest) = self.rest.split_at(self.rest.len().min(buffer.remaining()).min(3));
            buffer.put_slice(now);
            self.rest = rest;
            self.is_halt = !self.is_halt && buffer.remaining() > 0 && !rest.is_empty();
            if self.is_halt {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn an_answer_may_halt_anywhere() {
        let names = names(300, 7);
        let mut from = Halting { rest: &written(&names), is_halt: false };
        let read = block(&mut from).await.unwrap().unwrap();
        let dictionary = read.names("service").unwrap();
        assert!(dictionary.index.iter().map(|at| &dictionary.keys[*at as usize]).eq(&names));
    }

    #[tokio::test]
    async fn what_is_cut_off_or_not_as_expected_is_an_error() {
        let bytes = written(&names(10, 3));
        for end in 1..bytes.len() {
            assert!(block(&mut &bytes[..end]).await.is_err(), "{end}");
        }
        let read = block(&mut &bytes[..]).await.unwrap().unwrap();
        assert!(read.fixed::<4>("span").is_err());
        assert!(read.fixed::<8>("service").is_err());
        assert!(read.names("nobody").is_err());
        let mut huge = vec![1];
        native::put_varint(&mut huge, READ_BLOCK_MAX_ROWS + 1);
        assert!(block(&mut &huge[..]).await.is_err());
    }
}
