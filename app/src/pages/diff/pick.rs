//! Asks for the side of a comparison that is missing: an id in any notation, or what stands for the trace's operation.

use leptos::prelude::*;
use model::trace::diff::Compare;

use crate::state::Router;
use crate::url::DiffPair;
use crate::url::diff::side_of;

/// What a trace may be compared with, and what that is.
const OFFERS: [(Compare, &str, &str); 4] = [
    (Compare::Typical, "What is typical", "the mean over the middle half of others, by duration"),
    (Compare::Previous, "The one before", "the last that began before it"),
    (Compare::Usual, "The usual one", "the one with the median duration"),
    (Compare::Fastest, "The fastest", "of those that take the same call paths, if there are any"),
];

#[component]
pub fn Pick(pair: DiffPair) -> impl IntoView {
    let router = expect_context::<Router>();
    let text = RwSignal::new(String::new());
    let is_wrong = RwSignal::new(false);
    let open = move || match side_of(text.get_untracked().trim()) {
        Some(side) => router.go(&pair.filled(side).url()),
        None => is_wrong.set(true),
    };
    let known = pair.a.or(pair.b).and_then(Compare::trace);
    let (asked, label) = match known {
        Some(_) => ("Compare it with", "Another trace"),
        None => ("Compare two traces", "The first trace"),
    };
    // The other comes first: what is looked at is what changed.
    let offer = |known: Compare, (other, name, about): (Compare, &'static str, &'static str)| {
        let href = DiffPair { a: Some(other), b: Some(known), ..pair }.url();
        view! {
            <li>
                <a class="DiffPick-offer" href=href data-testid="diff-offer">
                    <b>{name}</b>
                    <span>{about}</span>
                </a>
            </li>
        }
    };
    let offers = known.map(|id| {
        view! {
            <p class="DiffPick-known"><code>{id.to_string()}</code> ", among traces of the same root operation:"</p>
            <ul class="DiffPick-offers">{OFFERS.map(|one| offer(Compare::Trace(id), one)).collect_view()}</ul>
        }
    });
    view! {
        <section class="DiffPick" data-testid="diff-pick">
            <h1 class="DiffPick-title">{asked}</h1>
            {offers}
            <form
                class="DiffPick-form"
                on:submit=move |event| {
                    event.prevent_default();
                    open();
                }
            >
                <label for="diff-id">{label}</label>
                <input
                    id="diff-id"
                    class="Field"
                    type="text"
                    placeholder="Paste its id, traceparent or a link"
                    autocomplete="off"
                    spellcheck="false"
                    aria-invalid=move || is_wrong.get().to_string()
                    aria-describedby="diff-id-note"
                    prop:value=move || text.get()
                    on:input=move |event| {
                        text.set(event_target_value(&event));
                        is_wrong.set(false);
                    }
                />
                <button type="submit" class="Button is-primary">"Compare"</button>
                <span id="diff-id-note" role="status">
                    {move || is_wrong.get().then_some("Not a trace id: 32 or 16 hexadecimal digits")}
                </span>
            </form>
            <p class="DiffPick-hint">"Or tick two in the " <a href="/">"search"</a> "."</p>
        </section>
    }
}
