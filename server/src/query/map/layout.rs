//! A place for every node: callers to the left of whom they call, with few crossings. Pure, and the same for the same
//! graph, so that a map stays put while its figures change.
//!
//! ```text
//!   column 0    1            2
//!   web ──────▶ checkout ──▶ cart ──▶ …      a circle is cut at the call that closes it; that arrow points back
//!          └──▶ search
//! ```
//! A map that would be much wider or taller than a screen is folded: neighbouring columns become one, and a tall column
//! several.

use model::view::{columns_of_map, rows_of_map, set_out};

/// A call between two nodes, by number.
#[derive(Clone, Copy, Debug)]
pub struct Arrow {
    pub from: usize,
    pub to: usize,
    pub weight: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Place {
    pub column: u32,
    pub row: f32,
}

/// Back and forth over the columns: more does not untangle further.
const SWEEPS: usize = 8;

pub fn place(count: usize, arrows: &[Arrow]) -> Vec<Place> {
    let forward = without_circles(count, arrows);
    let columns = fewer(columns(count, &forward), columns_of_map(count));
    let (mut callers, mut callees) = (vec![Vec::new(); count], vec![Vec::new(); count]);
    for arrow in &forward {
        callers[arrow.to].push(arrow.from);
        callees[arrow.from].push(arrow.to);
    }
    let width = columns.iter().max().map_or(0, |last| *last as usize + 1);
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); width];
    for (node, column) in columns.iter().enumerate() {
        members[*column as usize].push(node);
    }
    let mut rows = vec![0.0f64; count];
    members.iter().for_each(|column| spread(column, &mut rows));
    for sweep in 0..SWEEPS {
        let is_forth = sweep % 2 == 0;
        let beside = if is_forth { &callers } else { &callees };
        for at in 0..width {
            let column = &mut members[if is_forth { at } else { width - 1 - at }];
            let wished: Vec<f64> =
                column.iter().map(|node| mean(&beside[*node], &rows).unwrap_or(rows[*node])).collect();
            settle(column, &wished, &mut rows);
        }
    }
    if members.iter().any(|column| column.len() > rows_of_map(count)) {
        return folded(&members, count);
    }
    let top = rows.iter().copied().fold(f64::INFINITY, f64::min);
    let placed = |(column, row): (u32, f64)| Place { column, row: (row - top) as f32 };
    columns.into_iter().zip(rows).map(placed).collect()
}

#[derive(Clone, Copy, PartialEq)]
enum Visit {
    Unseen,
    Open,
    Done,
}

/// The arrows but for those that close a circle, the busiest calls followed first.
fn without_circles(count: usize, arrows: &[Arrow]) -> Vec<Arrow> {
    let mut out: Vec<Vec<Arrow>> = vec![Vec::new(); count];
    let mut called = vec![0usize; count];
    for arrow in arrows.iter().filter(|arrow| arrow.from != arrow.to) {
        out[arrow.from].push(*arrow);
        called[arrow.to] += 1;
    }
    for list in &mut out {
        list.sort_by_key(|arrow| (std::cmp::Reverse(arrow.weight), arrow.to));
    }
    // Whom nobody calls comes first; then whoever calls more than it is called by.
    let mut starts: Vec<usize> = (0..count).collect();
    starts.sort_by_key(|node| (called[*node] > 0, called[*node] > out[*node].len(), *node));
    let mut visits = vec![Visit::Unseen; count];
    let mut kept = Vec::with_capacity(arrows.len());
    for start in starts {
        let mut stack = vec![(start, 0usize)];
        while let Some((node, next)) = stack.pop() {
            if next == 0 && visits[node] != Visit::Unseen {
                continue;
            }
            visits[node] = Visit::Open;
            match out[node].get(next) {
                None => visits[node] = Visit::Done,
                Some(arrow) => {
                    stack.push((node, next + 1));
                    if visits[arrow.to] != Visit::Open {
                        kept.push(*arrow);
                        stack.push((arrow.to, 0));
                    }
                }
            }
        }
    }
    kept
}

/// One further right than the rightmost caller; whom nobody calls stands right before whom it calls.
fn columns(count: usize, arrows: &[Arrow]) -> Vec<u32> {
    let (mut waiting, mut out) = (vec![0usize; count], vec![Vec::new(); count]);
    for arrow in arrows {
        waiting[arrow.to] += 1;
        out[arrow.from].push(arrow.to);
    }
    let mut columns = vec![0u32; count];
    let is_first: Vec<bool> = waiting.iter().map(|callers| *callers == 0).collect();
    let mut ready: Vec<usize> = (0..count).filter(|node| is_first[*node]).collect();
    while let Some(node) = ready.pop() {
        for to in &out[node] {
            columns[*to] = columns[*to].max(columns[node] + 1);
            waiting[*to] -= 1;
            if waiting[*to] == 0 {
                ready.push(*to);
            }
        }
    }
    for node in (0..count).filter(|node| is_first[*node]) {
        columns[node] = out[node].iter().map(|to| columns[*to] - 1).min().unwrap_or_default();
    }
    columns
}

