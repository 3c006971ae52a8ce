//! Where the waterfall puts things: pure geometry for the rows on screen.
//!
//! ```text
//!   | name column                | start | duration | self | lane                        |
//!   | ││▾ ▌operation service fact|  12ms |   3.1 ms | 1 ms |      ▇▇▇▇▇▇                 |
//!     ^^ indent: one step a level, capped so that the name keeps READABLE_PX
//! ```

use std::ops::Range;

use crate::chart::TimeScale;

pub const ROW_PX: f64 = 22.0;
/// Rows kept ready beyond each edge of the screen.
const OVERSCAN: usize = 2;
const MOST_STEP_PX: f64 = 12.0;
const LEAST_STEP_PX: f64 = 5.0;
/// At least this much of the name column is left for names: some 20 characters, the toggle and the colour mark.
const READABLE_PX: f64 = 212.0;
/// A bar is never thinner, or short spans would vanish.
const MIN_BAR_PX: f64 = 2.0;
/// Browsers stop laying out around 33 million pixels.
const MAX_CONTENT_PX: f64 = 30_000_000.0;

/// Maps between the scroll bar's pixels and the list's: the same, until the list is taller than a browser can lay out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scroll {
    list_px: f64,
    content_px: f64,
    view_px: f64,
}

impl Scroll {
    pub fn new(row_count: usize, view_px: f64) -> Scroll {
        let list_px = row_count as f64 * ROW_PX;
        Scroll { list_px, content_px: list_px.min(MAX_CONTENT_PX), view_px }
    }

    /// How tall the scrolled content is to be.
    pub fn content_px(self) -> f64 {
        self.content_px
    }

    fn stretch(self) -> f64 {
        let content = self.content_px - self.view_px;
        if content <= 0.0 { 1.0 } else { ((self.list_px - self.view_px) / content).max(1.0) }
    }

    /// Where in the list the top edge of the view is.
    pub fn list_top_px(self, scroll_top_px: f64) -> f64 {
        (scroll_top_px * self.stretch()).clamp(0.0, (self.list_px - self.view_px).max(0.0))
    }

    fn scroll_top_px(self, list_top_px: f64) -> f64 {
        list_top_px / self.stretch()
    }

    /// Rows to draw.
    pub fn visible(self, scroll_top_px: f64) -> Range<usize> {
        let top = self.list_top_px(scroll_top_px);
        let count = (self.list_px / ROW_PX).round() as usize;
        let first = (top / ROW_PX).floor() as usize;
        let last = ((top + self.view_px) / ROW_PX).ceil() as usize;
        first.saturating_sub(OVERSCAN).min(count)..(last + OVERSCAN).min(count)
    }

    /// How many rows fit on screen.
    pub fn page_rows(self) -> usize {
        ((self.view_px / ROW_PX).floor() as usize).max(1)
    }

    /// The scroll position that shows a row with some rows around it; None when it is comfortably in view already.
    pub fn to_show(self, index: usize, scroll_top_px: f64) -> Option<f64> {
        const MARGIN_ROWS: f64 = 2.0;
        let top = self.list_top_px(scroll_top_px);
        let row = index as f64 * ROW_PX;
        let margin = (MARGIN_ROWS * ROW_PX).min((self.view_px - ROW_PX).max(0.0) / 2.0);
        let first_ok = row + ROW_PX + margin - self.view_px;
        let last_ok = row - margin;
        if (first_ok..=last_ok).contains(&top) {
            return None;
        }
        let is_near = top > first_ok - self.view_px && top < last_ok + self.view_px;
        let wanted = match is_near {
            true if top > last_ok => last_ok,
            true => first_ok,
            false => row - (self.view_px - ROW_PX) / 3.0,
        };
        let wanted = wanted.clamp(0.0, (self.list_px - self.view_px).max(0.0));
        ((wanted - top).abs() > 0.5).then(|| self.scroll_top_px(wanted))
    }
}

/// How the waterfall's width is shared out.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Columns {
    pub name_px: f64,
    /// Start and self time are dropped first when room is short.
    pub has_all_numbers: bool,
    pub lane_px: f64,
}

/// Each of start, duration and self time.
const NUMBER_PX: f64 = 74.0;
const LEAST_NAME_PX: f64 = 260.0;
/// Numbers are dropped before the lane gets narrower than this.
const FAIR_LANE_PX: f64 = 240.0;
const LEAST_LANE_PX: f64 = 120.0;

/// Names take their share of the whole page, so that opening a panel beside the waterfall moves no row.
pub fn columns(page_px: f64, width_px: f64, name_share: f64) -> Columns {
    let wanted_px = (page_px * name_share).round().max(LEAST_NAME_PX);
    let has_all_numbers = width_px >= wanted_px + 3.0 * NUMBER_PX + FAIR_LANE_PX;
    let numbers_px = if has_all_numbers { 3.0 * NUMBER_PX } else { NUMBER_PX };
    let name_px = wanted_px.min(width_px - numbers_px - LEAST_LANE_PX).max(LEAST_NAME_PX);
    Columns { name_px, has_all_numbers, lane_px: (width_px - name_px - numbers_px).max(0.0) }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Indent {
    pub px: f64,
    /// The indent says less than the depth does: show the number.
    pub is_capped: bool,
}

/// How far one level is set in: less in a deep trace or a narrow column, so that more levels keep their place.
pub fn indent_step_px(deepest: u32, name_px: f64) -> f64 {
    let room_px = name_px - READABLE_PX;
    (room_px / f64::from(deepest.max(1))).floor().clamp(LEAST_STEP_PX, MOST_STEP_PX)
}

pub fn indent(depth: u32, step_px: f64, name_px: f64) -> Indent {
    let most = ((name_px - READABLE_PX) / step_px).floor().max(1.0) * step_px;
    let wanted = f64::from(depth) * step_px;
    Indent { px: wanted.min(most), is_capped: wanted > most }
}

/// A bar's left edge and width in the lane; None when it is outside the window. Cut a little beyond the edges, so
/// that a bar which goes on does not look as if it ended there.
pub fn bar(scale: TimeScale, offset_ns: u64, length_ns: u64, lane_px: f64) -> Option<(f64, f64)> {
    const BEYOND_PX: f64 = 8.0;
    let left = scale.px_of(offset_ns as f64);
    let right = (left + scale.length_px(length_ns as f64)).max(left + MIN_BAR_PX);
    if right < 0.0 || left > lane_px {
        return None;
    }
    let left = left.max(-BEYOND_PX);
    Some((left, right.min(lane_px + BEYOND_PX) - left))
}

/// Where a label beside a bar goes: after it, else before it, else nowhere.
pub fn label_px(bar: (f64, f64), label_width_px: f64, lane_px: f64) -> Option<f64> {
    const GAP_PX: f64 = 6.0;
    let (left, width) = bar;
    let after = left + width + GAP_PX;
    if after + label_width_px <= lane_px {
        return Some(after);
    }
    let before = left - GAP_PX - label_width_px;
    (before >= 0.0).then_some(before)
}

#[cfg(test)]
mod tests;
