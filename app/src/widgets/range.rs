//! How far back a page looks, one of a few lengths.

use leptos::prelude::*;

use crate::url::services::LENGTHS;

#[component]
pub fn RangeButtons(chosen: Signal<u64>, choose: Callback<u64>) -> impl IntoView {
    let button = move |(_, secs, label): (&'static str, u64, &'static str)| {
        let is_on = move || chosen.get() == secs;
        view! {
            <button
                type="button"
                class="Range-button"
                class:is-on=is_on
                aria-pressed=move || is_on().to_string()
                on:click=move |_| choose.run(secs)
            >
                {label}
            </button>
        }
    };
    view! {
        <div class="Range" role="group" aria-label="How far back" data-testid="range">
            {LENGTHS.into_iter().map(button).collect_view()}
        </div>
    }
}
