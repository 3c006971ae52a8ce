//! Services or operations as a table: figures of now, what changed, and a trend.

use leptos::ev;
use leptos::prelude::*;
use model::SpanKind;
use model::view::{Health, Red};

use crate::browser::{self, keys};
use crate::format::{self, duration};
use crate::views::trend::Trend;
use crate::widgets::service::ServiceName;

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
    let keys = window_event_listener(ev::keydown, move |event| {
        let step = match keys::page_key(&event).as_deref() {
            Some("j" | "ArrowDown") => 1,
            Some("k" | "ArrowUp") => -1,
            _ => return,
        };
        event.prevent_default();
        browser::focus_neighbour(".Lines-link", step);
    });
    on_cleanup(move || keys.remove());
    let empty = move || (!is_waiting.get() && lines.with(Vec::is_empty)).then_some("Nothing was called.");
    view! {
        <div class="Lines" class:is-stale=move || is_waiting.get()>
            <table class="Lines-table" aria-busy=move || is_waiting.get().to_string()>
                <thead>
                    <tr>
                        <th scope="col">{of.noun()}</th>
                        <th scope="col" class="is-number">"Calls/s"</th>
                        <th scope="col" class="is-number">"Failed"</th>
                        <th scope="col" class="Lines-change"><span class="Hidden">"Change of failures"</span></th>
                        <th scope="col" class="is-number">"p50"</th>
                        <th scope="col" class="is-number">"p95"</th>
                        <th scope="col" class="Lines-change"><span class="Hidden">"Change of p95"</span></th>
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
            <th scope="row" class="Lines-name"><a class="Lines-link" href=href>{label}</a></th>
            <td class="is-number">{move || rate(red().rate_per_sec)}</td>
            <td class="is-number" class:is-failing=move || red().errors != 0>
                {move || format::share(red().errors, red().calls)}
            </td>
            <td class="Lines-change">{move || now.with(failures_change).map(change_mark)}</td>
            <td class="is-number">{move || length(|r| r.p50)}</td>
            <td class="is-number">{move || length(|r| r.p95)}</td>
            <td class="Lines-change">{move || now.with(slowdown_change).map(change_mark)}</td>
            <td class="is-number">{move || length(|r| r.p99)}</td>
            <td class="Lines-trend">{move || view! { <Trend points=now.get().points /> }}</td>
        </tr>
    }
}

/// Whether it is for the worse, and in words.
struct Change {
    is_worse: bool,
    text: String,
}

fn change_mark(change: Change) -> impl IntoView {
    let class = if change.is_worse { "Change is-worse" } else { "Change" };
    let arrow = if change.is_worse { "▲ " } else { "▼ " };
    view! { <span class=class>{arrow}{change.text}</span> }
}

fn failures_change(line: &Health) -> Option<Change> {
    let grown = line.now.error_rate - line.before()?.error_rate;
    let is_told = grown.abs() >= POINTS_WORTH_TELLING && line.now.calls > 0;
    is_told.then(|| Change { is_worse: grown > 0.0, text: format!("{:.1} points", grown.abs() * 100.0) })
}

fn slowdown_change(line: &Health) -> Option<Change> {
    let factor = line.slowdown().filter(|f| *f > 0.0)?;
    let size = factor.max(1.0 / factor);
    (size >= WORTH_TELLING).then(|| Change { is_worse: factor > 1.0, text: format!("× {factor:.1}") })
}

pub fn rate(per_second: f64) -> String {
    match per_second {
        0.0 => "–".to_owned(),
        r if r < 0.1 => format!("{:.1}/min", r * 60.0),
        r if r < 100.0 => format!("{r:.1}"),
        r => format::count(r.round() as u64),
    }
}
