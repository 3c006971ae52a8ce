//! The door's look at a request of spans or of logs: one walk over the encoded bytes, no allocation unless something is refused.
//!
//! What passes is safe for everything behind: every view of it reads without error, ids and times are in range,
//! values nest no deeper than the limit. A span that cannot pass is refused alone. A resource or scope that cannot
//! be read refuses the spans under it. Only where the spans cannot be told apart is the whole request malformed.

use bytes::{BufMut, Bytes, BytesMut};
use model::{Timestamp, TraceId};

use super::notes::is_id;
use super::refusal::{Reason, Refusal};
use super::sampling::{Threshold, with_threshold};
use super::view::{Malformed, Reader, SpanView, is_ascii, next_of};
use crate::limits::{ATTRIBUTE_MAX_DEPTH, REFUSED_SPANS_A_REQUEST, SPAN_MAX_BYTES};

mod log;
mod tally;

pub use tally::{Tally, TurnedAway, refused};

use tally::{Noticed, Tallies, service_of};

/// The last moment a signed 64-bit count of nanoseconds can name, in the year 2262.
const LAST_TIME: u64 = i64::MAX as u64;
/// Trace ids of 64 bits, as older tracers make them, are filled up with zeros.
const SHORT_TRACE_ID_BYTES: usize = 8;
/// How much of a span's name an example shows.
const EXAMPLE_NAME_CHARS: usize = 80;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The spans that may pass: the very bytes that came if that is all of them.
    pub body: Bytes,
    /// What came of each service, the passed and the refused. No two are of the same.
    pub tallies: Vec<Tally>,
}

/// What is judged one by one: spans, or log records, which lie in a request of the same shape.
struct Leaf {
    name: &'static str,
    /// Whether its ids are its own.
    is_span: bool,
    /// Given the size of what it inherits, and when it arrived in nanoseconds.
    check: fn(&[u8], usize, u64) -> Result<Noticed, Fault>,
    describe: fn(&[u8]) -> String,
    /// Below it a trace is left out.
    threshold: Threshold,
}

impl Leaf {
    /// Whether a span's trace is among those that stay.
    #[inline]
    fn stays(&self, span: &[u8]) -> bool {
        self.threshold == Threshold::NONE || {
            let (trace_id, trace_state) = sampled_by(span);
            self.threshold.keeps(trace_id, trace_state)
        }
    }
}

/// Looks at an encoded `ExportTraceServiceRequest`.
pub fn check(body: Bytes, received: Timestamp) -> Result<Checked, Malformed> {
    check_and_thin(body, received, Threshold::NONE)
}

/// The same, and leaves out the traces below a threshold. The spans of those that stay carry it.
pub fn check_and_thin(body: Bytes, received: Timestamp, threshold: Threshold) -> Result<Checked, Malformed> {
    check_request(
        body,
        received,
        &Leaf { name: "the span", is_span: true, check: check_span, describe, threshold },
    )
}

/// Looks at an encoded `ExportLogsServiceRequest`.
pub fn check_logs(body: Bytes, received: Timestamp) -> Result<Checked, Malformed> {
    let (check, describe, threshold) = (log::check, log::describe, Threshold::NONE);
    check_request(
        body,
        received,
        &Leaf { name: "the log record", is_span: false, check, describe, threshold },
    )
}

fn check_request(body: Bytes, received: Timestamp, leaf: &Leaf) -> Result<Checked, Malformed> {
    let is_clean = leaf.threshold == Threshold::NONE;
    let mut walk = Walk { leaf, received: received.0, tallies: Tallies::default(), is_clean };
    let mut reader = Reader::new(&body);
    while let Some(resource_spans) = next_of(&mut reader, 1)? {
        walk.resource_spans(resource_spans).map_err(|e| e.inside(&body, resource_spans))?;
    }
    let passed = if walk.is_clean { None } else { Some(only_good(&body, leaf)?) };
    Ok(Checked { body: passed.unwrap_or(body), tallies: walk.tallies.into_vec() })
}

impl Checked {
    pub fn accepted(&self) -> u32 {
        self.tallies.iter().map(|tally| tally.accepted).sum()
    }

    /// Whosever spans they were.
    pub fn refused(&self) -> Vec<Refusal> {
        tally::refused(&self.tallies)
    }
}

