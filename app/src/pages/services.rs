//! Services and how they are doing: all of them with those in most trouble first, and one with its operations.
//!
//! For tests: `[data-testid=service-row]` with `data-name`, `[data-testid=operation-row]`, `[data-testid=range]`.
//! Keys: `j` `k` and arrows move, Enter opens. Figures renew themselves.

use leptos::prelude::*;
use model::view::ServicesReport;

use crate::state::Router;
use crate::url::{Route, ServicesView};
use crate::widgets::message::ErrorState;
use crate::widgets::range::RangeButtons;

mod lines;
mod live;
mod marked;
mod one;
mod over;
mod time;

use lines::{Lines, Of};
pub use live::Live;
pub use one::ServicePage;

#[component]
pub fn ServicesPage() -> impl IntoView {
    let router = expect_context::<Router>();
    let view = Memo::new(move |_| match router.route() {
        Route::Services(view) => view,
        _ => ServicesView::default(),
    });
    crate::browser::document().set_title("Services · Skein");
    let live = Live::<ServicesReport>::follow(move || {
        let length = view.get().length_secs;
        async move { api::report_services(length).await }
    });
    let has_none =
        Memo::new(move |_| live.answer.with(|a| a.as_ref().is_some_and(|a| a.services.is_empty())));
    view! {
        <div class="Services">
            <div class="Services-bar">
                <h1 class="Services-title">"Services"</h1>
                <span class="Services-note">"Last 5 minutes, beside an hour and a day ago; where trouble begins comes first"</span>
                {range_buttons(router, view, None)}
            </div>
            {move || match live.failed.get() {
                Some(error) => {
                    view! { <ErrorState error=error retry=move || live.again() /> }.into_any()
                }
                None if has_none.get() => view! { <NoServices /> }.into_any(),
                None => {
                    let lines = Signal::derive(move || {
                        live.answer.with(|a| a.as_ref().map(|a| a.services.clone()).unwrap_or_default())
                    });
                    let link = Callback::new(move |name: String| view.get_untracked().url(Some(&name)));
                    view! { <Lines of=Of::Services lines=lines is_waiting=live.is_waiting link=link /> }.into_any()
                }
            }}
        </div>
    }
}

/// How far back the trends reach.
fn range_buttons(router: Router, view: Memo<ServicesView>, service: Option<String>) -> impl IntoView {
    let choose = Callback::new(move |length_secs: u64| {
        let view = ServicesView { length_secs, ..view.get_untracked() };
        router.go(&view.url(service.as_deref()));
    });
    view! { <RangeButtons chosen=Signal::derive(move || view.get().length_secs) choose=choose /> }
}

#[component]
fn NoServices() -> impl IntoView {
    view! {
        <div class="Message" data-testid="empty-state">
            <h2 class="Message-title">"No service has sent a span yet"</h2>
            <p class="Message-text">
                "Point any OpenTelemetry SDK at this server, or run " <code>"skein demo"</code>
                ". Services appear here by themselves."
            </p>
        </div>
    }
}
