//! Being told when an element changes size.

use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;

/// Stops observing when dropped.
pub struct SizeWatch {
    observer: web_sys::ResizeObserver,
    _run: Closure<dyn FnMut()>,
}

impl SizeWatch {
    pub fn new(element: &web_sys::Element, run: impl FnMut() + 'static) -> Option<SizeWatch> {
        let run = Closure::<dyn FnMut()>::new(run);
        let observer = web_sys::ResizeObserver::new(run.as_ref().unchecked_ref()).ok()?;
        observer.observe(element);
        Some(SizeWatch { observer, _run: run })
    }
}

impl Drop for SizeWatch {
    fn drop(&mut self) {
        self.observer.disconnect();
    }
}
