//! Redraws, at most one a frame however often they are asked for.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// Runs its closure in the next animation frame after a request.
#[derive(Clone)]
pub struct Frame {
    inner: Rc<Inner>,
}

struct Inner {
    /// The frame asked for and not yet run.
    asked: Cell<Option<i32>>,
    /// Runs when the present event is done.
    is_soon: Cell<bool>,
    on_frame: RefCell<Option<Closure<dyn FnMut()>>>,
    run: RefCell<Box<dyn FnMut()>>,
}

impl Frame {
    pub fn new(run: impl FnMut() + 'static) -> Frame {
        let inner = Rc::new(Inner {
            asked: Cell::new(None),
            is_soon: Cell::new(false),
            on_frame: RefCell::new(None),
            run: RefCell::new(Box::new(run)),
        });
        let weak = Rc::downgrade(&inner);
        let on_frame = Closure::new(move || {
            if let Some(inner) = weak.upgrade() {
                inner.asked.set(None);
                (inner.run.borrow_mut())();
            }
        });
        inner.on_frame.replace(Some(on_frame));
        Frame { inner }
    }

    pub fn request(&self) {
        if self.inner.asked.get().is_some() {
            return;
        }
        if let Some(on_frame) = self.inner.on_frame.borrow().as_ref() {
            let asked = super::window().request_animation_frame(on_frame.as_ref().unchecked_ref());
            self.inner.asked.set(asked.ok());
        }
    }
}

/// Lets the browser do what waits to be done. Work that goes on after it is a task of its own.
pub async fn pause() {
    let mut wait = |resolve: js_sys::Function, _| {
        // Without a timer there is no pause.
        if super::window().set_timeout_with_callback(&resolve).is_err() {
            let _ = resolve.call0(&JsValue::NULL);
        }
    };
    let _ = JsFuture::from(js_sys::Promise::new(&mut wait)).await;
}

impl Frame {
    /// Runs at once, in place of a frame that was asked for. For what belongs to the layout that was just made.
    pub fn now(&self) {
        self.inner.cancel();
        (self.inner.run.borrow_mut())();
    }
}

impl Frame {
    /// Runs when what follows from the present event is done, before its frame: whoever reads the page then finds it
    /// as it will be.
    pub fn soon(&self) {
        if self.inner.is_soon.replace(true) {
            return;
        }
        let weak = Rc::downgrade(&self.inner);
        wasm_bindgen_futures::spawn_local(async move {
            // The view may have gone meanwhile.
            if let Some(inner) = weak.upgrade() {
                inner.is_soon.set(false);
                Frame { inner }.now();
            }
        });
    }
}

impl Inner {
    fn cancel(&self) {
        if let Some(asked) = self.asked.take() {
            let _ = super::window().cancel_animation_frame(asked);
        }
    }
}

impl Drop for Inner {
    /// A frame that comes after its view has gone would find nothing to draw.
    fn drop(&mut self) {
        self.cancel();
    }
}
