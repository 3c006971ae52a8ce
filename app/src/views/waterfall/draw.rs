//! Paints the lane: grid and bars of the rows on screen. [`rows`] writes the names and numbers beside it.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use model::trace::outline::Group;
use model::trace::{Clock, Extra, SpanRank};
use wasm_bindgen::JsCast;
use web_sys::{CanvasPattern, CanvasRenderingContext2d, HtmlCanvasElement};

use super::layout::{ROW_PX, bar, label_px};
use super::rows::Rows;
use crate::browser::document;
use crate::chart::canvas::Surface;
use crate::chart::folds::Folds;
use crate::chart::palette::Palette;
use crate::chart::time_axis::{Tick, ticks};
use crate::chart::{TimeScale, Window};
use crate::views::stage::{Learned, Staged};
use crate::views::why::Why;

mod events;
pub mod row_pool;

const BAR_PX: f64 = 12.0;
const FONT: &str = "11px system-ui, -apple-system, \"Segoe UI\", Roboto, \"Liberation Sans\", sans-serif";
const HATCH_PX: u32 = 6;
const PATH_PX: f64 = 3.0;

/// What is on screen.
pub struct Scene<'a> {
    pub staged: &'a Staged,
    pub rows: &'a Rows,
    pub visible: Range<usize>,
    /// Where in the list the top edge of the screen is.
    pub top_px: f64,
    pub window: Window,
    pub folds: &'a Folds,
    pub brush: Option<Window>,
    /// Where the pointer is in the lane, while that may be on an event.
    pub hover: Option<(f64, f64)>,
    /// The critical path is drawn in the bars it runs through.
    pub path: Option<&'a Why>,
    pub why: Option<&'a Why>,
    /// The event the keyboard is on.
    pub event: Option<usize>,
    /// How long a row's operation usually takes.
    pub ranks: &'a HashMap<u32, SpanRank>,
    /// Bars lie where these clocks put them.
    pub clock: Option<&'a Clock>,
    /// Where that is known from other traces.
    pub learned: Option<&'a Learned>,
}

/// Keeps what is costly to make: the hatch that marks failure without relying on hue.
#[derive(Default)]
pub struct Brush {
    hatch: Option<(Arc<Palette>, CanvasPattern)>,
}

impl Brush {
    pub fn lane(&mut self, surface: &Surface, scene: &Scene) {
        let scale = TimeScale::new(scene.window, surface.width_px);
        grid(surface, &ticks(scene.window, surface.width_px, scene.folds));
        folded(surface, scene.folds, scale);
        surface.context.set_font(FONT);
        surface.context.set_text_baseline("middle");
        for index in scene.visible.clone() {
            if let Some(row) = scene.rows.at(index) {
                let y = index as f64 * ROW_PX - scene.top_px + (ROW_PX - BAR_PX) / 2.0;
                match scene.staged.outline.extra(row) {
                    None => self.row(surface, scene, scale, row as usize, y.round()),
                    Some(Extra::Group(of)) => {
                        group(surface, scene, scale, of, y.round());
                        if let Some(why) = scene.path {
                            path(surface, scene, scale, why, row as usize, y.round());
                        }
                    }
                    Some(Extra::Gap(gap)) => {
                        let at = scene.folds.shown(scene.staged.trace.offset[gap.first as usize]);
                        let x = (scale.px_of(at as f64) - 9.0).clamp(2.0, surface.width_px - 12.0);
                        surface.fill(&surface.palette.text_soft);
                        surface.text("?", x, y.round() + BAR_PX / 2.0 + 0.5);
                    }
                }
            }
        }
        if let Some(brush) = scene.brush {
            surface.fill(&surface.palette.veil);
            let (from, to) = (scale.px_of(brush.from_ns), scale.px_of(brush.to_ns));
            surface.rect(0.0, 0.0, from, surface.height_px);
            surface.rect(to, 0.0, surface.width_px - to, surface.height_px);
        }
        events::labels(surface, scene, scale);
    }

    fn row(&mut self, surface: &Surface, scene: &Scene, scale: TimeScale, row: usize, y: f64) {
        let trace = &scene.staged.trace;
        let start = scene.clock.map_or(trace.offset[row], |clock| clock.start(trace, row));
        let (offset, length) = scene.folds.shown_span(start, trace.length[row]);
        let Some(bar) = bar(scale, offset, length, surface.width_px) else {
            return outside(surface, scale, offset, y);
        };
        let color = usize::from(scene.staged.colors[trace.service[row] as usize]);
        surface.fill(surface.palette.services.get(color).map_or("", String::as_str));
        rounded(&surface.context, bar.0, y, bar.1, BAR_PX);
        surface.context.fill();
        if let Some(why) = scene.path {
            path(surface, scene, scale, why, row, y);
        }
        if trace.is_error(row) {
            self.failure(surface, bar, y);
            self.message(surface, bar, y, trace.fact_text(row));
        }
        if let Some(rank) = scene.ranks.get(&(row as u32)).filter(|rank| rank.share_shorter().is_some()) {
            usual(surface, scale, (bar.0, scene.folds, start), rank, y);
        }
        if let Some(slack) = scene.clock.map(|clock| clock.slack[row]).filter(|slack| *slack > 0) {
            uncertain(surface, scale, bar, slack, y);
        }
        events::ticks(surface, scene, scale, row as u32, y);
    }

