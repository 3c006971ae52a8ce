//! Cells, axes and selections in pixels.
//!
//! ```text
//!   AXIS_PX │ row first_row + rows - 1
//!   1 s ────│   ▪ ▪▪
//!   10 ms ──│ ▪▪▪▪▪▪▪▪   plot
//!           │ row first_row
//!           └──────┬──────┬──── FOOT_PX
//!                14:00  14:05
//! ```

use model::view::Heatmap;
use model::{Nanos, Timestamp};

use crate::format::clock;

/// Room for durations on the left, for times below, and for half a label above.
pub const AXIS_PX: f64 = 56.0;
pub const FOOT_PX: f64 = 18.0;
pub const HEAD_PX: f64 = 6.0;

/// Fewer rows would make one outlier look like a wall.
const LEAST_ROWS: u32 = 14;
/// Labels nearer than this would touch.
const TIME_LABEL_PX: f64 = 90.0;
const DURATION_LABEL_PX: f64 = 16.0;
/// A shorter drag is a click.
const LEAST_DRAG_PX: f64 = 4.0;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rect {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    pub px: f64,
    pub label: String,
}

/// A part of the map: from, and up to but without. None is all of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    pub time: Option<(Timestamp, Timestamp)>,
    pub duration: Option<(Nanos, Nanos)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grid {
    start: Timestamp,
    step: Nanos,
    columns: u32,
    first_row: u32,
    rows: u32,
    plot: Rect,
}

impl Grid {
    pub fn new(map: &Heatmap, width_px: f64, height_px: f64) -> Grid {
        let rows = map.cells.iter().map(|cell| cell.row);
        // Around a millisecond to a second when there is nothing.
        let (low, high) = (rows.clone().min().unwrap_or(20), rows.max().unwrap_or(40));
        let missing = LEAST_ROWS.saturating_sub(high - low + 3);
        let first_row = low.saturating_sub(1 + missing / 2);
        let rows = high + 2 + missing - missing / 2 - first_row;
        let plot = Rect {
            x: AXIS_PX,
            y: HEAD_PX,
            width: (width_px - AXIS_PX - 1.0).max(1.0),
            height: (height_px - HEAD_PX - FOOT_PX).max(1.0),
        };
        Grid { start: map.start, step: map.step, columns: map.columns.max(1), first_row, rows, plot }
    }

    pub fn plot(&self) -> Rect {
        self.plot
    }

    /// Edges on whole pixels, so that neighbours neither overlap nor leave a seam.
    pub fn cell(&self, column: u32, row: u32) -> Rect {
        let (left, right) = (self.column_px(column).round(), self.column_px(column + 1).round());
        let (top, bottom) = (self.row_px(row + 1).round(), self.row_px(row).round());
        Rect { x: left, y: top, width: (right - left).max(1.0), height: (bottom - top).max(1.0) }
    }

    /// Where a time and a duration lie in the plot, as shares of its width and height; None outside of it.
    pub fn shares(&self, time: Timestamp, duration: Nanos) -> Option<(f64, f64)> {
        let x = self.time_share(time)?;
        let above = f64::from(Heatmap::row_of(duration)) + 0.5 - f64::from(self.first_row);
        let y = 1.0 - above / f64::from(self.rows);
        (0.0..=1.0).contains(&y).then_some((x, y))
    }

    pub fn time_share(&self, time: Timestamp) -> Option<f64> {
        let all = (self.step.0 * u64::from(self.columns)).max(1);
        let x = time.0.checked_sub(self.start.0)? as f64 / all as f64;
        (x <= 1.0).then_some(x)
    }

    fn column_px(&self, column: u32) -> f64 {
        self.plot.x + self.plot.width * f64::from(column) / f64::from(self.columns)
    }

    /// The lower edge.
    fn row_px(&self, row: u32) -> f64 {
        let above = f64::from(row) - f64::from(self.first_row);
        self.plot.y + self.plot.height * (1.0 - above / f64::from(self.rows))
    }

