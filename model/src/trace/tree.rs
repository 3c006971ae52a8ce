//! Who called whom: the order in which a waterfall shows its rows.
//!
//! ```text
//!   order      row  depth  size
//!   a          0    0      4      size counts the row itself and everything below it,
//!   ├─ b       1    1      2      so collapsing a is: continue at position + size
//!   │  └─ c    3    2      1
//!   └─ d       2    1      1
//! ```
//! Iterative throughout: a trace may be thousands of levels deep.

use super::{NO_ROW, Trace};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// Rows in the order they are shown, parents before their children, siblings by start.
    pub order: Vec<u32>,
    /// Where each row stands in `order`.
    pub position: Vec<u32>,
    /// By row.
    pub depth: Vec<u32>,
    /// By row: this row and everything below it.
    pub size: Vec<u32>,
    pub child_count: Vec<u32>,
    /// By row: failed spans in the subtree, the row itself included.
    pub errors: Vec<u32>,
    /// By row: time not covered by any child, in nanoseconds.
    pub self_time: Vec<u64>,
    /// By row: the parent shown; differs from the trace's where a cycle had to be cut.
    pub parent: Vec<u32>,
}

impl Tree {
    pub fn new(trace: &Trace) -> Tree {
        let errors = (0..trace.len()).map(|row| u32::from(trace.is_error(row))).collect();
        let sequence: Vec<u32> = (0..trace.len() as u32).collect();
        Tree::arranged(&trace.parent, &sequence, errors, |children| {
            (0..trace.len()).map(|row| self_time(trace, row, children.of(row))).collect()
        })
    }

    /// A tree of rows whose siblings stand in the order of `sequence`, which names every row once.
    pub(super) fn arranged(
        parent: &[u32],
        sequence: &[u32],
        errors: Vec<u32>,
        self_time: impl FnOnce(&Children) -> Vec<u64>,
    ) -> Tree {
        let parent = cut_cycles(parent);
        let children = Children::new(&parent, sequence);
        let count = parent.len();
        let mut tree = Tree {
            order: Vec::with_capacity(count),
            position: vec![0; count],
            depth: vec![0; count],
            size: vec![1; count],
            child_count: (0..count).map(|row| children.of(row).len() as u32).collect(),
            errors,
            self_time: self_time(&children),
            parent,
        };
        tree.walk(&children, sequence);
        for row in tree.order.clone().into_iter().rev() {
            let above = tree.parent[row as usize];
            if above != NO_ROW {
                tree.size[above as usize] += tree.size[row as usize];
                tree.errors[above as usize] += tree.errors[row as usize];
            }
        }
        tree
    }

    fn walk(&mut self, children: &Children, sequence: &[u32]) {
        let roots = sequence.iter().rev().copied().filter(|row| self.parent[*row as usize] == NO_ROW);
        let mut stack: Vec<u32> = roots.collect();
        while let Some(row) = stack.pop() {
            let above = self.parent[row as usize];
            if above != NO_ROW {
                self.depth[row as usize] = self.depth[above as usize] + 1;
            }
            self.position[row as usize] = self.order.len() as u32;
            self.order.push(row);
            stack.extend(children.of(row as usize).iter().rev());
        }
    }

    /// The rows directly below `row`, in order of start.
    pub fn children(&self, row: u32) -> impl Iterator<Item = u32> + '_ {
        let first = self.position[row as usize] + 1;
        let end = self.position[row as usize] + self.size[row as usize];
        let mut at = first;
        std::iter::from_fn(move || {
            let child = *self.order.get(at as usize).filter(|_| at < end)?;
            at += self.size[child as usize];
            Some(child)
        })
    }

    /// The rows above `row`, nearest first.
    pub fn ancestors(&self, row: u32) -> impl Iterator<Item = u32> + '_ {
        std::iter::successors(Some(row), |r| Some(self.parent[*r as usize]).filter(|p| *p != NO_ROW)).skip(1)
    }
}

/// Children of every row in one array, in the order of a sequence: that of their start.
pub(super) struct Children {
    first: Vec<u32>,
    rows: Vec<u32>,
}

impl Children {
    fn new(parent: &[u32], sequence: &[u32]) -> Children {
        let mut first = vec![0u32; parent.len() + 1];
        for above in parent.iter().filter(|p| **p != NO_ROW) {
            first[*above as usize + 1] += 1;
        }
        for i in 1..first.len() {
            first[i] += first[i - 1];
        }
        let mut next = first.clone();
        let mut rows = vec![0u32; first.last().map_or(0, |n| *n as usize)];
        for row in sequence {
            let above = parent[*row as usize];
            if above != NO_ROW {
                rows[next[above as usize] as usize] = *row;
                next[above as usize] += 1;
            }
        }
        Children { first, rows }
    }

    fn of(&self, row: usize) -> &[u32] {
        &self.rows[self.first[row] as usize..self.first[row + 1] as usize]
    }
}

/// Spans that name each other as parents would never be reached from a root: the earliest of such a circle is
/// shown as a root.
fn cut_cycles(parent: &[u32]) -> Vec<u32> {
    const UNSEEN: u32 = 0;
    let mut parent = parent.to_vec();
    let mut seen_in = vec![UNSEEN; parent.len()];
    for start in 0..parent.len() {
        let pass = start as u32 + 1;
        let mut row = start as u32;
        while row != NO_ROW && seen_in[row as usize] == UNSEEN {
            seen_in[row as usize] = pass;
            row = parent[row as usize];
        }
        if row != NO_ROW && seen_in[row as usize] == pass {
            let earliest = earliest_in_circle(&parent, row);
            parent[earliest as usize] = NO_ROW;
        }
    }
    parent
}

fn earliest_in_circle(parent: &[u32], member: u32) -> u32 {
    let mut earliest = member;
    let mut row = parent[member as usize];
    while row != member {
        earliest = earliest.min(row);
        row = parent[row as usize];
    }
    earliest
}

/// The row's time less the union of its children's, as far as they lie within it.
fn self_time(trace: &Trace, row: usize, children: &[u32]) -> u64 {
    let (start, end) = (trace.offset[row], trace.offset[row].saturating_add(trace.length[row]));
    let mut covered = 0;
    let mut reached = start;
    for child in children {
        let child_start = trace.offset[*child as usize].max(reached);
        let child_end = trace.offset[*child as usize].saturating_add(trace.length[*child as usize]).min(end);
        covered += child_end.saturating_sub(child_start);
        reached = reached.max(child_end);
    }
    (end - start).saturating_sub(covered)
}

#[cfg(test)]
mod tests;
