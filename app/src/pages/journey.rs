//! The page of a journey: the traces that links join to one, on one time axis.
//!
//! For tests: `[data-testid=journey-page]`, `[data-testid=journey-cut]` where a limit ended it.

use std::sync::Arc;
use std::time::Duration;

use leptos::ev;
use leptos::prelude::*;
use leptos::task::spawn_local;
use model::trace::Tree;
use model::view::Journey;
use model::{ApiError, Nanos, TraceId};

use crate::browser::{document, keys};
use crate::chart::Window;
use crate::format::{counted, duration};
use crate::state::Router;
use crate::url::{JourneyView, Route};
use crate::views::journey::layout::{Line, lags};
use crate::views::journey::{Board, Hops, JourneyLines, Opened, Spans};
use crate::widgets::message::ErrorState;

const NOTE_AFTER: Duration = Duration::from_millis(250);
const ZOOM_IN: f64 = 0.6;
const PAN: f64 = 0.2;
const PAGE_LINES: isize = 20;

#[derive(Clone)]
enum Load {
    Waiting,
    Ready(Arc<Journey>),
    Failed(ApiError),
}

#[component]
pub fn JourneyPage(id: TraceId) -> impl IntoView {
    document().set_title("Journey · Skein");
    let load = RwSignal::new(Load::Waiting);
    let ask = move || {
        spawn_local(async move {
            let answer = match api::get_journey(id).await {
                Ok(journey) => Load::Ready(Arc::new(journey)),
                Err(failure) => Load::Failed(failure.0),
            };
            // The page may have gone meanwhile.
            let _ = load.try_set(answer);
        });
    };
    ask();
    move || match load.get() {
        Load::Waiting => {
            view! { <p class="Journey-waiting" role="status">"Following the links of the trace"</p> }
                .into_any()
        }
        Load::Ready(journey) => view! { <OnBoard id=id journey=journey /> }.into_any(),
        Load::Failed(error) => {
            let retry = move || {
                load.set(Load::Waiting);
                ask();
            };
            view! { <ErrorState error=error retry=retry /> }.into_any()
        }
    }
}

#[component]
fn OnBoard(id: TraceId, journey: Arc<Journey>) -> impl IntoView {
    let router = expect_context::<Router>();
    let view = match untrack(|| router.route()) {
        Route::Journey(_, view) => view,
        _ => JourneyView::default(),
    };
    let board = board_of(Arc::clone(&journey), &view);
    // The trace one comes from is where the keyboard starts.
    let own = journey.traces.iter().position(|trace| trace.trace_id == id).unwrap_or(0);
    board.cursor.set(own);
    for (group, trace) in journey.traces.iter().enumerate() {
        if view.open.contains(&trace.trace_id) {
            board.set_open(group, true);
        }
    }
    note(board, router, id);
    listen(board, router);
    let (longest, all) = lags(&journey.links);
    let cut = journey.cut.clone().map(|why| {
        view! { <p class="Journey-cut" role="status" data-testid="journey-cut">"This is not all of it: "{why}"."</p> }
    });
    let alone = journey.links.is_empty().then(|| {
        view! { <p class="Journey-cut" role="status">"No link joins this trace to another. Producers and consumers are joined by span links."</p> }
    });
    let has_pauses = !board.span().pauses.is_empty();
    view! {
        <div class="Journey" data-testid="journey-page">
            <header class="Journey-bar">
                <h1 class="Services-title">"Journey"</h1>
                <p class="TraceHead-facts">
                    <b>{duration(Nanos(board.span().length_ns))}</b>
                    <span>{counted(journey.traces.len() as u64, "trace", "traces")}</span>
                    <span>{counted(journey.links.len() as u64, "hand-over", "hand-overs")}</span>
                    <span>{format!("longest wait {}", duration(Nanos(longest)))}</span>
                    <span>{format!("waits in sum {}", duration(Nanos(all)))}</span>
                </p>
                {has_pauses.then(|| view! {
                    <button
                        type="button"
                        class="Button is-small"
                        aria-pressed=move || board.is_folded.get().to_string()
                        title="Stretches in which no trace runs become slivers of the time axis (i)"
                        on:click=move |_| board.fold(!board.is_folded.get_untracked())
                    >
                        "Fold pauses"
                    </button>
                })}
                <a class="Button is-small is-quiet" href=format!("/trace/{id}")>"Back to the trace"</a>
            </header>
            {cut}
            {alone}
            <div class="Journey-body">
                <JourneyLines board=board />
                <Hops board=board />
            </div>
        </div>
    }
}

