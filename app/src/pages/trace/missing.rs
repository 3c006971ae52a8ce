//! A trace that is not stored: the likely reasons, while the page keeps looking.

use leptos::prelude::*;
use model::TraceId;

use crate::widgets::copy::CopyButton;

#[component]
pub fn Missing(id: TraceId, looks_left: RwSignal<u32>, retry: impl Fn() + Copy + 'static) -> impl IntoView {
    view! {
        <section class="Message" data-testid="trace-missing">
            <h1 class="Message-title">"This trace is not here"</h1>
            <p class="Message-text">
                <code>{id.to_string()}</code>
                <CopyButton what="trace id" text=Signal::derive(move || id.to_string()) />
            </p>
            <ul class="Missing-reasons">
                <li><b>"It may not have arrived."</b>" Senders hold spans back for a few seconds before they send them."</li>
                <li><b>"It may have expired."</b>" Spans are deleted when their retention ends."</li>
                <li><b>"The id may be another one."</b>" Compare it with your log line; 16 digits mean a 64-bit id, padded with zeros here."</li>
                <li><b>"It may not have been sampled."</b>" A sender that samples never sends what it leaves out: look at the flag in its traceparent."</li>
            </ul>
            <p class="Message-hint" role="status">
                {move || match looks_left.get() {
                    0 => "No longer looking by itself.".to_owned(),
                    _ => "Looking again every 2 seconds.".to_owned(),
                }}
            </p>
            <div class="Message-actions">
                <button type="button" class="Button is-primary" on:click=move |_| retry()>"Look now"</button>
                <a class="Button" href="/">"Newest traces"</a>
            </div>
        </section>
    }
}
