//! What is set: ingest keys, to be made and revoked; redaction, retention and limits, to be read.
//!
//! For tests: `[data-testid=key-row]` with `data-id`, `[data-testid=new-key]` (the text of a key just made),
//! `[data-testid=rule-row]` with `data-name`.

use api::Failure;
use leptos::prelude::*;
use leptos::task::spawn_local;
use model::view::{KeyInfo, NewKey, RedactionRule, Settings, Unit};
use model::{ApiError, Timestamp};

use crate::browser::clock::now;
use crate::format::{ago, count, counted, in_unit};
use crate::widgets::copy::CopyButton;
use crate::widgets::message::ErrorState;

/// Keys, and what is being done with them.
#[derive(Clone, Copy)]
struct KeyBox {
    keys: RwSignal<Option<Vec<KeyInfo>>>,
    failed: RwSignal<Option<ApiError>>,
    made: RwSignal<Option<NewKey>>,
    /// The key whose revocation is being asked about.
    doubtful: RwSignal<Option<String>>,
}

impl KeyBox {
    fn load(self) {
        spawn_local(async move {
            match api::list_keys().await {
                Ok(keys) => self.keys.set(Some(keys)),
                Err(failure) => self.fail(failure),
            }
        });
    }

    fn fail(self, failure: Failure) {
        self.failed.set(Some(failure.0));
    }

    fn create(self, name: String, spans_per_second: u64) {
        self.failed.set(None);
        spawn_local(async move {
            match api::create_key(name, spans_per_second).await {
                Ok(key) => {
                    self.made.set(Some(key));
                    self.load();
                }
                Err(failure) => self.fail(failure),
            }
        });
    }

    fn revoke(self, id: String) {
        self.failed.set(None);
        self.doubtful.set(None);
        spawn_local(async move {
            match api::revoke_key(id).await {
                Ok(()) => self.load(),
                Err(failure) => self.fail(failure),
            }
        });
    }
}

#[component]
pub fn SettingsPage() -> impl IntoView {
    crate::browser::document().set_title("Settings · Skein");
    let settings: RwSignal<Option<Result<Settings, ApiError>>> = RwSignal::new(None);
    let load = move || {
        spawn_local(
            async move { settings.set(Some(api::get_settings().await.map_err(|failure| failure.0))) },
        );
    };
    load();
    view! {
        <div class="Vitals" role="region" aria-label="Settings" tabindex="0">
            <div class="Services-bar"><h1 class="Services-title">"Settings"</h1></div>
            {move || match settings.get() {
                Some(Err(error)) => view! { <ErrorState error=error retry=load /> }.into_any(),
                Some(Ok(settings)) => shown(&settings).into_any(),
                None => ().into_any(),
            }}
        </div>
    }
}

fn shown(settings: &Settings) -> impl IntoView + use<> {
    let source = if settings.rules_file.is_empty() {
        "Built in; --scrub-rules adds rules of your own".to_owned()
    } else {
        format!("Built in, and from {}, read at the start", settings.rules_file)
    };
    let rules: Vec<_> = settings.redaction.iter().map(rule).collect();
    let days: Vec<_> = settings
        .keep_days
        .iter()
        .map(|(what, days)| pair(what.clone(), counted((*days).into(), "day", "days")))
        .collect();
    let limit = |(what, limit, unit): &(String, u64, Unit)| {
        pair(what.clone(), if *limit == 0 { "none".to_owned() } else { in_unit(*limit as f64, *unit) })
    };
    let limits: Vec<_> = settings.limits.iter().map(limit).collect();
    view! {
        <KeySection are_required=settings.keys_required />
        <section class="Vitals-section">
            <h2 class="Service-heading">"Redaction" <span class="Services-note">{source}</span></h2>
            <table class="Lines-table Settings-pairs">
                <thead><tr><th scope="col">"Rule"</th><th scope="col">"Looks for"</th><th scope="col">"Then"</th></tr></thead>
                <tbody>{rules}</tbody>
            </table>
        </section>
        <section class="Vitals-section">
            <h2 class="Service-heading">"Kept for" <span class="Services-note">"Set by the --keep options"</span></h2>
            <table class="Lines-table Settings-pairs"><tbody>{days}</tbody></table>
        </section>
        <section class="Vitals-section">
            <h2 class="Service-heading">
                "Limits" <span class="Services-note">"Set on the command line; " <a href="/status">"how near each is"</a></span>
            </h2>
            <table class="Lines-table Settings-pairs"><tbody>{limits}</tbody></table>
        </section>
    }
}

fn rule(rule: &RedactionRule) -> impl IntoView + use<> {
    let action = match rule.action.as_str() {
        "off" => "is let through",
        "drop" => "is left out",
        "hash" => "a keyed hash takes its place",
        _ => "is masked",
    };
    view! {
        <tr data-testid="rule-row" data-name=rule.name.clone()>
            <th scope="row">{rule.name.clone()}</th>
            <td class="Settings-what">{rule.what.clone()}</td>
            <td>{action}</td>
        </tr>
    }
}

fn pair(what: String, value: String) -> impl IntoView + use<> {
    view! { <tr><th scope="row">{what}</th><td>{value}</td></tr> }
}

