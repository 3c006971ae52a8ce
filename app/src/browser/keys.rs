//! Key presses that mean the page, not a field.

use leptos::ev::KeyboardEvent;
use wasm_bindgen::JsCast;

/// The key as our tables name it, or None when it belongs to a field, a dialog or the browser. Shift shows in the
/// letter's case; `Shift+` is spelled only before named keys.
pub fn page_key(event: &KeyboardEvent) -> Option<String> {
    if event.default_prevented() || event.ctrl_key() || event.meta_key() || event.alt_key() || is_in_dialog()
    {
        return None;
    }
    let key = event.key();
    if is_typing() || (is_on_control() && matches!(key.as_str(), "Enter" | " ")) {
        return None;
    }
    let is_named = key.chars().count() > 1;
    Some(if is_named && event.shift_key() { format!("Shift+{key}") } else { key })
}

fn focused(selector: &str) -> bool {
    super::document().active_element().is_some_and(|e| e.closest(selector).is_ok_and(|found| found.is_some()))
}

/// Whether letters go into a field.
pub fn is_typing() -> bool {
    focused("input:not([type=checkbox]), textarea, select, [contenteditable=true]")
}

fn is_on_control() -> bool {
    focused("button, a[href], summary, [role=separator], [role=option], input[type=checkbox]")
}

fn is_in_dialog() -> bool {
    super::document().query_selector("dialog[open]").is_ok_and(|found| found.is_some())
}

/// The element an event was sent to, when it lies within one that matches.
pub fn target_within(event: &web_sys::Event, selector: &str) -> Option<web_sys::Element> {
    let target: web_sys::Element = event.target()?.dyn_into().ok()?;
    target.closest(selector).ok().flatten()
}

/// Whether the focus goes out of the nearest box a selector finds around it.
pub fn leaves(event: &web_sys::FocusEvent, selector: &str) -> bool {
    let went_to = event.related_target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    went_to.and_then(|element| element.closest(selector).ok().flatten()).is_none()
}
