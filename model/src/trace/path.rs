//! The call path of a span: services and operations from the root down to it, as a number that is the same in every
//! trace and on every machine.

use super::{NO_ROW, Trace, Tree};
use crate::order::{falling, sort_by};

/// Many calls of one kind under one parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeat {
    pub parent: u32,
    /// The earliest of them.
    pub first: u32,
    pub count: u32,
    pub errors: u32,
    /// Those that began only when all before them had ended.
    pub in_turn: u32,
    /// Sum of their durations, in nanoseconds.
    pub duration: u64,
}

/// By row. Numbers of different paths differ, but for one chance in many billions.
pub fn path_hashes(trace: &Trace, tree: &Tree) -> Vec<u64> {
    let names: Vec<u64> = trace.strings.iter().map(|text| hash_text(text)).collect();
    path_hashes_of(trace, tree, &names)
}

/// The same, of a trace whose names have been hashed already.
pub fn path_hashes_of(trace: &Trace, tree: &Tree, names: &[u64]) -> Vec<u64> {
    let mut hashes = vec![0; trace.len()];
    for row in &tree.order {
        let row = *row as usize;
        let above = match tree.parent[row] {
            NO_ROW => 0,
            above => hashes[above as usize],
        };
        let service = mixed(above, names[trace.service[row] as usize]);
        hashes[row] = mixed(service, names[trace.operation[row] as usize]);
    }
    hashes
}

/// The shape of a trace: the set of its paths, whatever their order and number.
pub fn shape_hash(hashes: &[u64]) -> u64 {
    let mut paths = hashes.to_vec();
    paths.sort_unstable();
    paths.dedup();
    paths.into_iter().fold(0, mixed)
}

/// Groups of at least `least` siblings with the same service, operation and kind; the largest first.
pub fn repeats(trace: &Trace, tree: &Tree, least: u32) -> Vec<Repeat> {
    let mut found = Vec::new();
    let mut siblings: Vec<u32> = Vec::new();
    let kin = |row: u32| {
        let row = row as usize;
        (u64::from(trace.service[row]) << 32 | u64::from(trace.operation[row]), trace.kind[row] as u64)
    };
    for parent in (0..trace.len() as u32).filter(|row| tree.child_count[*row as usize] >= least.max(1)) {
        siblings.clear();
        siblings.extend(tree.children(parent));
        sort_by(&mut siblings, |row| kin(*row));
        for group in siblings.chunk_by(|a, b| kin(*a) == kin(*b)).filter(|g| g.len() as u32 >= least) {
            found.push(repeat_of(trace, parent, group));
        }
    }
    sort_by(&mut found, |repeat| (falling(repeat.count.into()), repeat.first.into()));
    found
}

fn repeat_of(trace: &Trace, parent: u32, group: &[u32]) -> Repeat {
    let mut repeat = Repeat { parent, first: group[0], count: 0, errors: 0, in_turn: 0, duration: 0 };
    let mut reached = 0;
    for row in group.iter().map(|row| *row as usize) {
        repeat.count += 1;
        repeat.errors += u32::from(trace.is_error(row));
        repeat.in_turn += u32::from(trace.offset[row] >= reached);
        repeat.duration = repeat.duration.saturating_add(trace.length[row]);
        reached = reached.max(trace.offset[row].saturating_add(trace.length[row]));
    }
    repeat
}

/// FNV-1a: simple, and fixed for ever.
pub fn hash_text(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Order matters: `mixed(a, b)` is not `mixed(b, a)`.
pub fn mixed(above: u64, below: u64) -> u64 {
    let mut x = above.rotate_left(23).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ below;
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::super::drawn::trace;
    use super::*;

    fn hashes(drawing: &str) -> Vec<u64> {
        let trace = trace(drawing);
        path_hashes(&trace, &Tree::new(&trace))
    }

    #[test]
    fn a_path_is_the_same_in_every_trace_and_version() {
        let once = hashes("shop GET 0..100\n  cart get 10..20\n  cart get 30..40");
        let again = hashes("shop GET 5..900\n  cart get 10..20 error\n  db query 30..40");
        assert_eq!(once[..2], again[..2]);
        assert_eq!(once[1], once[2]);
        // Stored figures depend on it: this is the published test vector.
        assert_eq!(hash_text("a"), 0xaf63_dc4c_8601_ec8c);
    }

    #[test]
    fn where_a_call_is_made_matters_and_names_do_not_run_together() {
        let nested = hashes("a b 0..100\n  c d 10..90\n    e f 20..30");
        let flat = hashes("a b 0..100\n  c d 10..90\n  e f 20..30");
        assert_ne!(nested[2], flat[2]);
        assert_ne!(hashes("ab c 0..1"), hashes("a bc 0..1"));
    }

    #[test]
    fn the_shape_forgets_order_and_number() {
        let shape = |drawing| shape_hash(&hashes(drawing));
        let one = shape("a b 0..100\n  c d 10..20\n  e f 30..40");
        assert_eq!(one, shape("a b 0..100\n  e f 10..20\n  c d 30..40\n  c d 50..60"));
        assert_ne!(one, shape("a b 0..100\n  c d 10..20"));
    }

    #[test]
    fn repeated_siblings_are_found_with_how_they_ran() {
        let trace = trace(
            "shop GET 0..100
               db query 10..20
               db query 20..30 error
               db query 25..40
               db other 50..60",
        );
        let found = repeats(&trace, &Tree::new(&trace), 3);
        let expected = Repeat { parent: 0, first: 1, count: 3, errors: 1, in_turn: 2, duration: 35_000_000 };
        assert_eq!(found, [expected]);
    }
}
