//! The filters in force as chips to take off, and what the answer is worth.

use leptos::prelude::*;

use super::Search;
use super::feed::{Feed, Phase};
use crate::browser::clock::offset_minutes;
use crate::format::clock::{self, Zone};
use crate::format::{bytes, count, counted, duration};
use crate::url::search::window_label;
use crate::url::{SearchView, TimeRange};
use crate::widgets::icon::Icon;

/// A filter in words, and how to take it off.
#[derive(Clone)]
pub struct Chip {
    pub label: String,
    pub remove: fn(&mut SearchView),
}

pub fn chips_of(view: &SearchView, zone: Zone) -> Vec<Chip> {
    let chip = |label: String, remove: fn(&mut SearchView)| Chip { label, remove };
    let mut chips = Vec::new();
    if let Some(service) = &view.service {
        chips.push(chip(format!("service {service}"), |view| {
            view.service = None;
            view.operation = None;
        }));
    }
    if let Some(operation) = &view.operation {
        chips.push(chip(format!("operation {operation}"), |view| view.operation = None));
    }
    if view.errors_only {
        chips.push(chip("errors only".to_owned(), |view| view.errors_only = false));
    }
    if let Some(length) = view.min_duration {
        chips.push(chip(format!("at least {}", duration(length)), |view| view.min_duration = None));
    }
    if let Some(length) = view.max_duration {
        chips.push(chip(format!("at most {}", duration(length)), |view| view.max_duration = None));
    }
    let time = |t: model::Timestamp| clock::date_field(t, offset_minutes(zone, t)).replace('T', " ");
    let range = match view.range {
        TimeRange::Any => None,
        TimeRange::Last(secs) => Some(window_label(secs).to_lowercase()),
        TimeRange::Between(Some(from), Some(to)) => Some(format!("{} – {}", time(from), time(to))),
        TimeRange::Between(Some(from), None) => Some(format!("since {}", time(from))),
        TimeRange::Between(None, Some(to)) => Some(format!("until {}", time(to))),
        TimeRange::Between(None, None) => None,
    };
    chips.extend(range.map(|label| chip(label, |view| view.range = TimeRange::Any)));
    chips
}

#[component]
pub fn Chips(search: Search) -> impl IntoView {
    let zone = expect_context::<RwSignal<Zone>>();
    let chips = move || {
        let chips = chips_of(&search.view.get(), zone.get());
        let many = chips.len() > 1;
        let shown = chips.into_iter().map(|chip| {
            let name = format!("Remove filter: {}", chip.label);
            view! {
                <button
                    type="button"
                    class="Chip"
                    data-testid="chip"
                    aria-label=name
                    on:click=move |_| search.change(chip.remove)
                >
                    {chip.label}
                    {Icon::Close.show()}
                </button>
            }
        });
        let clear = many.then(|| {
            let all = move |_| search.change(|view| *view = SearchView::default());
            view! { <button type="button" class="Chips-clear" on:click=all>"Clear all"</button> }
        });
        view! { {shown.collect_view()} {clear} }
    };
    view! {
        <Show when=move || search.view.with(SearchView::is_filtered)>
            <div class="Chips" role="group" aria-label="Filters in force">{chips}</div>
        </Show>
    }
}

/// How many, whether that is all, and what was read to know it.
#[component]
pub fn Tally(feed: Feed) -> impl IntoView {
    let found = move || {
        let number = feed.traces.with(|traces| traces.len()) as u64;
        let more = feed.next_cursor.with(Option::is_some);
        match feed.phase.get() {
            Phase::First => "Searching…".to_owned(),
            _ if more => format!("{} newest traces", count(number)),
            _ => counted(number, "trace", "traces"),
        }
    };
    let scanned = move || {
        let scanned = feed.tally.get().scanned;
        format!("{} scanned, {}", counted(scanned.rows, "row", "rows"), bytes(scanned.bytes))
    };
    let is_known = move || {
        !matches!(feed.phase.get(), Phase::First | Phase::Failed(_)) && feed.tally.get().scanned.rows > 0
    };
    view! {
        <p class="Chips-tally" role="status" data-testid="scanned">
            <span>{found}</span>
            <Show when=is_known>
                {move || {
                    let (text, title, class) = if feed.tally.get().is_complete {
                        ("complete", "Every candidate was looked at", "Chips-complete")
                    } else {
                        ("partial", "A limit ended the search early: narrow the time range or add a filter", "Chips-partial")
                    };
                    view! { <span class=class title=title>{text}</span> }
                }}
                <span>{scanned}</span>
            </Show>
        </p>
    }
}