fn board_of(journey: Arc<Journey>, view: &JourneyView) -> Board {
    let ids: Vec<TraceId> = journey.traces.iter().map(|trace| trace.trace_id).collect();
    // The board is made with the callback that fills it.
    let slot = StoredValue::new(None::<Board>);
    let fetch = Callback::new(move |group: usize| {
        let id = ids[group];
        spawn_local(async move {
            let opened = match api::get_trace(id).await {
                Ok(trace) => Opened::Open(Arc::new(Spans { tree: Tree::new(&trace), trace })),
                Err(failure) => Opened::Failed(failure.0.message),
            };
            if let Some(board) = slot.try_get_value().flatten() {
                let _ = board.opened.try_update(|all| {
                    // It may have been closed again.
                    if matches!(all[group], Opened::Waiting) {
                        all[group] = opened;
                    }
                });
            }
        });
    });
    let board = Board::new(journey, !view.has_pauses, fetch);
    slot.set_value(Some(board));
    if let Some((from, to)) = view.window {
        board.set_window(Window { from_ns: from as f64, to_ns: to as f64 });
    }
    board
}

/// The URL follows the board.
fn note(board: Board, router: Router, id: TraceId) {
    let pending = StoredValue::new(None::<TimeoutHandle>);
    let cancel = move || {
        if let Some(timer) = pending.try_update_value(Option::take).flatten() {
            timer.clear();
        }
    };
    Effect::new(move |is_later: Option<()>| {
        let window = board.window.get();
        let is_whole = window.is_whole(board.total_ns());
        let view = JourneyView {
            open: board.open_ids(),
            window: (!is_whole).then_some((window.from_ns as u64, window.to_ns.ceil() as u64)),
            has_pauses: !board.is_folded.get(),
        };
        cancel();
        // The first time, the URL has said it already.
        if is_later.is_some() {
            let url = view.url(id);
            pending.set_value(set_timeout_with_handle(move || router.note(&url), NOTE_AFTER).ok());
        }
    });
    on_cleanup(cancel);
}

fn listen(board: Board, router: Router) {
    let handle = window_event_listener(ev::keydown, move |event| {
        let window = board.window.get_untracked();
        let middle = window.from_ns + window.length_ns() / 2.0;
        match keys::page_key(&event).as_deref() {
            Some("j" | "ArrowDown") => board.step(1),
            Some("k" | "ArrowUp") => board.step(-1),
            Some("PageDown") => board.step(PAGE_LINES),
            Some("PageUp") => board.step(-PAGE_LINES),
            Some("Home") => board.step(isize::MIN),
            Some("End") => board.step(isize::MAX),
            Some("ArrowRight") => board.turn(true),
            Some("ArrowLeft") => board.turn(false),
            Some("Enter") => follow(board, router),
            Some("i") => board.fold(!board.is_folded.get_untracked()),
            Some("w") => board.set_window(window.zoomed(middle, ZOOM_IN)),
            Some("s") => board.set_window(window.zoomed(middle, 1.0 / ZOOM_IN)),
            Some("a") => board.set_window(window.panned(-PAN)),
            Some("d") => board.set_window(window.panned(PAN)),
            Some("0") => board.window.set(Window::whole(board.total_ns())),
            _ => return,
        }
        event.prevent_default();
    });
    on_cleanup(move || handle.remove());
}

/// Goes to the trace page of what the cursor is on.
fn follow(board: Board, router: Router) {
    let journey = board.journey();
    match board.here() {
        Some(Line::Trace(group)) => router.go(&format!("/trace/{}", journey.traces[group].trace_id)),
        Some(Line::Span(group, place)) => {
            let spans = board.opened.with_untracked(|all| all[group].spans().cloned());
            if let Some(spans) = spans {
                let row = spans.tree.order[place] as usize;
                let (trace, span) = (spans.trace.trace_id, spans.trace.span_id[row]);
                router.go(&format!("/trace/{trace}?span={span}"));
            }
        }
        None => {}
    }
}
