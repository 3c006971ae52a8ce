//! The found traces as a dense table. Only rows on screen exist; reaching the end fetches more.

use std::ops::Range;

use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use model::order::sort_by;
use model::view::{CriticalShare, SearchOrder, ServiceShare, TraceSummary};
use model::{Nanos, TraceId};

use super::Search;
use super::feed::{Feed, Phase};
use crate::browser::keys;
use crate::browser::observe::SizeWatch;
use crate::chart::color::service_color_css;
use crate::format::{count, counted, duration};
use crate::widgets::icon::Icon;
use crate::widgets::message::title_of;
use crate::widgets::moment::Moment;
use crate::widgets::status::StatusBadge;

const ROW_PX: f64 = 30.0;
const OVERSCAN: usize = 6;
/// This close to the end, the next page is fetched.
const AHEAD_ROWS: usize = 40;
/// Services named in a row; the rest are counted.
const SERVICES_SHOWN: usize = 4;

#[component]
pub fn Results(search: Search, feed: Feed) -> impl IntoView {
    let scroller = NodeRef::<html::Div>::new();
    let scroll_top = RwSignal::new(0.0);
    let view_px = RwSignal::new(800.0);
    let watch = StoredValue::new_local(None::<SizeWatch>);
    Effect::new(move |_| {
        if let Some(scroller) = scroller.get() {
            let element = scroller.clone();
            let measure = move || view_px.set(f64::from(element.client_height()));
            watch.set_value(SizeWatch::new(&scroller, measure));
        }
    });
    let row_count = Memo::new(move |_| feed.traces.with(|traces| traces.len()));
    let visible = Memo::new(move |_| visible(scroll_top.get(), view_px.get(), row_count.get()));
    Effect::new(move |_| {
        if visible.get().end + AHEAD_ROWS >= row_count.get() {
            feed.more();
        }
    });
    let cursor = RwSignal::new(None::<usize>);
    Effect::new(move |_| {
        let above = feed.fresh.with(|fresh| fresh.above);
        hold_still(scroller, above);
        cursor.update(|cursor| *cursor = cursor.map(|at| at + above));
    });
    let keys = window_event_listener(ev::keydown, move |event| {
        let id = || feed.traces.with_untracked(|all| Some(all.get(cursor.get_untracked()?)?.trace_id));
        match (keys::page_key(&event).as_deref(), id()) {
            (Some("x"), Some(id)) => search.tick(id),
            _ => walk(&event, scroller, cursor, row_count),
        }
    });
    on_cleanup(move || keys.remove());
    let long = Memo::new(move |_| feed.traces.with(|all| long(all)));
    let rows = move || {
        let traces = feed.traces.get();
        visible.get().filter_map(|i| traces.get(i).map(|t| (i, t.clone()))).collect::<Vec<_>>()
    };
    let is_fresh = move |id: &TraceId| feed.fresh.with_untracked(|fresh| fresh.traces.contains(id));
    let is_waiting = move || feed.phase.get() == Phase::First;
    let is_stale = move || is_waiting() && row_count.get() > 0;
    view! {
        <div
            class="Results"
            class:is-stale=is_stale
            role="table"
            aria-label="Traces"
            aria-rowcount=move || (row_count.get() + 1).to_string()
            aria-busy=move || is_waiting().to_string()
        >
            <Head search=search />
            <div
                class="Results-scroll"
                role="presentation"
                node_ref=scroller
                on:scroll=move |_| scroll_top.set(scroller.get_untracked().map_or(0.0, |s| f64::from(s.scroll_top())))
            >
                <div
                    class="Results-content"
                    role="rowgroup" style:height=move || format!("{}px", row_count.get() as f64 * ROW_PX)>
                    <For each=rows key=|(i, t)| (*i, t.trace_id, t.span_count, t.status) let((i, trace))>
                        <Row search=search index=i is_fresh=is_fresh(&trace.trace_id) trace=trace cursor=cursor long=long />
                    </For>
                </div>
                <Show when=move || is_waiting() && row_count.get() == 0>
                    <Skeletons />
                </Show>
                <Tail feed=feed />
            </div>
        </div>
    }
}

/// What is ticked, and what can be done with it.
pub fn compare(search: Search, url: String) -> impl IntoView {
    let (text, action) = match search.ticked.with(Vec::len) {
        1 => ("One trace ticked; tick another", "Compare it with…"),
        _ => ("Two traces ticked", "Compare them (c)"),
    };
    view! {
        <div class="Results-compare" role="status">
            {text}
            <a class="Button is-small is-primary" data-testid="compare" href=url>{action}</a>
            <button type="button" class="Button is-small" on:click=move |_| search.ticked.set(Vec::new())>"Clear"</button>
        </div>
    }
}

