//! The search page's state: which traces, from when, in which order, and what is counted beside them.

use model::query::ast::{CompareOp, Literal};
use model::query::edit::{self, Condition};
use model::query::fields::{FieldName, Intrinsic};
use model::view::{SearchOrder, TraceSearch};
use model::{AttrValue, Nanos, Timestamp};

use super::{Query, with_query};
use crate::format::{clock, parse};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SearchView {
    /// A text of the query language.
    pub q: String,
    pub range: TimeRange,
    pub order: SearchOrder,
    /// New traces come in by themselves.
    pub is_live: bool,
    /// Attributes counted beside the standard fields, as the language writes them.
    pub facets: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeRange {
    #[default]
    Any,
    /// Seconds back from now.
    Last(u64),
    Between(Option<Timestamp>, Option<Timestamp>),
}

impl TimeRange {
    /// The range a selection in the map means, in whole seconds as the URL has them.
    pub fn around(from: Timestamp, to: Timestamp) -> TimeRange {
        let from = Timestamp::from_secs(from.as_secs());
        let to = to.plus(Nanos(999_999_999)).as_secs().max(from.as_secs() + 1);
        TimeRange::Between(Some(from), Some(Timestamp::from_secs(to)))
    }
}

/// The windows offered, by their name in the URL: seconds, and what the menu says.
pub const WINDOWS: [(&str, u64, &str); 5] = [
    ("15m", 15 * 60, "Last 15 minutes"),
    ("1h", 3_600, "Last hour"),
    ("6h", 6 * 3_600, "Last 6 hours"),
    ("24h", 24 * 3_600, "Last 24 hours"),
    ("7d", 7 * 24 * 3_600, "Last 7 days"),
];

/// The query for traces with a span of this service and operation.
pub fn calls_of(service: &str, operation: Option<&str>) -> String {
    let named = [("service", Some(service)), ("name", operation)];
    let conditions = named
        .into_iter()
        .filter_map(|(field, value)| Condition::equals(field, AttrValue::Str(value?.to_owned())));
    conditions.fold(String::new(), |q, condition| edit::toggled(&q, &condition).unwrap_or(q))
}

/// More facets than this would be a page of their own.
pub const MAX_FACETS: usize = 12;

impl SearchView {
    pub fn of(query: &Query) -> SearchView {
        let text = query.get("q").unwrap_or_default().to_owned();
        let facets = query.get("facets").unwrap_or_default().split('|').filter(|f| !f.is_empty());
        SearchView {
            q: older_filters(query, text),
            range: range_of(query),
            order: query.get("order").and_then(SearchOrder::of_name).unwrap_or_default(),
            is_live: query.get("live").is_some(),
            facets: facets.take(MAX_FACETS).map(str::to_owned).collect(),
        }
    }

    /// All traces that match a query.
    pub fn about(q: impl Into<String>) -> SearchView {
        SearchView { q: q.into(), ..SearchView::default() }
    }

    /// Which traces are meant, where their order plays no part.
    pub fn push_asked(&self, query: &mut Query) {
        query.push_some("q", Some(self.q.as_str()).filter(|q| !q.is_empty()));
        match self.range {
            TimeRange::Any => {}
            TimeRange::Last(secs) => query.push("range", window_name(secs)),
            TimeRange::Between(from, to) => {
                query.push_some("from", from.map(|t| clock::date_field(t, 0) + "Z"));
                query.push_some("to", to.map(|t| clock::date_field(t, 0) + "Z"));
            }
        }
    }

    pub fn url(&self) -> String {
        let mut query = Query::default();
        self.push_asked(&mut query);
        query.push_some("order", Some(self.order.name()).filter(|_| self.order != SearchOrder::Newest));
        query.push_some("live", self.is_live.then_some("1"));
        query.push_some("facets", Some(self.facets.join("|")).filter(|f| !f.is_empty()));
        with_query(if self.is_measured() { "/series" } else { "/" }.to_owned(), query)
    }

    /// Whether the query makes series, which are a page of their own, and not traces.
    pub fn is_measured(&self) -> bool {
        self.q.contains('|') && model::query::inspect(&self.q).query.metric.is_some()
    }

    /// Whether less than everything is asked for.
    pub fn is_filtered(&self) -> bool {
        !self.q.is_empty() || self.range != TimeRange::Any
    }

    /// What to ask the server; `now` bounds a window that slides.
    pub fn search(&self, now: Timestamp, limit: u32, cursor: Option<String>) -> TraceSearch {
        let (start, end) = match self.range {
            TimeRange::Any => (None, None),
            TimeRange::Last(secs) => (Some(now.minus(Nanos::from_secs(secs))), None),
            TimeRange::Between(from, to) => (from, to),
        };
        TraceSearch {
            q: Some(self.q.clone()).filter(|q| !q.is_empty()),
            start,
            end,
            order: self.order,
            limit: Some(limit),
            cursor,
            ..TraceSearch::default()
        }
    }
}

/// Links from before there was a query language named their filters one by one.
fn older_filters(query: &Query, text: String) -> String {
    let mut conditions = Vec::new();
    let mut equals = |field: &str, key: &str| {
        let value = query.get(key).map(|value| AttrValue::Str(value.to_owned()));
        conditions.extend(value.and_then(|value| Condition::equals(field, value)));
    };
    equals("service", "service");
    equals("name", "operation");
    if query.get("errors").is_some() {
        conditions.extend(Condition::equals("status", AttrValue::Str("error".into())));
    }
    let bounds = [("min", CompareOp::GtEq), ("max", CompareOp::LtEq)];
    conditions.extend(bounds.into_iter().filter_map(|(key, op)| {
        let length = parse::duration(query.get(key)?).ok()?;
        Some(Condition::literal(FieldName::Intrinsic(Intrinsic::Duration), op, Literal::Duration(length)))
    }));
    conditions.iter().fold(text, |text, condition| edit::toggled(&text, condition).unwrap_or(text))
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
