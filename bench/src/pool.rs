//! Requests made beforehand, each sent many times as if new: ids and times are patched where they lie.
//!
//! Making traffic costs more than storing it, and the load driver shares its cores with what it measures. In
//! protobuf ids and times have a fixed size, so a request is turned into another one by
//!
//! ```text
//!   trace ids ^ a   span, parent and link ids ^ b   times + c
//! ```
//!
//! which keeps parents, children and links together and costs a copy and a few additions a span.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use model::{Nanos, Span, Timestamp, TraceId};
use prost::Message;
use server::wire::otlp::encode::encode;
use traffic::Shop;
use traffic::rng::{Rng, mix};

pub struct Pool {
    templates: Vec<Template>,
    salt: u64,
    next: AtomicU64,
    unsent: Mutex<HashSet<u64>>,
}

/// One request, and where in it the things are that change.
pub struct Template {
    bytes: Vec<u8>,
    patches: Patches,
    pub spans: u64,
    latest_end: u64,
    traces: Vec<(TraceId, usize)>,
}

#[derive(Debug, Default, PartialEq)]
struct Patches {
    trace_ids: Vec<u32>,
    span_ids: Vec<u32>,
    times: Vec<u32>,
}

/// A request as it is sent once: the template, and the number that makes it different from every other.
#[derive(Clone, Copy, Debug)]
pub struct Draw {
    pub number: u64,
    pub spans: u64,
}

/// A trace that was sent, and how many spans it has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SentTrace {
    pub id: TraceId,
    pub spans: usize,
}

const START: Timestamp = Timestamp(1_767_268_800_000_000_000);
const HOUR_NANOS: u64 = 3_600_000_000_000;
/// How dense the traffic inside one request is: what a collector gathers from a busy shop in a moment.
const VISITS_PER_SECOND: f64 = 400.0;

impl Pool {
    /// About `spans` spans of an ordinary hour, in requests of the given sizes in turn.
    pub fn new(seed: u64, spans: u64, batch_sizes: &[usize]) -> Pool {
        let shop = Shop::new(seed);
        let mut templates: Vec<Template> = Vec::new();
        let mut made = 0;
        while made < spans {
            let size = batch_sizes[templates.len() % batch_sizes.len()];
            // Spread over the hour, so that every fault of it is in the pool.
            let at = START.plus(Nanos((made * HOUR_NANOS) / spans));
            let template = Template::new(&shop, at, size);
            made += template.spans;
            templates.push(template);
        }
        let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Pool {
            templates,
            salt: mix(clock.as_nanos() as u64),
            next: AtomicU64::new(0),
            unsent: Mutex::default(),
        }
    }

    pub fn draw(&self) -> Draw {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        Draw { number, spans: self.template(number).spans }
    }

    /// Says that a draw was never sent or never taken, so that nobody looks for its traces.
    pub fn give_back(&self, draw: Draw) {
        self.unsent.lock().unwrap_or_else(PoisonError::into_inner).insert(draw.number);
    }

    fn was_sent(&self, number: u64) -> bool {
        !self.unsent.lock().unwrap_or_else(PoisonError::into_inner).contains(&number)
    }

    /// What a later run with the same seed takes to go on where this one ends: `None` where the text is not of a pool.
    pub fn resume(&mut self, text: &str) -> Option<()> {
        let mut numbers = text.split_whitespace().map(|number| number.parse::<u64>().ok());
        self.salt = numbers.next()??;
        self.next = AtomicU64::new(numbers.next()??);
        self.unsent = Mutex::new(numbers.collect::<Option<_>>()?);
        Some(())
    }

    pub fn state(&self) -> String {
        let unsent = self.unsent.lock().unwrap_or_else(PoisonError::into_inner);
        let numbers = [self.salt, self.drawn()].into_iter().chain(unsent.iter().copied());
        numbers.map(|number| number.to_string()).collect::<Vec<_>>().join(" ")
    }

