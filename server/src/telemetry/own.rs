//! Skein's own traces: pieces of its work as spans of the OpenTelemetry SDK, on their way to a tenant of their own.
//!
//! What moves these very spans, and what asks about them, is never traced: otherwise each would make the next. Whoever
//! begins a piece of work decides that. Its parts are spans only while they run within a piece that is one.

use std::borrow::Cow;
use std::time::Duration;

use opentelemetry::context::{FutureExt, WithContext};
use opentelemetry::trace::{Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue, Value, global};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, Span, SpanProcessor};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::sync::mpsc;

use crate::limits::{OWN_SPANS_AT_ONCE, OWN_SPANS_WAITING_MAX};

pub use opentelemetry::trace::SpanKind as Kind;
pub use opentelemetry_sdk::trace::SpanData;

const SERVICE: &str = "skein";
/// Marks a span that goes nowhere.
const LEFT_OUT: &str = "skein.left_out";

/// A piece of work, from its making to its end.
#[must_use = "work ends when it is dropped"]
pub struct Work {
    context: Context,
}

impl Work {
    /// The beginning of a trace.
    pub fn begin(name: impl Into<Cow<'static, str>>, kind: Kind) -> Work {
        Work::within(&Context::new(), name.into(), kind)
    }

    /// A part of the work it runs in; nothing if that is not traced.
    pub fn part(name: impl Into<Cow<'static, str>>, kind: Kind) -> Work {
        let here = Context::current();
        if here.span().is_recording() { Work::within(&here, name.into(), kind) } else { Work::untraced() }
    }

    /// Leaves no trace, nor do its parts.
    pub fn untraced() -> Work {
        Work { context: Context::new() }
    }

    fn within(parent: &Context, name: Cow<'static, str>, kind: Kind) -> Work {
        let tracer = global::tracer(SERVICE);
        let span = tracer.span_builder(name).with_kind(kind).start_with_context(&tracer, parent);
        Work { context: parent.with_span(span) }
    }

    /// What runs in it is part of it.
    pub fn during<F: Future>(&self, doing: F) -> WithContext<F> {
        doing.with_context(self.context.clone())
    }

    /// As the semantic conventions name things. Never a value that a sender or a user wrote.
    pub fn note(&self, key: &'static str, value: impl Into<Value>) {
        self.context.span().set_attribute(KeyValue::new(key, value));
    }

    /// Turns out not to be worth a trace.
    pub fn leave_out(&self) {
        self.note(LEFT_OUT, true);
    }

    pub fn fail(&self, why: impl Into<Cow<'static, str>>) {
        self.context.span().set_status(Status::error(why));
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.context.span().end();
    }
}

#[derive(Clone, Debug, Default)]
pub struct OwnMetrics {
    pub queued: Counter,
    pub dropped: Counter,
    pub waiting: Gauge,
}

impl OwnMetrics {
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("skein_own");
        registry.register("spans", "Spans of Skein's own work put into the queue", self.queued.clone());
        registry.register(
            "dropped_spans",
            "Spans of Skein's own work for which there was no room",
            self.dropped.clone(),
        );
        registry.register("waiting_spans", "Such spans that wait to enter the queue", self.waiting.clone());
    }
}

/// Spans that have ended and wait to be carried away.
pub struct OwnSpans {
    ended: mpsc::Receiver<SpanData>,
    pub resource: Resource,
    pub metrics: OwnMetrics,
}

impl OwnSpans {
    /// As many as may go at once.
    pub fn some(&mut self) -> Vec<SpanData> {
        let mut spans = Vec::new();
        while spans.len() < OWN_SPANS_AT_ONCE
            && let Ok(span) = self.ended.try_recv()
        {
            spans.push(span);
        }
        self.metrics.waiting.set(self.ended.len() as i64);
        spans
    }
}

/// From here on, work is traced.
pub fn start(metrics: OwnMetrics) -> OwnSpans {
    let (out, ended) = mpsc::channel(OWN_SPANS_WAITING_MAX);
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let process = KeyValue::new("process.pid", i64::from(std::process::id()));
    let resource =
        Resource::builder_empty().with_service_name(SERVICE).with_attributes([version, process]).build();
    let waiting = Waiting { out, metrics: metrics.clone() };
    let provider =
        SdkTracerProvider::builder().with_span_processor(waiting).with_resource(resource.clone()).build();
    global::set_tracer_provider(provider);
    OwnSpans { ended, resource, metrics }
}

/// Never makes work wait: what finds no room is dropped and counted.
#[derive(Debug)]
struct Waiting {
    out: mpsc::Sender<SpanData>,
    metrics: OwnMetrics,
}

impl SpanProcessor for Waiting {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        if span.attributes.iter().any(|attribute| attribute.key.as_str() == LEFT_OUT) {
            return;
        }
        match self.out.try_send(span) {
            Ok(()) => drop(self.metrics.waiting.inc()),
            Err(_) => drop(self.metrics.dropped.inc()),
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One test, as there is one tracer for all of a process.
    #[tokio::test]
    async fn parts_are_traced_within_traced_work_only_and_never_wait_for_room() {
        let mut own = start(OwnMetrics::default());
        let part = async || drop(Work::part("part", Kind::Client));
        part().await;
        Work::untraced().during(part()).await;
        let work = Work::begin("whole", Kind::Server);
        work.during(part()).await;
        work.note("rows", 3);
        work.fail("no room");
        drop(work);
        let spans = own.some();
        let names: Vec<&str> = spans.iter().map(|span| &*span.name).collect();
        assert_eq!(names, ["part", "whole"]);
        assert_eq!(spans[0].parent_span_id, spans[1].span_context.span_id());
        assert_eq!(spans[1].status, Status::error("no room"));

        for _ in 0..OWN_SPANS_WAITING_MAX + 5 {
            drop(Work::begin("many", Kind::Internal));
        }
        assert_eq!(own.metrics.dropped.get(), 5);
        assert_eq!(own.some().len(), OWN_SPANS_AT_ONCE);
        assert_eq!(own.metrics.waiting.get() as usize, OWN_SPANS_WAITING_MAX - OWN_SPANS_AT_ONCE);
    }
}