    /// The cell under a point of the plot.
    pub fn at(&self, x: f64, y: f64) -> Option<(u32, u32)> {
        let plot = self.plot;
        let is_inside = x >= plot.x && x < plot.x + plot.width && y >= plot.y && y < plot.y + plot.height;
        is_inside.then(|| self.nearest(x, y))
    }

    fn nearest(&self, x: f64, y: f64) -> (u32, u32) {
        let share = |at: f64, from: f64, length: f64, parts: u32| {
            let part = ((at - from) / length * f64::from(parts)).floor();
            part.clamp(0.0, f64::from(parts - 1)) as u32
        };
        let column = share(x, self.plot.x, self.plot.width, self.columns);
        let from_top = share(y, self.plot.y, self.plot.height, self.rows);
        (column, self.first_row + self.rows - 1 - from_top)
    }

    pub fn time_of(&self, column: u32) -> Timestamp {
        self.start.plus(Nanos(self.step.0.saturating_mul(u64::from(column))))
    }

    /// Whole cells between two points; None when they are too close to mean anything.
    pub fn selected(&self, from: (f64, f64), to: (f64, f64)) -> Option<(Selection, Rect)> {
        if (from.0 - to.0).abs().max((from.1 - to.1).abs()) < LEAST_DRAG_PX {
            return None;
        }
        Some(self.between(self.nearest(from.0, from.1), self.nearest(to.0, to.1)))
    }

    /// A step from a cell, as far as there are any; the newest in the middle to begin with.
    pub fn moved(&self, from: Option<(u32, u32)>, (right, up): (i32, i32)) -> (u32, u32) {
        let Some((column, row)) = from else {
            return (self.columns - 1, self.first_row + self.rows / 2);
        };
        let last_row = self.first_row + self.rows - 1;
        (
            column.saturating_add_signed(right).min(self.columns - 1),
            row.saturating_add_signed(up).clamp(self.first_row, last_row),
        )
    }

    /// All cells from one to another.
    pub fn between(&self, a: (u32, u32), b: (u32, u32)) -> (Selection, Rect) {
        let (left, right) = (a.0.min(b.0), a.0.max(b.0));
        let (low, high) = (a.1.min(b.1), a.1.max(b.1));
        let all_rows = low == self.first_row && high == self.first_row + self.rows - 1;
        let all_columns = left == 0 && right == self.columns - 1;
        let selection = Selection {
            time: (!all_columns).then(|| (self.time_of(left), self.time_of(right + 1))),
            duration: (!all_rows).then(|| (Heatmap::floor_of(low), Heatmap::floor_of(high + 1))),
        };
        let (top, bottom) = (self.cell(left, high), self.cell(right, low));
        let rect = Rect {
            x: top.x,
            y: top.y,
            width: bottom.x + bottom.width - top.x,
            height: bottom.y + bottom.height - top.y,
        };
        (selection, rect)
    }

    /// At powers of ten.
    pub fn duration_ticks(&self) -> Vec<Tick> {
        const LABELS: [(u64, &str); 10] = [
            (1_000, "1 µs"),
            (10_000, "10 µs"),
            (100_000, "100 µs"),
            (1_000_000, "1 ms"),
            (10_000_000, "10 ms"),
            (100_000_000, "100 ms"),
            (1_000_000_000, "1 s"),
            (10_000_000_000, "10 s"),
            (100_000_000_000, "100 s"),
            (1_000_000_000_000, "1000 s"),
        ];
        let mut ticks: Vec<Tick> = Vec::new();
        for (nanos, label) in LABELS {
            let row = 2.0 * (nanos as f64 / 1e3).log2();
            let above = row - f64::from(self.first_row);
            let px = self.plot.y + self.plot.height * (1.0 - above / f64::from(self.rows));
            let is_apart = ticks.last().is_none_or(|last| last.px - px >= DURATION_LABEL_PX);
            if (0.0..=f64::from(self.rows)).contains(&above) && is_apart {
                ticks.push(Tick { px, label: label.to_owned() });
            }
        }
        ticks
    }

