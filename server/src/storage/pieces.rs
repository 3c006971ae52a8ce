//! The table searches look through. A piece is the spans of one trace that arrived in one batch, as one row: when,
//! how long, which operations of which services with their longest spans, the ranges of numbers, and a token for each
//! thing that can be asked for. It names traces worth a look; `spans` has the truth.
//!
//! One row for many spans is what makes attributes affordable here: a trace says the same things again and again.

use hashbrown::HashMap;
use model::Nanos;
use model::hist::bucket_of;

use super::columns::{RawEvent, RawLink, RawSpan, RawValue, TableBlock};
use super::keys::{Key, Of};
use super::native::{Column, Fixed, List, Names, block};
use super::token::{self, Fact};
use crate::limits::{PIECE_MAX_GROUPS, PIECE_MAX_NUMBERS, PIECE_MAX_TOKENS};

/// Pieces are ordered by this many seconds of their start first.
pub const BUCKET_SECS: u64 = 3_600;

/// What the columns of a span say about it already. Numbers are those of the `spans` block's dictionaries.
pub struct Shape {
    pub tenant: u32,
    pub service: u32,
    pub operation: u32,
    pub origin: u64,
    pub received_secs: u32,
    pub start: u64,
    pub duration: u64,
    pub is_error: bool,
}

/// The pieces of one batch under construction.
#[derive(Default)]
pub struct Pieces {
    /// The piece of each trace that still takes spans.
    open: HashMap<(u32, [u8; 16]), u32, foldhash::fast::FixedState>,
    pieces: Vec<Piece>,
    number_keys: Names,
    lately: Lately,
}

/// Tokens taken lately, and by which piece: what a trace says with every span is mostly told here, and need not be
/// sorted out at the end.
struct Lately {
    slots: Vec<(u32, u32)>,
}

/// As many as lie close to the processor.
const SLOTS: usize = 1 << 13;
const NO_PIECE: u32 = u32::MAX;

struct Piece {
    tenant: u32,
    trace_id: [u8; 16],
    received_secs: u32,
    first: u64,
    end: u64,
    spans: u32,
    errors: u32,
    groups: Vec<Group>,
    numbers: Vec<Range>,
    tokens: Vec<u32>,
    /// Tokens are made unique when there are this many.
    crowded_at: usize,
}

struct Group {
    service: u32,
    operation: u32,
    longest: u16,
    has_error: bool,
}

struct Range {
    key: u32,
    min: f32,
    max: f32,
}

/// Takes what a span holds, as it passes by, into its piece.
pub struct Taker<'p> {
    number: u32,
    piece: &'p mut Piece,
    number_keys: &'p mut Names,
    lately: &'p mut Lately,
}

impl Default for Lately {
    fn default() -> Lately {
        Lately { slots: vec![(NO_PIECE, 0); SLOTS] }
    }
}

impl Lately {
    /// Whether the piece may not have the token yet.
    #[inline]
    fn is_new(&mut self, piece: u32, token: u32) -> bool {
        let slot = &mut self.slots[(token ^ piece.wrapping_mul(0x9e37_79b9)) as usize % SLOTS];
        std::mem::replace(slot, (piece, token)) != (piece, token)
    }
}

impl Pieces {
    /// Counts a span and returns what takes the rest of it.
    pub fn span(&mut self, shape: &Shape, span: &RawSpan<'_>) -> Taker<'_> {
        let trace_id: [u8; 16] = span.trace_id.try_into().unwrap_or_default();
        let next = self.pieces.len() as u32;
        let number = self.open.entry((shape.tenant, trace_id)).or_insert(next);
        if self.pieces.get_mut(*number as usize).is_none_or(Piece::is_full) {
            *number = next;
            self.pieces.push(Piece::new(shape, trace_id));
        }
        let (number, piece) = (*number, &mut self.pieces[*number as usize]);
        piece.count(shape);
        let mut taker = Taker { number, piece, number_keys: &mut self.number_keys, lately: &mut self.lately };
        taker.take(token::of_origin(shape.origin));
        if !span.status_message.is_empty() {
            taker.take(token::of_fact(Fact::StatusMessage, span.status_message));
        }
        taker
    }

    /// The rows. Names are those of the dictionaries that numbered them.
    pub fn finish(self, tenants: &Names, services: &Names, operations: &Names) -> TableBlock {
        let mut rows = Rows::new(self.number_keys);
        rows.tenant = tenants.same_keys();
        rows.service.items = services.same_keys();
        rows.operation.items = operations.same_keys();
        self.pieces.into_iter().for_each(|piece| rows.add(piece));
        rows.finish()
    }
}

impl Piece {
    fn new(shape: &Shape, trace_id: [u8; 16]) -> Piece {
        Piece {
            tenant: shape.tenant,
            trace_id,
            received_secs: shape.received_secs,
            first: u64::MAX,
            end: 0,
            spans: 0,
            errors: 0,
            groups: Vec::new(),
            numbers: Vec::new(),
            tokens: Vec::new(),
            crowded_at: PIECE_MAX_TOKENS / 8,
        }
    }

