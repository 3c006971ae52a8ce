//! Spans and log records from their encoded OTLP straight into columns: the one converter on the way in.
//!
//! A batch becomes one block for each table. What a table has no value for in the whole batch is left out of the
//! block, and the engine fills in defaults.

use std::collections::HashSet;

use bytes::Bytes;
use model::{TenantId, Timestamp};
use thiserror::Error;
use xxhash_rust::xxh3::Xxh3;

use self::nested::{Events, Links};
use self::origins::Origins;
use super::keys::{Keys, Of};
use super::logs::{Logs, Source};
use super::native::{Column, Dict, Fixed, List, Names, Text, block};
use super::peer::Peer;
use super::pieces::{Pieces, Shape, Taker};
use super::receipts::Receipts;
use super::red::{self, RedCounter};
use super::token::Owner;
use crate::queue::{Kind, Record};
use crate::wire::otlp::sampling::whole_count;
use crate::wire::otlp::view::{
    EventOf, LinkOf, LogView, Malformed, ResourceView, ScopeView, SpanOf, Value, ValueOf, attribute,
    key_value, resource_spans,
};
use crate::wire::otlp::{UNKNOWN_SERVICE, notes_of};
use crate::wire::receipts::NoReceipts;

mod nested;
mod origins;

pub(super) use nested::push_tagged;

/// Spans with their texts as the bytes they are: the door has looked at them, and the engine takes bytes.
pub(super) type RawSpan<'a> = SpanOf<'a, &'a [u8]>;
pub(super) type RawEvent<'a> = EventOf<'a, &'a [u8]>;
pub(super) type RawLink<'a> = LinkOf<'a, &'a [u8]>;
pub(super) type RawValue<'a> = ValueOf<'a, &'a [u8]>;

/// A block ready to be sent: `INSERT INTO table (columns) FORMAT Native`.
#[derive(Clone, Debug)]
pub struct TableBlock {
    pub table: &'static str,
    pub columns: Vec<&'static str>,
    pub rows: usize,
    pub body: Vec<Bytes>,
}

/// The retention class of a span no policy has decided about.
pub const DEFAULT_CLASS: &str = "default";
const SERVICE_NAME: &str = "service.name";
const ERROR: u8 = 2;
const SECS_PER_DAY: u32 = 86_400;

/// The blocks of one batch under construction.
pub struct Batcher<'k> {
    spans: Spans,
    logs: Logs,
    receipts: Receipts,
    pieces: Pieces,
    origins: Origins,
    red: RedCounter,
    /// Origins stored before, by this process and today; they need not be sent again.
    known_origins: &'k HashSet<u64>,
    new_origins: HashSet<u64>,
}

/// What a batch came to.
pub struct Batched {
    /// One for each table that gets something.
    pub blocks: Vec<TableBlock>,
    pub new_origins: HashSet<u64>,
    pub spans: usize,
    pub logs: usize,
}

