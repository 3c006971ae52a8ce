//! Drawn traces as the rows and cells they become.

use model::trace::drawn;

use super::*;

fn diff() -> Diff {
    Diff::new(
        &drawn::trace(
            "shop GET 0..100
               cart get 10..40
                 db query 20..30
               pay call 50..90",
        ),
        &drawn::trace(
            "shop GET 0..160
               cart get 10..40
                 db query 20..25
                 db query 25..30
               pay call 50..140 error
               mail send 145..155",
        ),
    )
}

fn names(diff: &Diff, rows: &[u32]) -> Vec<String> {
    rows.iter().map(|at| diff.text(diff.entries[*at as usize].service).to_owned()).collect()
}

fn listed_names(folded: &[u32], is_changes: bool) -> Vec<String> {
    let diff = diff();
    let sizes = sizes(&diff);
    let mut all = Folded::none(sizes.len());
    folded.iter().for_each(|at| all.set(*at, true));
    names(&diff, &listed(&diff, &sizes, &all, is_changes))
}

#[test]
fn rows_fold_and_what_is_the_same_can_be_left_out() {
    assert_eq!(listed_names(&[], false), ["shop", "cart", "db", "pay", "mail"]);
    assert_eq!(listed_names(&[1], false), ["shop", "cart", "pay", "mail"]);
    assert_eq!(listed_names(&[0], false), ["shop"]);
    // The cart itself is the same, but what it calls is not.
    assert_eq!(listed_names(&[], true), ["shop", "cart", "db", "pay", "mail"]);
    let same = Diff::new(&drawn::trace("a b 0..10"), &drawn::trace("a b 0..10"));
    assert_eq!(listed(&same, &sizes(&same), &Folded::none(1), true), [0; 0]);
}

#[test]
fn what_changed_has_a_word_and_its_calls() {
    let diff = diff();
    let said: Vec<(&str, String)> = diff.entries.iter().map(|e| (mark(e).word, calls(e))).collect();
    let expected = [("slower", "1"), ("", "1"), ("more calls", "1 → 2"), ("error", "1"), ("added", "0 → 1")];
    assert_eq!(said, expected.map(|(word, calls)| (word, calls.to_owned())));
}

#[test]
fn bars_share_an_axis() {
    let diff = diff();
    let total = total_ns(&diff);
    assert_eq!(total, 160_000_000);
    let whole = Window::whole(total);
    assert_eq!(bar(&diff.entries[3].a, whole), Some((31.25, 25.0)));
    assert_eq!(bar(&diff.entries[3].b, whole), Some((31.25, 56.25)));
    assert_eq!(bar(&diff.entries[4].a, whole), None);
    // Of a part, what lies in it.
    let part = Window { from_ns: 80e6, to_ns: 160e6 };
    assert_eq!(bar(&diff.entries[3].b, part), Some((0.0, 75.0)));
    assert_eq!(bar(&diff.entries[3].b, Window { from_ns: 150e6, to_ns: 160e6 }), None);
    assert_eq!(extent(&diff.entries[3]), Some((50_000_000, 90_000_000)));
}

#[test]
fn steps_go_through_what_matters_and_round() {
    let all = [(3, 50), (4, 10), (0, -5)];
    assert_eq!(step(&all, None, true), Some(3));
    assert_eq!(step(&all, Some(3), true), Some(4));
    assert_eq!(step(&all, Some(0), true), Some(3));
    assert_eq!(step(&all, Some(3), false), Some(0));
    assert_eq!(step(&[], None, true), None);
}

#[test]
fn callees_fit_under_their_callers() {
    let diff = diff();
    let cells = flame(&diff);
    assert_eq!((cells[0].left, cells[0].width, cells[0].delta), (0.0, 1.0, 60_000_000));
    for cell in &cells[1..] {
        let above = diff.entries[cell.entry as usize].parent;
        let caller = cells.iter().find(|c| c.entry == above).unwrap();
        assert!(cell.left >= caller.left - 1e-9, "{cell:?}");
        assert!(cell.left + cell.width <= caller.left + caller.width + 1e-9, "{cell:?} {caller:?}");
        assert!((-1.0..=1.0).contains(&cell.tilt));
    }
    let pay = cells.iter().find(|cell| cell.entry == 3).unwrap();
    assert_eq!(pay.delta, 50_000_000);
    assert_eq!(above(&diff, 2), [1, 0]);
}
