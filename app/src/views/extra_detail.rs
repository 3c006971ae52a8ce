//! The panel of a row that is no span: a group's distribution, or why a parent is missing.

use leptos::prelude::*;
use model::Nanos;
use model::order::{falling, sort_by};
use model::trace::outline::{BUCKETS, Gap, Group};
use model::trace::{Extra, NO_ROW};

use super::stage::{Stage, Staged};
use crate::format::{count, counted, duration};
use crate::widgets::icon::Icon;
use crate::widgets::service::ServiceName;

/// Members offered: the slowest.
const SLOWEST: usize = 8;

#[component]
pub fn ExtraDetail(stage: Stage) -> impl IntoView {
    let body = move || {
        let (staged, row) = (stage.staged(), stage.cursor.get()?);
        Some(match staged.outline.extra(row)? {
            Extra::Group(group) => group_body(stage, &staged, row, group).into_any(),
            Extra::Gap(gap) => gap_body(stage, &staged, gap).into_any(),
        })
    };
    view! { <div class="Detail" data-testid="extra-detail">{body}</div> }
}

fn head(stage: Stage, title: String, under: impl IntoView) -> impl IntoView {
    view! {
        <header class="Detail-head">
            <div class="Detail-titles">
                <h2 class="Detail-title">{title}</h2>
                {under}
            </div>
            <button
                type="button"
                class="Button is-icon"
                title="Close (Esc)"
                aria-label="Close the panel"
                on:click=move |_| stage.is_open.set(false)
            >
                {Icon::Close.show()}
            </button>
        </header>
    }
}

fn group_body(stage: Stage, staged: &Staged, row: u32, group: &Group) -> impl IntoView + use<> {
    let trace = &staged.trace;
    let first = group.first as usize;
    let [shortest, p50, p95, longest] = group.quantiles().map(duration);
    let facts = [
        ("Shortest", shortest),
        ("p50", p50),
        ("p95", p95),
        ("Longest", longest),
        ("In sum", duration(group.total)),
        ("Failed", count(group.errors.into())),
    ];
    let fact = |(name, value): (&'static str, String)| {
        view! { <div class="Detail-fact"><dt>{name}</dt><dd>{value}</dd></div> }
    };
    let most = group.buckets.iter().copied().max().unwrap_or(1).max(1);
    let bucket = |at: usize| {
        let number = group.buckets[at];
        let from = group.bucket_start(at);
        let width = format!("{}%", f64::from(number) * 100.0 / f64::from(most));
        view! {
            <div class="Spread-line">
                <dt>{format!("≥ {}", duration(from))}</dt>
                <dd><i style:width=width></i>{count(number.into())}</dd>
            </div>
        }
    };
    let mut members: Vec<u32> = staged.outline.tree.children(row).collect();
    sort_by(&mut members, |row| (falling(trace.length[*row as usize]), 0));
    let slow = members.iter().take(SLOWEST).map(|row| {
        let (row, length) = (*row, duration(Nanos(trace.length[*row as usize])));
        let fact = trace.fact_text(row as usize).to_owned();
        view! {
            <li>
                <button type="button" class="Detail-go" on:click=move |_| stage.reveal(row)>
                    {length}" "<span>{fact}</span>
                </button>
            </li>
        }
    });
    let title = format!("×{} {}", count(group.count.into()), trace.operation_name(first));
    view! {
        {head(stage, title, view! { <ServiceName name=trace.service_name(first).to_owned() /> })}
        <dl class="Detail-facts">{facts.map(fact).collect_view()}</dl>
        <div class="Detail-body" tabindex="0" role="region" aria-label="Durations">
            <h3 class="Detail-sub">"How long they took"</h3>
            <dl class="Spread">{(0..BUCKETS).map(bucket).collect_view()}</dl>
            <h3 class="Detail-sub">"The slowest"</h3>
            <ul class="Detail-list">{slow.collect_view()}</ul>
        </div>
    }
}

fn gap_body(stage: Stage, staged: &Staged, gap: &Gap) -> impl IntoView + use<> {
    let trace = &staged.trace;
    let name =
        |row: u32| format!("{} · {}", trace.service_name(row as usize), trace.operation_name(row as usize));
    let go = |row: u32| {
        view! { <button type="button" class="Detail-go" on:click=move |_| stage.reveal(row)>{name(row)}</button> }
    };
    let under = view! { <span class="Detail-kind">{counted(gap.spans.into(), "span names it", "spans name it")}</span> };
    view! {
        {head(stage, format!("Span {} is missing", gap.parent), under)}
        <p class="Detail-orphan">{Icon::Half.show()}<span><b>{gap.cause.words()}</b>". "{gap.cause.explanation()}</span></p>
        <div class="Detail-body" tabindex="0" role="region" aria-label="What is known of it">
            <h3 class="Detail-sub">"The first span that names it"</h3>
            <p class="Detail-list">{go(gap.first)}</p>
            {(gap.call != NO_ROW).then(|| view! {
                <h3 class="Detail-sub">"The call that nobody answered"</h3>
                <p class="Detail-list">{go(gap.call)}</p>
            })}
        </div>
    }
}
