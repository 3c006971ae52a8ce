//! One service: how it is doing, when, how long its calls take, and which of its operations is to blame.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use model::view::{Exemplar, Heatmap, ServiceReport};

use super::lines::{Lines, Of, rate};
use super::live::Live;
use super::marked::Marked;
use super::{over, range_buttons, time};
use crate::format::clock::Zone;
use crate::format::{self, duration};
use crate::state::Router;
use crate::url::search::calls_of;
use crate::url::{ExplainView, Route, SearchView, ServicesView, TimeRange};
use crate::views::heatmap::HeatmapView;
use crate::views::heatmap::layout::Selection;
use crate::views::trend::Trend;
use crate::widgets::message::ErrorState;
use crate::widgets::service::ServiceName;

#[component]
pub fn ServicePage(name: String) -> impl IntoView {
    let router = expect_context::<Router>();
    let view = Memo::new(move |_| match router.route() {
        Route::Service(_, view) => view,
        _ => ServicesView::default(),
    });
    crate::browser::document().set_title(&format!("{name} · Skein"));
    let name = StoredValue::new(name);
    let live = Live::<ServiceReport>::follow(move || {
        let ServicesView { length_secs, operation } = view.get();
        async move { api::report_service(name.get_value(), operation.unwrap_or_default(), length_secs).await }
    });
    let lines = Signal::derive(move || {
        live.answer.with(|a| a.as_ref().map(|a| a.operations.clone()).unwrap_or_default())
    });
    // An operation's line shows its durations above; the one shown leads back to all of them.
    let link = Callback::new(move |operation: String| {
        let view = ServicesView { operation: Some(operation), ..view.get_untracked() };
        view.url(Some(&name.get_value()))
    });
    view! {
        <div class="Services">
            <div class="Services-bar">
                <a class="Services-back" href=move || ServicesView { operation: None, ..view.get() }.url(None)>"Services"</a>
                <h1 class="Services-title"><ServiceName name=name.get_value() /></h1>
                <Figures live=live />
                <a class="Button" data-testid="traces" href=move || traces(&name.get_value(), None).url()>"Traces"</a>
                {range_buttons(router, view, Some(name.get_value()))}
            </div>
            {move || match live.failed.get() {
                Some(error) => view! { <ErrorState error=error retry=move || live.again() /> }.into_any(),
                None => {
                    view! {
                        <Charts name=name.get_value() view=view live=live />
                        <Lines of=Of::Operations lines=lines is_waiting=live.is_waiting link=link />
                    }
                    .into_any()
                }
            }}
        </div>
    }
}

/// The last five minutes in a line.
#[component]
fn Figures(live: Live<ServiceReport>) -> impl IntoView {
    let text = move || {
        let red = live.answer.with(|a| a.as_ref().map(|a| a.service.now))?;
        if red.calls == 0 {
            return Some("silent for 5 minutes".to_owned());
        }
        let failed = format::share(red.errors, red.calls);
        let (p50, p95) = (duration(red.p50), duration(red.p95));
        Some(format!("{} calls/s · {failed} failed · p50 {p50} · p95 {p95}", rate(red.rate_per_sec)))
    };
    view! { <span class="Services-note" data-testid="figures">{text}</span> }
}

