//! What the page asks the server about a trace beyond its columns: words in attributes, an attribute's values, and
//! the traces that links lead to.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use model::SpanId;
use model::order::sort_by;
use model::trace::{LinkedSpan, Trace, TraceValues};

use crate::format::duration;
use crate::url::JourneyView;
use crate::views::stage::Stage;
use crate::views::trace_logs::LogLoad;

/// Looks for what is typed in the attributes too. One question at a time: what was typed meanwhile is asked next.
pub fn find_in_attributes(stage: Stage) {
    let is_asking = StoredValue::new(false);
    if !stage.is_local() {
        stage.ask.set_value(Some(Callback::new(move |text: String| {
            if !text.trim().is_empty() && !is_asking.get_value() {
                ask(stage, text, is_asking);
            }
        })));
    }
}

/// Links to tools beside Skein.
pub fn ask_links(stage: Stage) {
    spawn_local(async move {
        if let Ok(links) = api::list_link_templates().await
            && !links.is_empty()
        {
            // The page may have gone meanwhile.
            let _ = stage.links.try_set(links);
        }
    });
}

/// How far the hosts' clocks are apart, once somebody wants them set right.
pub fn ask_clocks(stage: Stage) {
    Effect::new(move |_| {
        let is_known = stage.learned.with_untracked(Option::is_some);
        if !stage.wants_clocks.get() || is_known || stage.is_local() {
            return;
        }
        spawn_local(async move {
            // Without an answer, what this trace says alone stands. The page may have gone meanwhile.
            if let (Ok(hosts), Some(_)) =
                (api::get_host_clocks(stage.staged().trace.trace_id).await, stage.learned.try_get_untracked())
            {
                stage.learn(hosts);
            }
        });
    });
}

/// The trace's log, once the rows are on screen.
pub fn ask_logs(stage: Stage, logs: RwSignal<LogLoad>) {
    if stage.is_local() {
        return logs.set(LogLoad::Ready(Arc::default()));
    }
    let trace = stage.staged().trace.trace_id;
    spawn_local(async move {
        let answer = api::get_trace_logs(trace).await;
        // The page may have gone meanwhile.
        let _ = logs.try_set(match answer {
            Ok(log) => LogLoad::Ready(Arc::new(log)),
            Err(failure) => LogLoad::Failed(failure.0),
        });
    });
}

fn ask(stage: Stage, text: String, is_asking: StoredValue<bool>) {
    is_asking.set_value(true);
    spawn_local(async move {
        let answer = api::find_in_trace(stage.staged().trace.trace_id, text.clone()).await;
        // The page may have gone meanwhile.
        let Some(()) = is_asking.try_set_value(false).is_none().then_some(()) else {
            return;
        };
        // Without an answer, what names say alone stands.
        stage.add_found(text.clone(), rows_of(&stage.staged().trace, answer.unwrap_or_default()));
        let now = stage.find.get_untracked();
        if now != text && !now.trim().is_empty() {
            ask(stage, now, is_asking);
        }
    });
}

/// Every row of each span: senders do reuse ids.
fn rows_of(trace: &Trace, mut spans: Vec<SpanId>) -> Vec<u32> {
    sort_by(&mut spans, |span| (span.0, 0));
    (0..)
        .zip(&trace.span_id)
        .filter(|(_, span)| spans.binary_search(span).is_ok())
        .map(|(row, _)| row)
        .collect()
}

/// An attribute's values, fetched when its name changes, and the names there are.
#[derive(Clone, Copy)]
pub struct Values {
    pub key: RwSignal<String>,
    pub values: RwSignal<Option<Arc<TraceValues>>>,
    pub keys: RwSignal<Vec<String>>,
}

impl Values {
    pub fn follow(stage: Stage) -> Values {
        let values = Values {
            key: RwSignal::new(String::new()),
            values: RwSignal::new(None),
            keys: RwSignal::new(Vec::new()),
        };
        let trace = stage.staged().trace.trace_id;
        spawn_local(async move {
            if let Ok(keys) = api::list_trace_keys(trace).await {
                let _ = values.keys.try_set(keys);
            }
        });
        Effect::new(move |_| {
            let key = values.key.get();
            values.values.set(None);
            if key.is_empty() {
                return;
            }
            spawn_local(async move {
                let answer = api::get_trace_values(trace, key.clone()).await;
                if let (Ok(found), Some(true)) = (answer, values.key.try_with_untracked(|now| *now == key)) {
                    values.values.set(Some(Arc::new(found)));
                }
            });
        });
        values
    }
}

/// Traces that links lead to and come from, with the time that lies between.
#[component]
pub fn Neighbours(stage: Stage) -> impl IntoView {
    let linked = RwSignal::new(Vec::<LinkedSpan>::new());
    let (trace, start) = {
        let staged = stage.staged();
        (staged.trace.trace_id, staged.trace.start)
    };
    if !stage.is_local() {
        spawn_local(async move {
            if let Ok(found) = api::list_linked_spans(trace, start).await {
                let _ = linked.try_set(found);
            }
        });
    }
    let one = move |link: LinkedSpan| {
        let url = format!("/trace/{}?span={}", link.trace_id, link.span_id);
        let name = if link.service.is_empty() {
            format!("trace {}", &link.trace_id.to_string()[..8])
        } else {
            format!("{} · {}", link.service, link.operation)
        };
        let arrow = if link.is_incoming { "→" } else { "←" };
        let lag = lag_of(stage, &link).map(|lag| format!(" after {}", duration(lag)));
        view! { <a class="Neighbours-link" href=url>{arrow}" "{name}{lag}</a> }
    };
    let elsewhere = move || stage.links_about(None);
    let outside = |(name, url): (String, String)| {
        view! {
            <a class="Neighbours-link" href=url target="_blank" rel="noopener noreferrer" data-testid="elsewhere">
                {name}" ↗"
            </a>
        }
    };
    view! {
        <Show when=move || !(linked.with(Vec::is_empty) && elsewhere().is_empty())>
            <nav class="Neighbours" aria-label="Linked traces and other tools" data-testid="linked-traces" tabindex="0">
                {move || elsewhere().into_iter().map(outside).collect_view()}
                {move || (!linked.with(Vec::is_empty)).then(|| view! {
                    <span>"Linked"</span>
                    <a class="Neighbours-link" data-testid="journey" href=JourneyView::default().url(trace) title="These traces on one time axis (J)">
                        <b>"Journey"</b>
                    </a>
                })}
                {move || linked.get().into_iter().map(one).collect_view()}
            </nav>
        </Show>
    }
}

/// From the end of the span that came first to the start of the one that followed: for messages, the time in a queue.
fn lag_of(stage: Stage, link: &LinkedSpan) -> Option<model::Nanos> {
    let staged = stage.staged();
    let row = staged.trace.row_of(link.ours)?;
    let start = staged.trace.start.plus(model::Nanos(staged.trace.offset[row]));
    let end = start.plus(model::Nanos(staged.trace.length[row]));
    let (earlier_end, later_start) =
        if link.is_incoming { (end, link.start) } else { (link.start.plus(link.duration), start) };
    (!link.service.is_empty() && later_start >= earlier_end).then(|| later_start.since(earlier_end))
}
