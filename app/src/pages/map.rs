//! Who calls whom: a map of services, databases, queues and outside systems, and the same as a table.
//!
//! For tests: `[data-testid=map]` (the canvas), `[data-testid=map-table]` with rows `[data-testid=edge-row]`,
//! `[data-testid=map-detail]` (what is selected), `[data-testid=map-filter]`, `[data-testid=range]`.
//! Keys: `j` `k` the next and the one before, Enter only what is around it, Esc back, `m` map or table, `n` namespaces, `[` `]` earlier,
//! later, `+` `-` `0` and w a s d zoom and move.

use std::sync::Arc;

use leptos::ev;
use leptos::prelude::*;
use model::Timestamp;
use model::view::{EdgeChange, ServiceMap};

use super::services::Live;
use crate::browser::clock::{now, offset_minutes};
use crate::browser::{self, keys};
use crate::format::clock::{self, Zone};
use crate::format::{counted, duration, lowered, share};
use crate::state::Router;
use crate::url::map::MOST_HOPS;
use crate::url::{MapView, Route};
use crate::views::map::MapCanvas;
use crate::views::map::layout::{Shown, Thing, close_up, name_of, named};
use crate::widgets::message::ErrorState;
use crate::widgets::range::RangeButtons;

mod detail;

use detail::Detail;

/// The page's state and what came of it.
#[derive(Clone, Copy)]
pub struct Map {
    router: Router,
    view: Memo<MapView>,
    map: Signal<Arc<ServiceMap>>,
    selected: Memo<Option<Thing>>,
}

impl Map {
    fn change(self, change: impl FnOnce(&mut MapView)) {
        let mut view = self.view.get_untracked();
        change(&mut view);
        self.router.go(&view.url());
    }

    fn select(self, thing: Option<Thing>) {
        let name = thing.map(|thing| self.map.with_untracked(|map| name_of(map, thing)));
        self.change(|view| {
            view.hops = if name.is_some() { view.hops } else { 0 };
            view.selected = name;
        });
    }

    fn secs(self) -> f64 {
        self.map.with(|map| map.end.since(map.start).0 as f64 / 1e9)
    }
}

#[component]
pub fn MapPage() -> impl IntoView {
    let router = expect_context::<Router>();
    let view = Memo::new(move |_| match router.route() {
        Route::Map(view) => view,
        _ => MapView::default(),
    });
    browser::document().set_title("Map · Skein");
    let asked = Memo::new(move |_| view.with(|view| (view.end, view.length_secs, view.is_grouped)));
    let live = Live::<ServiceMap>::follow(move || {
        let (end, length_secs, is_grouped) = asked.get();
        api::get_service_map(end, length_secs, is_grouped)
    });
    let map = Signal::derive(move || live.answer.get().unwrap_or_default());
    let has_hops = Memo::new(move |_| view.with(|view| view.hops > 0));
    let selected =
        Memo::new(move |_| view.with(|view| map.with(|map| named(map, view.selected.as_deref()?))));
    let page = Map { router, view, map, selected };
    let shown = Memo::new(move |_| {
        let around = match selected.get() {
            Some(Thing::Node(node)) => Some(node),
            Some(Thing::Edge(edge)) => map.with(|map| Some(map.edges[edge as usize].client)),
            None => None,
        };
        let (hops, has_minor) = view.with(|view| (view.hops, view.has_minor));
        Arc::new(map.with(|map| Shown::of(map, around, hops, has_minor)))
    });
    // What is only a part is set out anew; everything stays where it is.
    let drawn = Memo::new_with_compare(
        move |_| match has_hops.get() {
            true => Arc::new(map.with(|map| shown.with(|shown| close_up(map, shown)))),
            false => map.get(),
        },
        |before, now| !before.as_ref().zip(now.as_ref()).is_some_and(|(a, b)| Arc::ptr_eq(a, b)),
    );
    let filter = RwSignal::new(String::new());
    listen(page, shown);
    // Another selection must not make another canvas, which would forget where one had gone.
    let is_table = Memo::new(move |_| view.with(|view| view.is_table));
    // And whether nothing more is to come.
    let is_empty = Memo::new(move |_| {
        let is_past = view.with(|view| view.end.is_some());
        live.answer.with(|a| a.as_ref().filter(|map| map.nodes.is_empty()).map(|map| map.complete || is_past))
    });
    let select = Callback::new(move |thing| page.select(thing));
    view! {
        <div class="Services">
            <Bar page=page filter=filter />
            {move || match (live.failed.get(), is_empty.get()) {
                (Some(error), _) => view! { <ErrorState error=error retry=move || live.again() /> }.into_any(),
                (None, Some(is_complete)) => nothing(is_complete).into_any(),
                (None, None) => {
                    view! {
                        <div class="Map" class:is-stale=move || live.is_waiting.get()>
                            {move || {
                                if is_table.get() {
                                    table(page, shown, filter).into_any()
                                } else {
                                    view! {
                                        <MapCanvas map=drawn shown=shown selected=selected filter=filter select=select />
                                    }
                                    .into_any()
                                }
                            }}
                            <Detail page=page />
                        </div>
                    }
                    .into_any()
                }
            }}
        </div>
    }
}

