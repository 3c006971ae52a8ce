//! Statements that ask which traces are inside and what pieces and spans say of them. Pure.

use base64::prelude::{BASE64_STANDARD, Engine};
use model::query::Query;
use model::query::ast::{CompareOp, Expr, ExprKind, Literal};
use model::query::fields::{FieldName, Intrinsic};
use model::{Scope, Timestamp, TraceId};

use super::slices::Slices;
use crate::limits::{EXPLAIN_MAX_CANDIDATES, EXPLAIN_MAX_MAKERS, EXPLAIN_NAMED_SPANS};
use crate::query::plan::{Binds, Narrow, narrow};
use crate::query::verify::Range;
use crate::query::{NUMBER, list};
use crate::storage::pieces::BUCKET_SECS;
use crate::storage::reader::Plan;

/// How far around the range the rest of a trace is looked for.
const REACH_SECS: u64 = 3_600;

/// What pieces tell of the traces that a query finds.
#[derive(Debug)]
pub struct Decided {
    binds: Binds,
    /// What a piece of theirs is like; none when any piece may be.
    hit: Option<String>,
    /// Whether that alone decides; otherwise spans have to be asked.
    pub is_exact: bool,
    /// At least this long, in nanoseconds, and shorter than the other.
    pub min: u64,
    pub max: u64,
}

impl Decided {
    /// Bound names start with the prefix.
    pub fn of(query: &Query, prefix: &'static str) -> Decided {
        Decided::alone(query, prefix).unwrap_or_else(|| {
            let mut narrow = Narrow { binds: Binds::new(prefix) };
            let hit = narrow.pipeline(&query.pipeline).map(|hint| hint.sql);
            Decided { binds: narrow.binds, hit, is_exact: false, min: 0, max: ANY_LENGTH }
        })
    }

    /// Where pieces decide alone.
    fn alone(query: &Query, prefix: &'static str) -> Option<Decided> {
        let condition = query.only_filter()?;
        let (mut min, mut max) = (0, ANY_LENGTH);
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
        let parts = rest.len();
        let rest = Query::filter(Expr::all(rest));
        let mut narrow = Narrow { binds: Binds::new(prefix) };
        let hint = narrow.pipeline(&rest.pipeline);
        // Two tokens may be of two spans of a piece.
        let is_a_token = parts == 1 && hint.as_ref().is_some_and(narrow::Hint::is_of_tokens);
        if !is_a_token && !narrow::is_exact(&rest.pipeline) {
            return None;
        }
        Some(Decided { binds: narrow.binds, hit: hint.map(|hint| hint.sql), is_exact: true, min, max })
    }
}

const ANY_LENGTH: u64 = i64::MAX as u64;

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
    let (low, high) = (low - low % BUCKET_SECS, secs(range.to) + REACH_SECS);
    // Conditions on pieces name the latter two.
    plan.bind("low_bucket", low).bind("high_secs", high).bind("reach_low", low).bind("reach_high", high)
}

/// Traces of the search, and those of them in question.
#[derive(Debug)]
pub struct Members {
    pub range: Range,
    pub inside: Range,
    pub base: Decided,
    pub region: Decided,
}

/// Where candidates are looked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    Slices(Slices),
    /// All of the time, where there are hardly any; a long trace by a piece that is as long.
    Rare,
}

/// The traces of a side.
#[derive(Clone, Copy, Debug)]
pub struct Sought {
    pub is_inside: bool,
    /// Only those of which a piece is hit by the base's query too: few may be.
    pub is_of_base: bool,
}

impl Part {
    pub fn slices(&self) -> Option<&Slices> {
        match self {
            Part::Slices(slices) => Some(slices),
            Part::Rare => None,
        }
    }

    pub fn is_whole(&self) -> bool {
        self.slices().is_none_or(|slices| *slices == Slices::default())
    }
}

impl Members {
    pub fn is_exact(&self) -> bool {
        self.base.is_exact && self.region.is_exact
    }

    pub fn time(&self, is_inside: bool) -> Range {
        if is_inside { self.inside } else { self.range }
    }

    /// Whether the traces of a side are told by the pieces that the region's query hits, rather than the base's.
    pub fn is_by_region(&self, is_inside: bool) -> bool {
        is_inside && self.region.hit.is_some()
    }

    /// Whether both queries say something of the pieces of those inside.
    pub fn is_named_by_both(&self) -> bool {
        self.region.hit.is_some() && self.base.hit.is_some()
    }

    fn named_by(&self, is_inside: bool) -> &Decided {
        if self.is_by_region(is_inside) { &self.region } else { &self.base }
    }

    /// Whether nothing but the region's query tells who is inside, so that no piece of those outside is hit.
    fn is_by_query(&self) -> bool {
        let region = &self.region;
        region.is_exact && self.inside == self.range && (region.min, region.max) == (0, ANY_LENGTH)
    }

