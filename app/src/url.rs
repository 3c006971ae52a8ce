//! Everything worth a link, as a URL and back: the versioned state of every page.
//!
//! Reading never fails: what a URL says wrongly is left at its default. `v` is written only beside state, and
//! [`upgrade`] turns older spellings into today's, so that a link in an old incident report keeps its meaning.

use model::TraceId;
use model::view::below_own_base;

pub mod anomalies;
pub mod diff;
pub mod explain;
pub mod journey;
pub mod map;
pub mod pasted;
pub mod query;
pub mod receipts;
pub mod search;
pub mod services;
pub mod trace;

pub use anomalies::AnomaliesView;
pub use diff::{DiffPair, DiffView};
pub use explain::ExplainView;
pub use journey::JourneyView;
pub use map::MapView;
pub use pasted::Pasted;
pub use query::Query;
pub use receipts::ReceiptsView;
pub use search::{SearchView, TimeRange};
pub use services::ServicesView;
pub use trace::{Closed, Shape, TraceView};

/// The version this code writes.
const VERSION: &str = "1";

#[derive(Clone, Debug, PartialEq)]
pub enum Route {
    Search(SearchView),
    /// The series of a metrics query.
    Series(SearchView),
    Trace(TraceId, TraceView),
    Journey(TraceId, JourneyView),
    Diff(DiffView),
    Explain(ExplainView),
    Services(ServicesView),
    Anomalies(AnomaliesView),
    Service(String, ServicesView),
    Receipts(ReceiptsView),
    /// A trace from a file.
    File,
    Map(MapView),
    Status,
    Settings,
    /// A trace page whose id cannot be read; the text as it was given.
    BadTraceId(String),
    NotFound(String),
}

impl Route {
    /// Pages that come with the program of reports; see [`model::view::REPORT_PAGES`].
    pub fn is_report(&self) -> bool {
        matches!(
            self,
            Route::Series(_)
                | Route::Services(_)
                | Route::Service(..)
                | Route::Anomalies(_)
                | Route::Map(_)
                | Route::Diff(_)
                | Route::Explain(_)
                | Route::Receipts(_)
                | Route::Status
                | Route::Settings
                | Route::Journey(..)
        )
    }

    pub fn of(path: &str, query: &str) -> Route {
        let query = upgrade(Query::parse(query));
        let mut parts = below_own_base(path).0.trim_matches('/').splitn(2, '/');
        match (parts.next().unwrap_or_default(), parts.next()) {
            ("", None) => Route::Search(SearchView::of(&query)),
            ("series", None) => Route::Series(SearchView::of(&query)),
            ("explain", None) => Route::Explain(ExplainView::of(&query)),
            ("diff", None) => Route::Diff(DiffView::of(&query)),
            ("services", None) => Route::Services(ServicesView::of(&query)),
            ("services", Some(name)) => Route::Service(query::decode(name), ServicesView::of(&query)),
            ("anomalies", None) => Route::Anomalies(AnomaliesView::of(&query)),
            ("map", None) => Route::Map(MapView::of(&query)),
            ("status", None) => Route::Status,
            ("settings", None) => Route::Settings,
            ("receipts", None) => Route::Receipts(ReceiptsView::of(&query)),
            // For log tools: ids as their fields have them.
            ("link", None) if query.get("trace_id").is_some() => {
                let mut route = trace_route(query.get("trace_id").unwrap_or_default(), &query);
                if let (Route::Trace(_, view), Some(span)) = (&mut route, query.get("span_id")) {
                    view.span = span.trim().parse().ok().or(view.span);
                }
                route
            }
            ("file", None) => Route::File,
            ("journey", Some(id)) => match pasted::read(&query::decode(id)) {
                Some(pasted) => Route::Journey(pasted.trace, JourneyView::of(&query)),
                None => Route::BadTraceId(query::decode(id)),
            },
            ("trace", Some(id)) => trace_route(&query::decode(id), &query),
            _ => Route::NotFound(path.to_owned()),
        }
    }
}

fn trace_route(id: &str, query: &Query) -> Route {
    let Some(pasted) = pasted::read(id) else {
        return Route::BadTraceId(id.to_owned());
    };
    let mut view = TraceView::of(query);
    view.span = view.span.or(pasted.span);
    Route::Trace(pasted.trace, view)
}

/// Links without a version carry today's spelling; those of a later version are read as far as they are understood.
fn upgrade(query: Query) -> Query {
    query
}

fn with_query(path: String, mut query: Query) -> String {
    if query.is_empty() {
        return path;
    }
    query.push_front("v", VERSION);
    format!("{path}?{query}")
}

#[cfg(test)]
mod tests;
