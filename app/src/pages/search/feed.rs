//! The traces found so far, page after page, for one set of filters.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use model::view::{Scanned, SearchPage, TraceSummary};
use model::{ApiError, Timestamp};

use crate::browser::clock;
use crate::url::SearchView;

const PAGE_TRACES: u32 = 100;

#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// Waiting for the first page; what is listed still, if anything, answers an older question.
    First,
    More,
    Idle,
    Failed(ApiError),
}

/// What answering took, over all pages.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    pub is_complete: bool,
    pub scanned: Scanned,
}

#[derive(Clone, Copy)]
pub struct Feed {
    pub traces: RwSignal<Arc<Vec<TraceSummary>>>,
    pub phase: RwSignal<Phase>,
    pub tally: RwSignal<Tally>,
    pub next_cursor: RwSignal<Option<String>>,
    /// The question, and when it was first asked: a sliding window must not slide between pages.
    asked: StoredValue<(SearchView, Timestamp)>,
    /// Counts questions, so that a late answer to an older one is dropped.
    turn: StoredValue<u32>,
}

impl Feed {
    pub fn new() -> Feed {
        Feed {
            traces: RwSignal::default(),
            phase: RwSignal::new(Phase::First),
            tally: RwSignal::default(),
            next_cursor: RwSignal::new(None),
            asked: StoredValue::new((SearchView::default(), Timestamp(0))),
            turn: StoredValue::new(0),
        }
    }

    pub fn is_empty(self) -> bool {
        self.traces.with(|traces| traces.is_empty())
    }

    /// Asks anew.
    pub fn start(self, view: SearchView) {
        self.asked.set_value((view, clock::now()));
        self.turn.update_value(|turn| *turn += 1);
        self.phase.set(Phase::First);
        self.fetch(None);
    }

    /// Asks for the page after the last one, if there is one and nothing is under way.
    pub fn more(self) {
        let cursor = self.next_cursor.get_untracked();
        let is_resting = matches!(self.phase.get_untracked(), Phase::Idle | Phase::Failed(_));
        if is_resting && cursor.is_some() {
            self.phase.set(Phase::More);
            self.fetch(cursor);
        }
    }

    fn fetch(self, cursor: Option<String>) {
        let (view, at) = self.asked.get_value();
        let turn = self.turn.get_value();
        let is_first = cursor.is_none();
        let search = view.search(at, PAGE_TRACES, cursor);
        spawn_local(async move {
            let answer = api::search_traces(search).await;
            if self.turn.try_get_value() != Some(turn) {
                return;
            }
            match answer {
                Ok(page) => self.take(page, is_first),
                Err(failure) => self.phase.set(Phase::Failed(failure.0)),
            }
        });
    }

    fn take(self, page: SearchPage, is_first: bool) {
        let SearchPage { traces, next_cursor, complete, scanned, .. } = page;
        let before = if is_first { Tally::default() } else { self.tally.get_untracked() };
        self.tally.set(Tally {
            is_complete: complete && (is_first || before.is_complete),
            scanned: Scanned {
                rows: before.scanned.rows + scanned.rows,
                bytes: before.scanned.bytes + scanned.bytes,
            },
        });
        self.next_cursor.set(next_cursor);
        if is_first {
            self.traces.set(Arc::new(traces));
        } else {
            self.traces.update(|all| Arc::make_mut(all).extend(traces));
        }
        self.phase.set(Phase::Idle);
    }
}
