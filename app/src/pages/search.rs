//! The search page: the newest traces at once, a query to narrow them down, where they lie in time and duration, and
//! what they have in common. All state is in the URL.
//!
//! A query that ends in a metric makes series: the same page in the other program, which shows those (`measured`)
//! where this one lists traces (`traces`).
//!
//! For tests: `[data-testid=query]` (the editor), `[data-testid=completion]`, `[data-testid=query-problem]`,
//! `[data-testid=trace-row]` with `data-trace-id` and a `[data-testid=tick]`, `[data-testid=compare]`, `[data-testid=heatmap]`, `[data-testid=facet]` with `data-field`,
//! `[data-testid=facet-value]` with `data-value`, `[data-testid=chip]`, `[data-testid=live]`,
//! `[data-testid=empty-state]` before the first span ever arrived, `[data-testid=no-match]` when a query leaves
//! nothing, `[data-testid=error-state]`, `[data-testid=scanned]`.
//! Keys: `j` `k` and arrows move, Enter opens, `/` goes to the query, `r` looks again, `l` follows new traces.

use leptos::ev;
use leptos::prelude::*;
use model::query::Problem;
use model::query::edit::{self, Condition};
use model::trace::diff::Compare;
use model::{Timestamp, TraceId};

use crate::browser::{self, clock, keys};
use crate::state::Router;
use crate::url::{DiffPair, Route, SearchView};

mod bar;
mod brushed;
mod chips;
#[cfg(not(feature = "reports"))]
mod empty;
#[cfg(not(feature = "reports"))]
mod facets;
mod feed;
#[cfg(not(feature = "reports"))]
mod heat;
mod known;
mod live;
#[cfg(feature = "reports")]
mod measured;
mod queries;
mod range;
#[cfg(not(feature = "reports"))]
mod results;
#[cfg(not(feature = "reports"))]
mod traces;

use bar::Bar;
use chips::Under;
use feed::Feed;
#[cfg(feature = "reports")]
use measured::Measured as Body;
#[cfg(not(feature = "reports"))]
use traces::Traces as Body;

/// What is asked, and the way to change it.
#[derive(Clone, Copy)]
pub struct Search {
    pub view: Memo<SearchView>,
    /// What stands in the editor; it is asked when it is submitted.
    pub draft: RwSignal<String>,
    pub problems: Memo<Vec<Problem>>,
    /// The question and when it was asked: a sliding window must not slide between its answers.
    pub question: RwSignal<(SearchView, Timestamp)>,
    /// Those ticked for a comparison, at most two.
    pub ticked: RwSignal<Vec<TraceId>>,
    /// Counts the times that the map and the facets are asked for again while traces come in.
    pub recount: RwSignal<u32>,
    router: Router,
}

impl Search {
    fn new(router: Router) -> Search {
        let view = Memo::new(move |_| match router.route() {
            Route::Search(view) | Route::Series(view) => view,
            _ => SearchView::default(),
        });
        let draft = RwSignal::new(view.get_untracked().q);
        let problems = Memo::new(move |_| draft.with(|text| model::query::inspect(text).problems));
        let question = RwSignal::new((view.get_untracked(), clock::now()));
        Search {
            view,
            draft,
            problems,
            question,
            ticked: RwSignal::default(),
            recount: RwSignal::new(0),
            router,
        }
    }

    pub fn change(self, edit: impl FnOnce(&mut SearchView)) {
        let mut view = self.view.get_untracked();
        edit(&mut view);
        if view != self.view.get_untracked() {
            self.router.go(&view.url());
        }
    }

    /// Ticks a trace, or takes its tick away. The earlier of two gives way to a third.
    #[cfg(not(feature = "reports"))]
    pub fn tick(self, id: TraceId) {
        self.ticked.update(|ticked| match ticked.iter().position(|other| *other == id) {
            Some(at) => drop(ticked.remove(at)),
            None => {
                if ticked.len() == 2 {
                    ticked.remove(0);
                }
                ticked.push(id);
            }
        });
    }

    /// Where those that are ticked are compared: one with its peers, two with each other.
    pub fn comparison(self) -> Option<String> {
        let side = |at: usize| self.ticked.with(|ticked| ticked.get(at).copied()).map(Compare::Trace);
        let (first, second) = (side(0)?, side(1));
        let pair = if second.is_some() { (Some(first), second) } else { (None, Some(first)) };
        Some(DiffPair::new(pair.0, pair.1).url())
    }

    /// Asks the same again, from now.
    pub fn again(self) {
        self.question.set((self.view.get_untracked(), clock::now()));
    }

    /// What the map and the facets are about, tracked: while new traces come in, it ends now.
    pub fn counted(self) -> (SearchView, Timestamp) {
        let (view, at) = self.question.get();
        self.recount.track();
        let is_live = self.view.with_untracked(|view| view.is_live);
        (view, if is_live { clock::now() } else { at })
    }

    pub fn toggle(self, condition: &Condition) {
        let changed = edit::toggled(&self.view.with_untracked(|view| view.q.clone()), condition);
        if let Ok(q) = changed {
            self.change(|view| view.q = q);
        }
    }

    /// Follows the URL: a change of what is asked is a new question.
    fn follow(self) {
        let asked = Memo::new(move |_| {
            let view = self.view.get();
            SearchView { is_live: false, facets: Vec::new(), ..view }
        });
        Effect::new(move |before: Option<()>| {
            self.draft.set(asked.with(|view| view.q.clone()));
            if before.is_some() {
                self.again();
            }
        });
    }
}

#[component]
pub fn SearchPage() -> impl IntoView {
    let search = Search::new(expect_context::<Router>());
    let feed = Feed::new();
    search.follow();
    Effect::new(move |_| {
        let (view, at) = search.question.get();
        match cfg!(feature = "reports") {
            true => feed.rest(),
            false => feed.start(view, at),
        }
    });
    live::follow(search, feed);
    browser::document().set_title("Traces · Skein");
    let keys = window_event_listener(ev::keydown, move |event| {
        match keys::page_key(&event).as_deref() {
            Some("r") => search.again(),
            Some("l") => search.change(|view| view.is_live = !view.is_live),
            Some("/") => drop(browser::focus("#query")),
            Some("c") => match search.comparison() {
                Some(url) => search.router.go(&url),
                None => return,
            },
            _ => return,
        }
        event.prevent_default();
    });
    on_cleanup(move || keys.remove());
    view! {
        <div class="Search">
            <h1 class="Hidden">"Traces"</h1>
            <Bar search=search feed=feed />
            <Under search=search feed=feed />
            <Body search=search feed=feed />
        </div>
    }
}