    /// At round times of the clock that is `offset_minutes` from UTC.
    pub fn time_ticks(&self, offset_minutes: i32) -> Vec<Tick> {
        const STEPS: [u64; 16] = [
            1, 5, 10, 30, 60, 300, 600, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800,
            2_419_200,
        ];
        let total = self.step.0.saturating_mul(u64::from(self.columns)) as f64 / 1e9;
        let least = total * TIME_LABEL_PX / self.plot.width;
        let step = STEPS.into_iter().find(|step| *step as f64 >= least).unwrap_or(STEPS[15]);
        let offset = i64::from(offset_minutes) * 60;
        let from = self.start.0 as f64 / 1e9 + offset as f64;
        let first = (from / step as f64).ceil() as i64;
        let last = ((from + total) / step as f64).floor() as i64;
        (first..=last)
            .take(40)
            .filter_map(|n| {
                let secs = n * step as i64 - offset;
                let time = Timestamp::from_secs(u64::try_from(secs).ok()?);
                let px = self.plot.x + self.plot.width * (secs as f64 - self.start.0 as f64 / 1e9) / total;
                Some(Tick { px, label: time_label(time, offset_minutes, step) })
            })
            .collect()
    }
}

fn time_label(time: Timestamp, offset_minutes: i32, step_secs: u64) -> String {
    let clock = clock::time_millis(time, offset_minutes);
    if step_secs >= 86_400 {
        return clock::date(time, offset_minutes, time);
    }
    match (&clock[..5], step_secs) {
        ("00:00", _) if step_secs >= 60 => clock::date(time, offset_minutes, time),
        (minutes, 60..) => minutes.to_owned(),
        _ => clock[..8].to_owned(),
    }
}

/// How strongly a cell is coloured, 0 to 1: by the logarithm, so that a few are told from many and from none.
pub fn strength(traces: u64, most: u64) -> f64 {
    let log = |n: u64| (n as f64).ln_1p();
    0.16 + 0.84 * (log(traces) / log(most.max(1))).min(1.0)
}

/// The side of a cell's mark of failure: from a dot to the whole cell, by the share that failed.
pub fn mark(cell: Rect, errors: u64, traces: u64) -> Rect {
    let share = (errors as f64 / traces.max(1) as f64).clamp(0.0, 1.0).sqrt();
    let side = |length: f64| (length * share).round().clamp(length.min(3.0), length);
    let (width, height) = (side(cell.width), side(cell.height));
    Rect {
        x: (cell.x + (cell.width - width) / 2.0).round(),
        y: (cell.y + (cell.height - height) / 2.0).round(),
        width,
        height,
    }
}

#[cfg(test)]
mod tests {
    //! Points find their cells, selections snap to them, axes are round.
    use super::*;
    use model::view::HeatCell;

    #[test]
    fn keys_move_from_cell_to_cell_and_stop_at_the_edges() {
        let grid = Grid::new(&map(), 800.0, 120.0);
        let first = grid.moved(None, (-1, 0));
        assert_eq!(first.0, 59);
        assert_eq!(grid.moved(Some(first), (1, 0)), first);
        let up = grid.moved(Some(first), (0, 1));
        assert_eq!(up, (59, first.1 + 1));
        let top = (0..99).fold(up, |at, _| grid.moved(Some(at), (0, 1)));
        let corner = (0..99).fold(top, |at, _| grid.moved(Some(at), (-1, 0)));
        let bottom = (0..99).fold(first, |at, _| grid.moved(Some(at), (0, -1)));
        assert_eq!(corner.0, 0);
        // From corner to corner is everything.
        assert_eq!(grid.between(corner, bottom).0, Selection::default());
        assert_eq!(grid.between(first, first).0.time, Some((grid.time_of(59), grid.time_of(60))));
    }

