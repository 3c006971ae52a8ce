//! A box in which something can be laid out without being seen.

use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

#[derive(Clone)]
pub struct Unseen(HtmlElement);

impl Unseen {
    /// As wide and as styled as a box of a class with a style of its own.
    pub fn new(class: &str, style: &str) -> Option<Unseen> {
        let element: HtmlElement = super::document().create_element("div").ok()?.dyn_into().ok()?;
        element.set_class_name(class);
        element.set_attribute("style", &format!("position:fixed;visibility:hidden;{style}")).ok()?;
        Some(Unseen(element))
    }

    pub fn element(&self) -> &web_sys::Element {
        &self.0
    }

    /// It is in the page only while it is measured: nobody finds it there.
    pub fn lay_out(&self) {
        if let Some(body) = super::document().body()
            && body.append_child(&self.0).is_ok()
        {
            let _ = self.0.offset_height();
            self.0.remove();
        }
    }
}