fn listen(page: Map, shown: Memo<Arc<Shown>>) {
    let keys = window_event_listener(ev::keydown, move |event| {
        match keys::page_key(&event).as_deref() {
            Some("j" | "ArrowDown") => step(page, shown, 1),
            Some("k" | "ArrowUp") => step(page, shown, -1),
            Some("Enter") => page.change(|view| {
                view.hops = if view.selected.is_some() { (view.hops + 1) % (MOST_HOPS + 1) } else { 0 };
            }),
            Some("Escape") => page.select(None),
            Some("m") => page.change(|view| view.is_table = !view.is_table),
            Some("n") => page.change(|view| {
                view.is_grouped = !view.is_grouped;
                view.selected = None;
                view.hops = 0;
            }),
            Some("[") => page.change(|view| *view = view.moved(false, now())),
            Some("]") => page.change(|view| *view = view.moved(true, now())),
            Some("/") => drop(browser::focus("#map-filter")),
            _ => return,
        }
        event.prevent_default();
    });
    on_cleanup(move || keys.remove());
}

/// The next node in the order of reading: column by column.
fn step(page: Map, shown: Memo<Arc<Shown>>, by: isize) {
    let next = page.map.with_untracked(|map| {
        let shown = shown.get_untracked();
        let mut nodes: Vec<u32> = (0..map.nodes.len() as u32).filter(|n| shown.nodes[*n as usize]).collect();
        let place = |node: &u32| {
            let node = &map.nodes[*node as usize];
            (u64::from(node.column), (f64::from(node.row) * 1_000.0) as u64)
        };
        model::order::sort_by(&mut nodes, place);
        let at = match page.selected.get_untracked() {
            Some(Thing::Node(node)) => nodes.iter().position(|n| *n == node),
            _ => None,
        };
        let last = nodes.len().checked_sub(1)?;
        Some(nodes[at.map_or(0, |at| at.saturating_add_signed(by).min(last))])
    });
    if let Some(node) = next {
        page.select(Some(Thing::Node(node)));
    }
}

#[component]
fn Bar(page: Map, filter: RwSignal<String>) -> impl IntoView {
    let zone = expect_context::<RwSignal<Zone>>();
    let choose = Callback::new(move |length_secs: u64| page.change(|view| view.length_secs = length_secs));
    let window = move || {
        let time = |time| clock::time_millis(time, offset_minutes(zone.get(), time))[..5].to_owned();
        let (start, end) = page.map.with(|map| (map.start, map.end));
        if page.view.with(|view| view.end.is_none()) {
            return "up to now".to_owned();
        }
        format!("{} – {}", time(start), time(end))
    };
    let is_now = move || page.view.with(|view| view.end.is_none());
    let counts = move || {
        page.map.with(|map| {
            if map.end == Timestamp::default() {
                return "looking…".to_owned();
            }
            let changed = map.edges.iter().filter(|edge| map.change(edge) != EdgeChange::Same).count();
            let part = if map.complete { "" } else { " · not all of it" };
            let nodes = counted(map.nodes.len() as u64, "node", "nodes");
            format!("{nodes} · {} changed{part}", counted(changed as u64, "call", "calls"))
        })
    };
    let toggle =
        move |is_on: Signal<bool>, name: &'static str, title: &'static str, change: fn(&mut MapView)| {
            view! {
                <button
                    type="button"
                    class="Button is-small"
                    class:is-on=move || is_on.get()
                    aria-pressed=move || is_on.get().to_string()
                    title=title
                    on:click=move |_| page.change(change)
                >
                    {name}
                </button>
            }
        };
    let is_table = Signal::derive(move || page.view.with(|view| view.is_table));
    let has_minor = Signal::derive(move || page.view.with(|view| view.has_minor));
    let is_grouped = Signal::derive(move || page.view.with(|view| view.is_grouped));
    let found = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let text = lowered(&filter.get_untracked());
        let node = page.map.with_untracked(|map| {
            map.nodes.iter().position(|node| !text.is_empty() && lowered(&node.node.name).contains(&text))
        });
        if let Some(node) = node {
            page.select(Some(Thing::Node(node as u32)));
            browser::blur();
        }
    };
    view! {
        <div class="Services-bar">
            <h1 class="Services-title">"Map"</h1>
            <span class="Services-note" data-testid="map-counts">{counts}</span>
            <form class="Map-find" role="search" aria-label="Find a node" on:submit=found>
                <input
                    id="map-filter"
                    class="Field"
                    data-testid="map-filter"
                    type="text"
                    placeholder="Find"
                    aria-label="Find a node by name"
                    prop:value=move || filter.get()
                    on:input=move |event| filter.set(event_target_value(&event))
                />
            </form>
            {toggle(is_table, "Table", "The same as a table (m)", |view| view.is_table = !view.is_table)}
            {toggle(is_grouped, "Namespaces", "The services of a namespace as one (n)", |view| {
                view.is_grouped = !view.is_grouped;
                view.selected = None;
                view.hops = 0;
            })}
            {toggle(has_minor, "Rare calls", "Calls that are a hundredth of both sides' or less", |view| {
                view.has_minor = !view.has_minor;
            })}
            <span class="Map-time">
                <button type="button" class="Button is-small" title="Earlier ([)" aria-label="Earlier"
                    on:click=move |_| page.change(|view| *view = view.moved(false, now()))>"‹"</button>
                <span class="Services-note">{window}</span>
                <button type="button" class="Button is-small" title="Later (])" aria-label="Later"
                    disabled=is_now
                    on:click=move |_| page.change(|view| *view = view.moved(true, now()))>"›"</button>
                <button type="button" class="Button is-small" disabled=is_now
                    on:click=move |_| page.change(|view| view.end = None)>"Now"</button>
            </span>
            <RangeButtons chosen=Signal::derive(move || page.view.with(|view| view.length_secs)) choose=choose />
        </div>
    }
}

