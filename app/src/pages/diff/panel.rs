//! The entry looked at: its figures side by side, how far they usually spread, and what its first calls say differently.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use model::trace::diff::{Side, Whole};
use model::{ApiError, Nanos, Span};

use crate::views::diff::attributes::differences;
use crate::views::diff::markup::{self, Compared};
use crate::views::diff::state::Comparison;
use crate::widgets::icon::Icon;

#[component]
pub fn Panel(comparison: Comparison) -> impl IntoView {
    let said = RwSignal::new(String::new());
    Effect::new(move |_| {
        said.set(String::new());
        if let Some(entry) = comparison.entry.get() {
            let compared = comparison.compared();
            spawn_local(async move {
                let found = attributes(&compared, entry).await;
                // Another entry may be looked at by now, or another page.
                if comparison.entry.try_get_untracked() == Some(Some(entry)) {
                    said.set(found);
                }
            });
        }
    });
    let body = move || comparison.entry.get().map(|entry| comparison.compared().panel(entry));
    view! {
        <Show when=move || comparison.entry.get().is_some()>
            <aside class="DiffPanel" aria-label="The entry looked at" data-testid="diff-panel" tabindex="0">
                <button
                    type="button"
                    class="Button is-icon is-small DiffPanel-close"
                    aria-label="Close"
                    title="Close (Esc)"
                    on:click=move |_| comparison.entry.set(None)
                >
                    {Icon::Close.show()}
                </button>
                <div inner_html=move || body().unwrap_or_default()></div>
                <div inner_html=move || said.get()></div>
            </aside>
        </Show>
    }
}

/// What the first call of each says differently; nothing where one side has none.
async fn attributes(compared: &Arc<Compared>, entry: u32) -> String {
    let diff = &compared.diff;
    let found = &diff.entries[entry as usize];
    if !found.a.first_span.is_valid() || !found.b.first_span.is_valid() {
        return String::new();
    }
    match (first_span(&diff.a, &found.a).await, first_span(&diff.b, &found.b).await) {
        (Ok(a), Ok(b)) => {
            let (found, same) = differences(&a, &b);
            markup::differences(&found, same)
        }
        (Err(error), _) | (_, Err(error)) => markup::failed(&error),
    }
}

async fn first_span(whole: &Whole, side: &Side) -> Result<Span, ApiError> {
    let start = whole.start.plus(Nanos(side.first_offset));
    api::get_span(whole.trace_id, side.first_span, start).await.map_err(|failure| failure.0)
}
