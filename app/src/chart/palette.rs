//! The colour tokens as a canvas takes them, resolved for the theme that is on.

use std::sync::Arc;

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;

use super::color::{SERVICE_COLORS, is_bright};
use crate::browser::{document, window};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Palette {
    pub services: Vec<String>,
    /// What reads well on each of `services`.
    pub on_services: Vec<String>,
    pub surface: String,
    pub line: String,
    pub text: String,
    pub text_soft: String,
    pub accent: String,
    pub veil: String,
    pub error: String,
    pub hit: String,
}

/// The palette in force; changes with the theme.
#[derive(Clone, Copy)]
pub struct PaletteSignal(pub RwSignal<Arc<Palette>>);

impl PaletteSignal {
    /// Follows the system, and whatever `track` reads, from now on.
    pub fn follow(track: impl Fn() + 'static) -> PaletteSignal {
        let palette = RwSignal::new(Arc::new(Palette::resolve()));
        Effect::new(move |_| {
            track();
            // The theme's own effect has run by the next frame.
            request_animation_frame(move || palette.set(Arc::new(Palette::resolve())));
        });
        let listener = Closure::<dyn Fn()>::new(move || palette.set(Arc::new(Palette::resolve())));
        if let Ok(Some(query)) = window().match_media("(prefers-color-scheme: dark)") {
            let _ = query.add_event_listener_with_callback("change", listener.as_ref().unchecked_ref());
        }
        listener.forget();
        PaletteSignal(palette)
    }
}

impl Palette {
    /// Asks the browser what each token comes to, by giving it to a hidden element as its colour.
    fn resolve() -> Palette {
        let probe =
            document().create_element("i").ok().and_then(|e| e.dyn_into::<web_sys::HtmlElement>().ok());
        let Some(probe) = probe else {
            return Palette::default();
        };
        if let Some(body) = document().body() {
            let _ = body.append_child(&probe);
        }
        let token = |name: &str| {
            let _ = probe.style().set_property("color", &format!("var(--{name})"));
            let computed = window().get_computed_style(&probe).ok().flatten();
            computed.and_then(|style| style.get_property_value("color").ok()).unwrap_or_default()
        };
        let services: Vec<String> = (0..SERVICE_COLORS).map(|i| token(&format!("service-{i}"))).collect();
        let (on_bright, on_deep) = (token("on-bright"), token("on-deep"));
        let on = |color: &String| if is_bright(color) { on_bright.clone() } else { on_deep.clone() };
        let palette = Palette {
            on_services: services.iter().map(on).collect(),
            services,
            surface: token("surface"),
            line: token("line"),
            text: token("text"),
            text_soft: token("text-soft"),
            accent: token("accent"),
            veil: token("veil"),
            error: token("error"),
            hit: token("hit"),
        };
        probe.remove();
        palette
    }
}
