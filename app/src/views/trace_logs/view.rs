//! The components: the whole log in a list that draws what is on screen, and one span's lines in its panel.

use std::sync::Arc;

use leptos::html;
use leptos::prelude::*;
use model::log::{LogLine, Severity, TraceLogs};
use model::{ApiError, SpanId};

use super::layout::{self, LINE_PX, matching, severity_of, text_of, visible};
use crate::browser::observe::SizeWatch;
use crate::chart::color::service_color_css;
use crate::format::{count, counted};
use crate::views::stage::{Stage, Staged};
use crate::widgets::message::title_of;

#[derive(Clone)]
pub enum LogLoad {
    Waiting,
    Ready(Arc<TraceLogs>),
    Failed(ApiError),
}

impl LogLoad {
    pub fn lines(&self) -> &[LogLine] {
        match self {
            LogLoad::Ready(log) => &log.lines,
            LogLoad::Waiting | LogLoad::Failed(_) => &[],
        }
    }
}

/// The whole log.
#[component]
pub fn TraceLog(stage: Stage, load: RwSignal<LogLoad>, #[prop(into)] retry: Callback<()>) -> impl IntoView {
    let (text, least) = (RwSignal::new(String::new()), RwSignal::new(Severity(0)));
    let listed = Memo::new(move |_| matching(load.read().lines(), least.get(), &text.get()));
    let tally = move || match &*load.read() {
        LogLoad::Waiting => "Loading the log".to_owned(),
        LogLoad::Failed(error) => format!("{}: {}", title_of(error.code), error.message),
        LogLoad::Ready(log) if log.lines.is_empty() => {
            "No log lines carry this trace's id. Send logs over OTLP beside the spans, with their trace id."
                .to_owned()
        }
        LogLoad::Ready(log) => {
            let (all, shown) = (log.lines.len() as u64, listed.read().len() as u64);
            let hidden = if shown == all { String::new() } else { format!("{} of ", count(shown)) };
            let rest = if log.complete { "" } else { ", the first of more" };
            format!("{hidden}{}{rest}", counted(all, "line", "lines"))
        }
    };
    let choose = move |event| least.set(Severity(event_target_value(&event).parse().unwrap_or(0)));
    view! {
        <section class="TraceLog" data-testid="trace-logs" aria-label="Log of this trace">
            <div class="TraceLog-tools">
                <input
                    class="Field"
                    type="search"
                    placeholder="Filter lines"
                    aria-label="Filter log lines"
                    prop:value=move || text.get()
                    on:input=move |event| text.set(event_target_value(&event))
                />
                <select class="Field" aria-label="Least severity" on:change=choose>
                    <option value="0">"every severity"</option>
                    <option value="9">"info and worse"</option>
                    <option value="13">"warnings and worse"</option>
                    <option value="17">"errors"</option>
                </select>
                <span role="status" data-testid="log-count">{tally}</span>
                <Show when=move || matches!(&*load.read(), LogLoad::Failed(_))>
                    <button type="button" class="Button is-small" on:click=move |_| retry.run(())>"Try again"</button>
                </Show>
            </div>
            <Lines stage=stage load=load listed=listed />
        </section>
    }
}

