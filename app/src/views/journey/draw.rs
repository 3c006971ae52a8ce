//! Paints a journey's lane: bars of traces and spans, and an arrow for each link.

use leptos::prelude::*;
use model::Nanos;
use model::view::JourneyLink;

use super::board::{Board, Opened};
use super::layout::{Line, Lines, Span, visible};
use crate::chart::TimeScale;
use crate::chart::canvas::Surface;
use crate::chart::color::service_color;
use crate::chart::folds::Folds;
use crate::chart::time_axis::ticks;
use crate::format::duration;

pub const LINE_PX: f64 = 24.0;
const TRACE_PX: f64 = 14.0;
const SPAN_PX: f64 = 10.0;
const FONT: &str = "11px system-ui, -apple-system, \"Segoe UI\", Roboto, \"Liberation Sans\", sans-serif";
const ARROW_PX: f64 = 4.0;

struct Scene<'a> {
    surface: &'a Surface,
    scale: TimeScale,
    folds: &'a Folds,
    span: &'a Span,
    lines: &'a Lines,
    opened: &'a [Opened],
    top_px: f64,
}

impl Scene<'_> {
    fn x(&self, time_ns: u64) -> f64 {
        self.scale.px_of(self.folds.shown(self.span.offset(time_ns)) as f64)
    }

    fn y(&self, line: usize) -> f64 {
        line as f64 * LINE_PX - self.top_px + LINE_PX / 2.0
    }

    fn bar(
        &self,
        line: usize,
        service: &str,
        (start_ns, length_ns): (u64, u64),
        height_px: f64,
    ) -> (f64, f64) {
        let (left, right) = (self.x(start_ns), self.x(start_ns.saturating_add(length_ns)));
        let color = self.surface.palette.services.get(service_color(service)).map_or("", String::as_str);
        self.surface.fill(color);
        let (from, to) = (left.max(-2.0), right.min(self.surface.width_px + 2.0));
        if to >= from {
            self.surface.rect(from, self.y(line) - height_px / 2.0, (to - from).max(2.0), height_px);
        }
        (left, right)
    }

    /// The line that shows a span: its own, or its trace's.
    fn line_of(&self, group: u32, span: model::SpanId) -> usize {
        let group = group as usize;
        let spans = self.opened.get(group).and_then(Opened::spans);
        let place = spans.and_then(|spans| {
            let row = spans.trace.row_of(span)?;
            Some(spans.tree.position[row] as usize)
        });
        self.lines.of_span(group, place)
    }
}

pub fn lane(surface: &Surface, board: Board, top_px: f64) {
    let (journey, span, folds) = (board.journey(), board.span(), untrack(|| board.folds()));
    let window = board.window.get_untracked();
    let lines = board.lines.get_untracked();
    let opened = board.opened.get_untracked();
    let scene = Scene {
        surface,
        scale: TimeScale::new(window, surface.width_px),
        folds: &folds,
        span: &span,
        lines: &lines,
        opened: &opened,
        top_px,
    };
    surface.context.set_font(FONT);
    surface.context.set_text_baseline("middle");
    surface.fill(&surface.palette.line);
    for tick in ticks(window, surface.width_px, &folds) {
        surface.rect(tick.px.round(), 0.0, 1.0, surface.height_px);
    }
    surface.fill(&surface.palette.veil);
    for fold in folds.iter() {
        let (from, to) = (scene.scale.px_of(fold.shown_from as f64), scene.scale.px_of(fold.shown_to as f64));
        surface.rect(from, 0.0, (to - from).max(2.0), surface.height_px);
    }
    for index in visible(top_px, surface.height_px, LINE_PX, lines.count()) {
        match lines.at(index) {
            Some(Line::Trace(group)) => {
                let trace = &journey.traces[group];
                let time = (trace.start.0, trace.duration.0);
                let (left, right) = scene.bar(index, &trace.root_service, time, TRACE_PX);
                if trace.error_count > 0 {
                    failure(&scene, index, left, right);
                }
            }
            Some(Line::Span(group, place)) => one_span(&scene, index, group, place),
            None => {}
        }
    }
    journey.links.iter().for_each(|link| arrow(&scene, link));
}

fn one_span(scene: &Scene, index: usize, group: usize, place: usize) {
    let Some(spans) = scene.opened.get(group).and_then(Opened::spans) else {
        return;
    };
    let (trace, row) = (&spans.trace, spans.tree.order[place] as usize);
    let time = (trace.start.plus(Nanos(trace.offset[row])).0, trace.length[row]);
    let (left, right) = scene.bar(index, trace.service_name(row), time, SPAN_PX);
    if trace.is_error(row) {
        failure(scene, index, left, right);
    }
}

fn failure(scene: &Scene, index: usize, left: f64, right: f64) {
    let surface = scene.surface;
    surface.fill(&surface.palette.error);
    surface.rect(
        left.max(0.0),
        scene.y(index) + 5.0,
        (right.min(surface.width_px) - left.max(0.0)).max(3.0),
        3.0,
    );
    let x = right + 4.0;
    if (0.0..surface.width_px).contains(&x) {
        surface.text("⚠", x, scene.y(index));
    }
}

/// From the end of what sent, down along the time it lay there, to the start of what took it up.
fn arrow(scene: &Scene, link: &JourneyLink) {
    let (from, to) = (scene.line_of(link.from, link.from_span), scene.line_of(link.to, link.to_span));
    let (from_y, to_y) = (scene.y(from), scene.y(to));
    let surface = scene.surface;
    if from_y.max(to_y) < 0.0 || from_y.min(to_y) > surface.height_px {
        return;
    }
    let (sent, taken) = (scene.x(link.sent.0), scene.x(link.taken.0));
    let context = &surface.context;
    context.set_stroke_style_str(&surface.palette.text);
    context.set_line_width(1.0);
    context.begin_path();
    context.move_to(sent, from_y);
    context.line_to(sent, to_y);
    context.line_to(taken, to_y);
    context.stroke();
    surface.fill(&surface.palette.text);
    surface.rect(sent - 2.0, from_y - 2.0, 4.0, 4.0);
    let back = if taken >= sent { -ARROW_PX } else { ARROW_PX };
    context.begin_path();
    context.move_to(taken, to_y);
    context.line_to(taken + back, to_y - ARROW_PX);
    context.line_to(taken + back, to_y + ARROW_PX);
    context.fill();
    let text = duration(Nanos(link.lag_ns().max(0) as u64));
    let width = surface.text_width(&text);
    if taken - sent > width + 10.0 {
        let x = (sent + taken - width) / 2.0;
        surface.fill(&surface.palette.surface);
        surface.rect(x - 3.0, to_y - 7.0, width + 6.0, 14.0);
        surface.fill(&surface.palette.text);
        surface.text(&text, x, to_y + 0.5);
    }
}

/// The axis over the lane.
pub fn axis(surface: &Surface, board: Board) {
    let folds = untrack(|| board.folds());
    let window = board.window.get_untracked();
    surface.context.set_font(FONT);
    surface.context.set_text_baseline("middle");
    for tick in ticks(window, surface.width_px, &folds) {
        surface.fill(&surface.palette.line);
        surface.rect(tick.px.round(), 0.0, 1.0, surface.height_px);
        if tick.px + 5.0 + surface.text_width(&tick.label) <= surface.width_px {
            surface.fill(&surface.palette.text_soft);
            surface.text(&tick.label, tick.px.round() + 5.0, surface.height_px / 2.0);
        }
    }
}
