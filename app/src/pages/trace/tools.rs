//! The tools over the waterfall: find, errors, folding, zoom. Everything here has a key.

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use model::Nanos;

use crate::browser;
use crate::format::{count, offset};
use crate::views::stage::Stage;
use crate::widgets::icon::Icon;

#[component]
pub fn Tools(stage: Stage) -> impl IntoView {
    let is_zoomed = move || !stage.window.get().is_whole(stage.total_ns());
    view! {
        <div class="Tools" role="toolbar" aria-label="This trace">
            <Find stage=stage />
            <Errors stage=stage />
            <p class="Heard" role="status" data-testid="event">{move || event_words(stage)}</p>
            <span class="Tools-group">
                {tool(Icon::Fold, "Fold all ([)", move || stage.fold_all(true))}
                {tool(Icon::Unfold, "Unfold all (])", move || stage.fold_all(false))}
            </span>
            <button
                type="button"
                class="Button is-small"
                disabled=move || !is_zoomed()
                title="Show the whole trace (0)"
                on:click=move |_| stage.zoom_out()
            >
                {Icon::ZoomOut.show()}
                "Whole trace"
            </button>
        </div>
    }
}

fn tool(icon: Icon, name: &'static str, run: impl Fn() + 'static) -> impl IntoView {
    view! {
        <button type="button" class="Button is-icon is-small" title=name aria-label=name on:click=move |_| run()>
            {icon.show()}
        </button>
    }
}

#[component]
fn Find(stage: Stage) -> impl IntoView {
    let tally = move || {
        let hits = stage.hits.get();
        if stage.find.with(|text| text.trim().is_empty()) {
            return String::new();
        }
        let at = stage.cursor.get().and_then(|row| hits.ordinal(&stage.staged().outline.tree, row));
        match at {
            Some(at) => format!("{} of {}", count(at as u64), count(hits.len() as u64)),
            None if hits.is_empty() && stage.is_looking() => "…".to_owned(),
            None => format!("{} found", count(hits.len() as u64)),
        }
    };
    let key = move |event: KeyboardEvent| {
        match event.key().as_str() {
            "Enter" => stage.step_hit(!event.shift_key()),
            "Escape" => {
                if stage.find.with_untracked(String::is_empty) {
                    browser::blur();
                } else {
                    stage.find.set(String::new());
                }
            }
            "ArrowDown" => {
                browser::blur();
                stage.step(0);
            }
            _ => return,
        }
        event.prevent_default();
        event.stop_propagation();
    };
    let hidden = move || {
        if !stage.is_filtered.get() {
            return "Only these".to_owned();
        }
        format!("{} hidden", count(stage.rows.read().hidden() as u64))
    };
    let is_none = move || {
        stage.hits.with(|hits| hits.is_empty())
            && !stage.find.with(|text| text.trim().is_empty())
            && !stage.is_looking()
    };
    view! {
        <div class="Find" class:is-none=is_none role="search" aria-label="Find in this trace">
            {Icon::Search.show()}
            <input
                id="find"
                class="Find-field"
                data-testid="find"
                type="text"
                placeholder="Find in this trace  ( / )"
                aria-label="Find in this trace: service, operation, fact or span id"
                autocomplete="off"
                spellcheck="false"
                prop:value=move || stage.find.get()
                on:input=move |event| stage.look_for(event_target_value(&event))
                on:keydown=key
            />
            <span class="Find-count" data-testid="find-count" role="status">{tally}</span>
            <Show when=move || !stage.hits.with(|hits| hits.is_empty())>
                {tool(Icon::ChevronUp, "Previous find (N)", move || stage.step_hit(false))}
                {tool(Icon::ChevronDown, "Next find (n)", move || stage.step_hit(true))}
                <button
                    type="button"
                    class="Button is-small is-quiet"
                    data-testid="filter"
                    aria-pressed=move || stage.is_filtered.get().to_string()
                    title="List only what was found, with the way to it (f)"
                    on:click=move |_| stage.filter()
                >
                    {hidden}
                </button>
            </Show>
        </div>
    }
}

/// The event the keyboard is on. Its words are drawn where it is; here they can be heard.
fn event_words(stage: Stage) -> String {
    let (staged, at) = (stage.staged(), stage.event.get());
    at.and_then(|at| staged.trace.events.get(at))
        .filter(|event| stage.cursor.get() == Some(event.row))
        .map_or(String::new(), |event| {
            format!("{} at {}", staged.trace.text(event.name), offset(Nanos(event.at)))
        })
}

#[component]
fn Errors(stage: Stage) -> impl IntoView {
    let staged = stage.staged();
    let total = staged.errors.len();
    let tally = move || {
        let staged = stage.staged();
        let at = stage.cursor.get().and_then(|row| staged.errors.ordinal(&staged.outline.tree, row));
        match at {
            Some(at) => format!("{} of {}", count(at as u64), count(total as u64)),
            None => count(total as u64),
        }
    };
    let name = if total == 1 { "error" } else { "errors" };
    (total > 0).then(|| {
        view! {
            <span class="Tools-errors" data-testid="error-count">
                {Icon::Alert.show()}
                <span role="status">{tally}</span>
                {name}
                {tool(Icon::ChevronUp, "Previous error (E)", move || stage.step_error(false))}
                {tool(Icon::ChevronDown, "Next error (e)", move || stage.step_error(true))}
            </span>
        }
    })
}
