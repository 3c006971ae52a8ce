//! What sets some traces of a search apart from the others, the most telling first; each finding a search away.
//!
//! For tests: `[data-testid=explain-page]`, `[data-testid=finding]`, `[data-testid=explained]` (how many were looked
//! at), `[data-testid=no-finding]`.

use leptos::prelude::*;
use leptos::task::spawn_local;
use model::ApiError;

use crate::browser::{self, clock};
use crate::url::{ExplainView, SearchView, TimeRange};
use crate::views::explain;
use crate::widgets::message::ErrorState;
use crate::widgets::walk::walk;

#[component]
pub fn ExplainPage(view: ExplainView) -> impl IntoView {
    browser::document().set_title("What sets them apart · Skein");
    let found =
        RwSignal::new("<p class=DiffWaiting role=status>Comparing them with the rest…</p>".to_owned());
    let failed = RwSignal::new(None::<ApiError>);
    let (base, words) = (view.base.url(), explain::words(&view));
    let turn = RwSignal::new(0u32);
    Effect::new(move |_| {
        turn.track();
        failed.set(None);
        let ExplainView { base, region } = view.clone();
        let range = match (region.start, region.end) {
            (Some(from), Some(to)) => TimeRange::around(from, to),
            _ => base.range,
        };
        spawn_local(async move {
            let answer = api::explain_region(base.search(clock::now(), 0, None), region).await;
            let href = |q: &str| SearchView { range, ..SearchView::about(q) }.url();
            // The page may have gone meanwhile.
            let _ = match answer {
                Ok(answer) => found.try_set(explain::markup(&answer, &href)).map(drop),
                Err(failure) => failed.try_set(Some(failure.0)).map(drop),
            };
        });
    });
    walk(".Finding-link");
    view! {
        <div class="Explain" data-testid="explain-page">
            <header class="Explain-head">
                <h1 class="Services-title">"What sets them apart"</h1>
                <p class="Services-note">{words}</p>
                <a class="Button is-small" href=base>"Back to the search"</a>
            </header>
            {move || match failed.get() {
                Some(error) => {
                    view! { <ErrorState error=error retry=move || turn.update(|turn| *turn += 1) /> }.into_any()
                }
                None => view! { <div inner_html=move || found.get()></div> }.into_any(),
            }}
        </div>
    }
}
