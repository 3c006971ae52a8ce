//! What the trace is: name, outcome, start, size, and who took part.

use leptos::html;
use leptos::prelude::*;
use model::trace::diff::Compare;
use model::view::{ServiceShare, TraceSummary};

use super::keys::Actions;
use super::tools::Tools;
use crate::browser::observe::SizeWatch;
use crate::chart::color::service_color_css;
use crate::format::{count, counted, duration};
use crate::url::DiffPair;
use crate::views::stage::Stage;
use crate::widgets::copy::CopyButton;
use crate::widgets::icon::Icon;
use crate::widgets::moment::Moment;
use crate::widgets::status::StatusBadge;

/// As much is still seen of a list that was scrolled on.
const LEGEND_LINE_PX: i32 = 4;

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

/// Services that a list too small for all of them has below its edge.
fn entries_below(list: &web_sys::Element) -> u64 {
    let end = list.get_bounding_client_rect().bottom();
    let all = list.children();
    let is_below =
        |at: &u32| all.item(*at).is_some_and(|entry| entry.get_bounding_client_rect().bottom() > end);
    (0..all.length()).filter(is_below).count() as u64
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
    let list = NodeRef::<html::Div>::new();
    let below = RwSignal::new(0);
    let look = move || below.set(list.get_untracked().map_or(0, |list| entries_below(&list)));
    let watch = StoredValue::new_local(None::<SizeWatch>);
    Effect::new(move |_| watch.set_value(list.get().and_then(|list| SizeWatch::new(&list, look))));
    let go_on = move |_| {
        if let Some(list) = list.get_untracked() {
            list.set_scroll_top(list.scroll_top() + list.client_height() - LEGEND_LINE_PX);
        }
    };
    view! {
        <div class="Legend-frame">
            <div class="Legend" role="group" aria-label="Services" tabindex="0" node_ref=list on:scroll=move |_| look()>
                {staged.summary.services.iter().cloned().map(one).collect_view()}
            </div>
            <button
                type="button"
                class="Legend-more"
                data-testid="legend-more"
                title="Scroll to further services"
                hidden=move || below.get() == 0
                on:click=go_on
            >
                {move || format!("{} more", count(below.get()))}
            </button>
        </div>
    }
}
