//! The address bar as a signal. Pages read it and write it; links work by themselves.

use leptos::prelude::*;
use model::view::{OWN_BASE, below_own_base};

use crate::browser::history;
use crate::url::Route;

#[derive(Clone, Copy)]
pub struct Router {
    route: RwSignal<Route>,
}

impl Router {
    /// Starts listening; once per page.
    pub fn start() -> Router {
        let router = Router { route: RwSignal::new(current()) };
        if history::is_own() {
            api::ask_below(OWN_BASE);
            history::keep_links_below(OWN_BASE);
        }
        // The query decides whose page it is, whatever the address says.
        if let Route::Search(view) | Route::Series(view) = router.route.get_untracked()
            && view.is_measured() != cfg!(feature = "reports")
        {
            history::leave(&below_base(&view.url()));
        }
        history::on_pop(move || router.route.set(current()));
        history::on_link(move |url| router.go(url));
        router
    }

    pub fn route(self) -> Route {
        self.route.get()
    }

    /// Goes somewhere; "back" returns. Pages of the other program come with a document of their own.
    pub fn go(self, url: &str) {
        let url = &below_base(url);
        if below_own_base(url).1 != history::is_own() {
            history::load(url);
            return;
        }
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        if Route::of(path, query).is_report() != cfg!(feature = "reports") {
            history::load(url);
            return;
        }
        history::push(url);
        self.route.set(current());
    }

    /// Writes the state of the page we are on; nobody is told, because the page knows it already.
    pub fn note(self, url: &str) {
        history::replace(&below_base(url));
        *self.route.write_untracked() = current();
    }
}

fn below_base(url: &str) -> String {
    if history::is_own() && !below_own_base(url).1 { format!("{OWN_BASE}{url}") } else { url.to_owned() }
}

fn current() -> Route {
    let (path, query) = history::here();
    Route::of(&path, &query)
}
