//! Paints the map and its axes, and over it the cell pointed at and the part being selected.

use model::view::Heatmap;

use super::layout::{FOOT_PX, Grid, Rect, Tick, mark, strength};
use crate::chart::canvas::Surface;

pub fn map(surface: &Surface, map: &Heatmap, offset_minutes: i32) {
    let grid = Grid::new(map, surface.width_px, surface.height_px);
    axes(surface, grid.plot(), &grid.duration_ticks(), &grid.time_ticks(offset_minutes));
    let most = map.cells.iter().map(|cell| cell.traces).max().unwrap_or(1);
    surface.fill(&surface.palette.accent);
    for cell in &map.cells {
        surface.context.set_global_alpha(strength(cell.traces, most));
        paint(surface, grid.cell(cell.column, cell.row));
    }
    surface.context.set_global_alpha(1.0);
    for cell in map.cells.iter().filter(|cell| cell.errors > 0) {
        let rect = mark(grid.cell(cell.column, cell.row), cell.errors, cell.traces);
        // A ring of the ground keeps the mark apart from the cell's own colour.
        surface.fill(&surface.palette.surface);
        paint(
            surface,
            Rect { x: rect.x - 1.0, y: rect.y - 1.0, width: rect.width + 2.0, height: rect.height + 2.0 },
        );
        surface.fill(&surface.palette.error);
        paint(surface, rect);
    }
}

/// Values on the left with a line each, times below.
pub fn axes(surface: &Surface, plot: Rect, values: &[Tick], times: &[Tick]) {
    let context = &surface.context;
    context.set_font("11px system-ui, sans-serif");
    context.set_text_baseline("middle");
    context.set_text_align("right");
    for tick in values {
        surface.fill(&surface.palette.line);
        surface.rect(plot.x, tick.px.round(), plot.width, 1.0);
        surface.fill(&surface.palette.text_soft);
        surface.text(&tick.label, plot.x - 7.0, tick.px.round() + 0.5);
    }
    surface.fill(&surface.palette.line);
    surface.rect(plot.x, plot.y + plot.height, plot.width, 1.0);
    context.set_text_align("center");
    for tick in times {
        surface.fill(&surface.palette.line);
        surface.rect(tick.px.round(), plot.y + plot.height, 1.0, 4.0);
        let half = surface.text_width(&tick.label) / 2.0;
        if tick.px - half >= plot.x - 20.0 && tick.px + half <= plot.x + plot.width + 1.0 {
            surface.fill(&surface.palette.text_soft);
            surface.text(&tick.label, tick.px, plot.y + plot.height + FOOT_PX / 2.0 + 2.0);
        }
    }
    context.set_text_align("start");
}

pub fn over(surface: &Surface, map: &Heatmap, pointed: Option<(u32, u32)>, selected: Option<Rect>) {
    let grid = Grid::new(map, surface.width_px, surface.height_px);
    if let Some(rect) = selected {
        let plot = grid.plot();
        surface.fill(&surface.palette.veil);
        surface.rect(plot.x, plot.y, plot.width, plot.height);
        surface.context.clear_rect(rect.x, rect.y, rect.width, rect.height);
        outline(surface, rect);
    } else if let Some((column, row)) = pointed {
        outline(surface, grid.cell(column, row));
    }
}

fn outline(surface: &Surface, rect: Rect) {
    surface.context.set_stroke_style_str(&surface.palette.text);
    surface.context.set_line_width(1.0);
    surface.context.stroke_rect(rect.x - 0.5, rect.y - 0.5, rect.width + 1.0, rect.height + 1.0);
}

fn paint(surface: &Surface, rect: Rect) {
    surface.rect(rect.x, rect.y, rect.width, rect.height);
}
