//! What is not as it was: open anomalies first, then those of the time looked at, each with its origin, who is
//! affected, and traces that show it.
//!
//! For tests: `[data-testid=anomaly]` with `data-state`, `[data-testid=no-anomaly]`, `[data-testid=judged]`,
//! `[data-testid=range]`. Keys: `j` `k` and arrows move, Enter opens. The list renews itself.

use leptos::prelude::*;
use model::view::AnomalyList;

use super::services::Live;
use crate::browser::{self, clock};
use crate::format::clock::Zone;
use crate::state::Router;
use crate::url::{AnomaliesView, Route};
use crate::views::anomalies;
use crate::widgets::message::ErrorState;
use crate::widgets::range::RangeButtons;
use crate::widgets::walk::walk;

#[component]
pub fn AnomaliesPage() -> impl IntoView {
    let router = expect_context::<Router>();
    let zone = expect_context::<RwSignal<Zone>>();
    let view = Memo::new(move |_| match router.route() {
        Route::Anomalies(view) => view,
        _ => AnomaliesView::default(),
    });
    browser::document().set_title("Anomalies · Skein");
    let length = Memo::new(move |_| view.with(|view| view.length_secs));
    let live = Live::<AnomalyList>::follow(move || api::list_anomalies(length.get()));
    let choose = Callback::new(move |length_secs: u64| {
        router.go(&AnomaliesView { length_secs, ..view.get_untracked() }.url());
    });
    walk(".Anomaly-link");
    let list = move || {
        let offset = |time| clock::offset_minutes(zone.get(), time);
        let service = view.with(|view| view.service.clone());
        live.answer.with(|answer| match answer {
            None => "<p class=DiffWaiting role=status>Looking…</p>".to_owned(),
            Some(list) => anomalies::markup(list, service.as_deref(), clock::now(), &offset),
        })
    };
    let of_service = move || {
        let name = view.with(|view| view.service.clone())?;
        let all = AnomaliesView { service: None, ..view.get() }.url();
        Some(
            view! { <span class="Services-note">"of " <b>{name}</b> " " <a href=all>"all services"</a></span> },
        )
    };
    view! {
        <div class="Services">
            <div class="Services-bar">
                <h1 class="Services-title">"Anomalies"</h1>
                {of_service}
                <span class="Services-note" data-testid="judged">
                    {move || live.answer.with(|a| a.as_ref().map(|list| anomalies::judged(list, clock::now())))}
                </span>
                <RangeButtons chosen=Signal::derive(move || view.with(|view| view.length_secs)) choose=choose />
            </div>
            {move || match live.failed.get() {
                Some(error) => view! { <ErrorState error=error retry=move || live.again() /> }.into_any(),
                None => view! { <div class="Anomalies" class:is-stale=move || live.is_waiting.get() inner_html=list></div> }.into_any(),
            }}
        </div>
    }
}
