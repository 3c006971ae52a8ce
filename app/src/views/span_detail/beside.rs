//! A span beside another of its operation: the figures of both, and the attributes that differ.

use std::sync::Arc;

use leptos::prelude::*;
use model::{Nanos, Span};

use super::siblings::{Choice, Difference, choices, differences, siblings};
use super::view::SpanLoad;
use crate::format::{counted, delta, duration, offset};
use crate::views::stage::{Stage, Staged};

#[component]
pub fn Beside(
    stage: Stage,
    #[prop(into)] row: Signal<u32>,
    #[prop(into)] load: Signal<SpanLoad>,
    /// The span it is put beside, once one is chosen.
    #[prop(into)]
    other: Signal<SpanLoad>,
) -> impl IntoView {
    let kin = Memo::new(move |_| {
        let staged = stage.staged();
        siblings(&staged.trace, &staged.tree, row.get())
    });
    let title = move || format!("Beside {}", counted(kin.with(Vec::len) as u64 - 1, "sibling", "siblings"));
    let body = move || {
        let staged = stage.staged();
        let offered = kin.with(|kin| choices(&staged.trace, kin, row.get()));
        let (chosen, own) = (stage.other_row(), row.get());
        let one = |choice: &Choice| {
            let Choice { what, row } = *choice;
            let text = format!("{what}, {}", duration(Nanos(staged.trace.length[row as usize])));
            view! {
                <button
                    type="button"
                    class="Button is-small"
                    aria-pressed=(chosen == Some(row)).to_string()
                    on:click=move |_| stage.beside.update(|now| *now = (*now != Some((own, row))).then_some((own, row)))>
                    {text}
                </button>
            }
        };
        let table =
            chosen.map(|other_row| table(stage, &staged, (row.get(), other_row), &load.get(), &other.get()));
        view! {
            <p class="Detail-ways">{offered.iter().map(one).collect_view()}</p>
            {table}
        }
    };
    view! {
        <Show when=move || kin.with(|kin| kin.len() > 1)>
            <details class="Detail-section" open data-testid="beside">
                <summary><h3>{title}</h3></summary>
                {body}
            </details>
        </Show>
    }
}

fn table(
    stage: Stage,
    staged: &Staged,
    (row, other): (u32, u32),
    load: &SpanLoad,
    theirs: &SpanLoad,
) -> AnyView {
    let (trace, tree) = (&staged.trace, &staged.tree);
    let line = |name: String, ours: String, theirs: String| {
        view! { <tr data-testid="difference"><th scope="row">{name}</th><td>{ours}</td><td>{theirs}</td></tr> }
    };
    let length = |row: u32| trace.length[row as usize];
    let difference = delta(length(other) as i64 - length(row) as i64);
    let own_time = |row: u32| duration(Nanos(tree.self_time[row as usize]));
    let start = |row: u32| format!("+{}", offset(Nanos(trace.offset[row as usize])));
    let status = |row: u32| match trace.is_error(row as usize) {
        true => format!("error {}", trace.fact_text(row as usize)),
        false => trace.status[row as usize].name().to_owned(),
    };
    let figures = [
        line(
            "Duration".into(),
            duration(Nanos(length(row))),
            format!("{} ({difference})", duration(Nanos(length(other)))),
        ),
        line("Self".into(), own_time(row), own_time(other)),
        line("Start".into(), start(row), start(other)),
        line("Status".into(), status(row), status(other)),
    ];
    let attributes = match (load, theirs) {
        (SpanLoad::Ready(ours), SpanLoad::Ready(theirs)) => attribute_lines(ours, theirs),
        (SpanLoad::Failed(error), _) | (_, SpanLoad::Failed(error)) => {
            view! { <tr><td colspan="3" role="alert">{error.message.clone()}</td></tr> }.into_any()
        }
        _ => view! { <tr><td colspan="3" aria-busy="true">"Comparing the attributes"</td></tr> }.into_any(),
    };
    view! {
        <table class="Beside">
            <thead>
                <tr>
                    <td></td>
                    <th scope="col">"This span"</th>
                    <th scope="col">
                        <button type="button" class="Detail-go" title="Go there" on:click=move |_| stage.reveal(other)>
                            "The other"
                        </button>
                    </th>
                </tr>
            </thead>
            <tbody>{figures}{attributes}</tbody>
        </table>
    }
    .into_any()
}

fn attribute_lines(ours: &Arc<Span>, theirs: &Arc<Span>) -> AnyView {
    let (found, same) = differences(ours, theirs);
    let value = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    let line = |one: Difference| {
        view! {
            <tr class="is-attribute" data-testid="difference">
                <th scope="row">{one.key}</th>
                <td>{value(one.ours)}</td>
                <td>{value(one.theirs)}</td>
            </tr>
        }
    };
    view! {
        {found.into_iter().map(line).collect_view()}
        <tr><td colspan="3">{counted(same as u64, "attribute is the same", "attributes are the same")}</td></tr>
    }
    .into_any()
}
