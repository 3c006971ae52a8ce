//! The keys of a batch's attributes, each looked at once: what a span says under a key then costs finding the key.

use std::hash::BuildHasher;

use hashbrown::HashTable;

use super::native::Names;
use super::peer::Part;
use super::token::{self, Owner};

/// All keys of one owner.
pub struct Keys {
    owner: Owner,
    known: Vec<Key>,
    table: HashTable<u32>,
    hasher: foldhash::fast::FixedState,
    /// The key that was asked for last.
    last: u32,
}

/// What is known of a key.
pub struct Key {
    name: Box<[u8]>,
    /// The key that came behind this one when it was last seen: attributes of spans come in the same order again
    /// and again.
    next: u32,
    pub token: token::Key,
    pub present: u32,
    /// What it says of whom a call went to.
    pub peer: Option<Part>,
    numbers: [u32; COLUMNS],
}

/// The columns that number keys, each in its own dictionary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    Texts,
    Integers,
    Doubles,
    Others,
    Ranges,
}

const COLUMNS: usize = Of::Ranges as usize + 1;
const NO_NUMBER: u32 = u32::MAX;

impl Keys {
    pub fn of(owner: Owner) -> Keys {
        let (table, hasher) = (HashTable::new(), foldhash::fast::FixedState::default());
        Keys { owner, known: Vec::new(), table, hasher, last: 0 }
    }

    #[inline]
    pub fn get(&mut self, name: &[u8]) -> &mut Key {
        let last = self.last as usize;
        let mut at = self.known.get(last).map_or(0, |key| key.next);
        if self.known.get(at as usize).is_none_or(|key| !is_same(&key.name, name)) {
            at = self.find(name);
            if let Some(last) = self.known.get_mut(last) {
                last.next = at;
            }
        }
        self.last = at;
        &mut self.known[at as usize]
    }

    fn find(&mut self, name: &[u8]) -> u32 {
        let hash = self.hasher.hash_one(name);
        if let Some(at) = self.table.find(hash, |at| is_same(&self.known[*at as usize].name, name)) {
            return *at;
        }
        let at = self.known.len() as u32;
        self.known.push(Key::new(self.owner, name));
        let (known, hasher) = (&self.known, &self.hasher);
        self.table.insert_unique(hash, at, |at| hasher.hash_one(&*known[*at as usize].name));
        at
    }
}

impl Key {
    fn new(owner: Owner, name: &[u8]) -> Key {
        let token = token::Key::of(owner, name);
        let (present, peer) = (token.present(), Part::of(name));
        Key { name: name.into(), next: 0, token, present, peer, numbers: [NO_NUMBER; COLUMNS] }
    }

    /// Its number in a column's dictionary, which is always the same one.
    #[inline]
    pub fn number(&mut self, of: Of, names: &mut Names) -> u32 {
        let number = &mut self.numbers[of as usize];
        if *number == NO_NUMBER {
            *number = names.number_of(&self.name);
        }
        *number
    }
}

/// Most keys are of 8 to 32 bytes, too short for the library's comparison to pay: words from both ends, which overlap
/// where they must.
#[inline(always)]
fn is_same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    match (one.as_chunks::<8>().0, other.as_chunks::<8>().0) {
        (ones @ [_, ..], others) if ones.len() <= 4 => {
            let differ =
                |(one, other): (&[u8; 8], &[u8; 8])| u64::from_le_bytes(*one) ^ u64::from_le_bytes(*other);
            let differing = ones.iter().zip(others).fold(0, |all, two| all | differ(two));
            let last = one.last_chunk().zip(other.last_chunk()).map_or(0, differ);
            differing | last == 0
        }
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_again_whatever_came_before_it() {
        let mut keys = Keys::of(Owner::Span);
        let names = ["a", "b", "c", "a", "c", "b", "b", "", "a", "server.address", "c", ""];
        let mut texts = Names::default();
        for name in names {
            let number = texts.number_of(name.as_bytes());
            let key = keys.get(name.as_bytes());
            assert_eq!(key.number(Of::Texts, &mut texts), number, "{name}");
            assert_eq!(key.present, token::Key::of(Owner::Span, name).present(), "{name}");
            assert_eq!(key.peer, (name == "server.address").then_some(Part::Host));
        }
        assert_eq!(keys.known.len(), 5);
    }

    #[test]
    fn texts_are_the_same_if_every_byte_is() {
        let text: Vec<u8> = (0..70).collect();
        let copy = text.clone();
        for length in 0..text.len() {
            assert!(is_same(&text[..length], &copy[..length]));
            assert!(!is_same(&text[..length], &text[..length + 1]));
            for at in 0..length {
                let mut other = text[..length].to_vec();
                other[at] ^= 0x80;
                assert!(!is_same(&text[..length], &other), "{at} of {length}");
            }
        }
    }

    #[test]
    fn every_column_has_numbers_of_its_own() {
        let mut keys = Keys::of(Owner::Span);
        let [mut texts, mut integers] = [Names::default(), Names::default()];
        keys.get(b"a").number(Of::Texts, &mut texts);
        let key = keys.get(b"b");
        assert_eq!((key.number(Of::Texts, &mut texts), key.number(Of::Integers, &mut integers)), (1, 0));
    }
}