/// Why one span, or what it hangs under, cannot pass.
struct Fault {
    reason: Reason,
    detail: Option<Malformed>,
}

impl From<Malformed> for Fault {
    #[cold]
    fn from(detail: Malformed) -> Fault {
        let reason = match detail {
            Malformed::Utf8 { .. } => Reason::NotUtf8,
            Malformed::TooDeep { .. } => Reason::TooDeep,
            _ => Reason::Malformed,
        };
        Fault { reason, detail: Some(detail) }
    }
}

impl From<Reason> for Fault {
    #[cold]
    fn from(reason: Reason) -> Fault {
        Fault { reason, detail: None }
    }
}

struct Walk<'l> {
    leaf: &'l Leaf,
    received: u64,
    tallies: Tallies,
    /// Nothing has to be taken out: no span, nor a resource or scope that cannot be read and has none.
    is_clean: bool,
}

impl Walk<'_> {
    fn resource_spans(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        let resource = head(bytes, check_resource)?;
        self.is_clean &= resource.is_ok();
        self.tallies.turn_to(if resource.is_ok() { service_of(bytes)? } else { "" });
        let mut reader = Reader::new(bytes);
        while let Some(scope_spans) = next_of(&mut reader, 2)? {
            self.scope_spans(scope_spans, &resource).map_err(|e| e.inside(bytes, scope_spans))?;
        }
        Ok(())
    }

    fn scope_spans(&mut self, bytes: &[u8], resource: &Head) -> Result<(), Malformed> {
        let scope = head(bytes, check_scope)?;
        self.is_clean &= scope.is_ok();
        let mut reader = Reader::new(bytes);
        while let Some(span) = next_of(&mut reader, 2)? {
            match (resource, &scope) {
                (Err(fault), _) => self.refuse(span, fault, "its resource"),
                (_, Err(fault)) => self.refuse(span, fault, "its scope"),
                (Ok(resource), Ok(scope)) => match (self.leaf.check)(span, resource + scope, self.received) {
                    Ok(_) if !self.leaf.stays(span) => {
                        self.tallies.now().refused.add(Reason::OverTarget, 1, String::new);
                    }
                    Ok(noticed) => {
                        self.is_clean &= !noticed.has_short_trace_id();
                        self.tallies.now().accept(noticed);
                    }
                    Err(fault) => self.refuse(span, &fault, self.leaf.name),
                },
            }
        }
        Ok(())
    }

    #[cold]
    fn refuse(&mut self, span: &[u8], fault: &Fault, place: &str) {
        self.is_clean = false;
        let tally = self.tallies.now();
        if tally.turned_away.len() < REFUSED_SPANS_A_REQUEST
            && self.leaf.is_span
            && let Some((trace_id, span_id)) = ids_of(span)
        {
            tally.turned_away.push(TurnedAway { trace_id, span_id, reason: fault.reason });
        }
        tally.refused.add(fault.reason, 1, || {
            let detail = fault.detail.as_ref().map(|detail| format!(": in {place}, {detail}"));
            format!("{}{}", (self.leaf.describe)(span), detail.unwrap_or_default())
        });
    }
}

/// The size of what every span under it inherits, or why none of them can pass.
type Head = Result<usize, Fault>;

/// Checks what comes once in a ResourceSpans or ScopeSpans message, before its spans. An error means that
/// the message's parts cannot be told apart.
fn head(bytes: &[u8], check: fn(&[u8]) -> Result<(), Malformed>) -> Result<Head, Malformed> {
    let mut fault = None;
    let mut size = None;
    let mut reader = Reader::new(bytes);
    while let Some(field) = reader.next()? {
        match field.number {
            1 if size.is_some() => return Err(field.repeated()),
            1 => {
                let part = reader.bytes(field)?;
                size = Some(part.len());
                fault = check(part).err().or(fault);
            }
            2 => reader.bytes(field).map(|_| ())?,
            3 => fault = reader.is_text(field).err().or(fault),
            _ => reader.skip(field)?,
        }
    }
    Ok(fault.map_or(Ok(size.unwrap_or(0)), |fault| Err(fault.into())))
}

