//! The state of the pages on services: how far back, and which operation is looked at.

use super::{Query, with_query};

/// How far back, by its name in the URL: seconds, and what the button says.
pub const LENGTHS: [(&str, u64, &str); 3] =
    [("1h", 3_600, "1 h"), ("6h", 6 * 3_600, "6 h"), ("24h", 24 * 3_600, "24 h")];

#[derive(Clone, Debug, PartialEq)]
pub struct ServicesView {
    pub length_secs: u64,
    /// The one operation looked at on a service's page.
    pub operation: Option<String>,
}

impl Default for ServicesView {
    fn default() -> Self {
        ServicesView { length_secs: LENGTHS[0].1, operation: None }
    }
}

impl ServicesView {
    pub fn of(query: &Query) -> ServicesView {
        let named = query.get("range").and_then(|name| LENGTHS.iter().find(|l| l.0 == name));
        ServicesView {
            length_secs: named.unwrap_or(&LENGTHS[0]).1,
            operation: query.get("operation").map(str::to_owned),
        }
    }

    /// Of one service, or of all when none is named.
    pub fn url(&self, service: Option<&str>) -> String {
        let path = service.map_or_else(|| "/services".to_owned(), |s| format!("/services/{}", segment(s)));
        let named = LENGTHS.iter().find(|l| l.1 == self.length_secs && l.1 != LENGTHS[0].1);
        let mut query = Query::default();
        query.push_some("range", named.map(|l| l.0));
        query.push_some("operation", self.operation.as_deref());
        with_query(path, query)
    }
}

/// A name as one part of a path, whatever it holds.
fn segment(name: &str) -> String {
    super::query::encode(name).replace('/', "%2F").replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::url::Route;

    #[test]
    fn a_service_of_any_name_is_found_again() {
        for name in ["cart", "team/cart v2", "a+b", "ünï?&#"] {
            let view = ServicesView { length_secs: 21_600, operation: Some("GET /a?b=c&d".into()) };
            let url = view.url(Some(name));
            let (path, query) = url.split_once('?').unwrap_or((&url, ""));
            assert_eq!(Route::of(path, query), Route::Service(name.to_owned(), view));
        }
        assert_eq!(Route::of("/services", ""), Route::Services(ServicesView::default()));
        assert_eq!(ServicesView::default().url(None), "/services");
    }
}
