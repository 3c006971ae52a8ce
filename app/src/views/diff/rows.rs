//! The component: a tree grid of which only the rows on screen exist.

use leptos::ev::WheelEvent;
use leptos::html;
use leptos::prelude::*;

use super::markup::{Compared, Screen};
use super::state::Comparison;
use crate::browser::document;
use crate::browser::observe::SizeWatch;
use crate::chart::Window;
use crate::chart::time_strip::TimeStrip;
use crate::views::waterfall::layout::Scroll;

const HEAD_PX: f64 = 28.0;

#[component]
pub fn DiffRows(comparison: Comparison) -> impl IntoView {
    let scroller = NodeRef::<html::Div>::new();
    let (scroll_top, view_px) = (RwSignal::new(0.0), RwSignal::new(600.0));
    let watch = StoredValue::new_local(None::<SizeWatch>);
    Effect::new(move |_| {
        if let Some(scroller) = scroller.get() {
            let element = scroller.clone();
            let measure = move || view_px.set(f64::from(element.client_height()) - HEAD_PX);
            watch.set_value(SizeWatch::new(&scroller, measure));
        }
    });
    let scroll = move || Scroll::new(comparison.rows.read().len(), view_px.get());
    Effect::new(move |_| {
        let rows = comparison.rows.get();
        let index = comparison.entry.get().and_then(|entry| rows.iter().position(|row| *row == entry));
        let scroll = untrack(scroll);
        let (Some(index), Some(scroller)) = (index, scroller.get_untracked()) else {
            return;
        };
        // The content's new height is set by an effect of its own; the next frame has it.
        request_animation_frame(move || {
            if let Some(top) = scroll.to_show(index, f64::from(scroller.scroll_top())) {
                scroller.set_scroll_top(top.round() as i32);
            }
        });
    });
    let compared = comparison.compared();
    let shown = move || {
        let (scroll, top) = (scroll(), scroll_top.get());
        compared.rows(&Screen {
            rows: &comparison.rows.read(),
            visible: scroll.visible(top),
            top_px: top - scroll.list_top_px(top),
            entry: comparison.entry.get(),
            folded: &comparison.folded.read(),
            window: comparison.window.get(),
        })
    };
    let column =
        |class: &'static str, name: &'static str| view! { <div class=class role="columnheader">{name}</div> };
    view! {
        <div
            class="Diff"
            role="treegrid"
            tabindex="0"
            aria-label="What both traces call"
            aria-rowcount=move || (comparison.rows.read().len() + 1).to_string()
            aria-activedescendant=move || comparison.entry.get().map(|entry| format!("diff-{entry}"))
            node_ref=scroller
            on:wheel=move |event| zoomed(&event, comparison)
            on:scroll=move |_| scroll_top.set(scroller.get_untracked().map_or(0.0, |s| f64::from(s.scroll_top())))
        >
            <div role="rowgroup" class="Diff-head">
                <div class="Diff-line" role="row" aria-rowindex="1">
                    {column("", "Operation, service")}
                    {column("", "Change")}
                    {column("is-number", "Calls")}
                    {column("is-number", "First")}
                    {column("is-number", "Second")}
                    {column("is-number", "Difference")}
                    <Axis comparison=comparison />
                </div>
            </div>
            <div
                class="Diff-content"
                role="rowgroup"
                style:height=move || format!("{}px", scroll().content_px())
                inner_html=shown
            ></div>
        </div>
    }
}

/// The time that the bars show, to drag on.
#[component]
fn Axis(comparison: Comparison) -> impl IntoView {
    let brush = RwSignal::new(None::<Window>);
    let window = comparison.window;
    let marked = move || {
        let (shown, marked) = (window.get(), brush.get()?);
        let share = |ns: f64| (ns - shown.from_ns) * 100.0 / shown.length_ns();
        let (from, to) = (share(marked.from_ns).max(0.0), share(marked.to_ns).min(100.0));
        let style = format!("left:{from:.2}%;width:{:.2}%", to - from);
        Some(view! { <i class="Diff-brush" style=style></i> })
    };
    view! {
        <div class="Diff-axis" role="columnheader" aria-label="Time, first above second">
            <TimeStrip
                class="Diff-strip"
                title="Drag to zoom in, double click for everything"
                shown=window
                grip=Signal::derive(|| None)
                brush=brush
                on_window=move |window| comparison.set_window(window)
                on_reset=move |()| comparison.zoom_out()
            >
                <div class="Diff-ticks" inner_html=move || Compared::axis(window.get())></div>
                {marked}
            </TimeStrip>
        </div>
    }
}

/// With ctrl the wheel zooms where the pointer is.
fn zoomed(event: &WheelEvent, comparison: Comparison) {
    let axis = document().query_selector(".Diff-axis").ok().flatten();
    let Some(axis) = axis.filter(|_| event.ctrl_key()) else { return };
    event.prevent_default();
    let (rect, window) = (axis.get_bounding_client_rect(), comparison.window.get_untracked());
    let share = ((f64::from(event.client_x()) - rect.left()) / rect.width().max(1.0)).clamp(0.0, 1.0);
    let fixed_ns = window.from_ns + share * window.length_ns();
    comparison.set_window(window.zoomed(fixed_ns, (event.delta_y() / 400.0).exp()));
}
