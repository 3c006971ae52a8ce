//! Between the stage and the URL: the stage follows the URL it is opened with, the URL follows the stage.

use std::time::Duration;

use leptos::prelude::*;
use model::TraceId;

use crate::chart::Window;
use crate::state::Router;
use crate::url::trace::MAX_CLOSED_IN_URL;
use crate::url::{Closed, Route, TraceView};
use crate::views::stage::Stage;
use crate::views::waterfall::rows::Folded;

/// Browsers refuse more than some 200 changes in half a minute.
const NOTE_AFTER: Duration = Duration::from_millis(250);

/// The view on stage, as a URL says it.
pub fn view_of(stage: Stage) -> TraceView {
    let staged = stage.staged();
    let window = stage.window.get();
    let folded = stage.folded.read();
    let span_id = |row: u32| staged.trace.span_id[row as usize];
    let closed = match folded.count() {
        _ if folded.is_all(&staged.tree) => Closed::All,
        count if count <= MAX_CLOSED_IN_URL => Closed::These(folded.rows().map(span_id).collect()),
        _ => Closed::default(),
    };
    TraceView {
        span: stage.cursor.get().filter(|_| stage.is_open.get()).map(span_id),
        window: (!window.is_whole(stage.total_ns()))
            .then_some((window.from_ns as u64, window.to_ns.ceil() as u64)),
        find: stage.find.get(),
        closed,
        shape: stage.shape.get(),
    }
}

/// Puts a view on stage. A span that is not in the trace is passed over.
pub fn show(stage: Stage, view: &TraceView) {
    let staged = stage.staged();
    let folded = match &view.closed {
        Closed::All => Folded::all(&staged.tree),
        Closed::These(spans) => {
            let mut folded = Folded::none(staged.trace.len());
            spans
                .iter()
                .filter_map(|span| staged.trace.row_of(*span))
                .for_each(|row| folded.set(row as u32, true));
            folded
        }
    };
    if *stage.folded.read_untracked() != folded {
        stage.folded.set(folded);
    }
    match view.window {
        Some((from, to)) => stage.set_window(Window { from_ns: from as f64, to_ns: to as f64 }),
        None => stage.zoom_out(),
    }
    stage.shape.set(view.shape);
    if stage.find.get_untracked() != view.find {
        stage.look_for(view.find.clone());
    }
    let is_found = view.span.is_some_and(|span| stage.reveal_span(span));
    stage.is_open.set(is_found);
}

/// Keeps the two together until the page goes.
pub fn keep(stage: Stage, router: Router, id: TraceId) {
    Effect::new(move |_| {
        if let Route::Trace(of, view) = router.route()
            && of == id
        {
            untrack(|| show(stage, &view));
        }
    });
    let pending = StoredValue::new(None::<TimeoutHandle>);
    let cancel = move || {
        if let Some(timer) = pending.try_update_value(Option::take).flatten() {
            timer.clear();
        }
    };
    Effect::new(move |is_later: Option<()>| {
        let url = view_of(stage).url(id);
        cancel();
        // The first time, the URL has said it already.
        if is_later.is_some() {
            pending.set_value(set_timeout_with_handle(move || router.note(&url), NOTE_AFTER).ok());
        }
    });
    on_cleanup(cancel);
}
