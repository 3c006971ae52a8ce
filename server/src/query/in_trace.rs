//! Questions about the inside of one trace: which spans hold some words, what an attribute says on each, which spans
//! of other traces are linked, and how a span compares with its operation's last day.

use std::collections::{BTreeSet, HashMap};

use model::trace::{LinkedSpan, RankAsked, SpanRank, TraceValues};
use model::{ApiError, Nanos, Scope, SpanId, SpanKind, Timestamp, TraceId};

use super::Queries;
use crate::limits::{
    JOURNEY_REACH_SECS, LINKED_SPANS_MAX, RANKED_NAME_MAX_BYTES, RANKED_SPANS_MAX, TRACE_FIND_WORDS_MAX,
    TRACE_KEYS_MAX, TRACE_MAX_SPANS,
};
use crate::storage::reader::{Plan, RedRow};

const OF_TRACE: &str = "tenant = {tenant:String} AND trace_id = unhex({trace:String})";
/// A span's peers are looked for this far back from its start.
const PEERS: Nanos = Nanos(24 * 3_600 * 1_000_000_000);
/// Links of other traces to this one are looked for this far before and after it.
const NEIGHBOURS: Nanos = Nanos(JOURNEY_REACH_SECS * 1_000_000_000);
/// Stands between names that are bound together. A name that has it in it is not found.
const BETWEEN_NAMES: u8 = 31;
/// Bound names of the words looked for.
const WORDS: [&str; TRACE_FIND_WORDS_MAX] = ["w0", "w1", "w2", "w3", "w4", "w5"];
const KEYS: [&str; TRACE_FIND_WORDS_MAX] = ["k0", "k1", "k2", "k3", "k4", "k5"];

/// Spans in which every word occurs somewhere, whatever its case; `key=value` means an attribute that is exactly so.
pub fn find_plan(scope: &Scope, trace: TraceId, text: &str) -> Plan {
    let words: Vec<&str> = text.split_whitespace().take(TRACE_FIND_WORDS_MAX).collect();
    // The engine would sort a dozen conditions by what each costs to read before it reads the few granules there are.
    let mut sql = format!("SELECT span_id FROM spans PREWHERE {OF_TRACE} WHERE true");
    for (at, word) in words.iter().enumerate() {
        sql += " AND (";
        if word.split_once('=').is_some_and(|(key, _)| !key.is_empty()) {
            sql += &pair_sql(KEYS[at], WORDS[at], word);
            sql += " OR ";
        }
        sql += &word_sql(KEYS[at], WORDS[at], word);
        sql += ")";
    }
    sql += &format!(" LIMIT {TRACE_MAX_SPANS}");
    // Measured: no slower for 100,000 spans, and not delayed by what else the machine does.
    let mut plan = Plan::new(scope, sql).on_one_thread().bind("trace", trace);
    for (at, word) in words.iter().enumerate() {
        let (key, value) = word.split_once('=').unwrap_or((word, word));
        plan = plan.bind(KEYS[at], if value == *word { word } else { key });
        plan = plan.bind(WORDS[at], value);
    }
    plan
}

fn pair_sql(key: &str, value: &str, pair: &str) -> String {
    let number = pair.split_once('=').and_then(|(_, value)| integer(value));
    let (key, value) = (format!("{{{key}:String}}"), format!("{{{value}:String}}"));
    let int = number.map(|number| format!("OR mapContains(attr_int, {key}) AND attr_int[{key}] = {number}"));
    format!(
        "attr_str[{key}] = {value} AND mapContains(attr_str, {key})
            {}
            OR mapContains(attr_dbl, {key}) AND toString(attr_dbl[{key}]) = {value}
            OR attr_other[{key}] = concat(char(0), '{{\"b\":', {value}, '}}')",
        int.unwrap_or_default()
    )
}

/// The word as it was typed stands under both names unless it is a pair, of which this looks for nothing.
fn word_sql(key: &str, name: &str, word: &str) -> String {
    let position = if word.is_ascii() { "positionCaseInsensitive" } else { "positionCaseInsensitiveUTF8" };
    let same = format!("{{{key}:String}} = {{{name}:String}}");
    let has = |text: &str| format!("{position}({text}, {{{name}:String}}) > 0");
    let any = |list: &str| format!("arrayExists(v -> {}, {list})", has("v"));
    // What is short or rare is looked through as one list: planning each condition takes half a millisecond.
    let few = "arrayConcat(mapKeys(attr_str), mapKeys(attr_int), mapKeys(attr_other), mapValues(attr_other), events.name,
        CAST([service, operation, status_message] AS Array(String)))";
    let mut places = vec![
        any("mapValues(attr_str)"),
        any(few),
        format!("arrayExists(m -> {}, events.attrs)", any("mapValues(m)")),
    ];
    places.extend(integer(word).map(|number| format!("has(mapValues(attr_int), {number})")));
    format!("{same} AND ({})", places.join(" OR "))
}

/// A number as it is written, to be compared as one: numbers are not made texts for it.
fn integer(word: &str) -> Option<i64> {
    word.parse().ok().filter(|number: &i64| number.to_string() == word)
}