    /// Pieces by which traces of a side are found, grouped by trace.
    fn candidates_sql(&self, side: Sought, of: &Part) -> String {
        let Sought { is_inside, is_of_base } = side;
        let decided = self.named_by(is_inside);
        let (min, max) = match is_inside {
            true => (self.region.min.max(self.base.min), self.region.max.min(self.base.max)),
            false => (self.base.min, self.base.max),
        };
        let least = if decided.hit.is_none() { min } else { 0 };
        let mut sql = format!("{NEAR} AND first >= fromUnixTimestamp64Nano({{from:Int64}})");
        match (of.slices().and_then(Slices::sql), &decided.hit) {
            (Some(slices), _) => sql.push_str(&format!(" AND {slices}")),
            // The first piece of a trace lies in the time, and any further one near it.
            (None, None) if min == 0 => sql.push_str(" AND first < fromUnixTimestamp64Nano({to:Int64})"),
            (None, _) => {}
        }
        sql.extend(decided.hit.iter().map(|hit| format!(" AND {hit}")));
        if let Some(hit) = self.base.hit.as_ref().filter(|_| is_of_base) {
            sql.push_str(&format!(
                " AND trace_id IN (SELECT trace_id FROM pieces
                    WHERE {NEAR} AND first >= fromUnixTimestamp64Nano({{from:Int64}}) AND {hit})"
            ));
        }
        if !is_inside && self.is_by_query() {
            sql.extend(self.region.hit.iter().map(|hit| format!(" AND NOT {hit}")));
        }
        if *of == Part::Rare && least > 0 {
            sql.push_str(&format!(" AND length >= {least}"));
        }
        sql.push_str(" GROUP BY trace_id");
        // How long what is seen of a trace lasts: it is no shorter, and as long where all of it is seen.
        let seen = "toUInt64(max(toUnixTimestamp64Nano(first) + toInt64(length)) - min(toUnixTimestamp64Nano(first)))";
        if least > 0 || max < ANY_LENGTH {
            sql.push_str(&format!(
                " HAVING {seen} >= {least} AND {seen} < {max} AND min(first) < fromUnixTimestamp64Nano({{to:Int64}})"
            ));
        }
        sql
    }

    /// How many pieces begin when, as far as the primary index tells: it has one row of about a thousand.
    pub fn granules_plan(&self, scope: &Scope) -> Plan {
        let sql = format!(
            "SELECT toUnixTimestamp64Nano(first) AS begins,
                if(next = (tenant, bucket, error), toUnixTimestamp64Nano(next_first),
                    (toInt64(toUnixTimestamp(bucket)) + {BUCKET_SECS}) * 1000000000) AS ends,
                rows_in_granule AS pieces
             FROM (
                SELECT *, leadInFrame((tenant, bucket, error)) OVER part AS next, leadInFrame(first) OVER part AS next_first
                FROM mergeTreeIndex(currentDatabase(), 'pieces')
                WINDOW part AS (PARTITION BY part_name ORDER BY mark_number
                    ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING))
             WHERE {NEAR} AND rows_in_granule > 0"
        );
        self.bound(Plan::new(scope, sql), false)
    }

    /// Pieces that may have to be looked through for a side, after what indexes know of its condition; none without one.
    pub fn estimate_plan(&self, scope: &Scope, is_inside: bool) -> Option<Plan> {
        let sql = format!(
            "SELECT table, rows FROM (EXPLAIN ESTIMATE SELECT trace_id FROM pieces
             WHERE {NEAR} AND first >= fromUnixTimestamp64Nano({{from:Int64}}) AND {})",
            self.named_by(is_inside).hit.as_ref()?
        );
        Some(self.bound(Plan::new(scope, sql), is_inside))
    }

    /// Traces of a side, with the time of the first piece that names each.
    pub fn candidates_plan(&self, scope: &Scope, side: Sought, of: &Part) -> Plan {
        let is_inside = side.is_inside;
        let sql = format!(
            "SELECT trace_id, toUInt64(min(toUnixTimestamp64Nano(first))) AS key, toUInt8({is_inside}) AS is_inside,
                toUInt64(count() OVER ()) AS side
             FROM pieces WHERE {}
             ORDER BY cityHash64(trace_id), trace_id LIMIT {EXPLAIN_MAX_CANDIDATES}",
            self.candidates_sql(side, of)
        );
        self.bound(Plan::new(scope, sql), is_inside)
    }

    /// Those of both sides in the same slices at once, where nothing but the region's query tells them apart.
    pub fn both_plan(&self, scope: &Scope, slices: &Slices) -> Option<Plan> {
        let base = &self.base;
        if !self.is_by_query() || base.hit.is_some() || (base.min, base.max) != (0, ANY_LENGTH) {
            return None;
        }
        let sql = format!(
            "SELECT trace_id, toUInt64(min(toUnixTimestamp64Nano(first))) AS key, toUInt8({}) AS is_inside,
                toUInt64(count() OVER (PARTITION BY is_inside)) AS side
             FROM pieces WHERE {NEAR} AND {} GROUP BY trace_id, is_inside
             ORDER BY cityHash64(trace_id), trace_id LIMIT {EXPLAIN_MAX_CANDIDATES}",
            self.region.hit.as_ref()?,
            slices.sql()?
        );
        Some(self.bound(Plan::new(scope, sql), false))
    }

    /// All pieces of these traces. Wide columns are read where there are any.
    pub fn traits_plan(&self, scope: &Scope, traces: &[TraceId]) -> Plan {
        let hit = |decided: &Decided| decided.hit.clone().unwrap_or_else(|| "1".to_owned());
        let ids: Vec<u8> = traces.iter().flat_map(|trace| trace.0).collect();
        let ids = BASE64_STANDARD.encode(ids);
        // A list of as many ids takes the engine longer to read than the pieces.
        let sql = format!(
            "SELECT trace_id, toUnixTimestamp64Nano(first) AS begins,
                toUnixTimestamp64Nano(first) + toInt64(length) AS ends, toUInt64(spans) AS span_count,
                toUInt8({}) AS is_base, toUInt8({}) AS is_region, tokens,
                groups.service AS services, groups.operation AS operations, groups.failed AS failed,
                numbers.key AS keys, numbers.min AS lows, numbers.max AS highs
             FROM pieces
             PREWHERE {NUMBER} IN (
                SELECT reinterpretAsUInt128(substring(base64Decode('{ids}'), 1 + 16 * arrayJoin(range({}))::UInt32, 16)))
             WHERE {NEAR}",
            hit(&self.base),
            hit(&self.region),
            traces.len()
        );
        self.bound(Plan::new(scope, sql), false)
    }

    fn bound(&self, plan: Plan, is_inside: bool) -> Plan {
        let time = self.time(is_inside);
        near(plan, time)
            .bind("from", time.from.0)
            .bind("to", time.to.0)
            .bind_all(self.base.binds.values())
            .bind_all(self.region.binds.values())
    }
}

