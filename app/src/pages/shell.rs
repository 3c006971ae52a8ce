//! The frame around every page: name, navigation, the box for trace ids, theme, time zone, help.
//!
//! For tests: `[data-testid=theme]`, `[data-testid=zone]`, `[data-testid=trace-id]` (the box), `[data-testid=help]`.

use leptos::ev;
use leptos::prelude::*;

use super::help::HelpDialog;
use crate::browser::history::is_own;
use crate::browser::{self, clipboard, keys};
use crate::format::clock::Zone;
use crate::state::preferences::Theme;
use crate::state::{Preferences, Router};
use crate::url::{Pasted, Route, TraceView, pasted};
use crate::widgets::icon::{Icon, mark};

#[component]
pub fn Shell(children: Children) -> impl IntoView {
    let router = expect_context::<Router>();
    let preferences = expect_context::<Preferences>();
    let is_help_open = RwSignal::new(false);
    listen(router, preferences, is_help_open);
    view! {
        <a class="SkipLink" href="#main">"Skip to the content"</a>
        <header class="Shell-bar">
            <a class="Shell-name" href="/" aria-label="Skein: newest traces">{mark()}<span>"Skein"</span></a>
            <nav class="Shell-nav" aria-label="Pages">
                {PAGES.into_iter().map(|page| page_link(router, page)).collect_view()}
            </nav>
            {is_own().then(|| view! {
                <p class="Shell-own" data-testid="own">
                    "Skein's own traces "
                    // A target leads out from below the base.
                    <a href="/status" target="_self">"leave"</a>
                </p>
            })}
            <IdBox />
            <div class="Shell-tools">
                <a class="Button is-icon" href="/file" title="Look at a trace from a file" aria-label="Look at a trace from a file">
                    {Icon::Folder.show()}
                </a>
                <ZoneButton zone=preferences.zone />
                <ThemeButton theme=preferences.theme />
                <button
                    type="button"
                    class="Button is-icon"
                    data-testid="help"
                    title="Keyboard (?)"
                    aria-label="Keyboard help"
                    on:click=move |_| is_help_open.set(true)
                >
                    {Icon::Help.show()}
                </button>
            </div>
        </header>
        <main class="Shell-main" id="main" tabindex="-1">{children()}</main>
        <HelpDialog is_open=is_help_open />
    }
}

/// The pages one can go to, and which routes count as being there.
type PageLink = (&'static str, &'static str, fn(&Route) -> bool);

const PAGES: [PageLink; 7] = [
    ("/", "Search", |route| matches!(route, Route::Search(_) | Route::Series(_))),
    ("/services", "Services", |route| matches!(route, Route::Services(_) | Route::Service(..))),
    ("/anomalies", "Anomalies", |route| matches!(route, Route::Anomalies(_))),
    ("/map", "Map", |route| matches!(route, Route::Map(_))),
    ("/receipts", "Receipts", |route| matches!(route, Route::Receipts(_))),
    ("/status", "Status", |route| matches!(route, Route::Status)),
    ("/settings", "Settings", |route| matches!(route, Route::Settings)),
];

fn page_link(router: Router, (href, name, is_page): PageLink) -> impl IntoView {
    let is_here = move || is_page(&router.route());
    let current = move || is_here().then_some("page");
    view! { <a href=href class="Shell-link" class:is-here=is_here aria-current=current>{name}</a> }
}

/// Keys and pastes that mean the same on every page.
fn listen(router: Router, preferences: Preferences, is_help_open: RwSignal<bool>) {
    window_event_listener(ev::keydown, move |event| {
        let Some(key) = keys::page_key(&event) else {
            return;
        };
        match key.as_str() {
            "?" => is_help_open.set(true),
            "g" => drop(browser::focus("#trace-id")),
            "t" => preferences.theme.update(|theme| *theme = theme.next()),
            "u" => preferences.zone.update(|zone| *zone = other(*zone)),
            _ => return,
        }
        event.prevent_default();
    });
    window_event_listener(ev::paste, move |event| {
        if keys::is_typing() {
            return;
        }
        if let Some(pasted) = clipboard::pasted_text(&event).and_then(|text| pasted::read(&text)) {
            open(router, pasted);
        }
    });
}

fn open(router: Router, pasted: Pasted) {
    let view = TraceView { span: pasted.span, ..TraceView::default() };
    router.go(&view.url(pasted.trace));
}

fn other(zone: Zone) -> Zone {
    if zone == Zone::Utc { Zone::Local } else { Zone::Utc }
}

/// Takes a trace id in any notation and opens the trace, on paste at once.
#[component]
fn IdBox() -> impl IntoView {
    let router = expect_context::<Router>();
    let text = RwSignal::new(String::new());
    let is_wrong = RwSignal::new(false);
    let submit = move || match pasted::read(&text.get_untracked()) {
        Some(pasted) => {
            text.set(String::new());
            is_wrong.set(false);
            browser::blur();
            open(router, pasted);
        }
        None => is_wrong.set(!text.with_untracked(|t| t.trim().is_empty())),
    };
    let typed = move |event: ev::Event| {
        let was_empty = text.with_untracked(String::is_empty);
        text.set(event_target_value(&event));
        is_wrong.set(false);
        // A whole id at once was pasted: there is nothing left to type.
        if was_empty && pasted::read(&text.get_untracked()).is_some() {
            submit();
        }
    };
    view! {
        <form
            class="IdBox"
            role="search"
            aria-label="Open a trace"
            class:is-wrong=move || is_wrong.get()
            on:submit=move |event| {
                event.prevent_default();
                submit();
            }
        >
            {Icon::Search.show()}
            <input
                id="trace-id"
                class="IdBox-field"
                data-testid="trace-id"
                type="text"
                placeholder="Open a trace: paste its id, traceparent, B3 or a link"
                aria-label="Trace id in any notation"
                aria-invalid=move || is_wrong.get().to_string()
                aria-describedby="trace-id-note"
                autocomplete="off"
                spellcheck="false"
                prop:value=move || text.get()
                on:input=typed
                on:keydown=move |event| {
                    if event.key() == "Escape" {
                        text.set(String::new());
                        is_wrong.set(false);
                        browser::blur();
                    }
                }
            />
            <span class="IdBox-note" id="trace-id-note" role="status">
                {move || is_wrong.get().then_some("Not a trace id: 32 or 16 hexadecimal digits")}
            </span>
        </form>
    }
}

#[component]
fn ZoneButton(zone: RwSignal<Zone>) -> impl IntoView {
    let name = move || if zone.get() == Zone::Utc { "UTC" } else { "Local" };
    view! {
        <button
            type="button"
            class="Button is-quiet Shell-zone"
            data-testid="zone"
            title="Times in UTC or in this machine's zone (u)"
            aria-label=move || format!("Times: {}. Switch", name())
            on:click=move |_| zone.update(|zone| *zone = other(*zone))
        >
            {name}
        </button>
    }
}

#[component]
fn ThemeButton(theme: RwSignal<Theme>) -> impl IntoView {
    view! {
        <button
            type="button"
            class="Button is-icon"
            data-testid="theme"
            data-theme-now=move || theme.get().name()
            title=move || format!("Theme: {} (t)", theme.get().name())
            aria-label=move || format!("Theme: {}. Switch to {}", theme.get().name(), theme.get().next().name())
            on:click=move |_| theme.update(|theme| *theme = theme.next())
        >
            {move || match theme.get() {
                Theme::Light => Icon::Sun.show(),
                Theme::Dark => Icon::Moon.show(),
                Theme::System => Icon::System.show(),
            }}
        </button>
    }
}
