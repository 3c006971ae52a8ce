//! How this person likes things, kept in the browser: theme, time zone, widths.

use leptos::prelude::*;
use model::decimal;

use crate::browser::{document, storage};
use crate::format::clock::Zone;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    System,
    Light,
    Dark,
}

#[derive(Clone, Copy)]
pub struct Preferences {
    pub theme: RwSignal<Theme>,
    pub zone: RwSignal<Zone>,
    /// The waterfall's name column, as a share of the page's width.
    pub name_share: RwSignal<f64>,
    pub panel_px: RwSignal<f64>,
    /// Whether the search page counts what its traces have in common.
    pub has_facets: RwSignal<bool>,
}

/// The page's head reads this one too, before anything is drawn.
const THEME_KEY: &str = "skein.theme";
const ZONE_KEY: &str = "skein.zone";
const NAME_SHARE_KEY: &str = "skein.name-share";
const PANEL_KEY: &str = "skein.panel";
const FACETS_KEY: &str = "skein.facets";

pub const DEFAULT_NAME_SHARE: f64 = 0.33;
pub const DEFAULT_PANEL_PX: f64 = 440.0;

impl Preferences {
    pub fn load() -> Preferences {
        let number = |key: &str, range: std::ops::RangeInclusive<f64>, default: f64| {
            storage::read(key)
                .and_then(|v| decimal::read(&v))
                .filter(|v| range.contains(v))
                .unwrap_or(default)
        };
        let preferences = Preferences {
            theme: RwSignal::new(Theme::named(storage::read(THEME_KEY).as_deref())),
            zone: RwSignal::new(match storage::read(ZONE_KEY).as_deref() {
                Some("utc") => Zone::Utc,
                _ => Zone::Local,
            }),
            name_share: RwSignal::new(number(NAME_SHARE_KEY, 0.1..=0.8, DEFAULT_NAME_SHARE)),
            panel_px: RwSignal::new(number(PANEL_KEY, 240.0..=2_000.0, DEFAULT_PANEL_PX)),
            has_facets: RwSignal::new(storage::read(FACETS_KEY).as_deref() != Some("off")),
        };
        preferences.keep();
        preferences
    }

    fn keep(self) {
        Effect::new(move |_| {
            let name = self.theme.get().name();
            storage::write(THEME_KEY, name);
            if let Some(root) = document().document_element() {
                let _ = root.set_attribute("data-theme", name);
            }
        });
        Effect::new(move |_| {
            storage::write(ZONE_KEY, if self.zone.get() == Zone::Utc { "utc" } else { "local" });
        });
        Effect::new(move |_| storage::write(NAME_SHARE_KEY, &self.name_share.get().to_string()));
        Effect::new(move |_| storage::write(FACETS_KEY, if self.has_facets.get() { "on" } else { "off" }));
        Effect::new(move |_| storage::write(PANEL_KEY, &self.panel_px.get().to_string()));
    }
}

impl Theme {
    fn named(name: Option<&str>) -> Theme {
        match name {
            Some("light") => Theme::Light,
            Some("dark") => Theme::Dark,
            _ => Theme::System,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Theme::System => "system",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    pub fn next(self) -> Theme {
        match self {
            Theme::System => Theme::Light,
            Theme::Light => Theme::Dark,
            Theme::Dark => Theme::System,
        }
    }
}