    /// Hatched, framed, and with a sign before it: three ways to see it, only one of them a colour.
    fn failure(&mut self, surface: &Surface, bar: (f64, f64), y: f64) {
        if let Some(hatch) = self.hatch(&surface.palette) {
            surface.context.set_fill_style_canvas_pattern(hatch);
            surface.context.fill();
        }
        surface.context.set_stroke_style_str(&surface.palette.error);
        surface.context.set_line_width(1.5);
        rounded(&surface.context, bar.0 - 0.75, y - 0.75, bar.1.max(3.0) + 1.5, BAR_PX + 1.5);
        surface.context.stroke();
    }

    fn message(&self, surface: &Surface, bar: (f64, f64), y: f64, fact: &str) {
        let text = if fact.is_empty() { "⚠ error".to_owned() } else { format!("⚠ {fact}") };
        let Some(x) = label_px(bar, surface.text_width(&text), surface.width_px) else {
            return;
        };
        surface.fill(&surface.palette.error);
        surface.text(&text, x, y + BAR_PX / 2.0 + 0.5);
    }

    fn hatch(&mut self, palette: &Arc<Palette>) -> Option<&CanvasPattern> {
        let is_current = self.hatch.as_ref().is_some_and(|(of, _)| Arc::ptr_eq(of, palette));
        if !is_current {
            self.hatch = hatch(palette).map(|pattern| (Arc::clone(palette), pattern));
        }
        self.hatch.as_ref().map(|(_, pattern)| pattern)
    }
}

/// A line at the foot of the bar while the trace waited for it. The path knows the corrected clock, so it is moved to
/// where the bar is.
fn path(surface: &Surface, scene: &Scene, scale: TimeScale, why: &Why, row: usize, y: f64) {
    // The spans of a group are not moved one by one.
    let shift_of = |clock: &Clock| clock.shift.get(row).copied().unwrap_or(0);
    let shift = shift_of(&why.clock) - scene.clock.map_or(0, shift_of);
    surface.fill(&surface.palette.text);
    // Stretches within a pixel are drawn once.
    let mut reached = 0.0;
    for segment in why.on_row(row as u32) {
        let start = segment.start.saturating_add_signed(-shift);
        let (start, length) = scene.folds.shown_span(start, segment.end - segment.start);
        let (left, width) = (scale.px_of(start as f64), scale.length_px(length as f64));
        if left < surface.width_px && left + width > 0.0 {
            let from = left.max(0.0);
            let to = (left + width.max(1.0)).min(surface.width_px);
            if to > reached {
                surface.rect(from, y + BAR_PX - PATH_PX, to - from, PATH_PX);
                reached = to;
            }
        }
    }
}

/// When any of the group ran, over a thin line from its first start to its last end. Costs a search a pixel, however
/// many there are.
fn group(surface: &Surface, scene: &Scene, scale: TimeScale, group: &Group, y: f64) {
    let color = usize::from(scene.staged.colors[scene.staged.trace.service[group.first as usize] as usize]);
    let (start, length) = scene.folds.shown_span(group.start, group.end - group.start);
    let Some((left, width)) = bar(scale, start, length, surface.width_px) else {
        return outside(surface, scale, start, y);
    };
    let px = |ns: &u64| scale.px_of(scene.folds.shown(*ns) as f64);
    surface.fill(surface.palette.services.get(color).map_or("", String::as_str));
    surface.rect(left, y + BAR_PX / 2.0 - 0.5, width, 1.0);
    let mut at = group.busy.partition_point(|(_, end)| px(end) < 0.0);
    while let Some((start, end)) = group.busy.get(at) {
        let left = px(start);
        if left > surface.width_px {
            return;
        }
        let right = px(end).max(left + 1.0);
        let from = left.max(0.0);
        surface.rect(from, y + 1.0, (right.min(surface.width_px) - from).max(1.0), BAR_PX - 2.0);
        at += 1 + group.busy[at + 1..].partition_point(|(_, end)| px(end) <= right);
    }
}

