//! How services and operations are doing beside an hour and a day ago, from the pre-aggregated buckets alone.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use model::view::{
    Health, HealthPoint, HeatCell, Heatmap, OperationSummary, Red, ServiceReport, ServiceSummary,
    ServicesReport,
};
use model::{ApiError, Histogram, Nanos, Scope, SpanKind, Timestamp};

use super::Queries;
use crate::limits::{HEALTH_MAX_SECS, HEALTH_STEPS};
use crate::storage::reader::{Plan, RedPoint, RedStep};
use crate::storage::red::RED_STEP_SECS;

const HOUR: Nanos = Nanos(3_600 * 1_000_000_000);
const DAY: Nanos = Nanos(24 * HOUR.0);

/// The time a report covers: whole steps, the last of them still filling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub from_secs: u64,
    pub step_secs: u64,
    pub steps: u64,
}

impl Stretch {
    /// About [`HEALTH_STEPS`] steps of whole pre-aggregated ones, up to now.
    pub fn back_from(now: Timestamp, length_secs: u64) -> Stretch {
        let length = length_secs.clamp(60, HEALTH_MAX_SECS);
        let step_secs = (length / HEALTH_STEPS).next_multiple_of(RED_STEP_SECS).max(RED_STEP_SECS);
        let steps = length.div_ceil(step_secs);
        let end = (now.as_secs() + 1).next_multiple_of(step_secs);
        Stretch { from_secs: end.saturating_sub(steps * step_secs), step_secs, steps }
    }

    pub fn end_secs(self) -> u64 {
        self.from_secs + self.steps * self.step_secs
    }

    fn start(self) -> Timestamp {
        Timestamp::from_secs(self.from_secs)
    }

    fn step(self) -> Nanos {
        Nanos::from_secs(self.step_secs)
    }

    fn bind(self, plan: Plan) -> Plan {
        plan.bind("from", self.from_secs)
            .bind("to", self.from_secs + self.steps * self.step_secs)
            .bind("step", self.step_secs)
    }
}

const IN_SPAN: &str =
    "tenant = {tenant:String} AND toStartOfHour(time) >= toStartOfHour(toDateTime({from:UInt32}, 'UTC'))
        AND time >= toDateTime({from:UInt32}, 'UTC') AND time < toDateTime({to:UInt32}, 'UTC')";
const STEP: &str = "toUInt32(intDiv(toUnixTimestamp(time) - {from:UInt32}, {step:UInt32})) AS step";

pub fn service_points_plan(scope: &Scope, span: Stretch) -> Plan {
    let sql = format!(
        "SELECT service AS name, kind, {STEP}, sum(calls) AS calls, sum(errors) AS errors
         FROM red WHERE {IN_SPAN} GROUP BY name, kind, step"
    );
    span.bind(Plan::new(scope, sql))
}

pub fn operation_points_plan(scope: &Scope, span: Stretch, service: &str) -> Plan {
    let sql = format!(
        "SELECT operation AS name, kind, {STEP}, sum(calls) AS calls, sum(errors) AS errors
         FROM red WHERE {IN_SPAN} AND service = {{service:String}} GROUP BY name, kind, step"
    );
    span.bind(Plan::new(scope, sql)).bind("service", service)
}

/// An empty operation stands for all of them.
pub fn durations_plan(scope: &Scope, span: Stretch, service: &str, operation: &str) -> Plan {
    let sql = format!(
        "SELECT kind, {STEP}, sumMap(hist) AS hist
         FROM red WHERE {IN_SPAN} AND service = {{service:String}}
            AND ({{operation:String}} = '' OR operation = {{operation:String}}) GROUP BY kind, step"
    );
    span.bind(Plan::new(scope, sql)).bind("service", service).bind("operation", operation)
}

impl Queries {
    pub async fn services_report(
        &self,
        scope: &Scope,
        length_secs: u64,
        now: Timestamp,
    ) -> Result<ServicesReport, ApiError> {
        let span = Stretch::back_from(now, length_secs);
        let plan = service_points_plan(scope, span);
        let points = async { Ok(self.reader.red_points(&plan).await?) };
        let (today, hour_ago, day_ago, points, mut reasons, flags) = tokio::try_join!(
            self.services(scope, now),
            self.services(scope, now.minus(HOUR)),
            self.services(scope, now.minus(DAY)),
            points,
            self.hot_spots(scope, now),
            self.flags(scope, now, now),
        )?;
        let mut lines = Lines::new(span);
        lines.add_all(today.into_iter().map(of_service), |line| &mut line.now);
        lines.add_all(hour_ago.into_iter().map(of_service), |line| &mut line.hour_ago);
        lines.add_all(day_ago.into_iter().map(of_service), |line| &mut line.day_ago);
        for (name, points) in answered(points, span.steps) {
            lines.of(name, SpanKind::Unspecified).points = points;
        }
        for line in lines.lines.values_mut() {
            line.why = reasons.remove(&line.name);
            line.flag = flags.of_service(&line.name);
        }
        Ok(ServicesReport { start: span.start(), step: span.step(), services: lines.worst_first() })
    }

