//! The traces found so far, page after page, for one set of filters. A page comes in parts, the newest first.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use model::order::{falling, sort_by};
use model::view::{Scanned, SearchPage, TraceSummary};
use model::{ApiError, ErrorCode, Timestamp, TraceId};

use crate::browser::stream::{Asking, Ended};
use crate::url::SearchView;

/// The first page is what fills a screen, so that it comes at once.
const FIRST_TRACES: u32 = 50;
const PAGE_TRACES: u32 = 200;

#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// Waiting for the first page; what is listed still, if anything, answers an older question.
    First,
    More,
    Idle,
    Failed(ApiError),
}

/// What answering took, over all pages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tally {
    pub is_complete: bool,
    pub scanned: Scanned,
}

impl Default for Tally {
    fn default() -> Self {
        Tally { is_complete: true, scanned: Scanned::default() }
    }
}

/// What the last look for new traces brought.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fresh {
    pub traces: HashSet<TraceId>,
    pub above: usize,
}

#[derive(Clone, Copy)]
pub struct Feed {
    pub traces: RwSignal<Arc<Vec<TraceSummary>>>,
    pub phase: RwSignal<Phase>,
    pub tally: RwSignal<Tally>,
    pub next_cursor: RwSignal<Option<String>>,
    /// The limit that ended the search early, in words.
    pub limit: RwSignal<Option<String>>,
    /// Those that came in by themselves last, and how many of them stand above the others.
    pub fresh: RwSignal<Arc<Fresh>>,
    /// The question, and when it was first asked: a sliding window must not slide between pages.
    asked: StoredValue<(SearchView, Timestamp)>,
    /// Counts questions, so that a late answer to an older one is dropped.
    turn: StoredValue<u32>,
    /// The request under way. Another question, or leaving the page, gives it up.
    asking: StoredValue<Option<Asking>, LocalStorage>,
}

impl Feed {
    pub fn new() -> Feed {
        Feed {
            traces: RwSignal::default(),
            phase: RwSignal::new(Phase::First),
            tally: RwSignal::default(),
            next_cursor: RwSignal::new(None),
            limit: RwSignal::new(None),
            fresh: RwSignal::default(),
            asked: StoredValue::new((SearchView::default(), Timestamp(0))),
            turn: StoredValue::new(0),
            asking: StoredValue::new_local(None),
        }
    }

    #[cfg(not(feature = "reports"))]
    pub fn is_empty(self) -> bool {
        self.traces.with(|traces| traces.is_empty())
    }

    /// Asks anew.
    pub fn start(self, view: SearchView, at: Timestamp) {
        self.asked.set_value((view, at));
        self.turn.update_value(|turn| *turn += 1);
        self.phase.set(Phase::First);
        self.fetch(None);
    }

    /// Lists nothing and asks for nothing.
    pub fn rest(self) {
        self.turn.update_value(|turn| *turn += 1);
        self.asking.set_value(None);
        self.traces.set(Arc::default());
        self.next_cursor.set(None);
        self.phase.set(Phase::Idle);
    }

    /// Asks for the page after the last one, if there is one and nothing is under way.
    #[cfg(not(feature = "reports"))]
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
        let mut is_first = cursor.is_none();
        let limit = if is_first { FIRST_TRACES } else { PAGE_TRACES };
        let search = view.search(at, limit, cursor);
        let before = if is_first { Tally::default() } else { self.tally.get_untracked() };
        let is_current = move || self.turn.try_get_value() == Some(turn);
        let mut reader = api::PartReader::default();
        let each = move |bytes: Vec<u8>| {
            reader.add(&bytes);
            while let Some(part) = reader.next_part().filter(|_| is_current()) {
                match part {
                    Ok(page) => self.take(page, is_first, &before),
                    Err(failure) => self.phase.set(Phase::Failed(failure.0)),
                }
                is_first = false;
            }
        };
        let asking = Asking::new();
        let answer = asking.post(api::SEARCH_PARTS, &api::parts_request(&search), Box::new(each));
        self.asking.set_value(Some(asking));
        spawn_local(async move {
            let ended = answer.await;
            if !is_current() {
                return;
            }
            match ended {
                Ok(()) => self.phase.update(|phase| {
                    if !matches!(phase, Phase::Failed(_)) {
                        *phase = Phase::Idle;
                    }
                }),
                Err(Ended::Refused(status, body)) => {
                    self.phase.set(Phase::Failed(api::refused(status, body.into()).0));
                }
                Err(Ended::Broken) => self.phase.set(Phase::Failed(ApiError::new(
                    ErrorCode::Busy,
                    "Skein did not answer",
                    "It may be restarting; try again in a moment",
                ))),
            }
        });
    }

    fn take(self, page: SearchPage, is_first: bool, before: &Tally) {
        let SearchPage { traces, next_cursor, complete, scanned, limit_reached, .. } = page;
        self.tally.set(Tally {
            is_complete: complete && before.is_complete,
            scanned: Scanned {
                rows: before.scanned.rows + scanned.rows,
                bytes: before.scanned.bytes + scanned.bytes,
            },
        });
        self.next_cursor.set(next_cursor);
        self.limit.set(limit_reached);
        if is_first {
            self.fresh.set(Arc::default());
            self.traces.set(Arc::new(traces));
            self.phase.set(Phase::More);
        } else if !traces.is_empty() {
            self.traces.update(|all| Arc::make_mut(all).extend(traces));
        }
    }

    /// Puts traces that came in meanwhile where they belong, newest first; one that is listed already has grown.
    pub fn merge(self, found: Vec<TraceSummary>) {
        let mut fresh = Fresh::default();
        let before = self.traces.get_untracked();
        let top = before.first().map(|trace| trace.start);
        let mut all: Vec<TraceSummary> = before.as_ref().clone();
        let places: HashMap<TraceId, usize> =
            before.iter().enumerate().map(|(at, trace)| (trace.trace_id, at)).collect();
        for trace in found {
            if let Some(at) = places.get(&trace.trace_id) {
                all[*at] = trace;
                continue;
            }
            fresh.above += usize::from(top.is_none_or(|top| trace.start >= top));
            fresh.traces.insert(trace.trace_id);
            all.push(trace);
        }
        if all == *before {
            return;
        }
        sort_by(&mut all, |trace| (falling(trace.start.0), 0));
        self.fresh.set(Arc::new(fresh));
        self.traces.set(Arc::new(all));
    }
}
