//! One trace: as columns for the screen, and whole.

use std::collections::VecDeque;

use model::trace::{Builder, SpanRow, Trace, mark};
use model::view::TraceSummary;
use model::{ApiError, ErrorCode, Scope, Span, SpanId, Timestamp, TraceId};

use super::Queries;
use super::facts::{Facts, refused_plan};
use crate::limits::{FACT_MAX_CHARS, TRACE_MAX_SPANS};
use crate::storage::reader::{Plan, SpanCursor};

/// What is said beside a span's name, best first.
const FACT: &str = "multiIf(
    status_message != '', status_message,
    has(events.name, 'exception'), events.attrs[indexOf(events.name, 'exception')]['exception.message'],
    attr_int['http.response.status_code'] != 0, toString(attr_int['http.response.status_code']),
    attr_int['http.status_code'] != 0, toString(attr_int['http.status_code']),
    attr_str['db.system.name'] != '', attr_str['db.system.name'],
    attr_str['db.system'] != '', attr_str['db.system'],
    attr_str['messaging.system'] != '', attr_str['messaging.system'],
    attr_str['rpc.system'] != '', attr_str['rpc.system'],
    '')";
/// The mark of an event is no place for a log line, which some senders write as its name.
const EVENT_MAX_CHARS: u32 = 60;

const WHOLE: &str = "trace_id, span_id, parent_id, service, operation, kind, status,
    toUnixTimestamp64Nano(start) AS start, duration, status_message, trace_state, flags, origin,
    attr_str, attr_int, attr_dbl, attr_other, dropped_attributes, dropped_events, dropped_links,
    arrayZip(events.time, events.name, events.attrs, events.dropped) AS events,
    arrayZip(links.trace_id, links.span_id, links.trace_state, links.flags, links.attrs, links.dropped) AS links,
    notes";

/// Whether a span came in so recently that more of its trace may follow.
const RECENT: &str = "received + {quiet:UInt32} > now()";

const OF_TRACE: &str = "tenant = {tenant:String} AND trace_id = unhex({trace:String})";

pub fn columns_plan(scope: &Scope, trace: TraceId, quiet_secs: u32) -> Plan {
    let sql = format!(
        "SELECT span_id, parent_id, service, operation, leftUTF8({FACT}, {FACT_MAX_CHARS}) AS fact, peer, kind, status,
            toUnixTimestamp64Nano(start) AS start, duration,
            toUInt8(bitOr(bitOr(notEmpty(events.name) * {events}, notEmpty(links.span_id) * {links}),
                bitOr(bitOr(has(events.name, 'exception') * {exception}, notEmpty(notes) * {notes}),
                bitOr(if({recent}, {mark}, 0),
                if(bitTest(flags, 8), bitOr(if(bitTest(flags, 0), 0, {unsampled}),
                    if(bitTest(flags, 9), {remote}, {local})), 0))))) AS marks,
            arrayZip(events.time, arrayMap(name -> leftUTF8(name, {EVENT_MAX_CHARS}), events.name)) AS events
         FROM spans WHERE {OF_TRACE} LIMIT {most}",
        most = TRACE_MAX_SPANS + 1,
        events = mark::EVENTS,
        links = mark::LINKS,
        exception = mark::EXCEPTION,
        notes = mark::NOTES,
        unsampled = mark::UNSAMPLED,
        remote = mark::REMOTE_PARENT,
        local = mark::LOCAL_PARENT,
        recent = RECENT,
        mark = mark::RECENT,
    );
    Plan::new(scope, sql).bind("trace", trace).bind("quiet", quiet_secs)
}

/// The columns without what has to be looked for in attributes: enough for a summary, and narrow to read.
pub fn outline_plan(scope: &Scope, trace: TraceId, quiet_secs: u32) -> Plan {
    let sql = format!(
        "SELECT span_id, parent_id, service, operation, '' AS fact, '' AS peer, kind, status,
            toUnixTimestamp64Nano(start) AS start, duration, toUInt8(if({recent}, {mark}, 0)) AS marks,
            CAST([], 'Array(Tuple(UInt64, String))') AS events
         FROM spans WHERE {OF_TRACE} LIMIT {most}",
        most = TRACE_MAX_SPANS + 1,
        recent = RECENT,
        mark = mark::RECENT,
    );
    Plan::new(scope, sql).bind("trace", trace).bind("quiet", quiet_secs)
}

