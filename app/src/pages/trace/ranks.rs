//! How usual the durations on screen are: asked once the rows have come to rest, and kept while the trace is shown.

use std::collections::HashSet;
use std::ops::Range;
use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use model::Nanos;
use model::trace::RankAsked;

use crate::views::stage::{Stage, Staged};

/// Rows that are scrolled past are not asked about.
const REST: Duration = Duration::from_millis(150);
/// As many as the server tells of at a time.
const AT_A_TIME: usize = 100;
const KEPT: usize = 5_000;

/// What is on screen, and the row under the cursor while its span is open.
type Wanted = (Range<usize>, Option<u32>);

pub fn follow(stage: Stage) {
    if stage.is_local() {
        return;
    }
    let asked = StoredValue::new(HashSet::<u32>::new());
    let pending = StoredValue::new(None::<TimeoutHandle>);
    let wanted = Memo::new(move |_| (stage.visible.get(), stage.span_row().filter(|_| stage.is_open.get())));
    Effect::new(move |_| {
        // Others are listed in the same places when rows are folded.
        drop(stage.rows.read());
        let wanted = wanted.get();
        let again = set_timeout_with_handle(move || ask(stage, asked, &wanted), REST);
        if let Some(timer) =
            pending.try_update_value(|pending| std::mem::replace(pending, again.ok())).flatten()
        {
            timer.clear();
        }
    });
}

fn ask(stage: Stage, asked: StoredValue<HashSet<u32>>, (visible, open): &Wanted) {
    // The page may have gone meanwhile.
    let Some(rows) = stage.rows.try_get_untracked() else {
        return;
    };
    let staged = stage.staged();
    let listed = visible.clone().filter_map(|index| rows.at(index));
    let mut new: Vec<u32> =
        open.iter().copied().chain(listed).filter(|row| staged.outline.is_span(*row)).collect();
    asked.update_value(|asked| {
        if asked.len() > KEPT {
            asked.clear();
            stage.ranks.update_untracked(|ranks| ranks.clear());
        }
        new.retain(|row| asked.insert(*row));
    });
    new.truncate(AT_A_TIME);
    if new.is_empty() {
        return;
    }
    let spans = new.iter().map(|row| question(&staged, *row as usize)).collect();
    let end = staged.trace.start.plus(staged.trace.duration);
    spawn_local(async move {
        // A rank is a help: without it everything is shown all the same.
        if let Ok(ranks) = api::rank_spans(spans, end).await {
            let _ = stage.ranks.try_update(|known| known.extend(new.into_iter().zip(ranks)));
        }
    });
}

fn question(staged: &Staged, row: usize) -> RankAsked {
    let trace = &staged.trace;
    let (service, operation) = (trace.service_name(row), trace.operation_name(row));
    (service.to_owned(), operation.to_owned(), trace.kind[row], Nanos(trace.length[row]))
}
