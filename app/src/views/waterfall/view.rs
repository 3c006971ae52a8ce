//! The component: a scroll container whose sheet stays put while the list scrolls under it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use leptos::ev::{MouseEvent, WheelEvent};
use leptos::html;
use leptos::prelude::*;
use model::Nanos;

use super::draw::row_pool::{RowPool, RowState};
use super::draw::{Brush, Scene, axis};
use super::layout::{Columns, ROW_PX, Scroll, indent_step_px};
use crate::browser::frame::Frame;
use crate::browser::observe::SizeWatch;
use crate::browser::{blur, document, keys, window};
use crate::chart::canvas::{Canvas, Surface};
use crate::chart::palette::PaletteSignal;
use crate::chart::time_strip::TimeStrip;
use crate::chart::{TimeScale, Window};
use crate::format::offset;
use crate::views::stage::{Stage, Wish};

/// How much one notch of the wheel zooms.
const WHEEL_ZOOM: f64 = 0.002;

/// What the waterfall's parts share, all of it for drawing.
#[derive(Clone, Copy)]
struct Parts {
    stage: Stage,
    columns: RwSignal<Columns>,
    name_share: Signal<f64>,
    gutter_px: RwSignal<f64>,
    /// The size of what the rows have for themselves.
    width_px: RwSignal<f64>,
    view_px: RwSignal<f64>,
    brush: RwSignal<Option<Window>>,
    /// Where the pointer is in the lane.
    hover: RwSignal<Option<(f64, f64)>>,
    /// The same while it is on a row with events, one of which may have to be named.
    over_events: Memo<Option<(f64, f64)>>,
    /// Something drawn in the lane has changed. What the cursor is on and what was found only mark rows.
    is_lane_stale: StoredValue<bool>,
    scroller: NodeRef<html::Div>,
    sheet: NodeRef<html::Div>,
    canvas: NodeRef<html::Canvas>,
}

impl Parts {
    fn new(
        stage: Stage,
        columns: RwSignal<Columns>,
        name_share: Signal<f64>,
        gutter_px: RwSignal<f64>,
    ) -> Parts {
        let (hover, scroller) = (RwSignal::new(None), NodeRef::new());
        Parts {
            stage,
            columns,
            name_share,
            gutter_px,
            width_px: RwSignal::new(0.0),
            view_px: RwSignal::new(0.0),
            brush: RwSignal::new(None),
            hover,
            over_events: Memo::new(move |_| hover.get().filter(|(_, y)| has_events(stage, scroller, *y))),
            is_lane_stale: StoredValue::new(true),
            scroller,
            sheet: NodeRef::new(),
            canvas: NodeRef::new(),
        }
    }
}

#[component]
pub fn Waterfall(
    stage: Stage,
    /// Written by the waterfall, read by whatever lines up with it.
    columns: RwSignal<Columns>,
    /// Width of the scroll bar, for the same purpose.
    gutter_px: RwSignal<f64>,
    #[prop(into)] name_share: Signal<f64>,
    /// Where the list was scrolled to; kept by the page while a trace is loaded again.
    scroll_top: StoredValue<f64>,
) -> impl IntoView {
    let parts = Parts::new(stage, columns, name_share, gutter_px);
    let pool = Rc::new(RefCell::new(None::<RowPool>));
    let frame = painter(parts, Rc::clone(&pool), Wishes::new(scroll_top));
    measure(parts, frame.clone());
    follow(parts, frame.clone());
    let scroll = Memo::new(move |_| Scroll::new(stage.rows.read().len(), parts.view_px.get()));
    let deepest = stage.staged().deepest;
    let on_scroll = move |_| {
        scroll_top.set_value(parts.scroller.get_untracked().map_or(0.0, |s| f64::from(s.scroll_top())));
        frame.request();
    };
    let on_click = move |event: MouseEvent| clicked(&event, stage, pool.borrow().as_ref());
    view! {
        <div
            class="Waterfall"
            class:is-narrow=move || !columns.get().has_all_numbers
            style=("--step-px", move || format!("{}px", indent_step_px(deepest, columns.get().name_px)))
            role="treegrid"
            aria-label="Spans"
            aria-rowcount=move || (stage.rows.read().len() + 1).to_string()
        >
            <Head parts=parts />
            <div
                class="Waterfall-scroll"
                role="rowgroup"
                data-testid="waterfall"
                node_ref=parts.scroller
                on:scroll=on_scroll
                on:wheel=move |event| wheel(&event, parts)
                on:pointermove=move |event| hover(&event, parts)
                on:pointerleave=move |_| parts.hover.set(None)
            >
                <div role="presentation" style:height=move || format!("{}px", scroll.get().content_px())>
                    <div
                        class="Waterfall-sheet"
                        role="presentation"
                        node_ref=parts.sheet
                        style:height=move || format!("{}px", parts.view_px.get())
                        on:click=on_click
                    >
                        <canvas
                            class="Waterfall-bars"
                            node_ref=parts.canvas
                            aria-hidden="true"
                        ></canvas>
                        <i
                            class="Waterfall-hover"
                            hidden=move || parts.hover.get().is_none()
                            style:transform=move || {
                                let x = parts.hover.get().map_or(0.0, |(x, _)| x);
                                format!("translateX({}px)", (x - columns.get().lane_px).round())
                            }
                        ></i>
                    </div>
                </div>
            </div>
        </div>
    }
}

