//! The state of the map: which window of time, what is selected, how much around it is shown.

use model::{Nanos, Timestamp};

use super::services::LENGTHS;
use super::{Query, with_query};
use crate::format::clock;

#[derive(Clone, Debug, PartialEq)]
pub struct MapView {
    pub length_secs: u64,
    /// The end of the window; now when none is given.
    pub end: Option<Timestamp>,
    /// A node as `service:cart`, or an edge as two of them with `>` between.
    pub selected: Option<String>,
    /// Only what is this many calls away from the selected node; zero shows everything.
    pub hops: u32,
    pub is_table: bool,
    /// Edges that carry a hundredth of a node's calls or less are drawn too.
    pub has_minor: bool,
    /// Services of a namespace are one node.
    pub is_grouped: bool,
}

pub const MOST_HOPS: u32 = 5;

impl Default for MapView {
    fn default() -> Self {
        MapView {
            length_secs: LENGTHS[0].1,
            end: None,
            selected: None,
            hops: 0,
            is_table: false,
            has_minor: true,
            is_grouped: false,
        }
    }
}

impl MapView {
    pub fn of(query: &Query) -> MapView {
        let named = query.get("range").and_then(|name| LENGTHS.iter().find(|l| l.0 == name));
        MapView {
            length_secs: named.unwrap_or(&LENGTHS[0]).1,
            end: query.get("to").and_then(|text| clock::parse_date_field(text, 0)),
            selected: query.get("selected").map(str::to_owned),
            hops: query.get("hops").and_then(|hops| hops.parse().ok()).unwrap_or(0).min(MOST_HOPS),
            is_table: query.get("view") == Some("table"),
            has_minor: query.get("minor") != Some("0"),
            is_grouped: query.get("by") == Some("namespace"),
        }
    }

    pub fn url(&self) -> String {
        let named = LENGTHS.iter().find(|l| l.1 == self.length_secs && l.1 != LENGTHS[0].1);
        let mut query = Query::default();
        query.push_some("range", named.map(|l| l.0));
        query.push_some("to", self.end.map(|time| clock::date_field(time, 0) + "Z"));
        query.push_some("selected", self.selected.as_deref());
        query.push_some("hops", (self.hops > 0).then(|| self.hops.to_string()));
        query.push_some("view", self.is_table.then_some("table"));
        query.push_some("minor", (!self.has_minor).then_some("0"));
        query.push_some("by", self.is_grouped.then_some("namespace"));
        with_query("/map".to_owned(), query)
    }

    /// One window earlier or later; a window that reaches now follows it again.
    pub fn moved(&self, is_later: bool, now: Timestamp) -> MapView {
        let length = Nanos::from_secs(self.length_secs);
        let end = self.end.unwrap_or(now);
        let end = if is_later { end.plus(length) } else { end.minus(length) };
        MapView { end: Some(end).filter(|end| *end < now), ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::url::Route;

    #[test]
    fn every_state_is_found_again() {
        let view = MapView {
            length_secs: 21_600,
            end: Some(Timestamp::from_secs(1_700_000_000)),
            selected: Some("service:a b>database:pg/x".to_owned()),
            hops: 2,
            is_table: true,
            has_minor: false,
            is_grouped: true,
        };
        let url = view.url();
        let (path, query) = url.split_once('?').unwrap();
        assert_eq!(Route::of(path, query), Route::Map(view));
        assert_eq!(MapView::default().url(), "/map");
    }

    #[test]
    fn windows_follow_one_another_up_to_now() {
        let now = Timestamp::from_secs(1_700_000_000);
        let earlier = MapView::default().moved(false, now);
        assert_eq!(earlier.end, Some(now.minus(Nanos::from_secs(3_600))));
        assert_eq!(earlier.moved(true, now).end, None);
    }
}
