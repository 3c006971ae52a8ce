//! The component: names and figures as elements, bars and arrows on one canvas beside them.

use leptos::html;
use leptos::prelude::*;
use model::Nanos;
use model::order::{falling, sort_by};
use model::view::JourneyLink;

use super::board::{Board, Opened};
use super::draw::{LINE_PX, axis, lane};
use super::layout::{Line, visible};
use crate::browser::observe::SizeWatch;
use crate::chart::Window;
use crate::chart::canvas::Canvas;
use crate::chart::color::service_color_css;
use crate::chart::time_strip::TimeStrip;
use crate::format::{counted, duration};
use crate::widgets::icon::Icon;

#[component]
pub fn JourneyLines(board: Board) -> impl IntoView {
    let scroller = NodeRef::<html::Div>::new();
    let (top_px, view_px) = (RwSignal::new(0.0), RwSignal::new(0.0));
    measure(scroller, view_px);
    follow_cursor(board, scroller);
    let lines = move || {
        let lines = board.lines.get();
        let range = visible(top_px.get(), view_px.get(), LINE_PX, lines.count());
        range.filter_map(|index| Some(line(board, index, lines.at(index)?, top_px.get()))).collect_view()
    };
    view! {
        <div class="Journey-lines" data-testid="journey">
            <Head board=board />
            <div
                class="Journey-scroll"
                node_ref=scroller
                on:scroll=move |_| top_px.set(scroller.get_untracked().map_or(0.0, |s| f64::from(s.scroll_top())))
            >
                <div role="presentation" style:height=move || format!("{}px", board.lines.read().count() as f64 * LINE_PX)>
                    <div class="Journey-sheet" style:height=move || format!("{}px", view_px.get())>
                        <div class="Journey-lane">
                            <Canvas
                                class="Journey-canvas"
                                track=move || {
                                    board.window.track();
                                    board.is_folded.track();
                                    board.cursor.track();
                                    top_px.track();
                                    drop(board.lines.read());
                                }
                                draw=move |surface| lane(surface, board, top_px.get_untracked())
                            />
                        </div>
                        <div role="tree" aria-label="Traces of the journey">{lines}</div>
                    </div>
                </div>
            </div>
        </div>
    }
}

#[component]
fn Head(board: Board) -> impl IntoView {
    let brush = RwSignal::new(None::<Window>);
    view! {
        <div class="Journey-head">
            <span>"Trace, and its spans while it is open"</span>
            <TimeStrip
                class="Journey-axis"
                title="Drag to zoom in, double click for the whole journey"
                shown=board.window
                grip=Signal::derive(|| None)
                brush=brush
                on_window=move |window| board.set_window(window)
                on_reset=move |()| board.window.set(Window::whole(board.total_ns()))
            >
                <Canvas
                    class="Journey-ticks"
                    track=move || {
                        board.window.track();
                        board.is_folded.track();
                    }
                    draw=move |surface| axis(surface, board)
                />
            </TimeStrip>
        </div>
    }
}

fn measure(scroller: NodeRef<html::Div>, view_px: RwSignal<f64>) {
    let watch = StoredValue::new_local(None::<SizeWatch>);
    Effect::new(move |_| {
        if let Some(scroller) = scroller.get() {
            let element = scroller.clone();
            let read = move || view_px.set(f64::from(element.client_height()));
            read();
            watch.set_value(SizeWatch::new(&scroller, read));
        }
    });
}

/// Keeps the cursor's line on screen.
fn follow_cursor(board: Board, scroller: NodeRef<html::Div>) {
    Effect::new(move |_| {
        let (y, Some(scroller)) = (board.cursor.get() as f64 * LINE_PX, scroller.get()) else {
            return;
        };
        let (top, room) = (f64::from(scroller.scroll_top()), f64::from(scroller.client_height()));
        if y < top || y + LINE_PX > top + room {
            scroller.set_scroll_top((y - room / 3.0).max(0.0) as i32);
        }
    });
}

