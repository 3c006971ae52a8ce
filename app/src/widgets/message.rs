//! What a page says when it has nothing to show: an error with its hint, or an empty place with a way on.

use leptos::prelude::*;
use model::{ApiError, ErrorCode};

use super::icon::Icon;

pub fn title_of(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::BadRequest => "This request makes no sense to the server",
        ErrorCode::NotFound => "Not found",
        ErrorCode::TooLarge => "Too large",
        ErrorCode::Unauthenticated => "Key needed",
        ErrorCode::UnsupportedMediaType => "Unsupported format",
        ErrorCode::Busy => "Skein is busy or restarting",
        ErrorCode::LimitExceeded => "This query hit a limit",
        ErrorCode::StorageUnavailable => "Storage cannot be reached",
        ErrorCode::Internal => "Something went wrong inside Skein",
    }
}

/// An error: what happened, what to do, and a way to try again.
#[component]
pub fn ErrorState(error: ApiError, retry: impl Fn() + 'static) -> impl IntoView {
    let hint = (!error.hint.is_empty()).then(|| view! { <p class="Message-hint">{error.hint}</p> });
    view! {
        <div class="Message is-error" role="alert" data-testid="error-state">
            <span class="Message-icon">{Icon::Alert.show()}</span>
            <h2 class="Message-title">{title_of(error.code)}</h2>
            <p class="Message-text">{error.message}</p>
            {hint}
            <div class="Message-actions">
                <button type="button" class="Button is-primary" on:click=move |_| retry()>"Try again"</button>
            </div>
        </div>
    }
}
