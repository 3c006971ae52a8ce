//! The panel: head at once, body when it has come.

use std::sync::Arc;
use std::time::Duration;

use leptos::prelude::*;
use model::query::edit::{self, Condition};
use model::{ApiError, AttrValue, Nanos, Span, Status};

use super::beside::Beside;
use super::sections::Sections;
use super::text::rank_text;
use crate::browser::site;
use crate::format::{duration, offset, share};
use crate::url::SearchView;
use crate::views::stage::{Stage, Staged};
use crate::views::trace_logs::{LogLoad, SpanLog};
use crate::widgets::copy::{CopyButton, CopyFrom};
use crate::widgets::icon::Icon;
use crate::widgets::message::title_of;
use crate::widgets::moment::Moment;
use crate::widgets::service::ServiceName;

/// From the frame that paints the head.
const AFTER_HEAD: Duration = Duration::from_millis(24);

#[derive(Clone, Debug, PartialEq)]
pub enum SpanLoad {
    Waiting,
    Ready(Arc<Span>),
    Failed(ApiError),
}

#[component]
pub fn SpanDetail(
    stage: Stage,
    /// The row shown.
    #[prop(into)]
    row: Signal<u32>,
    #[prop(into)] load: Signal<SpanLoad>,
    /// Whether what is loaded is an earlier row's, to be replaced in a moment.
    #[prop(into)]
    is_stale: Signal<bool>,
    /// The span it is put beside.
    #[prop(into)]
    other: Signal<SpanLoad>,
    logs: RwSignal<LogLoad>,
    #[prop(into)] retry: Callback<()>,
) -> impl IntoView {
    let filter = RwSignal::new(String::new());
    // The head is painted before the parts below it are made.
    let is_painted = RwSignal::new(false);
    request_animation_frame(move || {
        set_timeout(
            move || {
                let _ = is_painted.try_set(true);
            },
            AFTER_HEAD,
        );
    });
    let body = move || {
        match load.get() {
        SpanLoad::Waiting => view! { <Waiting /> }.into_any(),
        SpanLoad::Ready(span) => view! { <Sections span=Span::clone(&span) filter=filter /> }.into_any(),
        SpanLoad::Failed(error) => view! {
            <div class="Detail-failed" role="alert" data-testid="error-state">
                <p><b>{title_of(error.code)}</b></p>
                <p>{error.message}</p>
                <p>{error.hint}</p>
                <button type="button" class="Button is-small" on:click=move |_| retry.run(())>"Try again"</button>
            </div>
        }
        .into_any(),
    }
    };
    view! {
        <div class="Detail" data-testid="span-detail">
            {move || head(stage, &stage.staged(), row.get() as usize)}
            <p class="Detail-rank" data-testid="span-rank" hidden=stage.is_local()>
                {move || stage.ranks.read().get(&row.get()).map(rank_text)}
            </p>
            <div class="Detail-filter">
                <input
                    class="Field"
                    type="search"
                    placeholder="Filter attributes"
                    aria-label="Filter attributes"
                    prop:value=move || filter.get()
                    on:input=move |event| filter.set(event_target_value(&event))
                />
            </div>
            <div class="Detail-body" tabindex="0" role="region" aria-label="Attributes, events and links">
                <Show when=move || is_painted.get()>
                    <SpanLog stage=stage load=logs />
                    <div class:is-stale=move || is_stale.get()>{body}</div>
                    <Beside stage=stage row=row load=load other=other />
                    {move || ids(stage, &stage.staged(), row.get() as usize)}
                </Show>
            </div>
        </div>
    }
}

