//! A service's name with its colour.

use leptos::prelude::*;

use crate::chart::color::service_color_css;

#[component]
pub fn ServiceName(name: String) -> impl IntoView {
    let color = service_color_css(&name);
    let shown = if name.is_empty() { "(no service name)".to_owned() } else { name };
    view! {
        <span class="Service">
            <i class="Service-dot" style:background=color></i>
            <span class="Service-name">{shown}</span>
        </span>
    }
}
