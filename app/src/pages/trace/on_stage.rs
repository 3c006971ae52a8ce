//! The page once its trace is here: header, minimap, waterfall, and the panel of one span.

use std::sync::Arc;
use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use model::SpanId;

use super::answer::{self, Answer};
use super::beyond::{self, Neighbours, Values};
use super::header::{Header, Legend};
use super::holes::{Findings, TopBar};
use super::keys::{self, Actions};
use super::link;
use super::ranks;
use super::rehearse;
use super::span_load::SpanFetch;
use crate::browser::{clipboard, document, origin};
use crate::state::preferences::{DEFAULT_NAME_SHARE, DEFAULT_PANEL_PX};
use crate::state::{Preferences, Router};
use crate::url::{JourneyView, Shape};
use crate::views::call_graph::CallGraph;
use crate::views::extra_detail::ExtraDetail;
use crate::views::flame::Flame;
use crate::views::minimap::Minimap;
use crate::views::span_detail::SpanDetail;
use crate::views::stage::{Stage, Staged};
use crate::views::table::SpanTable;
use crate::views::trace_logs::{LogLoad, TraceLog};
use crate::views::waterfall::Waterfall;
use crate::views::waterfall::layout::Columns;
use crate::widgets::splitter::Splitter;

const SAID_FOR: Duration = Duration::from_millis(1_400);
const LEAST_PANEL_PX: f64 = 280.0;
/// The panel leaves the rest of the page to the waterfall.
const MOST_PANEL_SHARE: f64 = 0.65;

#[component]
pub fn OnStage(
    staged: Arc<Staged>,
    reload: Callback<()>,
    #[prop(into)] is_loading: Signal<bool>,
    #[prop(into)] is_growing: Signal<bool>,
    scroll_top: StoredValue<f64>,
    /// The cursor's span, kept while the trace is loaded again.
    kept: StoredValue<Option<SpanId>>,
) -> impl IntoView {
    let id = staged.trace.trace_id;
    let title = format!("{} {} · Skein", staged.summary.root_service, staged.summary.root_operation);
    document().set_title(&title);
    let stage = Stage::new(staged);
    let router = expect_context::<Router>();
    beyond::find_in_attributes(stage);
    if !stage.is_local() {
        link::keep(stage, router, id);
    }
    keep_cursor(stage, kept);
    let is_link_copied = RwSignal::new(false);
    let copy_link = Callback::new(move |()| {
        let url = origin() + &untrack(|| link::view_of(stage)).url(id);
        spawn_local(async move {
            is_link_copied.set(clipboard::copy(&url).await);
            set_timeout(move || is_link_copied.try_set(false).map_or((), |_| ()), SAID_FOR);
        });
    });
    let reload = Callback::new(move |()| {
        // The view is put on stage again from the URL, which may be a moment behind.
        router.note(&untrack(|| link::view_of(stage)).url(id));
        reload.run(());
    });
    let journey = Callback::new(move |()| {
        if !stage.is_local() {
            router.go(&JourneyView::default().url(id));
        }
    });
    let actions = Actions { reload, copy_link, journey };
    keys::listen(stage, actions);
    answer::work_out(stage);
    ranks::follow(stage);
    let logs = RwSignal::new(LogLoad::Waiting);
    beyond::ask_logs(stage, logs);
    rehearse::panel(stage, logs);
    beyond::ask_links(stage);
    beyond::ask_clocks(stage);
    let columns = RwSignal::new(Columns::default());
    let gutter_px = RwSignal::new(0.0);
    view! {
        <div class="TracePage" data-testid="trace-page">
            <Header stage=stage actions=actions is_loading=is_loading is_growing=is_growing is_link_copied=is_link_copied />
            <Answer stage=stage logs=logs />
            <Findings stage=stage />
            <TopBar stage=stage />
            <Neighbours stage=stage />
            <div class="TracePage-body">
                <div
                    class="TracePage-views"
                    style=("--name-px", move || format!("{}px", columns.get().name_px))
                    style=("--gutter-px", move || format!("{}px", gutter_px.get()))
                >
                    <div
                        class="TracePage-overview"
                        style:grid-template-columns=move || match stage.shape.get() {
                            Shape::Waterfall => format!("minmax(0, 1fr) {}px", columns.get().lane_px),
                            _ => "minmax(0, 1fr) 55%".to_owned(),
                        }
                    >
                        <Legend stage=stage />
                        <Minimap stage=stage />
                    </div>
                    {move || match stage.shape.get() {
                        Shape::Waterfall => {
                            view! { <Rows stage=stage columns=columns gutter_px=gutter_px scroll_top=scroll_top /> }
                                .into_any()
                        }
                        Shape::Flame => view! { <Flame stage=stage /> }.into_any(),
                        Shape::Table => view! { <Table stage=stage /> }.into_any(),
                        Shape::Calls => view! { <CallGraph stage=stage /> }.into_any(),
                        Shape::Logs => {
                            view! { <TraceLog stage=stage load=logs retry=move |()| beyond::ask_logs(stage, logs) /> }
                                .into_any()
                        }
                    }}
                </div>
                <Panel stage=stage logs=logs />
            </div>
        </div>
    }
}

