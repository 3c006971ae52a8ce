//! Metrics of a query: the spans one filter selects, counted or measured in steps of time.

use std::collections::BTreeMap;

use model::query::ast::{Metric, MetricFunction, SeriesStage};
use model::query::{Query, print_field};
use model::view::{Series, SeriesSet};
use model::{ApiError, AttrValue, Nanos, Scope, Timestamp};

use super::Queries;
use super::evaluate::{Shape, holds, literal_number};
use super::plan::Conditions;
use super::search::question::parsed;
use super::search::{Scan, Window, range_of};
use super::verify::{AHEAD_SECS, Range, joined};
use crate::limits::{ADJUSTED_COUNT_MAX, SERIES_MAX, SERIES_MAX_STEPS};
use crate::storage::reader::{Plan, Point};

mod counted;

/// Steps when none is asked for.
const STEPS: u64 = 60;

/// How many spans one stands for, by what its trace state says: as `wire::otlp::sampling` reads it.
fn stands_for() -> String {
    // One entry of OpenTelemetry's member.
    let entry = |name: &str, value: &str| {
        format!("extract(s.trace_state, '(?:^|,)\\s*ot=(?:[^,]*;)?{name}:({value})(?:[;,\\s]|$)')")
    };
    let digits = entry("th", "[0-9a-f]{1,14}");
    let threshold = format!("reinterpretAsUInt64(reverse(unhex(concat('00', rightPad({digits}, 14, '0')))))");
    let by_threshold = format!("exp2(56) / (exp2(56) - {threshold})");
    let power = format!("toUInt8OrNull({})", entry("p", "[0-9]{1,2}"));
    let random = format!("toUInt8OrZero({})", entry("r", "[0-9]{1,2}"));
    let is_random = "match(s.trace_state, '(?:^|,)\\s*ot=(?:[^,]*;)?r:')";
    let is_true = format!("NOT {is_random} OR {random} <= 62 AND {power} <= {random}");
    let by_power = format!(
        "multiIf(ifNull({power}, 64) > 63, 1., {power} = 63, 0., {is_true}, exp2(assumeNotNull({power})), 1.)"
    );
    format!(
        "if(position(s.trace_state, 'ot=') = 0, 1.,
            least({ADJUSTED_COUNT_MAX:?}, if(position(s.trace_state, 'th:') > 0, {by_threshold}, {by_power})))"
    )
}

/// A metrics query over a range.
pub struct Measure<'q> {
    query: &'q Query,
    metric: &'q Metric,
    range: Range,
    step: Nanos,
    steps: u64,
}

