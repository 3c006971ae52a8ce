//! Queries this person asked lately, and those kept on purpose. They stay in the browser.

use leptos::prelude::*;

use crate::browser::storage;

const RECENT_KEY: &str = "skein.queries.recent";
const SAVED_KEY: &str = "skein.queries.saved";
const RECENT_KEPT: usize = 15;
const SAVED_KEPT: usize = 100;

#[derive(Clone, Copy)]
pub struct QueryBook {
    /// The latest first.
    pub recent: RwSignal<Vec<String>>,
    pub saved: RwSignal<Vec<String>>,
}

impl QueryBook {
    pub fn load() -> QueryBook {
        QueryBook { recent: RwSignal::new(read(RECENT_KEY)), saved: RwSignal::new(read(SAVED_KEY)) }
    }

    pub fn remember(self, query: &str) {
        let query = in_a_line(query);
        if query.is_empty() {
            return;
        }
        self.recent.update(|recent| {
            recent.retain(|known| *known != query);
            recent.insert(0, query);
            recent.truncate(RECENT_KEPT);
        });
        self.recent.with_untracked(|recent| write(RECENT_KEY, recent));
    }

    pub fn is_saved(self, query: &str) -> bool {
        let query = in_a_line(query);
        self.saved.with(|saved| saved.contains(&query))
    }

    /// Keeps a query, or lets go of one that was kept.
    pub fn toggle_saved(self, query: &str) {
        let query = in_a_line(query);
        if query.is_empty() {
            return;
        }
        self.saved.update(|saved| match saved.iter().position(|known| *known == query) {
            Some(at) => drop(saved.remove(at)),
            None => {
                saved.insert(0, query);
                saved.truncate(SAVED_KEPT);
            }
        });
        self.saved.with_untracked(|saved| write(SAVED_KEY, saved));
    }
}

/// A line each: outside of texts, a line break means no more than a space.
fn in_a_line(query: &str) -> String {
    query.trim().replace(['\n', '\r'], " ")
}

fn read(key: &str) -> Vec<String> {
    let kept = storage::read(key).unwrap_or_default();
    kept.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn write(key: &str, queries: &[String]) {
    storage::write(key, &queries.join("\n"));
}
