//! What is compared, by how much they differ, and where that comes from: parts that add up.

use leptos::prelude::*;
use model::Timestamp;

use crate::browser::clock::{now, offset_minutes};
use crate::format::clock::{self, Zone};
use crate::format::delta;
use crate::url::DiffPair;
use crate::views::diff::state::Comparison;

#[component]
pub fn Head(comparison: Comparison, pair: DiffPair) -> impl IntoView {
    let zone = expect_context::<RwSignal<Zone>>();
    let compared = comparison.compared();
    let begun = move |at: Timestamp| {
        let offset = offset_minutes(zone.get(), at);
        format!("{} {}", clock::date(at, offset, now()), clock::time_millis(at, offset))
    };
    let side = move |is_first: bool| {
        let compared = comparison.compared();
        let whole = if is_first { compared.diff.a } else { compared.diff.b };
        compared.side(is_first, &begun(whole.start), pair)
    };
    // Another is chosen for a trace, not for what is typical.
    let is_trace = pair.a.is_some_and(|side| side.trace().is_some());
    let trace_first = if is_trace { pair } else { pair.turned_round() };
    view! {
        <header class="DiffHead">
            <h1 class="Hidden">"Comparison"</h1>
            <div class="DiffHead-sides">
                <section class="DiffHead-side" aria-label="First" inner_html=move || side(true)></section>
                <b class="DiffHead-delta" data-testid="diff-delta" title="By how much longer the second's root took">
                    {delta(compared.diff.delta())}
                </b>
                <section class="DiffHead-side" aria-label="Second" inner_html=move || side(false)></section>
                <span class="DiffHead-tools">
                    <Switches comparison=comparison />
                    <a class="Button is-small" href=pair.turned_round().url() title="First becomes second (x)">"Turn round"</a>
                    <a class="Button is-small" href=DiffPair { b: None, ..trace_first }.url()>"Other trace…"</a>
                </span>
            </div>
            <p class="DiffHead-parts" inner_html=compared.parts()></p>
        </header>
    }
}

#[component]
fn Switches(comparison: Comparison) -> impl IntoView {
    let Comparison { is_flame, is_changes, .. } = comparison;
    let button = |name: &'static str, title: &'static str, switch: RwSignal<bool>| {
        view! {
            <button
                type="button"
                class="Range-button"
                class:is-on=move || switch.get()
                title=title
                aria-pressed=move || switch.get().to_string()
                on:click=move |_| switch.update(|is_on| *is_on = !*is_on)
            >
                {name}
            </button>
        }
    };
    let is_zoomed = move || !comparison.window.get().is_whole(comparison.compared().total_ns);
    view! {
        <Show when=is_zoomed>
            <button
                type="button"
                class="Button is-small"
                data-testid="diff-whole"
                title="Show all of the time (0)"
                on:click=move |_| comparison.zoom_out()
            >
                "All of the time"
            </button>
        </Show>
        <span class="Range" role="group" aria-label="View">
            {button("Flame", "Where the time went (2), or rows with both bars (1)", is_flame)}
            {button("Only changes", "List only what differs (f)", is_changes)}
        </span>
    }
}
