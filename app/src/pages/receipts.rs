//! What became of everything that was sent: what was lost and what is odd, worst first, and what to do about it.
//!
//! For tests: `[data-testid=receipt-row]` with `data-reason`, `[data-testid=totals]`, `[data-testid=range]`. Figures renew
//! themselves.

use leptos::prelude::*;
use model::receipt::Outcome;
use model::view::{ReceiptLine, ReceiptsReport};

use super::services::Live;
use crate::browser::clock::now;
use crate::format::{ago, count, counted};
use crate::state::Router;
use crate::url::{ReceiptsView, Route};
use crate::views::trend::layout::{HEIGHT, WIDTH, bars};
use crate::widgets::message::ErrorState;
use crate::widgets::range::RangeButtons;
use crate::widgets::service::ServiceName;

#[component]
pub fn ReceiptsPage() -> impl IntoView {
    let router = expect_context::<Router>();
    let view = Memo::new(move |_| match router.route() {
        Route::Receipts(view) => view,
        _ => ReceiptsView::default(),
    });
    crate::browser::document().set_title("Receipts · Skein");
    let live = Live::<ReceiptsReport>::follow(move || api::get_receipts(view.get().asked(now())));
    let choose = Callback::new(move |length_secs: u64| {
        router.go(&ReceiptsView { length_secs, ..view.get_untracked() }.url());
    });
    view! {
        <div class="Services">
            <div class="Services-bar">
                <h1 class="Services-title">"Receipts"</h1>
                <span class="Services-note">"What became of everything that was sent"</span>
                <RangeButtons chosen=Signal::derive(move || view.get().length_secs) choose=choose />
            </div>
            {move || match (live.failed.get(), live.answer.get()) {
                (Some(error), _) => view! { <ErrorState error=error retry=move || live.again() /> }.into_any(),
                (None, Some(report)) => shown(&report, &view.get()).into_any(),
                (None, None) => ().into_any(),
            }}
        </div>
    }
}

fn shown(report: &ReceiptsReport, view: &ReceiptsView) -> impl IntoView + use<> {
    // What was stored is told by its total, unless it is asked for.
    let is_shown = |line: &&ReceiptLine| view.outcome.is_some() || line.outcome != Outcome::Accepted;
    let lines: Vec<_> = report.lines.iter().filter(is_shown).map(|line| row(line, view)).collect();
    let cut =
        (!report.complete).then_some("There are more lines: narrow them down by outcome, service or key.");
    let body = if lines.is_empty() {
        nothing(report, view).into_any()
    } else {
        view! {
            <div class="Lines">
                <table class="Lines-table Receipts-table">
                    <thead>
                        <tr>
                            <th scope="col">"What, and what to do"</th>
                            <th scope="col">"Service"</th>
                            <th scope="col">"Key"</th>
                            <th scope="col">"Door"</th>
                            <th scope="col" class="is-number">"Count"</th>
                            <th scope="col" class="Lines-trend">"When"</th>
                            <th scope="col" class="is-number">"Last"</th>
                        </tr>
                    </thead>
                    <tbody>{lines}</tbody>
                </table>
                <p class="Lines-empty">{cut}</p>
            </div>
        }
        .into_any()
    };
    view! {
        {totals(report, view)}
        {body}
    }
}

