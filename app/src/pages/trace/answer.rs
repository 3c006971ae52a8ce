//! The answer on the first screen: what failed first, and what the trace waited for.

use std::sync::Arc;
use std::time::Duration;

use leptos::prelude::*;
use model::Nanos;

use crate::chart::color::service_color_css;
use crate::format::{count, duration, share};
use crate::url::Shape;
use crate::views::stage::Stage;
use crate::views::trace_logs::LogLoad;
use crate::views::why::Why;
use crate::widgets::icon::Icon;

/// Services named in the line; the others are one entry.
const NAMED: usize = 5;
/// The rows are painted before the path is worked out.
const AFTER_ROWS: Duration = Duration::from_millis(60);

/// Works out why, once the rows are on screen.
pub fn work_out(stage: Stage) {
    set_timeout(
        move || {
            // The page may have gone meanwhile.
            if stage.why.try_with_untracked(|_| ()).is_some() {
                let staged = stage.staged();
                stage.why.set(Some(Arc::new(Why::new(&staged.trace, &staged.tree, &staged.outline))));
            }
        },
        AFTER_ROWS,
    );
}

#[component]
pub fn Answer(stage: Stage, logs: RwSignal<LogLoad>) -> impl IntoView {
    view! {
        <div class="Answer">
            <Shapes stage=stage logs=logs />
            <FirstError stage=stage />
            <Path stage=stage />
        </div>
    }
}

#[component]
fn Shapes(stage: Stage, logs: RwSignal<LogLoad>) -> impl IntoView {
    let lines = move || {
        let number = logs.read().lines().len();
        (number > 0).then(|| view! { <span class="Answer-lines">{count(number as u64)}</span> })
    };
    let one = move |shape: Shape| {
        let is_on = move || stage.shape.get() == shape;
        view! {
            <button
                type="button"
                class="Answer-shape"
                class:is-on=is_on
                aria-pressed=move || is_on().to_string()
                data-testid=format!("view-{}", shape.name())
                on:click=move |_| stage.shape.set(shape)
            >
                {shape.name()}
                {(shape == Shape::Logs).then_some(lines)}
            </button>
        }
    };
    view! { <div class="Answer-shapes" role="group" aria-label="View">{Shape::ALL.map(one).collect_view()}</div> }
}

/// The error that ended first: others are often only passed on.
#[component]
fn FirstError(stage: Stage) -> impl IntoView {
    let staged = stage.staged();
    let trace = &staged.trace;
    let end = |row: &usize| trace.offset[*row].saturating_add(trace.length[*row]);
    let first = (0..trace.len()).filter(|row| trace.is_error(*row)).min_by_key(end);
    first.map(|row| {
        let what = format!("{} · {}", trace.service_name(row), trace.operation_name(row));
        let message = Some(trace.fact_text(row).to_owned()).filter(|text| !text.is_empty());
        view! {
            <button
                type="button"
                class="Answer-error"
                data-testid="first-error"
                title="Go to the error that ended first"
                on:click=move |_| {
                    stage.reveal(row as u32);
                    stage.is_open.set(true);
                }
            >
                {Icon::Alert.show()}
                <b>{message.unwrap_or_else(|| "failed without a message".to_owned())}</b>
                <span>{what}</span>
            </button>
        }
    })
}

#[component]
fn Path(stage: Stage) -> impl IntoView {
    let body = move || {
        let why = stage.why.get()?;
        let staged = stage.staged();
        let total = why.path_length();
        let mut rest = Nanos(total.0);
        let named: Vec<(String, Nanos)> = why
            .services()
            .take(NAMED)
            .map(|service| (staged.trace.text(service.service).to_owned(), Nanos(service.critical)))
            .collect();
        named.iter().for_each(|(_, time)| rest.0 = rest.0.saturating_sub(time.0));
        let one = |(name, time): (String, Nanos)| {
            let color = service_color_css(&name);
            let found = name.clone();
            let title = format!(
                "{} of the critical path is time of {name}; a click finds its spans",
                share(time.0, total.0)
            );
            view! {
                <button
                    type="button"
                    class="Answer-share"
                    title=title
                    on:click=move |_| stage.look_for(found.clone())
                >
                    <i class="Service-dot" style:background=color></i>
                    {name}
                    <b>{duration(time)}</b>
                    {share(time.0, total.0)}
                </button>
            }
        };
        let others = (rest.0 > 0)
            .then(|| view! { <span class="Answer-rest">{format!("others {}", duration(rest))}</span> });
        Some(view! {
            <span class="Answer-path" role="group" aria-label="Critical path by service" data-testid="critical-path">
                <button
                    type="button"
                    class="Answer-toggle"
                    aria-pressed=move || stage.is_path_shown.get().to_string()
                    title="The spans this trace waited for, marked in the bars (c); x and X walk along it. Nobody waits for the consumer of a message, so its producer can count for more here than its self time"
                    on:click=move |_| stage.is_path_shown.update(|shown| *shown = !*shown)
                >
                    "Critical path"
                </button>
                {named.into_iter().map(one).collect_view()}
                {others}
            </span>
            {clocks(stage, &why)}
            {idle(stage, &why)}
        })
    };
    view! { {body} }
}

/// Shown only where there is much to fold.
fn idle(stage: Stage, why: &Why) -> Option<impl IntoView + use<>> {
    let (idle, total) = (why.idle, stage.staged().trace.duration.0);
    (idle > total / 5).then(|| {
        let text = format!("Fold idle time {}", share(idle, total));
        view! {
            <button
                type="button"
                class="Answer-toggle"
                data-testid="fold-idle"
                aria-pressed=move || stage.is_idle_folded.get().to_string()
                title="Stretches in which only spans that wait are running become slivers of the time axis (i)"
                on:click=move |_| stage.fold_idle(!stage.is_idle_folded.get_untracked())
            >
                {text}
            </button>
        }
    })
}

/// Shown only where clocks disagree, or somebody asked whether they do.
fn clocks(stage: Stage, why: &Why) -> impl IntoView + use<> {
    let disagree = why.clock.moves_anything();
    let words = move || {
        let learned = stage.learned.get();
        match (stage.is_corrected.get(), learned.map(|learned| learned.clock.moves_anything())) {
            (true, Some(_)) => "Clocks set right, as learned",
            (true, None) => "Clocks set right",
            (false, Some(false)) => "Clocks agree",
            (false, _) => "Clocks as sent",
        }
    };
    view! {
        <Show when=move || disagree || stage.learned.read().is_some()>
            <button
                type="button"
                class="Answer-toggle"
                data-testid="clocks"
                aria-pressed=move || stage.is_corrected.get().to_string()
                title="Bars where senders' clocks put them, or where clocks set right do: by what calls of this and other traces say of their hosts (v)"
                on:click=move |_| stage.correct()
            >
                {words}
            </button>
        </Show>
    }
}