    pub async fn service_report(
        &self,
        scope: &Scope,
        service: &str,
        operation: &str,
        length_secs: u64,
        now: Timestamp,
    ) -> Result<ServiceReport, ApiError> {
        let span = Stretch::back_from(now, length_secs);
        let points = operation_points_plan(scope, span, service);
        let durations = durations_plan(scope, span, service, operation);
        let (all, today, hour_ago, day_ago, points, steps, flags, deploys, time) = tokio::try_join!(
            self.services_report(scope, length_secs, now),
            self.operations(scope, service, now),
            self.operations(scope, service, now.minus(HOUR)),
            self.operations(scope, service, now.minus(DAY)),
            async { Ok(self.reader.red_points(&points).await?) },
            async { Ok(self.reader.red_steps(&durations).await?) },
            self.flags(scope, now, now),
            self.deploys(scope, service, span),
            self.time_shares(scope, service, operation, now),
        )?;
        let Some(health) = all.services.into_iter().find(|line| line.name == service) else {
            return Err(ApiError::not_found(
                format!("no service {service} has been seen"),
                "look at /services for those that have",
            ));
        };
        let mut lines = Lines::new(span);
        lines.add_all(today.into_iter().map(of_operation), |line| &mut line.now);
        lines.add_all(hour_ago.into_iter().map(of_operation), |line| &mut line.hour_ago);
        lines.add_all(day_ago.into_iter().map(of_operation), |line| &mut line.day_ago);
        for point in points {
            let line = lines.of(point.name, point.kind);
            if let Some(at) = line.points.get_mut(point.step as usize) {
                *at = HealthPoint { calls: point.calls, errors: point.errors };
            }
        }
        for line in lines.lines.values_mut() {
            line.flag = flags.of_operation(service, &line.name);
        }
        let steps = histograms(steps, span.steps);
        Ok(ServiceReport {
            start: span.start(),
            step: span.step(),
            service: health,
            operations: lines.worst_first(),
            durations: heatmap(&steps, span),
            quantiles: steps.iter().map(quantiles).collect(),
            deploys,
            time,
        })
    }
}

fn of_service(service: ServiceSummary) -> (String, SpanKind, Red, Timestamp) {
    (service.name, SpanKind::Unspecified, service.red, service.last_seen)
}

fn of_operation(operation: OperationSummary) -> (String, SpanKind, Red, Timestamp) {
    (operation.name, operation.kind, operation.red, Timestamp(0))
}

/// The lines of a report by name and kind.
struct Lines {
    span: Stretch,
    lines: BTreeMap<(String, SpanKind), Health>,
}

impl Lines {
    fn new(span: Stretch) -> Lines {
        Lines { span, lines: BTreeMap::new() }
    }

    fn of(&mut self, name: String, kind: SpanKind) -> &mut Health {
        match self.lines.entry((name, kind)) {
            Entry::Occupied(line) => line.into_mut(),
            Entry::Vacant(place) => {
                let name = place.key().0.clone();
                let points = vec![HealthPoint::default(); self.span.steps as usize];
                place.insert(Health { name, kind, points, ..Health::default() })
            }
        }
    }

    fn add_all(
        &mut self,
        found: impl Iterator<Item = (String, SpanKind, Red, Timestamp)>,
        place: impl Fn(&mut Health) -> &mut Red,
    ) {
        for (name, kind, red, last_seen) in found {
            let line = self.of(name, kind);
            *place(line) = red;
            line.last_seen = line.last_seen.max(last_seen);
        }
    }

    /// What is in no trouble follows by how much it is called.
    fn worst_first(self) -> Vec<Health> {
        let mut lines: Vec<Health> = self.lines.into_values().collect();
        lines.sort_by(|a, b| b.trouble().total_cmp(&a.trouble()).then_with(|| b.now.calls.cmp(&a.now.calls)));
        lines
    }
}

