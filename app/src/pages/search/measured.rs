//! What a query that ends in a metric makes: series over time instead of traces.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use model::ApiError;
use model::query::Query;
use model::view::{Region, SeriesSet};

use super::Search;
use super::brushed::Brushed;
use super::feed::Feed;
use crate::format::{bytes, counted};
use crate::url::{SearchView, TimeRange};
use crate::views::series::SeriesView;
use crate::views::series::layout::Unit;
use crate::widgets::message::ErrorState;

/// What a query measures; None when it finds traces.
fn unit_of(q: &str) -> Option<Unit> {
    model::query::inspect(q).query.metric.as_ref().map(Unit::of)
}

/// The query for the traces whose spans are measured.
fn measured_of(q: &str) -> String {
    model::query::print(&Query { metric: None, hints: Vec::new(), ..model::query::inspect(q).query })
}

#[component]
pub fn Measured(search: Search, feed: Feed) -> impl IntoView {
    // Nothing is listed here.
    let _ = feed;
    let set = RwSignal::new(Arc::new(SeriesSet::default()));
    let unit = RwSignal::new(Unit::default());
    let is_waiting = RwSignal::new(true);
    let problem = RwSignal::new(None::<ApiError>);
    let turn = StoredValue::new(0u32);
    Effect::new(move |_| {
        let (view, at) = search.counted();
        let Some(found) = unit_of(&view.q) else { return };
        turn.update_value(|turn| *turn += 1);
        let asked = turn.get_value();
        is_waiting.set(true);
        spawn_local(async move {
            let answer = api::get_series(view.search(at, 0, None)).await;
            if turn.try_get_value() != Some(asked) {
                return;
            }
            is_waiting.set(false);
            problem.set(answer.as_ref().err().map(|failure| failure.0.clone()));
            if let Ok(answer) = answer {
                unit.set(found);
                set.set(Arc::new(answer));
            }
        });
    });
    let brushed = Brushed::nothing();
    let select = move |(from, to)| {
        let before = search.view.get_untracked();
        let view = SearchView { range: TimeRange::around(from, to), ..before.clone() };
        let region = Region { start: Some(from), end: Some(to), ..Region::default() };
        brushed.set(&view, SearchView { q: measured_of(&before.q), ..before }, region);
        search.change(|now| *now = view);
    };
    let explained = move || {
        let url = brushed.url(&search.view.get())?;
        Some(view! { " · " <a data-testid="explain" href=url>"What sets this time apart?"</a> })
    };
    let note = move || {
        set.with(|set| {
            let scanned =
                format!("{}, {} scanned", counted(set.scanned.rows, "row", "rows"), bytes(set.scanned.bytes));
            match &set.limit_reached {
                Some(limit) => format!("partial: {limit} · {scanned}"),
                None => format!("complete · {scanned}"),
            }
        })
    };
    let is_empty = move || set.with(|set| set.series.is_empty());
    let body = move || {
        if let Some(error) = problem.get() {
            return view! { <ErrorState error=error retry=move || search.again() /> }.into_any();
        }
        if is_waiting.get() && is_empty() {
            return view! { <p class="Series-note">"Measuring…"</p> }.into_any();
        }
        if is_empty() {
            return view! {
                <section class="Message" data-testid="no-match">
                    <h2 class="Message-title">"No span matches"</h2>
                    <p class="Message-hint">"Widen the time range or the condition before the metric."</p>
                </section>
            }
            .into_any();
        }
        view! { <SeriesView set=set unit=unit on_select=Callback::new(select) /> }.into_any()
    };
    // More numbers must not replace the chart, and the focus in it.
    let kind = Memo::new(move |_| (problem.get(), is_waiting.get() && is_empty(), is_empty()));
    view! {
        <section
            class="Series"
            aria-label="Series over time"
            aria-busy=move || is_waiting.get().to_string()
            class:is-stale=move || is_waiting.get()
        >
            {move || {
                kind.get();
                untrack(body)
            }}
            <Show when=move || problem.with(Option::is_none) && !is_empty()>
                <p class="Series-note" role="status" data-testid="series-note">{note} {explained}</p>
            </Show>
        </section>
    }
}
