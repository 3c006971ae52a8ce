//! One trace in the making: a cursor in simulated time, and the spans opened and closed along it.
//!
//! What happens one after the other moves the cursor on; what happens at once starts from the same point. The
//! calls in `calls` and the journeys are written on top of this and know nothing of ids or origins.

use model::{AttrValue, Event, Link, Nanos, Span, SpanId, SpanKind, Status, Timestamp, TraceId};

use crate::Shop;
use crate::failure::{Failure, Outcome, exception_type, stack_trace};
use crate::fault::Effect;
use crate::rng::Rng;
use crate::service::{Library, Service, host_of, origin};
use crate::value::text;
use crate::visitor::Visitor;

/// A span of the trace in the making.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At(usize);

/// Something put in a queue whose consumer starts a trace of its own.
pub struct Message {
    pub after: Nanos,
    pub link: Link,
    pub order: String,
}

pub struct Sim<'a> {
    pub shop: &'a Shop,
    pub rng: Rng,
    pub now: Timestamp,
    pub visitor: Visitor,
    pub messages: Vec<Message>,
    trace_id: TraceId,
    trace_state: &'static str,
    spans: Vec<Span>,
    places: Vec<Place>,
}

/// Where a span was made.
#[derive(Clone, Copy)]
struct Place {
    service: &'static Service,
    instance: u64,
    /// The span by which the request came into the service.
    entry: usize,
}

/// W3C "sampled", and OTLP's "it is known whether the parent is remote".
const FLAGS_LOCAL: u32 = 0x101;
const FLAGS_REMOTE: u32 = 0x301;

impl<'a> Sim<'a> {
    pub fn new(shop: &'a Shop, mut rng: Rng, now: Timestamp, visitor: Visitor) -> Sim<'a> {
        let mut trace_id = [0; 16];
        trace_id[..8].copy_from_slice(&rng.id().to_be_bytes());
        trace_id[8..].copy_from_slice(&rng.id().to_be_bytes());
        let trace_state = if rng.chance(0.04) { "shop=canary,edge=t61rcWkgMzE" } else { "" };
        Sim {
            shop,
            rng,
            now,
            visitor,
            messages: Vec::new(),
            trace_id: TraceId(trace_id),
            trace_state,
            spans: Vec::new(),
            places: Vec::new(),
        }
    }

    pub fn open(
        &mut self,
        parent: Option<At>,
        service: &'static Service,
        library: Library,
        kind: SpanKind,
        name: impl Into<String>,
    ) -> At {
        let index = self.spans.len();
        let at_home = parent.map(|p| self.places[p.0]).filter(|p| p.service == service);
        let instance = at_home.map_or_else(|| self.rng.below(service.instances), |p| p.instance);
        let is_entry = matches!(kind, SpanKind::Server | SpanKind::Consumer);
        let entry = at_home.filter(|_| !is_entry).map_or(index, |p| p.entry);
        let version = self.shop.version_of(service, self.now);
        self.places.push(Place { service, instance, entry });
        self.spans.push(Span {
            trace_id: self.trace_id,
            span_id: SpanId(self.rng.id()),
            parent_id: parent.map_or_else(SpanId::default, |p| self.spans[p.0].span_id),
            service: service.name.to_owned(),
            operation: name.into(),
            kind,
            start: self.now,
            trace_state: self.trace_state.to_owned(),
            flags: if parent.is_some() && at_home.is_none() { FLAGS_REMOTE } else { FLAGS_LOCAL },
            origin: origin(service, instance, version, library),
            ..Span::default()
        });
        At(index)
    }

    /// Ends a span at the cursor.
    pub fn close(&mut self, at: At) {
        self.close_at(at, self.now);
    }

    pub fn close_at(&mut self, at: At, end: Timestamp) {
        let span = &mut self.spans[at.0];
        span.duration = end.since(span.start);
    }

    pub fn set(&mut self, at: At, key: &str, value: AttrValue) {
        self.spans[at.0].attributes.push((key.to_owned(), value));
    }

    pub fn set_all<const N: usize>(&mut self, at: At, attributes: [(&str, AttrValue); N]) {
        let to = &mut self.spans[at.0].attributes;
        to.extend(attributes.into_iter().map(|(key, value)| (key.to_owned(), value)));
    }

    pub fn set_ok(&mut self, at: At) {
        self.spans[at.0].status = Status::Ok;
    }

    pub fn link(&mut self, at: At, link: Link) {
        self.spans[at.0].links.push(link);
    }

    /// What another trace needs to link to this span.
    pub fn link_to(&self, at: At) -> Link {
        let span = &self.spans[at.0];
        Link {
            trace_id: span.trace_id,
            span_id: span.span_id,
            trace_state: span.trace_state.clone(),
            flags: FLAGS_REMOTE,
            ..Link::default()
        }
    }

    pub fn event<const N: usize>(&mut self, at: At, name: &str, attributes: [(&str, AttrValue); N]) {
        let attributes = attributes.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let time = self.now;
        self.spans[at.0].events.push(Event {
            time,
            name: name.to_owned(),
            attributes,
            dropped_attributes: 0,
        });
    }

    /// Marks a span as failed without an exception of its own, as a caller does.
    pub fn mark_failed(&mut self, at: At, error_type: impl Into<String>, message: &str) {
        let span = &mut self.spans[at.0];
        span.status = Status::Error;
        message.clone_into(&mut span.status_message);
        span.attributes.push(("error.type".to_owned(), text(error_type)));
    }

    /// Marks a span as failed by an exception thrown in it.
    pub fn throw(&mut self, at: At, failure: &Failure) {
        let place = self.places[at.0];
        let kind = exception_type(place.service.language, failure.category);
        let operation = self.spans[place.entry].operation.clone();
        let stack = stack_trace(place.service, &operation, failure);
        self.event(
            at,
            "exception",
            [
                ("exception.type", text(kind)),
                ("exception.message", text(failure.message.as_str())),
                ("exception.stacktrace", text(stack)),
            ],
        );
        self.mark_failed(at, kind, &failure.message);
    }

    pub fn service_of(&self, at: At) -> &'static Service {
        self.places[at.0].service
    }