fn check_resource(bytes: &[u8]) -> Result<(), Malformed> {
    let mut reader = Reader::new(bytes);
    while let Some(field) = reader.next()? {
        match field.number {
            1 => check_key_value(reader.bytes(field)?, 0)?,
            2 => reader.varint(field).map(|_| ())?,
            _ => reader.skip(field)?,
        }
    }
    Ok(())
}

fn check_scope(bytes: &[u8]) -> Result<(), Malformed> {
    let mut reader = Reader::new(bytes);
    while let Some(field) = reader.next()? {
        match field.number {
            1 | 2 => reader.is_text(field)?,
            3 => check_key_value(reader.bytes(field)?, 0)?,
            4 => reader.varint(field).map(|_| ())?,
            _ => reader.skip(field)?,
        }
    }
    Ok(())
}

fn check_span(bytes: &[u8], inherited: usize, received: u64) -> Result<Noticed, Fault> {
    if bytes.len() + inherited > SPAN_MAX_BYTES {
        return Err(Reason::TooLarge.into());
    }
    let (mut trace_id, mut span_id, mut parent_id): (&[u8], &[u8], &[u8]) = (&[], &[], &[]);
    let (mut start, mut end) = (0, 0);
    let [mut dropped_attributes, mut dropped_events, mut dropped_links] = [0; 3];
    let mut reader = Reader::new(bytes);
    while let Some(field) = reader.next()? {
        match field.number {
            1 => trace_id = reader.bytes(field)?,
            2 => span_id = reader.bytes(field)?,
            3 | 5 => reader.is_text(field)?,
            4 => parent_id = reader.bytes(field)?,
            6 => reader.varint(field).map(|_| ())?,
            10 => dropped_attributes = reader.varint(field)?,
            12 => dropped_events = reader.varint(field)?,
            14 => dropped_links = reader.varint(field)?,
            7 => start = reader.fixed64(field)?,
            8 => end = reader.fixed64(field)?,
            9 => check_key_value(reader.bytes(field)?, 0)?,
            11 => check_event(reader.bytes(field)?)?,
            13 => check_link(reader.bytes(field)?)?,
            15 => check_status(reader.bytes(field)?)?,
            16 => reader.fixed32(field).map(|_| ())?,
            _ => reader.skip(field)?,
        }
    }
    let is_short = is_id(trace_id, SHORT_TRACE_ID_BYTES);
    if !is_short && !is_id(trace_id, 16) {
        Err(Reason::InvalidTraceId.into())
    } else if !is_id(span_id, 8) {
        Err(Reason::InvalidSpanId.into())
    } else if !matches!(parent_id.len(), 0 | 8) {
        Err(Reason::InvalidParentId.into())
    } else if start == 0 {
        Err(Reason::NoStartTime.into())
    } else if start > LAST_TIME || end > LAST_TIME {
        Err(Reason::TimeOutOfRange.into())
    } else {
        let noticed = Noticed::dropped(dropped_attributes, dropped_events, dropped_links);
        let noticed = noticed.at(start, end, received);
        Ok(if is_short { noticed.with_short_trace_id() } else { noticed })
    }
}

fn check_event(bytes: &[u8]) -> Result<(), Fault> {
    let mut time = 0;
    let mut reader = Reader::new(bytes);
    while let Some(field) = reader.next()? {
        match field.number {
            1 => time = reader.fixed64(field)?,
            2 => reader.is_text(field)?,
            3 => check_key_value(reader.bytes(field)?, 0)?,
            4 => reader.varint(field).map(|_| ())?,
            _ => reader.skip(field)?,
        }
    }
    if time > LAST_TIME { Err(Reason::TimeOutOfRange.into()) } else { Ok(()) }
}

fn check_link(bytes: &[u8]) -> Result<(), Malformed> {
    let mut reader = Reader::new(bytes);
    while let Some(field) = reader.next()? {
        match field.number {
            1 | 2 => reader.bytes(field).map(|_| ())?,
            3 => reader.is_text(field)?,
            4 => check_key_value(reader.bytes(field)?, 0)?,
            5 => reader.varint(field).map(|_| ())?,
            6 => reader.fixed32(field).map(|_| ())?,
            _ => reader.skip(field)?,
        }
    }
    Ok(())
}