/// What spans of some traces say.
pub fn said_plan(scope: &Scope, traces: &[TraceId]) -> Plan {
    let sql = format!(
        "SELECT toString(service) AS service, attr_str, attr_int, mapKeys(attr_dbl) AS doubles, attr_other, status_message
         FROM spans WHERE tenant = {{tenant:String}} AND trace_id IN ({})
         LIMIT {EXPLAIN_NAMED_SPANS} BY trace_id",
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

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(text: &str) -> Option<(u64, u64)> {
        let decided = Decided::of(&model::query::read(text).unwrap(), "t");
        decided.is_exact.then_some((decided.min, decided.max))
    }

    #[test]
    fn pieces_decide_about_groups_tokens_and_whole_durations() {
        const MS: u64 = 1_000_000;
        let any = i64::MAX as u64;
        assert_eq!(decided(""), Some((0, any)));
        assert_eq!(decided("error service=cart"), Some((0, any)));
        assert_eq!(decided("error trace_duration>=2ms trace_duration<5ms"), Some((2 * MS, 5 * MS)));
        assert_eq!(decided("trace_duration>2ms"), Some((2 * MS + 1, any)));
        assert_eq!(decided("span.user=ann trace_duration>=2ms"), Some((2 * MS, any)));
        assert_eq!(decided("span.user=ann span.shard=2"), None, "of one and the same span");
        assert_eq!(decided("user=ann"), None, "origins may say it too");
        assert_eq!(decided("duration>2ms"), None);
        assert_eq!(decided("{ } >> { status = error }"), None);
    }

    #[test]
    fn those_outside_are_told_by_what_is_not_hit_where_only_a_query_asks() {
        let range = Range { from: Timestamp(0), to: Timestamp(100) };
        let of = |text: &str, inside: Range| Members {
            range,
            inside,
            base: Decided::of(&model::query::read("").unwrap(), "base"),
            region: Decided::of(&model::query::read(text).unwrap(), "part"),
        };
        let is_by_query = |members: &Members| {
            let outside = Sought { is_inside: false, is_of_base: false };
            members.candidates_sql(outside, &Part::Slices(Slices::default())).contains("AND NOT (error = 1")
        };
        assert!(is_by_query(&of("error", range)));
        assert!(!is_by_query(&of("error trace_duration>5ms", range)));
        assert!(!is_by_query(&of("error", Range { to: Timestamp(50), ..range })));
        assert!(!is_by_query(&of("error duration>5ms", range)), "pieces may say too much");
    }

    #[test]
    fn long_ones_begin_within_the_time_too() {
        let range = Range { from: Timestamp(0), to: Timestamp(100) };
        let decided = |text: &str| Decided::of(&model::query::read(text).unwrap(), "t");
        let (base, region) = (decided(""), decided("trace_duration>2ms"));
        let members = Members { range, inside: Range { to: Timestamp(50), ..range }, base, region };
        let inside = Sought { is_inside: true, is_of_base: false };
        for of in [Part::Slices(Slices::default()), Part::Rare] {
            let sql = members.candidates_sql(inside, &of);
            assert!(
                sql.contains("HAVING") && sql.contains("min(first) < fromUnixTimestamp64Nano({to:Int64})")
            );
        }
    }
}
