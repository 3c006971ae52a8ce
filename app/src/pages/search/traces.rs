//! Below the query: facets, the map, and the table of what was found.

use leptos::prelude::*;

use super::Search;
use super::empty::{EmptyState, NoMatch};
use super::facets::{FacetPanel, FacetStore};
use super::feed::{Feed, Phase};
use super::heat::{Heat, HeatStore};
use super::results::{self, Results};
use crate::url::SearchView;
use crate::widgets::message::ErrorState;

#[component]
pub fn Traces(search: Search, feed: Feed) -> impl IntoView {
    // Before the first span ever arrived there is nothing to ask.
    let is_new = Memo::new(move |_| {
        feed.phase.get() == Phase::Idle && feed.is_empty() && !search.view.with(SearchView::is_filtered)
    });
    let heat = HeatStore::new(search);
    let facets = FacetStore::new(search);
    view! {
        <Show when=move || !is_new.get() fallback=move || view! { <EmptyState search=search feed=feed /> }>
            <div class="Search-body">
                <FacetPanel search=search store=facets />
                <div class="Search-main">
                    <Heat search=search store=heat />
                    <Found search=search feed=feed />
                    {move || search.comparison().map(|url| results::compare(search, url))}
                </div>
            </div>
        </Show>
    }
}

/// The table, or why there is none.
#[component]
fn Found(search: Search, feed: Feed) -> impl IntoView {
    let body = move || match feed.phase.get() {
        Phase::Failed(error) if feed.is_empty() => {
            view! { <ErrorState error=error retry=move || search.again() /> }.into_any()
        }
        Phase::Idle if feed.is_empty() => view! { <NoMatch search=search /> }.into_any(),
        _ => view! { <Results search=search feed=feed /> }.into_any(),
    };
    // Only what decides which of the three is shown may replace it: more rows must not.
    let kind = Memo::new(move |_| match feed.phase.get() {
        Phase::Failed(error) if feed.is_empty() => format!("failed {error}"),
        Phase::Idle if feed.is_empty() => format!("nothing {}", search.view.get().url()),
        _ => String::new(),
    });
    move || {
        kind.get();
        untrack(body)
    }
}
