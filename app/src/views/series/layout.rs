//! Lines, scales and words of a chart of series. Time lies as it does in the map of durations.
//!
//! ```text
//!   2/s ────│    ╭─╮      the top is a round number above the largest value
//!   1/s ────│ ╭──╯ ╰──    values lie in the middle of their step
//!   0   ────└──────┬───
//!                14:00
//! ```

use model::query::ast::{Expr, ExprKind, Metric, MetricFunction};
use model::query::fields::{FieldName, Intrinsic};
use model::view::{Heatmap, Series, SeriesSet};
use model::{AttrValue, Nanos};

use crate::chart::color::{SERVICE_COLORS, service_color};
use crate::format::{count, duration};
use crate::views::heatmap::layout::{Grid, Rect, Tick};
use crate::views::span_detail::text::plain;

/// Lines on the value axis, at most about this many.
const TICKS: f64 = 4.0;

/// What the numbers are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    #[default]
    Number,
    PerSecond,
    Duration,
}

impl Unit {
    pub fn of(metric: &Metric) -> Unit {
        match &metric.function {
            MetricFunction::Rate => Unit::PerSecond,
            MetricFunction::MinOverTime(of)
            | MetricFunction::MaxOverTime(of)
            | MetricFunction::AvgOverTime(of)
            | MetricFunction::SumOverTime(of)
            | MetricFunction::QuantileOverTime(of, _)
                if is_duration(of) =>
            {
                Unit::Duration
            }
            _ => Unit::Number,
        }
    }

    pub fn text(self, value: f64) -> String {
        match self {
            Unit::Duration => duration(Nanos(value.max(0.0) as u64)),
            Unit::PerSecond => number(value) + "/s",
            Unit::Number => number(value),
        }
    }

    /// The step between lines: round in the unit people read.
    fn step(self, least: f64) -> f64 {
        const MINUTE: f64 = 60e9;
        if self == Unit::Duration && least > MINUTE / 2.0 {
            return (least / MINUTE).ceil() * MINUTE;
        }
        let mut power = 1e-9;
        while power * 10.0 <= least {
            power *= 10.0;
        }
        // Away from zero without the crumbs that multiplying leaves.
        let power = if power >= 1.0 { power.round() } else { power };
        [1.0, 2.0, 5.0].iter().map(|m| m * power).find(|step| *step >= least).unwrap_or(power * 10.0)
    }
}

fn is_duration(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Field(FieldName::Intrinsic(Intrinsic::Duration | Intrinsic::TraceDuration)))
}

