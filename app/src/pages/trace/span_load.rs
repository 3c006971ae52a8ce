//! The span under the cursor, fetched when the panel is open. Spans seen before come from memory.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use model::{Nanos, Span, Timestamp};

use crate::browser::clock;
use crate::views::span_detail::SpanLoad;
use crate::views::stage::Stage;

/// A span that comes sooner replaces the one before it without a flash of emptiness.
const PATIENCE: Duration = Duration::from_millis(150);
/// While a key is held down, rows passed by are not fetched.
const REST: Duration = Duration::from_millis(60);
const KEPT_SPANS: usize = 300;

#[derive(Clone, Copy)]
pub struct SpanFetch {
    stage: Stage,
    pub load: RwSignal<SpanLoad>,
    /// What is loaded is an earlier row's.
    pub is_stale: RwSignal<bool>,
    /// The span the other is put beside.
    pub other: RwSignal<SpanLoad>,
    kept: StoredValue<HashMap<u32, Arc<Span>>>,
    wanted: StoredValue<Option<u32>>,
    last_asked: StoredValue<Timestamp>,
}

impl SpanFetch {
    /// Follows the cursor while the panel is open.
    pub fn follow(stage: Stage) -> SpanFetch {
        let fetch = SpanFetch {
            stage,
            load: RwSignal::new(SpanLoad::Waiting),
            is_stale: RwSignal::new(false),
            other: RwSignal::new(SpanLoad::Waiting),
            kept: StoredValue::new(HashMap::new()),
            wanted: StoredValue::new(None),
            last_asked: StoredValue::new(Timestamp(0)),
        };
        Effect::new(move |_| match stage.span_row().filter(|_| stage.is_open.get()) {
            Some(row) => fetch.want(row),
            None => {
                fetch.wanted.set_value(None);
                fetch.load.set(SpanLoad::Waiting);
            }
        });
        Effect::new(move |_| {
            if let Some(row) = stage.other_row() {
                fetch.want_other(row);
            }
        });
        fetch
    }

    fn want_other(self, row: u32) {
        let staged = self.stage.staged();
        let known = staged.local.get(row as usize).cloned();
        if let Some(span) = known.or_else(|| self.kept.with_value(|kept| kept.get(&row).cloned())) {
            return self.other.set(SpanLoad::Ready(span));
        }
        self.other.set(SpanLoad::Waiting);
        let (trace, at) = (&staged.trace, row as usize);
        let (trace_id, span_id) = (trace.trace_id, trace.span_id[at]);
        let start = trace.start.plus(Nanos(trace.offset[at]));
        let stage = self.stage;
        spawn_local(async move {
            let answer = api::get_span(trace_id, span_id, start).await;
            if stage.beside.try_get_untracked().flatten().is_some_and(|(_, other)| other == row) {
                self.other.set(match answer {
                    Ok(span) => SpanLoad::Ready(Arc::new(span)),
                    Err(failure) => SpanLoad::Failed(failure.0),
                });
            }
        });
    }

    pub fn retry(self) {
        if let Some(row) = self.wanted.get_value() {
            self.load.set(SpanLoad::Waiting);
            self.ask(row);
        }
    }

    fn want(self, row: u32) {
        self.wanted.set_value(Some(row));
        if let Some(span) = self.stage.staged().local.get(row as usize) {
            self.is_stale.set(false);
            return self.load.set(SpanLoad::Ready(Arc::clone(span)));
        }
        if let Some(span) = self.kept.with_value(|kept| kept.get(&row).cloned()) {
            self.is_stale.set(false);
            return self.load.set(SpanLoad::Ready(span));
        }
        self.is_stale.set(true);
        set_timeout(
            move || {
                let is_still_wanted = self.wanted.try_get_value().flatten() == Some(row);
                if is_still_wanted && self.is_stale.try_get_untracked() == Some(true) {
                    self.load.set(SpanLoad::Waiting);
                }
            },
            PATIENCE,
        );
        let now = clock::now();
        let is_hurried = u128::from(now.since(self.last_asked.get_value()).0) < REST.as_nanos();
        self.last_asked.set_value(now);
        if !is_hurried {
            return self.ask(row);
        }
        set_timeout(
            move || {
                if self.wanted.try_get_value().flatten() == Some(row) {
                    self.ask(row);
                }
            },
            REST,
        );
    }

    fn ask(self, row: u32) {
        let staged = self.stage.staged();
        let trace = &staged.trace;
        let start = trace.start.plus(Nanos(trace.offset[row as usize]));
        let (trace_id, span_id) = (trace.trace_id, trace.span_id[row as usize]);
        spawn_local(async move {
            let answer = api::get_span(trace_id, span_id, start).await;
            if let Ok(span) = &answer {
                let span = Arc::new(span.clone());
                self.kept.try_update_value(|kept| {
                    if kept.len() >= KEPT_SPANS {
                        kept.clear();
                    }
                    kept.insert(row, span);
                });
            }
            if self.wanted.try_get_value().flatten() != Some(row) {
                return;
            }
            self.is_stale.set(false);
            self.load.set(match answer {
                Ok(span) => SpanLoad::Ready(Arc::new(span)),
                Err(failure) => SpanLoad::Failed(failure.0),
            });
        });
    }
}
