//! The keyboard, listed: what `?` opens.

use leptos::html;
use leptos::prelude::*;

use crate::widgets::icon::Icon;

type Keys = &'static [(&'static str, &'static str)];

const EVERYWHERE: Keys = &[
    ("?", "this list"),
    ("g", "paste or type a trace id"),
    ("ctrl v", "paste a trace id anywhere: opens it"),
    ("t", "theme: light, dark, system"),
    ("u", "times in UTC or local"),
];

const SEARCH: Keys = &[
    ("/", "query box"),
    ("l", "follow new traces"),
    ("j k  ↓ ↑", "next, previous trace"),
    ("Enter", "open the trace"),
    ("r", "look again for newer traces"),
    ("x", "tick the trace for a comparison"),
    ("c", "compare the two that are ticked"),
];

const MAP: Keys = &[
    ("j k  ↓ ↑", "next, previous node"),
    ("Enter", "only what is around it, one call further each time"),
    ("Esc", "everything again"),
    ("m", "map or table"),
    ("n", "services or namespaces"),
    ("[ ]", "earlier, later"),
    ("+ - 0  w a s d", "zoom, move, all of it"),
    ("/", "find a node"),
];

const TRACE_ROWS: Keys = &[
    ("j k  ↓ ↑", "next, previous row"),
    ("→ ←", "unfold or go in, fold or go out"),
    ("Shift → ←", "unfold, fold everything below"),
    ("] [", "unfold, fold all"),
    ("Home End", "first, last row"),
    ("Enter", "open the span"),
    ("Esc", "close the span"),
    ("e E", "next, previous error"),
    (". ,", "next, previous event of a span"),
    ("/", "find in this trace"),
    ("n N", "next, previous find"),
    ("f", "list only what was found, or everything"),
    ("o", "only this span and what is below it, or everything"),
    ("x X", "next, previous span on the critical path"),
    ("1 2 3 4 5", "waterfall, flame chart, table, log, call graph"),
];

const TRACE_TIME: Keys = &[
    ("w s", "zoom in, out"),
    ("a d", "earlier, later"),
    ("z", "zoom to the span"),
    ("0", "whole trace"),
    ("ctrl wheel", "zoom where the pointer is"),
    ("c", "critical path on, off"),
    ("i", "fold idle stretches, or not"),
    ("v", "clocks as sent, or set right"),
    ("J", "its journey: the traces that links join to it"),
    ("y", "copy a link to this view"),
    ("r", "load the trace again"),
];

const JOURNEY: Keys = &[
    ("j k  ↓ ↑", "next, previous line"),
    ("→ ←", "show, hide a trace's spans"),
    ("Enter", "open the trace, or the span in it"),
    ("i", "fold pauses, or not"),
    ("w s a d 0", "zoom, move, all of it"),
];

const DIFF: Keys = &[
    ("j k  ↓ ↑", "next, previous row"),
    ("→ ←", "unfold or go in, fold or go out"),
    ("n N", "next, previous part of the difference"),
    ("f", "list only what differs"),
    ("w s  a d", "zoom in, out; earlier, later"),
    ("z 0", "zoom to the row, all of the time"),
    ("x", "turn round: exchange first and second"),
    ("1 2", "rows, flame"),
];

#[component]
pub fn HelpDialog(is_open: RwSignal<bool>) -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
    Effect::new(move |_| {
        let (is_open, Some(dialog)) = (is_open.get(), dialog.get()) else {
            return;
        };
        match (is_open, dialog.open()) {
            (true, false) => drop(dialog.show_modal()),
            (false, true) => dialog.close(),
            _ => {}
        }
    });
    view! {
        <dialog
            class="Dialog Help"
            node_ref=dialog
            aria-labelledby="help-title"
            on:close=move |_| is_open.set(false)
            on:click=move |event| {
                // Only a click on the backdrop reaches the dialog itself.
                if event.target() == event.current_target() {
                    is_open.set(false);
                }
            }
        >
            <div class="Dialog-body">
                <header class="Dialog-head">
                    <h2 class="Dialog-title" id="help-title">"Keyboard"</h2>
                    <button type="button" class="Button is-icon" aria-label="Close" on:click=move |_| is_open.set(false)>
                        {Icon::Close.show()}
                    </button>
                </header>
                <div class="Help-columns">
                    <Group title="Everywhere" keys=EVERYWHERE />
                    <Group title="Search" keys=SEARCH />
                    <Group title="Map" keys=MAP />
                    <Group title="Trace: rows" keys=TRACE_ROWS />
                    <Group title="Trace: time" keys=TRACE_TIME />
                    <Group title="Comparison" keys=DIFF />
                    <Group title="Journey" keys=JOURNEY />
                </div>
            </div>
        </dialog>
    }
}

#[component]
fn Group(title: &'static str, keys: Keys) -> impl IntoView {
    let lines = keys.iter().map(|(key, what)| {
        let keys = key.split_whitespace().map(|key| view! { <kbd>{key}</kbd> }).collect_view();
        view! {
            <div class="Help-line">
                <dt>{keys}</dt>
                <dd>{*what}</dd>
            </div>
        }
    });
    view! {
        <section class="Help-group">
            <h3>{title}</h3>
            <dl>{lines.collect_view()}</dl>
        </section>
    }
}
