//! Sorting by numbers, in one copy.
//!
//! A sort is thousands of bytes of code for every type and order it is asked for, and the browser downloads each of
//! them. What can be ordered by two numbers is ordered here.

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

/// The key that turns an order round.
pub fn falling(key: u64) -> u64 {
    u64::MAX - key
}

type Keyed = ((u64, u64), u32);

#[inline(never)]
fn sort(keyed: &mut [Keyed]) {
    keyed.sort_unstable();
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
    fn nothing_and_one() {
        let mut items = vec![7];
        sort_by(&mut items, |_| (0, 0));
        assert_eq!(items, [7]);
    }
}
