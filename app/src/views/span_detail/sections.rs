//! The parts of a fetched span below its head.

use leptos::prelude::*;
use model::{Event, Link, Span};

use super::attributes::Attributes;
use super::pretty::http_line;
use crate::format::{count, duration};

#[component]
pub fn Sections(span: Span, #[prop(into)] filter: Signal<String>) -> impl IntoView {
    let start = span.start;
    let scope_name = span.origin.scope_name.clone();
    let events = span.events.iter().map(|event| one_event(event, start, filter)).collect_view();
    let links = span.links.iter().map(|link| one_link(link, filter)).collect_view();
    let (event_count, link_count) = (span.events.len(), span.links.len());
    let notes = span.notes.iter().map(|note| view! { <li>{note.clone()}</li> }).collect_view();
    let http = http_line(&span.attributes)
        .map(|line| view! { <p class="Detail-http" data-testid="http-line">{line}</p> });
    let has_notes = !span.notes.is_empty();
    let scope = span.origin.scope.clone();
    let has_scope = !scope_name.is_empty() || !scope.is_empty();
    view! {
        {http}
        {has_notes.then(|| view! { <ul class="Detail-notes" aria-label="Notes">{notes}</ul> })}
        {(event_count > 0).then(|| section("Events", event_count, None, events.into_any()))}
        {section(
            "Attributes",
            span.attributes.len(),
            dropped(span.dropped_attributes),
            view! { <Attributes attrs=span.attributes filter=filter /> }.into_any(),
        )}
        {(link_count > 0).then(|| section("Links", link_count, dropped(span.dropped_links), links.into_any()))}
        {section(
            "Resource",
            span.origin.resource.len(),
            dropped(span.origin.resource_dropped_attributes),
            view! { <Attributes attrs=span.origin.resource filter=filter /> }.into_any(),
        )}
        {has_scope.then(|| {
            let body = view! {
                <p class="Detail-scope"><b>{scope_name}</b>" "{span.origin.scope_version}</p>
                <Attributes attrs=scope.clone() filter=filter />
            };
            section("Instrumentation scope", scope.len(), None, body.into_any())
        })}
        {dropped(span.dropped_events).map(|text| view! { <p class="Detail-none">"Events: "{text}</p> })}
    }
}

fn dropped(number: u32) -> Option<String> {
    (number > 0).then(|| format!("{} dropped by the sender", count(u64::from(number))))
}

fn section(title: &'static str, number: usize, note: Option<String>, body: AnyView) -> impl IntoView {
    view! {
        <details class="Detail-section" open>
            <summary>
                <h3>{title}</h3>
                <span class="Detail-count">{count(number as u64)}</span>
                {note.map(|note| view! { <span class="Detail-dropped">{note}</span> })}
            </summary>
            {body}
        </details>
    }
}

fn one_event(event: &Event, start: model::Timestamp, filter: Signal<String>) -> AnyView {
    let is_exception = event.name == "exception";
    let at = if event.time < start {
        format!("−{}", duration(start.since(event.time)))
    } else {
        format!("+{}", duration(event.time.since(start)))
    };
    view! {
        <div class="Detail-event" class:is-exception=is_exception>
            <p class="Detail-eventhead">
                <b>{event.name.clone()}</b>
                <span class="Detail-at">{at}</span>
            </p>
            <Attributes attrs=event.attributes.clone() filter=filter />
        </div>
    }
    .into_any()
}

fn one_link(link: &Link, filter: Signal<String>) -> AnyView {
    let url = format!("/trace/{}?span={}", link.trace_id, link.span_id);
    let text = format!("trace {} · span {}", link.trace_id, link.span_id);
    view! {
        <div class="Detail-event">
            <p class="Detail-eventhead"><a class="Detail-link" href=url>{text}</a></p>
            <Attributes attrs=link.attributes.clone() filter=filter />
        </div>
    }
    .into_any()
}
