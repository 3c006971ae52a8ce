//! The search page's state: which traces, and from when.

use model::view::TraceSearch;
use model::{Nanos, Timestamp};

use super::{Query, with_query};
use crate::format::{clock, duration_typed, parse};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SearchView {
    pub service: Option<String>,
    pub operation: Option<String>,
    pub errors_only: bool,
    pub min_duration: Option<Nanos>,
    pub max_duration: Option<Nanos>,
    pub range: TimeRange,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeRange {
    #[default]
    Any,
    /// Seconds back from now.
    Last(u64),
    Between(Option<Timestamp>, Option<Timestamp>),
}

/// The windows offered, by their name in the URL: seconds, and what the menu says.
pub const WINDOWS: [(&str, u64, &str); 5] = [
    ("15m", 15 * 60, "Last 15 minutes"),
    ("1h", 3_600, "Last hour"),
    ("6h", 6 * 3_600, "Last 6 hours"),
    ("24h", 24 * 3_600, "Last 24 hours"),
    ("7d", 7 * 24 * 3_600, "Last 7 days"),
];

impl SearchView {
    pub fn of(query: &Query) -> SearchView {
        let text = |key| query.get(key).map(str::to_owned);
        let duration = |key| query.get(key).and_then(|d| parse::duration(d).ok());
        SearchView {
            service: text("service"),
            operation: text("operation"),
            errors_only: query.get("errors").is_some(),
            min_duration: duration("min"),
            max_duration: duration("max"),
            range: range_of(query),
        }
    }

    pub fn url(&self) -> String {
        let mut query = Query::default();
        query.push_some("service", self.service.as_deref());
        query.push_some("operation", self.operation.as_deref());
        query.push_some("errors", self.errors_only.then_some("1"));
        query.push_some("min", self.min_duration.map(duration_typed));
        query.push_some("max", self.max_duration.map(duration_typed));
        match self.range {
            TimeRange::Any => {}
            TimeRange::Last(secs) => query.push("range", window_name(secs)),
            TimeRange::Between(from, to) => {
                query.push_some("from", from.map(|t| clock::date_field(t, 0) + "Z"));
                query.push_some("to", to.map(|t| clock::date_field(t, 0) + "Z"));
            }
        }
        with_query("/".to_owned(), query)
    }

    pub fn is_filtered(&self) -> bool {
        *self != SearchView::default()
    }

    /// What to ask the server; `now` bounds a window that slides.
    pub fn search(&self, now: Timestamp, limit: u32, cursor: Option<String>) -> TraceSearch {
        let (start, end) = match self.range {
            TimeRange::Any => (None, None),
            TimeRange::Last(secs) => (Some(now.minus(Nanos::from_secs(secs))), None),
            TimeRange::Between(from, to) => (from, to),
        };
        TraceSearch {
            service: self.service.clone(),
            operation: self.operation.clone(),
            error: self.errors_only.then_some(true),
            min_duration: self.min_duration,
            max_duration: self.max_duration,
            start,
            end,
            limit: Some(limit),
            cursor,
            ..TraceSearch::default()
        }
    }
}

pub fn window_name(secs: u64) -> String {
    WINDOWS.iter().find(|w| w.1 == secs).map_or_else(|| format!("{secs}s"), |w| w.0.to_owned())
}

/// What to call a window on the page.
pub fn window_label(secs: u64) -> String {
    let known = WINDOWS.iter().find(|w| w.1 == secs).map(|w| w.2.to_owned());
    known.unwrap_or_else(|| format!("Last {}", crate::format::duration(Nanos::from_secs(secs))))
}

fn range_of(query: &Query) -> TimeRange {
    if let Some(name) = query.get("range") {
        let known = WINDOWS.iter().find(|w| w.0 == name).map(|w| w.1);
        let secs = known.or_else(|| parse::duration(name).ok().map(|d| d.0 / 1_000_000_000));
        return secs.filter(|s| *s > 0).map_or(TimeRange::Any, TimeRange::Last);
    }
    let time = |key| query.get(key).and_then(|t| clock::parse_date_field(t, 0));
    match (time("from"), time("to")) {
        (None, None) => TimeRange::Any,
        (from, to) => TimeRange::Between(from, to),
    }
}
