//! What `spans` says of traces that may match: the statements that ask, and the answers made of them.
//!
//! A query that is one filter is answered by the engine alone, a row a trace. For all others the engine tells of every
//! span which filters it satisfies, and [`super::evaluate`] decides.

use std::collections::HashMap;

use model::query::ast::{Field, Pipeline, Query, StageKind};
use model::query::print_field;
use model::trace::orphan::OrphanCause;
use model::view::{MatchedSpan, Matches, Scanned};
use model::{ApiError, Scope, Timestamp, TraceId};

use super::evaluate::{Row, Shape};
use super::facts::Facts;
use super::plan::{Conditions, Needs};
use super::{Queries, list};
use crate::limits::{ANALYSED_CHUNK_MAX, EVALUATE_MAX_SPANS};
use crate::storage::reader::{Evaluated, Found, Plan, Shown};

/// What was found out about each trace.
pub type FactsOf = HashMap<TraceId, Facts>;

/// Clocks of senders may run ahead of ours by this much before their spans are left out.
pub const AHEAD_SECS: u64 = 86_400;
/// Matching spans shown of each trace.
const SHOWN_SPANS: usize = 3;

/// A range of starts of spans: the first included, the last not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    pub from: Timestamp,
    pub to: Timestamp,
}

/// A query's questions to `spans`.
pub struct Verify<'q> {
    shape: Shape<'q>,
    leaves: Vec<String>,
    numbers: Vec<String>,
    groups: Vec<String>,
    fields: Vec<(String, String)>,
    conditions: Conditions,
}

/// What came of looking at some traces.
#[derive(Default)]
pub struct Verified {
    pub found: Vec<Found>,
    pub scanned: Scanned,
    /// A trace that has too many spans to be evaluated.
    pub too_large: Option<TraceId>,
}

impl<'q> Verify<'q> {
    pub fn new(query: &'q Query) -> Result<Verify<'q>, ApiError> {
        Verify::showing(query, &[])
    }

    /// Shows these fields of matching spans beside those the query asks for.
    pub fn showing(query: &'q Query, more: &[Field]) -> Result<Verify<'q>, ApiError> {
        let shape = Shape::of(&query.pipeline)?;
        let mut conditions = Conditions::new();
        let mut leaves = Vec::new();
        for leaf in &shape.leaves {
            leaves.push(leaf.map_or_else(|| Ok("1".to_owned()), |expr| conditions.boolean(expr))?);
        }
        let numbers =
            shape.numbers.iter().map(|expr| conditions.number(expr)).collect::<Result<Vec<_>, _>>()?;
        let groups = shape.groups.iter().map(|field| conditions.shown(&field.name)).collect();
        let mut fields: Vec<(String, String)> = Vec::new();
        for field in shown_fields(&query.pipeline).into_iter().chain(more) {
            let name = print_field(&field.name);
            if !fields.iter().any(|(known, _)| *known == name) {
                fields.push((name, conditions.shown(&field.name)));
            }
        }
        Ok(Verify { shape, leaves, numbers, groups, fields, conditions })
    }

    pub fn field_names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|(name, _)| name.as_str())
    }

    /// One row a trace: how many spans match, and the first of them.
    pub fn traces_plan(
        &self,
        scope: &Scope,
        traces: &[TraceId],
        facts: &FactsOf,
        range: Range,
        shown: usize,
    ) -> Plan {
        let sql = format!(
            "SELECT {} FROM {} GROUP BY s.trace_id",
            self.found_columns(shown),
            self.source(traces, facts)
        );
        self.bound(scope, sql, range)
    }

    /// The same with what results say of each trace.
    pub fn whole_plan(&self, scope: &Scope, traces: &[TraceId], range: Range, quiet_secs: u32) -> Plan {
        let sql = format!(
            "SELECT {}, {SUMMARY} AS summary FROM {} GROUP BY s.trace_id",
            self.found_columns(SHOWN_SPANS),
            self.source(traces, &FactsOf::new())
        );
        self.bound(scope, sql, range).bind("quiet", quiet_secs)
    }

