//! What senders got wrong about a trace's structure. Such spans are shown all the same, each with what is wrong.

use super::{NO_ROW, Trace, Tree};
use crate::order::sort_by;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// An earlier span of the trace has the same id.
    DuplicateId,
    /// The span names itself as its parent.
    OwnParent,
    /// The span is above its own parent: the circle is cut here.
    Circle,
}

impl Flaw {
    pub const ALL: [Flaw; 3] = [Flaw::DuplicateId, Flaw::OwnParent, Flaw::Circle];

    /// As said beside the span.
    pub fn words(self) -> &'static str {
        match self {
            Flaw::DuplicateId => "same id as an earlier span",
            Flaw::OwnParent => "names itself as its parent",
            Flaw::Circle => "is above its own parent",
        }
    }

    /// As counted: one, and many.
    pub fn nouns(self) -> (&'static str, &'static str) {
        match self {
            Flaw::DuplicateId => ("duplicate id", "duplicate ids"),
            Flaw::OwnParent => ("span its own parent", "spans their own parents"),
            Flaw::Circle => ("circle of parents", "circles of parents"),
        }
    }
}

/// Flawed rows in order, at most one flaw each.
pub fn flaws(trace: &Trace, tree: &Tree) -> Vec<(u32, Flaw)> {
    let mut found: Vec<(u32, Flaw)> = Vec::new();
    for row in 0..trace.len() {
        let names_itself = trace.span_id[row].is_valid() && trace.parent_id[row] == trace.span_id[row];
        if names_itself {
            found.push((row as u32, Flaw::OwnParent));
        } else if trace.parent[row] != NO_ROW && tree.parent[row] == NO_ROW {
            found.push((row as u32, Flaw::Circle));
        }
    }
    let mut by_id: Vec<(crate::SpanId, u32)> = trace.span_id.iter().copied().zip(0..).collect();
    sort_by(&mut by_id, |(span, row)| (span.0, (*row).into()));
    let again = by_id.windows(2).filter(|pair| pair[0].0 == pair[1].0).map(|pair| pair[1].1);
    found.extend(again.map(|row| (row, Flaw::DuplicateId)));
    sort_by(&mut found, |(row, flaw)| ((*row).into(), *flaw as u64));
    found.dedup_by_key(|(row, _)| *row);
    found
}

#[cfg(test)]
mod tests {
    use super::super::drawn::trace;
    use super::*;

    fn check(drawing: &str, expected: &[(&str, Flaw)]) {
        let trace = trace(drawing);
        let found = flaws(&trace, &Tree::new(&trace));
        let found: Vec<_> =
            found.iter().map(|(row, flaw)| (trace.operation_name(*row as usize), *flaw)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_sound_trace_has_none() {
        check("shop GET 0..10\n  cart get 1..2\ncart lost 3..4 parent=99", &[]);
    }

    #[test]
    fn ids_used_twice_are_told_from_the_second_on() {
        check(
            "shop GET 0..10 id=5\n  cart get 1..2 id=5\n  cart put 3..4 id=5",
            &[("get", Flaw::DuplicateId), ("put", Flaw::DuplicateId)],
        );
    }

    #[test]
    fn own_parents_and_circles() {
        check(
            "shop self 0..9 id=1 parent=1
             shop a 1..3 id=2 parent=3
             shop b 2..3 id=3 parent=2",
            &[("self", Flaw::OwnParent), ("a", Flaw::Circle)],
        );
    }
}