/// Neighbouring columns put together until there are no more than that.
fn fewer(columns: Vec<u32>, most: usize) -> Vec<u32> {
    let width = columns.iter().max().map_or(0, |last| *last as usize + 1);
    let squeezed = |column: u32| (column as usize * most / width) as u32;
    if width > most { columns.into_iter().map(squeezed).collect() } else { columns }
}

fn folded(members: &[Vec<usize>], count: usize) -> Vec<Place> {
    let layers: Vec<Vec<u32>> =
        members.iter().map(|column| column.iter().map(|node| *node as u32).collect()).collect();
    let mut places = vec![Place::default(); count];
    for (node, column, row) in set_out(&layers) {
        places[node as usize] = Place { column, row };
    }
    places
}

fn spread(column: &[usize], rows: &mut [f64]) {
    let top = -(column.len() as f64) / 2.0;
    column.iter().enumerate().for_each(|(at, node)| rows[*node] = top + at as f64);
}

fn mean(nodes: &[usize], rows: &[f64]) -> Option<f64> {
    let sum: f64 = nodes.iter().map(|node| rows[*node]).sum();
    (!nodes.is_empty()).then(|| sum / nodes.len() as f64)
}

/// Puts a column in the order wished for, each as near to its wish as the others leave room.
fn settle(column: &mut Vec<usize>, wished: &[f64], rows: &mut [f64]) {
    let mut order: Vec<usize> = (0..column.len()).collect();
    order.sort_by(|a, b| {
        wished[*a].total_cmp(&wished[*b]).then(rows[column[*a]].total_cmp(&rows[column[*b]]))
    });
    let (mut free, mut pushed) = (f64::NEG_INFINITY, 0.0);
    for at in &order {
        let row = wished[*at].max(free);
        pushed += row - wished[*at];
        rows[column[*at]] = row;
        free = row + 1.0;
    }
    // All were pushed downwards only: the column as a whole goes back by as much.
    let back = pushed / column.len().max(1) as f64;
    column.iter().for_each(|node| rows[*node] -= back);
    *column = order.into_iter().map(|at| column[at]).collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrows(pairs: &[(usize, usize)]) -> Vec<Arrow> {
        pairs.iter().map(|(from, to)| Arrow { from: *from, to: *to, weight: 1 }).collect()
    }

    fn columns_of(count: usize, pairs: &[(usize, usize)]) -> Vec<u32> {
        place(count, &arrows(pairs)).iter().map(|place| place.column).collect()
    }

    #[test]
    fn callers_stand_to_the_left() {
        assert_eq!(columns_of(4, &[(0, 1), (1, 2), (0, 2), (3, 2)]), [0, 1, 2, 1]);
        assert_eq!(columns_of(2, &[]), [0, 0]);
    }

    #[test]
    fn circles_and_calls_to_oneself_end() {
        assert_eq!(columns_of(3, &[(0, 1), (1, 2), (2, 1), (1, 1)]), [0, 1, 2]);
        let all: Vec<(usize, usize)> = (0..5).flat_map(|a| (0..5).map(move |b| (a, b))).collect();
        assert_eq!(columns_of(5, &all).iter().max(), Some(&4));
    }

    #[test]
    fn nobody_stands_on_another_and_nothing_moves_twice() {
        let mut pairs = Vec::new();
        for node in 1..400usize {
            pairs.push((node * 7 % node.div_ceil(2).max(1), node));
            pairs.push((node * 13 % node.div_ceil(3).max(1), node));
        }
        let first = place(400, &arrows(&pairs));
        assert_eq!(first, place(400, &arrows(&pairs)));
        for (a, one) in first.iter().enumerate() {
            for other in &first[..a] {
                let apart = (one.row - other.row).abs() > 0.99;
                assert!(one.column != other.column || apart, "{one:?} {other:?}");
            }
        }
        for (from, to) in pairs {
            assert!(first[from].column < first[to].column);
        }
    }

    #[test]
    fn a_map_far_from_the_shape_of_a_screen_is_folded() {
        let extent = |places: &[Place]| {
            let rows = places.iter().map(|place| place.row).fold(0.0, f32::max);
            (places.iter().map(|place| place.column).max().unwrap() + 1, rows as u32 + 1)
        };
        let chain: Vec<(usize, usize)> = (1..40).map(|node| (node - 1, node)).collect();
        assert_eq!(extent(&place(40, &arrows(&chain))).0, 12);
        // One calls all others.
        let star: Vec<(usize, usize)> = (1..600).map(|node| (0, node)).collect();
        let places = place(600, &arrows(&star));
        let (columns, rows) = extent(&places);
        assert!(columns <= 20 && rows <= 40, "{columns} × {rows}");
        let mut seen: Vec<(u32, u32)> =
            places.iter().map(|place| (place.column, (place.row * 2.0) as u32)).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 600);
    }

    #[test]
    fn chains_side_by_side_do_not_cross() {
        // 0 → 4 → 2 and 1 → 3 → 5: by name they would cross twice.
        let places = place(6, &arrows(&[(0, 4), (4, 2), (1, 3), (3, 5)]));
        let above = |a: usize, b: usize| places[a].row < places[b].row;
        assert_eq!(above(0, 1), above(4, 3));
        assert_eq!(above(4, 3), above(2, 5));
    }
}
