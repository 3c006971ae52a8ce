//! The text in colours, with what is wrong underlined, and a mark where the list of choices hangs.

use leptos::prelude::*;
use model::query::{Ink, Segment};

use super::Editing;

/// Where the list hangs; it has no width.
pub const MARK: &str = "QueryEditor-mark";

#[component]
pub fn Overlay(editing: Editing, shown: Memo<Vec<Segment>>) -> impl IntoView {
    let mark_at = Memo::new(move |_| {
        editing
            .completion
            .with(|completion| (!completion.choices.is_empty()).then_some(completion.replace.start))
    });
    let parts = move || {
        let mark_at = mark_at.get();
        let text = editing.text.get();
        let segments = shown.get();
        let mut parts = Vec::new();
        for segment in segments {
            let (start, end) = (segment.at.start, segment.at.end);
            // The text may be a keystroke ahead of its segments.
            let Some(piece) = text.get(start..end) else { continue };
            let cut = mark_at.filter(|at| (start..end).contains(at)).map(|at| at - start);
            let (before, behind) = piece.split_at_checked(cut.unwrap_or(0)).unwrap_or(("", piece));
            let class = class_of(segment);
            let shown = |text: &str| {
                // What is wrong at the end has no letters of its own to underline.
                let text = if text.is_empty() { " " } else { text }.to_owned();
                view! { <span class=class.clone()>{text}</span> }.into_any()
            };
            if !before.is_empty() {
                parts.push(shown(before));
            }
            if cut.is_some() {
                parts.push(view! { <i class=MARK></i> }.into_any());
            }
            parts.push(shown(behind));
        }
        if mark_at.is_some_and(|at| at >= text.len()) {
            parts.push(view! { <i class=MARK></i> }.into_any());
        }
        parts
    };
    // The line break at the end gives a text that ends in one its last line.
    view! { <pre class="QueryEditor-overlay" aria-hidden="true">{parts}"\n"</pre> }
}

fn class_of(segment: Segment) -> String {
    let ink = match segment.ink {
        None => "",
        Some(Ink::Word) => "is-word",
        Some(Ink::Field) => "is-field",
        Some(Ink::Attribute) => "is-attribute",
        Some(Ink::Text) => "is-text",
        Some(Ink::Number) => "is-number-ink",
        Some(Ink::Constant) => "is-constant",
        Some(Ink::Function) => "is-function",
        Some(Ink::Operator | Ink::Bracket) => "is-sign",
        Some(Ink::Keyword) => "is-keyword",
    };
    let wrong = if segment.is_wrong { " is-wrong" } else { "" };
    format!("{ink}{wrong}")
}
