//! Where an operation's time goes: the critical path below it, by the service that held it up.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::Nanos;
use crate::order::sort_with;
use crate::view::TimeShare;

/// A call path with its sums over some traces; see [`crate::trace::path`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PathSums {
    pub path: u64,
    /// Zero above a root.
    pub parent: u64,
    pub service: String,
    pub operation: String,
    pub spans: u64,
    pub critical: u64,
}

/// For each call of the operation, or of all of the service where none is named; the longest first. Time within one
/// call of it that leads to another of its own counts once.
pub fn breakdown(paths: &[PathSums], service: &str, operation: &str) -> Vec<TimeShare> {
    let is_it =
        |path: &PathSums| path.service == service && (operation.is_empty() || path.operation == operation);
    let by_number: HashMap<u64, &PathSums> = paths.iter().map(|path| (path.path, path)).collect();
    let chain = |path: u64| {
        // A path is never above itself, but numbers could meet: no more steps than there are paths.
        let up = |path: &&PathSums| by_number.get(&path.parent).copied();
        std::iter::successors(by_number.get(&path).copied(), up).take(paths.len())
    };
    let tops: HashSet<u64> = paths
        .iter()
        .filter(|path| is_it(path) && !chain(path.parent).any(is_it))
        .map(|path| path.path)
        .collect();
    let calls: u64 = paths.iter().filter(|path| tops.contains(&path.path)).map(|path| path.spans).sum();
    let mut by_service: BTreeMap<&str, u64> = BTreeMap::new();
    for path in paths.iter().filter(|path| path.critical > 0) {
        if chain(path.path).any(|above| tops.contains(&above.path)) {
            *by_service.entry(&path.service).or_default() += path.critical;
        }
    }
    let share = |(name, critical): (&str, u64)| TimeShare {
        service: name.to_owned(),
        a_call: Nanos(critical / calls.max(1)),
    };
    let mut shares: Vec<TimeShare> =
        by_service.into_iter().map(share).filter(|share| share.a_call.0 > 0).collect();
    sort_with(&mut shares, |a, b| b.a_call.cmp(&a.a_call).then_with(|| a.service.cmp(&b.service)));
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(path: u64, parent: u64, name: &str, spans: u64, critical_ms: u64) -> PathSums {
        let (service, operation) = name.split_once(' ').unwrap();
        let (service, operation) = (service.to_owned(), operation.to_owned());
        PathSums { path, parent, service, operation, spans, critical: critical_ms * 1_000_000 }
    }

    fn paths() -> Vec<PathSums> {
        vec![
            path(1, 0, "shop GET", 10, 100),
            path(2, 1, "cart get", 10, 200),
            path(3, 2, "db query", 30, 300),
            path(4, 1, "auth check", 10, 50),
            path(5, 0, "admin GET", 2, 10),
            path(6, 5, "cart get", 2, 40),
            path(7, 6, "cart get", 2, 20),
        ]
    }

    fn check(service: &str, operation: &str, expected: &[(&str, u64)]) {
        let found = breakdown(&paths(), service, operation);
        let found: Vec<(&str, u64)> =
            found.iter().map(|share| (share.service.as_str(), share.a_call.0 / 1_000_000)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn time_is_told_a_call_and_by_who_held_it_up() {
        check("shop", "GET", &[("db", 30), ("cart", 20), ("shop", 10), ("auth", 5)]);
        check("cart", "get", &[("db", 25), ("cart", 21)]);
        check("cart", "", &[("db", 25), ("cart", 21)]);
        check("nobody", "", &[]);
    }
}
