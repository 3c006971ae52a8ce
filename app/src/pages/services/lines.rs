//! Services or operations as a table: figures of now, what changed, and a trend.

use leptos::prelude::*;
use model::SpanKind;
use model::view::{Health, Red, Why};

use crate::format::{self, duration};
use crate::views::trend::Trend;
use crate::widgets::service::ServiceName;
use crate::widgets::walk::walk;

/// Smaller changes are noise and not mentioned.
const WORTH_TELLING: f64 = 1.25;
const POINTS_WORTH_TELLING: f64 = 0.005;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    Services,
    Operations,
}

impl Of {
    fn noun(self) -> &'static str {
        if self == Of::Services { "Service" } else { "Operation" }
    }

    fn test_id(self) -> &'static str {
        if self == Of::Services { "service-row" } else { "operation-row" }
    }
}

#[component]
pub fn Lines(
    of: Of,
    #[prop(into)] lines: Signal<Vec<Health>>,
    #[prop(into)] is_waiting: Signal<bool>,
    link: Callback<String, String>,
) -> impl IntoView {
    walk(".Lines-link");
    let empty = move || (!is_waiting.get() && lines.with(Vec::is_empty)).then_some("Nothing was called.");
    view! {
        <div class="Lines" class:is-stale=move || is_waiting.get()>
            <table class="Lines-table" aria-busy=move || is_waiting.get().to_string()>
                <thead>
                    <tr>
                        <th scope="col">{of.noun()}</th>
                        <th scope="col" class="is-number">"Calls/s"</th>
                        <th scope="col" class="is-number">"Failed"</th>
                        <th scope="col" class="Lines-change"><span class="Hidden">"Change of failures in an hour and a day"</span></th>
                        <th scope="col" class="is-number">"p50"</th>
                        <th scope="col" class="is-number">"p95"</th>
                        <th scope="col" class="Lines-change"><span class="Hidden">"Change of p95 in an hour and a day"</span></th>
                        <th scope="col" class="is-number">"p99"</th>
                        <th scope="col" class="Lines-trend">"Calls and failures"</th>
                    </tr>
                </thead>
                <tbody>
                    <For each=move || lines.get() key=|line| line.clone().name + line.kind.name() let(line)>
                        {
                            let key = (line.name.clone(), line.kind);
                            let now = Memo::new(move |_| {
                                let find = |all: &Vec<Health>| {
                                    all.iter().find(|l| l.name == key.0 && l.kind == key.1).cloned()
                                };
                                lines.with(find).unwrap_or_default()
                            });
                            let href = link.run(line.name.clone());
                            view! { <Line of=of name=line.name kind=line.kind now=now href=href /> }
                        }
                    </For>
                </tbody>
            </table>
            <p class="Lines-empty">{empty}</p>
        </div>
    }
}

#[component]
fn Line(of: Of, name: String, kind: SpanKind, now: Memo<Health>, href: String) -> impl IntoView {
    let red = move || now.with(|line| line.now);
    let silent = move || red().calls == 0;
    let length = move |pick: fn(&Red) -> model::Nanos| {
        if silent() { "–".to_owned() } else { duration(pick(&red())) }
    };
    let label = if of == Of::Services {
        view! { <ServiceName name=name.clone() /> }.into_any()
    } else {
        let kind = view! { <span class="Lines-kind">{kind.name()}</span> };
        view! { <span class="Lines-operation">{name.clone()}</span> {kind} }.into_any()
    };
    view! {
        <tr class="Lines-row" class:is-silent=silent data-testid=of.test_id() data-name=name>
            <th scope="row" class="Lines-name">
                <a class="Lines-link" href=href>{label} {move || now.with(flag)}</a>
                {move || now.with(|line| line.why.as_ref().map(why))}
            </th>
            <td class="is-number">{move || rate(red().rate_per_sec)}</td>
            <td class="is-number" class:is-failing=move || red().errors != 0>
                {move || format::share(red().errors, red().calls)}
            </td>
            <td class="Lines-change">{move || now.with(|line| change_marks(line, failures_change))}</td>
            <td class="is-number">{move || length(|r| r.p50)}</td>
            <td class="is-number">{move || length(|r| r.p95)}</td>
            <td class="Lines-change">{move || now.with(|line| change_marks(line, slowdown_change))}</td>
            <td class="is-number">{move || length(|r| r.p99)}</td>
            <td class="Lines-trend">{move || view! { <Trend points=now.get().points /> }}</td>
        </tr>
    }
}

/// That it is part of an anomaly that lasts.
fn flag(line: &Health) -> Option<impl IntoView + use<>> {
    let flag = line.flag.clone()?;
    let word = if flag.is_origin { "anomaly" } else { "affected" };
    Some(
        view! { <span class="Flag" class:is-origin=flag.is_origin title=flag.reason data-testid="flag">{word}</span> },
    )
}

fn why(why: &Why) -> impl IntoView + use<> {
    let is_trouble = why.weight > 0.0 && why.is_origin;
    view! { <span class="Lines-why" class:is-origin=is_trouble data-testid="why">{why.words()}</span> }
}

/// Whether it is for the worse, and in words.
struct Change {
    is_worse: bool,
    text: String,
}

/// Beside an hour ago and beside a day ago, as far as there is something to tell.
fn change_marks(line: &Health, change: fn(&Red, &Red) -> Option<Change>) -> impl IntoView + use<> {
    let beside = [("1 h", &line.hour_ago), ("1 d", &line.day_ago)];
    let mark = |(ago, before): (&'static str, &Red)| {
        let change = change(&line.now, before).filter(|_| line.is_comparable(before))?;
        let class = if change.is_worse { "Change is-worse" } else { "Change" };
        let arrow = if change.is_worse { "▲ " } else { "▼ " };
        Some(view! { <span class=class>{arrow}{change.text} " " <small>{ago}</small></span> })
    };
    beside.map(mark).into_iter().flatten().collect_view()
}

fn failures_change(now: &Red, before: &Red) -> Option<Change> {
    let grown = now.error_rate - before.error_rate;
    let is_told = grown.abs() >= POINTS_WORTH_TELLING && now.calls > 0;
    is_told.then(|| Change { is_worse: grown > 0.0, text: format!("{:.1} points", grown.abs() * 100.0) })
}

fn slowdown_change(now: &Red, before: &Red) -> Option<Change> {
    let factor = now.p95.0 as f64 / before.p95.0.max(1) as f64;
    let size = factor.max(1.0 / factor.max(1e-9));
    let is_told = size >= WORTH_TELLING && now.p95.0 > 0;
    is_told.then(|| Change { is_worse: factor > 1.0, text: format!("× {factor:.1}") })
}

pub fn rate(per_second: f64) -> String {
    match per_second {
        0.0 => "–".to_owned(),
        r if r * 60.0 < 0.1 => format!("{:.1}/h", r * 3_600.0),
        r if r < 0.1 => format!("{:.1}/min", r * 60.0),
        r if r < 100.0 => format!("{r:.1}"),
        r => format::count(r.round() as u64),
    }
}
