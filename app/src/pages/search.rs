//! The search page: the newest traces at once, and filters that narrow them down. All state is in the URL.
//!
//! For tests: `[data-testid=trace-row]` with `data-trace-id`, `[data-testid=empty-state]` before the first span ever
//! arrived, `[data-testid=no-match]` when filters leave nothing, `[data-testid=error-state]`, `[data-testid=scanned]`.
//! Keys: `j` `k` and arrows move, Enter opens, `/` goes to the box for ids, `r` looks again.

use leptos::ev;
use leptos::prelude::*;

use crate::browser::{self, keys};
use crate::state::Router;
use crate::url::{Route, SearchView};
use crate::widgets::icon::Icon;
use crate::widgets::message::ErrorState;

mod chips;
mod empty;
mod feed;
mod filters;
mod results;

use chips::{Chips, Tally};
use empty::{EmptyState, NoMatch};
use feed::{Feed, Phase};
use filters::Filters;
use results::Results;

/// The filters in force, and the way to change them.
#[derive(Clone, Copy)]
pub struct Search {
    pub view: Memo<SearchView>,
    router: Router,
}

impl Search {
    pub fn change(self, edit: impl FnOnce(&mut SearchView)) {
        let mut view = self.view.get_untracked();
        edit(&mut view);
        if view != self.view.get_untracked() {
            self.router.go(&view.url());
        }
    }
}

#[component]
pub fn SearchPage() -> impl IntoView {
    let router = expect_context::<Router>();
    let view = Memo::new(move |_| match router.route() {
        Route::Search(view) => view,
        _ => SearchView::default(),
    });
    let search = Search { view, router };
    let feed = Feed::new();
    Effect::new(move |_| feed.start(view.get()));
    browser::document().set_title("Traces · Skein");
    let again = move || feed.start(view.get_untracked());
    let keys = window_event_listener(ev::keydown, move |event| {
        match keys::page_key(&event).as_deref() {
            Some("r") => again(),
            Some("/") => drop(browser::focus("#trace-id")),
            _ => return,
        }
        event.prevent_default();
    });
    on_cleanup(move || keys.remove());
    let body = move || match feed.phase.get() {
        Phase::Failed(error) if feed.is_empty() => {
            view! { <ErrorState error=error retry=again /> }.into_any()
        }
        Phase::Idle if feed.is_empty() && !view.get().is_filtered() => {
            view! { <EmptyState feed=feed /> }.into_any()
        }
        Phase::Idle if feed.is_empty() => view! { <NoMatch search=search /> }.into_any(),
        _ => view! { <Results feed=feed /> }.into_any(),
    };
    // Only what decides which of the four is shown may replace it: more rows must not.
    let kind = Memo::new(move |_| match feed.phase.get() {
        Phase::Failed(error) if feed.is_empty() => format!("failed {error}"),
        Phase::Idle if feed.is_empty() => format!("nothing {}", view.get().url()),
        _ => String::new(),
    });
    view! {
        <div class="Search">
            <h1 class="Hidden">"Traces"</h1>
            <div class="Search-bar">
                <Filters search=search />
                <Tally feed=feed />
                <button
                    type="button"
                    class="Button is-icon"
                    class:is-busy=move || feed.phase.get() == Phase::First
                    title="Look again (r)"
                    aria-label="Look again"
                    on:click=move |_| again()
                >
                    {Icon::Refresh.show()}
                </button>
            </div>
            <Chips search=search />
            {move || {
                kind.get();
                untrack(body)
            }}
        </div>
    }
}
