//! What the trace is: name, outcome, start, size, and who took part.

use leptos::prelude::*;
use model::trace::diff::Compare;
use model::view::{ServiceShare, TraceSummary};

use super::keys::Actions;
use super::tools::Tools;
use crate::chart::color::service_color_css;
use crate::format::{count, counted, duration};
use crate::url::DiffPair;
use crate::views::stage::Stage;
use crate::widgets::copy::CopyButton;
use crate::widgets::icon::Icon;
use crate::widgets::moment::Moment;
use crate::widgets::status::StatusBadge;

#[component]
pub fn Header(
    stage: Stage,
    actions: Actions,
    #[prop(into)] is_loading: Signal<bool>,
    #[prop(into)] is_growing: Signal<bool>,
    #[prop(into)] is_link_copied: Signal<bool>,
) -> impl IntoView {
    let staged = stage.staged();
    let TraceSummary { trace_id, root_service, root_operation, start, status, in_flight, span_count, .. } =
        staged.summary.clone();
    let depth = u64::from(staged.deepest) + 1;
    view! {
        <header class="TraceHead">
            <div class="TraceHead-line">
                <span data-testid="trace-status"><StatusBadge status=status in_flight=in_flight /></span>
                <h1 class="TraceHead-title">
                    <i class="Service-dot" style:background=service_color_css(&root_service)></i>
                    <span class="TraceHead-service">{root_service}</span>
                    <span class="TraceHead-operation">{root_operation}</span>
                </h1>
                <span class="TraceHead-id">
                    <code>{trace_id.to_string()}</code>
                    <CopyButton what="trace id" text=Signal::derive(move || trace_id.to_string()) />
                </span>
                <span class="TraceHead-actions">
                    <a class="Button is-small is-quiet" data-testid="compare" hidden=stage.is_local() href=DiffPair::new(None, Some(Compare::Trace(trace_id))).url()>
                        "Compare with…"
                    </a>
                    <button
                        type="button"
                        class="Button is-small is-quiet"
                        hidden=stage.is_local()
                        title="Copy a link that reopens exactly this view (y)"
                        on:click=move |_| actions.copy_link.run(())
                    >
                        {move || if is_link_copied.get() { Icon::Check.show() } else { Icon::Link.show() }}
                        {move || if is_link_copied.get() { "Copied" } else { "Copy link" }}
                    </button>
                    <a
                        class="Button is-small is-quiet"
                        hidden=stage.is_local()
                        href=format!("/api/traces/{trace_id}/otlp")
                        target="_blank"
                        rel="noopener"
                        title="Download the trace as OTLP JSON"
                    >
                        "Download"
                    </a>
                    <button
                        type="button"
                        class="Button is-icon is-small"
                        class:is-busy=move || is_loading.get()
                        title="Load again (r)"
                        aria-label="Load again"
                        on:click=move |_| actions.reload.run(())
                    >
                        {Icon::Refresh.show()}
                    </button>
                </span>
            </div>
            <div class="TraceHead-line">
                <p class="TraceHead-facts">
                    <span><Moment at=start /></span>
                    <b>{duration(staged.trace.duration)}</b>
                    <Show when=move || is_growing.get()>
                        <span class="TraceHead-growing" data-testid="growing" title="Spans of it came a moment ago. More are added by themselves">
                            "watching for more spans"
                        </span>
                    </Show>
                    {stage.is_local().then_some(view! { <b data-testid="is-local">"from a file, not stored"</b> })}
                    <span>{counted(span_count, "span", "spans")}</span>
                    <span>{counted(staged.summary.services.len() as u64, "service", "services")}</span>
                    <span>{format!("{} deep", count(depth))}</span>
                </p>
                <Tools stage=stage />
            </div>
        </header>
    }
}

/// Who took part, with colours; a click finds a service's spans.
#[component]
pub fn Legend(stage: Stage) -> impl IntoView {
    let staged = stage.staged();
    let one = |service: ServiceShare| {
        let name = service.name.clone();
        let is_on = {
            let name = name.clone();
            move || stage.find.with(|text| *text == name)
        };
        let pressed = is_on.clone();
        let choose = move |_| {
            let is_on = stage.find.with_untracked(|text| *text == name);
            stage.look_for(if is_on { String::new() } else { name.clone() });
        };
        let errors = (service.error_count > 0)
            .then(|| view! { <b>{format!("{} err", count(service.error_count))}</b> });
        let title = format!("Find the spans of {}", service.name);
        let color = service_color_css(&service.name);
        view! {
            <button
                type="button"
                class="Share Legend-entry"
                class:is-on=is_on
                aria-pressed=move || pressed().to_string()
                title=title
                on:click=choose
            >
                <i class="Service-dot" style:background=color></i>
                <span class="Share-name">{service.name}</span>
                <span class="Share-count">{count(service.span_count)}</span>
                {errors}
            </button>
        }
    };
    view! {
        <div class="Legend" role="group" aria-label="Services" tabindex="0">
            {staged.summary.services.iter().cloned().map(one).collect_view()}
        </div>
    }
}
