//! The trace as it is listed: its spans, and rows that are no spans, each with spans below it.
//!
//! ```text
//!   shop GET /cart
//!   ├─ call
//!   │  └─ … parent 63 is missing      a gap: what names a parent that is not stored
//!   │       cart get                  stands under it, where the context was lost if that is known
//!   └─ ×9,998 db SELECT               a group: many siblings of one kind
//!        db SELECT …
//! ```
//! Rows from the number of spans on are such extra rows; everything that lists, folds and walks treats them alike.

use std::collections::HashMap;
use std::sync::Arc;

use super::orphan::{Orphan, OrphanCause};
use super::{NO_ROW, Trace, Tree};
use crate::order::sort_by;
use crate::{Nanos, SpanId};

mod group;

pub use group::{BUCKETS, Group};

/// Fewer siblings of one kind are listed one by one.
pub const GROUP_LEAST: usize = 10;

#[derive(Clone, Debug, PartialEq)]
pub enum Extra {
    Gap(Gap),
    Group(Group),
}

/// A parent that is not stored, with the spans that name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    pub parent: SpanId,
    pub cause: OrphanCause,
    /// The call after which the context was lost, or [`NO_ROW`].
    pub call: u32,
    /// Spans that name it as their parent.
    pub spans: u32,
    /// The earliest of them.
    pub first: u32,
}

#[derive(Clone, Debug, Default)]
pub struct Outline {
    /// Of spans and extra rows. The trace's own tree where there are no extra rows.
    pub tree: Arc<Tree>,
    extras: Vec<Extra>,
    span_count: u32,
}

impl Outline {
    pub fn new(trace: &Trace, tree: &Arc<Tree>, orphans: &[Orphan]) -> Outline {
        let mut making = Making {
            trace,
            tree,
            parent: tree.parent.clone(),
            extras: Vec::new(),
            firsts: Vec::new(),
            members: Vec::new(),
        };
        making.gaps(orphans);
        making.groups();
        making.finish()
    }

    /// How many rows there are, spans and others.
    pub fn len(&self) -> usize {
        self.tree.order.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What a row is when it is no span.
    pub fn extra(&self, row: u32) -> Option<&Extra> {
        self.extras.get(row.checked_sub(self.span_count)? as usize)
    }

    /// The rows that are no spans.
    pub fn extras(&self) -> impl Iterator<Item = (u32, &Extra)> {
        (self.span_count..).zip(&self.extras)
    }

    pub fn is_span(&self, row: u32) -> bool {
        row < self.span_count
    }

    /// Start after the trace's start, and length, of a row: of all that is below it when it is no span.
    pub fn extent(&self, trace: &Trace, row: u32) -> (u64, u64) {
        match self.extra(row) {
            None => (trace.offset[row as usize], trace.length[row as usize]),
            Some(Extra::Group(group)) => (group.start, group.end - group.start),
            Some(Extra::Gap(gap)) => (trace.offset[gap.first as usize], 0),
        }
    }
}

struct Making<'t> {
    trace: &'t Trace,
    tree: &'t Arc<Tree>,
    /// By row, extra rows after the spans.
    parent: Vec<u32>,
    extras: Vec<Extra>,
    /// By extra row: the span before which it stands among its siblings.
    firsts: Vec<u32>,
    /// Spans under each gap.
    members: Vec<(u32, Vec<u32>)>,
}

