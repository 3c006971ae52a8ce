//! The one canvas: fills its parent, sharp on any screen, drawn at most once a frame.

use std::sync::Arc;
use std::time::Duration;

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, HtmlElement};

use super::palette::{Palette, PaletteSignal};
use crate::browser::frame::Frame;
use crate::browser::observe::SizeWatch;
use crate::browser::window;

const REST: Duration = Duration::from_millis(120);

/// Something to draw on, in CSS pixels.
pub struct Surface {
    pub context: CanvasRenderingContext2d,
    pub width_px: f64,
    pub height_px: f64,
    pub palette: Arc<Palette>,
}

impl Surface {
    /// Clears a canvas, after giving it the size of its box when that has changed.
    pub fn of(canvas: &HtmlCanvasElement, palette: Arc<Palette>) -> Option<Surface> {
        let context: CanvasRenderingContext2d = canvas.get_context("2d").ok()??.dyn_into().ok()?;
        let ratio = window().device_pixel_ratio().max(1.0);
        let (width_px, height_px) = (f64::from(canvas.client_width()), f64::from(canvas.client_height()));
        let device = |px: f64| (px * ratio).round() as u32;
        if canvas.width() != device(width_px) || canvas.height() != device(height_px) {
            canvas.set_width(device(width_px));
            canvas.set_height(device(height_px));
        }
        context.set_transform(ratio, 0.0, 0.0, ratio, 0.0, 0.0).ok()?;
        context.clear_rect(0.0, 0.0, width_px, height_px);
        Some(Surface { context, width_px, height_px, palette })
    }

    /// Gives a canvas its size together with its picture: resized before, it would show the old one stretched for a
    /// frame, beside elements that are not.
    pub fn of_size(
        canvas: &HtmlCanvasElement,
        palette: Arc<Palette>,
        (width_px, height_px): (f64, f64),
    ) -> Option<Surface> {
        let style = HtmlElement::style(canvas);
        style.set_property("width", &format!("{width_px}px")).ok()?;
        style.set_property("height", &format!("{height_px}px")).ok()?;
        Surface::of(canvas, palette)
    }

    pub fn fill(&self, color: &str) {
        self.context.set_fill_style_str(color);
    }

    pub fn rect(&self, x: f64, y: f64, width: f64, height: f64) {
        self.context.fill_rect(x, y, width, height);
    }

    pub fn text_width(&self, text: &str) -> f64 {
        self.context.measure_text(text).map_or(0.0, |m| m.width())
    }

    pub fn text(&self, text: &str, x: f64, y: f64) {
        let _ = self.context.fill_text(text, x, y);
    }
}

/// Draws when it appears, when its size or the theme changes, and whenever a signal read by `track` does.
#[component]
pub fn Canvas(
    class: &'static str,
    track: impl Fn() + 'static,
    draw: impl FnMut(&Surface) + 'static,
    /// Costly to draw: while its size changes the picture is stretched, and drawn again when it has come to rest.
    #[prop(optional)]
    is_costly: bool,
) -> impl IntoView {
    let canvas = NodeRef::<html::Canvas>::new();
    let palette = expect_context::<PaletteSignal>().0;
    let mut draw = draw;
    let frame = Frame::new(move || {
        let canvas = canvas.get_untracked();
        let surface = canvas.and_then(|canvas| Surface::of(&canvas, palette.get_untracked()));
        if let Some(surface) = surface {
            draw(&surface);
        }
    });
    let watch = StoredValue::new_local(None::<SizeWatch>);
    let on_size = frame.clone();
    Effect::new(move |_| {
        if let Some(canvas) = canvas.get() {
            let frame = on_size.clone();
            let pending = StoredValue::new_local(None::<TimeoutHandle>);
            let mut is_drawn = false;
            let resized = move || {
                if !std::mem::replace(&mut is_drawn, true) || !is_costly {
                    return frame.now();
                }
                let again = frame.clone();
                let next = set_timeout_with_handle(move || again.request(), REST).ok();
                if let Some(timer) =
                    pending.try_update_value(|pending| std::mem::replace(pending, next)).flatten()
                {
                    timer.clear();
                }
            };
            watch.set_value(SizeWatch::new(&canvas, resized));
        }
    });
    Effect::new(move |_| {
        palette.track();
        track();
        frame.request();
    });
    view! { <canvas class=class node_ref=canvas aria-hidden="true"></canvas> }
}
