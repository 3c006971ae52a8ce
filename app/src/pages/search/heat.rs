//! The map of what was found, and what a selection in it writes: a time range and bounds of duration.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use model::query::ast::{CompareOp, Literal};
use model::query::edit::{self, Condition};
use model::query::fields::{FieldName, Intrinsic};
use model::view::{Heatmap, Region};
use model::{ApiError, Nanos};

use super::Search;
use super::brushed::Brushed;
use crate::url::{ExplainView, SearchView, TimeRange};
use crate::views::heatmap::HeatmapView;
use crate::views::heatmap::layout::Selection;

/// Fine enough to see a minute in two hours, coarse enough to read.
const COLUMNS: u32 = 120;

#[derive(Clone, Copy)]
pub struct HeatStore {
    map: RwSignal<Arc<Heatmap>>,
    is_waiting: RwSignal<bool>,
    problem: RwSignal<Option<ApiError>>,
    turn: StoredValue<u32>,
    brushed: Brushed,
}

impl HeatStore {
    /// Follows the question; the order of the answer makes no difference here.
    pub fn new(search: Search) -> HeatStore {
        let store = HeatStore {
            map: RwSignal::default(),
            is_waiting: RwSignal::new(true),
            problem: RwSignal::new(None),
            turn: StoredValue::new(0),
            brushed: Brushed::nothing(),
        };
        Effect::new(move |_| {
            let (view, at) = search.counted();
            store.turn.update_value(|turn| *turn += 1);
            let turn = store.turn.get_value();
            store.is_waiting.set(true);
            spawn_local(async move {
                let answer = api::get_heatmap(view.search(at, 0, None), COLUMNS).await;
                if store.turn.try_get_value() != Some(turn) {
                    return;
                }
                store.is_waiting.set(false);
                match answer {
                    Ok(map) => {
                        store.problem.set(None);
                        store.map.set(Arc::new(map));
                    }
                    Err(failure) => store.problem.set(Some(failure.0)),
                }
            });
        });
        store
    }
}

#[component]
pub fn Heat(search: Search, store: HeatStore) -> impl IntoView {
    let select = move |selection: Selection| {
        let mut view = search.view.get_untracked();
        if let Some((from, to)) = selection.time {
            view.range = TimeRange::around(from, to);
        }
        if let Some(bounds) = selection.duration
            && let Ok(q) = edit::replaced(&view.q, &conditions_of(bounds))
        {
            view.q = q;
        }
        let region = Region {
            q: None,
            start: selection.time.map(|(from, _)| from),
            end: selection.time.map(|(_, to)| to),
            min_duration: selection.duration.map(|(from, _)| from).filter(|least| least.0 > 0),
            max_duration: selection.duration.map(|(_, to)| to),
        };
        let base = search.view.get_untracked();
        if region != Region::default() {
            store.brushed.set(&view, base, region);
        }
        search.change(|now| *now = view);
    };
    let note = move || match (store.problem.get(), store.map.with(|map| map.sampled)) {
        (Some(error), _) => Some(format!("{}. {}", error.message, error.hint)),
        (None, sampled) if sampled > 0.0 && sampled < 1.0 => {
            Some(format!("estimated from {:.0} % of the candidates", sampled * 100.0))
        }
        _ => None,
    };
    view! {
        <section
            class="Heat"
            aria-label="Duration over time"
            aria-busy=move || store.is_waiting.get().to_string()
            class:is-stale=move || store.is_waiting.get()
        >
            <HeatmapView map=store.map on_select=select />
            <p class="Heat-note">{note} {move || explained(search, store)}</p>
        </section>
    }
}

/// The way to what sets a selection, or what a query finds, apart from the rest.
fn explained(search: Search, store: HeatStore) -> Option<impl IntoView> {
    let view = search.view.get();
    let (url, text) = if let Some(url) = store.brushed.url(&view) {
        (url, "What sets this region apart?")
    } else if view.q.is_empty() || store.map.with(|map| map.cells.is_empty()) {
        return None;
    } else {
        let base = SearchView { range: view.range, ..SearchView::default() };
        let region = Region { q: Some(view.q), ..Region::default() };
        (ExplainView { base, region }.url(), "What sets these apart from the rest?")
    };
    Some(view! { <a data-testid="explain" href=url>{text}</a> })
}

/// Three digits are what a person reads; rounding outwards loses no trace of the selection.
fn conditions_of((from, to): (Nanos, Nanos)) -> Vec<Condition> {
    let field = FieldName::Intrinsic(Intrinsic::TraceDuration);
    let bound = |op, nanos| Condition::literal(field.clone(), op, Literal::Duration(Nanos(nanos)));
    let unit = |nanos: u64| 10u64.pow(nanos.max(1).ilog10().saturating_sub(2));
    let low = from.0 / unit(from.0) * unit(from.0);
    let high = to.0.div_ceil(unit(to.0)).saturating_mul(unit(to.0));
    let low = (low > 0).then(|| bound(CompareOp::GtEq, low));
    low.into_iter().chain([bound(CompareOp::Lt, high)]).collect()
}
