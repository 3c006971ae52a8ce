//! Trees from traces drawn as text, the broken ones included.

use super::super::tests::trace_of;
use super::*;

/// The tree as indented span numbers.
fn check(drawing: &str, expected: &str) {
    let trace = trace_of(drawing);
    let tree = Tree::new(&trace);
    let lines: Vec<String> = tree
        .order
        .iter()
        .map(|row| {
            format!("{}{}", ". ".repeat(tree.depth[*row as usize] as usize), trace.span_id[*row as usize].0)
        })
        .collect();
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    assert_eq!(lines, expected);
}

#[test]
fn parents_come_before_children_and_siblings_by_start() {
    check(
        "1 - 0 100 a
         2 1 30 10 b
         3 1 10 10 b
         4 3 12 5 c",
        "1
         . 3
         . . 4
         . 2",
    );
}

#[test]
fn orphans_are_roots() {
    check("1 - 0 100 a\n 2 9 30 10 b\n 3 2 31 1 b", "1\n 2\n . 3");
}

#[test]
fn cycles_and_self_parents_are_shown() {
    check("1 2 0 10 a\n 2 1 5 10 a\n 3 2 6 1 a", "1\n . 2\n . . 3");
    check("5 5 0 10 a", "5");
}

#[test]
fn a_duplicate_id_is_shown_twice_and_children_go_to_the_first() {
    check("1 - 0 100 a\n 2 1 10 20 b\n 2 1 50 20 b\n 3 2 55 1 c", "1\n . 2\n . . 3\n . 2");
}

#[test]
fn sizes_errors_and_self_time_add_up() {
    let trace = trace_of(
        "1 - 0 100 a
         2 1 10 20 b
         3 1 20 30 b error
         4 1 90 50 c",
    );
    let tree = Tree::new(&trace);
    assert_eq!(tree.size, vec![4, 1, 1, 1]);
    assert_eq!(tree.errors, vec![1, 0, 1, 0]);
    // 10..50 and 90..100 are covered
    assert_eq!(tree.self_time[0], 50);
    assert_eq!(tree.child_count[0], 3);
}

#[test]
fn two_hundred_thousand_levels_do_not_overflow_the_stack() {
    let drawing: String = (1..200_000).map(|i| format!("{i} {} {i} 10 a\n", i - 1)).collect();
    let tree = Tree::new(&trace_of(&drawing));
    assert_eq!(tree.depth.iter().max(), Some(&199_998));
    assert_eq!(tree.size[0], 199_999);
}
