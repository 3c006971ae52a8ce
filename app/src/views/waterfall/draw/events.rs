//! Events on the bars: a pin for each moment, larger for an exception, with its name under the pointer or the keyboard.

use model::Nanos;
use model::trace::events::Event;

use super::{BAR_PX, Scene};
use crate::chart::TimeScale;
use crate::chart::canvas::Surface;
use crate::format::offset;
use crate::views::waterfall::layout::ROW_PX;

/// The pointer need not be exactly on a pin.
const REACH_PX: f64 = 5.0;
const PAD_PX: f64 = 5.0;

/// Pins through the bar of a row. Those of one pixel are one.
pub fn ticks(surface: &Surface, scene: &Scene, scale: TimeScale, row: u32, y: f64) {
    let mut last = (f64::NEG_INFINITY, false);
    for event in scene.staged.trace.events.of_row(row).filter_map(|at| scene.staged.trace.events.get(at)) {
        let (px, is_error) = (px_of(scene, scale, event), is_error(scene, event));
        let is_outside = px < 0.0 || px > surface.width_px;
        // An exception is not hidden by what happened in the same pixel.
        if is_outside || (px == last.0 && (last.1 || !is_error)) {
            continue;
        }
        last = (px, is_error);
        surface.fill(&surface.palette.surface);
        surface.rect(px - 1.5, y - 2.0, 4.0, BAR_PX + 3.0);
        surface.fill(if is_error { &surface.palette.error } else { &surface.palette.text });
        surface.rect(px, y - 2.0, 1.0, BAR_PX + 3.0);
        let head = if is_error { 7.0 } else { 3.0 };
        surface.rect(px - (head - 1.0) / 2.0, y - 3.0, head, if is_error { 4.0 } else { 3.0 });
    }
}

/// What the pointer is on, and the event the keyboard is on, in words.
pub fn labels(surface: &Surface, scene: &Scene, scale: TimeScale) {
    let events = &scene.staged.trace.events;
    let chosen = scene.event.and_then(|at| events.get(at));
    let pointed = scene.hover.and_then(|(x, y)| under(scene, scale, x, y));
    for event in chosen.into_iter().chain(pointed.filter(|pointed| Some(*pointed) != chosen)) {
        let Some(index) = scene.rows.index_of(event.row) else {
            continue;
        };
        let y = index as f64 * ROW_PX - scene.top_px;
        let name = scene.staged.trace.text(event.name);
        let text = format!("{name} +{}", offset(Nanos(event.at)));
        plate(surface, &text, px_of(scene, scale, event), y);
    }
}

fn under(scene: &Scene, scale: TimeScale, x: f64, y: f64) -> Option<Event> {
    let index = ((scene.top_px + y) / ROW_PX).floor().max(0.0) as usize;
    let row = scene.rows.at(index).filter(|row| scene.staged.outline.is_span(*row))?;
    let events = &scene.staged.trace.events;
    let far = |event: &Event| (px_of(scene, scale, *event) - x).abs();
    let near = events.of_row(row).filter_map(|at| events.get(at)).filter(|event| far(event) <= REACH_PX);
    near.min_by(|a, b| far(a).total_cmp(&far(b)))
}

/// Text beside a pin, on ground of its own; on the other side where there is no room.
fn plate(surface: &Surface, text: &str, px: f64, y: f64) {
    let width = surface.text_width(text) + 2.0 * PAD_PX;
    let right = px + 5.0;
    let left = if right + width <= surface.width_px { right } else { (px - 5.0 - width).max(0.0) };
    surface.fill(&surface.palette.text);
    surface.rect(left, y + 1.0, width, ROW_PX - 2.0);
    surface.fill(&surface.palette.surface);
    surface.text(text, left + PAD_PX, y + ROW_PX / 2.0 + 0.5);
}

fn px_of(scene: &Scene, scale: TimeScale, event: Event) -> f64 {
    let shift = scene.clock.map_or(0, |clock| clock.shift[event.row as usize]);
    scale.px_of(scene.folds.shown(event.at.saturating_add_signed(shift)) as f64).round()
}

fn is_error(scene: &Scene, event: Event) -> bool {
    scene.staged.exception == Some(event.name)
}
