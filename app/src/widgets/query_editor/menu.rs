//! The choices, hanging where the part they replace begins.

use leptos::html;
use leptos::prelude::*;
use model::query::complete::{Choice, Group};

use super::overlay::MARK;
use super::{Editing, LIST_ID, option_id};

#[component]
pub fn Menu(editing: Editing) -> impl IntoView {
    let list = NodeRef::<html::Ul>::new();
    let place = RwSignal::new((0.0, 0.0));
    Effect::new(move |_| {
        editing.completion.track();
        // The mark is where it belongs after the overlay has been drawn.
        request_animation_frame(move || {
            if let Some(found) = measured(editing) {
                let _ = place.try_set(found);
            }
        });
    });
    let choices = move || editing.completion.with(|completion| completion.choices.clone());
    let has_choices =
        Memo::new(move |_| editing.completion.with(|completion| !completion.choices.is_empty()));
    view! {
        <ul
            id=LIST_ID
            class="QueryEditor-menu"
            data-testid="completion"
            role="listbox"
            aria-label="Choices"
            node_ref=list
            hidden=move || !has_choices.get()
            style:left=move || format!("{}px", place.get().0)
            style:top=move || format!("{}px", place.get().1)
        >
            {move || {
                choices()
                    .into_iter()
                    .enumerate()
                    .map(|(index, choice)| view! { <Entry editing=editing index=index choice=choice /> })
                    .collect_view()
            }}
        </ul>
    }
}

/// Below the mark, and never out of the box to the right.
fn measured(editing: Editing) -> Option<(f64, f64)> {
    const WIDTH_PX: f64 = 380.0;
    let area = editing.area.try_get_untracked()??;
    let editor = area.parent_element()?;
    let mark = editor.query_selector(&format!(".{MARK}")).ok()??.get_bounding_client_rect();
    let box_ = editor.get_bounding_client_rect();
    let left = (mark.left() - box_.left()).min(box_.width() - WIDTH_PX).max(0.0);
    Some((left - 8.0, mark.bottom() - box_.top() + 5.0))
}

#[component]
fn Entry(editing: Editing, index: usize, choice: Choice) -> impl IntoView {
    let entry = NodeRef::<html::Li>::new();
    let is_active = Memo::new(move |_| editing.active.get() == Some(index));
    Effect::new(move |_| {
        if let (true, Some(entry)) = (is_active.get(), entry.get()) {
            entry.scroll_into_view_with_bool(false);
        }
    });
    let (class, what) = match choice.group {
        Group::Field => ("QueryEditor-label is-field", ""),
        Group::Attribute => ("QueryEditor-label is-attribute", "attribute"),
        Group::Value => ("QueryEditor-label is-text", ""),
        Group::Operator => ("QueryEditor-label is-sign", ""),
        Group::Function => ("QueryEditor-label is-function", ""),
    };
    let note = if choice.note.is_empty() { what.to_owned() } else { choice.note };
    view! {
        <li
            id=option_id(index)
            class="QueryEditor-entry"
            class:is-active=move || is_active.get()
            node_ref=entry
            role="option"
            aria-selected=move || is_active.get().to_string()
            on:pointerdown=move |event| event.prevent_default()
            on:click=move |_| editing.take(index)
        >
            <span class=class>{choice.label}</span>
            <span class="QueryEditor-note">{note}</span>
        </li>
    }
}
