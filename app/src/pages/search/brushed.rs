//! What a selection in a chart of the search page leads to besides a narrower search: what sets it apart.

use leptos::prelude::*;
use model::view::Region;

use crate::url::{ExplainView, SearchView};

/// The question the last selection made, and the way to what sets it apart, while that is still asked.
#[derive(Clone, Copy)]
pub struct Brushed {
    asked: RwSignal<String>,
    url: RwSignal<String>,
}

impl Brushed {
    pub fn nothing() -> Brushed {
        Brushed { asked: RwSignal::new(String::new()), url: RwSignal::new(String::new()) }
    }

    pub fn set(self, asked: &SearchView, base: SearchView, region: Region) {
        self.asked.set(asked_of(asked));
        self.url.set(ExplainView { base, region }.url());
    }

    pub fn url(self, view: &SearchView) -> Option<String> {
        self.asked.with(|asked| *asked == asked_of(view)).then(|| self.url.get())
    }
}

/// The question without what is only shown beside it.
fn asked_of(view: &SearchView) -> String {
    SearchView { range: view.range, ..SearchView::about(view.q.clone()) }.url()
}