fn line(board: Board, index: usize, what: Line, top_px: f64) -> AnyView {
    let y = format!("translateY({}px)", index as f64 * LINE_PX - top_px);
    let body = match what {
        Line::Trace(group) => trace_line(board, group),
        Line::Span(group, place) => span_line(board, group, place),
    };
    let level = if matches!(what, Line::Trace(_)) { "1" } else { "2" };
    let is_open = match what {
        Line::Trace(group) => Some(!matches!(board.opened.read()[group], Opened::Closed)),
        Line::Span(..) => None,
    };
    view! {
        <div
            class="Journey-line"
            class:is-cursor=move || board.cursor.get() == index
            class:is-trace=is_open.is_some()
            role="treeitem"
            attr:aria-level=level
            aria-selected=move || (board.cursor.get() == index).to_string()
            aria-expanded=is_open.map(|is_open| is_open.to_string())
            data-testid="journey-line"
            style:transform=y
            on:click=move |_| board.cursor.set(index)
        >
            {body}
        </div>
    }
    .into_any()
}

fn trace_line(board: Board, group: usize) -> AnyView {
    let trace = board.journey().traces[group].clone();
    let (is_open, note) = match &board.opened.read()[group] {
        Opened::Closed => (false, None),
        Opened::Waiting => (true, Some("loading".to_owned())),
        Opened::Open(_) => (true, None),
        Opened::Failed(why) => (true, Some(why.clone())),
    };
    let url = format!("/trace/{}", trace.trace_id);
    let failed = (trace.error_count > 0)
        .then(|| view! { <b class="Journey-failed">{counted(trace.error_count, "error", "errors")}</b> });
    let name = format!("{} {}", trace.root_service, trace.root_operation);
    view! {
        <div class="Journey-name">
            <button
                type="button"
                class="Button is-icon is-small"
                class:is-turned=is_open
                tabindex="-1"
                title="Show or hide its spans (→ ←)"
                aria-label=format!("Spans of {name}")
                on:click=move |_| board.set_open(group, !is_open)
            >
                {Icon::ChevronDown.show()}
            </button>
            <i class="Service-dot" style:background=service_color_css(&trace.root_service)></i>
            <a class="Journey-link" href=url title="Open the trace (Enter)">
                <b>{trace.root_service.clone()}</b>" "{trace.root_operation.clone()}
            </a>
            <span class="Journey-figures">
                {failed}" "{counted(trace.span_count, "span", "spans")}" · "{duration(trace.duration)}" "{note}
            </span>
        </div>
    }
    .into_any()
}

fn span_line(board: Board, group: usize, place: usize) -> AnyView {
    let spans = board.opened.read()[group].spans().cloned();
    let Some(spans) = spans else {
        return ().into_any();
    };
    let (trace, row) = (&spans.trace, spans.tree.order[place] as usize);
    let url = format!("/trace/{}?span={}", trace.trace_id, trace.span_id[row]);
    let step_px = 30 + 10 * spans.tree.depth[row].min(12);
    view! {
        <div class="Journey-name" style:padding-left=format!("{step_px}px")>
            <i class="Service-dot" style:background=service_color_css(trace.service_name(row))></i>
            <a class="Journey-link" href=url title="Open the span in its trace (Enter)" tabindex="-1">
                {trace.operation_name(row).to_owned()}" "<span>{trace.service_name(row).to_owned()}</span>
            </a>
            <span class="Journey-figures">{duration(Nanos(trace.length[row]))}</span>
        </div>
    }
    .into_any()
}

/// What was handed on, the longest wait first.
#[component]
pub fn Hops(board: Board) -> impl IntoView {
    let mut links = board.journey().links.clone();
    sort_by(&mut links, |link| (falling(link.lag_ns().max(0) as u64), link.taken.0));
    let one = |link: &JourneyLink| {
        let journey = board.journey();
        let id = |trace: u32| journey.traces[trace as usize].trace_id;
        let from = format!("/trace/{}?span={}", id(link.from), link.from_span);
        let to = format!("/trace/{}?span={}", id(link.to), link.to_span);
        let lag = link.lag_ns();
        let waited = if lag < 0 {
            format!("taken up {} before the sender had ended", duration(Nanos(lag.unsigned_abs())))
        } else {
            format!("waited {}", duration(Nanos(lag as u64)))
        };
        view! {
            <li class="Journey-hop" data-testid="hop">
                <b>{waited}</b>
                <a class="Detail-link" href=from>{format!("{} · {}", link.from_name.0, link.from_name.1)}</a>
                <span aria-hidden="true">"↓"</span>
                <a class="Detail-link" href=to>{format!("{} · {}", link.to_name.0, link.to_name.1)}</a>
            </li>
        }
    };
    view! {
        <aside class="Journey-hops" aria-label="What was handed on" tabindex="0">
            <h2>"Handed on, the longest wait first"</h2>
            <ol>{links.iter().map(one).collect_view()}</ol>
        </aside>
    }
}