    /// Traces that match among those whose ids lie in these runs.
    pub fn runs_plan(&self, scope: &Scope, runs: &[(TraceId, TraceId)], range: Range, shown: usize) -> Plan {
        let within = |(from, to): &(TraceId, TraceId)| {
            format!("trace_id >= unhex('{from}') AND trace_id < unhex('{to}')")
        };
        let runs: Vec<String> = runs.iter().map(within).collect();
        let of = format!(
            "tenant = {{tenant:String}} AND received >= toDateTime({{received:UInt32}}, 'UTC') AND ({})",
            runs.join(" OR ")
        );
        let sql = format!(
            "SELECT {} FROM {} GROUP BY s.trace_id HAVING matched > 0",
            self.found_columns(shown),
            joined(self.conditions.needs, &of)
        );
        let received = range.from.as_secs().saturating_sub(AHEAD_SECS).min(u64::from(u32::MAX));
        self.bound(scope, sql, range).bind("received", received)
    }

    fn found_columns(&self, shown: usize) -> String {
        let matches = format!("{} AND {IN_RANGE}", self.leaves[0]);
        format!(
            "s.trace_id AS trace_id, countIf({matches}) AS matched,
                toUnixTimestamp64Nano(min(s.start)) AS begins,
                toUInt64(max(toUnixTimestamp64Nano(s.start) + toInt64(s.duration)) - begins) AS lasts,
                toUInt8(countIf(s.status = 2) > 0) AS failed,
                groupArraySortedIf({shown})({}, {matches}) AS first_matched",
            self.tuple()
        )
    }

    /// Whether the engine alone can tell which traces match.
    pub fn is_plain(&self) -> bool {
        self.shape.is_plain() && !self.conditions.needs.analysis
    }

    /// One row a span, traces one after the other.
    pub fn spans_plan(&self, scope: &Scope, traces: &[TraceId], facts: &FactsOf, range: Range) -> Plan {
        let bit = |(n, leaf): (usize, &String)| format!("bitShiftLeft(toUInt64({leaf} AND {IN_RANGE}), {n})");
        let bits: Vec<String> = self.leaves.iter().enumerate().map(bit).collect();
        let sql = format!(
            "SELECT s.trace_id AS trace_id, s.parent_id AS parent_id, {} AS bits,
                CAST([{}] AS Array(Nullable(Float64))) AS numbers, CAST([{}] AS Array(String)) AS groups, {} AS span
             FROM {} ORDER BY s.trace_id, s.start, s.span_id LIMIT {}",
            bits.join(" + "),
            self.numbers.join(", "),
            self.groups.join(", "),
            self.tuple(),
            self.source(traces, facts),
            EVALUATE_MAX_SPANS + 1,
        );
        self.bound(scope, sql, range)
    }

    /// The spans of some traces, and what the conditions need joined to them.
    fn source(&self, traces: &[TraceId], facts: &FactsOf) -> String {
        let needs = self.conditions.needs;
        let mut sql =
            joined(needs, &format!("tenant = {{tenant:String}} AND trace_id IN ({})", list(traces)));
        if needs.analysis {
            let facts = facts_table(traces, facts, &self.conditions.critical);
            sql.push_str(&format!(" ANY LEFT JOIN ({facts}) AS a ON a.trace_id = s.trace_id"));
        }
        sql
    }

    fn tuple(&self) -> String {
        let fields = self.fields.iter().map(|(_, sql)| sql.as_str()).collect::<Vec<_>>().join(", ");
        format!(
            "(toUnixTimestamp64Nano(s.start), s.span_id, s.duration, toString(s.service), toString(s.operation), \
             toUInt8(s.status = 2), CAST([{fields}] AS Array(String)))"
        )
    }

    fn bound(&self, scope: &Scope, sql: String, range: Range) -> Plan {
        Plan::new(scope, sql)
            .bind("from", range.from.0)
            .bind("to", range.to.0)
            .bind_all(self.conditions.binds.values())
    }

    /// Judges the evaluated spans of one trace.
    fn judge(&self, spans: Vec<Evaluated>, shown: usize) -> Option<Found> {
        let first = spans.first()?;
        let (trace_id, begins) = (first.trace_id, first.shown.span.start);
        let ends = spans.iter().map(|span| span.shown.span.start.plus(span.shown.span.duration)).max()?;
        let is_error = spans.iter().any(|span| span.shown.span.is_error);
        let mut rows = Vec::with_capacity(spans.len());
        let mut details: Vec<Option<Shown>> = Vec::with_capacity(spans.len());
        for span in spans {
            let Evaluated { span_id, parent_id, bits, numbers, groups, shown, .. } = span;
            rows.push(Row { span_id, parent_id, bits, numbers, groups });
            details.push(Some(shown));
        }
        let matching = self.shape.matching(&rows);
        let first = matching.iter().take(shown).filter_map(|row| details[*row].take()).collect();
        let length = ends.since(begins);
        Some(Found { trace_id, spans: matching.len() as u64, begins, length, is_error, first })
    }

