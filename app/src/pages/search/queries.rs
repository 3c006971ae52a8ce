//! Saved and recent queries behind a button, with a few to start from.

use leptos::ev::{FocusEvent, KeyboardEvent};
use leptos::prelude::*;

use super::Search;
use crate::browser::{self, keys};
use crate::state::queries::QueryBook;
use crate::widgets::icon::Icon;

/// What people ask first, and what it finds.
const STARTERS: [(&str, &str); 6] = [
    ("error duration>1s", "slow and failed"),
    ("status=partial", "something is missing"),
    ("kind=server http.response.status_code>=500", "answered with a server error"),
    ("spans>100", "large traces"),
    ("{ kind = server } >> { status = error }", "a failure below a server"),
    ("{ status = error } | count() > 3", "more than three failures"),
];

#[component]
pub fn Queries(search: Search, book: QueryBook) -> impl IntoView {
    let is_open = RwSignal::new(false);
    let leave = move |event: FocusEvent| {
        if keys::leaves(&event, ".Queries") {
            is_open.set(false);
        }
    };
    let escape = move |event: KeyboardEvent| {
        if event.key() == "Escape" && is_open.get_untracked() {
            is_open.set(false);
            browser::focus("#queries-button");
            event.stop_propagation();
        }
    };
    let current = move || search.view.with(|view| view.q.clone());
    let is_saved = move || book.is_saved(&current());
    view! {
        <div class="Queries" on:focusout=leave on:keydown=escape>
            <Show when=move || !current().is_empty()>
                <button
                    type="button"
                    class="Button is-icon is-small"
                    class:is-kept=is_saved
                    data-testid="save-query"
                    aria-pressed=move || is_saved().to_string()
                    aria-label="Save this query"
                    title="Save this query in this browser"
                    on:click=move |_| book.toggle_saved(&current())
                >
                    {Icon::Star.show()}
                </button>
            </Show>
            <button
                type="button"
                id="queries-button"
                class="Button is-icon is-small"
                data-testid="queries"
                aria-expanded=move || is_open.get().to_string()
                aria-label="Saved and recent queries"
                title="Saved and recent queries"
                on:click=move |_| is_open.update(|open| *open = !*open)
            >
                {Icon::ChevronDown.show()}
            </button>
            <Show when=move || is_open.get()>
                <div class="Queries-popover" data-testid="queries-list">
                    <Section name="Saved" queries=Signal::from(book.saved) search=search is_open=is_open />
                    <Section name="Recent" queries=Signal::from(book.recent) search=search is_open=is_open />
                    <h2 class="Queries-name">"To start from"</h2>
                    {STARTERS
                        .iter()
                        .map(|(query, about)| {
                            view! { <Entry query=(*query).to_owned() about=about search=search is_open=is_open /> }
                        })
                        .collect_view()}
                </div>
            </Show>
        </div>
    }
}

#[component]
fn Section(
    name: &'static str,
    queries: Signal<Vec<String>>,
    search: Search,
    is_open: RwSignal<bool>,
) -> impl IntoView {
    move || {
        let queries = queries.get();
        (!queries.is_empty()).then(|| {
            let entries = queries.into_iter().map(|query| {
                view! { <Entry query=query about="" search=search is_open=is_open /> }
            });
            view! { <h2 class="Queries-name">{name}</h2> {entries.collect_view()} }
        })
    }
}

#[component]
fn Entry(query: String, about: &'static str, search: Search, is_open: RwSignal<bool>) -> impl IntoView {
    let shown = query.clone();
    let take = move |_| {
        is_open.set(false);
        search.draft.set(query.clone());
        search.change(|view| view.q = query.clone());
        browser::focus("#query");
    };
    view! {
        <button type="button" class="Queries-entry" on:click=take>
            <code>{shown}</code>
            <span>{about}</span>
        </button>
    }
}
