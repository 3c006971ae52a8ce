//! ClickHouse's Native format, the writing side: columns as the engine keeps them, so that it parses nothing.
//!
//! ```text
//!   block  := varint(columns) varint(rows) column*
//!   column := string(name) string(type) data
//!   LowCardinality := u64 1 | u64 flags|width, u64 keys, key*, u64 rows, index*     the part after | only if rows > 0
//!   Array(T)       := prefix(T) u64 end_offset*  T*
//!   Map(K, V)      := prefix(K) prefix(V) u64 end_offset*  K*  V*
//! ```
//! All numbers are little-endian.

use std::hash::BuildHasher;

use bytes::Bytes;
use hashbrown::HashTable;

pub mod read;

/// A dictionary carries its own keys and nothing else.
const LOW_CARDINALITY_VERSION: u64 = 1;
const HAS_ADDITIONAL_KEYS: u64 = 1 << 9;
const NEED_UPDATE_DICTIONARY: u64 = 1 << 10;

pub trait Column {
    /// The engine's name of the type.
    fn type_name(&self) -> String;
    /// What precedes all data of a column, nested types first to last.
    fn prefix(&self, out: &mut Vec<u8>);
    /// The data, handed over: the column is empty afterwards.
    fn data(&mut self, out: &mut Chunks);
    fn rows(&self) -> usize;
    /// True when every row holds the type's default, so that the column need not be sent.
    fn is_blank(&self) -> bool;
    /// Adds what rows are missing up to so many, with the type's default in them.
    fn fill(&mut self, rows: usize);
}

/// A body in pieces, so that large columns are handed over without being copied together.
#[derive(Debug, Default)]
pub struct Chunks {
    done: Vec<Bytes>,
    open: Vec<u8>,
}

/// Pieces below this size are worth copying together.
const CHUNK_MIN_BYTES: usize = 64 << 10;

impl Chunks {
    pub fn push(&mut self, bytes: Vec<u8>) {
        if bytes.len() < CHUNK_MIN_BYTES {
            self.open.extend_from_slice(&bytes);
            return;
        }
        if !self.open.is_empty() {
            self.done.push(Bytes::from(std::mem::take(&mut self.open)));
        }
        self.done.push(Bytes::from(bytes));
    }

    pub fn push_u64(&mut self, number: u64) {
        self.open.extend_from_slice(&number.to_le_bytes());
    }

    pub fn finish(mut self) -> Vec<Bytes> {
        if !self.open.is_empty() {
            self.done.push(Bytes::from(self.open));
        }
        self.done
    }
}

