//! What an address of this server answers, as text.

use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;

/// None when it cannot be had.
pub async fn text(url: &str) -> Option<String> {
    let answer = JsFuture::from(super::window().fetch_with_str(url)).await.ok()?;
    let response: web_sys::Response = answer.dyn_into().ok()?;
    if !response.ok() {
        return None;
    }
    JsFuture::from(response.text().ok()?).await.ok()?.as_string()
}
