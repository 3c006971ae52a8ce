//! The component: a canvas that stays put while the lanes scroll under it.

use std::sync::Arc;

use leptos::ev::{MouseEvent, WheelEvent};
use leptos::html;
use leptos::prelude::*;

use super::layout::{LANE_PX, Lanes, Time, drawn};
use crate::chart::TimeScale;
use crate::chart::canvas::{Canvas, Surface};
use crate::chart::time_axis::ticks;
use crate::format::duration;
use crate::views::stage::Stage;

const FONT: &str = "11px system-ui, -apple-system, \"Segoe UI\", Roboto, \"Liberation Sans\", sans-serif";
const AXIS_PX: f64 = 22.0;
/// A narrower box has no room for a word.
const LABEL_PAD_PX: f64 = 4.0;
const ELLIPSIS_PX: f64 = 8.0;
const LABEL_PX: f64 = 36.0;
const WHEEL_ZOOM: f64 = 0.002;

#[component]
pub fn Flame(stage: Stage) -> impl IntoView {
    let staged = stage.staged();
    let lanes = Arc::new(Lanes::new(&staged.trace, &staged.tree));
    let scroller = NodeRef::<html::Div>::new();
    let top_px = RwSignal::new(0.0);
    let hover = RwSignal::new(None::<u32>);
    let height_px = AXIS_PX + lanes.rows.len() as f64 * LANE_PX;
    let size = move || {
        scroller
            .get_untracked()
            .map_or((1.0, 1.0), |s| (f64::from(s.client_width()), f64::from(s.client_height())))
    };
    let row_at = {
        let (lanes, staged) = (Arc::clone(&lanes), Arc::clone(&staged));
        move |event: &MouseEvent| {
            let rect = scroller.get_untracked()?.get_bounding_client_rect();
            let y = f64::from(event.client_y()) - rect.top() + top_px.get_untracked() - AXIS_PX;
            let scale = TimeScale::new(stage.window.get_untracked(), size().0);
            let lane = (y >= 0.0).then_some((y / LANE_PX) as usize)?;
            let folds = stage.folds.get_untracked();
            let time = Time { trace: &staged.trace, folds: &folds, scale };
            lanes.at(time, lane, f64::from(event.client_x()) - rect.left())
        }
    };
    let row_under = row_at.clone();
    // Whatever another view chose is brought on screen.
    let lane_of = Arc::clone(&lanes);
    Effect::new(move |_| {
        let (Some(row), Some(scroller)) = (stage.span_row(), scroller.get()) else {
            return;
        };
        let y = f64::from(lane_of.lane[row as usize]) * LANE_PX;
        let (top, room) = (f64::from(scroller.scroll_top()), f64::from(scroller.client_height()) - AXIS_PX);
        if y < top || y + LANE_PX > top + room {
            scroller.set_scroll_top((y - room / 3.0).max(0.0) as i32);
        }
    });
    let wheel = move |event: WheelEvent| {
        if event.ctrl_key() || event.meta_key() {
            event.prevent_default();
            let left = scroller.get_untracked().map_or(0.0, |s| s.get_bounding_client_rect().left());
            let window = stage.window.get_untracked();
            let at_ns = TimeScale::new(window, size().0).ns_of(f64::from(event.client_x()) - left);
            stage.set_window(window.zoomed(at_ns, (event.delta_y() * WHEEL_ZOOM).exp()));
        }
    };
    let title = move || {
        let staged = stage.staged();
        let Some(row) = hover.get().map(|row| row as usize) else {
            return String::new();
        };
        let trace = &staged.trace;
        let length = duration(model::Nanos(trace.length[row]));
        format!("{} · {} · {length}", trace.operation_name(row), trace.service_name(row))
    };
    view! {
        <div
            class="Flame"
            data-testid="flame"
            role="img"
            aria-label="Flame chart. Arrow keys move through the spans; the waterfall lists them."
            node_ref=scroller
            title=title
            on:scroll=move |_| top_px.set(scroller.get_untracked().map_or(0.0, |s| f64::from(s.scroll_top())))
            on:wheel=wheel
            on:pointermove=move |event| hover.set(row_under(&event))
            on:click=move |event| if let Some(row) = row_at(&event) { stage.open(row) }
            on:dblclick=move |_| stage.zoom_to_cursor()
        >
            <div role="presentation" style:height=format!("{height_px}px")>
                <div class="Flame-sheet">
                    <Canvas
                        class="Flame-canvas"
                        track=move || {
                            stage.window.track();
                            stage.cursor.track();
                            top_px.track();
                            drop((stage.hits.read(), stage.folds.read()));
                        }
                        draw=move |surface| paint(surface, stage, &lanes, top_px.get_untracked())
                    />
                </div>
            </div>
        </div>
    }
}

