//! Metrics: what turns spans into series over time.

use super::Parser;
use crate::query::ast::*;
use crate::query::lex::Tok;

pub(in crate::query) const METRICS: [&str; 9] = [
    "rate",
    "count_over_time",
    "min_over_time",
    "max_over_time",
    "avg_over_time",
    "sum_over_time",
    "quantile_over_time",
    "histogram_over_time",
    "compare",
];

impl Parser<'_> {
    pub(super) fn is_metric(&self) -> bool {
        matches!(self.peek(), Tok::Word(word) if METRICS.contains(&word.as_str()))
    }

    pub(super) fn metric(&mut self) -> Option<Metric> {
        let start = self.here();
        let Tok::Word(name) = self.advance().tok else { return None };
        let Some(function) = self.metric_call(&name) else {
            self.skip_to(&["|"]);
            return None;
        };
        let by = if self.is_word("by") { self.field_list().unwrap_or_default() } else { Vec::new() };
        let mut then = Vec::new();
        then.extend(self.series_comparison());
        Some(Metric { function, by, then, at: start.to(self.before()) })
    }

    fn metric_call(&mut self, name: &str) -> Option<MetricFunction> {
        if !self.expect("(", "a metric is called with brackets, as in rate()") {
            return None;
        }
        let function = match name {
            "rate" => MetricFunction::Rate,
            "count_over_time" => MetricFunction::CountOverTime,
            "compare" => self.compare_call()?,
            _ => {
                let of = self.value()?;
                match name {
                    "min_over_time" => MetricFunction::MinOverTime(of),
                    "max_over_time" => MetricFunction::MaxOverTime(of),
                    "avg_over_time" => MetricFunction::AvgOverTime(of),
                    "sum_over_time" => MetricFunction::SumOverTime(of),
                    "histogram_over_time" => MetricFunction::HistogramOverTime(of),
                    _ => MetricFunction::QuantileOverTime(of, self.quantiles()?),
                }
            }
        };
        self.expect(")", "close it with )").then_some(function)
    }

    fn quantiles(&mut self) -> Option<Vec<f64>> {
        let mut quantiles = Vec::new();
        while self.eat(",") {
            match self.number() {
                Some(number) => quantiles.push(number),
                None => {
                    self.unexpected("a quantile, such as 0.99");
                    return None;
                }
            }
        }
        if quantiles.is_empty() {
            self.unexpected("say which quantile: quantile_over_time(duration, 0.99)");
            return None;
        }
        Some(quantiles)
    }

    fn number(&mut self) -> Option<f64> {
        match self.literal_here() {
            Some(Literal::Int(n)) => {
                self.advance();
                Some(n as f64)
            }
            Some(Literal::Float(n)) => {
                self.advance();
                Some(n)
            }
            _ => None,
        }
    }

    /// `compare({condition})` or `compare({condition}, 10)`.
    fn compare_call(&mut self) -> Option<MetricFunction> {
        let start = self.here();
        if !self.expect("{", "say what to compare with the rest: compare({ status = error })") {
            return None;
        }
        let filter = self.filter(start);
        let SpansetKind::Filter(Some(condition)) = filter.kind else {
            self.report(
                filter.at,
                "everything cannot be compared with the rest",
                "compare({ status = error })",
            );
            return None;
        };
        let top = if self.eat(",") { Some(self.count_argument()?) } else { None };
        Some(MetricFunction::Compare(condition, top))
    }

    fn count_argument(&mut self) -> Option<u64> {
        match self.literal_here() {
            Some(Literal::Int(n)) if n > 0 => {
                self.advance();
                Some(n as u64)
            }
            _ => {
                self.unexpected("a whole number above 0, such as 10");
                None
            }
        }
    }

    /// Behind a `|` that follows a metric.
    pub(super) fn series_stage(&mut self) -> Option<SeriesStage> {
        let is_top = self.is_word("topk");
        if !is_top && !self.is_word("bottomk") {
            let comparison = self.series_comparison();
            if comparison.is_none() {
                self.unexpected("behind a metric come topk(n), bottomk(n) or a comparison such as > 10");
                self.skip_to(&["|"]);
            }
            return comparison;
        }
        self.advance();
        let number = self.expect("(", "say how many: topk(10)").then(|| self.count_argument()).flatten();
        let stage = number.filter(|_| self.expect(")", "close it with )"));
        if stage.is_none() {
            self.skip_to(&["|"]);
        }
        stage.map(|n| if is_top { SeriesStage::TopK(n) } else { SeriesStage::BottomK(n) })
    }

    fn series_comparison(&mut self) -> Option<SeriesStage> {
        let op = self.sign().and_then(CompareOp::of_sign).filter(|op| !op.is_pattern())?;
        self.advance();
        let value = self.literal();
        value.map(|value| SeriesStage::Where(op, value))
    }
}
