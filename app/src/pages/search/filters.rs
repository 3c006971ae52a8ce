//! The row of filters. Each writes the URL; the page follows the URL.

use leptos::ev;
use leptos::prelude::*;
use leptos::task::spawn_local;
use model::{Nanos, Timestamp};

use super::Search;
use crate::browser::clock::{now, offset_minutes};
use crate::format::clock::{self, Zone};
use crate::format::{duration, duration_typed, parse, share};
use crate::url::TimeRange;
use crate::url::search::{WINDOWS, window_name};
use crate::widgets::icon::Icon;
use crate::widgets::picker::{Choice, Picker};

#[component]
pub fn Filters(search: Search) -> impl IntoView {
    let errors_only = move || search.view.get().errors_only;
    view! {
        <div class="Filters" role="group" aria-label="Filters">
            <ServicePicker search=search />
            <OperationPicker search=search />
            <button
                type="button"
                class="Button"
                class:is-on=errors_only
                data-testid="errors-only"
                aria-pressed=move || errors_only().to_string()
                on:click=move |_| search.change(|view| view.errors_only = !view.errors_only)
            >
                {Icon::Alert.show()}
                "Errors only"
            </button>
            <div class="Filters-pair">
                <DurationField
                    label="Minimum duration"
                    placeholder="min 250ms"
                    value=Signal::derive(move || search.view.get().min_duration)
                    set=move |length| search.change(|view| view.min_duration = length)
                />
                <span aria-hidden="true">"–"</span>
                <DurationField
                    label="Maximum duration"
                    placeholder="max 1.5s"
                    value=Signal::derive(move || search.view.get().max_duration)
                    set=move |length| search.change(|view| view.max_duration = length)
                />
            </div>
            <RangeFields search=search />
        </div>
    }
}

#[component]
fn ServicePicker(search: Search) -> impl IntoView {
    let choices = RwSignal::new(Vec::<Choice>::new());
    let fetch = move |()| {
        spawn_local(async move {
            let Ok(services) = api::list_services().await else {
                return;
            };
            let choice = |s: model::view::ServiceSummary| {
                let errors = if s.red.errors > 0 {
                    format!(" · {} err", share(s.red.errors, s.red.calls))
                } else {
                    String::new()
                };
                Choice {
                    note: format!("{}{errors}", rate(s.red.rate_per_sec)),
                    value: s.name,
                    is_service: true,
                }
            };
            drop(choices.try_set(services.into_iter().map(choice).collect()));
        });
    };
    let choose = move |service: Option<String>| {
        search.change(|view| {
            if view.service != service {
                view.operation = None;
            }
            view.service = service;
        });
    };
    view! {
        <Picker
            label="Service"
            placeholder="any"
            chosen=Signal::derive(move || search.view.get().service)
            choices=choices
            on_open=fetch
            on_choose=choose
        />
    }
}

#[component]
fn OperationPicker(search: Search) -> impl IntoView {
    let choices = RwSignal::new(Vec::<Choice>::new());
    let fetch = move |()| {
        let Some(service) = search.view.get_untracked().service else {
            return;
        };
        spawn_local(async move {
            let Ok(operations) = api::list_operations(service).await else {
                return;
            };
            let choice = |o: model::view::OperationSummary| {
                let note = format!("{} · p95 {}", rate(o.red.rate_per_sec), duration(o.red.p95));
                Choice { note, value: o.name, is_service: false }
            };
            drop(choices.try_set(operations.into_iter().map(choice).collect()));
        });
    };
    let has_service = move || search.view.with(|view| view.service.is_some() || view.operation.is_some());
    view! {
        <Show when=has_service>
            <Picker
                label="Operation"
                placeholder="any"
                chosen=Signal::derive(move || search.view.get().operation)
                choices=choices
                on_open=fetch
                on_choose=move |operation| search.change(|view| view.operation = operation)
            />
        </Show>
    }
}

fn rate(per_sec: f64) -> String {
    match per_sec {
        r if r >= 10.0 => format!("{r:.0}/s"),
        r if r >= 0.1 => format!("{r:.1}/s"),
        r if r > 0.0 => format!("{:.1}/min", r * 60.0),
        _ => "quiet".to_owned(),
    }
}