fn check_status(bytes: &[u8]) -> Result<(), Malformed> {
    let mut reader = Reader::new(bytes);
    while let Some(field) = reader.next()? {
        match field.number {
            2 => reader.is_text(field)?,
            3 => reader.varint(field).map(|_| ())?,
            _ => reader.skip(field)?,
        }
    }
    Ok(())
}

#[inline]
fn check_key_value(bytes: &[u8], depth: usize) -> Result<(), Malformed> {
    if is_plain_text(bytes) { Ok(()) } else { check_any_key_value(bytes, depth) }
}

/// Whether an attribute is what most are: a key and a text, each once, both short and ASCII. Lengths below 128 are
/// ASCII too, so one look over all the bytes vouches for them as well as for the texts.
#[inline]
fn is_plain_text(bytes: &[u8]) -> bool {
    let [0x0a, key, after_key_length @ ..] = bytes else { return false };
    let Some([0x12, value, 0x0a, text, rest @ ..]) = after_key_length.get(usize::from(*key)..) else {
        return false;
    };
    usize::from(*text) == rest.len() && usize::from(*value) == rest.len() + 2 && is_ascii(bytes)
}

fn check_any_key_value(bytes: &[u8], depth: usize) -> Result<(), Malformed> {
    let mut has_value = false;
    let mut reader = Reader::new(bytes);
    while let Some(field) = reader.next()? {
        match field.number {
            1 => reader.is_text(field)?,
            2 if has_value => return Err(field.repeated()),
            2 => {
                has_value = true;
                check_value(reader.bytes(field)?, depth)?;
            }
            _ => reader.skip(field)?,
        }
    }
    Ok(())
}

#[inline]
fn check_value(bytes: &[u8], depth: usize) -> Result<(), Malformed> {
    let mut last = 0;
    let mut reader = Reader::new(bytes);
    while let Some(field) = reader.next()? {
        match field.number {
            1 => reader.is_text(field)?,
            2 | 3 | 8 => reader.varint(field).map(|_| ())?,
            4 => reader.fixed64(field).map(|_| ())?,
            5 | 6 if last == field.number => return Err(field.repeated()),
            5 | 6 => check_nested(reader.bytes(field)?, field.number, depth)?,
            7 => reader.bytes(field).map(|_| ())?,
            _ => {
                reader.skip(field)?;
                continue;
            }
        }
        last = field.number;
    }
    Ok(())
}

/// An array (5) or a map (6).
fn check_nested(bytes: &[u8], kind: u32, depth: usize) -> Result<(), Malformed> {
    if depth == ATTRIBUTE_MAX_DEPTH {
        return Err(Malformed::TooDeep { max: ATTRIBUTE_MAX_DEPTH, at: 0 });
    }
    let mut reader = Reader::new(bytes);
    while let Some(item) = next_of(&mut reader, 1)? {
        if kind == 5 { check_value(item, depth + 1)? } else { check_key_value(item, depth + 1)? }
    }
    Ok(())
}

/// The request without the spans that cannot pass; all else, unknown fields too, stays as it came. It judges every
/// span a second time: a list of the refused could be larger than the request.
#[cold]
fn only_good(request: &[u8], leaf: &Leaf) -> Result<Bytes, Malformed> {
    let mut out = BytesMut::with_capacity(request.len());
    rewrite(request, 1, &mut out, |resource_spans, out| {
        let Ok(resource) = head(resource_spans, check_resource)? else { return Ok(()) };
        rewrite(resource_spans, 2, out, |scope_spans, out| {
            let Ok(scope) = head(scope_spans, check_scope)? else { return Ok(()) };
            let mut reader = Reader::new(scope_spans);
            loop {
                let before = reader.rest();
                let Some(field) = reader.next()? else { return Ok(()) };
                if field.number == 2 {
                    let span = reader.bytes(field)?;
                    let Ok(noticed) = (leaf.check)(span, resource + scope, 0) else { continue };
                    if !leaf.stays(span) {
                        continue;
                    }
                    if noticed.has_short_trace_id() || leaf.threshold != Threshold::NONE {
                        put_changed(span, leaf.threshold, out)?;
                        continue;
                    }
                } else {
                    reader.skip(field)?;
                }
                out.put_slice(&before[..before.len() - reader.rest().len()]);
            }
        })
    })?;
    Ok(out.freeze())
}

