//! The trace page's keys. `help` lists them.

use leptos::ev::{self, KeyboardEvent};
use leptos::prelude::*;

use crate::browser::{self, keys};
use crate::url::Shape;
use crate::views::stage::Stage;

const ZOOM_IN: f64 = 0.6;
const PAN: f64 = 0.2;
const PAGE_ROWS: isize = 25;

/// What keys do beyond the stage.
#[derive(Clone, Copy)]
pub struct Actions {
    pub reload: Callback<()>,
    pub copy_link: Callback<()>,
    /// Goes to the traces that links join to this one.
    pub journey: Callback<()>,
}

pub fn listen(stage: Stage, actions: Actions) {
    let handle = window_event_listener(ev::keydown, move |event| {
        if is_find(&event) {
            event.prevent_default();
            browser::focus("#find");
            return;
        }
        let Some(key) = keys::page_key(&event) else {
            return;
        };
        if pressed(&key, stage, actions) {
            event.prevent_default();
        }
    });
    on_cleanup(move || handle.remove());
}

/// Ctrl-F means this trace: the browser's own search sees only the rows on screen.
fn is_find(event: &KeyboardEvent) -> bool {
    (event.ctrl_key() || event.meta_key()) && !event.shift_key() && event.key() == "f"
}

/// Says whether the key meant something here.
fn pressed(key: &str, stage: Stage, actions: Actions) -> bool {
    match key {
        "j" | "ArrowDown" => stage.step(1),
        "k" | "ArrowUp" => stage.step(-1),
        "PageDown" => stage.step(PAGE_ROWS),
        "PageUp" => stage.step(-PAGE_ROWS),
        "Home" => stage.step(isize::MIN),
        "End" => stage.step(isize::MAX),
        "ArrowRight" => stage.go_in(),
        "ArrowLeft" => stage.go_out(),
        "Shift+ArrowRight" => stage.fold_below_cursor(false),
        "Shift+ArrowLeft" => stage.fold_below_cursor(true),
        "]" => stage.fold_all(false),
        "[" => stage.fold_all(true),
        "Enter" => open(stage),
        "Escape" => stage.is_open.set(false),
        "e" => stage.step_error(true),
        "E" => stage.step_error(false),
        "." => stage.step_event(true),
        "," => stage.step_event(false),
        "n" => stage.step_hit(true),
        "N" => stage.step_hit(false),
        "/" => drop(browser::focus("#find")),
        _ => return pressed_for_time(key, stage, actions),
    }
    true
}

fn pressed_for_time(key: &str, stage: Stage, actions: Actions) -> bool {
    match key {
        "w" => stage.zoom(ZOOM_IN),
        "s" => stage.zoom(1.0 / ZOOM_IN),
        "a" => stage.pan(-PAN),
        "d" => stage.pan(PAN),
        "z" => stage.zoom_to_cursor(),
        "0" => stage.zoom_out(),
        "c" => stage.is_path_shown.update(|shown| *shown = !*shown),
        "x" => stage.step_path(true),
        "X" => stage.step_path(false),
        "f" => stage.filter(),
        "v" => stage.correct(),
        "o" => stage.toggle_top(),
        "i" => stage.fold_idle(!stage.is_idle_folded.get_untracked()),
        "1" => stage.shape.set(Shape::Waterfall),
        "2" => stage.shape.set(Shape::Flame),
        "3" => stage.shape.set(Shape::Table),
        "4" => stage.shape.set(Shape::Logs),
        "5" => stage.shape.set(Shape::Calls),
        "J" => actions.journey.run(()),
        "y" => actions.copy_link.run(()),
        "r" => actions.reload.run(()),
        _ => return false,
    }
    true
}

fn open(stage: Stage) {
    if stage.cursor.get_untracked().is_none() {
        stage.step(0);
    }
    stage.is_open.set(true);
}