/// One block of so many rows of the named columns, blank ones left out, and the list of those that are in. Rows that a
/// column misses at its end are blank.
pub fn block(rows: usize, columns: Vec<(&'static str, &mut dyn Column)>) -> (Vec<&'static str>, Vec<Bytes>) {
    let mut kept: Vec<_> = columns.into_iter().filter(|(_, column)| !column.is_blank()).collect();
    let mut out = Chunks::default();
    let mut head = Vec::new();
    put_varint(&mut head, kept.len() as u64);
    put_varint(&mut head, rows as u64);
    for (name, column) in &mut kept {
        column.fill(rows);
        debug_assert_eq!(column.rows(), rows, "column {name}");
        put_string(&mut head, name.as_bytes());
        put_string(&mut head, column.type_name().as_bytes());
        column.prefix(&mut head);
        out.push(std::mem::take(&mut head));
        column.data(&mut out);
    }
    (kept.iter().map(|(name, _)| *name).collect(), out.finish())
}

pub fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

pub fn put_string(out: &mut Vec<u8>, text: &[u8]) {
    put_varint(out, text.len() as u64);
    out.extend_from_slice(text);
}

// === Numbers and other types of fixed width ===

#[derive(Debug)]
pub struct Fixed<const WIDTH: usize> {
    type_name: &'static str,
    bytes: Vec<u8>,
    blank: bool,
}

impl<const WIDTH: usize> Fixed<WIDTH> {
    pub fn new(type_name: &'static str) -> Self {
        Fixed { type_name, bytes: Vec::new(), blank: true }
    }

    /// Makes room for so many more rows, so that they are not copied as they grow.
    pub fn reserve(&mut self, rows: usize) {
        self.bytes.reserve(rows * WIDTH);
    }

    pub fn push(&mut self, value: [u8; WIDTH]) {
        self.blank &= value == [0; WIDTH];
        self.bytes.extend_from_slice(&value);
    }

    /// The value of a row, of which most are blank: only others are written, behind the blank ones before them.
    #[inline]
    pub fn set(&mut self, row: usize, value: [u8; WIDTH]) {
        if value != [0; WIDTH] {
            self.fill(row);
            self.push(value);
        }
    }
}

impl<const WIDTH: usize> Column for Fixed<WIDTH> {
    fn type_name(&self) -> String {
        self.type_name.to_owned()
    }

    fn prefix(&self, _: &mut Vec<u8>) {}

    fn data(&mut self, out: &mut Chunks) {
        out.push(std::mem::take(&mut self.bytes));
    }

    fn rows(&self) -> usize {
        self.bytes.len() / WIDTH
    }

    fn is_blank(&self) -> bool {
        self.blank
    }

    fn fill(&mut self, rows: usize) {
        self.bytes.resize(rows * WIDTH, 0);
    }
}

// === Strings ===

#[derive(Debug, Default)]
pub struct Text {
    bytes: Vec<u8>,
    rows: usize,
    filled: bool,
}

impl Text {
    pub fn reserve(&mut self, bytes: usize) {
        self.bytes.reserve(bytes);
    }

    pub fn push(&mut self, text: impl AsRef<[u8]>) {
        let text = text.as_ref();
        self.filled |= !text.is_empty();
        put_string(&mut self.bytes, text);
        self.rows += 1;
    }

    /// As [`Fixed::set`].
    #[inline]
    pub fn set(&mut self, row: usize, text: &[u8]) {
        if !text.is_empty() {
            self.fill(row);
            self.push(text);
        }
    }
}

impl Column for Text {
    fn type_name(&self) -> String {
        "String".to_owned()
    }

    fn prefix(&self, _: &mut Vec<u8>) {}

    fn data(&mut self, out: &mut Chunks) {
        out.push(std::mem::take(&mut self.bytes));
    }

    fn rows(&self) -> usize {
        self.rows
    }

    fn is_blank(&self) -> bool {
        !self.filled
    }

    /// An empty text is its length, which is 0.
    fn fill(&mut self, rows: usize) {
        self.bytes.resize(self.bytes.len() + rows - self.rows, 0);
        self.rows = rows;
    }
}

// === LowCardinality(String) ===

/// Strings by their number in a dictionary that is built as they come.
#[derive(Debug, Default)]
pub struct Names {
    index: Vec<u32>,
    /// Every key once, as the format wants it: length, then bytes.
    keys: Vec<u8>,
    /// Where each key's bytes lie in `keys`.
    spans: Vec<(u32, u32)>,
    table: HashTable<u32>,
    hasher: foldhash::fast::FixedState,
}

impl Names {
    /// The same name in so many rows.
    pub fn all(name: &str, rows: usize) -> Names {
        let mut names = Names::default();
        let number = names.number_of(name.as_bytes());
        names.index.resize(rows, number);
        names
    }

    pub fn reserve(&mut self, rows: usize) {
        self.index.reserve(rows);
    }

    pub fn push(&mut self, text: impl AsRef<[u8]>) {
        let number = self.number_of(text.as_ref());
        self.index.push(number);
    }

    /// As [`Fixed::set`].
    #[inline]
    pub fn set(&mut self, row: usize, text: &[u8]) {
        if !text.is_empty() {
            self.fill(row);
            self.push(text);
        }
    }

    /// Pushes a name whose number is already known from [`Names::number_of`].
    pub fn push_number(&mut self, number: u32) {
        self.index.push(number);
    }

    pub fn number_of(&mut self, text: &[u8]) -> u32 {
        let hash = self.hasher.hash_one(text);
        let bytes_of = |number: u32| {
            let (at, len) = self.spans[number as usize];
            &self.keys[at as usize..at as usize + len as usize]
        };
        if let Some(number) = self.table.find(hash, |n| bytes_of(*n) == text) {
            return *number;
        }
        let number = self.spans.len() as u32;
        put_varint(&mut self.keys, text.len() as u64);
        self.spans.push((self.keys.len() as u32, text.len() as u32));
        self.keys.extend_from_slice(text);
        let (spans, keys, hasher) = (&self.spans, &self.keys, &self.hasher);
        self.table.insert_unique(hash, number, |n| {
            let (at, len) = spans[*n as usize];
            hasher.hash_one(&keys[at as usize..at as usize + len as usize])
        });
        number
    }

    /// The same names by the same numbers, and no rows.
    pub fn same_keys(&self) -> Names {
        Names {
            index: Vec::new(),
            keys: self.keys.clone(),
            spans: self.spans.clone(),
            table: self.table.clone(),
            hasher: self.hasher.clone(),
        }
    }

    fn width_code(&self) -> u64 {
        match self.spans.len() {
            0..=0x100 => 0,
            0x101..=0x1_0000 => 1,
            _ => 2,
        }
    }
}

impl Column for Names {
    fn type_name(&self) -> String {
        "LowCardinality(String)".to_owned()
    }

    fn prefix(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&LOW_CARDINALITY_VERSION.to_le_bytes());
    }

    fn data(&mut self, out: &mut Chunks) {
        if self.index.is_empty() {
            return;
        }
        let width = self.width_code();
        out.push_u64(HAS_ADDITIONAL_KEYS | NEED_UPDATE_DICTIONARY | width);
        out.push_u64(self.spans.len() as u64);
        out.push(std::mem::take(&mut self.keys));
        out.push_u64(self.index.len() as u64);
        let numbers: Vec<u8> = match width {
            0 => self.index.iter().map(|n| *n as u8).collect(),
            1 => self.index.iter().map(|n| (*n as u16).to_le_bytes()).collect::<Vec<_>>().into_flattened(),
            _ => self.index.iter().map(|n| n.to_le_bytes()).collect::<Vec<_>>().into_flattened(),
        };
        out.push(numbers);
    }

    fn rows(&self) -> usize {
        self.index.len()
    }

    fn is_blank(&self) -> bool {
        self.spans.iter().all(|(_, len)| *len == 0)
    }

    fn fill(&mut self, rows: usize) {
        if rows > self.index.len() {
            let blank = self.number_of(&[]);
            self.index.resize(rows, blank);
        }
    }
}