/// Rows that come in above move the others down; whoever is reading stays where they are. At the top they are seen.
fn hold_still(scroller: NodeRef<html::Div>, above: usize) {
    if let Some(scroller) = scroller.get_untracked().filter(|scroller| above > 0 && scroller.scroll_top() > 0)
    {
        let to = scroller.scroll_top() + (above as f64 * ROW_PX) as i32;
        // The taller content exists in the next frame.
        request_animation_frame(move || scroller.set_scroll_top(to));
    }
}

fn visible(scroll_top_px: f64, view_px: f64, row_count: usize) -> Range<usize> {
    let first = (scroll_top_px / ROW_PX) as usize;
    let last = ((scroll_top_px + view_px) / ROW_PX).ceil() as usize;
    first.saturating_sub(OVERSCAN).min(row_count)..(last + OVERSCAN).min(row_count)
}

/// Moves the row cursor and the focus with it.
fn walk(
    event: &ev::KeyboardEvent,
    scroller: NodeRef<html::Div>,
    cursor: RwSignal<Option<usize>>,
    row_count: Memo<usize>,
) {
    let Some(last) = row_count.get_untracked().checked_sub(1) else {
        return;
    };
    let now = cursor.get_untracked();
    let next = match keys::page_key(event).as_deref() {
        Some("j" | "ArrowDown") => now.map_or(0, |i| (i + 1).min(last)),
        Some("k" | "ArrowUp") => now.map_or(0, |i| i.saturating_sub(1)),
        Some("Home") => 0,
        Some("End") => last,
        _ => return,
    };
    event.prevent_default();
    cursor.set(Some(next));
    let Some(scroller) = scroller.get_untracked() else {
        return;
    };
    let (top, height) = (f64::from(scroller.scroll_top()), f64::from(scroller.client_height()));
    let row = next as f64 * ROW_PX;
    if row < top || row + ROW_PX > top + height {
        let wanted = if row < top { row } else { row + ROW_PX - height };
        scroller.set_scroll_top(wanted as i32);
    }
}

#[component]
fn Head(search: Search) -> impl IntoView {
    let column = |class: &'static str, name: &'static str| {
        view! { <div class=class role="columnheader">{name}</div> }
    };
    let sorted = move |class: &'static str, name: &'static str, order: SearchOrder| {
        let is_on = move || search.view.with(|view| view.order == order);
        view! {
            <div class=class role="columnheader" aria-sort=move || if is_on() { "descending" } else { "none" }>
                <button
                    type="button"
                    class="Results-sort"
                    class:is-on=is_on
                    data-testid="sort"
                    data-order=order.name()
                    title=format!("Sort by {}, largest first", name.to_ascii_lowercase())
                    on:click=move |_| search.change(|view| view.order = order)
                >
                    {name}
                    {Icon::ChevronDown.show()}
                </button>
            </div>
        }
    };
    view! {
        <div class="Results-head Results-grid" role="rowgroup">
            <div class="Results-line" role="row" aria-rowindex="1">
                {sorted("", "Start", SearchOrder::Newest)}
                {column("", "Status")}
                {column("", "Service and operation")}
                {sorted("is-number", "Duration", SearchOrder::Duration)}
                {column("", "Waited for")}
                {sorted("is-number", "Spans", SearchOrder::Spans)}
                {sorted("is-number", "Errors", SearchOrder::Errors)}
                {column("", "Services")}
            </div>
        </div>
    }
}

#[component]
fn Row(
    search: Search,
    index: usize,
    trace: TraceSummary,
    cursor: RwSignal<Option<usize>>,
    long: Memo<Nanos>,
    is_fresh: bool,
) -> impl IntoView {
    let link = NodeRef::<html::A>::new();
    Effect::new(move |_| {
        if let (true, Some(link)) = (cursor.get() == Some(index), link.get()) {
            let _ = link.focus();
        }
    });
    let (id, length) = (trace.trace_id, trace.duration);
    let bar = move || format!("{:.1}%", bar_share(length, long.get()) * 100.0);
    let errors = (trace.error_count > 0).then(|| count(trace.error_count));
    let orphans = (trace.orphan_count > 0)
        .then(|| format!("{} with no parent stored", counted(trace.orphan_count, "span", "spans")));
    view! {
        <div
            class="Results-row Results-line"
            class:is-fresh=is_fresh
            class:is-cursor=move || cursor.get() == Some(index)
            role="row"
            aria-rowindex=(index + 2).to_string()
            data-testid="trace-row"
            data-trace-id=trace.trace_id.to_string()
            style:transform=format!("translateY({}px)", index as f64 * ROW_PX)
        >
            <div role="cell" class="Results-start">
                <input
                    type="checkbox"
                    class="Results-tick"
                    data-testid="tick"
                    aria-label="Tick for a comparison"
                    title="Tick two to compare them (x)"
                    prop:checked=move || search.ticked.with(|ticked| ticked.contains(&id))
                    on:change=move |_| search.tick(id)
                />
                <Moment at=trace.start />
            </div>
            <div role="cell" title=orphans><StatusBadge status=trace.status in_flight=trace.in_flight /></div>
            <div role="cell" class="Results-root">
                <a
                    class="Results-link"
                    node_ref=link
                    href=format!("/trace/{}", trace.trace_id)
                    on:focus=move |_| cursor.set(Some(index))
                >
                    <i class="Service-dot" style:background=service_color_css(&trace.root_service)></i>
                    <span class="Results-service">{trace.root_service}</span>
                    <span class="Results-operation">{trace.root_operation}</span>
                </a>
            </div>
            <div role="cell" class="is-number Results-duration">
                <i class="Results-bar" style:width=bar></i>
                {duration(trace.duration)}
            </div>
            <div role="cell" class="Results-critical">{trace.critical.map(critical)}</div>
            <div role="cell" class="is-number">{count(trace.span_count)}</div>
            <div role="cell" class="is-number Results-errors">{errors}</div>
            <div role="cell" class="Results-services"><Services services=trace.services /></div>
        </div>
    }
}

