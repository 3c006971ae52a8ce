//! What the found traces have in common: values of fields with how many traces have them. A click asks for a value, or
//! for all but it.

use leptos::prelude::*;
use leptos::task::spawn_local;
use model::query::edit::{self, Condition};
use model::query::{Query, fields, print_field};
use model::view::{AttributeKey, Facet, FacetValue, Facets};
use model::{ApiError, AttrValue};

use super::Search;
use crate::chart::color::service_color_css;
use crate::format::{count, counted};
use crate::state::Preferences;
use crate::url::search::MAX_FACETS;
use crate::widgets::icon::Icon;
use crate::widgets::picker::{Choice, Picker};

const SERVICE: &str = "resource.service.name";
const STANDARD: [&str; 3] = [SERVICE, "name", "status"];
/// Values shown before "more" is asked for.
const SHOWN: usize = 8;

#[derive(Clone, Copy)]
pub struct FacetStore {
    facets: RwSignal<Facets>,
    is_waiting: RwSignal<bool>,
    problem: RwSignal<Option<ApiError>>,
    turn: StoredValue<u32>,
}

impl FacetStore {
    /// Follows the question and the fields, while there is a panel to show them in.
    pub fn new(search: Search) -> FacetStore {
        let store = FacetStore {
            facets: RwSignal::default(),
            is_waiting: RwSignal::new(true),
            problem: RwSignal::new(None),
            turn: StoredValue::new(0),
        };
        let has_facets = expect_context::<Preferences>().has_facets;
        let extra = Memo::new(move |_| search.view.with(|view| view.facets.clone()));
        Effect::new(move |_| {
            let (view, at) = search.counted();
            let fields: Vec<String> =
                STANDARD.iter().map(|field| (*field).to_owned()).chain(extra.get()).collect();
            if !has_facets.get() {
                return;
            }
            store.turn.update_value(|turn| *turn += 1);
            let turn = store.turn.get_value();
            store.is_waiting.set(true);
            spawn_local(async move {
                let answer = api::get_facets(view.search(at, 0, None), fields).await;
                if store.turn.try_get_value() != Some(turn) {
                    return;
                }
                store.is_waiting.set(false);
                match answer {
                    Ok(facets) => {
                        store.problem.set(None);
                        store.facets.set(facets);
                    }
                    Err(failure) => store.problem.set(Some(failure.0)),
                }
            });
        });
        store
    }
}

#[component]
pub fn FacetPanel(search: Search, store: FacetStore) -> impl IntoView {
    let has_facets = expect_context::<Preferences>().has_facets;
    let facets = move || store.facets.with(|facets| facets.facets.clone());
    let most = Memo::new(move |_| store.facets.with(|facets| facets.traces.max(1)));
    let query = Memo::new(move |_| search.view.with(|view| model::query::inspect(&view.q).query));
    let note = move || match (store.problem.get(), store.facets.with(|facets| facets.sampled)) {
        (Some(error), _) => Some(format!("{}. {}", error.message, error.hint)),
        (None, sampled) if sampled > 0.0 && sampled < 1.0 => {
            Some(format!("Estimates from {:.0} % of the candidates.", sampled * 100.0))
        }
        _ => None,
    };
    let is_empty = move || store.facets.with(|facets| facets.facets.is_empty());
    view! {
        <aside class="Facets" class:is-closed=move || !has_facets.get() aria-label="Facets">
            <button
                type="button"
                class="Button is-icon is-small Facets-toggle"
                aria-expanded=move || has_facets.get().to_string()
                aria-label="Facets"
                title="Show or hide what the traces have in common"
                on:click=move |_| has_facets.update(|has| *has = !*has)
            >
                {Icon::Sidebar.show()}
            </button>
            <Show when=move || has_facets.get()>
                <div
                    class="Facets-scroll"
                    class:is-stale=move || store.is_waiting.get() && !is_empty()
                    aria-busy=move || store.is_waiting.get().to_string()
                    tabindex="-1"
                >
                    <Show when=move || is_empty() && store.is_waiting.get()>
                        <Skeletons />
                    </Show>
                    <For each=facets key=|facet| facet.field.clone() let(facet)>
                        <FacetView search=search store=store field=facet.field most=most query=query />
                    </For>
                    <AddFacet search=search />
                    <p class="Facets-note" role="status">{note}</p>
                </div>
            </Show>
        </aside>
    }
}

fn title_of(field: &str) -> String {
    match field {
        SERVICE => "Service".to_owned(),
        "name" => "Operation".to_owned(),
        "status" => "Status of spans".to_owned(),
        other => other.to_owned(),
    }
}

