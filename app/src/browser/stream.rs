//! A request whose answer is read as it arrives, and given up when nobody wants it any more.

use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// Why an answer ended before its end.
pub enum Ended {
    /// The status, and the body, in which the server says why.
    Refused(u16, Vec<u8>),
    /// The connection broke, or the request was given up.
    Broken,
}

/// Gives its request up when dropped.
pub struct Asking(Option<web_sys::AbortController>);

impl Asking {
    pub fn new() -> Asking {
        Asking(web_sys::AbortController::new().ok())
    }

    fn signal(&self) -> Option<web_sys::AbortSignal> {
        self.0.as_ref().map(web_sys::AbortController::signal)
    }

    /// Sends the request when awaited; `each` gets the bytes of the answer as they come.
    pub fn post(
        &self,
        path: &'static str,
        body: &[u8],
        each: Box<dyn FnMut(Vec<u8>)>,
    ) -> impl Future<Output = Result<(), Ended>> + use<> {
        let init = web_sys::RequestInit::new();
        init.set_method("POST");
        init.set_body(&Uint8Array::from(body));
        init.set_signal(self.signal().as_ref());
        read(path, init, each)
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        if let Some(controller) = &self.0 {
            controller.abort();
        }
    }
}

async fn read(
    path: &'static str,
    init: web_sys::RequestInit,
    mut each: Box<dyn FnMut(Vec<u8>)>,
) -> Result<(), Ended> {
    let broken = |_: JsValue| Ended::Broken;
    let answer = JsFuture::from(super::window().fetch_with_str_and_init(&(super::site() + path), &init))
        .await
        .map_err(broken)?;
    let answer: web_sys::Response = answer.unchecked_into();
    if !answer.ok() {
        let body = JsFuture::from(answer.array_buffer().map_err(broken)?).await.map_err(broken)?;
        return Err(Ended::Refused(answer.status(), Uint8Array::new(&body).to_vec()));
    }
    let Some(body) = answer.body() else { return Ok(()) };
    let reader: web_sys::ReadableStreamDefaultReader = body.get_reader().unchecked_into();
    loop {
        let piece = JsFuture::from(reader.read()).await.map_err(broken)?;
        if Reflect::get(&piece, &"done".into()).is_ok_and(|done| done.is_truthy()) {
            return Ok(());
        }
        if let Ok(value) = Reflect::get(&piece, &"value".into()) {
            each(Uint8Array::new(&value).to_vec());
        }
    }
}
