//! JSON arrays taken element by element: each is encoded as soon as it is read, so that neither a long list nor a
//! bad element costs more than itself.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

use crate::wire::otlp::refusal::Unread;

/// What can be encoded onto the end of a list.
pub(in crate::wire) trait Element: for<'de> Deserialize<'de> {
    fn put(self, index: u32, list: &mut Encoded);
}

/// A list of messages, encoded one behind the other, and what could not be.
#[derive(Debug, Default)]
pub(in crate::wire) struct Encoded {
    pub bytes: Vec<u8>,
    /// Spans in `bytes`.
    pub spans: u32,
    pub refused: Unread,
}

/// A JSON array of `T`.
#[derive(Debug)]
pub(in crate::wire) struct List<T> {
    pub encoded: Encoded,
    element: PhantomData<T>,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        List { encoded: Encoded::default(), element: PhantomData }
    }
}

impl<'de, T: Element> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ListVisitor(PhantomData))
    }
}

struct ListVisitor<T>(PhantomData<T>);

impl<'de, T: Element> Visitor<'de> for ListVisitor<T> {
    type Value = List<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<List<T>, A::Error> {
        let mut list = List::default();
        let mut index = 0;
        while let Some(item) = items.next_element::<T>()? {
            item.put(index, &mut list.encoded);
            index += 1;
        }
        Ok(list)
    }
}
