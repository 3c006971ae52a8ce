//! Which entries are listed, where their bars and flame cells lie, and what their difference is called. Pure.
//!
//! ```text
//!   row    | ▾ operation service | ▲ slower | 1 → 3 | 30 ms | 90 ms | +60 ms |   ▃▃▃         first, above
//!                                                                            |      ▃▃▃▃▃▃▃  second, below
//!   flame  |shop GET==================================|     a cell is as wide as the time both traces waited for it
//!          |cart get============|mail=|                     and for what it called: callees fit under their caller
//! ```

use model::trace::NO_ROW;
use model::trace::diff::{Change, Diff, Entry, Side};

use crate::chart::Window;
use crate::views::waterfall::rows::Folded;

/// What a row says of a change: a sign, a word, and a class for its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    pub sign: &'static str,
    pub word: &'static str,
}

pub fn mark(entry: &Entry) -> Mark {
    let (sign, word) = match entry.change() {
        _ if entry.error_appeared() => ("⚠", "error"),
        Change::Added => ("+", "added"),
        Change::Removed => ("−", "missing"),
        Change::Slower => ("▲", "slower"),
        Change::Faster => ("▼", "faster"),
        Change::Same if entry.b.calls > entry.a.calls => ("×", "more calls"),
        Change::Same if entry.b.calls < entry.a.calls => ("×", "fewer calls"),
        Change::Same => ("", ""),
    };
    Mark { sign, word }
}

/// How often it is called: once for both, or before and after.
pub fn calls(entry: &Entry) -> String {
    let (a, b) = (entry.a.calls, entry.b.calls);
    if a == b { a.to_string() } else { format!("{a} → {b}") }
}

pub fn delta(after: u64, before: u64) -> i64 {
    (i128::from(after) - i128::from(before)).clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

/// Where the time axis of both ends.
pub fn total_ns(diff: &Diff) -> u64 {
    let ends = diff.entries.iter().map(|entry| entry.a.end.max(entry.b.end));
    ends.max().unwrap_or_default().max(1)
}

/// A bar's left edge and width in per cent of the axis; none where it lies outside of the window.
pub fn bar(side: &Side, window: Window) -> Option<(f64, f64)> {
    let share = |ns: u64| (ns as f64 - window.from_ns) * 100.0 / window.length_ns();
    let (from, to) = (share(side.start), share(side.end));
    let is_shown = side.calls > 0 && from <= 100.0 && to >= 0.0;
    is_shown.then(|| (from.max(0.0), to.min(100.0) - from.max(0.0)))
}

/// Where the bars of both sides begin, and how much time they take in together.
pub fn extent(entry: &Entry) -> Option<(u64, u64)> {
    let sides = [&entry.a, &entry.b].into_iter().filter(|side| side.calls > 0);
    let from = sides.clone().map(|side| side.start).min()?;
    Some((from, sides.map(|side| side.end).max()?.saturating_sub(from)))
}

/// By entry: how many follow that are below it.
pub fn sizes(diff: &Diff) -> Vec<u32> {
    let mut sizes = vec![0u32; diff.entries.len()];
    for at in (0..sizes.len()).rev() {
        let above = diff.entries[at].parent;
        if above != NO_ROW {
            sizes[above as usize] += sizes[at] + 1;
        }
    }
    sizes
}

/// Entries from top to bottom, less what is folded away; on wish only what differs, and the way to it.
pub fn listed(diff: &Diff, sizes: &[u32], folded: &Folded, is_changes: bool) -> Vec<u32> {
    let mut is_kept = vec![!is_changes; sizes.len()];
    for at in (0..sizes.len()).rev().filter(|_| is_changes) {
        let entry = &diff.entries[at];
        is_kept[at] |= !mark(entry).word.is_empty();
        if is_kept[at] && entry.parent != NO_ROW {
            is_kept[entry.parent as usize] = true;
        }
    }
    let mut rows = Vec::with_capacity(sizes.len());
    let mut at = 0;
    while at < sizes.len() {
        if is_kept[at] {
            rows.push(at as u32);
        }
        let is_skipped = !is_kept[at] || folded.is_folded(at as u32);
        at += if is_skipped { sizes[at] as usize + 1 } else { 1 };
    }
    rows
}

/// Callers from the entry's own up.
pub fn above(diff: &Diff, at: u32) -> Vec<u32> {
    let up = |at: u32| diff.entries.get(at as usize).map(|entry| entry.parent).filter(|p| *p != NO_ROW);
    std::iter::successors(up(at), |at| up(*at)).collect()
}

/// The entry from which to go on through those that matter, the largest first; round the end to the other end.
pub fn step(contributions: &[(u32, i64)], from: Option<u32>, is_forward: bool) -> Option<u32> {
    let last = contributions.len().checked_sub(1)?;
    let at = from.and_then(|from| contributions.iter().position(|(entry, _)| *entry == from));
    let next = match (at, is_forward) {
        (None, true) => 0,
        (None, false) => last,
        (Some(at), true) => {
            if at == last {
                0
            } else {
                at + 1
            }
        }
        (Some(at), false) => at.checked_sub(1).unwrap_or(last),
    };
    Some(contributions[next].0)
}

/// A cell of the flame, in shares of the whole width.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    pub entry: u32,
    pub depth: u32,
    pub left: f64,
    pub width: f64,
    /// How much longer the second waited for it and what it called.
    pub delta: i64,
    /// The same as a share of what both waited, from -1 to 1.
    pub tilt: f64,
}

/// Cells worth a look, callers before what they call.
pub fn flame(diff: &Diff) -> Vec<Cell> {
    const LEAST: f64 = 0.001;
    let mut sums: Vec<(u64, u64)> = diff.entries.iter().map(|e| (e.a.critical, e.b.critical)).collect();
    for at in (0..sums.len()).rev() {
        let above = diff.entries[at].parent as usize;
        let (a, b) = sums[at];
        if let Some(sum) = sums.get_mut(above) {
            (sum.0, sum.1) = (sum.0.saturating_add(a), sum.1.saturating_add(b));
        }
    }
    let both = |(a, b): (u64, u64)| a as f64 + b as f64;
    let tops = (0..sums.len()).filter(|at| diff.entries[*at].parent == NO_ROW);
    let whole: f64 = tops.map(|at| both(sums[at])).sum::<f64>().max(1.0);
    // Where the next callee of an entry goes; one more for those without a caller.
    let mut next = vec![0.0; sums.len() + 1];
    let mut cells = Vec::new();
    for (at, entry) in diff.entries.iter().enumerate() {
        let width = both(sums[at]) / whole;
        let place = (entry.parent as usize).min(sums.len());
        let left = next[place];
        next[place] += width;
        next[at] = left;
        if width >= LEAST {
            let (a, b) = sums[at];
            let delta = delta(b, a);
            let tilt = delta as f64 / both(sums[at]).max(1.0);
            cells.push(Cell { entry: at as u32, depth: entry.depth, left, width, delta, tilt });
        }
    }
    cells
}

#[cfg(test)]
mod tests;