    /// What a page shows of a match.
    pub fn matches(&self, found: Found) -> Matches {
        let named = |shown: Shown| MatchedSpan {
            fields: self
                .field_names()
                .map(str::to_owned)
                .zip(shown.values)
                .filter(|(_, value)| *value != model::AttrValue::Empty)
                .collect(),
            ..shown.span
        };
        Matches { spans: found.spans, first: found.first.into_iter().map(named).collect() }
    }
}

impl Queries {
    /// Looks at the spans of these traces. Traces that do not match are found with no span.
    pub async fn verify(
        &self,
        scope: &Scope,
        verify: &Verify<'_>,
        traces: &[TraceId],
        range: Range,
    ) -> Result<Verified, ApiError> {
        self.verify_showing(scope, verify, traces, range, SHOWN_SPANS).await
    }

    pub async fn verify_showing(
        &self,
        scope: &Scope,
        verify: &Verify<'_>,
        traces: &[TraceId],
        range: Range,
        shown: usize,
    ) -> Result<Verified, ApiError> {
        let at_once = if verify.conditions.needs.analysis { ANALYSED_CHUNK_MAX } else { traces.len().max(1) };
        let mut all = Verified::default();
        for chunk in traces.chunks(at_once) {
            let some = self.verify_chunk(scope, verify, chunk, range, shown).await?;
            all.found.extend(some.found);
            all.scanned.add(some.scanned);
            all.too_large = all.too_large.or(some.too_large);
        }
        Ok(all)
    }

    async fn verify_chunk(
        &self,
        scope: &Scope,
        verify: &Verify<'_>,
        traces: &[TraceId],
        range: Range,
        shown: usize,
    ) -> Result<Verified, ApiError> {
        let mut all = Verified::default();
        let facts = match verify.conditions.needs.analysis {
            true => self.facts(scope, traces).await?,
            false => FactsOf::new(),
        };
        if verify.conditions.needs.analysis {
            // Too much of it is not settled yet.
            all.too_large = traces.iter().find(|id| !facts.contains_key(id)).copied();
        }
        if verify.shape.is_plain() {
            let plan = verify.traces_plan(scope, traces, &facts, range, shown);
            (all.found, all.scanned) = self.reader.found(&plan).await?;
            return Ok(all);
        }
        let mut left = traces.to_vec();
        left.sort_unstable();
        while !left.is_empty() {
            let (spans, scanned) =
                self.reader.evaluated(&verify.spans_plan(scope, &left, &facts, range)).await?;
            all.scanned.add(scanned);
            let is_cut = spans.len() > EVALUATE_MAX_SPANS;
            let last = spans.last().map(|span| span.trace_id);
            let found_before = all.found.len();
            for trace in traces_of(spans) {
                if !(is_cut && trace.first().map(|span| span.trace_id) == last) {
                    all.found.extend(verify.judge(trace, shown));
                }
            }
            let Some(last) = last.filter(|_| is_cut) else { break };
            left.retain(|id| *id >= last);
            if all.found.len() == found_before {
                // Alone it is too large still.
                all.too_large = Some(last);
                left.retain(|id| *id != last);
            }
        }
        Ok(all)
    }
}

/// Spans in the order of their traces, cut where one trace ends.
fn traces_of(spans: Vec<Evaluated>) -> Vec<Vec<Evaluated>> {
    let mut traces: Vec<Vec<Evaluated>> = Vec::new();
    for span in spans {
        match traces.last_mut().filter(|trace| trace[0].trace_id == span.trace_id) {
            Some(trace) => trace.push(span),
            None => traces.push(vec![span]),
        }
    }
    traces
}

fn shown_fields(pipeline: &Pipeline) -> Vec<&Field> {
    let fields = pipeline.stages.iter().filter_map(|stage| match &stage.kind {
        StageKind::By(fields) | StageKind::Select(fields) => Some(fields),
        _ => None,
    });
    fields.flatten().collect()
}

