//! Statements that ask which traces are inside and what pieces and spans say of them. Pure.

use model::query::Query;
use model::query::ast::{CompareOp, Expr, ExprKind, Literal};
use model::query::fields::{FieldName, Intrinsic};
use model::{Scope, Timestamp, TraceId};

use crate::limits::{EXPLAIN_MAX_MAKERS, EXPLAIN_MAX_NAMES, EXPLAIN_MAX_TRACES, EXPLAIN_VALUE_MAX_BYTES};
use crate::query::plan::{Binds, Narrow, narrow};
use crate::query::verify::Range;
use crate::storage::pieces::BUCKET_SECS;
use crate::storage::reader::Plan;

/// How far around the range the rest of a trace is looked for.
const REACH_SECS: u64 = 3_600;
/// What fewer traces of those named say is no reason for anything.
const LEAST_TRACES: u32 = 3;

/// Which traces a query finds, where pieces decide that alone.
#[derive(Debug)]
pub struct Decided {
    binds: Binds,
    hit: String,
    /// At least this long, in nanoseconds, and shorter than the other.
    pub min: u64,
    pub max: u64,
}

impl Decided {
    /// None when spans have to be asked. Bound names start with the prefix.
    pub fn of(query: &Query, prefix: &'static str) -> Option<Decided> {
        let condition = query.only_filter()?;
        let (mut min, mut max) = (0, i64::MAX as u64);
        let mut rest = Vec::new();
        for part in condition.map_or(&[][..], Expr::conjuncts) {
            match trace_length(part) {
                Some((op, length)) => match op {
                    CompareOp::GtEq => min = min.max(length),
                    CompareOp::Gt => min = min.max(length.saturating_add(1)),
                    CompareOp::Lt => max = max.min(length),
                    CompareOp::LtEq => max = max.min(length.saturating_add(1)),
                    _ => return None,
                },
                None => rest.push(part.clone()),
            }
        }
        let rest = Query::filter(Expr::all(rest));
        if !narrow::is_exact(&rest.pipeline) {
            return None;
        }
        let mut narrow = Narrow { binds: Binds::new(prefix) };
        let hit = narrow.pipeline(&rest.pipeline).map_or_else(|| "1".to_owned(), |hint| hint.sql);
        Some(Decided { binds: narrow.binds, hit, min, max })
    }
}

/// A bound of the duration of the whole trace.
fn trace_length(expr: &Expr) -> Option<(CompareOp, u64)> {
    let ExprKind::Compare { op, left, right } = &expr.kind else { return None };
    match (&left.kind, &right.kind) {
        (
            ExprKind::Field(FieldName::Intrinsic(Intrinsic::TraceDuration)),
            ExprKind::Literal(Literal::Duration(length)),
        ) => Some((*op, length.0)),
        _ => None,
    }
}

/// Which pieces are looked at: those of the range, and what else of their traces lies near.
const NEAR: &str = "tenant = {tenant:String}
    AND bucket >= toDateTime({low_bucket:UInt32}, 'UTC') AND bucket <= toDateTime({high_secs:UInt32}, 'UTC')
    AND error IN (0, 1)";

fn near(plan: Plan, range: Range) -> Plan {
    let secs = |time: Timestamp| time.as_secs().min(u64::from(u32::MAX) - REACH_SECS);
    let low = secs(range.from).saturating_sub(REACH_SECS);
    plan.bind("low_bucket", low - low % BUCKET_SECS).bind("high_secs", secs(range.to) + REACH_SECS)
}

/// Traces of the search, where pieces decide which are inside.
#[derive(Debug)]
pub struct Members {
    pub range: Range,
    pub inside: Range,
    pub base: Decided,
    pub region: Decided,
}