/// Puts the cursor where it was, without scrolling there, and remembers where it goes.
fn keep_cursor(stage: Stage, kept: StoredValue<Option<SpanId>>) {
    let row = kept.get_value().and_then(|span| stage.staged().trace.row_of(span));
    if let Some(row) = row {
        stage.cursor.set(Some(row as u32));
    }
    Effect::new(move |_| {
        let staged = stage.staged();
        kept.set_value(stage.span_row().map(|row| staged.trace.span_id[row as usize]));
    });
}

#[component]
fn Rows(
    stage: Stage,
    columns: RwSignal<Columns>,
    gutter_px: RwSignal<f64>,
    scroll_top: StoredValue<f64>,
) -> impl IntoView {
    let preferences = expect_context::<Preferences>();
    view! {
        <Waterfall
            stage=stage
            columns=columns
            gutter_px=gutter_px
            name_share=preferences.name_share
            scroll_top=scroll_top
        />
        <Splitter
            class="Splitter TracePage-namesplit"
            label="Width of the names"
            value_px=Signal::derive(move || columns.get().name_px)
            on_move=move |by_px| move_names(preferences, columns.get_untracked(), by_px)
            on_reset=move || preferences.name_share.set(DEFAULT_NAME_SHARE)
        />
    }
}

#[component]
fn Table(stage: Stage) -> impl IntoView {
    let Values { key, values, keys } = Values::follow(stage);
    view! { <SpanTable stage=stage key=key values=values keys=keys /> }
}

fn move_names(preferences: Preferences, columns: Columns, by_px: f64) {
    let page_px = document().body().map_or(1_600.0, |body| f64::from(body.client_width()));
    preferences.name_share.set(((columns.name_px + by_px) / page_px).clamp(0.1, 0.8));
}

/// The span under the cursor, beside the waterfall while it is open.
#[component]
fn Panel(stage: Stage, logs: RwSignal<LogLoad>) -> impl IntoView {
    let preferences = expect_context::<Preferences>();
    let fetch = SpanFetch::follow(stage);
    let width_px = preferences.panel_px;
    let row = Signal::derive(move || stage.span_row().unwrap_or_default());
    let is_span = Memo::new(move |_| stage.span_row().is_some());
    // Until somebody gave it a width, the panel stays below two fifths of a narrow page.
    let panel_vw = move || if width_px.get() == DEFAULT_PANEL_PX { 40.0 } else { MOST_PANEL_SHARE * 100.0 };
    let is_shown = Memo::new(move |_| stage.is_open.get() && stage.cursor.get().is_some());
    let resize = move |by_px: f64| {
        let page_px = document().body().map_or(1_600.0, |body| f64::from(body.client_width()));
        let most_px = (page_px * MOST_PANEL_SHARE).max(LEAST_PANEL_PX);
        width_px.update(|width| *width = (width.min(most_px) - by_px).clamp(LEAST_PANEL_PX, most_px));
    };
    view! {
        <Show when=move || is_shown.get()>
            <Splitter
                class="Splitter TracePage-panelsplit"
                label="Width of the span's panel"
                value_px=width_px
                on_move=resize
                on_reset=move || width_px.set(DEFAULT_PANEL_PX)
            />
            <aside
                class="TracePage-panel"
                aria-label="Span"
                style:width=move || format!("min({}px, {}vw)", width_px.get(), panel_vw())
            >
                {move || match is_span.get() {
                    true => view! {
                        <SpanDetail stage=stage row=row load=fetch.load is_stale=fetch.is_stale other=fetch.other logs=logs retry=move |()| fetch.retry() />
                    }
                    .into_any(),
                    false => view! { <ExtraDetail stage=stage /> }.into_any(),
                }}
            </aside>
        </Show>
    }
}
