//! What the page itself asked for, before this program had arrived (see `index.html`).

use js_sys::{Promise, Reflect, Uint8Array};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;

const NAME: &str = "skeinEarly";

/// The answer for a trace, given out once. None when it was not asked for, or failed: then it is asked for again.
pub async fn trace_answer(id: &str) -> Option<Vec<u8>> {
    let window = super::window();
    let early = Reflect::get(&window, &NAME.into()).ok()?;
    let asked_for = Reflect::get(&early, &"id".into()).ok()?.as_string()?;
    Reflect::delete_property(&window, &NAME.into()).ok()?;
    if asked_for != id {
        return None;
    }
    let answer: Promise = Reflect::get(&early, &"answer".into()).ok()?.dyn_into().ok()?;
    let buffer = JsFuture::from(answer).await.ok()?;
    (!buffer.is_null()).then(|| Uint8Array::new(&buffer).to_vec())
}
