//! Paints the lines and axes, and over them the step pointed at and the part being selected.

use model::view::SeriesSet;

use super::layout::{Plot, color};
use crate::chart::canvas::Surface;
use crate::views::heatmap::draw;

/// One line may stand out; the others step back.
pub fn lines(surface: &Surface, plot: &Plot, set: &SeriesSet, only: Option<usize>, offset_minutes: i32) {
    draw::axes(surface, plot.grid.plot(), &plot.value_ticks(), &plot.grid.time_ticks(offset_minutes));
    let context = &surface.context;
    context.set_line_width(1.5);
    for (at, series) in set.series.iter().enumerate() {
        let ink = surface.palette.services.get(color(series, at)).unwrap_or(&surface.palette.accent);
        context.set_global_alpha(if only.is_none_or(|only| only == at) { 1.0 } else { 0.12 });
        context.set_stroke_style_str(ink);
        surface.fill(ink);
        for run in plot.runs(&series.points) {
            if let [(x, y)] = run.as_slice() {
                surface.rect(x - 1.5, y - 1.5, 3.0, 3.0);
                continue;
            }
            context.begin_path();
            run.iter().for_each(|(x, y)| context.line_to(*x, *y));
            context.stroke();
        }
    }
    context.set_global_alpha(1.0);
}

pub fn over(surface: &Surface, plot: &Plot, pointed: Option<usize>, selected: Option<(usize, usize)>) {
    let area = plot.grid.plot();
    if let Some((from, to)) = selected {
        // The lines stay; what is left out lies under a veil.
        surface.fill(&surface.palette.veil);
        let (left, right) = plot.edges(from, to);
        surface.rect(area.x, area.y, left - area.x, area.height);
        surface.rect(right, area.y, area.x + area.width - right, area.height);
    } else if let Some(step) = pointed {
        surface.fill(&surface.palette.text_soft);
        surface.rect(plot.x_of(step).round(), area.y, 1.0, area.height);
    }
}
