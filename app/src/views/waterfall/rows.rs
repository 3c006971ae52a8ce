//! Which rows are listed: the tree in order, less what is folded away. Pure.

use model::trace::{Extra, NO_ROW, Outline, Tree};

/// Folded rows, by row number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    is_folded: Vec<bool>,
    count: usize,
}

impl Folded {
    /// As a trace is first shown: groups of like siblings are one row each.
    pub fn initial(outline: &Outline) -> Folded {
        let mut folded = Folded::none(outline.len());
        for (row, _) in outline.extras().filter(|(_, extra)| matches!(extra, Extra::Group(_))) {
            folded.set(row, true);
        }
        folded
    }

    pub fn none(row_count: usize) -> Folded {
        Folded { is_folded: vec![false; row_count], count: 0 }
    }

    /// Every row that has children.
    pub fn all(tree: &Tree) -> Folded {
        let is_folded: Vec<bool> = tree.child_count.iter().map(|children| *children > 0).collect();
        let count = is_folded.iter().filter(|f| **f).count();
        Folded { is_folded, count }
    }

    pub fn is_folded(&self, row: u32) -> bool {
        self.is_folded.get(row as usize).copied().unwrap_or(false)
    }

    pub fn set(&mut self, row: u32, folded: bool) {
        let Some(entry) = self.is_folded.get_mut(row as usize) else {
            return;
        };
        match (*entry, folded) {
            (false, true) => self.count += 1,
            (true, false) => self.count -= 1,
            _ => {}
        }
        *entry = folded;
    }

    pub fn count(&self) -> usize {
        self.count
    }

    pub fn is_all(&self, tree: &Tree) -> bool {
        self.count > 0 && self.count == tree.child_count.iter().filter(|children| **children > 0).count()
    }

    pub fn rows(&self) -> impl Iterator<Item = u32> + '_ {
        (0..).zip(&self.is_folded).filter(|(_, folded)| **folded).map(|(row, _)| row)
    }

    /// Unfolds everything above a row.
    pub fn reveal(&mut self, tree: &Tree, row: u32) {
        for above in tree.ancestors(row) {
            self.set(above, false);
        }
    }

    /// Folds or unfolds a row with everything below it.
    pub fn set_below(&mut self, tree: &Tree, row: u32, folded: bool) {
        let first = tree.position[row as usize] as usize;
        for below in &tree.order[first..first + tree.size[row as usize] as usize] {
            self.set(*below, folded && tree.child_count[*below as usize] > 0);
        }
    }
}

/// What is listed at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Choice<'c> {
    /// By row; without it everything is.
    pub kept: Option<&'c [bool]>,
    /// Only this row and what is below it.
    pub top: Option<u32>,
    /// Rows from here on are no spans.
    pub span_count: usize,
}

/// The listed rows from top to bottom, and where each stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    listed: Vec<u32>,
    index: Vec<u32>,
    /// Spans that are not kept.
    hidden: usize,
    /// How deep the topmost row is.
    top_depth: u32,
}

impl Rows {
    pub fn new(tree: &Tree, folded: &Folded, choice: Choice) -> Rows {
        let Choice { kept, top, span_count } = choice;
        let mut listed = Vec::with_capacity(tree.order.len());
        let mut index = vec![NO_ROW; tree.order.len()];
        let first = top.map_or(0, |row| tree.position[row as usize] as usize);
        let end = top.map_or(tree.order.len(), |row| first + tree.size[row as usize] as usize);
        let mut position = first;
        while let Some(row) = tree.order.get(position).filter(|_| position < end) {
            // What is below a row that is not kept is not kept either.
            if kept.is_some_and(|kept| !kept[*row as usize]) {
                position += tree.size[*row as usize] as usize;
                continue;
            }
            index[*row as usize] = listed.len() as u32;
            listed.push(*row);
            // What was looked for is not hidden again by the group it is in.
            let is_folded = folded.is_folded(*row) && (kept.is_none() || (*row as usize) < span_count);
            position += if is_folded { tree.size[*row as usize] as usize } else { 1 };
        }
        let hidden = kept.map_or(0, |kept| kept.iter().take(span_count).filter(|kept| !**kept).count());
        Rows { listed, index, hidden, top_depth: top.map_or(0, |row| tree.depth[row as usize]) }
    }

    /// Spans the filter hides; those only folded away are not counted.
    pub fn hidden(&self) -> usize {
        self.hidden
    }

