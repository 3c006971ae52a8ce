//! Files people choose.

use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;

/// The file an input was given.
pub fn chosen(event: &web_sys::Event) -> Option<web_sys::File> {
    let input: web_sys::HtmlInputElement = event.target()?.dyn_into().ok()?;
    input.files()?.get(0)
}

/// What is in a file; nothing when the browser cannot read it.
pub async fn bytes(file: &web_sys::File) -> Vec<u8> {
    match JsFuture::from(file.array_buffer()).await {
        Ok(buffer) => js_sys::Uint8Array::new(&buffer).to_vec(),
        Err(_) => Vec::new(),
    }
}