pub fn spans_plan(scope: &Scope, trace: TraceId, quiet_secs: u32) -> Plan {
    let sql = format!(
        "SELECT {WHOLE}, toUInt8({RECENT}) AS recent FROM spans WHERE {OF_TRACE} ORDER BY spans.start, span_id"
    );
    Plan::new(scope, sql).on_one_thread().bind("trace", trace).bind("quiet", quiet_secs)
}

pub fn span_plan(scope: &Scope, trace: TraceId, span: SpanId, start: Timestamp) -> Plan {
    let sql = format!(
        "SELECT {WHOLE}, toUInt8(0) AS recent FROM spans WHERE {OF_TRACE}
            AND spans.start = fromUnixTimestamp64Nano({{start:Int64}}) AND span_id = {{span:UInt64}} LIMIT 1"
    );
    Plan::new(scope, sql).on_one_thread().bind("trace", trace).bind("start", start.0).bind("span", span.0)
}

impl Queries {
    pub async fn trace(&self, scope: &Scope, trace: TraceId) -> Result<Trace, ApiError> {
        let mut built = self.built(trace, &columns_plan(scope, trace, self.quiet_secs)).await?;
        if built.summary().orphan_count > 0 {
            let refused = self.reader.refused(&refused_plan(scope, &[trace])).await?;
            built.refused = refused.into_iter().map(|(_, span)| span).collect();
        }
        Ok(built)
    }

    async fn built(&self, trace: TraceId, plan: &Plan) -> Result<Trace, ApiError> {
        let mut builder = Builder::new();
        let mut spans = 0;
        let take = |row: &SpanRow| {
            spans += 1;
            builder.push(row);
        };
        self.reader.span_rows(plan, take).await?;
        if spans > TRACE_MAX_SPANS {
            self.reached.note("trace_spans");
            return Err(ApiError::new(
                ErrorCode::TooLarge,
                format!("trace {trace} has more than {TRACE_MAX_SPANS} spans"),
                "search for its spans by what they say",
            ));
        }
        let built = builder.finish(trace);
        if built.is_empty() { Err(unknown_trace(trace)) } else { Ok(built) }
    }

    /// A trace's summary, and every span of it whole, in order of start, one at a time.
    pub async fn whole(&self, scope: &Scope, trace: TraceId) -> Result<(TraceSummary, SpanCursor), ApiError> {
        let mut spans = self.reader.spans(scope, &spans_plan(scope, trace, self.quiet_secs))?;
        let built = match spans.all_if_few().await? {
            Some(few) if few.is_empty() => return Err(unknown_trace(trace)),
            Some(few) => built_of(trace, few),
            None => self.built(trace, &outline_plan(scope, trace, self.quiet_secs)).await?,
        };
        let mut summary = built.summary();
        summary.in_flight |= spans.in_flight;
        summary.critical = Facts::of(&built, summary.in_flight).main_service();
        Ok((summary, spans))
    }

    pub async fn span(
        &self,
        scope: &Scope,
        trace: TraceId,
        span: SpanId,
        start: Timestamp,
    ) -> Result<Span, ApiError> {
        let mut found = self.reader.spans(scope, &span_plan(scope, trace, span, start))?;
        found.next().await?.ok_or_else(|| {
            ApiError::not_found(
                format!("no span {span} in trace {trace}"),
                "the trace may have expired since it was opened; reload it",
            )
        })
    }
}

fn built_of(trace: TraceId, spans: &VecDeque<Span>) -> Trace {
    let mut builder = Builder::new();
    for span in spans {
        builder.push(&SpanRow {
            span_id: span.span_id,
            parent_id: span.parent_id,
            service: span.service.clone(),
            operation: span.operation.clone(),
            kind: span.kind,
            status: span.status,
            start: span.start,
            duration: span.duration,
            ..SpanRow::default()
        });
    }
    builder.finish(trace)
}

pub fn unknown_trace(trace: TraceId) -> ApiError {
    ApiError::not_found(
        format!("no trace {trace}"),
        "it may not have arrived yet, may have expired, or the id may be of another installation",
    )
}