    const NOON: u64 = 1_795_176_000; // 2026-11-20T12:00:00Z

    fn map() -> Heatmap {
        let cell = |column, row| HeatCell { column, row, traces: 1, errors: 0 };
        Heatmap {
            start: Timestamp::from_secs(NOON),
            step: Nanos::from_secs(60),
            columns: 60,
            cells: vec![cell(0, 20), cell(59, 40)],
            traces: 2,
            sampled: 1.0,
            ..Heatmap::default()
        }
    }

    fn grid() -> Grid {
        Grid::new(&map(), AXIS_PX + 601.0, HEAD_PX + FOOT_PX + 230.0)
    }

    #[test]
    fn every_cell_is_found_again() {
        let grid = grid();
        for column in 0..60 {
            for row in 19..42 {
                let cell = grid.cell(column, row);
                assert_eq!(
                    grid.at(cell.x + cell.width / 2.0, cell.y + cell.height / 2.0),
                    Some((column, row))
                );
            }
        }
        assert_eq!(grid.at(AXIS_PX - 1.0, 50.0), None);
    }

    #[test]
    fn a_selection_is_of_whole_cells() {
        let grid = grid();
        let middle = |column, row| {
            let cell = grid.cell(column, row);
            (cell.x + cell.width / 2.0, cell.y + cell.height / 2.0)
        };
        let (selection, rect) = grid.selected(middle(12, 30), middle(10, 34)).unwrap();
        let at = |minutes: u64| Timestamp::from_secs(NOON + minutes * 60);
        assert_eq!(selection.time, Some((at(10), at(13))));
        assert_eq!(selection.duration, Some((Heatmap::floor_of(30), Heatmap::floor_of(35))));
        assert_eq!(rect.x, grid.cell(10, 34).x);
        assert_eq!(grid.selected(middle(3, 30), middle(3, 30)), None);
        let all = grid.selected((0.0, 0.0), (9_999.0, 9_999.0)).unwrap().0;
        assert_eq!(all, Selection::default());
    }

    #[test]
    fn axes_are_round() {
        let grid = grid();
        let durations: Vec<String> = grid.duration_ticks().into_iter().map(|tick| tick.label).collect();
        assert_eq!(durations, ["1 ms", "10 ms", "100 ms", "1 s"]);
        let times: Vec<String> = grid.time_ticks(0).into_iter().map(|tick| tick.label).collect();
        assert_eq!(times, ["12:00", "12:10", "12:20", "12:30", "12:40", "12:50", "13:00"]);
        assert_eq!(grid.time_ticks(30)[0].label, "12:30");
    }

    #[test]
    fn a_call_lies_in_the_cell_it_is_counted_in() {
        let grid = grid();
        let (time, length) = (grid.time_of(7).plus(Nanos(1)), Nanos(25_000_000));
        let (x, y) = grid.shares(time, length).unwrap();
        let plot = grid.plot();
        let cell = grid.at(plot.x + x * plot.width, plot.y + y * plot.height);
        assert_eq!(cell, Some((7, Heatmap::row_of(length))));
        assert_eq!(grid.shares(Timestamp(0), length), None);
        assert_eq!(grid.shares(time, Nanos(1)), None);
    }

    #[test]
    fn an_empty_map_has_axes_too() {
        let empty = Heatmap { columns: 0, step: Nanos(0), ..Heatmap::default() };
        let grid = Grid::new(&empty, 10.0, 10.0);
        assert!(grid.time_ticks(0).len() <= 40);
        grid.duration_ticks();
    }

    #[test]
    fn a_failure_is_always_visible_and_never_larger_than_its_cell() {
        let cell = Rect { x: 0.0, y: 0.0, width: 10.0, height: 6.0 };
        assert_eq!(mark(cell, 1, 1_000_000).width, 3.0);
        assert_eq!(mark(cell, 5, 5), cell);
        assert!(strength(1, 1_000) > 0.1 && strength(1_000, 1_000) == 1.0);
    }
}
