//! The critical path of both as one flame: wide where time went, coloured by which of the two it was.

use leptos::prelude::*;

use super::layout;
use super::markup::CELL_PX;
use super::state::Comparison;

#[component]
pub fn DiffFlame(comparison: Comparison) -> impl IntoView {
    let compared = comparison.compared();
    let cells = layout::flame(&compared.diff);
    let lanes = cells.iter().map(|cell| cell.depth + 1).max().unwrap_or_default();
    view! {
        <div
            class="DiffFlame"
            tabindex="0"
            role="img"
            data-testid="diff-flame"
            aria-label="Where both traces spent their time, by who called whom. The rows list the same."
        >
            <p class="DiffFlame-note">
                "As wide as both waited, callees under their callers: "
                <b class="is-less">"− less"</b> " and " <b class="is-more">"+ more"</b> " time in the second."
            </p>
            <div
                class="DiffFlame-sheet"
                style:height=format!("{}px", lanes * CELL_PX)
                inner_html=move || compared.flame(&cells, comparison.entry.get())
            ></div>
        </div>
    }
}