#[component]
fn Head(parts: Parts) -> impl IntoView {
    let Parts { stage, brush, hover, .. } = parts;
    let number = |class: &'static str, name: &'static str, title: &'static str| {
        view! { <div class=class role="columnheader" title=title>{name}</div> }
    };
    let pointed = move || {
        let (px, _) = hover.get_untracked()?;
        let shown =
            TimeScale::new(stage.window.get_untracked(), parts.columns.get_untracked().lane_px).ns_of(px);
        let ns = stage.folds.with_untracked(|folds| folds.real(shown.max(0.0)));
        Some((px, offset(Nanos(ns as u64))))
    };
    view! {
        <div class="Waterfall-head" role="rowgroup">
            <div class="Waterfall-headrow" role="row" aria-rowindex="1">
                <div class="Waterfall-name" role="columnheader">"Operation, service"</div>
                {number("Waterfall-start", "Start", "After the trace's start")}
                {number("Waterfall-duration", "Duration", "From start to end")}
                {number("Waterfall-self", "Self", "Not covered by any child")}
                <div class="Waterfall-lane" role="columnheader" aria-label="Time">
                    <TimeStrip
                        class="Waterfall-axis"
                        title="Drag to zoom in, double click for the whole trace"
                        shown=stage.window
                        grip=Signal::derive(|| None)
                        brush=brush
                        on_window=move |window| stage.set_window(window)
                        on_reset=move |()| stage.zoom_out()
                    >
                        <Canvas
                            class="Waterfall-ticks"
                            track=move || {
                                stage.window.track();
                                stage.folds.track();
                                brush.track();
                                hover.track();
                            }
                            draw=move |surface| {
                                let folds = stage.folds.get_untracked();
                                axis(surface, stage.window.get_untracked(), &folds, brush.get_untracked(), pointed());
                            }
                        />
                    </TimeStrip>
                </div>
            </div>
        </div>
    }
}

fn page_width_px() -> f64 {
    document().body().map_or(0.0, |body| f64::from(body.client_width()))
}

impl Parts {
    /// Takes the sizes as they are laid out now. Says whether they were others before.
    fn measure(self) -> bool {
        let Some(scroller) = self.scroller.get_untracked() else {
            return false;
        };
        let (width_px, view_px) = (f64::from(scroller.client_width()), f64::from(scroller.client_height()));
        let is_same = (width_px, view_px) == (self.width_px.get_untracked(), self.view_px.get_untracked());
        if !is_same {
            self.width_px.set(width_px);
            self.gutter_px.set(f64::from(scroller.offset_width()) - width_px);
            self.view_px.set(view_px);
        }
        self.divide();
        !is_same
    }

    fn divide(self) {
        let share = self.name_share.get_untracked();
        let now = super::layout::columns(page_width_px(), self.width_px.get_untracked(), share);
        if self.columns.get_untracked() != now {
            self.columns.set(now);
        }
    }
}

/// Keeps sizes known. What is drawn follows them in the same frame: a frame later, everything would be laid out twice.
fn measure(parts: Parts, frame: Frame) {
    let watch = StoredValue::new_local(None::<SizeWatch>);
    let again = frame.clone();
    Effect::new(move |_| {
        parts.name_share.track();
        parts.divide();
        again.request();
    });
    Effect::new(move |_| {
        if let Some(scroller) = parts.scroller.get() {
            parts.measure();
            let frame = frame.clone();
            // Often the frame that made the change has measured and drawn it already.
            let read = move || {
                if parts.measure() {
                    frame.now();
                }
            };
            watch.set_value(SizeWatch::new(&scroller, read));
        }
    });
}

