//! Paints the strip, the errors under it, and the window over it.

use super::layout;
use crate::chart::canvas::Surface;
use crate::chart::folds::Folds;
use crate::chart::{TimeScale, Window};
use crate::views::stage::Staged;

/// Room at the foot for error ticks.
const ERRORS_PX: f64 = 7.0;
/// Thinner lines cannot be told apart by colour.
const LEAST_LINE_PX: f64 = 2.0;
const MOST_LINE_PX: f64 = 5.0;

pub fn strip(surface: &Surface, staged: &Staged, folds: &Folds) {
    let height_px = surface.height_px - ERRORS_PX;
    let count = staged.trace.len().max(1);
    let lines = ((height_px / LEAST_LINE_PX) as usize).min(count).max(1);
    let line_px = (height_px / lines as f64).min(MOST_LINE_PX);
    let width_px = surface.width_px.clamp(0.0, f64::from(u16::MAX - 1)) as u16;
    let strip = layout::strip(&staged.trace, &staged.tree, folds, &staged.colors, width_px, lines as u16);
    let mut color = None;
    for run in &strip.runs {
        if color != Some(run.color) {
            color = Some(run.color);
            surface.fill(surface.palette.services.get(usize::from(run.color)).map_or("", String::as_str));
        }
        let gap_px = if line_px >= 3.0 { 1.0 } else { 0.0 };
        let width_px = f64::from(run.to_px - run.from_px);
        surface.rect(f64::from(run.from_px), f64::from(run.line) * line_px, width_px, line_px - gap_px);
    }
    surface.fill(&surface.palette.error);
    for px in &strip.errors_px {
        surface.rect(f64::from(*px) - 0.5, height_px + 1.0, 2.0, ERRORS_PX - 1.0);
    }
}

/// Veils what is outside the window, and marks the cursor's span.
pub fn window(surface: &Surface, total_ns: u64, window: Window, cursor: Option<(u64, u64)>) {
    let scale = TimeScale::new(Window::whole(total_ns), surface.width_px);
    if let Some((offset, length)) = cursor {
        let left = scale.px_of(offset as f64);
        let width = scale.length_px(length as f64).max(2.0);
        surface.fill(&surface.palette.accent);
        surface.rect(left, 0.0, width, 2.0);
        surface.rect(left, surface.height_px - 1.0, width, 1.0);
    }
    if window.is_whole(total_ns) {
        return;
    }
    let (from, to) =
        (scale.px_of(window.from_ns), scale.px_of(window.to_ns).max(scale.px_of(window.from_ns) + 2.0));
    surface.fill(&surface.palette.veil);
    surface.rect(0.0, 0.0, from, surface.height_px);
    surface.rect(to, 0.0, surface.width_px - to, surface.height_px);
    surface.fill(&surface.palette.accent);
    surface.rect(from - 1.0, 0.0, 1.5, surface.height_px);
    surface.rect(to - 0.5, 0.0, 1.5, surface.height_px);
}
