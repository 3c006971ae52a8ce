//! What a wrong address shows: what was asked for, and the ways on.

use leptos::prelude::*;

#[component]
pub fn NotFound(title: &'static str, what: String) -> impl IntoView {
    view! {
        <div class="Message" data-testid="not-found">
            <h1 class="Message-title">{title}</h1>
            <p class="Message-text"><code>{what}</code></p>
            <p class="Message-hint">
                "A trace id is 32 hexadecimal digits (or 16). A traceparent header, B3, X-Ray and dashes are understood too: paste yours into the box at the top."
            </p>
            <div class="Message-actions"><a class="Button is-primary" href="/">"Go to the newest traces"</a></div>
        </div>
    }
}
