//! The state of a comparison: which two, what of it is looked at, and how.

use model::trace::diff::Compare;

use super::trace::window_of;
use super::{Query, pasted, with_query};

/// How far around a trace its peers are looked for, by its name in the URL: seconds, and what the button says.
pub const WINDOWS: [(&str, u64, &str); 3] =
    [("1h", 3_600, "1 h"), ("6h", 6 * 3_600, "6 h"), ("24h", 24 * 3_600, "24 h")];
const USUAL: usize = 1;

/// What decides which comparison is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiffPair {
    pub a: Option<Compare>,
    pub b: Option<Compare>,
    pub window_secs: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiffView {
    pub pair: DiffPair,
    /// The entry looked at, by its number.
    pub entry: Option<u32>,
    pub is_flame: bool,
    /// Only what differs is listed, with the way to it.
    pub is_changes: bool,
    /// The part of the time that the bars show, in nanoseconds from the start of both; all of it when none is given.
    pub window: Option<(u64, u64)>,
}

/// A trace id in any notation, or what stands for those of its operation.
pub fn side_of(text: &str) -> Option<Compare> {
    Compare::of_name(text).or_else(|| pasted::read(text).map(|pasted| Compare::Trace(pasted.trace)))
}

impl DiffPair {
    pub fn new(a: Option<Compare>, b: Option<Compare>) -> DiffPair {
        DiffPair { a, b, window_secs: WINDOWS[USUAL].1 }
    }

    pub fn turned_round(self) -> DiffPair {
        DiffPair { a: self.b, b: self.a, ..self }
    }

    /// The same with this on the side that is missing.
    pub fn filled(self, side: Compare) -> DiffPair {
        DiffPair { a: self.a.or(Some(side)), b: if self.a.is_some() { Some(side) } else { self.b }, ..self }
    }

    pub fn url(self) -> String {
        DiffView { pair: self, entry: None, is_flame: false, is_changes: false, window: None }.url()
    }
}

impl DiffView {
    pub fn of(query: &Query) -> DiffView {
        let side = |key| query.get(key).and_then(side_of);
        let named = query.get("window").and_then(|name| WINDOWS.iter().find(|w| w.0 == name));
        let window_secs = named.unwrap_or(&WINDOWS[USUAL]).1;
        DiffView {
            pair: DiffPair { a: side("a"), b: side("b"), window_secs },
            entry: query.get("entry").and_then(|number| number.parse().ok()),
            is_flame: query.get("view") == Some("flame"),
            is_changes: query.get("only") == Some("changes"),
            window: query.get("time").and_then(window_of),
        }
    }

    pub fn url(&self) -> String {
        let DiffPair { a, b, window_secs } = self.pair;
        let mut query = Query::default();
        query.push_some("a", a.map(Compare::name));
        query.push_some("b", b.map(Compare::name));
        let named = WINDOWS.iter().find(|w| w.1 == window_secs && w.1 != WINDOWS[USUAL].1);
        query.push_some("window", named.map(|w| w.0));
        query.push_some("entry", self.entry.map(|number| number.to_string()));
        query.push_some("view", self.is_flame.then_some("flame"));
        query.push_some("only", self.is_changes.then_some("changes"));
        query.push_some("time", self.window.map(|(from, to)| format!("{from}-{to}")));
        with_query("/diff".to_owned(), query)
    }
}

#[cfg(test)]
mod tests {
    use model::TraceId;

    use super::*;
    use crate::url::Route;

    #[test]
    fn a_comparison_is_found_again() {
        let (one, other) = (Compare::Trace(TraceId([1; 16])), Compare::Trace(TraceId([2; 16])));
        let pair = |a, b, window_secs| DiffPair { a, b, window_secs };
        for view in [
            DiffView {
                pair: pair(Some(one), Some(other), 21_600),
                entry: None,
                is_flame: false,
                is_changes: false,
                window: None,
            },
            DiffView {
                pair: pair(Some(Compare::Typical), Some(other), 3_600),
                entry: Some(7),
                is_flame: true,
                is_changes: true,
                window: Some((1_000, 2_000_000)),
            },
            DiffView {
                pair: pair(Some(one), None, 21_600),
                entry: None,
                is_flame: false,
                is_changes: false,
                window: None,
            },
        ] {
            let url = view.url();
            let (path, query) = url.split_once('?').unwrap();
            assert_eq!(Route::of(path, query), Route::Diff(view), "{url}");
        }
    }

    #[test]
    fn the_side_that_is_missing_is_filled() {
        let one = Some(Compare::Trace(TraceId([1; 16])));
        let fill = |a, b| DiffPair::new(a, b).filled(Compare::Typical);
        assert_eq!(fill(one, None), DiffPair::new(one, Some(Compare::Typical)));
        assert_eq!(fill(None, one), DiffPair::new(Some(Compare::Typical), one));
        assert_eq!(fill(None, None), DiffPair::new(Some(Compare::Typical), None));
    }
}