fn head(stage: Stage, staged: &Staged, row: usize) -> impl IntoView + use<> {
    let trace = &staged.trace;
    let length = trace.length[row];
    let fact = |what: &'static str, value: AnyView| {
        view! {
            <div class="Detail-fact">
                <dt>{what}</dt>
                <dd>{value}</dd>
            </div>
        }
    };
    let status = match trace.status[row] {
        Status::Error => {
            view! { <span class="Status is-error">{Icon::Alert.show()}"error"</span> }.into_any()
        }
        Status::Ok => view! { <span class="Status is-ok">{Icon::Check.show()}"ok"</span> }.into_any(),
        Status::Unset => view! { <span>"unset"</span> }.into_any(),
    };
    let message = trace.is_error(row).then(|| trace.fact_text(row).to_owned()).filter(|m| !m.is_empty());
    let orphan = trace.is_orphan(row).then(|| match trace.parent_id[row] {
        own if own == trace.span_id[row] => "It names itself as its parent.".to_owned(),
        other => format!(
            "Its parent, span {other}, is not stored: it was not sent, not yet received, or has expired."
        ),
    });
    view! {
        <header class="Detail-head">
            <div class="Detail-titles">
                <h2 class="Detail-title">{trace.operation_name(row).to_owned()}</h2>
                <ServiceName name=trace.service_name(row).to_owned() />
                <span class="Detail-kind">{trace.kind[row].name()}</span>
            </div>
            <button
                type="button"
                class="Button is-icon"
                title="Close (Esc)"
                aria-label="Close the span"
                on:click=move |_| stage.is_open.set(false)
            >
                {Icon::Close.show()}
            </button>
        </header>
        {message.map(|m| view! { <p class="Detail-message">{Icon::Alert.show()}{m}</p> })}
        {orphan.map(|text| view! { <p class="Detail-orphan">{Icon::Half.show()}{text}</p> })}
        <dl class="Detail-facts">
            {fact("Duration", format!("{} · {} of the trace", duration(Nanos(length)), share(length, trace.duration.0)).into_any())}
            {fact("Self", format!("{} · {}", duration(Nanos(staged.tree.self_time[row])), share(staged.tree.self_time[row], length)).into_any())}
            {fact("Start", view! { <Moment at=trace.start.plus(Nanos(trace.offset[row])) /> <span class="Detail-at">{format!("+{}", offset(Nanos(trace.offset[row])))}</span> }.into_any())}
            {fact("Status", status)}
        </dl>
    }
}

/// The search for spans of the same service and operation.
fn alike(service: &str, operation: &str) -> String {
    let field = |name: &str, value: &str| Condition::equals(name, AttrValue::Str(value.to_owned()));
    let conditions: Vec<Condition> =
        [field("service", service), field("name", operation)].into_iter().flatten().collect();
    SearchView::about(edit::replaced("", &conditions).unwrap_or_default()).url()
}

/// Ids stand last: they are for copying, not for reading.
fn ids(stage: Stage, staged: &Staged, row: usize) -> impl IntoView + use<> {
    let trace = &staged.trace;
    let (trace_id, span_id, parent_id) = (trace.trace_id, trace.span_id[row], trace.parent_id[row]);
    let elsewhere = stage.links_about(Some(row as u32)).into_iter().map(|(name, url)| {
        view! { <a href=url target="_blank" rel="noopener noreferrer" data-testid="span-elsewhere">{name}" ↗"</a> }
    });
    let elsewhere = elsewhere.collect_view();
    let alike = alike(trace.service_name(row), trace.operation_name(row));
    let id = |what: &'static str, text: String| {
        let copied = text.clone();
        view! {
            <div class="Attributes-line">
                <dt class="Attributes-key">{what}</dt>
                <dd class="Attributes-value">
                    <code>{text}</code>
                    <CopyButton what=what text=Signal::derive(move || copied.clone()) />
                </dd>
            </div>
        }
    };
    view! {
        <details class="Detail-section" open>
            <summary><h3>"Ids"</h3></summary>
            <dl class="Attributes">
                {id("span id", span_id.to_string())}
                {parent_id.is_valid().then(|| id("parent span id", parent_id.to_string()))}
                {id("trace id", trace_id.to_string())}
                {id("traceparent", format!("00-{trace_id}-{span_id}-01"))}
                {(!stage.is_local()).then(|| view! {
                    {id("link", format!("{}/trace/{trace_id}?span={span_id}", site()))}
                    {id("curl", format!("curl -s {}/api/traces/{trace_id}", site()))}
                })}
            </dl>
            <p class="Detail-ways">
                <a href=alike data-testid="find-alike">"Find traces like this"</a>
                {(!stage.is_local()).then(|| view! {
                    <CopyFrom what="span as OTLP JSON" url=format!("/api/traces/{trace_id}/otlp?span={span_id}") />
                    <CopyFrom what="trace as OTLP JSON" url=format!("/api/traces/{trace_id}/otlp") />
                })}
                {elsewhere}
            </p>
        </details>
    }
}

#[component]
fn Waiting() -> impl IntoView {
    let line = |i: usize| {
        view! {
            <p class="Detail-skeleton">
                <i class="Skeleton" style:width=format!("{}%", 18 + i * 13 % 20)></i>
                <i class="Skeleton" style:width=format!("{}%", 26 + i * 29 % 34)></i>
            </p>
        }
    };
    view! { <div aria-busy="true" aria-label="Loading the span">{(0..9).map(line).collect_view()}</div> }
}