    /// How deep the topmost listed row is: others are set in from there.
    pub fn top_depth(&self) -> u32 {
        self.top_depth
    }

    pub fn len(&self) -> usize {
        self.listed.len()
    }

    pub fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    pub fn at(&self, index: usize) -> Option<u32> {
        self.listed.get(index).copied()
    }

    /// Where a row is listed; None while it is folded away.
    pub fn index_of(&self, row: u32) -> Option<usize> {
        self.index.get(row as usize).filter(|i| **i != NO_ROW).map(|i| *i as usize)
    }

    /// The row itself, or what stands for it: the nearest listed row above it.
    pub fn nearest(&self, tree: &Tree, row: u32) -> Option<usize> {
        self.index_of(row).or_else(|| tree.ancestors(row).find_map(|above| self.index_of(above)))
    }
}

#[cfg(test)]
mod tests {
    //! Folding, from the tree drawn as `span parent` pairs to the list of spans on screen.
    use model::trace::{Builder, SpanRow};
    use model::{Nanos, SpanId, Timestamp, TraceId};

    use super::*;

    /// 1 > (2 > 3, 4 > 5), 6: a tree of six whose rows are numbered from 0 in this order.
    fn tree() -> Tree {
        let mut builder = Builder::new();
        for (id, parent) in [(1, 0), (2, 1), (3, 2), (4, 1), (5, 4), (6, 0)] {
            builder.push(&SpanRow {
                span_id: SpanId(id),
                parent_id: SpanId(parent),
                start: Timestamp(id * 10),
                duration: Nanos(5),
                ..SpanRow::default()
            });
        }
        Tree::new(&builder.finish(TraceId([1; 16])))
    }

    const ALL: Choice = Choice { kept: None, top: None, span_count: 6 };

    fn listed(tree: &Tree, folded: &Folded) -> Vec<u32> {
        Rows::new(tree, folded, ALL).listed
    }

    #[test]
    fn folding_hides_what_is_below() {
        let tree = tree();
        let mut folded = Folded::none(6);
        assert_eq!(listed(&tree, &folded), [0, 1, 2, 3, 4, 5]);
        folded.set(1, true);
        assert_eq!(listed(&tree, &folded), [0, 1, 3, 4, 5]);
        folded.set(0, true);
        assert_eq!(listed(&tree, &folded), [0, 5]);
        assert_eq!(Rows::new(&tree, &folded, ALL).nearest(&tree, 2), Some(0));
    }

    #[test]
    fn a_filter_lists_what_is_kept_and_counts_the_rest() {
        let (tree, folded) = (tree(), Folded::none(6));
        let kept = [true, false, false, true, false, false];
        let rows = Rows::new(&tree, &folded, Choice { kept: Some(&kept), ..ALL });
        assert_eq!((rows.listed.as_slice(), rows.hidden()), ([0, 3].as_slice(), 4));
        assert_eq!(rows.index_of(4), None);
    }

    #[test]
    fn a_filter_looks_into_folded_extra_rows_alone() {
        let (tree, mut folded) = (tree(), Folded::none(6));
        folded.set(1, true);
        let kept = Some([true; 6].as_slice());
        // As if rows from 1 on were no spans.
        assert_eq!(Rows::new(&tree, &folded, Choice { kept, top: None, span_count: 1 }).len(), 6);
        assert_eq!(Rows::new(&tree, &folded, Choice { kept, ..ALL }).len(), 5);
    }

    #[test]
    fn with_another_top_only_what_is_below_it_is_listed() {
        let (tree, folded) = (tree(), Folded::none(6));
        let rows = Rows::new(&tree, &folded, Choice { top: Some(3), ..ALL });
        assert_eq!((rows.listed.as_slice(), rows.top_depth()), ([3, 4].as_slice(), 1));
        assert_eq!(rows.nearest(&tree, 1), None);
    }

    #[test]
    fn all_and_back() {
        let tree = tree();
        let mut folded = Folded::all(&tree);
        assert!(folded.is_all(&tree));
        assert_eq!(listed(&tree, &folded), [0, 5]);
        folded.set_below(&tree, 0, false);
        assert_eq!((folded.count(), listed(&tree, &folded).len()), (0, 6));
    }

    #[test]
    fn revealing_opens_only_the_way() {
        let tree = tree();
        let mut folded = Folded::all(&tree);
        folded.reveal(&tree, 4);
        assert_eq!(listed(&tree, &folded), [0, 1, 3, 4, 5]);
    }
}