/// Points of each service: of the calls it answers, or of all its spans when it answers none.
fn answered(points: Vec<RedPoint>, steps: u64) -> Vec<(String, Vec<HealthPoint>)> {
    let mut by_name: BTreeMap<String, [Vec<HealthPoint>; 2]> = BTreeMap::new();
    for point in points {
        let empty = || vec![HealthPoint::default(); steps as usize];
        let [entry, all] = by_name.entry(point.name).or_insert_with(|| [empty(), empty()]);
        let both = [(is_entry(point.kind), entry), (true, all)];
        for (_, line) in both.into_iter().filter(|(counts, _)| *counts) {
            if let Some(at) = line.get_mut(point.step as usize) {
                at.calls += point.calls;
                at.errors += point.errors;
            }
        }
    }
    let pick =
        |[entry, all]: [Vec<HealthPoint>; 2]| if entry.iter().any(|p| p.calls > 0) { entry } else { all };
    by_name.into_iter().map(|(name, both)| (name, pick(both))).collect()
}

fn is_entry(kind: SpanKind) -> bool {
    matches!(kind, SpanKind::Server | SpanKind::Consumer)
}

/// One for each step, chosen as in [`answered`].
fn histograms(found: Vec<RedStep>, steps: u64) -> Vec<Histogram> {
    let has_entry = found.iter().any(|step| is_entry(step.kind));
    let mut out = vec![Histogram::default(); steps as usize];
    for step in found.into_iter().filter(|step| !has_entry || is_entry(step.kind)) {
        if let Some(at) = out.get_mut(step.step as usize) {
            at.merge(&step.hist);
        }
    }
    out
}

fn quantiles(hist: &Histogram) -> [Nanos; 3] {
    [0.50, 0.95, 0.99].map(|q| hist.quantile(q).unwrap_or_default())
}

fn heatmap(steps: &[Histogram], span: Stretch) -> Heatmap {
    let mut cells = Vec::new();
    for (column, hist) in steps.iter().enumerate() {
        let mut rows: BTreeMap<u32, u64> = BTreeMap::new();
        for (bucket, count) in hist.buckets() {
            *rows.entry(Heatmap::row_of(model::hist::middle_of(bucket))).or_default() += count;
        }
        let cell = |(row, traces)| HeatCell { column: column as u32, row, traces, errors: 0 };
        cells.extend(rows.into_iter().map(cell));
    }
    Heatmap {
        start: span.start(),
        step: span.step(),
        columns: span.steps as u32,
        traces: cells.iter().map(|cell| cell.traces).sum(),
        cells,
        sampled: 1.0,
        ..Heatmap::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(kind: SpanKind, step: u32, calls: u64, errors: u64) -> RedPoint {
        RedPoint { name: "cart".into(), kind, step, calls, errors }
    }

    #[test]
    fn a_report_is_cut_into_whole_steps_that_take_in_now() {
        for (now, length) in [(1_000_000_007, 3_600), (1_000_000_000, 21_600), (999_999_999, 86_400), (50, 1)]
        {
            let span = Stretch::back_from(Timestamp::from_secs(now), length);
            assert!(span.step_secs.is_multiple_of(RED_STEP_SECS));
            assert!(
                span.from_secs.is_multiple_of(span.step_secs) && span.steps <= HEALTH_STEPS + 1,
                "{span:?}"
            );
            assert!(
                (span.from_secs..span.from_secs + span.steps * span.step_secs).contains(&now),
                "{span:?}"
            );
        }
    }

    #[test]
    fn points_count_answered_calls_where_there_are_any() {
        let found = answered(vec![point(SpanKind::Server, 0, 5, 1), point(SpanKind::Client, 0, 50, 9)], 2);
        let (name, points) = found.into_iter().next().unwrap();
        assert_eq!(name, "cart");
        assert_eq!(points, [HealthPoint { calls: 5, errors: 1 }, HealthPoint::default()]);
        let found = answered(vec![point(SpanKind::Client, 1, 50, 9)], 2);
        assert_eq!(found[0].1[1].calls, 50);
    }

    #[test]
    fn a_heatmap_holds_every_call_of_the_histograms() {
        let mut hist = Histogram::default();
        (1..=500).for_each(|ms| hist.add(Nanos(ms * 1_000_000)));
        let span = Stretch::back_from(Timestamp::from_secs(1_000_000), 60);
        let map = heatmap(&[hist], span);
        assert_eq!(map.traces, 500);
        assert!(map.cells.len() < 30);
    }
}