// === Array(T) and Map(K, V) ===

#[derive(Debug, Default)]
pub struct List<T> {
    ends: Vec<u8>,
    pub items: T,
}

impl<T: Column> List<T> {
    pub fn of(items: T) -> Self {
        List { ends: Vec::new(), items }
    }

    /// Ends a row: everything pushed to `items` since the last end belongs to it.
    pub fn end_row(&mut self) {
        self.ends.extend_from_slice(&(self.items.rows() as u64).to_le_bytes());
    }

    /// As [`Fixed::set`]: ends a row if there is anything in it.
    #[inline]
    pub fn end_row_at(&mut self, row: usize) {
        end_at(&mut self.ends, self.items.rows(), row);
    }
}

impl<T: Column> Column for List<T> {
    fn type_name(&self) -> String {
        format!("Array({})", self.items.type_name())
    }

    fn prefix(&self, out: &mut Vec<u8>) {
        self.items.prefix(out);
    }

    fn data(&mut self, out: &mut Chunks) {
        out.push(std::mem::take(&mut self.ends));
        self.items.data(out);
    }

    fn rows(&self) -> usize {
        self.ends.len() / 8
    }

    fn is_blank(&self) -> bool {
        self.items.rows() == 0
    }

    fn fill(&mut self, rows: usize) {
        fill_ends(&mut self.ends, rows);
    }
}

