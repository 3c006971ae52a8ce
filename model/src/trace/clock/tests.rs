//! Clocks that disagree.

use super::super::drawn::trace;
use super::super::hosts::{Ahead, HostClock};
use super::*;

const MILLI: i64 = 1_000_000;

/// Shifts in milliseconds, in the order of rows.
fn shifts(drawing: &str) -> Vec<i64> {
    let trace = trace(drawing);
    Clock::new(&trace, &Tree::new(&trace)).shift.iter().map(|shift| shift / MILLI).collect()
}

#[test]
fn what_fits_stays_where_it_is() {
    assert_eq!(
        shifts(
            "shop GET 0..100 client
               cart get 10..90 server
               mail later 95..300 consumer"
        ),
        [0, 0, 0]
    );
}

#[test]
fn an_answer_that_ends_after_its_call_is_moved_into_the_middle_of_it() {
    assert_eq!(
        shifts(
            "shop GET 0..100 client
               cart get 70..130 server"
        ),
        [0, -50]
    );
}

#[test]
fn what_begins_before_it_was_called_is_moved_and_all_of_its_service_with_it() {
    assert_eq!(
        shifts(
            "shop GET 100..200 client
               cart get 120..140 server id=9 parent=1
               cart get 20..80 server
                 cart inner 30..40"
        ),
        // Rows are in order of start: cart get, cart inner, shop GET, and the cart get that fits.
        [100, 100, 0, 0]
    );
}

#[test]
fn a_callee_longer_than_its_call_starts_with_it() {
    assert_eq!(
        shifts(
            "shop GET 100..200 client
               cart get 50..250 server"
        ),
        [50, 0]
    );
}

#[test]
fn an_answer_that_is_longer_than_its_call_but_started_later_was_given_up_on_and_stays() {
    assert_eq!(
        shifts(
            "shop GET 0..100 client
               cart get 10..300 server"
        ),
        [0, 0]
    );
}

#[test]
fn time_of_its_own_counts_overlapping_children_once() {
    let trace = trace(
        "shop GET 0..100
           cart a 10..40
           cart b 30..60
           cart c 90..150",
    );
    let tree = Tree::new(&trace);
    let own = Clock::new(&trace, &tree).self_times(&trace, &tree);
    assert_eq!(own.iter().map(|ns| *ns as i64 / MILLI).collect::<Vec<_>>(), [40, 30, 30, 60]);
}

#[test]
fn what_was_moved_is_as_sure_as_the_room_around_it_is_small() {
    let slacks = |drawing: &str| -> Vec<i64> {
        let trace = trace(drawing);
        let clock = Clock::new(&trace, &Tree::new(&trace));
        clock.slack.iter().map(|slack| *slack as i64 / MILLI).collect()
    };
    // Moved into the middle of its call, with what it did itself; its own call of another service is looser still.
    let moved = "shop GET 0..100 client
                   cart get 70..130 server
                     cart load 80..120 client
                       db query 130..150 server";
    assert_eq!(slacks(moved), [0, 20, 20, 30]);
    assert_eq!(slacks("shop GET 0..100 client\n  cart get 10..90 server"), [0, 0]);
    // Longer than its call: it starts with it, and there is no room to be wrong in.
    assert_eq!(slacks("shop GET 0..100 client\n  cart get 0..130 server"), [0, 0]);
}

#[test]
fn what_was_learned_of_hosts_comes_before_what_the_trace_says() {
    let trace = trace(
        "shop GET 0..100 client
           cart get 70..130 server
             mail send 60..65 server",
    );
    let tree = Tree::new(&trace);
    let ahead = |by: i64| Some(Ahead { by: by * MILLI, slack: 2, calls: 9 });
    let host = |ahead| HostClock { name: String::new(), ahead };
    let row = |name| (0..3).find(|row| trace.service_name(*row) == name).unwrap();
    let mut host_of = vec![0; 3];
    (host_of[row("cart")], host_of[row("mail")]) = (1, 2);
    let hosts = HostClocks { hosts: vec![host(ahead(0)), host(ahead(45)), host(None)], host_of };
    let clock = Clock::of_hosts(&trace, &tree, &hosts).unwrap();
    // The mail begins 60 and its caller, set right, 25: it stays. What was learned is as sure as it was learned.
    let shift = |name| clock.shift[row(name)] / MILLI;
    assert_eq!((shift("shop"), shift("cart"), shift("mail")), (0, -45, 0));
    assert_eq!(clock.slack[row("cart")], 2);
    assert_eq!(Clock::of_hosts(&trace, &tree, &HostClocks::default()), None);
}
