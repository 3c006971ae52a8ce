//! The span under the cursor, fetched when the panel is open. Spans seen before come from memory.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use model::trace::SpanRank;
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
    /// How the span's duration compares with its operation's last day.
    pub rank: RwSignal<Option<(u32, SpanRank)>>,
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
            rank: RwSignal::new(None),
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
        fetch
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
            self.mark_events(row, span);
            return self.load.set(SpanLoad::Ready(Arc::clone(span)));
        }
        if let Some(span) = self.kept.with_value(|kept| kept.get(&row).cloned()) {
            self.is_stale.set(false);
            self.mark_events(row, &span);
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

    fn mark_events(self, row: u32, span: &Span) {
        let start = self.stage.staged().trace.start;
        let times: Vec<u64> = span.events.iter().map(|event| event.time.since(start).0).collect();
        self.stage.events.set((!times.is_empty()).then_some((row, times)));
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
            let peers = answer.as_ref().ok().map(|s| {
                api::get_span_rank(s.service.clone(), s.operation.clone(), s.kind, s.start, s.duration)
            });
            if let Ok(span) = &answer {
                self.mark_events(row, span);
            }
            self.load.set(match answer {
                Ok(span) => SpanLoad::Ready(Arc::new(span)),
                Err(failure) => SpanLoad::Failed(failure.0),
            });
            // A rank is a help: without it the span is shown all the same.
            if let Some(Ok(rank)) = match peers {
                Some(peers) => Some(peers.await),
                None => None,
            } && self.wanted.try_get_value().flatten() == Some(row)
            {
                self.rank.set(Some((row, rank)));
            }
        });
    }
}
