//! The state of a journey on screen: which traces are open, where the keyboard is, which part of the time is shown.

use std::sync::Arc;

use leptos::prelude::*;
use model::TraceId;
use model::trace::{Trace, Tree};
use model::view::Journey;

use super::layout::{Line, Lines, Span};
use crate::chart::Window;
use crate::chart::folds::Folds;

/// A trace's spans, in the order of their lines.
pub struct Spans {
    pub trace: Trace,
    pub tree: Tree,
}

#[derive(Clone)]
pub enum Opened {
    Closed,
    Waiting,
    Open(Arc<Spans>),
    /// It could not be fetched; why.
    Failed(String),
}

#[derive(Clone, Copy)]
pub struct Board {
    journey: StoredValue<Arc<Journey>>,
    span: StoredValue<Span>,
    /// By trace.
    pub opened: RwSignal<Vec<Opened>>,
    pub lines: Memo<Arc<Lines>>,
    /// The line the keyboard is on.
    pub cursor: RwSignal<usize>,
    pub is_folded: RwSignal<bool>,
    pub window: RwSignal<Window>,
    /// Fetches a trace that is to be opened.
    fetch: Callback<usize>,
}

impl Opened {
    pub fn spans(&self) -> Option<&Arc<Spans>> {
        match self {
            Opened::Open(spans) => Some(spans),
            _ => None,
        }
    }
}

impl Board {
    pub fn new(journey: Arc<Journey>, is_folded: bool, fetch: Callback<usize>) -> Board {
        let opened = RwSignal::new(vec![Opened::Closed; journey.traces.len()]);
        let lines = Memo::new_with_compare(
            move |_| {
                let opened = opened.read();
                Arc::new(Lines::new(
                    opened.iter().map(|one| one.spans().map_or(0, |spans| spans.trace.len())),
                ))
            },
            |_, _| true,
        );
        let span = Span::of(&journey);
        Board {
            window: RwSignal::new(Window::whole(span.folds(is_folded).shown(span.length_ns))),
            span: StoredValue::new(span),
            journey: StoredValue::new(journey),
            opened,
            lines,
            cursor: RwSignal::new(0),
            is_folded: RwSignal::new(is_folded),
            fetch,
        }
    }

    pub fn journey(self) -> Arc<Journey> {
        self.journey.get_value()
    }

    pub fn span(self) -> Span {
        self.span.get_value()
    }

    pub fn folds(self) -> Folds {
        let is_folded = self.is_folded.get();
        self.span.with_value(|span| span.folds(is_folded))
    }

    /// The whole of shown time.
    pub fn total_ns(self) -> u64 {
        let folds = untrack(|| self.folds());
        self.span.with_value(|span| folds.shown(span.length_ns))
    }

    pub fn fold(self, is_folded: bool) {
        self.is_folded.set(is_folded);
        self.window.set(Window::whole(self.total_ns()));
    }

    pub fn set_window(self, window: Window) {
        self.window.set(window.within(self.total_ns()));
    }

    pub fn step(self, by: isize) {
        let last = self.lines.read_untracked().count().saturating_sub(1);
        self.cursor.update(|cursor| *cursor = cursor.saturating_add_signed(by).min(last));
    }

    pub fn set_open(self, group: usize, is_open: bool) {
        let was_open =
            self.opened.with_untracked(|all| !matches!(all.get(group), Some(Opened::Closed) | None));
        if is_open == was_open {
            return;
        }
        let state = if is_open { Opened::Waiting } else { Opened::Closed };
        self.opened.update(|all| all[group] = state);
        if is_open {
            self.fetch.run(group);
        }
    }

    /// What the cursor is on.
    pub fn here(self) -> Option<Line> {
        self.lines.read_untracked().at(self.cursor.get_untracked())
    }

    /// Opens the trace under the cursor; closes the one it is in.
    pub fn turn(self, is_open: bool) {
        match self.here() {
            Some(Line::Trace(group)) => self.set_open(group, is_open),
            Some(Line::Span(group, _)) if !is_open => {
                self.cursor.set(self.lines.read_untracked().of_trace(group));
                self.set_open(group, false);
            }
            _ => {}
        }
    }

    /// The ids of traces that are open.
    pub fn open_ids(self) -> Vec<TraceId> {
        let journey = self.journey();
        let opened = self.opened.read();
        let is_open = |(_, one): &(&_, &Opened)| !matches!(one, Opened::Closed);
        journey.traces.iter().zip(opened.iter()).filter(is_open).map(|(trace, _)| trace.trace_id).collect()
    }
}
