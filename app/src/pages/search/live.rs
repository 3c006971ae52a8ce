//! Following new traces: the newest are looked for again and again, and put where they belong.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use model::Nanos;
use model::view::SearchOrder;

use super::Search;
use super::feed::{Feed, Phase};
use crate::browser::clock::now;
use crate::url::TimeRange;

const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Traces start before they are searchable, and grow: this far back is looked at again.
const OVERLAP_SECS: u64 = 30;
const LOOK_TRACES: u32 = 100;
/// The map and the counts are asked anew every so many looks.
const LOOKS_PER_COUNT: u32 = 5;
/// A list longer than this starts over.
const MOST_TRACES: usize = 5_000;

pub fn follow(search: Search, feed: Feed) {
    let is_live = Memo::new(move |_| search.view.with(|view| view.is_live));
    Effect::new(move |_| {
        if !is_live.get() {
            return;
        }
        let looks = StoredValue::new(0u32);
        let look = move || {
            looks.update_value(|looks| *looks += 1);
            look(search, feed, looks.get_value());
        };
        if let Ok(timer) = set_interval_with_handle(look, LOOK_EVERY) {
            on_cleanup(move || timer.clear());
        }
    });
}

fn look(search: Search, feed: Feed, looks: u32) {
    let view = search.view.get_untracked();
    let is_resting = matches!(feed.phase.get_untracked(), Phase::Idle | Phase::Failed(_));
    let has_end = matches!(view.range, TimeRange::Between(_, Some(_)));
    if !is_resting || has_end {
        return;
    }
    let is_long = feed.traces.with_untracked(|traces| traces.len() > MOST_TRACES);
    let is_failed = matches!(feed.phase.get_untracked(), Phase::Failed(_));
    let is_counted = looks.is_multiple_of(LOOKS_PER_COUNT);
    if cfg!(feature = "reports") {
        return if is_counted {
            search.recount.update(|count| *count += 1)
        };
    }
    if view.order != SearchOrder::Newest || is_long || is_failed {
        // There is no "newer than" in another order: the whole question is asked again, less often.
        return if is_counted || is_failed {
            search.again()
        };
    }
    if is_counted {
        search.recount.update(|count| *count += 1);
    }
    let asked = search.question.get_untracked();
    let mut question = view.search(now(), LOOK_TRACES, None);
    let newest = feed.traces.with_untracked(|traces| traces.first().map(|trace| trace.start));
    if let Some(newest) = newest {
        let overlap = newest.minus(Nanos::from_secs(OVERLAP_SECS));
        question.start = question.start.max(Some(overlap));
    }
    spawn_local(async move {
        let Ok(page) = api::search_traces(question).await else { return };
        // Another question was asked meanwhile.
        if search.question.try_get_untracked() == Some(asked) {
            feed.merge(page.traces);
        }
    });
}