/// Brackets under the bar: from its start to where half of its operation's calls have ended, and all but a twentieth.
fn usual(
    surface: &Surface,
    scale: TimeScale,
    (left, folds, start): (f64, &Folds, u64),
    rank: &SpanRank,
    y: f64,
) {
    surface.fill(&surface.palette.text_soft);
    for length in [rank.p50, rank.p95] {
        let right = scale.px_of(folds.shown(start.saturating_add(length.0)) as f64).min(surface.width_px);
        surface.rect(left, y + BAR_PX + 2.0, (right - left).max(1.0), 1.0);
        surface.rect(right.max(left), y + BAR_PX - 1.0, 1.5, 5.0);
    }
}

/// How far the span may lie elsewhere, either way: its clock is known no better.
fn uncertain(surface: &Surface, scale: TimeScale, bar: (f64, f64), slack: u64, y: f64) {
    let reach = scale.length_px(slack as f64);
    let middle = y + BAR_PX / 2.0;
    surface.fill(&surface.palette.text_soft);
    for (edge, way) in [(bar.0, -1.0), (bar.0 + bar.1, 1.0)] {
        let tip = edge + way * reach;
        surface.rect(edge.min(tip), middle - 0.5, (tip - edge).abs(), 1.0);
        surface.rect(tip - 0.5, middle - 4.0, 1.0, 8.0);
    }
}

/// An arrow at the edge for a span that is not in the window.
fn outside(surface: &Surface, scale: TimeScale, offset_ns: u64, y: f64) {
    let (x, text) =
        if scale.px_of(offset_ns as f64) < 0.0 { (2.0, "‹") } else { (surface.width_px - 8.0, "›") };
    surface.fill(&surface.palette.text_soft);
    surface.text(text, x, y + BAR_PX / 2.0);
}

/// Folded stretches, hatched by two lines each.
fn folded(surface: &Surface, folds: &Folds, scale: TimeScale) {
    surface.fill(&surface.palette.veil);
    for fold in folds.iter() {
        let (from, to) = (scale.px_of(fold.shown_from as f64), scale.px_of(fold.shown_to as f64));
        surface.rect(from, 0.0, (to - from).max(2.0), surface.height_px);
    }
}

fn grid(surface: &Surface, ticks: &[Tick]) {
    surface.fill(&surface.palette.line);
    for tick in ticks {
        surface.rect(tick.px.round(), 0.0, 1.0, surface.height_px);
    }
}

fn rounded(context: &CanvasRenderingContext2d, x: f64, y: f64, width: f64, height: f64) {
    context.begin_path();
    if width < 5.0 || context.round_rect_with_f64(x, y, width, height, 2.5).is_err() {
        context.rect(x, y, width, height);
    }
}

fn hatch(palette: &Palette) -> Option<CanvasPattern> {
    let tile: HtmlCanvasElement = document().create_element("canvas").ok()?.dyn_into().ok()?;
    tile.set_width(HATCH_PX);
    tile.set_height(HATCH_PX);
    let context: CanvasRenderingContext2d = tile.get_context("2d").ok()??.dyn_into().ok()?;
    context.set_stroke_style_str(&palette.surface);
    context.set_line_width(1.6);
    let size = f64::from(HATCH_PX);
    for shift in [-size, 0.0, size] {
        context.move_to(shift, size);
        context.line_to(shift + size, 0.0);
    }
    context.stroke();
    context.create_pattern_with_html_canvas_element(&tile, "repeat").ok()?
}

/// The axis over the lane.
pub fn axis(
    surface: &Surface,
    window: Window,
    folds: &Folds,
    brush: Option<Window>,
    hover: Option<(f64, String)>,
) {
    surface.context.set_font(FONT);
    surface.context.set_text_baseline("middle");
    let middle = surface.height_px / 2.0;
    if let Some(brush) = brush {
        let scale = TimeScale::new(window, surface.width_px);
        let (from, to) = (scale.px_of(brush.from_ns), scale.px_of(brush.to_ns));
        surface.fill(&surface.palette.veil);
        surface.rect(from, 0.0, to - from, surface.height_px);
    }
    folded(surface, folds, TimeScale::new(window, surface.width_px));
    for tick in ticks(window, surface.width_px, folds) {
        surface.fill(&surface.palette.line);
        surface.rect(tick.px.round(), 0.0, 1.0, surface.height_px);
        if tick.px + 5.0 + surface.text_width(&tick.label) <= surface.width_px {
            surface.fill(&surface.palette.text_soft);
            surface.text(&tick.label, tick.px.round() + 5.0, middle);
        }
    }
    if let Some((px, label)) = hover {
        let width = surface.text_width(&label) + 10.0;
        let left = (px - width / 2.0).clamp(0.0, (surface.width_px - width).max(0.0));
        surface.fill(&surface.palette.accent);
        surface.rect(left, 3.0, width, surface.height_px - 6.0);
        surface.fill(&surface.palette.surface);
        surface.text(&label, left + 5.0, middle);
    }
}