/// A record that is not what its kind says.
#[derive(Debug, Error)]
pub enum Unreadable {
    #[error("it is not an OTLP request")]
    Otlp(#[from] Malformed),
    #[error("it does not hold receipts")]
    Receipts(#[from] NoReceipts),
}

/// What all spans of one resource and scope have in common.
struct Shared {
    tenant: u32,
    received_secs: u32,
    service: u32,
    origin: u64,
}

impl<'k> Batcher<'k> {
    pub fn new(known_origins: &'k HashSet<u64>) -> Self {
        Batcher {
            spans: Spans::default(),
            logs: Logs::default(),
            receipts: Receipts::default(),
            pieces: Pieces::default(),
            origins: Origins::default(),
            red: RedCounter::default(),
            known_origins,
            new_origins: HashSet::new(),
        }
    }

    /// Makes room for the spans of these records, whose columns then do not move as they grow.
    pub fn expect(&mut self, records: &[Record]) {
        let of_spans = || records.iter().filter(|record| record.kind == Kind::Spans);
        let rows = of_spans().map(|record| record.spans as usize).sum();
        self.spans.reserve(rows, of_spans().map(|record| record.body.len()).sum());
    }

    /// Adds a record. What it carries was checked at the door; one that still cannot be read ends this record.
    pub fn add(&mut self, record: &Record) -> Result<(), Unreadable> {
        if record.kind == Kind::Receipts {
            return Ok(self.receipts.add(&record.body)?);
        }
        Ok(self.add_request(record)?)
    }

    fn add_request(&mut self, record: &Record) -> Result<(), Malformed> {
        let received_secs = record.received.as_secs() as u32;
        let mut span = RawSpan::default();
        let tenant = self.spans.tenant.number_of(record.tenant.0.as_bytes());
        for bytes in resource_spans(&record.body) {
            let resource = ResourceView::read(bytes?)?;
            let name = service_name(&resource)?;
            let service = self.spans.service.number_of(name.as_bytes());
            for bytes in &resource.scope_spans {
                let scope = ScopeView::read(bytes)?;
                let origin = self.origin_of(record, &resource, &scope, name)?;
                if record.kind == Kind::Logs {
                    let received_ns = record.received.0;
                    let source = Source { tenant: &record.tenant.0, service: name, origin, received_ns };
                    for bytes in &scope.spans {
                        self.logs.add(&source, &LogView::read(bytes)?)?;
                    }
                    continue;
                }
                let shared = Shared { tenant, received_secs, service, origin };
                for bytes in &scope.spans {
                    span.read(bytes)?;
                    self.add_span(&shared, &span)?;
                }
            }
        }
        Ok(())
    }

    pub fn finish(self) -> Batched {
        let spans = self.spans.span_id.rows();
        let mut blocks = Vec::with_capacity(6);
        if self.origins.rows() > 0 {
            blocks.push(self.origins.finish());
        }
        let logs = self.logs.rows();
        if logs > 0 {
            blocks.push(self.logs.finish());
        }
        blocks.extend(self.receipts.finish());
        if spans > 0 {
            let red = self.red.finish(&self.spans.tenant, &self.spans.service, &self.spans.operation);
            let pieces = self.pieces.finish(&self.spans.tenant, &self.spans.service, &self.spans.operation);
            blocks.push(self.spans.finish());
            blocks.push(pieces);
            blocks.push(red);
        }
        Batched { blocks, new_origins: self.new_origins, spans, logs }
    }

    fn add_span(&mut self, shared: &Shared, span: &RawSpan<'_>) -> Result<(), Malformed> {
        let duration = span.end.saturating_sub(span.start);
        let (tenant, operation) = (shared.tenant, self.spans.operation.number_of(span.name));
        let kind = span.kind.min(5) as u8;
        let status = span.status_code.min(2) as u8;

        let shape = Shape {
            tenant,
            service: shared.service,
            operation,
            origin: shared.origin,
            received_secs: shared.received_secs,
            start: span.start,
            duration,
            is_error: status == ERROR,
        };
        let taker = self.pieces.span(&shape, span);
        self.spans.add(&shape, span, taker)?;
        let key = red::Key {
            tenant,
            service: shared.service,
            operation,
            kind,
            day: (shared.received_secs / SECS_PER_DAY) as u16,
            time_secs: red::time_bucket(span.start),
        };
        let spans = match std::str::from_utf8(span.trace_state) {
            Ok(trace_state) => whole_count(trace_state, span_id_of(span.span_id)),
            Err(_) => 1,
        };
        self.red.count(key, spans, status == ERROR, duration);
        Ok(())
    }

    fn origin_of(
        &mut self,
        record: &Record,
        resource: &ResourceView<'_>,
        scope: &ScopeView<'_>,
        service: &str,
    ) -> Result<u64, Malformed> {
        let id = origin_id(&record.tenant, resource, scope);
        if !self.known_origins.contains(&id) && self.new_origins.insert(id) {
            self.origins.add(record, id, resource, scope, service)?;
        }
        Ok(id)
    }
}

fn service_name<'a>(resource: &ResourceView<'a>) -> Result<&'a str, Malformed> {
    for bytes in &resource.attributes {
        if let (SERVICE_NAME, Value::Str(name)) = key_value(bytes)?
            && !name.is_empty()
        {
            return Ok(name);
        }
    }
    Ok(UNKNOWN_SERVICE)
}

/// The same resource and scope always have the same id. Each part is closed by its length, so that no two
/// different origins run together into the same bytes.
fn origin_id(tenant: &TenantId, resource: &ResourceView<'_>, scope: &ScopeView<'_>) -> u64 {
    let parts: [&[u8]; 5] = [
        tenant.0.as_bytes(),
        resource.resource_bytes,
        resource.schema_url.as_bytes(),
        scope.scope_bytes,
        scope.schema_url.as_bytes(),
    ];
    let mut hash = Xxh3::new();
    for part in parts {
        hash.update(part);
        hash.update(&(part.len() as u64).to_le_bytes());
    }
    hash.digest()
}