    pub fn drawn(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    /// The bytes of a draw, its latest span ending at `now`.
    pub fn bytes(&self, draw: Draw, now: Timestamp) -> Vec<u8> {
        let template = self.template(draw.number);
        template.stamped(self.keys(draw.number), now.0.wrapping_sub(template.latest_end))
    }

    /// Some trace of about the given size out of the first `drawn` draws.
    pub fn sent_trace(
        &self,
        rng: &mut Rng,
        drawn: u64,
        sizes: std::ops::RangeInclusive<usize>,
    ) -> Option<SentTrace> {
        for _ in 0..10_000 {
            let number = rng.below(drawn.max(1));
            let traces = &self.template(number).traces;
            let (id, spans) = *rng.pick(traces);
            if sizes.contains(&spans) && self.was_sent(number) {
                let keys = self.keys(number);
                return Some(SentTrace { id: TraceId(xor(id.0, keys.trace)), spans });
            }
        }
        None
    }

    /// One of a draw's own traces.
    pub fn trace_of(&self, draw: Draw, rng: &mut Rng) -> Option<SentTrace> {
        let template = self.template(draw.number);
        let (id, spans) = *template.traces.get(rng.below(template.traces.len().max(1) as u64) as usize)?;
        Some(SentTrace { id: TraceId(xor(id.0, self.keys(draw.number).trace)), spans })
    }

    pub fn mean_span_bytes(&self) -> f64 {
        let bytes: usize = self.templates.iter().map(|t| t.bytes.len()).sum();
        let spans: u64 = self.templates.iter().map(|t| t.spans).sum();
        bytes as f64 / spans as f64
    }

    fn template(&self, number: u64) -> &Template {
        &self.templates[(number % self.templates.len() as u64) as usize]
    }

    fn keys(&self, number: u64) -> Keys {
        let first = mix(self.salt.wrapping_add(number.wrapping_mul(3)));
        let (second, third) = (mix(first ^ self.salt), mix(first.wrapping_add(self.salt)));
        Keys { trace: (u128::from(first) << 64) | u128::from(second), span: third }
    }
}

#[derive(Clone, Copy)]
struct Keys {
    trace: u128,
    span: u64,
}

fn xor(id: [u8; 16], key: u128) -> [u8; 16] {
    (u128::from_be_bytes(id) ^ key).to_be_bytes()
}

impl Template {
    fn new(shop: &Shop, from: Timestamp, size: usize) -> Template {
        let mut spans: Vec<Span> = Vec::with_capacity(size + 400);
        let mut traces = Vec::new();
        for trace in shop.traces(from, VISITS_PER_SECOND) {
            if !spans.is_empty() && spans.len() + trace.len() > size {
                break;
            }
            traces.push((trace[0].trace_id, trace.len()));
            spans.extend(trace);
        }
        let latest_end = spans.iter().map(|s| s.end().0).max().unwrap_or_default();
        let bytes = encode(&spans).encode_to_vec();
        let mut patches = Patches::default();
        find_patches(&bytes, 0, Level::Request, &mut patches);
        Template { bytes, patches, spans: spans.len() as u64, latest_end, traces }
    }

    fn stamped(&self, keys: Keys, later: u64) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        for at in &self.patches.trace_ids {
            patch(&mut bytes, *at, |id: [u8; 16]| xor(id, keys.trace));
        }
        for at in &self.patches.span_ids {
            patch(&mut bytes, *at, |id: [u8; 8]| (u64::from_be_bytes(id) ^ keys.span).to_be_bytes());
        }
        for at in &self.patches.times {
            patch(&mut bytes, *at, |time: [u8; 8]| {
                u64::from_le_bytes(time).wrapping_add(later).to_le_bytes()
            });
        }
        bytes
    }
}

fn patch<const N: usize>(bytes: &mut [u8], at: u32, change: impl FnOnce([u8; N]) -> [u8; N]) {
    if let Some(place) = bytes.get_mut(at as usize..).and_then(|rest| rest.first_chunk_mut::<N>()) {
        *place = change(*place);
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Level {
    Request,
    ResourceSpans,
    ScopeSpans,
    Span,
    Event,
    Link,
}

/// Walks the messages that lead to ids and times. The bytes are our own, so they are well formed.
fn find_patches(bytes: &[u8], base: usize, level: Level, found: &mut Patches) {
    let mut at = 0;
    while at < bytes.len() {
        let key = varint(bytes, &mut at);
        let (field, wire_type) = (key >> 3, key & 7);
        let place = (base + at) as u32;
        match wire_type {
            0 => {
                varint(bytes, &mut at);
            }
            1 => {
                if matches!((level, field), (Level::Span, 7 | 8) | (Level::Event, 1)) {
                    found.times.push(place);
                }
                at += 8;
            }
            5 => at += 4,
            _ => {
                let length = varint(bytes, &mut at) as usize;
                let (start, inner) = (base + at, &bytes[at..at + length]);
                at += length;
                let deeper = match (level, field) {
                    (Level::Request, 1) => Some(Level::ResourceSpans),
                    (Level::ResourceSpans, 2) => Some(Level::ScopeSpans),
                    (Level::ScopeSpans, 2) => Some(Level::Span),
                    (Level::Span, 11) => Some(Level::Event),
                    (Level::Span, 13) => Some(Level::Link),
                    _ => None,
                };
                match (level, field, deeper) {
                    (_, _, Some(deeper)) => find_patches(inner, start, deeper, found),
                    (Level::Span | Level::Link, 1, _) => found.trace_ids.push(start as u32),
                    (Level::Span, 2 | 4, _) | (Level::Link, 2, _) => found.span_ids.push(start as u32),
                    _ => {}
                }
            }
        }
    }
}

fn varint(bytes: &[u8], at: &mut usize) -> u64 {
    let mut value = 0;
    let mut shift = 0;
    while let Some(byte) = bytes.get(*at) {
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests;
