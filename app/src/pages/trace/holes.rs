//! What the header says in words: which parents are missing and why, what senders got wrong, which patterns cost
//! time, and that only a part is listed. Every one of them leads to its rows.

use leptos::prelude::*;
use model::trace::finding::{Finding, Pattern};
use model::trace::flaw::Flaw;
use model::trace::orphan::OrphanCause;
use model::trace::outline::Gap;
use model::trace::{Extra, Outline, TraceStatus};

use crate::format::{count, counted, duration};
use crate::views::stage::{Stage, Staged};
use crate::widgets::icon::Icon;

/// More findings than these are counted.
const NAMED: usize = 8;

/// Missing parents by cause, and flaws by kind.
#[component]
fn Holes(stage: Stage) -> impl IntoView {
    let staged = stage.staged();
    let is_rootless = staged.summary.status == TraceStatus::Partial && staged.summary.orphan_count == 0;
    let gaps = OrphanCause::ALL.map(|cause| {
        let rows: Vec<u32> = gaps(&staged.outline, cause).map(|(row, _)| row).collect();
        let spans: u32 = gaps(&staged.outline, cause).map(|(_, gap)| gap.spans).sum();
        (!rows.is_empty()).then(|| {
            let parents = counted(rows.len() as u64, "parent missing", "parents missing");
            let text = format!("{parents}: {}", cause.words());
            let title = format!(
                "{} without a parent. {} A click goes there.",
                counted(spans.into(), "span", "spans"),
                cause.explanation()
            );
            hole(stage, rows, text, title)
        })
    });
    let flaws = move || {
        let why = stage.why.get()?;
        let one = |flaw: Flaw| {
            let rows: Vec<u32> = why.flawed(flaw).collect();
            let (one, many) = flaw.nouns();
            (!rows.is_empty()).then(|| {
                let text = counted(rows.len() as u64, one, many);
                hole(stage, rows, text, format!("A span {}. A click goes there.", flaw.words()))
            })
        };
        Some(Flaw::ALL.map(one).collect_view())
    };
    view! {
        {is_rootless.then(|| view! {
            <span class="TraceHead-hole">{Icon::Half.show()}"no span is the root: how this began is not known"</span>
        })}
        {gaps.collect_view()}
        {flaws}
    }
}

fn gaps(outline: &Outline, cause: OrphanCause) -> impl Iterator<Item = (u32, &Gap)> {
    outline.extras().filter_map(move |(row, extra)| match extra {
        Extra::Gap(gap) if gap.cause == cause => Some((row, gap)),
        _ => None,
    })
}

/// A click goes to the first of the rows, another to the one after the cursor's.
fn hole(stage: Stage, rows: Vec<u32>, text: String, title: String) -> impl IntoView {
    let go = move |_| {
        let at = stage.cursor.get_untracked().and_then(|row| rows.iter().position(|of| *of == row));
        let next = at.map_or(0, |at| (at + 1) % rows.len());
        stage.reveal(rows[next]);
        stage.is_open.set(true);
    };
    view! {
        <button type="button" class="TraceHead-hole" data-testid="hole" title=title on:click=go>
            {Icon::Half.show()}
            {text}
        </button>
    }
}

/// What is missing or wrong, and patterns that cost time, with what they cost.
#[component]
pub fn Findings(stage: Stage) -> impl IntoView {
    let body = move || {
        let why = stage.why.get()?;
        let (staged, total) = (stage.staged(), why.findings.len());
        let named = why.findings.iter().take(NAMED).map(|found| one_finding(stage, &staged, found));
        let rest = (total > NAMED).then(|| {
            let text = format!("and {}", counted((total - NAMED) as u64, "smaller one", "smaller ones"));
            view! { <span>{text}</span> }
        });
        Some(view! { {named.collect_view()}{rest} })
    };
    view! {
        <div class="Findings" role="group" aria-label="What is missing, and what costs time" data-testid="findings" tabindex="0">
            <Holes stage=stage />
            {body}
        </div>
    }
}

fn one_finding(stage: Stage, staged: &Staged, found: &Finding) -> impl IntoView + use<> {
    let trace = &staged.trace;
    let operation = |row: u32| trace.operation_name(row as usize).to_owned();
    let calls = count(found.calls.into());
    let (name, text, advice, goes_to) = match found.pattern {
        Pattern::RepeatedCalls => (
            "N+1",
            format!("{calls} × {}", operation(found.first)),
            "The same call, one after the other, where one call for all would do",
            found.first,
        ),
        Pattern::Retries => (
            "Retries",
            format!("{calls} tries of {}", operation(found.first)),
            "A call that failed and was made again: time until the try that counted",
            found.first,
        ),
        Pattern::CallsInTurn => (
            "In turn",
            format!("{calls} calls of {}", operation(found.row)),
            "Different calls, one after the other, that could run side by side if none needs another's answer",
            found.first,
        ),
        Pattern::GaveUp => (
            "Gave up",
            format!("{} before {} answered", operation(found.row), trace.service_name(found.first as usize)),
            "The caller's time ran out; the callee went on in vain",
            found.row,
        ),
    };
    let title = format!("{advice}: {} of the critical path", duration(found.cost));
    view! {
        <button type="button" class="Findings-one" data-testid="finding" title=title on:click=move |_| stage.visit(goes_to)>
            <span class="Findings-name">{name}</span>
            {text}
            <b>{duration(found.cost)}</b>
        </button>
    }
}

/// Says that only a part is listed, and leads back.
#[component]
pub fn TopBar(stage: Stage) -> impl IntoView {
    let body = move || {
        stage.top.get().map(|row| {
            let staged = stage.staged();
            let name = match staged.outline.extra(row) {
                None => staged.trace.operation_name(row as usize).to_owned(),
                Some(Extra::Group(group)) => staged.trace.operation_name(group.first as usize).to_owned(),
                Some(Extra::Gap(gap)) => gap.label(),
            };
            let listed = u64::from(staged.outline.tree.size[row as usize]);
            view! {
                <div class="TopBar" role="status" data-testid="top-bar">
                    "Only "<b>{name}</b>{format!(" and what is below it: {}", counted(listed, "row", "rows"))}
                    <button type="button" class="Button is-small" on:click=move |_| stage.set_top(None)>"Show everything (o)"</button>
                </div>
            }
        })
    };
    view! { {body} }
}