#[derive(Debug, Default)]
pub struct Dict<V, K = Names> {
    ends: Vec<u8>,
    pub keys: K,
    pub values: V,
}

impl<V: Column> Dict<V> {
    pub fn of(values: V) -> Self {
        Dict::from_parts(Names::default(), values)
    }
}

impl<V: Column, K: Column> Dict<V, K> {
    pub fn from_parts(keys: K, values: V) -> Self {
        Dict { ends: Vec::new(), keys, values }
    }

    pub fn end_row(&mut self) {
        self.ends.extend_from_slice(&(self.keys.rows() as u64).to_le_bytes());
    }

    /// As [`List::end_row_at`].
    #[inline]
    pub fn end_row_at(&mut self, row: usize) {
        end_at(&mut self.ends, self.keys.rows(), row);
    }
}

impl<V: Column, K: Column> Column for Dict<V, K> {
    fn type_name(&self) -> String {
        format!("Map({}, {})", self.keys.type_name(), self.values.type_name())
    }

    fn prefix(&self, out: &mut Vec<u8>) {
        self.keys.prefix(out);
        self.values.prefix(out);
    }

    fn data(&mut self, out: &mut Chunks) {
        out.push(std::mem::take(&mut self.ends));
        self.keys.data(out);
        self.values.data(out);
    }

    fn rows(&self) -> usize {
        self.ends.len() / 8
    }

    fn is_blank(&self) -> bool {
        self.keys.rows() == 0
    }

    fn fill(&mut self, rows: usize) {
        fill_ends(&mut self.ends, rows);
    }
}

/// Ends a row unless nothing was added since the last one's end.
#[inline]
fn end_at(ends: &mut Vec<u8>, items: usize, row: usize) {
    let end = (items as u64).to_le_bytes();
    if last_end(ends) != end {
        fill_ends(ends, row);
        ends.extend_from_slice(&end);
    }
}

/// Rows with nothing in them end where the one before them does.
fn fill_ends(ends: &mut Vec<u8>, rows: usize) {
    let last = last_end(ends);
    for _ in ends.len() / 8..rows {
        ends.extend_from_slice(&last);
    }
}

fn last_end(ends: &[u8]) -> [u8; 8] {
    ends.last_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: usize = 12;

    fn written(leaves_out: bool) -> Vec<u8> {
        let (mut number, mut text, mut name) = (Fixed::<4>::new("UInt32"), Text::default(), Names::default());
        let (mut list, mut map) = (List::<Names>::default(), Dict::<Text>::default());
        for row in 0..ROWS {
            let (value, said) = if [3, 4, 9].contains(&row) { (7_u32, "x") } else { (0, "") };
            if value > 0 {
                list.items.push("a");
                list.items.push("b");
                map.keys.push("k");
                map.values.push("v");
            }
            if leaves_out {
                number.set(row, value.to_le_bytes());
                text.set(row, said.as_bytes());
                name.set(row, said.as_bytes());
                list.end_row_at(row);
                map.end_row_at(row);
            } else {
                number.push(value.to_le_bytes());
                text.push(said);
                name.push(said);
                list.end_row();
                map.end_row();
            }
        }
        let columns: Vec<(&'static str, &mut dyn Column)> = vec![
            ("number", &mut number),
            ("text", &mut text),
            ("name", &mut name),
            ("list", &mut list),
            ("map", &mut map),
        ];
        block(ROWS, columns).1.concat()
    }

    #[test]
    fn rows_that_are_left_out_are_blank() {
        assert_eq!(written(true), written(false));
    }
}
