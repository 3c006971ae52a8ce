//! Questions about many traces, and their answers: pages, facets, a heatmap, series, completion.

use std::f64::consts::SQRT_2;

use serde::{Deserialize, Serialize};

use super::{Scanned, TraceSummary};
use crate::{AttrValue, Nanos, SpanId, Timestamp};

/// What comes first in a search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchOrder {
    #[default]
    Newest,
    /// By the duration of the trace.
    Duration,
    /// By how many of its spans failed.
    Errors,
    /// By how many spans it has.
    Spans,
}

/// Which traces to look for. The query and every filter hold at once, and the filters for one and the same span;
/// without a service or operation the duration bounds are those of the whole trace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TraceSearch {
    /// A text of the query language.
    pub q: Option<String>,
    pub service: Option<String>,
    pub operation: Option<String>,
    pub error: Option<bool>,
    pub min_duration: Option<Nanos>,
    pub max_duration: Option<Nanos>,
    /// From this time on, inclusive.
    pub start: Option<Timestamp>,
    /// Up to this time, exclusive.
    pub end: Option<Timestamp>,
    pub order: SearchOrder,
    pub limit: Option<u32>,
    pub cursor: Option<String>,
}

/// A page of search results in the order asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SearchPage {
    pub traces: Vec<TraceSummary>,
    /// What of each of these traces matched, in the same order.
    pub matches: Vec<Matches>,
    /// Where the next page starts; None when this was the last.
    pub next_cursor: Option<String>,
    /// False when a limit ended the search before every candidate was looked at.
    pub complete: bool,
    /// The limit that did, in words.
    pub limit_reached: Option<String>,
    pub scanned: Scanned,
}

/// The spans of one trace that matched.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Matches {
    pub spans: u64,
    /// The earliest few.
    pub first: Vec<MatchedSpan>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MatchedSpan {
    pub span_id: SpanId,
    pub start: Timestamp,
    pub duration: Nanos,
    pub service: String,
    pub operation: String,
    pub is_error: bool,
    /// The fields the query asks for with `select` or groups with `by`, as the language writes them.
    pub fields: Vec<(String, AttrValue)>,
}

/// How many traces match for each value of some fields.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Facets {
    pub facets: Vec<Facet>,
    /// Matching traces, all values together.
    pub traces: u64,
    /// The share of candidates the counts were made from, 0 to 1. Below 1 they are estimates, scaled up.
    pub sampled: f64,
    pub scanned: Scanned,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Facet {
    /// As the query language writes it: `resource.service.name`, `name`, `status`, `span.http.route`.
    pub field: String,
    /// Most traces first. A trace counts once for each value its matching spans have.
    pub values: Vec<FacetValue>,
    /// True when there are more values than these.
    pub more: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FacetValue {
    pub value: AttrValue,
    pub traces: u64,
    /// Those of them with a failed span among the matching ones of this value.
    pub errors: u64,
}

/// Matching traces by start and duration. Columns are `step` wide from `start` on; row `r` holds durations from
/// 2^(r/2) to 2^((r+1)/2) microseconds, row 0 everything shorter than that as well.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Heatmap {
    pub start: Timestamp,
    pub step: Nanos,
    pub columns: u32,
    /// Cells with traces in them, by column, then row.
    pub cells: Vec<HeatCell>,
    pub traces: u64,
    /// As in [`Facets`].
    pub sampled: f64,
    pub scanned: Scanned,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeatCell {
    pub column: u32,
    pub row: u32,
    pub traces: u64,
    /// Those of them with a failed span.
    pub errors: u64,
}

/// The answer to a metrics query: series over time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SeriesSet {
    pub start: Timestamp,
    pub step: Nanos,
    pub series: Vec<Series>,
    pub complete: bool,
    pub limit_reached: Option<String>,
    pub scanned: Scanned,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Series {
    pub labels: Vec<(String, AttrValue)>,
    /// One for each step; None where there is no value.
    pub points: Vec<Option<f64>>,
}

/// A key attributes have, for completion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttributeKey {
    /// `span`, `resource`, `event`, `link` or `instrumentation`.
    pub scope: String,
    pub key: String,
    /// How many spans carried it lately, or how many origins when it is of the resource or instrumentation.
    pub count: u64,
    /// Its values are numbers.
    pub is_number: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttributeValue {
    pub value: AttrValue,
    pub count: u64,
}

impl SearchOrder {
    pub const ALL: [SearchOrder; 4] =
        [SearchOrder::Newest, SearchOrder::Duration, SearchOrder::Errors, SearchOrder::Spans];

    pub fn name(self) -> &'static str {
        match self {
            SearchOrder::Newest => "newest",
            SearchOrder::Duration => "duration",
            SearchOrder::Errors => "errors",
            SearchOrder::Spans => "spans",
        }
    }

    pub fn of_name(name: &str) -> Option<SearchOrder> {
        SearchOrder::ALL.into_iter().find(|order| order.name() == name)
    }
}

impl Heatmap {
    /// The row of a duration.
    pub fn row_of(duration: Nanos) -> u32 {
        let micros = duration.0 as f64 / 1e3;
        if micros < 1.0 { 0 } else { (2.0 * micros.log2()).floor() as u32 }
    }

    /// The shortest duration of a row.
    pub fn floor_of(row: u32) -> Nanos {
        if row == 0 {
            return Nanos(0);
        }
        // Two to the half of the row, without the table that `exp2` is made of.
        let micros = 2f64.powi((row / 2) as i32) * if row % 2 == 1 { SQRT_2 } else { 1.0 };
        Nanos((micros * 1e3).ceil() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_starts_where_its_floor_says() {
        for row in 0..70 {
            let floor = Heatmap::floor_of(row);
            assert_eq!(Heatmap::row_of(floor), row, "{floor:?}");
            assert!(row == 0 || Heatmap::row_of(Nanos(floor.0 - 1)) == row - 1, "{floor:?}");
        }
    }
}
