//! The time range: a window that slides, or two points in time.

use leptos::ev;
use leptos::prelude::*;
use model::{Nanos, Timestamp};

use super::Search;
use crate::browser::clock::{now, offset_minutes};
use crate::format::clock::{self, Zone};
use crate::url::TimeRange;
use crate::url::search::{WINDOWS, window_name};

const CUSTOM: &str = "custom";

#[component]
pub fn RangeFields(search: Search) -> impl IntoView {
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
            <div class="Range-pair">
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
