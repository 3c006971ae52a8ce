//! The pages and the frame around them. Pages fetch, arrange, and hand data down.

use leptos::prelude::*;

use crate::chart::palette::PaletteSignal;
use crate::state::{Preferences, Router};
use crate::url::{DiffPair, ExplainView, Route};

#[cfg(feature = "reports")]
mod anomalies;
#[cfg(feature = "reports")]
mod diff;
#[cfg(feature = "reports")]
mod explain;
mod help;
#[cfg(feature = "reports")]
mod journey;
#[cfg(feature = "reports")]
mod map;
mod not_found;
#[cfg(feature = "reports")]
mod receipts;
mod search;
#[cfg(feature = "reports")]
mod services;
#[cfg(feature = "reports")]
mod settings;
mod shell;
#[cfg(feature = "reports")]
mod status;
#[cfg(not(feature = "reports"))]
mod trace;

#[cfg(feature = "reports")]
use anomalies::AnomaliesPage;
#[cfg(feature = "reports")]
use diff::DiffPage;
#[cfg(feature = "reports")]
use explain::ExplainPage;
#[cfg(feature = "reports")]
use journey::JourneyPage;
#[cfg(feature = "reports")]
use map::MapPage;
use not_found::NotFound;
#[cfg(feature = "reports")]
use receipts::ReceiptsPage;
use search::SearchPage;
#[cfg(feature = "reports")]
use services::{ServicePage, ServicesPage};
#[cfg(feature = "reports")]
use settings::SettingsPage;
use shell::Shell;
#[cfg(feature = "reports")]
use status::StatusPage;
#[cfg(not(feature = "reports"))]
use trace::{FilePage, TracePage};

/// Which page a route shows; a page stays while only its state changes.
#[derive(Clone, Debug, PartialEq)]
enum Page {
    Search,
    Series,
    Trace(model::TraceId),
    Journey(model::TraceId),
    File,
    Diff(DiffPair),
    Explain(ExplainView),
    Services,
    Service(String),
    Receipts,
    Anomalies,
    Map,
    Status,
    Settings,
    BadTraceId(String),
    NotFound(String),
}

#[component]
pub fn App() -> impl IntoView {
    let preferences = Preferences::load();
    let router = Router::start();
    provide_context(preferences);
    provide_context(preferences.zone);
    provide_context(router);
    provide_context(PaletteSignal::follow(move || preferences.theme.track()));
    let page = Memo::new(move |_| match router.route() {
        Route::Search(_) => Page::Search,
        Route::Series(_) => Page::Series,
        Route::Trace(id, _) => Page::Trace(id),
        Route::Journey(id, _) => Page::Journey(id),
        Route::File => Page::File,
        Route::Explain(view) => Page::Explain(view),
        Route::Diff(view) => Page::Diff(view.pair),
        Route::Services(_) => Page::Services,
        Route::Service(name, _) => Page::Service(name),
        Route::Receipts(_) => Page::Receipts,
        Route::Anomalies(_) => Page::Anomalies,
        Route::Map(_) => Page::Map,
        Route::Status => Page::Status,
        Route::Settings => Page::Settings,
        Route::BadTraceId(text) => Page::BadTraceId(text),
        Route::NotFound(path) => Page::NotFound(path),
    });
    Effect::new(move |before: Option<Page>| {
        let now = page.get();
        // Whoever reads by ear or by keyboard starts at the new page's content.
        if before.is_some_and(|before| before != now) {
            crate::browser::focus("#main");
        }
        now
    });
    view! {
        <Shell>
            {move || match page.get() {
                #[cfg(not(feature = "reports"))]
                Page::Search => view! { <SearchPage /> }.into_any(),
                #[cfg(not(feature = "reports"))]
                Page::Trace(id) => view! { <TracePage id=id /> }.into_any(),
                #[cfg(not(feature = "reports"))]
                Page::File => view! { <FilePage /> }.into_any(),
                #[cfg(feature = "reports")]
                Page::Series => view! { <SearchPage /> }.into_any(),
                #[cfg(feature = "reports")]
                Page::Explain(view) => view! { <ExplainPage view=view /> }.into_any(),
                #[cfg(feature = "reports")]
                Page::Diff(pair) => view! { <DiffPage pair=pair /> }.into_any(),
                #[cfg(feature = "reports")]
                Page::Services => view! { <ServicesPage /> }.into_any(),
                #[cfg(feature = "reports")]
                Page::Service(name) => view! { <ServicePage name=name /> }.into_any(),
                #[cfg(feature = "reports")]
                Page::Anomalies => view! { <AnomaliesPage /> }.into_any(),
                #[cfg(feature = "reports")]
                Page::Journey(id) => view! { <JourneyPage id=id /> }.into_any(),
                #[cfg(feature = "reports")]
                Page::Map => view! { <MapPage /> }.into_any(),
                #[cfg(feature = "reports")]
                Page::Receipts => view! { <ReceiptsPage /> }.into_any(),
                #[cfg(feature = "reports")]
                Page::Status => view! { <StatusPage /> }.into_any(),
                #[cfg(feature = "reports")]
                Page::Settings => view! { <SettingsPage /> }.into_any(),
                Page::BadTraceId(text) => {
                    let title = "This is not a trace id";
                    view! { <NotFound title=title what=text /> }.into_any()
                }
                Page::NotFound(path) => view! { <NotFound title="There is no such page" what=path /> }.into_any(),
                // The other program's: its document is on the way.
                _ => ().into_any(),
            }}
        </Shell>
    }
}
