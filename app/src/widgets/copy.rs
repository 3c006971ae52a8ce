//! A button that copies a text and says so.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::icon::Icon;
use crate::browser::{clipboard, fetched};

/// How long the tick stays.
const SAID_FOR: Duration = Duration::from_millis(1_400);

#[component]
pub fn CopyButton(
    /// What is copied, for the button's name: "trace id".
    what: &'static str,
    #[prop(into)] text: Signal<String>,
    /// Words beside the icon.
    #[prop(optional)]
    label: &'static str,
) -> impl IntoView {
    let is_done = RwSignal::new(false);
    let copy = move |event: leptos::ev::MouseEvent| {
        event.stop_propagation();
        let text = text.get_untracked();
        spawn_local(async move {
            is_done.set(clipboard::copy(&text).await);
            set_timeout(move || is_done.try_set(false).map_or((), |_| ()), SAID_FOR);
        });
    };
    let name = move || if is_done.get() { format!("Copied {what}") } else { format!("Copy {what}") };
    view! {
        <button type="button" class="Copy" class:is-done=move || is_done.get() title=name aria-label=name on:click=copy>
            {move || if is_done.get() { Icon::Check.show() } else { Icon::Copy.show() }}
            {(!label.is_empty()).then_some(label)}
        </button>
    }
}

/// Copies what an address of the server answers.
#[component]
pub fn CopyFrom(what: &'static str, url: String) -> impl IntoView {
    let said = RwSignal::new("Copy");
    let copy = move |_| {
        let url = url.clone();
        said.set("Fetching");
        spawn_local(async move {
            let is_copied = match fetched::text(&url).await {
                Some(text) => clipboard::copy(&text).await,
                None => false,
            };
            // The panel may have gone meanwhile.
            if said.try_set(if is_copied { "Copied" } else { "Could not copy" }).is_none() {
                set_timeout(move || said.try_set("Copy").map_or((), |_| ()), SAID_FOR);
            }
        });
    };
    view! {
        <button type="button" class="Detail-go" on:click=copy>
            <span aria-live="polite">{move || said.get()}</span>" "{what}
        </button>
    }
}