/// Redraws whenever anything drawn changes.
fn follow(parts: Parts, frame: Frame) {
    let palette = expect_context::<PaletteSignal>().0;
    let Parts { stage, brush, over_events, is_lane_stale, .. } = parts;
    let listed = frame.clone();
    Effect::new(move |is_again: Option<()>| {
        // A memo is watched by reading it.
        drop(stage.rows.read());
        is_lane_stale.set_value(true);
        match is_again {
            Some(()) => listed.soon(),
            None => listed.request(),
        }
    });
    let lane = frame.clone();
    Effect::new(move |_| {
        palette.track();
        brush.track();
        over_events.track();
        stage.window.track();
        stage.why.track();
        stage.is_path_shown.track();
        stage.is_corrected.track();
        stage.learned.track();
        stage.top.track();
        stage.event.track();
        stage.ranks.track();
        drop(stage.folds.read());
        is_lane_stale.set_value(true);
        lane.request();
    });
    let wished = frame.clone();
    Effect::new(move |is_again: Option<()>| {
        stage.wish.track();
        parts.view_px.track();
        // The first comes from the address, before anything is laid out.
        match is_again {
            Some(()) => wished.soon(),
            None => wished.request(),
        }
    });
    Effect::new(move |_| {
        stage.cursor.track();
        stage.is_open.track();
        drop(stage.hits.read());
        frame.request();
    });
}

/// Scrolls to the rows the stage wants shown.
struct Wishes {
    /// Where the list was scrolled to when it was last on stage.
    restored: Option<f64>,
    done: Option<Wish>,
}

impl Wishes {
    fn new(scroll_top: StoredValue<f64>) -> Wishes {
        Wishes { restored: Some(scroll_top.get_value()), done: None }
    }

    /// Once the list has its height. What is drawn next shows the row: a frame less than if scrolling were waited for.
    fn fulfil(&mut self, stage: Stage, scroller: &web_sys::Element, view_px: f64) {
        if let Some(top) = self.restored.take().filter(|top| *top > 0.0) {
            scroller.set_scroll_top(top as i32);
        }
        let Some(wish) = stage.wish.get_untracked().filter(|wish| self.done != Some(*wish)) else {
            return;
        };
        self.done = Some(wish);
        let rows = stage.rows.get_untracked();
        let index = rows.index_of(wish.row);
        let top = f64::from(scroller.scroll_top());
        if let Some(top) = index.and_then(|index| Scroll::new(rows.len(), view_px).to_show(index, top)) {
            scroller.set_scroll_top(top.round() as i32);
        }
    }
}

/// The closure that draws a frame: bars on the canvas, rows beside it.
fn painter(parts: Parts, pool: Rc<RefCell<Option<RowPool>>>, mut wishes: Wishes) -> Frame {
    let palette = expect_context::<PaletteSignal>().0;
    let mut brush = Brush::default();
    let mut drawn = None;
    let focused_cursor = Cell::new(None::<u32>);
    Frame::new(move || {
        let stage = parts.stage;
        let (Some(scroller), Some(sheet), Some(canvas)) =
            (parts.scroller.get_untracked(), parts.sheet.get_untracked(), parts.canvas.get_untracked())
        else {
            return;
        };
        // A panel that opened has taken room by now. Drawn first and measured later, everything would be drawn twice.
        let has_changed = parts.measure();
        let (staged, rows) = (stage.staged(), stage.rows.get_untracked());
        let view_px = parts.view_px.get_untracked();
        // Another size is followed by another height of the list, and that by another turn of this.
        if !has_changed && view_px > 0.0 {
            wishes.fulfil(stage, &scroller, view_px);
        }
        let scroll = Scroll::new(rows.len(), view_px);
        let top = f64::from(scroller.scroll_top());
        let why = stage.why.get_untracked();
        let folds = stage.folds.get_untracked();
        let ranks = stage.ranks.read_untracked();
        let visible = scroll.visible(top);
        let (is_corrected, learned) = (stage.is_corrected.get_untracked(), stage.learned.get_untracked());
        let clock = learned.as_deref().map(|learned| &learned.clock).or(why.as_deref().map(|why| &why.clock));
        if stage.visible.with_untracked(|known| *known != visible) {
            stage.visible.set(visible.clone());
        }
        let scene = Scene {
            staged: &staged,
            rows: &rows,
            visible,
            top_px: scroll.list_top_px(top),
            window: stage.window.get_untracked(),
            folds: &folds,
            brush: parts.brush.get_untracked(),
            hover: parts.over_events.get_untracked(),
            why: why.as_deref(),
            ranks: &ranks,
            event: stage.event.get_untracked().filter(|_| stage.cursor.get_untracked().is_some()),
            path: why.as_deref().filter(|_| stage.is_path_shown.get_untracked()),
            clock: clock.filter(|_| is_corrected),
            learned: learned.as_deref().filter(|_| is_corrected),
        };
        let size_px = (parts.columns.get_untracked().lane_px, parts.view_px.get_untracked());
        let now = (top, size_px, scene.event);
        if (parts.is_lane_stale.get_value() || drawn != Some(now))
            && let Some(surface) = Surface::of_size(&canvas, palette.get_untracked(), size_px)
        {
            brush.lane(&surface, &scene);
            drawn = Some(now);
            parts.is_lane_stale.set_value(false);
        }
        let mut pool = pool.borrow_mut();
        let pool = pool.get_or_insert_with(|| RowPool::new(sheet.clone().into()));
        let (cursor, is_open) = (stage.cursor.get_untracked(), stage.is_open.get_untracked());
        let hits = stage.hits.get_untracked();
        let folded = stage.folded.read_untracked();
        pool.show(
            &scene,
            parts.columns.get_untracked().name_px,
            |row| folded.is_folded(row),
            |row, index| RowState {
                is_cursor: cursor == Some(row),
                is_open: is_open && cursor == Some(row),
                is_hit: hits.contains(row),
                is_tab_stop: cursor.map_or(index == 0, |cursor| cursor == row),
            },
        );
        move_focus(pool, cursor, &focused_cursor);
    })
}

