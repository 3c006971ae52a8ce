//! Putting text on the clipboard, and reading what was pasted.

use wasm_bindgen::JsCast;

/// Says whether the text arrived; a page without a secure origin may not write.
pub async fn copy(text: &str) -> bool {
    let navigator = super::window().navigator();
    let has_clipboard = js_sys::Reflect::has(&navigator, &"clipboard".into()).unwrap_or(false);
    if has_clipboard && super::window().is_secure_context() {
        let promise = navigator.clipboard().write_text(text);
        if wasm_bindgen_futures::JsFuture::from(promise).await.is_ok() {
            return true;
        }
    }
    copy_by_selection(text).is_some()
}

/// The old way, for pages served over plain HTTP from another machine.
fn copy_by_selection(text: &str) -> Option<()> {
    let document = super::document();
    let area = document.create_element("textarea").ok()?;
    area.set_text_content(Some(text));
    document.body()?.append_child(&area).ok()?;
    let field = area.dyn_ref::<web_sys::HtmlTextAreaElement>()?;
    field.select();
    let done = document.dyn_ref::<web_sys::HtmlDocument>()?.exec_command("copy").unwrap_or(false);
    area.remove();
    done.then_some(())
}

pub fn pasted_text(event: &web_sys::Event) -> Option<String> {
    event.dyn_ref::<web_sys::ClipboardEvent>()?.clipboard_data()?.get_data("text").ok()
}
