//! The state of the page of anomalies: how far back, and of which service.

use super::services::LENGTHS;
use super::{Query, with_query};

#[derive(Clone, Debug, PartialEq)]
pub struct AnomaliesView {
    pub length_secs: u64,
    /// Only those it is the origin of, or affected by.
    pub service: Option<String>,
}

/// A day.
const USUAL: usize = 2;

impl Default for AnomaliesView {
    fn default() -> Self {
        AnomaliesView { length_secs: LENGTHS[USUAL].1, service: None }
    }
}

impl AnomaliesView {
    pub fn of(query: &Query) -> AnomaliesView {
        let named = query.get("range").and_then(|name| LENGTHS.iter().find(|l| l.0 == name));
        AnomaliesView {
            length_secs: named.unwrap_or(&LENGTHS[USUAL]).1,
            service: query.get("service").map(str::to_owned),
        }
    }

    pub fn url(&self) -> String {
        let named = LENGTHS.iter().find(|l| l.1 == self.length_secs && l.1 != LENGTHS[USUAL].1);
        let mut query = Query::default();
        query.push_some("range", named.map(|l| l.0));
        query.push_some("service", self.service.as_deref());
        with_query("/anomalies".to_owned(), query)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::url::Route;

    #[test]
    fn a_view_is_found_again() {
        for view in [
            AnomaliesView::default(),
            AnomaliesView { length_secs: 3_600, service: Some("team/cart & co".into()) },
        ] {
            let url = view.url();
            let (path, query) = url.split_once('?').unwrap_or((&url, ""));
            assert_eq!(Route::of(path, query), Route::Anomalies(view));
        }
        assert_eq!(AnomaliesView::default().url(), "/anomalies");
    }
}
