//! A strip of time to drag on: a drag marks a new window, a drag that starts in the grip moves it, a double click
//! shows everything. Whatever is drawn inside belongs to the caller.

use leptos::ev::PointerEvent;
use leptos::html;
use leptos::prelude::*;

use super::{TimeScale, Window};

/// A shorter drag is a click.
const LEAST_DRAG_PX: f64 = 4.0;

#[derive(Clone, Copy)]
enum Drag {
    /// From where, in nanoseconds.
    Brush(f64),
    /// The window as it was, and where it was taken.
    Move(Window, f64),
}

#[component]
pub fn TimeStrip(
    class: &'static str,
    title: &'static str,
    /// The time from the left edge to the right.
    #[prop(into)]
    shown: Signal<Window>,
    /// What can be taken and moved.
    #[prop(into)]
    grip: Signal<Option<Window>>,
    /// The window being marked, for drawing.
    brush: RwSignal<Option<Window>>,
    #[prop(into)] on_window: Callback<Window>,
    #[prop(into)] on_reset: Callback<()>,
    children: Children,
) -> impl IntoView {
    let strip = NodeRef::<html::Div>::new();
    let drag = StoredValue::new(None::<Drag>);
    let scale = move || {
        let width_px = strip.get_untracked().map_or(1.0, |s| f64::from(s.client_width()));
        TimeScale::new(shown.get_untracked(), width_px)
    };
    let at_ns = move |event: &PointerEvent| {
        let left_px = strip.get_untracked().map_or(0.0, |s| s.get_bounding_client_rect().left());
        scale().ns_of(f64::from(event.client_x()) - left_px)
    };
    let down = move |event: PointerEvent| {
        if event.button() != 0 {
            return;
        }
        let ns = at_ns(&event);
        let grip = grip.get_untracked().filter(|grip| (grip.from_ns..=grip.to_ns).contains(&ns));
        drag.set_value(Some(grip.map_or(Drag::Brush(ns), |grip| Drag::Move(grip, ns))));
        if let Some(strip) = strip.get_untracked() {
            let _ = strip.set_pointer_capture(event.pointer_id());
        }
    };
    let moved = move |event: PointerEvent| match drag.get_value() {
        Some(Drag::Brush(from)) => brush.set(marked(from, at_ns(&event), scale())),
        Some(Drag::Move(window, from)) => {
            let by = at_ns(&event) - from;
            on_window.run(Window { from_ns: window.from_ns + by, to_ns: window.to_ns + by });
        }
        None => {}
    };
    let end = move || {
        drag.set_value(None);
        brush.set(None);
    };
    let up = move |event: PointerEvent| {
        if let Some(Drag::Brush(from)) = drag.get_value()
            && let Some(window) = marked(from, at_ns(&event), scale())
        {
            on_window.run(window);
        }
        end();
    };
    view! {
        <div
            class=class
            title=title
            node_ref=strip
            on:pointerdown=down
            on:pointermove=moved
            on:pointerup=up
            on:pointercancel=move |_| end()
            on:dblclick=move |_| on_reset.run(())
        >
            {children()}
        </div>
    }
}

fn marked(from_ns: f64, to_ns: f64, scale: TimeScale) -> Option<Window> {
    let window = Window { from_ns: from_ns.min(to_ns), to_ns: from_ns.max(to_ns) };
    (scale.length_px(window.to_ns - window.from_ns) >= LEAST_DRAG_PX).then_some(window)
}
