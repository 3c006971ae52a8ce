//! The state of the page on receipts: how far back, and which are looked at.

use model::receipt::Outcome;
use model::view::ReceiptsAsked;
use model::{Nanos, Timestamp};

use super::services::LENGTHS;
use super::{Query, with_query};

#[derive(Clone, Debug, PartialEq)]
pub struct ReceiptsView {
    pub length_secs: u64,
    pub outcome: Option<Outcome>,
    pub service: Option<String>,
    pub key: Option<String>,
}

impl Default for ReceiptsView {
    fn default() -> Self {
        ReceiptsView { length_secs: LENGTHS[0].1, outcome: None, service: None, key: None }
    }
}

impl ReceiptsView {
    pub fn of(query: &Query) -> ReceiptsView {
        let named = query.get("range").and_then(|name| LENGTHS.iter().find(|l| l.0 == name));
        ReceiptsView {
            length_secs: named.unwrap_or(&LENGTHS[0]).1,
            outcome: query.get("outcome").and_then(Outcome::of_name),
            service: query.get("service").map(str::to_owned),
            key: query.get("key").map(str::to_owned),
        }
    }

    pub fn url(&self) -> String {
        let named = LENGTHS.iter().find(|l| l.1 == self.length_secs && l.1 != LENGTHS[0].1);
        let mut query = Query::default();
        query.push_some("range", named.map(|l| l.0));
        query.push_some("outcome", self.outcome.map(Outcome::name));
        query.push_some("service", self.service.as_deref());
        query.push_some("key", self.key.as_deref());
        with_query("/receipts".to_owned(), query)
    }

    /// Whether less than everything in the window is asked for.
    pub fn is_narrowed(&self) -> bool {
        self.outcome.is_some() || self.service.is_some() || self.key.is_some()
    }

    pub fn asked(&self, now: Timestamp) -> ReceiptsAsked {
        ReceiptsAsked {
            start: Some(now.minus(Nanos::from_secs(self.length_secs))),
            end: None,
            outcome: self.outcome,
            service: self.service.clone(),
            key: self.key.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::url::Route;

    #[test]
    fn a_link_keeps_what_is_looked_at() {
        let view = ReceiptsView {
            length_secs: 86_400,
            outcome: Some(Outcome::RateLimited),
            service: Some("cart & co".into()),
            key: Some("shop (0f)".into()),
        };
        let url = view.url();
        let (path, query) = url.split_once('?').unwrap();
        assert_eq!(Route::of(path, query), Route::Receipts(view));
        assert_eq!(ReceiptsView::default().url(), "/receipts");
        assert_eq!(Route::of("/receipts", "outcome=gone"), Route::Receipts(ReceiptsView::default()));
    }
}