#[component]
fn Charts(name: String, view: Memo<ServicesView>, live: Live<ServiceReport>) -> impl IntoView {
    let map = Signal::derive(move || {
        Arc::new(live.answer.with(|a| a.as_ref().map_or_else(Heatmap::default, |a| a.durations.clone())))
    });
    let zone = expect_context::<RwSignal<Zone>>();
    let exemplars = exemplars(&name, view);
    let report = move |show: &dyn Fn(&ServiceReport) -> AnyView| {
        live.answer.with(|answer| answer.as_ref().map(|report| show(report)))
    };
    let over_map = move || report(&|r| exemplars.with(|all| over::on_heatmap(r, all, zone.get()).into_any()));
    let over_trend = move || report(&|r| over::on_trend(r, zone.get()).into_any());
    let last_deploy = move || {
        live.answer.with(|a| a.as_ref()?.deploys.last().map(|deploy| over::words(deploy, zone.get())))
    };
    let time = move || report(&|r| time::shares(&r.time).into_any());
    let points =
        move || live.answer.with(|a| a.as_ref().map(|a| a.service.points.clone()).unwrap_or_default());
    let all = ServicesView { operation: None, ..view.get_untracked() }.url(Some(&name));
    let of_operation = move || {
        let operation = view.get().operation?;
        Some(view! { " of " <b>{operation}</b> " " <a href=all.clone()>"all operations"</a> })
    };
    let name = StoredValue::new(name);
    let marked = RwSignal::new(None::<Marked>);
    // Of other calls it would be another region.
    Effect::new(move |_| {
        view.track();
        marked.set(None);
    });
    let select = Callback::new(move |selection: Selection| {
        let view = view.get_untracked();
        marked.set(Some(Marked::new(&name.get_value(), &view, selection, zone.get_untracked())));
    });
    view! {
        <div class="Service-charts">
            <section class="Service-chart" aria-label="Calls and failures">
                <h2 class="Service-heading">"Calls and failures" <span class="Services-note">{last_deploy}</span></h2>
                <div class="Service-calls">{move || view! { <Trend points=points() /> }} {over_trend}</div>
            </section>
            <section class="Service-chart is-wide" aria-label="Durations">
                <h2 class="Service-heading">
                    "Durations" {of_operation}
                    {move || match marked.get() {
                        Some(region) => region.ways(marked).into_any(),
                        None => view! {
                            <span class="Services-note">"drag to mark a region"</span>
                            {explain_links(name, view, live)}
                        }
                        .into_any(),
                    }}
                </h2>
                <div class="Service-map"><HeatmapView map=map on_select=select /> {over_map}</div>
            </section>
            <section class="Service-chart" aria-label="Where the time goes">
                <h2 class="Service-heading">
                    "Where the time goes" <span class="Services-note">"of a call, last hour"</span>
                </h2>
                {time}
            </section>
        </div>
    }
}

/// Calls of the operation shown that stand for others, asked for once.
fn exemplars(service: &str, view: Memo<ServicesView>) -> RwSignal<Vec<Exemplar>> {
    let found = RwSignal::new(Vec::new());
    let service = service.to_owned();
    Effect::new(move |_| {
        let ServicesView { length_secs, operation } = view.get();
        found.set(Vec::new());
        let Some(operation) = operation else { return };
        let asked = (service.clone(), operation.clone());
        spawn_local(async move {
            let answer = api::list_exemplars(asked.0, asked.1, length_secs).await;
            // Another may be looked at by now, or the page have gone.
            let is_shown = view.try_with_untracked(|v| v.operation.as_deref() == Some(&operation));
            if let (Some(true), Ok(answer)) = (is_shown, answer) {
                found.try_set(answer);
            }
        });
    });
    found
}

fn traces(service: &str, operation: Option<&str>) -> SearchView {
    SearchView::about(calls_of(service, operation))
}

/// What sets its slowest calls apart, or those that failed.
fn explain_links(
    name: StoredValue<String>,
    view: Memo<ServicesView>,
    live: Live<ServiceReport>,
) -> impl IntoView {
    let href = move |part: &str| {
        let ServicesView { length_secs, operation } = view.get();
        let range = TimeRange::Last(length_secs);
        name.with_value(|name| ExplainView::of_calls(name, operation.as_deref(), part, range)).url()
    };
    move || {
        let red = live.answer.with(|answer| {
            let report = answer.as_ref()?;
            let operation = view.with(|view| view.operation.clone());
            let line = operation.and_then(|name| report.operations.iter().find(|line| line.name == name));
            Some(line.map_or(report.service.now, |line| line.now))
        })?;
        let slow = (red.p95.0 > 0).then(|| {
            let href = href(&format!("duration>={}", format::duration_typed(red.p95)));
            view! { <a class="Service-explain" data-testid="explain-slow" href=href>"Explain the slow ones"</a> }
        });
        let failed = (red.errors > 0).then(|| {
            view! { <a class="Service-explain" data-testid="explain-failed" href=href("error")>"the failed ones"</a> }
        });
        Some(view! { {slow} {failed} })
    }
}
