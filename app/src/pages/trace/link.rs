//! Between the stage and the URL: the stage follows the URL it is opened with, the URL follows the stage.

use std::time::Duration;

use leptos::prelude::*;
use model::trace::outline::Group;
use model::trace::{Extra, Outline};
use model::{SpanId, TraceId};

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
    let outline = &staged.outline;
    let span_id = |row: u32| staged.trace.span_id[row as usize];
    let closed: Vec<u32> = folded.rows().filter(|row| outline.is_span(*row)).collect();
    let closed = match closed.len() {
        _ if folded.is_all(&outline.tree) => Closed::All,
        0..=MAX_CLOSED_IN_URL => Closed::These(closed.into_iter().map(span_id).collect()),
        _ => Closed::default(),
    };
    let opened: Vec<SpanId> = groups(outline)
        .filter(|(row, _)| !folded.is_folded(*row))
        .map(|(_, group)| span_id(group.first))
        .collect();
    let opened = match opened.len() {
        count if count > 1 && count == groups(outline).count() => Closed::All,
        0..=MAX_CLOSED_IN_URL => Closed::These(opened),
        _ => Closed::default(),
    };
    TraceView {
        span: stage.span_row().filter(|_| stage.is_open.get()).map(span_id),
        beside: stage.other_row().filter(|_| stage.is_open.get()).map(span_id),
        top: stage.top.get().filter(|row| outline.is_span(*row)).map(span_id),
        window: (!window.is_whole(stage.total_ns()))
            .then_some((window.from_ns as u64, window.to_ns.ceil() as u64)),
        is_idle_folded: stage.is_idle_folded.get(),
        find: stage.find.get(),
        closed,
        opened,
        shape: stage.shape.get(),
    }
}

/// Puts a view on stage. A span that is not in the trace is passed over.
pub fn show(stage: Stage, view: &TraceView) {
    let staged = stage.staged();
    let folded = match &view.closed {
        Closed::All => Folded::all(&staged.outline.tree),
        Closed::These(spans) => {
            let mut folded = Folded::initial(&staged.outline);
            for (row, group) in groups(&staged.outline) {
                let first = staged.trace.span_id[group.first as usize];
                if view.opened == Closed::All
                    || matches!(&view.opened, Closed::These(o) if o.contains(&first))
                {
                    folded.set(row, false);
                }
            }
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
    let top = view.top.and_then(|span| staged.trace.row_of(span)).map(|row| row as u32);
    stage.top.set(top);
    stage.is_idle_folded.set(view.is_idle_folded);
    match view.window {
        Some((from, to)) => stage.set_window(Window { from_ns: from as f64, to_ns: to as f64 }),
        None => stage.zoom_out(),
    }
    // Set again, it would make the whole view again.
    if stage.shape.get_untracked() != view.shape {
        stage.shape.set(view.shape);
    }
    if stage.find.get_untracked() != view.find {
        stage.look_for(view.find.clone());
    }
    let is_found = view.span.is_some_and(|span| stage.reveal_span(span));
    stage.is_open.set(is_found);
    let row = |span: Option<SpanId>| span.and_then(|span| staged.trace.row_of(span)).map(|row| row as u32);
    let beside = row(view.span).zip(row(view.beside));
    if stage.beside.get_untracked() != beside {
        stage.beside.set(beside);
    }
}

fn groups(outline: &Outline) -> impl Iterator<Item = (u32, &Group)> {
    outline.extras().filter_map(|(row, extra)| match extra {
        Extra::Group(group) => Some((row, group)),
        Extra::Gap(_) => None,
    })
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
