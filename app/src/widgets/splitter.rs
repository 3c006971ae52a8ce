//! A bar between two parts that is dragged, or moved with the arrow keys, to give one of them more room.

use leptos::ev::{KeyboardEvent, PointerEvent};
use leptos::html;
use leptos::prelude::*;

const KEY_STEP_PX: f64 = 24.0;

#[component]
pub fn Splitter(
    class: &'static str,
    label: &'static str,
    /// The width it governs, for those who hear it.
    #[prop(into)]
    value_px: Signal<f64>,
    /// Called with the pixels moved to the right since the last call.
    on_move: impl Fn(f64) + Copy + 'static,
    on_reset: impl Fn() + 'static,
) -> impl IntoView {
    let bar = NodeRef::<html::Div>::new();
    let last_px = StoredValue::new(None::<f64>);
    let down = move |event: PointerEvent| {
        event.prevent_default();
        if let Some(bar) = bar.get_untracked() {
            let _ = bar.set_pointer_capture(event.pointer_id());
            last_px.set_value(Some(f64::from(event.client_x())));
        }
    };
    let moved = move |event: PointerEvent| {
        let now_px = f64::from(event.client_x());
        if let Some(before_px) = last_px.get_value() {
            last_px.set_value(Some(now_px));
            on_move(now_px - before_px);
        }
    };
    let key = move |event: KeyboardEvent| match event.key().as_str() {
        "ArrowLeft" => on_move(-KEY_STEP_PX),
        "ArrowRight" => on_move(KEY_STEP_PX),
        _ => {}
    };
    view! {
        <div
            class=class
            node_ref=bar
            role="separator"
            aria-orientation="vertical"
            aria-label=label
            aria-valuenow=move || value_px.get().round().to_string()
            aria-valuemin="0"
            aria-valuemax="4000"
            tabindex="0"
            on:pointerdown=down
            on:pointermove=moved
            on:pointerup=move |_| last_px.set_value(None)
            on:dblclick=move |_| on_reset()
            on:keydown=key
        ></div>
    }
}
