//! Redraws, at most one a frame however often they are asked for.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;

/// Runs its closure in the next animation frame after a request.
#[derive(Clone)]
pub struct Frame {
    inner: Rc<Inner>,
}

struct Inner {
    is_asked: Cell<bool>,
    on_frame: RefCell<Option<Closure<dyn FnMut()>>>,
}

impl Frame {
    pub fn new(mut run: impl FnMut() + 'static) -> Frame {
        let inner = Rc::new(Inner { is_asked: Cell::new(false), on_frame: RefCell::new(None) });
        let weak = Rc::downgrade(&inner);
        let on_frame = Closure::new(move || {
            if let Some(inner) = weak.upgrade() {
                inner.is_asked.set(false);
                run();
            }
        });
        inner.on_frame.replace(Some(on_frame));
        Frame { inner }
    }

    pub fn request(&self) {
        if self.inner.is_asked.replace(true) {
            return;
        }
        if let Some(on_frame) = self.inner.on_frame.borrow().as_ref() {
            let _ = super::window().request_animation_frame(on_frame.as_ref().unchecked_ref());
        }
    }
}