pub fn values_plan(scope: &Scope, trace: TraceId, key: &str) -> Plan {
    let sql = format!(
        "SELECT span_id, multiIf(
                mapContains(attr_str, {{key:String}}), attr_str[{{key:String}}],
                mapContains(attr_int, {{key:String}}), toString(attr_int[{{key:String}}]),
                mapContains(attr_dbl, {{key:String}}), toString(attr_dbl[{{key:String}}]),
                replaceRegexpOne(attr_other[{{key:String}}], '^.{{\"b\":(.*)}}$', '\\\\1')) AS text
         FROM spans WHERE {OF_TRACE} AND (mapContains(attr_str, {{key:String}}) OR mapContains(attr_int, {{key:String}})
            OR mapContains(attr_dbl, {{key:String}}) OR mapContains(attr_other, {{key:String}}))
         LIMIT {TRACE_MAX_SPANS}"
    );
    Plan::new(scope, sql).bind("trace", trace).bind("key", key)
}

pub fn keys_plan(scope: &Scope, trace: TraceId) -> Plan {
    let sql = format!(
        "SELECT toUInt64(count()) AS span_id, toString(arrayJoin(arrayConcat(
                mapKeys(attr_str), mapKeys(attr_int), mapKeys(attr_dbl), mapKeys(attr_other)))) AS text
         FROM spans WHERE {OF_TRACE} GROUP BY text ORDER BY text LIMIT {TRACE_KEYS_MAX}"
    );
    Plan::new(scope, sql).bind("trace", trace)
}

/// Our links out.
pub fn links_plan(scope: &Scope, trace: TraceId) -> Plan {
    let sql = format!(
        "SELECT ours, toUInt8(0) AS is_incoming, link.1 AS trace_id, link.2 AS span_id, '' AS service,
            '' AS operation, toInt64(0) AS start, toUInt64(0) AS duration
         FROM (
            SELECT span_id AS ours, arrayJoin(arrayZip(links.trace_id, links.span_id)) AS link
            FROM spans WHERE {OF_TRACE} AND notEmpty(links.trace_id)
         ) LIMIT {LINKED_SPANS_MAX}"
    );
    Plan::new(scope, sql).bind("trace", trace)
}

/// Links of others to us: nothing orders them by what they point at, so only the hours around the trace are read.
pub fn linked_from_plan(scope: &Scope, trace: TraceId, start: Timestamp) -> Plan {
    let sql = format!(
        "SELECT links.span_id[indexOf(links.trace_id, toFixedString(unhex({{trace:String}}), 16))] AS ours, toUInt8(1) AS is_incoming,
            trace_id, span_id, service, operation, toUnixTimestamp64Nano(start) AS start, duration
         FROM spans
         WHERE tenant = {{tenant:String}} AND has(links.trace_id, toFixedString(unhex({{trace:String}}), 16))
            AND spans.start >= fromUnixTimestamp64Nano({{from:Int64}})
            AND spans.start <= fromUnixTimestamp64Nano({{to:Int64}})
         LIMIT {LINKED_SPANS_MAX}"
    );
    Plan::new(scope, sql)
        .bind("trace", trace)
        .bind("from", start.minus(NEIGHBOURS).0)
        .bind("to", start.plus(NEIGHBOURS).0)
}

/// What the spans at the far end of links are.
pub fn far_ends_plan(scope: &Scope, far: &[(TraceId, SpanId)]) -> Plan {
    let traces: Vec<String> = far.iter().map(|(trace, _)| trace.to_string()).collect();
    let spans: Vec<String> = far.iter().map(|(_, span)| span.0.to_string()).collect();
    let sql = "SELECT toUInt64(0) AS ours, toUInt8(0) AS is_incoming, trace_id, span_id, service, operation,
            toUnixTimestamp64Nano(start) AS start, duration
         FROM spans
         WHERE tenant = {tenant:String} AND trace_id IN (SELECT unhex(arrayJoin(splitByChar(',', {traces:String}))))
            AND span_id IN (SELECT toUInt64(arrayJoin(splitByChar(',', {spans:String}))))";
    Plan::new(scope, sql).bind("traces", traces.join(",")).bind("spans", spans.join(","))
}