impl Making<'_> {
    fn add(&mut self, extra: Extra, above: u32, first: u32) -> u32 {
        let row = self.parent.len() as u32;
        self.parent.push(above);
        self.extras.push(extra);
        self.firsts.push(first);
        row
    }

    fn gaps(&mut self, orphans: &[Orphan]) {
        let mut gap_of: HashMap<SpanId, usize> = HashMap::new();
        for orphan in orphans {
            let (row, missing) = (orphan.row as usize, self.trace.parent_id[orphan.row as usize]);
            // A span that names itself is a flaw of its own, and misses nothing.
            if missing == self.trace.span_id[row] {
                continue;
            }
            let known = gap_of.get(&missing).copied();
            let at = known.unwrap_or_else(|| {
                let call = if self.is_below(orphan.call, orphan.row) { NO_ROW } else { orphan.call };
                let gap = Gap { parent: missing, cause: orphan.cause, call, spans: 0, first: orphan.row };
                let number = self.add(Extra::Gap(gap), call, orphan.row);
                self.members.push((number, Vec::new()));
                self.members.len() - 1
            });
            gap_of.insert(missing, at);
            let (number, members) = &mut self.members[at];
            members.push(orphan.row);
            self.parent[row] = *number;
            if let Some(Extra::Gap(gap)) = self.extras.get_mut(*number as usize - self.trace.len()) {
                gap.spans += 1;
            }
        }
    }

    fn is_below(&self, row: u32, above: u32) -> bool {
        row != NO_ROW && (row == above || self.tree.ancestors(row).any(|other| other == above))
    }

    fn groups(&mut self) {
        let tree = Arc::clone(self.tree);
        let roots = (0..self.trace.len() as u32).filter(|row| self.parent[*row as usize] == NO_ROW);
        let mut siblings: Vec<u32> = roots.collect();
        self.group(&mut siblings, NO_ROW);
        for (gap, mut members) in std::mem::take(&mut self.members) {
            self.group(&mut members, gap);
        }
        for above in 0..self.trace.len() as u32 {
            if tree.child_count[above as usize] as usize >= GROUP_LEAST {
                siblings.clear();
                siblings.extend(tree.children(above));
                self.group(&mut siblings, above);
            }
        }
    }

    fn group(&mut self, siblings: &mut Vec<u32>, above: u32) {
        if siblings.len() < GROUP_LEAST {
            return;
        }
        let trace = self.trace;
        let kin = |row: u32| {
            let row = row as usize;
            (u64::from(trace.service[row]) << 32 | u64::from(trace.operation[row]), trace.kind[row] as u64)
        };
        sort_by(siblings, |row| kin(*row));
        for members in siblings.chunk_by(|a, b| kin(*a) == kin(*b)) {
            if members.len() < GROUP_LEAST {
                continue;
            }
            let group = Group::of(trace, self.tree, members);
            let number = self.add(Extra::Group(group), above, members[0]);
            for row in members {
                self.parent[*row as usize] = number;
            }
        }
    }

    fn finish(self) -> Outline {
        let (tree, span_count) = (self.tree, self.trace.len() as u32);
        if self.extras.is_empty() {
            return Outline { tree: Arc::clone(tree), extras: self.extras, span_count };
        }
        let mut before: Vec<(u32, u32)> = self.firsts.iter().copied().zip(span_count..).collect();
        sort_by(&mut before, |(first, extra)| ((*first).into(), (*extra).into()));
        let mut before = before.into_iter().peekable();
        let mut sequence = Vec::with_capacity(self.parent.len());
        for row in 0..span_count {
            while let Some((_, extra)) = before.next_if(|(first, _)| *first == row) {
                sequence.push(extra);
            }
            sequence.push(row);
        }
        let errors = (0..self.parent.len())
            .map(|row| u32::from(row < self.trace.len() && self.trace.is_error(row)))
            .collect();
        let self_time = |_: &_| {
            let of_extra = |extra: &Extra| match extra {
                Extra::Group(group) => group.self_time.0,
                Extra::Gap(_) => 0,
            };
            tree.self_time.iter().copied().chain(self.extras.iter().map(of_extra)).collect()
        };
        let tree = Arc::new(Tree::arranged(&self.parent, &sequence, errors, self_time));
        Outline { tree, extras: self.extras, span_count }
    }
}

impl OrphanCause {
    /// What happened to the parent, in a few words.
    pub fn words(self) -> &'static str {
        match self {
            OrphanCause::Refused => "refused at the door",
            OrphanCause::InFlight => "still on its way",
            OrphanCause::SampledOut => "sampled out by the sender",
            OrphanCause::ForeignParent => "in another tracing system",
            OrphanCause::ContextBroken => "context lost at a call",
            OrphanCause::SenderSilent => "never sent",
        }
    }

    /// Why that is thought to be so, and what can be done.
    pub fn explanation(self) -> &'static str {
        match self {
            OrphanCause::Refused => "The parent arrived and was not taken. Its receipt says why.",
            OrphanCause::InFlight => {
                "Spans of this trace came in a moment ago. The parent may still be running, or on its way: it is \
                 sent when it ends."
            }
            OrphanCause::SampledOut => {
                "The flags of this span say that its trace is not recorded. Its sender left the parent out, and \
                 sent this span all the same: let both decide alike, by the parent's decision."
            }
            OrphanCause::ForeignParent => {
                "Nothing in this trace lies above this span, and its parent is in another process: whoever called \
                 is traced elsewhere, or not at all."
            }
            OrphanCause::ContextBroken => {
                "A call in this trace ran at the same time, to another service, and nobody answered it. Something \
                 between the two, such as a proxy, replaced the parent's id."
            }
            OrphanCause::SenderSilent => {
                "Whoever made the parent has not sent it: the process may have ended before it did, or its queue \
                 was full."
            }
        }
    }
}

impl Gap {
    pub fn label(&self) -> String {
        format!("parent {} is missing: {}", self.parent, self.cause.words())
    }
}

impl Group {
    /// How long the shortest, the middle, the slower ones and the longest took.
    pub fn quantiles(&self) -> [Nanos; 4] {
        [self.shortest, self.p50, self.p95, self.longest]
    }
}

#[cfg(test)]
mod tests;
