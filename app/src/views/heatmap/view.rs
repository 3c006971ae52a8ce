//! The component: the map on one canvas; what is pointed at and selected on another, drawn as it moves.
//!
//! Keys while it has the focus: arrows move from cell to cell, with shift they select, Enter takes what is selected,
//! Escape lets go of it.

use std::sync::Arc;

use leptos::ev::{KeyboardEvent, PointerEvent};
use leptos::html;
use leptos::prelude::*;
use model::view::Heatmap;

use super::draw;
use super::layout::{Grid, Rect, Selection};
use crate::browser::clock::offset_minutes;
use crate::chart::canvas::Canvas;
use crate::format::clock::{self, Zone};
use crate::format::{counted, duration};

#[component]
pub fn HeatmapView(
    #[prop(into)] map: Signal<Arc<Heatmap>>,
    #[prop(into)] on_select: Callback<Selection>,
) -> impl IntoView {
    let zone = expect_context::<RwSignal<Zone>>();
    let frame = NodeRef::<html::Div>::new();
    let from = StoredValue::new(None::<(f64, f64)>);
    // The cell that a selection by keys began in.
    let anchor = StoredValue::new(None::<(u32, u32)>);
    let pointed = RwSignal::new(None::<(u32, u32)>);
    let selected = RwSignal::new(None::<(Selection, Rect)>);
    let grid = move || {
        let size =
            frame.get_untracked().map_or((1.0, 1.0), |f| (f.client_width().into(), f.client_height().into()));
        map.with_untracked(|map| Grid::new(map, size.0, size.1))
    };
    let point = move |event: &PointerEvent| {
        let rect = frame.get_untracked().map(|frame| frame.get_bounding_client_rect());
        let (left, top) = rect.map_or((0.0, 0.0), |rect| (rect.left(), rect.top()));
        (f64::from(event.client_x()) - left, f64::from(event.client_y()) - top)
    };
    let down = move |event: PointerEvent| {
        if event.button() == 0 {
            from.set_value(Some(point(&event)));
            if let Some(frame) = frame.get_untracked() {
                let _ = frame.set_pointer_capture(event.pointer_id());
            }
            event.prevent_default();
        }
    };
    let moved = move |event: PointerEvent| {
        let to = point(&event);
        pointed.set(grid().at(to.0, to.1));
        if let Some(from) = from.get_value() {
            selected.set(grid().selected(from, to));
        }
    };
    let take = move || {
        from.set_value(None);
        if let Some((selection, _)) = selected.get_untracked().filter(|(s, _)| *s != Selection::default()) {
            on_select.run(selection);
        }
        anchor.set_value(None);
        selected.set(None);
    };
    let press = move |event: KeyboardEvent| {
        let key = event.key();
        let step = match key.as_str() {
            "ArrowLeft" => (-1, 0),
            "ArrowRight" => (1, 0),
            "ArrowUp" => (0, 1),
            "ArrowDown" => (0, -1),
            "Enter" | "Escape" if selected.get_untracked().is_some() => (0, 0),
            _ => return,
        };
        event.prevent_default();
        event.stop_propagation();
        if step == (0, 0) {
            if key == "Escape" {
                selected.set(None);
            }
            return take();
        }
        let (grid, before) = (grid(), pointed.get_untracked());
        let to = grid.moved(before, step);
        anchor.set_value(event.shift_key().then(|| anchor.get_value().or(before).unwrap_or(to)));
        selected.set(anchor.get_value().map(|from| grid.between(from, to)));
        pointed.set(Some(to));
    };
    let cancel = move |_| {
        from.set_value(None);
        selected.set(None);
    };
    let offset = move || map.with(|map| offset_minutes(zone.get(), map.start));
    view! {
        <div
            class="Heatmap"
            data-testid="heatmap"
            role="group"
            tabindex="0"
            aria-label=move || map.with(|map| summary(map))
            node_ref=frame
            on:pointerdown=down
            on:pointermove=moved
            on:pointerup=move |_| take()
            on:keydown=press
            on:blur=move |_| pointed.set(None)
            on:pointercancel=cancel
            on:pointerleave=move |_| pointed.set(None)
        >
            <Canvas
                class="Heatmap-canvas"
                track=move || {
                    map.track();
                    zone.track();
                }
                draw=move |surface| draw::map(surface, &map.get_untracked(), untrack(offset))
            />
            <Canvas
                class="Heatmap-canvas"
                track=move || {
                    pointed.track();
                    selected.track();
                }
                draw=move |surface| {
                    let rect = selected.get_untracked().map(|(_, rect)| rect);
                    draw::over(surface, &map.get_untracked(), pointed.get_untracked(), rect);
                }
            />
            <div aria-live="polite">
                {move || pointed.get().map(|at| map.with(|map| tip(map, grid(), at, offset(), selected.get())))}
            </div>
        </div>
    }
}

/// What a picture cannot say to those who do not see it.
fn summary(map: &Heatmap) -> String {
    let errors: u64 = map.cells.iter().map(|cell| cell.errors).sum();
    format!(
        "Traces by start and duration: {}, {} with errors. The same is in the facets and the table below.",
        counted(map.traces, "trace", "traces"),
        counted(errors, "trace", "traces")
    )
}

fn tip(
    map: &Heatmap,
    grid: Grid,
    (column, row): (u32, u32),
    offset: i32,
    selected: Option<(Selection, Rect)>,
) -> impl IntoView + use<> {
    let time = |time| clock::time_millis(time, offset)[..8].to_owned();
    let (title, about) = match selected {
        Some((selection, _)) => {
            let times = selection.time.map(|(from, to)| format!("{} – {}", time(from), time(to)));
            let lengths =
                selection.duration.map(|(from, to)| format!("{} – {}", duration(from), duration(to)));
            let parts: Vec<String> = times.into_iter().chain(lengths).collect();
            (parts.join(", "), "Release, or press Enter, to take this".to_owned())
        }
        None => {
            let cell = map.cells.iter().find(|cell| (cell.column, cell.row) == (column, row));
            let lengths =
                format!("{} – {}", duration(Heatmap::floor_of(row)), duration(Heatmap::floor_of(row + 1)));
            let about = match cell {
                Some(cell) if cell.errors > 0 => {
                    format!("{}, {} failed", counted(cell.traces, "trace", "traces"), cell.errors)
                }
                Some(cell) => counted(cell.traces, "trace", "traces"),
                None => "no traces".to_owned(),
            };
            (format!("{} · {lengths}", time(grid.time_of(column))), about)
        }
    };
    let rect = grid.cell(column, row);
    let plot = grid.plot();
    let is_right = rect.x > plot.x + plot.width - 240.0;
    let left = if is_right { rect.x - 8.0 } else { rect.x + rect.width + 8.0 };
    view! {
        <div
            class="Heatmap-tip"
            class:is-right=is_right
            style:left=format!("{left}px")
            style:top=format!("{}px", rect.y.clamp(0.0, (plot.height - 30.0).max(0.0)))
        >
            <b>{title}</b>
            <span>{about}</span>
        </div>
    }
}
