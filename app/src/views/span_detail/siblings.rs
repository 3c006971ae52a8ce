//! Which spans a span can be put beside, and what differs between the two. Pure.

use model::order::sort_by;
use model::trace::{NO_ROW, Trace, Tree};
use model::{AttrValue, Attrs, Span};

use super::text::plain;

/// One to compare with, and why one would.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    pub what: &'static str,
    pub row: u32,
}

/// Spans of the same service and operation under the same parent, in order of start; the span itself among them.
pub fn siblings(trace: &Trace, tree: &Tree, row: u32) -> Vec<u32> {
    let kin = |other: &u32| {
        let (a, b) = (row as usize, *other as usize);
        trace.service[a] == trace.service[b] && trace.operation[a] == trace.operation[b]
    };
    let above = tree.parent[row as usize];
    if above == NO_ROW {
        return (0..trace.len() as u32)
            .filter(|row| tree.parent[*row as usize] == NO_ROW)
            .filter(kin)
            .collect();
    }
    tree.children(above).filter(kin).collect()
}

/// The ones worth looking at first, each once.
pub fn choices(trace: &Trace, siblings: &[u32], row: u32) -> Vec<Choice> {
    let Some(at) = siblings.iter().position(|other| *other == row) else {
        return Vec::new();
    };
    let mut by_length: Vec<u32> = siblings.iter().copied().filter(|other| *other != row).collect();
    sort_by(&mut by_length, |row| (trace.length[*row as usize], (*row).into()));
    let is_failed = trace.is_error(row as usize);
    let other_outcome = by_length.iter().find(|other| trace.is_error(**other as usize) != is_failed).copied();
    let named = [
        (if is_failed { "one that did not fail" } else { "one that failed" }, other_outcome),
        ("the median", by_length.get(by_length.len() / 2).copied()),
        ("the fastest", by_length.first().copied()),
        ("the slowest", by_length.last().copied()),
        ("the one before", at.checked_sub(1).map(|at| siblings[at])),
        ("the one after", siblings.get(at + 1).copied()),
    ];
    let mut found: Vec<Choice> = Vec::new();
    for (what, row) in named {
        if let Some(row) = row.filter(|row| found.iter().all(|choice| choice.row != *row)) {
            found.push(Choice { what, row });
        }
    }
    found
}

/// An attribute that is not the same on both; empty where it is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub key: String,
    pub ours: Option<String>,
    pub theirs: Option<String>,
}

/// What differs in attributes and resource, and how many are the same.
pub fn differences(ours: &Span, theirs: &Span) -> (Vec<Difference>, usize) {
    let mut found = Vec::new();
    let mut same = 0;
    let both = [
        ("", &ours.attributes, &theirs.attributes),
        ("resource.", &ours.origin.resource, &theirs.origin.resource),
    ];
    for (prefix, ours, theirs) in both {
        let value = |attrs: &Attrs, key: &str| {
            attrs.iter().find(|(k, _)| k == key).map(|(_, v): &(_, AttrValue)| plain(v))
        };
        let only_theirs = theirs.iter().filter(|(key, _)| ours.iter().all(|(k, _)| k != key));
        for (key, _) in ours.iter().chain(only_theirs) {
            let (a, b) = (value(ours, key), value(theirs, key));
            if a == b {
                same += 1;
            } else {
                found.push(Difference { key: format!("{prefix}{key}"), ours: a, theirs: b });
            }
        }
    }
    (found, same)
}

#[cfg(test)]
mod tests {
    //! Siblings of a drawn trace, and two spans side by side.
    use model::trace::Builder;
    use model::trace::SpanRow;
    use model::{Nanos, SpanId, Status, Timestamp, TraceId};

    use super::*;

    fn trace(lengths: &[u64], failed: usize) -> (Trace, Tree) {
        let mut builder = Builder::new();
        let row = |id: u64, parent: u64, length: u64, operation: &str, status| SpanRow {
            span_id: SpanId(id),
            parent_id: SpanId(parent),
            service: "shop".to_owned(),
            operation: operation.to_owned(),
            start: Timestamp(1_000 + id),
            duration: Nanos(length),
            status,
            ..SpanRow::default()
        };
        builder.push(&row(1, 0, 1_000, "GET", Status::Unset));
        for (at, length) in lengths.iter().enumerate() {
            let status = if at == failed { Status::Error } else { Status::Unset };
            builder.push(&row(at as u64 + 2, 1, *length, "query", status));
        }
        builder.push(&row(99, 1, 5, "other", Status::Unset));
        let trace = builder.finish(TraceId([1; 16]));
        let tree = Tree::new(&trace);
        (trace, tree)
    }

    #[test]
    fn siblings_are_of_one_operation_and_each_is_offered_once() {
        let (trace, tree) = trace(&[50, 10, 30, 40, 20], 3);
        let of_third = siblings(&trace, &tree, 3);
        assert_eq!(of_third, [1, 2, 3, 4, 5]);
        let told: Vec<_> = choices(&trace, &of_third, 3).iter().map(|c| (c.what, c.row)).collect();
        let expected = [("one that failed", 4), ("the fastest", 2), ("the slowest", 1)];
        assert_eq!(told, expected);
        assert_eq!(siblings(&trace, &tree, 0), [0]);
        assert!(choices(&trace, &[0], 0).is_empty());
    }

    #[test]
    fn what_differs_is_told_with_both_values() {
        let attrs = |pairs: &[(&str, i64)]| -> Attrs {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), AttrValue::Int(*value))).collect()
        };
        let mut ours =
            Span { attributes: attrs(&[("rows", 5), ("retry", 1), ("port", 80)]), ..Span::default() };
        let mut theirs =
            Span { attributes: attrs(&[("rows", 900), ("port", 80), ("cold", 1)]), ..Span::default() };
        ours.origin.resource = attrs(&[("pod", 1)]);
        theirs.origin.resource = attrs(&[("pod", 2)]);
        let (found, same) = differences(&ours, &theirs);
        let told: Vec<_> =
            found.iter().map(|d| (d.key.as_str(), d.ours.as_deref(), d.theirs.as_deref())).collect();
        let expected = [
            ("rows", Some("5"), Some("900")),
            ("retry", Some("1"), None),
            ("cold", None, Some("1")),
            ("resource.pod", Some("1"), Some("2")),
        ];
        assert_eq!((told.as_slice(), same), (&expected[..], 1));
    }
}
