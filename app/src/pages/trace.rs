//! stub
use leptos::prelude::*;
#[component]
pub fn TracePage(id: model::TraceId) -> impl IntoView { view! { <p>{id.to_string()}</p> } }
