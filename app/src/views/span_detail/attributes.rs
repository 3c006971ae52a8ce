//! Attributes as a two-column list; maps and lists of lists open into lists of their own.

use leptos::prelude::*;
use model::{AttrValue, Attrs};

use model::query::edit::{self, Condition};

use super::text::{Shown, filtered, plain, shown, type_label};
use crate::url::SearchView;
use crate::widgets::copy::CopyButton;
use crate::widgets::icon::Icon;

/// Maps within maps beyond this are shown as one text.
const MOST_NESTED: usize = 4;

/// The attributes the filter leaves, or nothing at all.
#[component]
pub fn Attributes(attrs: Attrs, #[prop(into)] filter: Signal<String>) -> impl IntoView {
    move || {
        let found = filtered(&attrs, &filter.get());
        if found.is_empty() && !attrs.is_empty() {
            return view! { <p class="Detail-none">"None matches the filter"</p> }.into_any();
        }
        entries(found, 0)
    }
}

fn entries(attrs: Attrs, depth: usize) -> AnyView {
    let lines = attrs.into_iter().map(|(key, value)| entry(&key, &value, depth)).collect_view();
    view! { <dl class="Attributes" class:is-nested=depth != 0>{lines}</dl> }.into_any()
}

fn entry(key: &str, value: &AttrValue, depth: usize) -> AnyView {
    let kind = type_label(value);
    let text = plain(value);
    let body = match shown(key, value) {
        Shown::Nested(inner) if depth < MOST_NESTED => entries(inner, depth + 1),
        Shown::Nested(_) => view! { <span class="Attributes-text">{text.clone()}</span> }.into_any(),
        Shown::Plain(text) if text.is_empty() => {
            view! { <span class="Attributes-blank">"empty"</span> }.into_any()
        }
        Shown::Plain(text) => view! { <span class="Attributes-text">{text}</span> }.into_any(),
        Shown::Block(text) => view! { <pre class="Attributes-block" tabindex="0">{text}</pre> }.into_any(),
    };
    let kind =
        (!kind.is_empty() && kind != "empty").then(|| view! { <span class="Attributes-type">{kind}</span> });
    let data_key = key.to_owned();
    view! {
        <div class="Attributes-line" data-testid="attribute" data-key=data_key>
            <dt class="Attributes-key">{breakable(key)}{kind}</dt>
            <dd class="Attributes-value">
                {body}
                {alike(key, value).map(|url| view! {
                    <a class="Attributes-alike" href=url title="Find traces with this value" aria-label=format!("Find traces with this {key}")>
                        {Icon::Search.show()}
                    </a>
                })}
                <CopyButton what="value" text=Signal::derive(move || text.clone()) />
            </dd>
        </div>
    }
    .into_any()
}

/// The search for spans that say the same here.
fn alike(key: &str, value: &AttrValue) -> Option<String> {
    let condition = Condition::equals(&format!("span.{key}"), value.clone())?;
    Some(SearchView::about(edit::toggled("", &condition).ok()?).url())
}

/// A key that may break after its dots, and is still copied as it is.
fn breakable(key: &str) -> impl IntoView + use<> {
    key.split_inclusive('.').map(|part| view! { {part.to_owned()}<wbr /> }).collect_view()
}
