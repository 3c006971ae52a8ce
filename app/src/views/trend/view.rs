//! The component.

use leptos::prelude::*;
use model::view::HealthPoint;

use super::layout::{HEIGHT, WIDTH, paths};
use crate::format::{count, counted};

#[component]
pub fn Trend(points: Vec<HealthPoint>) -> impl IntoView {
    let found = paths(&points);
    let calls: u64 = points.iter().map(|p| p.calls).sum();
    let errors: u64 = points.iter().map(|p| p.errors).sum();
    let label = format!("{}, {} failed", counted(calls, "call", "calls"), count(errors));
    view! {
        <svg class="Trend" viewBox=format!("0 0 {WIDTH} {HEIGHT}") role="img" aria-label=label preserveAspectRatio="none">
            <path class="Trend-calls" d=found.calls></path>
            <path class="Trend-errors" d=found.errors></path>
        </svg>
    }
}
