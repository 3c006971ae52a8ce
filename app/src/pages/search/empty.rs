//! Nothing to list: either nothing was ever sent (then: how to send), or the filters leave nothing (then: which to loosen).

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use model::view::{Endpoints, TraceSearch};

use super::Search;
use super::chips::chips_of;
use super::feed::Feed;
use crate::browser::clock::now;
use crate::browser::{hostname, origin};
use crate::format::clock::Zone;
use crate::widgets::copy::CopyButton;

/// How often the empty page looks for a first trace.
const LOOK_EVERY: Duration = Duration::from_secs(2);

#[component]
pub fn EmptyState(search: Search, feed: Feed) -> impl IntoView {
    look_for_a_first_trace(search, feed);
    let doors = RwSignal::new(None::<Endpoints>);
    spawn_local(async move {
        if let Ok(found) = api::get_endpoints().await {
            let _ = doors.try_set(Some(found));
        }
    });
    let curl = curl_line();
    view! {
        <section class="Empty" data-testid="empty-state">
            <h2 class="Empty-title">"Waiting for the first trace"</h2>
            <p class="Empty-text">"Point an OpenTelemetry SDK or collector here. The first trace appears by itself."</p>
            {move || doors.with(|doors| doors.as_ref().map(addresses))}
            <h3 class="Empty-sub">"Or send one span now"</h3>
            <div class="Empty-code">
                <pre tabindex="0" aria-label="Command">{curl.clone()}</pre>
                <CopyButton what="command" label="Copy" text=Signal::derive(move || curl.clone()) />
            </div>
            <p class="Empty-text">"Want to see it full? " <code>"skein demo"</code> " sends the traffic of a small shop."</p>
            <p class="Empty-waiting" role="status"><i class="Empty-pulse"></i>"Looking every 2 seconds"</p>
        </section>
    }
}

/// Where this very server listens, whatever its ports.
fn addresses(doors: &Endpoints) -> AnyView {
    let (Some(grpc), Some(http)) = (&doors.otlp_grpc, &doors.otlp_http) else {
        return view! { <p class="Empty-text">"This server takes no spans; send them to one with the role ingest."</p> }.into_any();
    };
    let host = if hostname().is_empty() { "127.0.0.1".to_owned() } else { hostname() };
    let (grpc, http) = (doors.url(grpc, &host), doors.url(http, &host));
    let variable = format!("OTEL_EXPORTER_OTLP_ENDPOINT={grpc}");
    view! {
        <dl class="Empty-addresses">
            {address("OTLP over gRPC", if doors.is_tls { "TLS" } else { "no TLS" }, grpc)}
            {address("OTLP over HTTP", "protobuf or JSON, at /v1/traces", http)}
            {address("One variable", "for SDKs with gRPC", variable)}
        </dl>
    }
    .into_any()
}

fn address(what: &'static str, note: &'static str, value: String) -> impl IntoView {
    let text = value.clone();
    view! {
        <div class="Empty-address">
            <dt>{what}</dt>
            <dd>
                <code>{value}</code>
                <CopyButton what="address" text=Signal::derive(move || text.clone()) />
                <span class="Empty-note">{note}</span>
            </dd>
        </div>
    }
}

/// One span through the simple JSON door, starting now.
fn curl_line() -> String {
    let start_ns = now().0;
    let trace_id = format!("{:032x}", u128::from(start_ns) << 40 | 0x5ce1);
    let span_id = format!("{:016x}", start_ns);
    format!(
        "curl -sS {}/v1/spans -H 'content-type: application/json' -d '[{{\n  \"trace_id\": \"{trace_id}\",\n  \"span_id\": \"{span_id}\",\n  \"service_name\": \"hello\",\n  \"operation_name\": \"GET /\",\n  \"start_time_unix_ns\": {start_ns},\n  \"duration_ms\": 42,\n  \"status\": \"ok\",\n  \"tags\": {{\"http.response.status_code\": 200}}\n}}]'",
        origin()
    )
}

fn look_for_a_first_trace(search: Search, feed: Feed) {
    let look = move || {
        spawn_local(async move {
            let one = TraceSearch { limit: Some(1), ..TraceSearch::default() };
            let found = api::search_traces(one).await.is_ok_and(|page| !page.traces.is_empty());
            if found && feed.traces.try_with_untracked(|traces| traces.is_empty()) == Some(true) {
                search.again();
            }
        });
    };
    if let Ok(timer) = set_interval_with_handle(look, LOOK_EVERY) {
        on_cleanup(move || timer.clear());
    }
}

/// Says which filters are in the way, each with the click that takes it off.
#[component]
pub fn NoMatch(search: Search) -> impl IntoView {
    let zone = expect_context::<RwSignal<Zone>>();
    let chips = chips_of(&search.view.get_untracked(), zone.get_untracked());
    let hint = if chips.len() > 1 {
        "A trace is found when one of its spans satisfies every condition at once. Take one off:"
    } else {
        "Take the condition off, or wait: new spans are searchable within seconds."
    };
    let remove = chips.into_iter().map(|chip| {
        let label = chip.label.clone();
        view! {
            <button type="button" class="Button" on:click=move |_| search.change(|view| chip.remove_from(view))>
                "without "<b>{label}</b>
            </button>
        }
    });
    view! {
        <section class="Message" data-testid="no-match">
            <h2 class="Message-title">"No trace matches"</h2>
            <p class="Message-hint">{hint}</p>
            <div class="Message-actions NoMatch-actions">{remove.collect_view()}</div>
        </section>
    }
}
