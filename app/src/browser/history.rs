//! The address bar: where we are, going elsewhere without loading a page, and being told.

use model::view::below_own_base;
use wasm_bindgen::JsCast;
use wasm_bindgen::JsValue;
use wasm_bindgen::closure::Closure;

/// The path and the query of where we are.
pub fn here() -> (String, String) {
    let location = super::window().location();
    (location.pathname().unwrap_or_default(), location.search().unwrap_or_default())
}

/// Whether Skein's own traces are shown: the address says so, from the first page to the last.
pub fn is_own() -> bool {
    below_own_base(&here().0).1
}

pub fn push(url: &str) {
    if let Ok(history) = super::window().history() {
        let _ = history.push_state_with_url(&JsValue::NULL, "", Some(url));
    }
}

/// Leaves this document for another.
pub fn load(url: &str) {
    let _ = super::window().location().assign(url);
}

/// The same, and "back" does not return here.
pub fn leave(url: &str) {
    let _ = super::window().location().replace(url);
}

pub fn replace(url: &str) {
    if let Ok(history) = super::window().history() {
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(url));
    }
}

/// Runs for as long as the page lives: back and forward.
pub fn on_pop(run: impl Fn() + 'static) {
    let listener = Closure::<dyn Fn()>::new(run);
    let _ = super::window().add_event_listener_with_callback("popstate", listener.as_ref().unchecked_ref());
    listener.forget();
}

/// Runs with the URL of every plain click on a link to this site, and keeps the browser from following it.
pub fn on_link(run: impl Fn(&str) + 'static) {
    let listener = Closure::<dyn Fn(web_sys::MouseEvent)>::new(move |event: web_sys::MouseEvent| {
        if let Some(url) = followed(&event) {
            event.prevent_default();
            run(&url);
        }
    });
    let _ = super::document().add_event_listener_with_callback("click", listener.as_ref().unchecked_ref());
    listener.forget();
}

/// Links that are about to be opened by whatever means get the base before their path, so that a new tab, or a copied
/// address, stays where we are. Those with a target lead out.
pub fn keep_links_below(base: &'static str) {
    let listener = Closure::<dyn Fn(web_sys::Event)>::new(move |event: web_sys::Event| {
        let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
        let link = target.and_then(|target| target.closest("a[href^='/']:not([target=_self])").ok()?);
        if let Some(link) = link {
            let href = link.get_attribute("href").unwrap_or_default();
            if !href.starts_with(base) {
                let _ = link.set_attribute("href", &(base.to_owned() + &href));
            }
        }
    });
    for event in ["pointerdown", "focusin"] {
        let on = listener.as_ref().unchecked_ref();
        let _ = super::document().add_event_listener_with_callback_and_bool(event, on, true);
    }
    listener.forget();
}

fn followed(event: &web_sys::MouseEvent) -> Option<String> {
    let is_plain = event.button() == 0
        && !event.default_prevented()
        && !(event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key());
    if !is_plain {
        return None;
    }
    let target: web_sys::Element = event.target()?.dyn_into().ok()?;
    let link: web_sys::HtmlAnchorElement = target.closest("a[href]").ok()??.dyn_into().ok()?;
    let is_ours = link.origin() == super::origin() && link.target().is_empty() && link.hash().is_empty();
    is_ours.then(|| link.pathname() + &link.search())
}