/// The service most of the trace's time went to.
fn critical(of: CriticalShare) -> impl IntoView {
    let share = format!("{:.0}%", f64::from(of.share) * 100.0);
    let title = format!("{share} of the critical path is time of {}", of.service);
    view! {
        <span class="Share" title=title>
            <i class="Service-dot" style:background=service_color_css(&of.service)></i>
            <span class="Share-name">{of.service}</span>
            <span class="Share-count">{share}</span>
        </span>
    }
}

/// Against the yardstick of [`long`]; what is longer still fills the cell.
fn bar_share(length: Nanos, long: Nanos) -> f64 {
    (length.0 as f64 / long.0.max(1) as f64).clamp(0.01, 1.0)
}

/// A long duration among these: nineteen of twenty are shorter, so one giant does not flatten all other bars.
fn long(traces: &[TraceSummary]) -> Nanos {
    let mut durations: Vec<Nanos> = traces.iter().map(|t| t.duration).collect();
    sort_by(&mut durations, |length| (length.0, 0));
    durations.get(durations.len() * 19 / 20).or(durations.last()).copied().unwrap_or_default()
}

#[component]
fn Services(services: Vec<ServiceShare>) -> impl IntoView {
    let words = |s: &ServiceShare| {
        let errors = if s.error_count > 0 {
            format!(", {}", counted(s.error_count, "error", "errors"))
        } else {
            String::new()
        };
        format!("{}: {}{errors}", s.name, counted(s.span_count, "span", "spans"))
    };
    let title = services.iter().map(words).collect::<Vec<_>>().join("\n");
    let rest = services.len().saturating_sub(SERVICES_SHOWN);
    // Where it failed comes first; otherwise most spans first, as they arrive.
    let mut services = services;
    sort_by(&mut services, |s| (u64::from(s.error_count == 0), 0));
    let shown = services.into_iter().take(SERVICES_SHOWN).map(|s| {
        let errors = (s.error_count > 0).then(|| view! { <b>{format!("{} err", s.error_count)}</b> });
        view! {
            <span class="Share">
                <i class="Service-dot" style:background=service_color_css(&s.name)></i>
                <span class="Share-name">{s.name}</span>
                <span class="Share-count">{s.span_count}</span>
                {errors}
            </span>
        }
    });
    view! {
        <span class="Shares" title=title>
            {shown.collect_view()}
            {(rest > 0).then(|| view! { <span class="Share-count">{format!("+{rest}")}</span> })}
        </span>
    }
}

#[component]
fn Skeletons() -> impl IntoView {
    let line = |i: usize| {
        let cell = |percent: usize| {
            view! { <div role="presentation"><i class="Skeleton" style:width=format!("{percent}%")></i></div> }
        };
        view! {
            <div class="Results-line Results-skeleton" role="presentation">
                {cell(80)} {cell(60)} {cell(40 + i * 17 % 40)} {cell(50)} {cell(60)} {cell(40)} {cell(0)} {cell(50 + i * 29 % 40)}
            </div>
        }
    };
    (0..14).map(line).collect_view()
}

/// What stands below the last row: more to come, the end, or why there is no more.
#[component]
fn Tail(feed: Feed) -> impl IntoView {
    move || {
        match feed.phase.get() {
        Phase::More => view! { <p class="Results-tail">"Loading older traces…"</p> }.into_any(),
        Phase::Failed(error) => view! {
            <p class="Results-tail is-error" role="alert" data-testid="error-state">
                {format!("{}: {}. {} ", title_of(error.code), error.message, error.hint)}
                <button type="button" class="Button is-small" on:click=move |_| feed.more()>"Try again"</button>
            </p>
        }
        .into_any(),
        Phase::Idle if feed.next_cursor.with(Option::is_none) => {
            view! { <p class="Results-tail">"These are all"</p> }.into_any()
        }
        _ => ().into_any(),
    }
    }
}