    pub fn host_of(&self, at: At) -> String {
        let place = self.places[at.0];
        host_of(place.service, place.instance)
    }

    pub fn elapsed_ms(&self, at: At) -> f64 {
        self.now.since(self.spans[at.0].start).as_millis_f64()
    }

    pub fn started(&self, at: At) -> Timestamp {
        self.spans[at.0].start
    }

    /// Moves the cursor on by a time that is `median_ms` in the middle and longer under a slow release.
    pub fn work(&mut self, at: At, median_ms: f64) {
        let entry = self.places[at.0].entry;
        let factor = self.shop.slowness(&self.spans[entry], || self.host_of(at), self.now);
        let ms = self.rng.lognormal(median_ms * factor, 0.5);
        self.wait(ms);
    }

    pub fn wait(&mut self, ms: f64) {
        self.now = self.now.plus(Nanos::from_millis_f64(ms));
    }

    /// What the day's faults do to a request that has just come into a service.
    pub fn meet_faults(&mut self, at: At) -> Outcome {
        let shop = self.shop;
        for fault in shop.active(self.now) {
            let span = &self.spans[at.0];
            match fault.effect {
                Effect::Hangs { service, operation, share, hang }
                    if span.service == service && span.operation == operation && self.rng.chance(share) =>
                {
                    self.now = self.now.plus(hang);
                }
                Effect::Errors { service, operation, share, region }
                    if span.service == service
                        && span.operation == operation
                        && region.is_none_or(|r| r == self.visitor.region)
                        && self.rng.chance(share) =>
                {
                    self.wait(4.0);
                    return Err(self.shop.injected(service));
                }
                Effect::FailsFor { service, operation, customer, share }
                    if span.service == service
                        && span.operation == operation
                        && self.visitor.customer == customer
                        && self.rng.chance(share) =>
                {
                    self.wait(4.0);
                    return Err(self.shop.injected(service));
                }
                Effect::Queues { service, share, mean }
                    if span.service == service && self.rng.chance(share) =>
                {
                    let ms = self.rng.exponential(mean.as_millis_f64());
                    self.wait(ms);
                }
                Effect::Calls { service, operation, to }
                    if span.service == service && span.operation == operation =>
                {
                    let _ = self.grpc(at, to, "shop.internal.v1.Hints", "Get", &mut |sim, server| {
                        sim.work(server, 2.0);
                        Ok(())
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Does several things at once; the cursor ends where the last of them ends.
    pub fn parallel<T>(&mut self, branches: usize, mut each: impl FnMut(&mut Self, usize) -> T) -> Vec<T> {
        let start = self.now;
        let mut latest = start;
        let results = (0..branches)
            .map(|branch| {
                self.now = start.plus(Nanos(40_000 * branch as u64));
                let result = each(self, branch);
                latest = latest.max(self.now);
                result
            })
            .collect();
        self.now = latest;
        results
    }

    /// The spans as they are sent: some lost on the way, those of a wrong clock shifted.
    pub fn finish(mut self) -> Vec<Span> {
        self.lose_spans();
        self.shift_clocks();
        self.spans
    }

    fn lose_spans(&mut self) {
        let started = self.spans.first().map_or_else(Timestamp::default, |s| s.start);
        let shop = self.shop;
        for fault in shop.active(started) {
            let Effect::LostSpan { service, share } = fault.effect else { continue };
            if !self.rng.chance(share) {
                continue;
            }
            let is_parent = |id: SpanId| self.spans.iter().any(|s| s.parent_id == id);
            let lost = self.spans.iter().position(|s| s.service == service && is_parent(s.span_id));
            if let Some(lost) = lost {
                self.spans.remove(lost);
                self.places.remove(lost);
            }
        }
    }

    fn shift_clocks(&mut self) {
        for (span, place) in self.spans.iter_mut().zip(&self.places) {
            let ahead = self.shop.clock_ahead(&host_of(place.service, place.instance), span.start);
            if ahead.0 > 0 {
                span.start = span.start.plus(ahead);
                span.events.iter_mut().for_each(|event| event.time = event.time.plus(ahead));
            }
        }
    }
}