/// A duration as it is typed. Nothing changes until it can be read; then Enter or leaving the field applies it.
#[component]
fn DurationField(
    label: &'static str,
    placeholder: &'static str,
    value: Signal<Option<Nanos>>,
    set: impl Fn(Option<Nanos>) + Copy + Send + 'static,
) -> impl IntoView {
    let problem = RwSignal::new(None::<&'static str>);
    let apply = move |event: ev::Event| {
        let text = event_target_value(&event);
        if text.trim().is_empty() {
            problem.set(None);
            return set(None);
        }
        match parse::duration(&text) {
            Ok(length) => {
                problem.set(None);
                set(Some(length));
            }
            Err(what) => problem.set(Some(what)),
        }
    };
    view! {
        <input
            class="Field Filters-duration"
            class:is-wrong=move || problem.get().is_some()
            type="text"
            aria-label=label
            aria-invalid=move || problem.get().is_some().to_string()
            title=move || problem.get().unwrap_or(label)
            placeholder=placeholder
            autocomplete="off"
            prop:value=move || value.get().map(duration_typed).unwrap_or_default()
            on:change=apply
        />
    }
}

const CUSTOM: &str = "custom";

#[component]
fn RangeFields(search: Search) -> impl IntoView {
    let range = move || search.view.get().range;
    let choose = move |event: ev::Event| {
        let name = event_target_value(&event);
        let known = WINDOWS.iter().find(|w| w.0 == name).map(|w| TimeRange::Last(w.1));
        let hour_ago = now().minus(Nanos::from_secs(3_600));
        let custom = TimeRange::Between(Some(Timestamp::from_secs(hour_ago.as_secs() / 60 * 60)), None);
        let range = known.unwrap_or(if name == CUSTOM { custom } else { TimeRange::Any });
        search.change(|view| view.range = range);
    };
    let chosen = move || match range() {
        TimeRange::Any => String::new(),
        TimeRange::Last(secs) => window_name(secs),
        TimeRange::Between(..) => CUSTOM.to_owned(),
    };
    let is_custom = Memo::new(move |_| matches!(range(), TimeRange::Between(..)));
    view! {
        <select
            class="Field"
            aria-label="Time range"
            data-testid="range"
            prop:value=chosen
            on:change=choose
        >
            <option value="">"Any time"</option>
            {WINDOWS.iter().map(|w| view! { <option value=w.0>{w.2}</option> }).collect_view()}
            <option value=CUSTOM>"Custom…"</option>
        </select>
        <Show when=move || is_custom.get()>
            <div class="Filters-pair">
                <TimeField
                    label="From"
                    value=Signal::derive(move || bounds(range()).0)
                    set=move |from| search.change(|view| view.range = TimeRange::Between(from, bounds(view.range).1))
                />
                <span aria-hidden="true">"–"</span>
                <TimeField
                    label="To"
                    value=Signal::derive(move || bounds(range()).1)
                    set=move |to| search.change(|view| view.range = TimeRange::Between(bounds(view.range).0, to))
                />
            </div>
        </Show>
    }
}

fn bounds(range: TimeRange) -> (Option<Timestamp>, Option<Timestamp>) {
    if let TimeRange::Between(from, to) = range { (from, to) } else { (None, None) }
}

/// A point in time, typed and shown in the zone this person reads.
#[component]
fn TimeField(
    label: &'static str,
    value: Signal<Option<Timestamp>>,
    set: impl Fn(Option<Timestamp>) + Copy + Send + 'static,
) -> impl IntoView {
    let zone = expect_context::<RwSignal<Zone>>();
    let shown = move || {
        value.get().map(|time| clock::date_field(time, offset_minutes(zone.get(), time))).unwrap_or_default()
    };
    let apply = move |event: ev::Event| {
        let text = event_target_value(&event);
        // The offset depends on the date, which is read as UTC first.
        let as_utc = clock::parse_date_field(&text, 0);
        let offset = as_utc.map_or(0, |time| offset_minutes(zone.get_untracked(), time));
        set(clock::parse_date_field(&text, offset));
    };
    view! {
        <input
            class="Field"
            type="datetime-local"
            step="1"
            aria-label=label
            prop:value=shown
            on:change=apply
        />
    }
}
