//! The state of an explanation: a search, and which of its traces are in question.

use model::view::Region;
use model::{Nanos, Timestamp};

use super::{Query, SearchView, TimeRange, with_query};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExplainView {
    /// What it is all about.
    pub base: SearchView,
    pub region: Region,
}

impl ExplainView {
    pub fn of(query: &Query) -> ExplainView {
        let SearchView { q, range, .. } = SearchView::of(query);
        let pair = |key| query.get(key).map_or((None, None), pair_of);
        let ((start, end), (least, most)) = (pair("time"), pair("length"));
        ExplainView {
            base: SearchView { q, range, ..SearchView::default() },
            region: Region {
                q: query.get("part").map(str::to_owned),
                start: start.map(Timestamp),
                end: end.map(Timestamp),
                min_duration: least.map(Nanos),
                max_duration: most.map(Nanos),
            },
        }
    }

    /// Calls of a service and operation that are also what `part` says (`error`, `duration>=1s`), beside its others.
    pub fn of_calls(service: &str, operation: Option<&str>, part: &str, range: TimeRange) -> ExplainView {
        let q = super::search::calls_of(service, operation);
        let region = Region { q: Some(format!("{q} {part}")), ..Region::default() };
        ExplainView { base: SearchView { range, ..SearchView::about(q) }, region }
    }

    pub fn url(&self) -> String {
        let mut query = Query::default();
        self.base.push_asked(&mut query);
        let Region { q, start, end, min_duration, max_duration } = &self.region;
        query.push_some("part", q.as_deref());
        query.push_some("time", pair_text(start.map(|t| t.0), end.map(|t| t.0)));
        query.push_some("length", pair_text(min_duration.map(|d| d.0), max_duration.map(|d| d.0)));
        with_query("/explain".to_owned(), query)
    }
}

/// Nanoseconds from and to, either of which may be missing: `1000-2000`, `1000-`.
fn pair_of(text: &str) -> (Option<u64>, Option<u64>) {
    let (from, to) = text.split_once('-').unwrap_or((text, ""));
    (from.parse().ok(), to.parse().ok())
}

fn pair_text(from: Option<u64>, to: Option<u64>) -> Option<String> {
    let text = |bound: Option<u64>| bound.map_or_else(String::new, |bound| bound.to_string());
    (from.is_some() || to.is_some()).then(|| format!("{}-{}", text(from), text(to)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::url::Route;

    #[test]
    fn calls_are_named_as_the_language_names_them() {
        let view = ExplainView::of_calls("cart", Some("GET /x"), "error", TimeRange::Last(3_600));
        assert_eq!(view.region.q, Some(format!("{} error", view.base.q)));
        for text in [&view.base.q, view.region.q.as_ref().unwrap()] {
            assert!(model::query::read(text).is_ok(), "{text}");
        }
        assert!(view.base.q.contains("cart") && view.base.q.contains("GET /x"));
    }

    #[test]
    fn an_explanation_is_found_again() {
        for view in [
            ExplainView {
                base: SearchView { range: TimeRange::Last(3_600), ..SearchView::about("service=a b") },
                region: Region { q: Some("error & more".into()), ..Region::default() },
            },
            ExplainView {
                base: SearchView::default(),
                region: Region {
                    q: None,
                    start: Some(Timestamp(5)),
                    end: Some(Timestamp(9)),
                    min_duration: Some(Nanos(7)),
                    max_duration: None,
                },
            },
        ] {
            let url = view.url();
            let (path, query) = url.split_once('?').unwrap();
            assert_eq!(Route::of(path, query), Route::Explain(view), "{url}");
        }
    }
}