impl Members {
    fn sql(&self) -> String {
        format!(
            "SELECT trace_id, toUInt8(begins >= {{in_from:Int64}} AND begins < {{in_to:Int64}}
                AND lasts >= {{in_min:UInt64}} AND lasts < {{in_max:UInt64}} AND is_region) AS inside
             FROM (SELECT trace_id, toUnixTimestamp64Nano(min(first)) AS begins,
                    toUInt64(max(toUnixTimestamp64Nano(first) + length) - begins) AS lasts,
                    max(toUInt8({})) AS is_base, max(toUInt8({})) AS is_region
                FROM pieces WHERE {NEAR} GROUP BY trace_id)
             WHERE is_base AND begins >= {{from:Int64}} AND begins < {{to:Int64}}
                AND lasts >= {{min:UInt64}} AND lasts < {{max:UInt64}}",
            self.base.hit, self.region.hit
        )
    }

    /// A share of either side that is the same each time.
    fn chosen_sql(&self) -> String {
        format!(
            "SELECT trace_id, inside, toUInt64(count() OVER (PARTITION BY inside)) AS total FROM ({})
             ORDER BY cityHash64(trace_id) LIMIT {EXPLAIN_MAX_TRACES} BY inside",
            self.sql()
        )
    }

    pub fn plan(&self, scope: &Scope) -> Plan {
        self.bound(Plan::new(scope, self.chosen_sql()))
    }

    pub fn traits_plan(&self, scope: &Scope) -> Plan {
        let of = format!("trace_id IN (SELECT trace_id FROM ({}))", self.chosen_sql());
        self.bound(Plan::new(scope, traits_sql(&of)))
    }

    fn bound(&self, plan: Plan) -> Plan {
        near(plan, self.range)
            .bind("from", self.range.from.0)
            .bind("to", self.range.to.0)
            .bind("min", self.base.min)
            .bind("max", self.base.max)
            .bind("in_from", self.inside.from.0)
            .bind("in_to", self.inside.to.0)
            .bind("in_min", self.region.min)
            .bind("in_max", self.region.max)
            .bind_all(self.base.binds.values())
            .bind_all(self.region.binds.values())
    }
}

fn traits_sql(of: &str) -> String {
    format!(
        "SELECT trace_id, groupUniqArrayArray(tokens) AS all_tokens,
            groupUniqArrayArray(arrayMap((s, o, f) -> (toString(s), toString(o), f),
                groups.service, groups.operation, groups.failed)) AS all_groups,
            groupUniqArrayArray(arrayMap((k, low, high) -> (toString(k), low, high),
                numbers.key, numbers.min, numbers.max)) AS all_numbers
         FROM pieces WHERE {NEAR} AND {of} GROUP BY trace_id"
    )
}

/// The same of traces by their ids.
pub fn traits_plan(scope: &Scope, range: Range, traces: &[TraceId]) -> Plan {
    near(Plan::new(scope, traits_sql(&format!("trace_id IN ({})", list(traces)))), range)
}

/// What spans of some traces say: texts, whole numbers, others in their tagged form, and messages of failure; and
/// which of their keys have numbers.
pub fn said_plan(scope: &Scope, traces: &[TraceId]) -> Plan {
    let sql = format!(
        "SELECT said.1 AS kind, said.2 AS key, said.3 AS value, groupUniqArray(4)(of_service) AS services
         FROM (SELECT trace_id, toString(service) AS of_service, arrayJoin(arrayConcat(
                arrayMap((k, v) -> ('text', toString(k), v), mapKeys(attr_str), mapValues(attr_str)),
                arrayMap((k, v) -> ('int', toString(k), toString(v)), mapKeys(attr_int), mapValues(attr_int)),
                arrayMap((k, v) -> ('other', toString(k), v), mapKeys(attr_other), mapValues(attr_other)),
                arrayMap(k -> ('number', toString(k), '#'), arrayConcat(mapKeys(attr_int), mapKeys(attr_dbl))),
                [('message', '', status_message)])) AS said
            FROM spans WHERE tenant = {{tenant:String}} AND trace_id IN ({}))
         WHERE said.3 != '' AND length(said.3) <= {EXPLAIN_VALUE_MAX_BYTES}
         GROUP BY kind, key, value HAVING uniq(trace_id) >= {LEAST_TRACES}
         ORDER BY uniq(trace_id) DESC, kind, key, value LIMIT {EXPLAIN_MAX_NAMES}",
        list(traces)
    );
    Plan::new(scope, sql)
}

pub fn makers_plan(scope: &Scope) -> Plan {
    let sql = format!(
        "SELECT id, toString(service) AS service, resource FROM origins
         WHERE tenant = {{tenant:String}} ORDER BY seen DESC, id LIMIT {EXPLAIN_MAX_MAKERS}"
    );
    Plan::new(scope, sql)
}

fn list(traces: &[TraceId]) -> String {
    traces.iter().map(|id| format!("unhex('{id}')")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(text: &str) -> Option<(u64, u64)> {
        let query = model::query::read(text).unwrap();
        Decided::of(&query, "t").map(|decided| (decided.min, decided.max))
    }

    #[test]
    fn pieces_decide_about_groups_and_whole_durations() {
        const MS: u64 = 1_000_000;
        let any = i64::MAX as u64;
        assert_eq!(decided(""), Some((0, any)));
        assert_eq!(decided("error service=cart"), Some((0, any)));
        assert_eq!(decided("error trace_duration>=2ms trace_duration<5ms"), Some((2 * MS, 5 * MS)));
        assert_eq!(decided("trace_duration>2ms"), Some((2 * MS + 1, any)));
        assert_eq!(decided("user=ann"), None);
        assert_eq!(decided("duration>2ms"), None);
        assert_eq!(decided("{ } >> { status = error }"), None);
    }
}