fn paint(surface: &Surface, stage: Stage, lanes: &Lanes, top_px: f64) {
    let staged = stage.staged();
    let (trace, window) = (&staged.trace, stage.window.get_untracked());
    let hits = stage.hits.get_untracked();
    let folds = stage.folds.get_untracked();
    let time = Time { trace, folds: &folds, scale: TimeScale::new(window, surface.width_px) };
    surface.context.set_font(FONT);
    surface.context.set_text_baseline("middle");
    let first = (top_px / LANE_PX) as usize;
    let count = (surface.height_px / LANE_PX) as usize + 2;
    for (lane, rows) in lanes.rows.iter().enumerate().skip(first).take(count) {
        let y = AXIS_PX + lane as f64 * LANE_PX - top_px;
        drawn(rows, time, surface.width_px, |row, left, right| {
            let at = row as usize;
            let (left, right) = (left.max(0.0), right.min(surface.width_px));
            let width = (right - left - 1.0).max(1.0);
            let color = usize::from(staged.colors[trace.service[at] as usize]);
            surface.fill(surface.palette.services.get(color).map_or("", String::as_str));
            surface.rect(left, y, width, LANE_PX - 1.0);
            if trace.is_error(at) {
                surface.fill(&surface.palette.error);
                surface.rect(left, y + LANE_PX - 4.0, width, 3.0);
            }
            let (is_hit, is_cursor) = (hits.contains(row), stage.cursor.get_untracked() == Some(row));
            if is_hit || is_cursor {
                surface.fill(if is_cursor { &surface.palette.text } else { &surface.palette.accent });
                surface.rect(left, y, width, 2.0);
            }
            if width > LABEL_PX {
                surface.fill(surface.palette.on_services.get(color).map_or("", String::as_str));
                let mark = if trace.is_error(at) { "⚠ " } else { "" };
                label(surface, &format!("{mark}{}", trace.operation_name(at)), left, y, width);
            }
        });
    }
    if let Some(row) = untrack(|| stage.span_row()) {
        let (left, right) = time.edges(row);
        surface.fill(&surface.palette.accent);
        surface.rect(left, AXIS_PX - 3.0, (right - left).max(2.0), 3.0);
    }
    surface.fill(&surface.palette.surface);
    surface.rect(0.0, 0.0, surface.width_px, AXIS_PX - 3.0);
    for tick in ticks(window, surface.width_px, &folds) {
        surface.fill(&surface.palette.line);
        surface.rect(tick.px.round(), 0.0, 1.0, AXIS_PX);
        surface.fill(&surface.palette.text_soft);
        surface.text(&tick.label, tick.px.round() + 5.0, AXIS_PX / 2.0);
    }
}

/// As much of the name as there is room for.
fn label(surface: &Surface, text: &str, left: f64, y: f64, width: f64) {
    let room = width - 2.0 * LABEL_PAD_PX;
    let wide = surface.text_width(text);
    if wide <= room {
        return surface.text(text, left + LABEL_PAD_PX, y + LANE_PX / 2.0);
    }
    let count = text.chars().count() as f64;
    let mut shown: String = text.chars().take((count * room / wide) as usize).collect();
    while shown.pop().is_some() && surface.text_width(&shown) > room - ELLIPSIS_PX {}
    shown.push('…');
    surface.text(&shown, left + LABEL_PAD_PX, y + LANE_PX / 2.0);
}