const IN_RANGE: &str =
    "s.start >= fromUnixTimestamp64Nano({from:Int64}) AND s.start < fromUnixTimestamp64Nano({to:Int64})";

/// What was found out about traces, as a table: numbers and words of our own, and so without values to bind.
fn facts_table(traces: &[TraceId], facts: &FactsOf, critical: &[String]) -> String {
    let nothing = Facts::default();
    let columns: String = (0..critical.len()).map(|at| format!(", critical_{at} UInt64")).collect();
    let row = |id: &TraceId| {
        let facts = facts.get(id).unwrap_or(&nothing);
        let time = |service: &String| {
            facts.critical.iter().find(|(name, _)| name == service).map_or(0, |(_, time)| *time)
        };
        let times: String = critical.iter().map(|service| format!(", {}", time(service))).collect();
        format!("(unhex('{id}'), {}, '{}'{times})", facts.depth, facts.cause.map_or("", OrphanCause::name))
    };
    let rows: Vec<String> = traces.iter().map(row).collect();
    format!(
        "SELECT * FROM values('trace_id FixedString(16), depth UInt32, cause String{columns}', {})",
        rows.join(", ")
    )
}

/// The spans that a condition names, and what is joined to them. The condition is about bare columns of `spans`.
pub fn joined(needs: Needs, of: &str) -> String {
    let mut sql = format!("(SELECT * FROM spans WHERE {of}) AS s");
    if needs.parent {
        sql.push_str(&format!(
            " ANY LEFT JOIN (SELECT trace_id, span_id, service, attr_str, attr_int, attr_dbl, attr_other, origin \
             FROM spans WHERE {of}) AS p ON p.trace_id = s.trace_id AND p.span_id = s.parent_id"
        ));
    }
    let origins = |name: &str, span: &str| {
        format!(
            " ANY LEFT JOIN (SELECT id, resource, scope, scope_name, scope_version FROM origins \
             WHERE tenant = {{tenant:String}} AND id IN (SELECT origin FROM spans WHERE {of})) AS {name} \
             ON {name}.id = {span}.origin"
        )
    };
    if needs.origin {
        sql.push_str(&origins("o", "s"));
    }
    if needs.parent_origin {
        sql.push_str(&origins("po", "p"));
    }
    if needs.trace {
        sql.push_str(&format!(
            " ANY LEFT JOIN (SELECT trace_id, count() AS spans, countIf(status = 2) AS errors, countIf(parent_id = 0) AS roots, \
             max(toUnixTimestamp64Nano(start) + toInt64(duration)) - min(toUnixTimestamp64Nano(start)) AS length, \
             argMin(service, (parent_id != 0, start)) AS root_service, \
             argMin(operation, (parent_id != 0, start)) AS root_operation, \
             countIf(parent_id != 0 AND (trace_id, parent_id) NOT IN (SELECT trace_id, span_id FROM spans WHERE {of})) AS orphans \
             FROM spans WHERE {of} GROUP BY trace_id) AS t ON t.trace_id = s.trace_id"
        ));
    }
    sql
}

/// What results say of a trace, of the spans `s` it is grouped from.
const SUMMARY: &str = "(toUnixTimestamp64Nano(min(s.start)),
                toUInt64(max(toUnixTimestamp64Nano(s.start) + toInt64(s.duration)) - toUnixTimestamp64Nano(min(s.start))),
                toString(argMin(s.service, (s.parent_id != 0, s.start))),
                toString(argMin(s.operation, (s.parent_id != 0, s.start))),
                toUInt8(countIf(s.parent_id = 0) > 0),
                toUInt8(max(s.received) + {quiet:UInt32} > now()),
                count(),
                countIf(s.status = 2),
                length(arrayExcept(groupArrayIf(s.parent_id, s.parent_id != 0), groupArray(s.span_id))),
                sumMap(map(toString(s.service), toUInt64(1))),
                sumMap(map(toString(s.service), toUInt64(s.status = 2))))";

pub fn summaries_plan(scope: &Scope, traces: &[TraceId], quiet_secs: u32) -> Plan {
    let sql = format!(
        "SELECT trace_id, {SUMMARY} AS summary FROM spans AS s
         WHERE tenant = {{tenant:String}} AND trace_id IN ({}) GROUP BY trace_id",
        list(traces)
    );
    Plan::new(scope, sql).bind("quiet", quiet_secs)
}