/// Three digits, and no more zeros than it takes.
fn number(value: f64) -> String {
    let size = value.abs();
    if size >= 1_000.0 {
        let sign = if value < 0.0 { "-" } else { "" };
        return sign.to_owned() + &count(size.round() as u64);
    }
    let decimals = match size {
        n if n >= 100.0 || n == 0.0 => 0,
        n if n >= 10.0 => 1,
        n if n >= 0.1 => 2,
        _ => 4,
    };
    let text = format!("{value:.decimals$}");
    if decimals > 0 { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// What a series is called: the values of its labels.
pub fn name(series: &Series) -> String {
    if series.labels.is_empty() {
        return "all".to_owned();
    }
    let value = |(key, value): &(String, AttrValue)| match (key.as_str(), value) {
        ("p", AttrValue::Double(quantile)) => format!("p{}", number(quantile * 100.0)),
        (_, AttrValue::Empty) => "none".to_owned(),
        (_, value) => plain(value),
    };
    series.labels.iter().map(value).collect::<Vec<_>>().join(" · ")
}

/// The colour's number: a service has its own everywhere, others take turns.
pub fn color(series: &Series, at: usize) -> usize {
    match series.labels.as_slice() {
        [(key, AttrValue::Str(service))] if key == "resource.service.name" => service_color(service),
        _ => at % SERVICE_COLORS,
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plot {
    pub grid: Grid,
    steps: usize,
    top: f64,
    line: f64,
    unit: Unit,
}

impl Plot {
    pub fn new(set: &SeriesSet, unit: Unit, width_px: f64, height_px: f64) -> Plot {
        let steps = set.series.iter().map(|series| series.points.len()).max().unwrap_or(1).max(1);
        let map = Heatmap { start: set.start, step: set.step, columns: steps as u32, ..Heatmap::default() };
        let values = set.series.iter().flat_map(|series| series.points.iter().flatten());
        let most = values.copied().fold(0.0, f64::max);
        let line = unit.step(most / TICKS);
        let top = ((most / line).ceil() * line).max(line);
        Plot { grid: Grid::new(&map, width_px, height_px), steps, top, line, unit }
    }

    pub fn x_of(&self, step: usize) -> f64 {
        let Rect { x, width, .. } = self.grid.plot();
        x + width * (step as f64 + 0.5) / self.steps as f64
    }

    pub fn y_of(&self, value: f64) -> f64 {
        let Rect { y, height, .. } = self.grid.plot();
        y + height * (1.0 - (value / self.top).clamp(0.0, 1.0))
    }

    pub fn steps(&self) -> usize {
        self.steps
    }

    /// The step nearest to a place, however far out that is.
    pub fn step_at(&self, x: f64) -> usize {
        let plot = self.grid.plot();
        let at = (x - plot.x) / plot.width * self.steps as f64;
        (at.max(0.0) as usize).min(self.steps - 1)
    }

    /// Where the first of these steps begins and the last ends.
    pub fn edges(&self, from: usize, to: usize) -> (f64, f64) {
        let half = self.grid.plot().width / self.steps as f64 / 2.0;
        (self.x_of(from) - half, self.x_of(to) + half)
    }

    /// Where what is told of a step stands, and whether that is to its left.
    pub fn tip_at(&self, step: usize) -> (f64, bool) {
        let (plot, x) = (self.grid.plot(), self.x_of(step));
        let is_right = x > plot.x + plot.width * 0.6;
        (if is_right { x - 10.0 } else { x + 10.0 }, is_right)
    }

    pub fn value_ticks(&self) -> Vec<Tick> {
        let lines = (self.top / self.line).round() as usize;
        let tick = |n: usize| {
            let value = n as f64 * self.line;
            Tick { px: self.y_of(value), label: self.unit.text(value) }
        };
        (1..=lines).map(tick).collect()
    }

    /// A line's points, cut where there is no value. A point alone is a line of its own.
    pub fn runs(&self, points: &[Option<f64>]) -> Vec<Vec<(f64, f64)>> {
        let mut runs: Vec<Vec<(f64, f64)>> = Vec::new();
        let mut is_open = false;
        for (step, value) in points.iter().enumerate() {
            if let Some(value) = value {
                if !is_open {
                    runs.push(Vec::new());
                }
                runs.last_mut().into_iter().for_each(|run| run.push((self.x_of(step), self.y_of(*value))));
            }
            is_open = value.is_some();
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    //! Numbers are round, lines break where nothing is known.
    use model::Timestamp;
    use model::query::inspect;

    use super::*;

    fn set(points: &[Option<f64>]) -> SeriesSet {
        let series = vec![Series { labels: Vec::new(), points: points.to_vec() }];
        SeriesSet { start: Timestamp(0), step: Nanos(1_000_000_000), series, ..SeriesSet::default() }
    }

    fn unit(q: &str) -> Unit {
        inspect(q).query.metric.as_ref().map(Unit::of).unwrap()
    }

    #[test]
    fn what_is_measured_says_its_unit() {
        assert_eq!(unit("{ } | rate()"), Unit::PerSecond);
        assert_eq!(unit("{ } | quantile_over_time(duration, 0.9)"), Unit::Duration);
        assert_eq!(unit("{ } | avg_over_time(span.items)"), Unit::Number);
        assert_eq!(Unit::PerSecond.text(0.0416), "0.0416/s");
        assert_eq!(Unit::PerSecond.text(2.5), "2.5/s");
        assert_eq!(Unit::Number.text(123_456.0), count(123_456));
        assert_eq!(Unit::Duration.text(1_500_000.0), duration(Nanos(1_500_000)));
    }

    #[test]
    fn the_axis_ends_at_a_round_number_above_the_largest() {
        let labels = |most: f64, unit| {
            let plot = Plot::new(&set(&[Some(most)]), unit, 400.0, 200.0);
            plot.value_ticks().into_iter().map(|tick| tick.label).collect::<Vec<_>>()
        };
        assert_eq!(labels(7.3, Unit::Number), ["2", "4", "6", "8"]);
        assert_eq!(labels(0.0, Unit::PerSecond).len(), 1);
        assert_eq!(labels(150e9, Unit::Duration), [60e9, 120e9, 180e9].map(|ns| duration(Nanos(ns as u64))));
    }

    #[test]
    fn lines_break_where_there_is_no_value() {
        let found = set(&[Some(1.0), None, Some(2.0), Some(4.0)]);
        let plot = Plot::new(&found, Unit::Number, 400.0, 200.0);
        let runs = plot.runs(&found.series[0].points);
        assert_eq!(runs.iter().map(Vec::len).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(runs[1][1].1, plot.grid.plot().y, "the largest reaches the top");
    }

    #[test]
    fn series_are_called_by_their_values() {
        let named = |labels: &[(&str, AttrValue)]| {
            let labels = labels.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
            name(&Series { labels, points: Vec::new() })
        };
        assert_eq!(named(&[]), "all");
        assert_eq!(named(&[("p", AttrValue::Double(0.95))]), "p95");
        assert_eq!(
            named(&[("name", AttrValue::Str("GET /".into())), ("x", AttrValue::Empty)]),
            "GET / · none"
        );
    }
}
