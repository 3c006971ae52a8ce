//! The comparison page: fetches two traces aligned, or a trace beside what is typical; asks for what is missing. What
//! is looked at is in the URL.
//!
//! For tests: `[data-testid=diff-page]` once it is shown, `[data-testid=diff-delta]`, `[data-testid=diff-part]` (a
//! place where the difference comes from), `[data-testid=diff-panel]`, `[data-testid=diff-pick]` while a side is missing.
//! Keys are listed in `help`.

use std::sync::Arc;
use std::time::Duration;

use leptos::ev;
use leptos::prelude::*;
use leptos::task::spawn_local;
use model::trace::diff::Compare;
use model::{ApiError, TraceId};

use crate::browser::{document, keys};
use crate::chart::Window;
use crate::state::Router;
use crate::url::{DiffPair, DiffView, Route};
use crate::views::diff::markup::Compared;
use crate::views::diff::state::Comparison;
use crate::views::diff::{DiffFlame, DiffRows};
use crate::widgets::message::ErrorState;

mod head;
mod panel;
mod pick;

use head::Head;
use panel::Panel;
use pick::Pick;

/// Browsers refuse more than some 200 changes of the URL in half a minute.
const NOTE_AFTER: Duration = Duration::from_millis(250);
const PAGE_ROWS: isize = 25;
const ZOOM_IN: f64 = 0.7;
const PAN: f64 = 0.2;

#[component]
pub fn DiffPage(pair: DiffPair) -> impl IntoView {
    document().set_title("Comparison · Skein");
    match (pair.a, pair.b) {
        (Some(a), Some(b)) if a.trace().is_some() || b.trace().is_some() => {
            view! { <Fetched pair=pair a=a b=b /> }.into_any()
        }
        _ => view! { <Pick pair=pair /> }.into_any(),
    }
}

#[component]
fn Fetched(pair: DiffPair, a: Compare, b: Compare) -> impl IntoView {
    let answer = RwSignal::new(None::<Arc<Compared>>);
    let failed = RwSignal::new(None::<ApiError>);
    let ask = move || {
        failed.set(None);
        spawn_local(async move {
            // The page may have gone meanwhile.
            let _ = match api::get_diff(a, b, pair.window_secs).await {
                Ok(diff) => answer.try_set(Some(Arc::new(Compared::new(diff)))).map(drop),
                Err(failure) => failed.try_set(Some(failure.0)).map(drop),
            };
        });
    };
    ask();
    move || match (answer.get(), failed.get()) {
        (Some(compared), _) => view! { <Shown pair=pair compared=compared /> }.into_any(),
        (_, Some(error)) => view! {
            <ErrorState error=error retry=ask />
            <Pick pair=DiffPair { a: None, b: a.trace().or(b.trace()).map(Compare::Trace), ..pair } />
        }
        .into_any(),
        _ => view! { <p class="DiffWaiting" role="status">"Reading and aligning both…"</p> }.into_any(),
    }
}

#[component]
fn Shown(pair: DiffPair, compared: Arc<Compared>) -> impl IntoView {
    let router = expect_context::<Router>();
    // A link to this names the traces, whatever they were found as.
    let side =
        |asked: Option<Compare>, id: TraceId| if id.is_valid() { Some(Compare::Trace(id)) } else { asked };
    let named = DiffPair {
        a: side(pair.a, compared.diff.a.trace_id),
        b: side(pair.b, compared.diff.b.trace_id),
        ..pair
    };
    if let Route::Diff(view) = untrack(|| router.route())
        && named != pair
    {
        router.note(&DiffView { pair: named, ..view }.url());
    }
    let pair = named;
    let comparison = Comparison::new(compared);
    follow_url(comparison, router, pair);
    let keys = window_event_listener(ev::keydown, move |event| {
        if keys::page_key(&event).is_some_and(|key| pressed(&key, comparison, router, pair)) {
            event.prevent_default();
        }
    });
    on_cleanup(move || keys.remove());
    view! {
        <div class="DiffPage" data-testid="diff-page" on:click=move |event| clicked(&event, comparison)>
            <Head comparison=comparison pair=pair />
            <div class="DiffPage-body">
                {move || match comparison.is_flame.get() {
                    true => view! { <DiffFlame comparison=comparison /> }.into_any(),
                    false => view! { <DiffRows comparison=comparison /> }.into_any(),
                }}
                <Panel comparison=comparison />
            </div>
        </div>
    }
}

/// Rows and cells say which entry they are.
fn clicked(event: &ev::MouseEvent, comparison: Comparison) {
    let row = keys::target_within(event, "[data-entry]");
    let Some(entry) = row.and_then(|row| row.get_attribute("data-entry")?.parse().ok()) else {
        return;
    };
    if keys::target_within(event, ".Diff-toggle").is_some() {
        comparison.toggle(entry);
    } else {
        comparison.reveal(entry);
    }
}

fn pressed(key: &str, comparison: Comparison, router: Router, pair: DiffPair) -> bool {
    match key {
        "j" | "ArrowDown" => comparison.step(1),
        "k" | "ArrowUp" => comparison.step(-1),
        "PageDown" => comparison.step(PAGE_ROWS),
        "PageUp" => comparison.step(-PAGE_ROWS),
        "Home" => comparison.step(isize::MIN),
        "End" => comparison.step(isize::MAX),
        "ArrowRight" => comparison.fold(false),
        "ArrowLeft" => comparison.fold(true),
        "n" => comparison.step_change(true),
        "N" => comparison.step_change(false),
        "f" => comparison.is_changes.update(|only| *only = !*only),
        "1" => comparison.is_flame.set(false),
        "2" => comparison.is_flame.set(true),
        "x" => router.go(&pair.turned_round().url()),
        "w" => comparison.zoom(ZOOM_IN),
        "s" => comparison.zoom(1.0 / ZOOM_IN),
        "a" => comparison.pan(-PAN),
        "d" => comparison.pan(PAN),
        "z" => comparison.zoom_to_entry(),
        "0" => comparison.zoom_out(),
        "Escape" => comparison.entry.set(None),
        _ => return false,
    }
    true
}

/// The comparison follows the URL, and the URL what is looked at.
fn follow_url(comparison: Comparison, router: Router, pair: DiffPair) {
    Effect::new(move |_| {
        if let Route::Diff(view) = router.route()
            && view.pair == pair
        {
            comparison.is_flame.set(view.is_flame);
            comparison.is_changes.set(view.is_changes);
            match view.window {
                Some((from, to)) => {
                    comparison.set_window(Window { from_ns: from as f64, to_ns: to as f64 });
                }
                None => comparison.zoom_out(),
            }
            match view.entry {
                Some(entry) => untrack(|| comparison.reveal(entry)),
                None => comparison.entry.set(None),
            }
        }
    });
    let pending = StoredValue::new(None::<TimeoutHandle>);
    let cancel = move || {
        if let Some(timer) = pending.try_update_value(Option::take).flatten() {
            timer.clear();
        }
    };
    Effect::new(move |is_later: Option<()>| {
        let view = DiffView {
            pair,
            entry: comparison.entry.get(),
            is_flame: comparison.is_flame.get(),
            is_changes: comparison.is_changes.get(),
            window: Some(comparison.window.get())
                .filter(|window| !window.is_whole(comparison.compared().total_ns))
                .map(|window| (window.from_ns as u64, window.to_ns as u64)),
        };
        cancel();
        // The first time, the URL has said it already.
        if is_later.is_some() {
            pending.set_value(set_timeout_with_handle(move || router.note(&view.url()), NOTE_AFTER).ok());
        }
    });
    on_cleanup(cancel);
}
