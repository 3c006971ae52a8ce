//! Keys that move the focus along a list: `j` and `k`, or the arrows.

use leptos::ev;
use leptos::prelude::*;

use crate::browser::{self, keys};

/// Along the links that a selector finds, for as long as the owner lives.
pub fn walk(links: &'static str) {
    let listener = window_event_listener(ev::keydown, move |event| {
        let step = match keys::page_key(&event).as_deref() {
            Some("j" | "ArrowDown") => 1,
            Some("k" | "ArrowUp") => -1,
            _ => return,
        };
        event.prevent_default();
        browser::focus_neighbour(links, step);
    });
    on_cleanup(move || listener.remove());
}