    /// Lists are searched from end to end, so they stay short; the rest of a large trace goes into further pieces.
    fn is_full(&mut self) -> bool {
        if self.tokens.len() >= self.crowded_at {
            self.tokens.sort_unstable();
            self.tokens.dedup();
            self.crowded_at = 2 * self.tokens.len().max(PIECE_MAX_TOKENS / 16);
        }
        self.groups.len() >= PIECE_MAX_GROUPS
            || self.numbers.len() >= PIECE_MAX_NUMBERS
            || self.tokens.len() >= PIECE_MAX_TOKENS
    }

    fn count(&mut self, shape: &Shape) {
        self.first = self.first.min(shape.start);
        self.end = self.end.max(shape.start.saturating_add(shape.duration));
        self.spans += 1;
        self.errors += u32::from(shape.is_error);
        let longest = bucket_of(Nanos(shape.duration));
        let same = |g: &&mut Group| g.service == shape.service && g.operation == shape.operation;
        match self.groups.iter_mut().find(same) {
            Some(group) => {
                group.longest = group.longest.max(longest);
                group.has_error |= shape.is_error;
            }
            None => self.groups.push(Group {
                service: shape.service,
                operation: shape.operation,
                longest,
                has_error: shape.is_error,
            }),
        }
    }
}

impl Taker<'_> {
    #[inline]
    fn take(&mut self, token: u32) {
        if self.lately.is_new(self.number, token) {
            self.piece.tokens.push(token);
        }
    }

    #[inline]
    pub fn attribute(&mut self, key: &mut Key, value: &RawValue<'_>) {
        match value {
            // That a number is there is told by its range.
            RawValue::Int(number) => {
                self.take(key.token.int(*number));
                self.number(key, *number as f64);
            }
            RawValue::Double(number) => {
                if let Some(whole) = token::whole(*number) {
                    self.take(key.token.int(whole));
                }
                self.number(key, *number);
            }
            _ => self.tagged(key, value),
        }
    }

    pub fn event(&mut self, event: &RawEvent<'_>) {
        self.take(token::of_fact(Fact::EventName, event.name));
    }

    pub fn link(&mut self, link: &RawLink<'_>) {
        self.take(token::of_fact(Fact::LinkTraceId, link.trace_id));
        self.take(token::of_fact(Fact::LinkSpanId, link.span_id));
    }

    /// An attribute of an event or link, or one of a span that is no number.
    #[inline]
    pub fn tagged(&mut self, key: &Key, value: &RawValue<'_>) {
        self.take(key.present);
        match value {
            RawValue::Str(text) => self.take(key.token.text(text)),
            RawValue::Bool(flag) => self.take(key.token.bool(*flag)),
            RawValue::Int(number) => self.take(key.token.int(*number)),
            RawValue::Double(number) => {
                if let Some(whole) = token::whole(*number) {
                    self.take(key.token.int(whole));
                }
            }
            _ => {}
        }
    }

    fn number(&mut self, key: &mut Key, value: f64) {
        let key = key.number(Of::Ranges, self.number_keys);
        let value = value as f32;
        match self.piece.numbers.iter_mut().find(|range| range.key == key) {
            Some(range) => {
                range.min = range.min.min(value);
                range.max = range.max.max(value);
            }
            None => self.piece.numbers.push(Range { key, min: value, max: value }),
        }
    }
}