/// Every outcome there is, each a link to its lines, and what else narrows them down.
fn totals(report: &ReceiptsReport, view: &ReceiptsView) -> impl IntoView + use<> {
    let link = |outcome: Option<Outcome>, items: Option<u64>| {
        let is_on = view.outcome == outcome;
        let href = ReceiptsView { outcome, ..view.clone() }.url();
        let name = outcome.map_or_else(|| "everything odd".to_owned(), |o| in_words(o.name()));
        view! {
            <a
                class="Button is-small"
                class:is-on=is_on
                class:is-failing=outcome.is_some_and(Outcome::is_loss)
                aria-current=is_on.then_some("true")
                href=href
            >
                {name}
                <b>{items.map(count)}</b>
            </a>
        }
    };
    let mut links = vec![link(None, None)];
    links.extend(report.totals.iter().map(|(outcome, items)| link(Some(*outcome), Some(*items))));
    let without_service = ReceiptsView { service: None, ..view.clone() };
    let without_key = ReceiptsView { key: None, ..view.clone() };
    let narrowed = [("service", &view.service, without_service), ("key", &view.key, without_key)];
    let narrowed: Vec<_> = narrowed
        .into_iter()
        .filter_map(|(what, value, without)| Some((what, value.clone()?, without.url())))
        .map(|(what, value, href)| {
            let value = if value.is_empty() { "none".to_owned() } else { value };
            let label = format!("No longer only {what} {value}");
            view! { <a class="Button is-small is-on" href=href aria-label=label>{what}": "{value}" ×"</a> }
        })
        .collect();
    view! { <nav class="Receipts-totals" aria-label="Outcomes" data-testid="totals">{links} {narrowed}</nav> }
}

fn row(line: &ReceiptLine, view: &ReceiptsView) -> impl IntoView + use<> {
    let by_service = ReceiptsView { service: Some(line.service.clone()), ..view.clone() }.url();
    let by_key = ReceiptsView { key: Some(line.key.clone()), ..view.clone() }.url();
    let service = if line.service.is_empty() {
        view! { <span class="Services-note">"not known"</span> }.into_any()
    } else {
        view! { <a class="Lines-link" href=by_service><ServiceName name=line.service.clone() /></a> }
            .into_any()
    };
    let key =
        (!line.key.is_empty()).then(|| view! { <a class="Lines-link" href=by_key>{line.key.clone()}</a> });
    let what = if line.outcome == Outcome::Redacted { "value" } else { line.kind.trim_end_matches('s') };
    let number = match line.items {
        0 => counted(line.requests, "request", "requests"),
        items => counted(items, what, &format!("{what}s")),
    };
    let example = (!line.example.is_empty())
        .then(|| view! { <code class="Receipts-example">{line.example.clone()}</code> });
    let reason = in_words(if line.reason.is_empty() { line.outcome.name() } else { &line.reason });
    let label = format!("{number}, by the minute");
    view! {
        <tr class="Receipts-row" data-testid="receipt-row" data-reason=line.reason.clone()>
            <th scope="row" class="Receipts-what">
                <b>{reason}</b>
                <span class="Receipts-outcome" class:is-failing=line.outcome.is_loss()>
                    {in_words(line.outcome.name())}
                </span>
                <p class="Receipts-advice">{line.advice.clone()}</p>
                {example}
            </th>
            <td>{service}</td>
            <td>{key}</td>
            <td>{in_words(&line.door)}</td>
            <td class="is-number" class:is-failing=line.outcome.is_loss()>{number}</td>
            <td class="Lines-trend">
                <svg class="Trend" viewBox=format!("0 0 {WIDTH} {HEIGHT}") role="img" aria-label=label preserveAspectRatio="none">
                    <path class=if line.outcome.is_loss() { "Trend-errors" } else { "Trend-bars" } d=bars(&line.points)></path>
                </svg>
            </td>
            <td class="is-number">{ago(line.last, now())}</td>
        </tr>
    }
}

fn nothing(report: &ReceiptsReport, view: &ReceiptsView) -> impl IntoView + use<> {
    let stored = report.totals.iter().find(|(outcome, _)| *outcome == Outcome::Accepted).map_or(0, |t| t.1);
    let (title, text) = if view.is_narrowed() {
        ("Nothing by these filters", "Take one away, or look further back.".to_owned())
    } else if stored > 0 {
        let all = counted(stored, "span or log record", "spans and log records");
        ("Nothing was lost", format!("{all} came in this time. Each was stored as it was sent."))
    } else {
        ("Nothing was lost", "Nothing was sent in this time either.".to_owned())
    };
    view! {
        <div class="Message" data-testid="empty-state">
            <h2 class="Message-title">{title}</h2>
            <p class="Message-text">{text}</p>
        </div>
    }
}

fn in_words(name: &str) -> String {
    name.replace('_', " ")
}
