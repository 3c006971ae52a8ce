//! Bucket edges, the promised 2 %, and merging.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn a_buckets_middle_is_within_two_percent(v in 1u64..u64::MAX / 2) {
        let middle = middle_of(bucket_of(Nanos(v))).0;
        let off = middle.abs_diff(v) as f64 / v as f64;
        prop_assert!(off <= 0.02, "{v} -> {middle}, {off}");
    }

    #[test]
    fn buckets_keep_order(a in any::<u64>(), b in any::<u64>()) {
        let (low, high) = (a.min(b), a.max(b));
        prop_assert!(bucket_of(Nanos(low)) <= bucket_of(Nanos(high)));
    }

    #[test]
    fn quantiles_are_within_two_percent_of_the_sorted_list(mut values in prop::collection::vec(1u64..10_000_000_000, 1..300)) {
        let mut hist = Histogram::default();
        values.iter().for_each(|v| hist.add(Nanos(*v)));
        values.sort_unstable();
        for q in [0.5, 0.95, 0.99] {
            let rank = ((values.len() as f64 * q).ceil() as usize).clamp(1, values.len());
            let exact = values[rank - 1] as f64;
            let got = hist.quantile(q).unwrap().0 as f64;
            prop_assert!((got - exact).abs() / exact <= 0.02, "q{q}: {got} for {exact}");
        }
    }
}

#[test]
fn merging_is_adding() {
    let (mut a, mut b, mut both) = (Histogram::default(), Histogram::default(), Histogram::default());
    for v in [5u64, 700, 80_000] {
        a.add(Nanos(v));
        both.add(Nanos(v));
    }
    for v in [5u64, 9_000_000] {
        b.add(Nanos(v));
        both.add(Nanos(v));
    }
    a.merge(&b);
    assert_eq!(a, both);
    assert_eq!(a.count(), 5);
}

#[test]
fn an_empty_histogram_has_no_quantile() {
    assert_eq!(Histogram::default().quantile(0.5), None);
}

#[test]
fn the_largest_duration_has_a_bucket() {
    assert!(bucket_of(Nanos(u64::MAX)) < 2048);
}

#[test]
fn coarse_buckets_begin_where_they_say() {
    for ns in [1, 7, 8, 31, 32, 100, 12_345, 1_000_000, 987_654_321, u64::MAX / 3] {
        let coarse = coarse_of(Nanos(ns));
        assert!(coarse_floor(coarse).0 <= ns && ns < coarse_floor(coarse + 1).0, "{ns}");
    }
}