impl<'q> Measure<'q> {
    pub fn new(query: &'q Query, range: Range, step: Option<Nanos>) -> Result<Measure<'q>, ApiError> {
        let Some(metric) = &query.metric else {
            return Err(ApiError::bad_request(
                "the query makes no series",
                "end it with a metric, such as | rate() by (resource.service.name)",
            ));
        };
        let length = range.to.since(range.from).0;
        let step = step.unwrap_or_else(|| counted::rounded(Nanos(length.div_ceil(STEPS).max(1_000_000))));
        if step.0 == 0 || length.div_ceil(step.0) > SERIES_MAX_STEPS {
            return Err(ApiError::bad_request(
                format!("the range has more than {SERIES_MAX_STEPS} steps"),
                "ask for a longer step or a shorter range",
            ));
        }
        let steps = length.div_ceil(step.0).max(1);
        // Whether something is counted already must not show in where its steps begin.
        let range = if counted::is_aligned(step) { counted::widened(range) } else { range };
        Ok(Measure { query, metric, range, step, steps })
    }

    /// Seconds that the last step counts: what it was widened by lies in it, as far as that has come.
    fn last_secs(&self, now: Timestamp) -> f64 {
        let begins = self.range.from.plus(Nanos(self.step.0 * (self.steps - 1)));
        let ends = self.range.to.min(now.max(begins));
        ends.since(begins).0.max(self.step.0) as f64 / 1e9
    }

    /// One row for each step and combination of labels, with as many values as the function has.
    pub fn plan(&self, scope: &Scope, now: Timestamp) -> Result<Plan, ApiError> {
        let refused = |message: &str, hint: &str| {
            ApiError::bad_request(message, hint).at(self.metric.at.start, self.metric.at.end)
        };
        let shape = Shape::of(&self.query.pipeline)?;
        if !shape.is_plain() {
            return Err(refused("metrics take one selection", "write { condition } | rate()"));
        }
        let mut conditions = Conditions::new();
        let condition =
            shape.leaves[0].map_or_else(|| Ok("1".to_owned()), |expr| conditions.boolean(expr))?;
        let is_counted = counted::is_aligned(self.step) && counted::answers(self.metric, shape.leaves[0]);
        let mut labels: Vec<String> =
            self.metric.by.iter().map(|field| conditions.shown(&field.name)).collect();
        let spans = if is_counted { "toFloat64(s.spans)".to_owned() } else { stands_for() };
        let values = match &self.metric.function {
            MetricFunction::Rate => {
                let (secs, last) = (self.step.0 as f64 / 1e9, self.last_secs(now));
                format!("[toNullable(sum({spans}) / if(step = {}, {last:?}, {secs:?}))]", self.steps - 1)
            }
            MetricFunction::CountOverTime => format!("[toNullable(sum({spans}))]"),
            MetricFunction::MinOverTime(of) => format!("[minOrNull({})]", conditions.number(of)?),
            MetricFunction::MaxOverTime(of) => format!("[maxOrNull({})]", conditions.number(of)?),
            MetricFunction::AvgOverTime(of) => {
                format!("[avgWeightedOrNull({}, {spans})]", conditions.number(of)?)
            }
            MetricFunction::SumOverTime(of) => format!("[sumOrNull(({}) * {spans})]", conditions.number(of)?),
            MetricFunction::QuantileOverTime(of, quantiles) => {
                let number = conditions.number(of)?;
                let each = quantiles.iter().map(|q| {
                    format!("quantileTDigestWeightedOrNull({q:?})({number}, toUInt64(round({spans})))")
                });
                format!("[{}]", each.collect::<Vec<_>>().join(", "))
            }
            MetricFunction::HistogramOverTime(of) => {
                let number = conditions.number(of)?;
                labels.push(format!("concat('\\0{{\"d\":\"', toString(exp2(ceil(log2({number})))), '\"}}')"));
                format!("[toNullable(sum({spans}))]")
            }
            MetricFunction::Compare(..) => {
                return Err(refused(
                    "compare() is answered by no series",
                    "search for either side by itself",
                ));
            }
        };
        if conditions.needs.analysis {
            return Err(refused(
                "metrics cannot select by depth, cause or critical path",
                "search for such traces instead",
            ));
        }
        let scan = Scan::of(&self.query.pipeline, self.range);
        let window = Window::whole(self.range, now);
        let mut of = "tenant = {tenant:String} AND received >= toDateTime({received:UInt32}, 'UTC') \
                      AND start >= fromUnixTimestamp64Nano({from:Int64}) AND start < fromUnixTimestamp64Nano({to:Int64})"
            .to_owned();
        if scan.is_rare() {
            of.push_str(&format!(
                " AND trace_id IN (SELECT trace_id FROM pieces WHERE {})",
                scan.conditions(&window)
            ));
        }
        let source = if is_counted { counted::ROWS.to_owned() } else { joined(conditions.needs, &of) };
        let sql = format!(
            "SELECT toUInt32(least(intDiv(toUnixTimestamp64Nano(s.start) - {{from:Int64}}, {{step:Int64}}), {})) AS step,
                CAST([{}] AS Array(String)) AS labels, CAST({values} AS Array(Nullable(Float64))) AS values
             FROM {source} WHERE {condition} GROUP BY step, labels ORDER BY labels, step LIMIT {}",
            self.steps - 1,
            labels.join(", "),
            SERIES_MAX as u64 * SERIES_MAX_STEPS,
        );
        let plan = scan.bound(Plan::new(scope, sql), &window).bind_all(conditions.binds.values());
        Ok(counted::bound(plan, self.range)
            .bind("step", self.step.0)
            .bind("received", self.range.from.as_secs().saturating_sub(AHEAD_SECS).min(u64::from(u32::MAX))))
    }

    /// Series out of points, each with its labels.
    pub fn series(&self, points: Vec<Point>) -> (Vec<Series>, bool) {
        let mut lines: BTreeMap<(Vec<String>, usize), Vec<Option<f64>>> = BTreeMap::new();
        let mut is_complete = true;
        for point in points {
            for (at, value) in point.values.into_iter().enumerate() {
                let key = (point.labels.clone(), at);
                if !lines.contains_key(&key) && lines.len() >= SERIES_MAX {
                    is_complete = false;
                    continue;
                }
                let line = lines.entry(key).or_insert_with(|| vec![None; self.steps as usize]);
                if let Some(slot) = line.get_mut(point.step as usize) {
                    *slot = value.filter(|value| value.is_finite());
                }
            }
        }
        let mut lines: Vec<Series> = lines
            .into_iter()
            .map(|((labels, at), points)| Series { labels: self.labels(&labels, at), points })
            .collect();
        if matches!(self.metric.function, MetricFunction::Rate | MetricFunction::CountOverTime) {
            // No span is a count as well.
            lines.iter_mut().flat_map(|line| &mut line.points).for_each(|point| *point = point.or(Some(0.0)));
        }
        for stage in &self.metric.then {
            through(stage, &mut lines);
        }
        lines.retain(|line| line.points.iter().any(Option::is_some));
        (lines, is_complete)
    }

    fn labels(&self, values: &[String], at: usize) -> Vec<(String, AttrValue)> {
        let names = self.metric.by.iter().map(|field| print_field(&field.name));
        let bucket = matches!(self.metric.function, MetricFunction::HistogramOverTime(_));
        let names = names.chain(bucket.then(|| "bucket".to_owned()));
        let mut labels: Vec<(String, AttrValue)> =
            names.zip(values.iter().map(|text| AttrValue::from_text(text))).collect();
        if let MetricFunction::QuantileOverTime(_, quantiles) = &self.metric.function {
            labels.push(("p".to_owned(), AttrValue::Double(quantiles[at])));
        }
        labels
    }
}

fn through(stage: &SeriesStage, lines: &mut [Series]) {
    match stage {
        SeriesStage::Where(op, literal) => {
            let bound = literal_number(literal).unwrap_or_default();
            for point in lines.iter_mut().flat_map(|line| &mut line.points) {
                *point = point.filter(|value| holds(*op, *value, bound));
            }
        }
        SeriesStage::TopK(keep) => ranked(lines, *keep as usize, |a, b| b.total_cmp(&a)),
        SeriesStage::BottomK(keep) => ranked(lines, *keep as usize, |a, b| a.total_cmp(&b)),
    }
}

/// Keeps, at each step, the points that come first.
fn ranked(lines: &mut [Series], keep: usize, order: impl Fn(f64, f64) -> std::cmp::Ordering) {
    let steps = lines.first().map_or(0, |line| line.points.len());
    for step in 0..steps {
        let mut there: Vec<(usize, f64)> =
            lines.iter().enumerate().filter_map(|(at, line)| Some((at, line.points[step]?))).collect();
        there.sort_by(|a, b| order(a.1, b.1));
        for (at, _) in there.into_iter().skip(keep) {
            lines[at].points[step] = None;
        }
    }
}

impl Queries {
    pub async fn series(
        &self,
        scope: &Scope,
        q: &str,
        range: (Option<Timestamp>, Option<Timestamp>),
        step: Option<Nanos>,
        now: Timestamp,
    ) -> Result<SeriesSet, ApiError> {
        let end = range.1.unwrap_or(now);
        let start = range.0.unwrap_or(end.minus(Nanos::from_secs(3_600)));
        let query = parsed(q)?;
        let measure = Measure::new(&query, range_of(Some(start), Some(end))?, step)?;
        let (points, scanned) = self.reader.points(&measure.plan(scope, now)?).await?;
        let (series, complete) = measure.series(points);
        if !complete {
            self.reached.note("series");
        }
        let limit_reached = (!complete).then(|| format!("there are more than {SERIES_MAX} series"));
        Ok(SeriesSet {
            start: measure.range.from,
            step: measure.step,
            series,
            complete,
            limit_reached,
            scanned,
        })
    }
}
