//! The second line: what is wrong in the editor or else the conditions in force as chips, and what the answer is worth.

use leptos::prelude::*;
use model::query::edit;

use super::Search;
use super::feed::{Feed, Phase};
use crate::browser::clock::offset_minutes;
use crate::format::clock::{self, Zone};
use crate::format::{bytes, count, counted};
use crate::url::search::window_label;
use crate::url::{SearchView, TimeRange};
use crate::widgets::icon::Icon;

/// A condition in words, and how to take it off.
#[derive(Clone, Debug, PartialEq)]
pub struct Chip {
    pub label: String,
    part: Part,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    Condition(usize),
    Query,
    Range,
}

impl Chip {
    pub fn remove_from(&self, view: &mut SearchView) {
        match self.part {
            Part::Condition(index) => view.q = without(&view.q, index),
            Part::Query => view.q = String::new(),
            Part::Range => view.range = TimeRange::Any,
        }
    }
}

/// A selection of everything is no query at all.
fn without(q: &str, index: usize) -> String {
    let left = edit::without(q, index);
    if left == "{ }" { String::new() } else { left }
}

pub fn chips_of(view: &SearchView, zone: Zone) -> Vec<Chip> {
    let mut chips: Vec<Chip> = match edit::conditions(&view.q) {
        Some(parts) => parts
            .into_iter()
            .enumerate()
            .map(|(index, label)| Chip { label, part: Part::Condition(index) })
            .collect(),
        None => vec![Chip { label: view.q.clone(), part: Part::Query }],
    };
    let time = |t: model::Timestamp| clock::date_field(t, offset_minutes(zone, t)).replace('T', " ");
    let range = match view.range {
        TimeRange::Any => None,
        TimeRange::Last(secs) => Some(window_label(secs).to_ascii_lowercase()),
        TimeRange::Between(Some(from), Some(to)) => Some(format!("{} – {}", time(from), time(to))),
        TimeRange::Between(Some(from), None) => Some(format!("since {}", time(from))),
        TimeRange::Between(None, Some(to)) => Some(format!("until {}", time(to))),
        TimeRange::Between(None, None) => None,
    };
    chips.extend(range.map(|label| Chip { label, part: Part::Range }));
    chips
}

#[component]
pub fn Under(search: Search, feed: Feed) -> impl IntoView {
    let first = Memo::new(move |_| search.problems.with(|problems| problems.first().cloned()));
    view! {
        <div class="Under">
            <p class="Under-problem" id="query-problem" role="status" data-testid="query-problem">
                {move || {
                    first
                        .get()
                        .map(|problem| {
                            view! { {Icon::Alert.show()} <b>{problem.message}</b> <span>{problem.hint}</span> }
                        })
                }}
            </p>
            <Show when=move || first.with(Option::is_none)>
                <Chips search=search />
            </Show>
            {(!cfg!(feature = "reports")).then(|| view! { <Tally search=search feed=feed /> })}
        </div>
    }
}

#[component]
fn Chips(search: Search) -> impl IntoView {
    let zone = expect_context::<RwSignal<Zone>>();
    let chips = Memo::new(move |_| chips_of(&search.view.get(), zone.get()));
    let shown = move || {
        let chips = chips.get();
        let many = chips.len() > 1;
        let shown = chips.into_iter().map(|chip| {
            let label = chip.label.clone();
            view! {
                <button
                    type="button"
                    class="Chip"
                    data-testid="chip"
                    title=label.clone()
                    aria-label=format!("Remove: {label}")
                    on:click=move |_| search.change(|view| chip.remove_from(view))
                >
                    <span class="Chip-label">{label.clone()}</span>
                    {Icon::Close.show()}
                </button>
            }
        });
        let clear = many.then(|| {
            let all = move |_| {
                search.change(|view| {
                    view.q = String::new();
                    view.range = TimeRange::Any;
                });
            };
            view! { <button type="button" class="Chips-clear" on:click=all>"Clear all"</button> }
        });
        view! { {shown.collect_view()} {clear} }
    };
    view! { <div class="Chips" role="group" aria-label="Conditions in force">{shown}</div> }
}

/// How many, whether that is all, and what was read to know it.
#[component]
fn Tally(search: Search, feed: Feed) -> impl IntoView {
    let found = move || {
        let number = feed.traces.with(|traces| traces.len()) as u64;
        let more = feed.next_cursor.with(Option::is_some);
        let order = match search.view.with(|view| view.order) {
            model::view::SearchOrder::Newest => "newest",
            model::view::SearchOrder::Duration => "longest",
            model::view::SearchOrder::Errors => "most failed",
            model::view::SearchOrder::Spans => "largest",
        };
        match feed.phase.get() {
            Phase::First => "Searching…".to_owned(),
            _ if more => format!("{} {order} traces", count(number)),
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
                    let limit = feed.limit.get().unwrap_or_else(|| "a limit ended the search early".to_owned());
                    let has_more = feed.next_cursor.with(Option::is_some);
                    let (text, title, class) = if feed.phase.get() == Phase::More {
                        ("searching on", "Further traces are being looked for".to_owned(), "Chips-partial")
                    } else if feed.tally.get().is_complete {
                        let all = if has_more { "Every candidate before the last row was looked at" } else { "Every candidate was looked at" };
                        ("complete", all.to_owned(), "Chips-complete")
                    } else {
                        ("partial", format!("{limit}: narrow the time range or add a condition"), "Chips-partial")
                    };
                    view! { <span class=class title=title>{text}</span> }
                }}
                <span class="Chips-scanned">{scanned}</span>
            </Show>
        </p>
    }
}
