//! Whether anything is wrong with Skein itself, and where: one look at the top, the figures below it.
//!
//! For tests: `[data-testid=condition]` with `data-condition`, `[data-testid=trouble]`, `[data-testid=figure]` with `data-id`,
//! `[data-testid=own-traces]`. Figures renew themselves.

use leptos::prelude::*;
use model::view::{Condition, Figure, Said, StageFigures, StatusReport, TableFigures};
use model::{Nanos, Timestamp};

use super::services::Live;
use crate::format::{ago, bytes, count, counted, duration, in_unit, per_second};
use crate::widgets::message::ErrorState;

/// Traces of Skein's own work, the longest first.
const SLOW_TRACES: &str = "/own/?v=1&order=duration";

#[component]
pub fn StatusPage() -> impl IntoView {
    crate::browser::document().set_title("Status · Skein");
    let live = Live::<StatusReport>::follow(api::get_status);
    view! {
        <div class="Vitals" role="region" aria-label="Status" tabindex="0">
            {move || match (live.failed.get(), live.answer.get()) {
                (Some(error), _) => view! { <ErrorState error=error retry=move || live.again() /> }.into_any(),
                (None, Some(report)) => shown(&report).into_any(),
                (None, None) => ().into_any(),
            }}
        </div>
    }
}

fn shown(report: &StatusReport) -> impl IntoView + use<> {
    let (mark, words) = match report.condition {
        Condition::Fine => ("is-fine", "Everything works"),
        Condition::Degraded => ("is-degraded", "Something is wrong"),
        Condition::EngineAway => ("is-away", "The storage engine is away"),
    };
    let uptime = duration(Nanos(report.now.since(report.started).0 / 1_000_000_000 * 1_000_000_000));
    let troubles: Vec<_> = report
        .troubles
        .iter()
        .map(|trouble| {
            view! {
                <li class="Vitals-trouble" data-testid="trouble">
                    <b>{trouble.what.clone()}</b>
                    <span>{trouble.advice.clone()}</span>
                </li>
            }
        })
        .collect();
    let own = if report.own_traces {
        view! { <a class="Button is-small" href=SLOW_TRACES data-testid="own-traces">"Skein's own slow traces"</a> }.into_any()
    } else {
        view! { <span class="Services-note">"Skein does not trace its own work here (--own-traces)"</span> }
            .into_any()
    };
    view! {
        <div class="Services-bar">
            <h1 class="Services-title">"Status"</h1>
            <p class=format!("Vitals-condition {mark}") role="status" data-testid="condition" data-condition=report.condition.name()>
                {words}
            </p>
            <span class="Services-note">
                {format!("skein {} · {} · up {uptime}", report.version, report.roles.join(", "))}
            </span>
            <span class="Vitals-own">{own}</span>
        </div>
        {(!troubles.is_empty()).then(|| view! { <ul class="Vitals-troubles">{troubles}</ul> })}
        <div class="Vitals-parts">{parts(&report.figures)}</div>
        {stages(&report.stages, report.window)}
        {tables(&report.tables)}
        {log(&report.said, report.now)}
    }
}

/// A list of figures for each part, in the order they come.
fn parts(figures: &[Figure]) -> Vec<impl IntoView + use<>> {
    let mut names: Vec<&str> = Vec::new();
    for figure in figures {
        if !names.contains(&figure.part.as_str()) {
            names.push(&figure.part);
        }
    }
    let part = |name: &str| {
        let rows: Vec<_> = figures.iter().filter(|figure| figure.part == name).map(row).collect();
        view! {
            <section class="Vitals-part">
                <h2 class="Service-heading">{name.to_owned()}</h2>
                <table class="Vitals-figures"><tbody>{rows}</tbody></table>
            </section>
        }
    };
    names.into_iter().map(part).collect()
}