/// What an edge's change is called.
pub fn change_word(change: EdgeChange) -> &'static str {
    match change {
        EdgeChange::Same => "",
        EdgeChange::New => "new",
        EdgeChange::Lost => "lost",
        EdgeChange::Slower => "slower",
        EdgeChange::MoreErrors => "more failures",
    }
}

fn table(page: Map, shown: Memo<Arc<Shown>>, filter: RwSignal<String>) -> impl IntoView {
    let rows = move || {
        let (map, shown, text) = (page.map.get(), shown.get(), lowered(&filter.get()));
        let name = |node: u32| map.nodes[node as usize].node.name.clone();
        let is_found = |node: u32| text.is_empty() || lowered(&name(node)).contains(&text);
        let mut edges: Vec<u32> = (0..map.edges.len() as u32)
            .filter(|at| {
                let edge = &map.edges[*at as usize];
                shown.edges[*at as usize] && (is_found(edge.client) || is_found(edge.server))
            })
            .collect();
        // What changed first, then what fails most, then the busiest.
        model::order::sort_by(&mut edges, |at| {
            let edge = &map.edges[*at as usize];
            let weight = (edge.now.errors.min(u64::from(u32::MAX)) << 31).saturating_add(edge.now.calls);
            (u64::from(map.change(edge) == EdgeChange::Same), model::order::falling(weight))
        });
        let secs = page.secs();
        edges
            .into_iter()
            .map(|at| {
                let edge = map.edges[at as usize];
                let is_on = move || page.selected.get() == Some(Thing::Edge(at));
                view! {
                    <tr class="Lines-row" class:is-on=is_on data-testid="edge-row">
                        <th scope="row" class="Lines-name">
                            <button type="button" class="Map-link" on:click=move |_| page.select(Some(Thing::Edge(at)))>
                                {name(edge.client)} " → " {name(edge.server)}
                            </button>
                        </th>
                        <td>{map.nodes[edge.server as usize].node.kind.name()}</td>
                        <td class="is-number">{detail::rate(edge.now.calls, secs)}</td>
                        <td class="is-number" class:is-failing=edge.now.errors != 0>
                            {share(edge.now.errors, edge.now.calls)}
                        </td>
                        <td class="is-number">{duration(edge.now.p50)}</td>
                        <td class="is-number">{duration(edge.now.p95)}</td>
                        <td>{change_word(map.change(&edge))}</td>
                    </tr>
                }
            })
            .collect_view()
    };
    view! {
        <div class="Lines Map-table" data-testid="map-table">
            <table class="Lines-table">
                <thead>
                    <tr>
                        <th scope="col">"Call"</th>
                        <th scope="col">"To a"</th>
                        <th scope="col" class="is-number">"Calls"</th>
                        <th scope="col" class="is-number">"Failed"</th>
                        <th scope="col" class="is-number">"p50"</th>
                        <th scope="col" class="is-number">"p95"</th>
                        <th scope="col">"Beside the time before"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
}

fn nothing(is_complete: bool) -> impl IntoView {
    if !is_complete {
        return view! {
            <div class="Message" data-testid="empty-state">
                <h2 class="Message-title">"No call is counted yet"</h2>
                <p class="Message-text">
                    "Spans arrive, more than can be looked through at once. Their calls are counted when their traces \
                     have come to rest, half a minute after the last span, and appear here by themselves."
                </p>
            </div>
        }
        .into_any();
    }
    view! {
        <div class="Message" data-testid="empty-state">
            <h2 class="Message-title">"Nothing was called in this time"</h2>
            <p class="Message-text">
                "Point any OpenTelemetry SDK at this server, or run " <code>"skein demo"</code>
                ". Services and what they call appear here by themselves; for an earlier time go back with " <kbd>"["</kbd> "."
            </p>
        </div>
    }
    .into_any()
}
