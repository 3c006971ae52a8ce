//! The component: which grouping, which order, and the lines. A line leads to its spans.

use std::sync::Arc;

use leptos::prelude::*;
use model::SpanKind;
use model::order::sort_by;
use model::trace::TraceValues;

use super::layout::{Column, Group, groups, sort};
use crate::format::{count, counted, duration};
use crate::views::stage::Stage;

/// More lines than anyone reads; the rest is counted.
const MOST_LINES: usize = 200;

#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Operation,
    Service,
    Kind,
    Attribute,
}

#[component]
pub fn SpanTable(
    stage: Stage,
    /// The attribute asked for, and its values once they have come.
    key: RwSignal<String>,
    #[prop(into)] values: Signal<Option<Arc<TraceValues>>>,
    #[prop(into)] keys: Signal<Vec<String>>,
) -> impl IntoView {
    let by = RwSignal::new(By::Operation);
    let order = RwSignal::new((Column::Total, false));
    let lines = Memo::new_with_compare(
        move |_| {
            let mut lines = lines_of(stage, by.get(), values.get().as_deref());
            let (column, is_reversed) = order.get();
            sort(&mut lines, column, is_reversed);
            lines
        },
        |_, _| true,
    );
    let choose = move |event| {
        by.set(match event_target_value(&event).as_str() {
            "service" => By::Service,
            "kind" => By::Kind,
            "attribute" => By::Attribute,
            _ => By::Operation,
        });
    };
    let head = move |column: Column| {
        let sorted = move || match order.get() {
            (by, true) if by == column => "ascending",
            (by, false) if by == column => "descending",
            _ => "none",
        };
        let turn = move |_| {
            order.update(|(by, is_reversed)| {
                *is_reversed = *by == column && !*is_reversed;
                *by = column;
            })
        };
        view! {
            <th scope="col" aria-sort=sorted>
                <button type="button" class="SpanTable-sort" title=column.meaning() on:click=turn>{column.title()}</button>
            </th>
        }
    };
    let more = move || {
        let rest = lines.with(Vec::len).saturating_sub(MOST_LINES);
        (rest > 0).then(|| view! { <p class="SpanTable-more">{format!("and {}", counted(rest as u64, "more group", "more groups"))}</p> })
    };
    let is_cut = move || {
        let is_cut =
            by.get() == By::Attribute && values.with(|values| values.as_ref().is_some_and(|v| !v.complete));
        is_cut.then(|| view! { <p class="SpanTable-more" role="status">"The values are too large to tell all of them: spans with others are not counted."</p> })
    };
    view! {
        <div class="SpanTable" data-testid="span-table" tabindex="0" role="region" aria-label="Spans added up">
            <div class="SpanTable-tools">
                <label>
                    "By "
                    <select class="Field" aria-label="Group by" on:change=choose>
                        <option value="operation">"operation"</option>
                        <option value="service">"service"</option>
                        <option value="kind">"kind"</option>
                        <option value="attribute">"attribute"</option>
                    </select>
                </label>
                <Show when=move || by.get() == By::Attribute>
                    <input
                        class="Field"
                        list="trace-keys"
                        placeholder="attribute"
                        aria-label="Attribute to group by"
                        prop:value=move || key.get()
                        on:change=move |event| key.set(event_target_value(&event))
                    />
                    <datalist id="trace-keys">
                        {move || keys.get().into_iter().map(|key| view! { <option value=key></option> }).collect_view()}
                    </datalist>
                </Show>
            </div>
            <table>
                <thead>
                    <tr>{Column::ALL.map(head).collect_view()}</tr>
                </thead>
                <tbody>
                    {move || lines.with(|lines| lines.iter().take(MOST_LINES).map(|group| line(stage, group)).collect_view())}
                </tbody>
            </table>
            {more}
            {is_cut}
        </div>
    }
}

fn line(stage: Stage, group: &Group) -> impl IntoView + use<> {
    let first = group.first;
    let name = if group.name.is_empty() { "(none)".to_owned() } else { group.name.clone() };
    let open = move |_| stage.reveal(first);
    let time = |length| view! { <td>{duration(length)}</td> };
    view! {
        <tr data-testid="group-row">
            <th scope="row">
                <button type="button" class="SpanTable-name" title="Go to the first of them" on:click=open>{name}</button>
            </th>
            <td>{count(group.count)}</td>
            <td class="SpanTable-errors">{(group.errors > 0).then(|| format!("⚠ {}", count(group.errors)))}</td>
            {time(group.total)}
            {time(group.self_time)}
            {time(group.critical)}
            {time(group.p50)}
            {time(group.p95)}
            {time(group.longest)}
        </tr>
    }
}

fn lines_of(stage: Stage, by: By, values: Option<&TraceValues>) -> Vec<Group> {
    let staged = stage.staged();
    let (trace, tree) = (&staged.trace, &staged.tree);
    let why = stage.why.get();
    let critical = |row: u32| {
        let segments = why.as_deref().map_or(&[][..], |why| why.on_row(row));
        segments.iter().map(|segment| segment.end - segment.start).sum()
    };
    match by {
        By::Service => {
            groups(trace, tree, |row| Some(trace.service[row]), |n| trace.text(n).to_owned(), critical)
        }
        By::Kind => groups(
            trace,
            tree,
            |row| Some(trace.kind[row] as u32),
            |n| SpanKind::from_number(n as u8).name().to_owned(),
            critical,
        ),
        By::Operation => {
            let mut pairs: Vec<(u32, u32)> =
                trace.service.iter().copied().zip(trace.operation.iter().copied()).collect();
            sort_by(&mut pairs, |(service, operation)| ((*service).into(), (*operation).into()));
            pairs.dedup();
            let number = |row: usize| {
                pairs.binary_search(&(trace.service[row], trace.operation[row])).ok().map(|n| n as u32)
            };
            let name = |n: u32| {
                let (service, operation) = pairs[n as usize];
                format!("{} · {}", trace.text(operation), trace.text(service))
            };
            groups(trace, tree, number, name, critical)
        }
        By::Attribute => {
            let Some(values) = values else {
                return Vec::new();
            };
            let mut spans = values.spans.clone();
            sort_by(&mut spans, |(span, value)| (span.0, (*value).into()));
            let number = |row: usize| {
                let at = spans.binary_search_by_key(&trace.span_id[row], |(span, _)| *span).ok()?;
                Some(spans[at].1)
            };
            groups(trace, tree, number, |n| values.values[n as usize].clone(), critical)
        }
    }
}
