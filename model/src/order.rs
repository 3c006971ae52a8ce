//! Sorting by numbers, in one copy.
//!
//! A sort is thousands of bytes of code for every type and order it is asked for, and the browser downloads each of
//! them. What can be ordered by two numbers is ordered here.

use std::cmp::Ordering;

/// Sorts by what `key` says, lists of the same key staying in the order they have. What is in order already costs
/// a look at each item and no memory.
pub fn sort_by<T>(items: &mut Vec<T>, key: impl Fn(&T) -> (u64, u64)) {
    if items.is_sorted_by_key(&key) {
        return;
    }
    let mut keyed: Vec<Keyed> = (0..).zip(&*items).map(|(at, item)| (key(item), at)).collect();
    sort(&mut keyed);
    let mut taken: Vec<Option<T>> = items.drain(..).map(Some).collect();
    items.extend(keyed.into_iter().filter_map(|(_, at)| taken[at as usize].take()));
}

/// Sorts by a comparison, for what two numbers cannot say; slower.
pub fn sort_with<T>(items: &mut Vec<T>, compare: impl Fn(&T, &T) -> Ordering) {
    let mut order: Vec<u32> = (0..items.len() as u32).collect();
    arrange(&mut order, &|a, b| compare(&items[a as usize], &items[b as usize]));
    let mut taken: Vec<Option<T>> = items.drain(..).map(Some).collect();
    items.extend(order.into_iter().filter_map(|at| taken[at as usize].take()));
}

/// The key that turns an order round.
pub fn falling(key: u64) -> u64 {
    u64::MAX - key
}

type Keyed = ((u64, u64), u32);

#[inline(never)]
fn sort(keyed: &mut [Keyed]) {
    keyed.sort_unstable();
}

#[inline(never)]
fn arrange(order: &mut [u32], compare: &dyn Fn(u32, u32) -> Ordering) {
    order.sort_unstable_by(|a, b| compare(*a, *b).then(a.cmp(b)));
}

#[cfg(test)]
mod tests {
    //! Orders, and what is equal.
    use super::*;

    #[test]
    fn by_both_numbers_and_equal_ones_as_they_were() {
        let mut items = vec![("b", 2, 1), ("a", 1, 9), ("c", 1, 3), ("d", 2, 1)];
        sort_by(&mut items, |(_, a, b)| (*a, *b));
        assert_eq!(items.iter().map(|item| item.0).collect::<String>(), "cabd");
        sort_by(&mut items, |(_, a, _)| (falling(*a), 0));
        assert_eq!(items.iter().map(|item| item.0).collect::<String>(), "bdca");
    }

    #[test]
    fn by_a_comparison_and_equal_ones_as_they_were() {
        let mut items = vec![("b", 2), ("a", 1), ("b", 1), ("a", 0)];
        sort_with(&mut items, |a, b| a.0.cmp(b.0));
        assert_eq!(items, [("a", 1), ("a", 0), ("b", 2), ("b", 1)]);
    }

    #[test]
    fn nothing_and_one() {
        let mut items = vec![7];
        sort_by(&mut items, |_| (0, 0));
        assert_eq!(items, [7]);
    }
}