#[component]
fn Lines(stage: Stage, load: RwSignal<LogLoad>, listed: Memo<Vec<u32>>) -> impl IntoView {
    let scroller = NodeRef::<html::Div>::new();
    let (top_px, view_px) = (RwSignal::new(0.0), RwSignal::new(600.0));
    let watch = StoredValue::new_local(None::<SizeWatch>);
    Effect::new(move |_| {
        if let Some(element) = scroller.get() {
            let of = element.clone();
            watch.set_value(SizeWatch::new(&element, move || view_px.set(f64::from(of.client_height()))));
        }
    });
    let rows = move || {
        let (load, listed, staged) = (load.read(), listed.read(), stage.staged());
        let (window, folds) = (stage.window.get(), stage.folds.read());
        let cursor = stage.span_row().map(|row| staged.trace.span_id[row as usize]);
        visible(top_px.get(), view_px.get(), listed.len())
            .filter_map(|at| {
                let line = load.lines().get(listed[at] as usize)?;
                let place = layout::place(line, staged.trace.start, &folds, (window.from_ns, window.to_ns));
                Some(one_line(stage, &staged, line, at, place, cursor))
            })
            .collect_view()
    };
    view! {
        <div
            class="TraceLog-scroll"
            role="list"
            tabindex="0"
            aria-label="Log lines"
            node_ref=scroller
            on:scroll=move |_| top_px.set(scroller.get_untracked().map_or(0.0, |s| f64::from(s.scroll_top())))
        >
            <div class="TraceLog-sheet" role="presentation" style:height=move || format!("{}px", listed.read().len() as f64 * LINE_PX)>
                {rows}
            </div>
        </div>
    }
}

fn one_line(
    stage: Stage,
    staged: &Staged,
    line: &LogLine,
    at: usize,
    place: Option<f64>,
    cursor: Option<SpanId>,
) -> impl IntoView + use<> {
    let span = line.span_id;
    let row = span.is_valid().then(|| staged.trace.row_of(span)).flatten();
    let operation = row.map(|row| staged.trace.operation_name(row).to_owned()).unwrap_or_default();
    let go = move |_| {
        if let Some(row) = row {
            stage.reveal(row as u32);
            stage.is_open.set(true);
        }
    };
    let class = format!("TraceLog-line {}", severity_class(line.severity));
    let mark = place.map(|share| view! { <i style:left=format!("{:.2}%", share * 100.0)></i> });
    view! {
        <div role="listitem" class=class class:is-cursor=cursor == Some(span) && span.is_valid() style:top=format!("{}px", at as f64 * LINE_PX)>
            <button
                type="button"
                class="TraceLog-button"
                data-testid="log-line"
                data-span-id=span.to_string()
                title=layout::whole(line)
                disabled=row.is_none()
                on:click=go
            >
                <span class="TraceLog-at">{layout::at(line, staged.trace.start)}</span>
                <span class="TraceLog-severity">{severity_of(line)}</span>
                <span class="TraceLog-service">
                    <i class="Service-dot" style:background=service_color_css(&line.service)></i>
                    {line.service.clone()}
                </span>
                <span class="TraceLog-text">{text_of(line)}</span>
                <span class="TraceLog-operation">{operation}</span>
                <span class="TraceLog-lane" aria-hidden="true">{mark}</span>
            </button>
        </div>
    }
}

fn severity_class(severity: Severity) -> &'static str {
    match severity {
        s if s >= Severity::ERROR => "is-error",
        s if s >= Severity::WARN => "is-warn",
        _ => "",
    }
}

/// Lines of one span, in its panel.
#[component]
pub fn SpanLog(stage: Stage, load: RwSignal<LogLoad>) -> impl IntoView {
    let body = move || {
        let staged = stage.staged();
        let row = stage.span_row()?;
        let load = load.read();
        let lines = layout::of_span(load.lines(), staged.trace.span_id[row as usize]);
        (!lines.is_empty()).then(|| {
            let number = count(lines.len() as u64);
            let one = |at: u32| {
                let line = &load.lines()[at as usize];
                view! {
                    <li class=format!("SpanLog-line {}", severity_class(line.severity)) title=layout::whole(line)>
                        <span class="Detail-at">{layout::at(line, staged.trace.start)}</span>
                        <b>{severity_of(line)}</b>
                        <span class="SpanLog-text">{text_of(line)}</span>
                    </li>
                }
            };
            view! {
                <details class="Detail-section" open data-testid="span-log">
                    <summary><h3>"Log"</h3><span class="Detail-count">{number}</span></summary>
                    <ul class="SpanLog">{lines.into_iter().map(one).collect_view()}</ul>
                </details>
            }
        })
    };
    view! { {body} }
}
