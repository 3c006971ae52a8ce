//! The component: lines on a canvas, a legend, and the numbers as a table.
//!
//! Keys while the chart has the focus: left and right move from step to step, with shift they select, Enter searches in
//! what is selected, Escape lets go of it.

use std::sync::Arc;

use leptos::ev::{KeyboardEvent, PointerEvent};
use leptos::html;
use leptos::prelude::*;
use model::Timestamp;
use model::view::SeriesSet;

use super::draw;
use super::layout::{Plot, Unit};
use super::markup::{legend, table, time_of, tip};
use crate::browser::clock::offset_minutes;
use crate::browser::keys;
use crate::chart::canvas::Canvas;
use crate::format::clock::Zone;
use crate::format::counted;

/// What is pointed at and selected, in steps; and the one series that is looked at alone.
#[derive(Clone, Copy, Default, PartialEq)]
struct Hand {
    at: Option<usize>,
    anchor: Option<usize>,
    only: Option<usize>,
}

impl Hand {
    /// From the first of these steps to the end of the last.
    fn selected(self) -> Option<(usize, usize)> {
        let (from, to) = (self.anchor?, self.at?);
        (from != to).then(|| (from.min(to), from.max(to)))
    }

    /// Where a key moves; false when it means nothing here.
    fn walk(&mut self, event: &KeyboardEvent, last: usize) -> bool {
        let to = match event.key().as_str() {
            "ArrowRight" => self.at.map_or(0, |at| (at + 1).min(last)),
            "ArrowLeft" => self.at.map_or(last, |at| at.saturating_sub(1)),
            _ => return false,
        };
        self.anchor = if event.shift_key() { self.anchor.or(self.at).or(Some(to)) } else { None };
        self.at = Some(to);
        true
    }
}

#[component]
pub fn SeriesView(
    set: RwSignal<Arc<SeriesSet>>,
    unit: RwSignal<Unit>,
    on_select: Callback<(Timestamp, Timestamp)>,
) -> impl IntoView {
    let zone = expect_context::<RwSignal<Zone>>();
    let frame = NodeRef::<html::Div>::new();
    let hand = RwSignal::new(Hand::default());
    let is_open = RwSignal::new(false);
    let plot = move || {
        let size =
            frame.get_untracked().map_or((1.0, 1.0), |f| (f.client_width().into(), f.client_height().into()));
        set.with_untracked(|set| Plot::new(set, unit.get_untracked(), size.0, size.1))
    };
    let step_at = move |event: &PointerEvent| {
        let left = frame.get_untracked().map_or(0.0, |frame| frame.get_bounding_client_rect().left());
        plot().step_at(f64::from(event.client_x()) - left)
    };
    let select = move || {
        if let Some((from, to)) = hand.get_untracked().selected() {
            on_select.run(set.with_untracked(|set| (time_of(set, from), time_of(set, to + 1))));
        }
        hand.update(|hand| hand.anchor = None);
    };
    let down = move |event: PointerEvent| {
        if event.button() == 0 {
            hand.update(|hand| hand.anchor = Some(step_at(&event)));
            if let Some(frame) = frame.get_untracked() {
                let _ = frame.set_pointer_capture(event.pointer_id());
            }
        }
    };
    let press = move |event: KeyboardEvent| {
        let last = plot().steps() - 1;
        let mut moved = hand.get_untracked();
        match event.key().as_str() {
            "Enter" => select(),
            "Escape" => hand.update(|hand| hand.anchor = None),
            _ if moved.walk(&event, last) => hand.set(moved),
            _ => return,
        }
        event.prevent_default();
        event.stop_propagation();
    };
    let offset = move || offset_minutes(zone.get(), set.with(|set| set.start));
    let told = move || {
        let hand = hand.get();
        let at = hand.at?;
        let html = set.with(|set| tip(set, unit.get(), at, hand.selected(), offset()));
        let (left, is_right) = plot().tip_at(at);
        Some(view! {
            <div
                class="Heatmap-tip Series-tip"
                class:is-right=is_right
                style:left=format!("{left}px")
                style:top="8px"
                inner_html=html
            ></div>
        })
    };
    let alone = move |event: web_sys::MouseEvent| {
        let entry = keys::target_within(&event, "[data-at]").and_then(|entry| entry.get_attribute("data-at"));
        if let Some(at) = entry.and_then(|at| at.parse().ok()) {
            hand.update(|hand| hand.only = Some(at).filter(|at| hand.only != Some(*at)));
        }
    };
    view! {
        <div
            class="Series-chart"
            data-testid="series"
            role="group"
            tabindex="0"
            aria-label=move || {
                let lines = set.with(|set| set.series.len()) as u64;
                counted(lines, "line", "lines") + " over time. The same is in the table below."
            }
            node_ref=frame
            on:pointerdown=down
            on:pointermove=move |event| hand.update(|hand| hand.at = Some(step_at(&event)))
            on:pointerup=move |_| select()
            on:pointercancel=move |_| hand.update(|hand| hand.anchor = None)
            on:pointerleave=move |_| hand.update(|hand| hand.at = None)
            on:keydown=press
        >
            <Canvas
                class="Heatmap-canvas"
                track=move || {
                    set.track();
                    zone.track();
                    hand.track();
                }
                draw=move |surface| {
                    let (plot, hand) = (plot(), hand.get_untracked());
                    set.with_untracked(|set| draw::lines(surface, &plot, set, hand.only, untrack(offset)));
                    draw::over(surface, &plot, hand.at, hand.selected());
                }
            />
            <div aria-live="polite">{told}</div>
        </div>
        <div
            class="Series-legend"
            role="group"
            aria-label="Series"
            on:click=alone
            inner_html=move || set.with(|set| legend(set, unit.get(), hand.get().only))
        ></div>
        <button
            type="button"
            class="Button is-small Series-open"
            data-testid="series-table"
            aria-expanded=move || is_open.get().to_string()
            on:click=move |_| is_open.update(|open| *open = !*open)
        >
            {move || if is_open.get() { "Hide the table" } else { "Show as a table" }}
        </button>
        <Show when=move || is_open.get()>
            <div
                class="Series-numbers"
                tabindex="0"
                role="region"
                aria-label="Series as a table"
                inner_html=move || set.with(|set| table(set, unit.get(), offset()))
            ></div>
        </Show>
    }
}
