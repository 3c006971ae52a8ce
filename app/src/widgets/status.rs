//! A trace's outcome in words, with an icon and a colour.

use leptos::prelude::*;
use model::trace::TraceStatus;

use super::icon::Icon;

#[component]
pub fn StatusBadge(status: TraceStatus, #[prop(optional)] in_flight: bool) -> impl IntoView {
    if in_flight && status == TraceStatus::Partial {
        let title = "Spans came in a moment ago: what is missing may still be on its way";
        return view! { <span class="Status is-coming" title=title>{Icon::Half.show()}"arriving"</span> };
    }
    let (icon, class, title) = match status {
        TraceStatus::Ok => (Icon::Check, "Status is-ok", "No span failed and none is missing"),
        TraceStatus::Error => (Icon::Alert, "Status is-error", "At least one span failed"),
        TraceStatus::Partial => {
            (Icon::Half, "Status is-partial", "No span failed, but a parent or the root is missing")
        }
    };
    view! { <span class=class title=title>{icon.show()}{status.name()}</span> }
}