pub(super) fn trace_id_of(bytes: &[u8]) -> [u8; 16] {
    bytes.try_into().unwrap_or_default()
}

pub(super) fn span_id_of(bytes: &[u8]) -> u64 {
    bytes.try_into().map_or(0, u64::from_be_bytes)
}

// === The spans table ===

struct Spans {
    keys: Keys,
    tenant: Names,
    received: Fixed<4>,
    trace_id: Fixed<16>,
    span_id: Fixed<8>,
    parent_id: Fixed<8>,
    start: Fixed<8>,
    duration: Fixed<8>,
    service: Names,
    operation: Names,
    kind: Fixed<1>,
    peer: Names,
    /// Kept from span to span, so that most peers cost no allocation.
    peer_text: Vec<u8>,
    status: Fixed<1>,
    status_message: Text,
    trace_state: Text,
    flags: Fixed<4>,
    origin: Fixed<8>,
    attr_str: Dict<Text>,
    attr_int: Dict<Fixed<8>>,
    attr_dbl: Dict<Fixed<8>>,
    attr_other: Dict<Text>,
    dropped: [Fixed<4>; 3],
    events: Events,
    links: Links,
    notes: List<Names>,
}

impl Default for Spans {
    fn default() -> Self {
        Spans {
            keys: Keys::of(Owner::Span),
            tenant: Names::default(),
            received: Fixed::new("DateTime('UTC')"),
            trace_id: Fixed::new("FixedString(16)"),
            span_id: Fixed::new("UInt64"),
            parent_id: Fixed::new("UInt64"),
            start: Fixed::new("DateTime64(9, 'UTC')"),
            duration: Fixed::new("UInt64"),
            service: Names::default(),
            operation: Names::default(),
            kind: Fixed::new("UInt8"),
            peer: Names::default(),
            peer_text: Vec::new(),
            status: Fixed::new("UInt8"),
            status_message: Text::default(),
            trace_state: Text::default(),
            flags: Fixed::new("UInt32"),
            origin: Fixed::new("UInt64"),
            attr_str: Dict::default(),
            attr_int: Dict::of(Fixed::new("Int64")),
            attr_dbl: Dict::of(Fixed::new("Float64")),
            attr_other: Dict::default(),
            dropped: std::array::from_fn(|_| Fixed::new("UInt32")),
            events: Events::default(),
            links: Links::default(),
            notes: List::default(),
        }
    }
}

impl Spans {
    /// Texts of attributes are about half of what is sent, and a span has some eight of them.
    fn reserve(&mut self, rows: usize, bytes: usize) {
        for names in [&mut self.tenant, &mut self.service, &mut self.operation, &mut self.peer] {
            names.reserve(rows);
        }
        for column in
            [&mut self.span_id, &mut self.parent_id, &mut self.start, &mut self.duration, &mut self.origin]
        {
            column.reserve(rows);
        }
        self.trace_id.reserve(rows);
        self.attr_str.keys.reserve(8 * rows);
        self.attr_str.values.reserve(bytes / 2);
    }

    fn add(&mut self, shape: &Shape, span: &RawSpan<'_>, mut taker: Taker<'_>) -> Result<(), Malformed> {
        let row = self.span_id.rows();
        self.tenant.push_number(shape.tenant);
        self.received.push(shape.received_secs.to_le_bytes());
        self.trace_id.push(trace_id_of(span.trace_id));
        self.span_id.push(span_id_of(span.span_id).to_le_bytes());
        self.parent_id.push(span_id_of(span.parent_id).to_le_bytes());
        self.start.push(span.start.to_le_bytes());
        self.duration.push(shape.duration.to_le_bytes());
        self.service.push_number(shape.service);
        self.operation.push_number(shape.operation);
        self.kind.push([span.kind.min(5) as u8]);
        self.status.set(row, [span.status_code.min(2) as u8]);
        self.status_message.set(row, span.status_message);
        self.trace_state.set(row, span.trace_state);
        self.flags.set(row, span.flags.to_le_bytes());
        self.origin.push(shape.origin.to_le_bytes());
        let dropped = [span.dropped_attributes, span.dropped_events, span.dropped_links];
        for (column, count) in self.dropped.iter_mut().zip(dropped) {
            column.set(row, count.to_le_bytes());
        }
        for note in notes_of(span, Timestamp::from_secs(shape.received_secs.into())).iter() {
            self.notes.items.push(note.text());
        }
        self.notes.end_row_at(row);
        self.add_attributes(row, span, &mut taker)?;
        self.events.add(row, span, &mut taker)?;
        self.links.add(row, span, &mut taker)
    }

