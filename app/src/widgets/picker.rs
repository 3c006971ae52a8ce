//! Choosing one of many: a button that opens a list with a box to narrow it down.
//!
//! Keys: arrows move, Enter takes, Escape closes, letters narrow.

use leptos::ev::{FocusEvent, KeyboardEvent};
use leptos::html;
use leptos::prelude::*;

use super::icon::Icon;
use super::service::ServiceName;
use crate::browser::keys;
use crate::format::lowered;

/// One entry of the list.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    pub value: String,
    /// Set beside the name, small.
    pub note: String,
    pub is_service: bool,
}

/// More than this are never listed at once; the box narrows them down.
const LISTED: usize = 200;

#[component]
pub fn Picker(
    label: &'static str,
    /// What the button says while nothing is chosen.
    placeholder: &'static str,
    #[prop(into)] chosen: Signal<Option<String>>,
    #[prop(into)] choices: Signal<Vec<Choice>>,
    /// Called when the list opens: time to fetch fresh entries.
    #[prop(into)]
    on_open: Callback<()>,
    #[prop(into)] on_choose: Callback<Option<String>>,
) -> impl IntoView {
    let is_open = RwSignal::new(false);
    let toggle = move |_| {
        is_open.update(|open| *open = !*open);
        if is_open.get_untracked() {
            on_open.run(());
        }
    };
    let close_when_left = move |event: FocusEvent| {
        if keys::leaves(&event, ".Picker") {
            is_open.set(false);
        }
    };
    let take = Callback::new(move |value: Option<String>| {
        is_open.set(false);
        on_choose.run(value);
    });
    let close = Callback::new(move |()| is_open.set(false));
    view! {
        <div class="Picker" on:focusout=close_when_left>
            <button
                type="button"
                class="Button Picker-button"
                class:is-set=move || chosen.get().is_some()
                aria-haspopup="listbox"
                aria-expanded=move || is_open.get().to_string()
                on:click=toggle
            >
                <span class="Picker-label">{label}</span>
                <span class="Picker-value">{move || chosen.get().unwrap_or_else(|| placeholder.to_owned())}</span>
                {Icon::ChevronDown.show()}
            </button>
            <Show when=move || is_open.get()>
                <Popover label=label chosen=chosen choices=choices take=take close=close />
            </Show>
        </div>
    }
}

#[component]
fn Popover(
    label: &'static str,
    chosen: Signal<Option<String>>,
    choices: Signal<Vec<Choice>>,
    take: Callback<Option<String>>,
    close: Callback<()>,
) -> impl IntoView {
    let text = RwSignal::new(String::new());
    let active = RwSignal::new(0usize);
    let found = Memo::new(move |_| narrowed(&choices.get(), &text.get()));
    let key = move |event: KeyboardEvent| {
        let last = found.with_untracked(Vec::len).saturating_sub(1);
        match event.key().as_str() {
            "ArrowDown" => active.update(|a| *a = (*a + 1).min(last)),
            "ArrowUp" => active.update(|a| *a = a.saturating_sub(1)),
            "Enter" => {
                let choice = found.with_untracked(|f| f.get(active.get_untracked()).cloned());
                choice.into_iter().for_each(|choice| take.run(Some(choice.value)));
            }
            "Escape" => close.run(()),
            _ => return,
        }
        event.prevent_default();
        event.stop_propagation();
    };
    view! {
        <div class="Picker-popover">
            <PickerBox label=label text=text active=active key=key />
            <ul class="Picker-list" id=format!("picker-{label}") role="listbox" aria-label=label>
                <For
                    each=move || found.get().into_iter().enumerate()
                    key=|(i, choice)| (*i, choice.value.clone())
                    let((i, choice))
                >
                    <Entry choice=choice is_active=Signal::derive(move || active.get() == i) take=take />
                </For>
            </ul>
            <Show when=move || found.with(Vec::is_empty)>
                <p class="Picker-none">"Nothing here by that name"</p>
            </Show>
            <Show when=move || chosen.get().is_some()>
                <button type="button" class="Picker-any" on:click=move |_| take.run(None)>"Any"</button>
            </Show>
        </div>
    }
}

#[component]
fn PickerBox(
    label: &'static str,
    text: RwSignal<String>,
    active: RwSignal<usize>,
    key: impl Fn(KeyboardEvent) + 'static,
) -> impl IntoView {
    let field = NodeRef::<html::Input>::new();
    Effect::new(move |_| field.get().map(|field| field.focus()));
    view! {
        <input
            class="Picker-box"
            node_ref=field
            type="text"
            role="combobox"
            aria-expanded="true"
            aria-controls=format!("picker-{label}")
            aria-label=format!("Narrow down: {label}")
            placeholder="Type to narrow down"
            autocomplete="off"
            spellcheck="false"
            prop:value=move || text.get()
            on:input=move |event| {
                text.set(event_target_value(&event));
                active.set(0);
            }
            on:keydown=key
        />
    }
}

#[component]
fn Entry(choice: Choice, is_active: Signal<bool>, take: Callback<Option<String>>) -> impl IntoView {
    let entry = NodeRef::<html::Li>::new();
    Effect::new(move |_| {
        if let (true, Some(entry)) = (is_active.get(), entry.get()) {
            entry.scroll_into_view_with_bool(false);
        }
    });
    let value = choice.value.clone();
    let name = match choice.is_service {
        true => view! { <ServiceName name=choice.value /> }.into_any(),
        false => view! { <span class="Picker-name">{choice.value}</span> }.into_any(),
    };
    view! {
        <li
            class="Picker-entry"
            class:is-active=move || is_active.get()
            node_ref=entry
            role="option"
            aria-selected=move || is_active.get().to_string()
            on:pointerdown=move |event| event.prevent_default()
            on:click=move |_| take.run(Some(value.clone()))
        >
            {name}
            <span class="Picker-note">{choice.note}</span>
        </li>
    }
}

fn narrowed(choices: &[Choice], text: &str) -> Vec<Choice> {
    let text = lowered(text.trim());
    choices.iter().filter(|c| lowered(&c.value).contains(&text)).take(LISTED).cloned().collect()
}
