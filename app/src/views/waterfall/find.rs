//! Which spans a few typed words mean. Pure, and quick without an index: every distinct name is compared once, then
//! rows are compared by number.

use model::SpanId;
use model::trace::{Trace, Tree};

use crate::format::lowered;

/// Rows that match, in the order they are shown when nothing is folded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hits {
    rows: Vec<u32>,
    is_hit: Vec<bool>,
}

impl Hits {
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub fn contains(&self, row: u32) -> bool {
        self.is_hit.get(row as usize).copied().unwrap_or(false)
    }

    pub fn first(&self) -> Option<u32> {
        self.rows.first().copied()
    }

    /// Which hit a row is, counted from 1; None when it is no hit.
    pub fn ordinal(&self, tree: &Tree, row: u32) -> Option<usize> {
        let place = |r: u32| tree.position[r as usize];
        self.rows.binary_search_by_key(&place(row), |r| place(*r)).ok().map(|i| i + 1)
    }

    /// The next hit after a row, or before it; round the end to the other end.
    pub fn step(&self, tree: &Tree, from: Option<u32>, is_forward: bool) -> Option<u32> {
        let place = |r: u32| tree.position[r as usize];
        let Some(from) = from else {
            return if is_forward { self.first() } else { self.rows.last().copied() };
        };
        if is_forward {
            let next = self.rows.partition_point(|r| place(*r) <= place(from));
            self.rows.get(next).copied().or_else(|| self.first())
        } else {
            let next = self.rows.partition_point(|r| place(*r) < place(from));
            next.checked_sub(1).map(|i| self.rows[i]).or_else(|| self.rows.last().copied())
        }
    }

    /// By row: a hit, or above one.
    pub fn with_ancestors(&self, tree: &Tree) -> Vec<bool> {
        let mut kept = vec![false; tree.order.len()];
        for row in &self.rows {
            kept[*row as usize] = true;
            for above in tree.ancestors(*row) {
                if std::mem::replace(&mut kept[above as usize], true) {
                    break;
                }
            }
        }
        kept
    }

    fn of(tree: &Tree, is_hit: Vec<bool>) -> Hits {
        let rows =
            tree.order.iter().copied().filter(|row| is_hit.get(*row as usize) == Some(&true)).collect();
        Hits { rows, is_hit }
    }
}

/// Every word must occur in the service, the operation or the fact, whatever its case; a whole span id finds its span.
/// `also` are rows found elsewhere by the same text.
pub fn find(trace: &Trace, tree: &Tree, text: &str, also: &[u32]) -> Hits {
    let text = lowered(text.trim());
    if text.is_empty() {
        return Hits::default();
    }
    let mut is_hit = vec![true; trace.len()];
    let names: Vec<String> = trace.strings.iter().map(|name| lowered(name)).collect();
    for word in text.split_whitespace() {
        let matches: Vec<bool> = names.iter().map(|name| name.contains(word)).collect();
        let has = |number: u32| matches.get(number as usize).copied().unwrap_or(false);
        for (row, hit) in is_hit.iter_mut().enumerate() {
            *hit &= has(trace.operation[row]) || has(trace.service[row]) || has(trace.fact[row]);
        }
    }
    if let Ok(span) = text.parse::<SpanId>() {
        for (row, hit) in is_hit.iter_mut().enumerate() {
            *hit |= trace.span_id[row] == span;
        }
    }
    also.iter().for_each(|row| is_hit[*row as usize] = true);
    Hits::of(tree, is_hit)
}

pub fn errors(trace: &Trace, tree: &Tree) -> Hits {
    Hits::of(tree, (0..trace.len()).map(|row| trace.is_error(row)).collect())
}

pub fn eventful(trace: &Trace, tree: &Tree) -> Hits {
    let mut is_hit = vec![false; trace.len()];
    trace.events.rows().iter().for_each(|row| is_hit[*row as usize] = true);
    Hits::of(tree, is_hit)
}

#[cfg(test)]
mod tests {
    //! What words find, and how the walk goes round.
    use model::trace::{Builder, SpanRow};
    use model::{Nanos, Status, Timestamp, TraceId};

    use super::*;

    fn trace() -> (Trace, Tree) {
        let mut builder = Builder::new();
        let rows = [
            (1, 0, "shop", "GET /cart", ""),
            (2, 1, "cart", "SELECT items", "postgresql"),
            (3, 1, "cart", "Publish", "timed out"),
            (4, 2, "db", "fetch", ""),
        ];
        for (id, parent, service, operation, fact) in rows {
            builder.push(&SpanRow {
                span_id: SpanId(id),
                parent_id: SpanId(parent),
                service: service.into(),
                operation: operation.into(),
                fact: fact.into(),
                start: Timestamp(id),
                duration: Nanos(1),
                status: if id > 2 { Status::Error } else { Status::Unset },
                ..SpanRow::default()
            });
        }
        let trace = builder.finish(TraceId([1; 16]));
        let tree = Tree::new(&trace);
        (trace, tree)
    }

    fn check(text: &str, expected: &[u32]) {
        let (trace, tree) = trace();
        assert_eq!(find(&trace, &tree, text, &[]).rows, expected, "{text}");
    }

    #[test]
    fn words_in_any_of_the_three() {
        check("cart", &[0, 1, 2]);
        check("CART publish", &[2]);
        check("timed OUT", &[2]);
        check("nowhere", &[]);
        check("  ", &[]);
        check("0000000000000004", &[3]);
    }

    #[test]
    fn what_was_found_elsewhere_counts_and_keeps_its_way() {
        let (trace, tree) = trace();
        let hits = find(&trace, &tree, "nowhere", &[3]);
        assert_eq!(hits.rows, [3]);
        assert_eq!(hits.with_ancestors(&tree), [true, true, false, true]);
    }

    #[test]
    fn the_walk_follows_the_tree_and_goes_round() {
        let (trace, tree) = trace();
        let errors = errors(&trace, &tree);
        // Shown order is 1, 2, 4, 3.
        assert_eq!(errors.rows, [3, 2]);
        assert_eq!(errors.step(&tree, None, true), Some(3));
        assert_eq!(errors.step(&tree, Some(3), true), Some(2));
        assert_eq!(errors.step(&tree, Some(2), true), Some(3));
        assert_eq!(errors.step(&tree, Some(1), true), Some(3));
        assert_eq!(errors.step(&tree, Some(1), false), Some(2));
        assert_eq!(errors.ordinal(&tree, 2), Some(2));
        assert_eq!(errors.ordinal(&tree, 0), None);
    }
}
