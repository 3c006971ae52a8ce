//! Small worlds with a known cause.

use super::*;

const TRACES: usize = 400;

fn bits(of: impl Fn(usize) -> bool) -> Bits {
    let mut bits = Bits::none(TRACES);
    (0..TRACES).filter(|at| of(*at)).for_each(|at| bits.set(at));
    bits
}

/// The first hundred are inside; every second trace calls the one service.
fn ground() -> Ground {
    Ground {
        inside: bits(|at| at < 100),
        outside: bits(|at| at >= 100),
        services: vec![bits(|at| at < 90 || at.is_multiple_of(2))],
    }
}

fn thing(services: &[usize], of: impl Fn(usize) -> bool) -> Thing {
    Thing { traces: bits(of), services: services.to_vec(), rank: 1, ..Thing::default() }
}

#[test]
fn what_most_inside_have_and_few_outside_comes_first() {
    let things = [
        thing(&[], |at| at.is_multiple_of(3)),
        thing(&[], |at| !(80..=390).contains(&at)),
        thing(&[], |at| at < 30),
        thing(&[], |_| true),
    ];
    let (found, tried) = rank(&ground(), &things, 0, 10);
    let told: Vec<_> = found.iter().map(|one| (one.things.clone(), one.inside, one.outside)).collect();
    assert_eq!(told, [(vec![1], 80, 9), (vec![2], 30, 0)]);
    assert!(tried >= 4 && found.iter().all(|one| one.chance < 0.01));
}

#[test]
fn what_goes_with_a_service_says_so_and_comes_last() {
    let of_service = |at: usize| at < 90 || at.is_multiple_of(2);
    let things = [
        // All of the service's spans say it.
        thing(&[0], of_service),
        // Among those of the service too, most inside and few outside.
        thing(&[0], |at| at < 40),
    ];
    let (found, _) = rank(&ground(), &things, 0, 10);
    let told: Vec<_> = found.iter().map(|one| (one.things[0], one.goes_with)).collect();
    assert_eq!(told, [(1, None), (0, Some(0))]);
}

#[test]
fn two_that_tell_little_alone_are_a_pair() {
    let things = [
        thing(&[], |at| at < 100 || at.is_multiple_of(3)),
        thing(&[], |at| at < 100 || at % 3 == 1),
        thing(&[], |at| at == 399),
    ];
    let (found, _) = rank(&ground(), &things, 0, 10);
    assert_eq!((found[0].things.as_slice(), found[0].inside, found[0].outside), (&[0, 1][..], 100, 0));
}

#[test]
fn a_pair_has_to_tell_clearly_more_to_come_first() {
    let pair = [thing(&[], |at| at < 90 || at.is_multiple_of(3)), thing(&[], |at| at < 90 || at % 3 == 1)];
    let first = |inside: usize| {
        let things = [&pair[..], &[thing(&[], |at| (100 - inside..100).contains(&at))]].concat();
        rank(&ground(), &things, 0, 10).0[0].things.clone()
    };
    assert_eq!(first(78), [0, 1]);
    assert_eq!(first(82), [2], "one thing that tells nearly as much");
}

#[test]
fn a_pair_that_one_thing_tells_better_is_left_out() {
    let family = Some(7);
    let pair = [
        Thing { family, ..thing(&[], |at| at < 60 || at.is_multiple_of(3)) },
        thing(&[], |at| at < 60 || at % 3 == 1),
    ];
    let with = |single: Thing| -> Vec<Vec<usize>> {
        let (found, _) = rank(&ground(), &[&pair[..], &[single]].concat(), 0, 10);
        found.into_iter().map(|one| one.things).collect()
    };
    let told = with(thing(&[], |at| at < 100));
    assert!(!told.contains(&vec![0, 1]), "{told:?}");
    assert!(told.contains(&vec![0]), "a bound is not told by a pair that is not: {told:?}");
    assert!(with(thing(&[], |at| at < 50)).contains(&vec![0, 1]), "it leaves some of them");
    assert!(with(thing(&[], |at| at < 110)).contains(&vec![0, 1]), "more outside have it");
    // What is known of some traces only says nothing of the others.
    let known = Some(bits(|at| !(100..390).contains(&at)));
    assert!(with(Thing { known, ..thing(&[], |at| at < 100) }).contains(&vec![0, 1]));
}

#[test]
fn how_they_failed_comes_after_what_they_had_before() {
    let things = [
        Thing { is_symptom: true, ..thing(&[], |at| at < 100) },
        thing(&[], |at| at < 60),
        thing(&[0], |at| at < 90 || at.is_multiple_of(2)),
        // The very traces of a cause: told with it.
        Thing { is_symptom: true, ..thing(&[], |at| at < 60) },
        Thing { is_symptom: true, ..thing(&[], |at| (30..80).contains(&at)) },
    ];
    let (found, _) = rank(&ground(), &things, 0, 10);
    let told: Vec<_> = found.iter().map(|one| (&one.things[..], &one.alike[..])).collect();
    assert_eq!(told, [(&[1][..], &[3][..]), (&[0], &[]), (&[4], &[]), (&[2], &[])]);
    let (found, _) = rank(&ground(), &things, 0, 1);
    let told: Vec<_> = found.iter().map(|one| one.things[0]).collect();
    assert_eq!(told, [1, 0, 2], "one of each");
}

#[test]
fn the_same_is_told_once() {
    let things = [thing(&[], |at| at < 80), Thing { rank: 0, ..thing(&[], |at| at < 80) }];
    let (found, _) = rank(&ground(), &things, 0, 10);
    assert_eq!((found.len(), found[0].things.as_slice(), found[0].alike.as_slice()), (1, &[1][..], &[0][..]));
    assert_eq!(found[0].traces.first_in(&ground().inside, 2), [0, 1]);
}

#[test]
fn with_nobody_inside_there_is_nothing_to_explain() {
    let ground = Ground { inside: Bits::none(TRACES), outside: bits(|_| true), services: Vec::new() };
    assert_eq!(rank(&ground, &[thing(&[], |at| at < 9)], 0, 10), (Vec::new(), 0));
}

#[test]
fn of_the_bounds_of_a_number_the_most_telling_is_told() {
    let bound = |least: usize| Thing { family: Some(7), ..thing(&[], move |at| at < least) };
    let (found, tried) = rank(&ground(), &[bound(30), bound(90), bound(110), bound(300)], 0, 10);
    assert_eq!((found.len(), found[0].things.as_slice()), (1, &[2][..]), "{found:?}");
    assert!(found[0].alike.is_empty() && tried == 4);
}

/// Half of the traces could not be looked at: they are no evidence of its absence.
#[test]
fn what_is_known_of_some_is_judged_by_those_and_stands_alone() {
    let known = bits(|at| at.is_multiple_of(2));
    let slow = |at: usize| at.is_multiple_of(2) && at < 90;
    let things = [Thing { known: Some(known.clone()), ..thing(&[], slow) }, thing(&[], slow)];
    let (found, _) = rank(&ground(), &things, 0, 10);
    let told: Vec<_> = found.iter().map(|one| (one.things.clone(), one.inside, one.of)).collect();
    assert_eq!(told, [(vec![0], 45, (50, 150)), (vec![1], 45, (100, 300))]);
    // As many of both sides have it, however few of one are known.
    let known = bits(|at| at >= 80);
    let even = Thing { known: Some(known.clone()), ..thing(&[], move |at| at >= 80) };
    assert_eq!(rank(&ground(), &[even], 0, 10).0, []);
}