#[component]
fn KeySection(are_required: bool) -> impl IntoView {
    let keys = KeyBox {
        keys: RwSignal::new(None),
        failed: RwSignal::new(None),
        made: RwSignal::new(None),
        doubtful: RwSignal::new(None),
    };
    keys.load();
    let note = if are_required {
        "Whoever sends shows one"
    } else {
        "Senders need none here; --require-keys turns away those without"
    };
    view! {
        <section class="Vitals-section">
            <h2 class="Service-heading">"Ingest keys" <span class="Services-note">{note}</span></h2>
            <KeyForm keys=keys />
            <div role="status">
                {move || keys.made.get().map(|made| told(keys, made))}
            </div>
            {move || keys.failed.get().map(|error| {
                view! { <p class="Settings-problem" role="alert">{error.message} ". " {error.hint}</p> }
            })}
            {move || keys.keys.get().map(|list| key_table(keys, list))}
        </section>
    }
}

#[component]
fn KeyForm(keys: KeyBox) -> impl IntoView {
    let name = RwSignal::new(String::new());
    let rate = RwSignal::new(String::new());
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let digits = rate.get_untracked();
        match digits.trim() {
            "" => keys.create(name.get_untracked(), 0),
            digits => match digits.parse() {
                Ok(number) => keys.create(name.get_untracked(), number),
                Err(_) => {
                    let error = ApiError::bad_request(
                        "spans a second is not a whole number",
                        "leave it empty for no limit",
                    );
                    keys.failed.set(Some(error));
                    return;
                }
            },
        }
        name.set(String::new());
        rate.set(String::new());
    };
    view! {
        <form class="Settings-form" aria-label="Make a key" on:submit=submit>
            <label>
                "What it is for"
                <input type="text" required maxlength="100" autocomplete="off" prop:value=move || name.get()
                    on:input=move |event| name.set(event_target_value(&event)) />
            </label>
            <label>
                "Spans a second, at most"
                <input type="text" inputmode="numeric" placeholder="no limit" autocomplete="off" prop:value=move || rate.get()
                    on:input=move |event| rate.set(event_target_value(&event)) />
            </label>
            <button type="submit" class="Button is-primary">"Make a key"</button>
        </form>
    }
}

/// The one time a key is told.
fn told(keys: KeyBox, made: NewKey) -> impl IntoView {
    let text = made.text.clone();
    view! {
        <div class="Settings-made">
            <p>"Copy the key now: it is shown this once and kept nowhere."</p>
            <code data-testid="new-key">{made.text}</code>
            <CopyButton what="key" text=Signal::derive(move || text.clone()) label="Copy" />
            <button type="button" class="Button is-small" on:click=move |_| keys.made.set(None)>"Done"</button>
        </div>
    }
}

fn key_table(keys: KeyBox, list: Vec<KeyInfo>) -> AnyView {
    if list.is_empty() {
        return view! { <p class="Lines-empty" data-testid="no-keys">"No keys yet."</p> }.into_any();
    }
    let rows: Vec<_> = list.into_iter().map(|key| key_row(keys, key)).collect();
    view! {
        <table class="Lines-table">
            <thead>
                <tr>
                    <th scope="col">"Key"</th>
                    <th scope="col">"Id"</th>
                    <th scope="col" class="is-number">"Spans a second"</th>
                    <th scope="col" class="is-number">"Made"</th>
                    <th scope="col" class="is-number">"Last used"</th>
                    <th scope="col">"State"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}

fn key_row(keys: KeyBox, key: KeyInfo) -> impl IntoView {
    let when = |time: Timestamp| if time.0 == 0 { "never".to_owned() } else { ago(time, now()) };
    let rate = if key.spans_per_second == 0 { "no limit".to_owned() } else { count(key.spans_per_second) };
    let state = if key.revoked.0 > 0 {
        view! { <span class="Services-note">{format!("revoked {}", ago(key.revoked, now()))}</span> }
            .into_any()
    } else {
        revoking(keys, key.id.clone(), key.name.clone()).into_any()
    };
    view! {
        <tr data-testid="key-row" data-id=key.id.clone()>
            <th scope="row">{key.name}</th>
            <td><code>{key.id.clone()}</code></td>
            <td class="is-number">{rate}</td>
            <td class="is-number">{when(key.created)}</td>
            <td class="is-number">{when(key.last_used)}</td>
            <td>{state}</td>
        </tr>
    }
}

/// Asked twice, because it cannot be undone.
fn revoking(keys: KeyBox, id: String, name: String) -> impl IntoView {
    move || {
        let id = id.clone();
        if keys.doubtful.with(|doubtful| doubtful.as_ref() == Some(&id)) {
            view! {
                <button type="button" class="Button is-small is-failing" on:click=move |_| keys.revoke(id.clone())>
                    "Revoke for good"
                </button>
                <button type="button" class="Button is-small" on:click=move |_| keys.doubtful.set(None)>"Keep"</button>
            }
            .into_any()
        } else {
            let label = format!("Revoke {name}");
            view! {
                <button type="button" class="Button is-small" aria-label=label on:click=move |_| keys.doubtful.set(Some(id.clone()))>
                    "Revoke"
                </button>
            }
            .into_any()
        }
    }
}
