//! The first line: the editor, the time range, and what one does with a query.

use leptos::ev;
use leptos::prelude::*;
use model::AttrValue;
use model::query::edit::{self, Condition};

use super::Search;
use super::feed::{Feed, Phase};
use super::known::KnownStore;
use super::queries::Queries;
use super::range::RangeFields;
use crate::browser::{self, clipboard};
use crate::state::queries::QueryBook;
use crate::url::{Pasted, TraceView, pasted};
use crate::widgets::icon::Icon;
use crate::widgets::query_editor::QueryEditor;

#[component]
pub fn Bar(search: Search, feed: Feed) -> impl IntoView {
    let known = KnownStore::new();
    let book = QueryBook::load();
    let submit = move |()| {
        let text = search.draft.get_untracked().trim().to_owned();
        if let Some(pasted) = pasted::read(&text) {
            return open(search, pasted);
        }
        if search.problems.with_untracked(|problems| problems.is_empty()) {
            book.remember(&text);
            let is_same = search.view.with_untracked(|view| view.q == text);
            if is_same { search.again() } else { search.change(|view| view.q = text) }
        }
    };
    let pasted = move |event: ev::ClipboardEvent| {
        let is_empty = search.draft.with_untracked(|text| text.trim().is_empty());
        let found = clipboard::pasted_text(&event).and_then(|text| pasted::read(&text)).filter(|_| is_empty);
        if let Some(found) = found {
            event.prevent_default();
            open(search, found);
        }
    };
    let is_busy = move || feed.phase.get() == Phase::First;
    view! {
        <div class="Search-bar">
            <form
                class="Search-box"
                role="search"
                aria-label="Search traces"
                class:is-wrong=move || search.problems.with(|problems| !problems.is_empty())
                on:submit=move |event| {
                    event.prevent_default();
                    submit(());
                }
                on:paste=pasted
            >
                <span class="Search-glass">{Icon::Search.show()}</span>
                <QueryEditor
                    id="query"
                    label="Query"
                    placeholder="checkout error duration>1s user_id=42, { TraceQL }, or any trace id"
                    text=search.draft
                    problems=search.problems
                    known=known.known
                    described_by="query-problem"
                    on_wanted=move |wanted| known.fetch(wanted)
                    on_submit=submit
                />
                <Show when=move || search.draft.with(|text| !text.is_empty())>
                    <button
                        type="button"
                        class="Button is-icon is-small"
                        title="Empty the box"
                        aria-label="Empty the box"
                        on:click=move |_| {
                            search.draft.set(String::new());
                            submit(());
                            browser::focus("#query");
                        }
                    >
                        {Icon::Close.show()}
                    </button>
                </Show>
                <Queries search=search book=book />
            </form>
            <ErrorsButton search=search />
            <RangeFields search=search />
            <LiveButton search=search />
            <button
                type="button"
                class="Button is-icon"
                class:is-busy=is_busy
                title="Look again (r)"
                aria-label="Look again"
                on:click=move |_| search.again()
            >
                {Icon::Refresh.show()}
            </button>
        </div>
    }
}

fn open(search: Search, pasted: Pasted) {
    let view = TraceView { span: pasted.span, ..TraceView::default() };
    browser::blur();
    search.router.go(&view.url(pasted.trace));
}

#[component]
fn ErrorsButton(search: Search) -> impl IntoView {
    let condition = StoredValue::new(Condition::equals("status", AttrValue::Str("error".into())));
    let is_on = Memo::new(move |_| {
        search.view.with(|view| {
            let query = model::query::inspect(&view.q).query;
            condition.with_value(|condition| condition.as_ref().is_some_and(|c| edit::has(&query, c)))
        })
    });
    view! {
        <button
            type="button"
            class="Button"
            class:is-on=move || is_on.get()
            data-testid="errors-only"
            aria-pressed=move || is_on.get().to_string()
            title="Only traces with a failed span that matches"
            on:click=move |_| condition.with_value(|condition| condition.iter().for_each(|c| search.toggle(c)))
        >
            {Icon::Alert.show()}
            "Errors"
        </button>
    }
}

#[component]
fn LiveButton(search: Search) -> impl IntoView {
    let is_live = move || search.view.with(|view| view.is_live);
    view! {
        <button
            type="button"
            class="Button Live"
            class:is-on=is_live
            data-testid="live"
            aria-pressed=move || is_live().to_string()
            title="New traces come in by themselves (l)"
            on:click=move |_| search.change(|view| view.is_live = !view.is_live)
        >
            <i class="Live-dot"></i>
            "Live"
        </button>
    }
}