/// The focus goes along with the cursor, unless it is in a field or a panel. Slots are used again for other rows, so it
/// must never stay on one that shows another row by now.
fn move_focus(pool: &RowPool, cursor: Option<u32>, focused_cursor: &Cell<Option<u32>>) {
    let is_due = focused_cursor.get() != cursor;
    let is_stray = pool.focused_row().is_some_and(|row| Some(row) != cursor);
    if (is_due || is_stray) && may_take_focus() {
        if cursor.is_some_and(|row| pool.focus(row)) {
            focused_cursor.set(cursor);
        } else if is_stray {
            // It comes back when the cursor's row does.
            focused_cursor.set(None);
            blur();
        }
    }
}

/// Whether the focus is nowhere in particular or in the waterfall already.
fn may_take_focus() -> bool {
    document().active_element().is_none_or(|element| {
        element.tag_name() == "BODY"
            || element.id() == "main"
            || element.closest(".Waterfall").is_ok_and(|e| e.is_some())
    })
}

fn clicked(event: &MouseEvent, stage: Stage, pool: Option<&RowPool>) {
    let row = keys::target_within(event, ".Waterfall-row").and_then(|element| pool?.row_of(&element));
    let is_selecting_text = window().get_selection().ok().flatten().is_some_and(|s| !s.is_collapsed());
    let Some(row) = row.filter(|_| !is_selecting_text) else {
        return;
    };
    if keys::target_within(event, ".Waterfall-toggle:not(.is-leaf)").is_some() {
        stage.cursor.set(Some(row));
        stage.toggle(row);
    } else if stage.is_open.get_untracked() && stage.cursor.get_untracked() == Some(row) {
        stage.is_open.set(false);
    } else {
        stage.open(row);
    }
}

/// With ctrl the wheel zooms where the pointer is; sideways it moves along the time axis.
fn wheel(event: &WheelEvent, parts: Parts) {
    let stage = parts.stage;
    let lane_px = parts.columns.get_untracked().lane_px;
    if event.ctrl_key() || event.meta_key() {
        event.prevent_default();
        let window = stage.window.get_untracked();
        let at_px = lane_x(event, parts).unwrap_or(lane_px / 2.0);
        let at_ns = TimeScale::new(window, lane_px).ns_of(at_px.clamp(0.0, lane_px));
        stage.set_window(window.zoomed(at_ns, (event.delta_y() * WHEEL_ZOOM).exp()));
    } else if event.delta_x() != 0.0 && event.delta_x().abs() > event.delta_y().abs() {
        event.prevent_default();
        stage.pan(event.delta_x() / lane_px.max(1.0));
    }
}

fn hover(event: &leptos::ev::PointerEvent, parts: Parts) {
    let at = parts.canvas.get_untracked().map(|canvas| {
        let lane = canvas.get_bounding_client_rect();
        (f64::from(event.client_x()) - lane.left(), f64::from(event.client_y()) - lane.top())
    });
    let at = at.filter(|(x, _)| *x >= 0.0);
    if parts.hover.get_untracked() != at {
        parts.hover.set(at);
    }
}

fn has_events(stage: Stage, scroller: NodeRef<html::Div>, y: f64) -> bool {
    let Some(scroller) = scroller.get_untracked() else {
        return false;
    };
    let rows = stage.rows.get_untracked();
    let scroll = Scroll::new(rows.len(), f64::from(scroller.client_height()));
    let index = (scroll.list_top_px(f64::from(scroller.scroll_top())) + y) / ROW_PX;
    let row = rows.at(index.max(0.0) as usize);
    row.is_some_and(|row| !stage.staged().trace.events.of_row(row).is_empty())
}

/// The pointer's place in the lane.
fn lane_x(event: &MouseEvent, parts: Parts) -> Option<f64> {
    let canvas = parts.canvas.get_untracked()?;
    Some(f64::from(event.client_x()) - canvas.get_bounding_client_rect().left())
}