    fn add_attributes(
        &mut self,
        row: usize,
        span: &RawSpan<'_>,
        taker: &mut Taker<'_>,
    ) -> Result<(), Malformed> {
        let mut peer = Peer::is_of(span.kind.min(5) as u8).then(Peer::default);
        for bytes in &span.attributes {
            let (name, value) = attribute(bytes)?;
            let key = self.keys.get(name);
            taker.attribute(key, &value);
            match value {
                RawValue::Str(text) => {
                    if let (Some(part), Some(peer)) = (key.peer, &mut peer) {
                        peer.add(part, text);
                    }
                    let number = key.number(Of::Texts, &mut self.attr_str.keys);
                    self.attr_str.keys.push_number(number);
                    self.attr_str.values.push(text);
                }
                RawValue::Int(integer) => {
                    let number = key.number(Of::Integers, &mut self.attr_int.keys);
                    self.attr_int.keys.push_number(number);
                    self.attr_int.values.push(integer.to_le_bytes());
                }
                RawValue::Double(double) => {
                    let number = key.number(Of::Doubles, &mut self.attr_dbl.keys);
                    self.attr_dbl.keys.push_number(number);
                    self.attr_dbl.values.push(double.to_le_bytes());
                }
                other => {
                    let number = key.number(Of::Others, &mut self.attr_other.keys);
                    self.attr_other.keys.push_number(number);
                    self.attr_other.values.push(other.to_model()?.to_text());
                }
            }
        }
        if let Some(peer) = peer {
            peer.write(&mut self.peer_text);
            self.peer.set(row, &self.peer_text);
        }
        self.attr_str.end_row_at(row);
        self.attr_int.end_row_at(row);
        self.attr_dbl.end_row_at(row);
        self.attr_other.end_row_at(row);
        Ok(())
    }

    fn finish(mut self) -> TableBlock {
        let [dropped_attributes, dropped_events, dropped_links] = &mut self.dropped;
        let rows = self.span_id.rows();
        let mut class = Names::all(DEFAULT_CLASS, rows);
        let (columns, body) = block(
            rows,
            vec![
                ("tenant", &mut self.tenant),
                ("class", &mut class),
                ("received", &mut self.received),
                ("trace_id", &mut self.trace_id),
                ("span_id", &mut self.span_id),
                ("parent_id", &mut self.parent_id),
                ("start", &mut self.start),
                ("duration", &mut self.duration),
                ("service", &mut self.service),
                ("operation", &mut self.operation),
                ("kind", &mut self.kind),
                ("peer", &mut self.peer),
                ("status", &mut self.status),
                ("status_message", &mut self.status_message),
                ("trace_state", &mut self.trace_state),
                ("flags", &mut self.flags),
                ("origin", &mut self.origin),
                ("attr_str", &mut self.attr_str),
                ("attr_int", &mut self.attr_int),
                ("attr_dbl", &mut self.attr_dbl),
                ("attr_other", &mut self.attr_other),
                ("dropped_attributes", dropped_attributes),
                ("dropped_events", dropped_events),
                ("dropped_links", dropped_links),
                ("events.time", &mut self.events.time),
                ("events.name", &mut self.events.name),
                ("events.attrs", &mut self.events.attrs),
                ("events.dropped", &mut self.events.dropped),
                ("links.trace_id", &mut self.links.trace_id),
                ("links.span_id", &mut self.links.span_id),
                ("links.trace_state", &mut self.links.trace_state),
                ("links.flags", &mut self.links.flags),
                ("links.attrs", &mut self.links.attrs),
                ("links.dropped", &mut self.links.dropped),
                ("notes", &mut self.notes),
            ],
        );
        TableBlock { table: "spans", columns, rows, body }
    }
}