#[component]
fn FacetView(
    search: Search,
    store: FacetStore,
    field: String,
    most: Memo<u64>,
    query: Memo<Query>,
) -> impl IntoView {
    let is_long = RwSignal::new(false);
    let name = StoredValue::new(field.clone());
    let facet = Memo::new(move |_| {
        let found = store
            .facets
            .with(|facets| facets.facets.iter().find(|f| name.with_value(|n| f.field == *n)).cloned());
        found.unwrap_or_default()
    });
    let values = move || {
        let Facet { mut values, .. } = facet.get();
        if !is_long.get() {
            values.truncate(SHOWN);
        }
        values
    };
    let hidden = move || facet.with(|facet| facet.values.len().saturating_sub(SHOWN));
    let is_added = !STANDARD.contains(&field.as_str());
    let title = title_of(&field);
    let remove = is_added.then(|| {
        let name = title.clone();
        view! {
            <button
                type="button"
                class="Button is-icon is-small"
                aria-label=format!("Stop counting {name}")
                title="Stop counting this attribute"
                on:click=move |_| {
                    search.change(|view| view.facets.retain(|f| name.as_str() != f));
                }
            >
                {Icon::Close.show()}
            </button>
        }
    });
    let count_field = field.clone();
    view! {
        <section class="Facet" data-testid="facet" data-field=field aria-label=title.clone()>
            <h2 class="Facet-name"><span title=title.clone()>{title.clone()}</span> {remove}</h2>
            <ul>
                <For
                    each=values
                    key=|value| (value.value.to_text(), value.traces, value.errors)
                    let(value)
                >
                    <Value search=search field=count_field.clone() value=value most=most query=query />
                </For>
            </ul>
            <Show when=move || facet.with(|facet| facet.values.is_empty())>
                <p class="Facet-none">"no values"</p>
            </Show>
            <Show when=move || hidden() != 0>
                <button type="button" class="Facet-more" on:click=move |_| is_long.update(|long| *long = !*long)>
                    {move || if is_long.get() { "less".to_owned() } else { format!("{} more", hidden()) }}
                </button>
            </Show>
            <Show when=move || is_long.get() && facet.with(|facet| facet.more)>
                <p class="Facet-none">"and rarer ones: type to find them"</p>
            </Show>
        </section>
    }
}

#[component]
fn Value(
    search: Search,
    field: String,
    value: FacetValue,
    most: Memo<u64>,
    query: Memo<Query>,
) -> impl IntoView {
    let FacetValue { value, traces, errors } = value;
    let label = label_of(&value);
    let wanted = StoredValue::new(Condition::equals(&field, value.clone()));
    let unwanted = StoredValue::new(Condition::equals(&field, value).map(Condition::negated));
    let has = move |condition: StoredValue<Option<Condition>>| {
        query.with(|query| condition.with_value(|c| c.as_ref().is_some_and(|c| edit::has(query, c))))
    };
    let toggle = move |condition: StoredValue<Option<Condition>>| {
        condition.with_value(|condition| condition.iter().for_each(|c| search.toggle(c)));
    };
    let width = move |part: u64| format!("{:.1}%", part as f64 * 100.0 / most.get().max(1) as f64);
    let dot = (field == SERVICE).then(|| {
        view! { <i class="Service-dot" style:background=service_color_css(&label)></i> }
    });
    let error_words =
        if errors > 0 { format!(", {} failed", counted(errors, "trace", "traces")) } else { String::new() };
    let title = format!("{label}: {}{error_words}", counted(traces, "trace", "traces"));
    view! {
        <li class="Facet-value" class:is-on=move || has(wanted) data-testid="facet-value" data-value=label.clone()>
            <button
                type="button"
                class="Facet-take"
                title=title
                aria-pressed=move || has(wanted).to_string()
                on:click=move |_| toggle(wanted)
            >
                {dot}
                <span class="Facet-label">{label.clone()}</span>
                <span class="Facet-count">{count(traces)}</span>
                <i class="Facet-bar" style:width=move || width(traces)></i>
                <i class="Facet-bar is-error" style:width=move || width(errors)></i>
            </button>
            <button
                type="button"
                class="Facet-exclude"
                title="All but this"
                aria-label=format!("Exclude {label}")
                aria-pressed=move || has(unwanted).to_string()
                on:click=move |_| toggle(unwanted)
            >
                {Icon::Minus.show()}
            </button>
        </li>
    }
}

fn label_of(value: &AttrValue) -> String {
    match value {
        AttrValue::Str(text) if text.is_empty() => "(empty)".to_owned(),
        AttrValue::Str(text) => text.clone(),
        AttrValue::Int(n) => n.to_string(),
        AttrValue::Double(n) => n.to_string(),
        AttrValue::Bool(b) => b.to_string(),
        AttrValue::Empty => "(none)".to_owned(),
        other => other.to_text().trim_start_matches('\0').to_owned(),
    }
}

#[component]
fn AddFacet(search: Search) -> impl IntoView {
    let choices = RwSignal::new(Vec::<Choice>::new());
    let fetch = move |()| {
        spawn_local(async move {
            let Ok(keys) = api::list_attribute_keys().await else { return };
            drop(choices.try_set(keys.iter().filter_map(choice_of).collect()));
        });
    };
    let add = move |field: Option<String>| {
        let Some(field) = field else { return };
        search.change(|view| {
            if !view.facets.contains(&field) && view.facets.len() < MAX_FACETS {
                view.facets.push(field);
            }
        });
    };
    view! {
        <div class="Facets-add">
            <Picker
                label="Count"
                placeholder="an attribute…"
                chosen=Signal::derive(|| None::<String>)
                choices=choices
                on_open=fetch
                on_choose=add
            />
        </div>
    }
}

fn choice_of(key: &AttributeKey) -> Option<Choice> {
    let scope = fields::AttributeScope::of_name(&key.scope)?;
    let value = print_field(&fields::FieldName::attribute(scope, &key.key));
    (value != SERVICE).then(|| Choice { value, note: count(key.count), is_service: false })
}

#[component]
fn Skeletons() -> impl IntoView {
    let line = |i: usize| {
        view! { <div class="Facet-skeleton"><i class="Skeleton" style:width=format!("{}%", 40 + i * 29 % 50)></i></div> }
    };
    (0..16).map(line).collect_view()
}
