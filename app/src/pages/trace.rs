//! The trace page: fetches a trace and puts it on stage. What the stage shows is in the URL.
//!
//! For tests: `[data-testid=trace-page]` once a trace is shown, `[data-testid=trace-status]`, `[data-testid=find]`,
//! `[data-testid=find-count]`, `[data-testid=error-count]`, `[data-testid=trace-missing]`, `[data-testid=error-state]`.
//! Keys are listed in `help`.

use std::sync::Arc;
use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use model::trace::Trace;
use model::{ApiError, ErrorCode, SpanId, TraceId};

use crate::browser::{document, early};
use crate::views::stage::Staged;
use crate::widgets::message::ErrorState;

mod answer;
mod beyond;
mod file;
mod header;
mod holes;
mod keys;
mod link;
mod missing;
mod on_stage;
mod ranks;
mod rehearse;
mod span_load;
mod tools;

pub use file::FilePage;
use missing::Missing;
use on_stage::OnStage;

#[derive(Clone)]
enum Load {
    Waiting,
    Ready(Arc<Staged>),
    Missing,
    Failed(ApiError),
}

/// A trace that is not there yet is looked for again this often, and this many times.
const LOOK_EVERY: Duration = Duration::from_secs(2);
const LOOKS: u32 = 30;
/// While spans may still come, the trace is looked at this often.
const GROW_EVERY: Duration = Duration::from_secs(3);
/// For each so many spans of the trace it is looked at that much less often.
const GROW_SPANS: usize = 10_000;

/// One trace being fetched, and fetched again.
#[derive(Clone, Copy)]
struct Fetch {
    id: TraceId,
    load: RwSignal<Load>,
    is_again: RwSignal<bool>,
    turn: StoredValue<u32>,
    looks_left: RwSignal<u32>,
    /// More spans may come: the trace is looked at again by itself.
    is_growing: RwSignal<bool>,
}

impl Fetch {
    fn new(id: TraceId) -> Fetch {
        Fetch {
            id,
            load: RwSignal::new(Load::Waiting),
            is_again: RwSignal::new(false),
            turn: StoredValue::new(0),
            looks_left: RwSignal::new(LOOKS),
            is_growing: RwSignal::new(false),
        }
    }

    fn start(self) {
        self.fetch(false);
    }

    fn fetch(self, is_by_itself: bool) {
        self.turn.update_value(|turn| *turn += 1);
        self.is_again.set(!is_by_itself);
        let turn = self.turn.get_value();
        spawn_local(async move {
            let answer = match trace(self.id).await {
                Ok(trace) => Ok(Arc::new(Staged::new(trace).await)),
                Err(failure) => Err(failure),
            };
            if self.turn.try_get_value() != Some(turn) {
                return;
            }
            self.is_again.set(false);
            let is_shown = matches!(&*self.load.read_untracked(), Load::Ready(_));
            match answer {
                Ok(staged) => {
                    self.watch(&staged);
                    let is_same = matches!(
                        &*self.load.read_untracked(),
                        Load::Ready(shown) if shown.trace == staged.trace
                            && shown.outline.extras().eq(staged.outline.extras())
                    );
                    // The same rows are not put on stage again by themselves.
                    if !(is_same && is_by_itself) {
                        self.load.set(Load::Ready(staged));
                    }
                }
                // What is on screen stays; the next refresh may succeed.
                Err(_) if is_shown => {}
                Err(failure) if failure.0.code == ErrorCode::NotFound => {
                    if !matches!(&*self.load.read_untracked(), Load::Missing) {
                        self.load.set(Load::Missing);
                    }
                    self.look_again_later();
                }
                Err(failure) => self.load.set(Load::Failed(failure.0)),
            }
        });
    }

    /// Looks again for spans that come while one watches; a large trace less often.
    fn watch(self, staged: &Staged) {
        let is_growing = staged.summary.in_flight;
        self.is_growing.set(is_growing);
        if !is_growing {
            return;
        }
        let turn = self.turn.get_value();
        let after = GROW_EVERY + GROW_EVERY * (staged.trace.len() / GROW_SPANS) as u32;
        set_timeout(
            move || {
                if self.turn.try_get_value() == Some(turn) {
                    self.fetch(true);
                }
            },
            after,
        );
    }

    /// The trace may be on its way.
    fn look_again_later(self) {
        if self.looks_left.get_untracked() == 0 {
            return;
        }
        self.looks_left.update(|left| *left -= 1);
        let turn = self.turn.get_value();
        set_timeout(
            move || {
                if self.turn.try_get_value() == Some(turn) {
                    self.start();
                }
            },
            LOOK_EVERY,
        );
    }
}

async fn trace(id: TraceId) -> Result<Trace, api::Failure> {
    let early = early::trace_answer(&id.to_string()).await.and_then(|bytes| api::answered(bytes.into()).ok());
    match early {
        Some(trace) => Ok(trace),
        None => api::get_trace(id).await,
    }
}

#[component]
pub fn TracePage(id: TraceId) -> impl IntoView {
    let fetch = Fetch::new(id);
    fetch.start();
    document().set_title(&format!("Trace {} · Skein", &id.to_string()[..8]));
    let scroll_top = StoredValue::new(0.0);
    let cursor = StoredValue::new(None::<SpanId>);
    let retry = move || {
        fetch.looks_left.set(LOOKS);
        fetch.start();
    };
    move || match fetch.load.get() {
        Load::Waiting => view! { <Waiting /> }.into_any(),
        Load::Ready(staged) => {
            let reload = Callback::new(move |()| fetch.start());
            view! { <OnStage staged=staged reload=reload is_loading=fetch.is_again is_growing=fetch.is_growing scroll_top=scroll_top kept=cursor /> }
                .into_any()
        }
        Load::Missing => view! { <Missing id=id looks_left=fetch.looks_left retry=retry /> }.into_any(),
        Load::Failed(error) => view! { <ErrorState error=error retry=retry /> }.into_any(),
    }
}

/// The page's outline while its trace is on the way, so that nothing jumps when it comes.
#[component]
fn Waiting() -> impl IntoView {
    let line = |i: usize| {
        let (depth, start, length) = (i * 5 % 7, i * 3 % 40, 8 + i * 17 % 45);
        view! {
            <div class="TraceWaiting-row">
                <i class="Skeleton" style:margin-left=format!("{}px", depth * 12) style:width=format!("{}px", 130 + i * 37 % 120)></i>
                <i class="Skeleton" style:margin-left=format!("{start}%") style:width=format!("{length}%")></i>
            </div>
        }
    };
    view! {
        <div class="TracePage" aria-busy="true" aria-label="Loading the trace">
            <div class="TraceHead"><i class="Skeleton" style:width="340px"></i></div>
            <div class="TraceWaiting">{(0..24).map(line).collect_view()}</div>
        </div>
    }
}