fn row(figure: &Figure) -> impl IntoView + use<> {
    let value = figure.value.map_or_else(String::new, |value| in_unit(value, figure.unit));
    let limit = figure.limit.map(|limit| {
        let of = if value.is_empty() { "at most " } else { "of " };
        of.to_owned() + &in_unit(limit, figure.unit)
    });
    let percent = match (figure.value, figure.limit) {
        (Some(value), Some(limit)) if limit > 0.0 => Some((value / limit * 100.0).clamp(0.0, 100.0) as u32),
        _ => None,
    };
    let fill = percent.map(|percent| {
        view! { <span class="Vitals-fill" aria-hidden="true"><span style=format!("width:{percent}%")></span></span> }
    });
    let reached = figure
        .reached
        .filter(|times| *times > 0)
        .map(|times| view! { <span class="Vitals-reached">{"reached ".to_owned() + &counted(times, "time", "times")}</span> });
    view! {
        <tr class:is-wrong=figure.is_wrong data-testid="figure" data-id=figure.id.clone()>
            <th scope="row">{figure.label.clone()}</th>
            <td class="is-number">{value}</td>
            <td class="Vitals-limit">{limit}{fill}{reached}</td>
        </tr>
    }
}

fn table(title: &'static str, note: String, heads: &[&'static str], rows: Vec<AnyView>) -> AnyView {
    let heads: Vec<_> = heads
        .iter()
        .enumerate()
        .map(|(at, head)| view! { <th scope="col" class:is-number=at.ne(&0)>{*head}</th> })
        .collect();
    view! {
        <section class="Vitals-section">
            <h2 class="Service-heading">{title} <span class="Services-note">{note}</span></h2>
            <table class="Lines-table"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>
        </section>
    }
    .into_any()
}

fn cells(name: String, numbers: Vec<(String, bool)>) -> AnyView {
    let numbers: Vec<_> = numbers
        .into_iter()
        .map(|(text, is_wrong)| view! { <td class="is-number" class:is-failing=is_wrong>{text}</td> })
        .collect();
    view! { <tr><th scope="row">{name}</th>{numbers}</tr> }.into_any()
}

fn stages(stages: &[StageFigures], window: Nanos) -> AnyView {
    let row = |stage: &StageFigures| {
        let (p50, p99) = (duration(stage.p50), duration(stage.p99));
        let failures = (count(stage.failures), stage.failures > 0);
        cells(
            stage.name.clone(),
            vec![(per_second(stage.per_sec), false), failures, (p50, false), (p99, false)],
        )
    };
    let note = format!(
        "The last {}; medians and p99 within a factor of two",
        duration(Nanos(window.0 / 1_000_000_000 * 1_000_000_000))
    );
    table("Stages", note, &["Stage", "Rate", "Failed", "p50", "p99"], stages.iter().map(row).collect())
}

fn tables(tables: &[TableFigures]) -> AnyView {
    let row = |table: &TableFigures| {
        let days =
            if table.keep_days == 0 { String::new() } else { counted(table.keep_days.into(), "day", "days") };
        let numbers = [count(table.rows), bytes(table.bytes), count(table.parts), days];
        cells(table.name.clone(), numbers.map(|text| (text, false)).to_vec())
    };
    let all = tables.iter().map(|table| table.bytes).sum::<u64>();
    table(
        "Storage",
        bytes(all),
        &["Table", "Rows", "Size", "Parts", "Kept"],
        tables.iter().map(row).collect(),
    )
}

fn log(said: &[Said], now: Timestamp) -> impl IntoView + use<> {
    let lines: Vec<_> = said
        .iter()
        .map(|said| {
            view! {
                <li class:is-failing=said.is_error>
                    <span class="Services-note">{ago(said.time, now)}</span>
                    <code>{said.text.clone()}</code>
                </li>
            }
        })
        .collect();
    let body = if lines.is_empty() {
        view! { <p class="Lines-empty">"Nothing went wrong since the start."</p> }.into_any()
    } else {
        view! { <ul class="Vitals-log">{lines}</ul> }.into_any()
    };
    view! {
        <section class="Vitals-section">
            <h2 class="Service-heading">"Latest warnings and errors" <span class="Services-note">"of Skein's own log"</span></h2>
            {body}
        </section>
    }
}
