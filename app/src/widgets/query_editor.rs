//! The box for queries: a plain text area whose letters are transparent, over the same text in colours, so that
//! typing, selecting, undoing and reading aloud stay the browser's. Completion drops down at the caret.
//!
//! Keys: arrows choose, Enter or Tab takes, Escape closes; Enter with nothing chosen submits.

use leptos::ev::{FocusEvent, KeyboardEvent};
use leptos::html;
use leptos::prelude::*;
use model::query::complete::{Completion, Known, Wanted, complete};
use model::query::{Problem, segments};

mod menu;
mod overlay;

use menu::Menu;
use overlay::Overlay;

use crate::browser;

/// Of the option with this number in the list.
fn option_id(index: usize) -> String {
    format!("query-option-{index}")
}

const LIST_ID: &str = "query-options";

/// What the parts share.
#[derive(Clone, Copy)]
struct Editing {
    text: RwSignal<String>,
    /// Bytes before the caret.
    caret: RwSignal<usize>,
    is_open: RwSignal<bool>,
    active: RwSignal<Option<usize>>,
    completion: Memo<Completion>,
    area: NodeRef<html::Textarea>,
}

#[component]
pub fn QueryEditor(
    id: &'static str,
    label: &'static str,
    placeholder: &'static str,
    /// What is typed.
    text: RwSignal<String>,
    #[prop(into)] problems: Signal<Vec<Problem>>,
    #[prop(into)] known: Signal<Known>,
    /// The id of the element that tells what is wrong.
    described_by: &'static str,
    #[prop(into)] on_wanted: Callback<Wanted>,
    #[prop(into)] on_submit: Callback<()>,
) -> impl IntoView {
    let caret = RwSignal::new(0);
    let is_open = RwSignal::new(false);
    let completion = Memo::new(move |_| {
        if !is_open.get() {
            return Completion::default();
        }
        text.with(|text| known.with(|known| complete(text, caret.get().min(text.len()), known)))
    });
    let editing =
        Editing { text, caret, is_open, active: RwSignal::new(None), completion, area: NodeRef::new() };
    Effect::new(move |_| {
        if let Some(wanted) = completion.with(|completion| completion.wanted.clone()) {
            on_wanted.run(wanted);
        }
    });
    let shown = Memo::new(move |_| text.with(|text| problems.with(|problems| segments(text, problems))));
    let has_choices = move || completion.with(|completion| !completion.choices.is_empty());
    let leave = move |event: FocusEvent| {
        if browser::keys::leaves(&event, ".QueryEditor") {
            is_open.set(false);
        }
    };
    view! {
        <div class="QueryEditor" on:focusout=leave>
            <Overlay editing=editing shown=shown />
            <textarea
                id=id
                class="QueryEditor-area"
                data-testid="query"
                node_ref=editing.area
                rows="1"
                role="combobox"
                aria-label=label
                aria-autocomplete="list"
                aria-haspopup="listbox"
                aria-expanded=move || has_choices().to_string()
                aria-controls=LIST_ID
                aria-activedescendant=move || editing.active.get().map(option_id)
                aria-invalid=move || problems.with(|problems| !problems.is_empty()).to_string()
                aria-describedby=described_by
                placeholder=placeholder
                autocomplete="off"
                autocapitalize="off"
                spellcheck="false"
                prop:value=move || text.get()
                on:input=move |event| editing.typed(event_target_value(&event))
                on:keydown=move |event| editing.key(&event, on_submit)
                on:keyup=move |_| editing.read_caret()
                on:click=move |_| editing.read_caret()
            ></textarea>
            <Menu editing=editing />
        </div>
    }
}

impl Editing {
    fn typed(self, text: String) {
        self.text.set(text);
        self.active.set(None);
        self.is_open.set(true);
        self.read_caret();
    }

    fn read_caret(self) {
        let Some(area) = self.area.get_untracked() else { return };
        let units = area.selection_start().ok().flatten().unwrap_or_default() as usize;
        let bytes = self.text.with_untracked(|text| bytes_of_units(text, units));
        if self.caret.get_untracked() != bytes {
            self.caret.set(bytes);
            self.active.set(None);
        }
    }

    fn close(self) {
        self.is_open.set(false);
        self.active.set(None);
    }

    fn key(self, event: &KeyboardEvent, on_submit: Callback<()>) {
        let count = self.completion.with_untracked(|completion| completion.choices.len());
        let active = self.active.get_untracked().filter(|i| *i < count);
        let typed =
            self.completion.with_untracked(|completion| completion.replace.end > completion.replace.start);
        match event.key().as_str() {
            "ArrowDown" if count > 0 => self.active.set(Some(active.map_or(0, |i| (i + 1) % count))),
            "ArrowUp" if count > 0 => {
                self.active.set(Some(active.map_or(count, |i| i).wrapping_sub(1).min(count - 1)))
            }
            " " if event.ctrl_key() => self.is_open.set(true),
            "Enter" | "Tab" if active.is_some() => self.take(active.unwrap_or_default()),
            "Tab" if count > 0 && typed && !event.shift_key() => self.take(0),
            "Enter" if !event.shift_key() => {
                self.close();
                on_submit.run(());
            }
            "Escape" if count > 0 => self.close(),
            "Escape" => browser::blur(),
            _ => return,
        }
        event.prevent_default();
        event.stop_propagation();
    }

    /// Puts a choice into the text, and the caret behind it.
    fn take(self, index: usize) {
        let (Some(area), Some((replace, choice))) = (
            self.area.get_untracked(),
            self.completion.with_untracked(|c| Some((c.replace, c.choices.get(index)?.text.clone()))),
        ) else {
            return;
        };
        let mut text = self.text.get_untracked();
        let is_spaced = text[replace.end..].starts_with(' ');
        let choice = if is_spaced { choice.trim_end().to_owned() } else { choice };
        text.replace_range(replace.start..replace.end, &choice);
        // Behind the space that was there already.
        let skipped = usize::from(is_spaced && !choice.ends_with(['=', '>', '(']));
        let caret = replace.start + choice.len() + skipped;
        let units = text[..caret].encode_utf16().count() as u32;
        area.set_value(&text);
        let _ = area.set_selection_range(units, units);
        let _ = area.focus();
        self.text.set(text);
        self.caret.set(caret);
        self.active.set(None);
        self.is_open.set(true);
    }
}

/// Browsers count in UTF-16.
fn bytes_of_units(text: &str, units: usize) -> usize {
    let mut left = units;
    for (at, c) in text.char_indices() {
        if left == 0 {
            return at;
        }
        left = left.saturating_sub(c.len_utf16());
    }
    text.len()
}
