//! The state of a journey: which of its traces are open, and which part of its time is shown.

use model::TraceId;

use super::{Query, with_query};

/// More open traces than these are not kept in a link.
const MOST_OPEN: usize = 24;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JourneyView {
    pub open: Vec<TraceId>,
    /// Nanoseconds of shown time, from and to.
    pub window: Option<(u64, u64)>,
    /// Stretches in which no trace runs have their true length.
    pub has_pauses: bool,
}

impl JourneyView {
    pub fn of(query: &Query) -> JourneyView {
        let open = query.get("open").unwrap_or_default().split('.');
        JourneyView {
            open: open.filter_map(|id| id.parse().ok()).take(MOST_OPEN).collect(),
            window: query.get("window").and_then(super::trace::window_of),
            has_pauses: query.get("pauses") == Some("1"),
        }
    }

    pub fn url(&self, trace: TraceId) -> String {
        let open: Vec<String> = self.open.iter().take(MOST_OPEN).map(ToString::to_string).collect();
        let mut query = Query::default();
        query.push_some("open", Some(open.join(".")).filter(|open| !open.is_empty()));
        query.push_some("window", self.window.map(|(from, to)| format!("{from}-{to}")));
        query.push_some("pauses", self.has_pauses.then_some("1"));
        with_query(format!("/journey/{trace}"), query)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::url::Route;

    #[test]
    fn every_state_is_found_again() {
        let (id, other) = (TraceId([3; 16]), TraceId([9; 16]));
        let view = JourneyView { open: vec![id, other], window: Some((5, 90)), has_pauses: true };
        let url = view.url(id);
        let (path, query) = url.split_once('?').unwrap();
        assert_eq!(Route::of(path, query), Route::Journey(id, view));
        assert_eq!(JourneyView::default().url(id), format!("/journey/{id}"));
        assert_eq!(Route::of("/journey/nothing", ""), Route::BadTraceId("nothing".to_owned()));
    }
}
