//! The browser's services in our own words: history, storage, clipboard, clock, frames. The rest of the application
//! names web-sys only where it draws.

use model::view::OWN_BASE;
use web_sys::wasm_bindgen::JsCast;

pub mod clipboard;
pub mod clock;
#[cfg(not(feature = "reports"))]
pub mod early;
pub mod fetched;
pub mod files;
pub mod frame;
pub mod history;
pub mod keys;
pub mod observe;
pub mod storage;
pub mod stream;
#[cfg(not(feature = "reports"))]
pub mod unseen;

/// The page we run in. There is no application without one.
pub fn window() -> web_sys::Window {
    leptos::prelude::window()
}

pub fn document() -> web_sys::Document {
    leptos::prelude::document()
}

/// Focuses the first element a selector finds. Says whether there was one.
pub fn focus(selector: &str) -> bool {
    let found = document().query_selector(selector).ok().flatten();
    let Some(element) = found.and_then(|e| e.dyn_into::<web_sys::HtmlElement>().ok()) else {
        return false;
    };
    if let Some(input) = element.dyn_ref::<web_sys::HtmlInputElement>() {
        input.select();
    }
    element.focus().is_ok()
}

/// Moves the focus along the elements a selector finds: from the focused one, or to the first.
pub fn focus_neighbour(selector: &str, step: i32) {
    let Ok(found) = document().query_selector_all(selector) else {
        return;
    };
    let active = document().active_element();
    let is_active = |node: web_sys::Node| active.as_ref().is_some_and(|a| a.is_same_node(Some(&node)));
    let here = (0..found.length()).find(|i| found.get(*i).is_some_and(is_active));
    let last = found.length().saturating_sub(1);
    let next = here.map_or(0, |i| i.saturating_add_signed(step).min(last));
    if let Some(element) = found.get(next).and_then(|n| n.dyn_into::<web_sys::HtmlElement>().ok()) {
        let _ = element.focus();
    }
}

/// Takes the focus away from a field, so that keys mean the page again.
pub fn blur() {
    if let Some(element) = document().active_element().and_then(|e| e.dyn_into::<web_sys::HtmlElement>().ok())
    {
        let _ = element.blur();
    }
}

/// In small letters, whatever the language.
pub fn lowered(text: &str) -> String {
    js_sys::JsString::from(text).to_lower_case().into()
}

pub fn origin() -> String {
    window().location().origin().unwrap_or_default()
}

/// What absolute addresses of what is shown begin with.
pub fn site() -> String {
    origin() + if history::is_own() { OWN_BASE } else { "" }
}

pub fn hostname() -> String {
    window().location().hostname().unwrap_or_default()
}