/// The columns of the table.
struct Rows {
    tenant: Names,
    received: Fixed<4>,
    bucket: Fixed<4>,
    error: Fixed<1>,
    first: Fixed<8>,
    length: Fixed<8>,
    trace_id: Fixed<16>,
    spans: Fixed<4>,
    errors: Fixed<4>,
    service: List<Names>,
    operation: List<Names>,
    longest: List<Fixed<2>>,
    failed: List<Fixed<1>>,
    number_key: List<Names>,
    number_min: List<Fixed<4>>,
    number_max: List<Fixed<4>>,
    tokens: List<Fixed<4>>,
}

impl Rows {
    fn new(number_keys: Names) -> Rows {
        Rows {
            tenant: Names::default(),
            received: Fixed::new("DateTime('UTC')"),
            bucket: Fixed::new("DateTime('UTC')"),
            error: Fixed::new("UInt8"),
            first: Fixed::new("DateTime64(9, 'UTC')"),
            length: Fixed::new("UInt64"),
            trace_id: Fixed::new("FixedString(16)"),
            spans: Fixed::new("UInt32"),
            errors: Fixed::new("UInt32"),
            service: List::default(),
            operation: List::default(),
            longest: List::of(Fixed::new("UInt16")),
            failed: List::of(Fixed::new("UInt8")),
            number_key: List::of(number_keys),
            number_min: List::of(Fixed::new("Float32")),
            number_max: List::of(Fixed::new("Float32")),
            tokens: List::of(Fixed::new("UInt32")),
        }
    }

    fn add(&mut self, mut piece: Piece) {
        self.tenant.push_number(piece.tenant);
        self.received.push(piece.received_secs.to_le_bytes());
        let secs = piece.first / 1_000_000_000;
        self.bucket.push(((secs - secs % BUCKET_SECS) as u32).to_le_bytes());
        self.error.push([u8::from(piece.errors > 0)]);
        self.first.push(piece.first.to_le_bytes());
        self.length.push((piece.end - piece.first).to_le_bytes());
        self.trace_id.push(piece.trace_id);
        self.spans.push(piece.spans.to_le_bytes());
        self.errors.push(piece.errors.to_le_bytes());
        for group in &piece.groups {
            self.service.items.push_number(group.service);
            self.operation.items.push_number(group.operation);
            self.longest.items.push(group.longest.to_le_bytes());
            self.failed.items.push([u8::from(group.has_error)]);
        }
        for range in &piece.numbers {
            self.number_key.items.push_number(range.key);
            self.number_min.items.push(range.min.to_le_bytes());
            self.number_max.items.push(range.max.to_le_bytes());
        }
        // In order, so that pieces alike look alike to the compression.
        piece.tokens.sort_unstable();
        piece.tokens.dedup();
        for token in piece.tokens {
            self.tokens.items.push(token.to_le_bytes());
        }
        self.end_row();
    }

    fn end_row(&mut self) {
        self.service.end_row();
        self.operation.end_row();
        self.longest.end_row();
        self.failed.end_row();
        self.number_key.end_row();
        self.number_min.end_row();
        self.number_max.end_row();
        self.tokens.end_row();
    }

    fn finish(mut self) -> TableBlock {
        let rows = self.trace_id.rows();
        let (columns, body) = block(
            rows,
            vec![
                ("tenant", &mut self.tenant),
                ("received", &mut self.received),
                ("bucket", &mut self.bucket),
                ("error", &mut self.error),
                ("first", &mut self.first),
                ("length", &mut self.length),
                ("trace_id", &mut self.trace_id),
                ("spans", &mut self.spans),
                ("errors", &mut self.errors),
                ("groups.service", &mut self.service),
                ("groups.operation", &mut self.operation),
                ("groups.longest", &mut self.longest),
                ("groups.failed", &mut self.failed),
                ("numbers.key", &mut self.number_key),
                ("numbers.min", &mut self.number_min),
                ("numbers.max", &mut self.number_max),
                ("tokens", &mut self.tokens),
            ],
        );
        TableBlock { table: "pieces", columns, rows, body }
    }
}