/// A span's trace id and trace state, as far as they can be read.
fn sampled_by(span: &[u8]) -> (&[u8], &str) {
    let (mut trace_id, mut trace_state): (&[u8], &str) = (&[], "");
    let mut reader = Reader::new(span);
    while let Ok(Some(field)) = reader.next() {
        let read = match field.number {
            1 => reader.bytes(field).map(|bytes| trace_id = bytes),
            3 => reader.text(field).map(|text| trace_state = text),
            _ => reader.skip(field),
        };
        if read.is_err() {
            break;
        }
    }
    (trace_id, trace_state)
}

/// A span's ids as far as they can be read, whatever else is wrong with it.
fn ids_of(span: &[u8]) -> Option<([u8; 16], [u8; 8])> {
    let (mut trace_id, mut span_id) = (None, None);
    let mut reader = Reader::new(span);
    while let Ok(Some(field)) = reader.next() {
        let read = match field.number {
            1 => reader.bytes(field).map(|bytes| trace_id = bytes.try_into().ok()),
            2 => reader.bytes(field).map(|bytes| span_id = bytes.try_into().ok()),
            _ => reader.skip(field),
        };
        if read.is_err() {
            break;
        }
    }
    Some((trace_id?, span_id?))
}

/// A span of a request with its trace id at full length and the threshold in its trace state; all else as it came.
fn put_changed(span: &[u8], threshold: Threshold, out: &mut BytesMut) -> Result<(), Malformed> {
    let (trace_id, trace_state) = sampled_by(span);
    let state = match threshold {
        Threshold::NONE => trace_state.to_owned(),
        threshold => with_threshold(trace_state, threshold),
    };
    let mut part = BytesMut::with_capacity(span.len() + state.len() + 16);
    let mut reader = Reader::new(span);
    loop {
        let before = reader.rest();
        let Some(field) = reader.next()? else { break };
        reader.skip(field)?;
        if !matches!(field.number, 1 | 3) {
            part.put_slice(&before[..before.len() - reader.rest().len()]);
        }
    }
    let mut whole_id = [0; 16];
    whole_id[16 - trace_id.len().min(16)..].copy_from_slice(&trace_id[..trace_id.len().min(16)]);
    put_bytes(&mut part, 1, &whole_id);
    if !state.is_empty() {
        put_bytes(&mut part, 3, state.as_bytes());
    }
    put_bytes(out, 2, &part);
    Ok(())
}

fn put_bytes(out: &mut BytesMut, number: u32, bytes: &[u8]) {
    put_varint(out, u64::from(number << 3 | 2));
    put_varint(out, bytes.len() as u64);
    out.put_slice(bytes);
}

/// Copies a message, passing each submessage `number` through `inner`; those that end up empty are left out.
fn rewrite(
    message: &[u8],
    number: u32,
    out: &mut BytesMut,
    inner: impl Fn(&[u8], &mut BytesMut) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let mut part = BytesMut::new();
    let mut reader = Reader::new(message);
    loop {
        let before = reader.rest();
        let Some(field) = reader.next()? else { return Ok(()) };
        if field.number != number {
            reader.skip(field)?;
            out.put_slice(&before[..before.len() - reader.rest().len()]);
            continue;
        }
        part.clear();
        inner(reader.bytes(field)?, &mut part)?;
        if part.is_empty() {
            continue;
        }
        put_bytes(out, number, &part);
    }
}

fn put_varint(out: &mut BytesMut, mut value: u64) {
    while value >= 0x80 {
        out.put_u8(value as u8 | 0x80);
        value >>= 7;
    }
    out.put_u8(value as u8);
}

/// Names a span as well as its bytes allow.
fn describe(bytes: &[u8]) -> String {
    let mut span = SpanView::default();
    // What was read before the trouble is there all the same.
    let _ = span.read(bytes);
    let name: String = span.name.chars().take(EXAMPLE_NAME_CHARS).collect();
    let trace_id = TraceId::from_slice(span.trace_id).map_or_else(|| hex(span.trace_id), |id| id.to_string());
    format!("span {name:?} with trace id '{trace_id}' and span id '{}'", hex(span.span_id))
}

/// The first bytes of an id of any length.
fn hex(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    if bytes.len() > 16 { format!("{digits}… ({} bytes)", bytes.len()) } else { digits }
}

#[cfg(test)]
mod tests;