/// The last day of every operation of these services and names: a few more than were asked for, where services share
/// names.
pub fn peers_plan(scope: &Scope, asked: &[RankAsked], until: Timestamp) -> Plan {
    let sql = format!(
        "SELECT concat(service, char({BETWEEN_NAMES}), operation) AS name, kind, sum(calls) AS calls,
            sum(errors) AS errors, sumMap(hist) AS hist, max(time) AS last
         FROM red
         WHERE tenant = {{tenant:String}} AND toStartOfHour(time) >= toStartOfHour(toDateTime({{from:UInt32}}, 'UTC'))
            AND time >= toDateTime({{from:UInt32}}, 'UTC') AND time <= toDateTime({{to:UInt32}}, 'UTC')
            AND service IN (SELECT arrayJoin(splitByChar(char({BETWEEN_NAMES}), {{services:String}})))
            AND operation IN (SELECT arrayJoin(splitByChar(char({BETWEEN_NAMES}), {{operations:String}})))
         GROUP BY service, operation, kind"
    );
    let names = |name: fn(&RankAsked) -> &str| {
        let names: BTreeSet<&str> = asked.iter().map(name).collect();
        names.into_iter().collect::<Vec<_>>().join(&char::from(BETWEEN_NAMES).to_string())
    };
    Plan::new(scope, sql)
        .bind("from", until.minus(PEERS).as_secs().min(u64::from(u32::MAX)))
        .bind("to", until.as_secs().min(u64::from(u32::MAX)))
        .bind("services", names(|(service, ..)| service))
        .bind("operations", names(|(_, operation, ..)| operation))
}

impl Queries {
    pub async fn find_in_trace(
        &self,
        scope: &Scope,
        trace: TraceId,
        text: &str,
    ) -> Result<Vec<SpanId>, ApiError> {
        if text.trim().is_empty() {
            return Ok(Vec::new());
        }
        if text.split_whitespace().nth(TRACE_FIND_WORDS_MAX).is_some() {
            self.reached.note("find_words");
        }
        let found = self.reader.span_ids(&find_plan(scope, trace, text)).await?;
        if found.len() >= TRACE_MAX_SPANS {
            self.reached.note("trace_spans");
        }
        Ok(found)
    }

    /// An attribute on every span that has it.
    pub async fn trace_values(
        &self,
        scope: &Scope,
        trace: TraceId,
        key: &str,
    ) -> Result<TraceValues, ApiError> {
        let found = self.reader.trace_values(&values_plan(scope, trace, key)).await?;
        if !found.complete {
            self.reached.note("trace_values");
        }
        if found.spans.len() >= TRACE_MAX_SPANS {
            self.reached.note("trace_spans");
        }
        Ok(found)
    }

    /// The names of all attributes in a trace.
    pub async fn trace_keys(&self, scope: &Scope, trace: TraceId) -> Result<Vec<String>, ApiError> {
        let keys = self.reader.trace_values(&keys_plan(scope, trace)).await?.values;
        if keys.len() >= TRACE_KEYS_MAX {
            self.reached.note("trace_keys");
        }
        Ok(keys)
    }

    /// Spans of other traces that links join to this one, both ways.
    pub async fn linked_spans(
        &self,
        scope: &Scope,
        trace: TraceId,
        start: Timestamp,
    ) -> Result<Vec<LinkedSpan>, ApiError> {
        let (out, from) = (links_plan(scope, trace), linked_from_plan(scope, trace, start));
        let (mut out, from) =
            tokio::try_join!(self.reader.linked_spans(&out), self.reader.linked_spans(&from))?;
        if out.len().max(from.len()) >= LINKED_SPANS_MAX {
            self.reached.note("linked_spans");
        }
        if !out.is_empty() {
            let far: Vec<_> = out.iter().map(|link| (link.trace_id, link.span_id)).collect();
            let ends = self.reader.linked_spans(&far_ends_plan(scope, &far)).await?;
            for link in &mut out {
                let is_end = |e: &&LinkedSpan| e.trace_id == link.trace_id && e.span_id == link.span_id;
                if let Some(end) = ends.iter().find(is_end) {
                    *link = LinkedSpan { ours: link.ours, is_incoming: false, ..end.clone() };
                }
            }
        }
        // A link within the trace is seen in the span's detail already.
        out.extend(from);
        out.retain(|link| link.trace_id != trace);
        Ok(out)
    }

    /// Where each span lies among its operation's day before `until`. Beyond the limit none is told of.
    pub async fn span_ranks(
        &self,
        scope: &Scope,
        asked: &[RankAsked],
        until: Timestamp,
    ) -> Result<Vec<SpanRank>, ApiError> {
        let is_short = |(service, operation, ..): &RankAsked| {
            service.len() <= RANKED_NAME_MAX_BYTES && operation.len() <= RANKED_NAME_MAX_BYTES
        };
        let within: Vec<RankAsked> =
            asked.iter().take(RANKED_SPANS_MAX).filter(|asked| is_short(asked)).cloned().collect();
        if within.len() < asked.len() {
            self.reached.note("ranked_spans");
        }
        let rows = self.reader.red(&peers_plan(scope, &within, until.plus(Nanos::from_secs(60)))).await?;
        let known: HashMap<(&str, SpanKind), &RedRow> =
            rows.iter().map(|row| ((row.name.as_str(), row.kind), row)).collect();
        let rank = |(service, operation, kind, duration): &RankAsked| {
            let name = format!("{service}{}{operation}", char::from(BETWEEN_NAMES));
            let row = known.get(&(name.as_str(), *kind));
            row.map_or_else(SpanRank::default, |row| {
                SpanRank::of(*duration, row.calls, row.errors, &row.hist)
            })
        };
        Ok(asked.iter().take(RANKED_SPANS_MAX).map(rank).collect())
    }
}
