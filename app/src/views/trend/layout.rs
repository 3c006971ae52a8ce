//! The picture as SVG paths in a box of [`WIDTH`] by [`HEIGHT`].
//!
//! ```text
//!   ╱╲__╱╲    a step is WIDTH / steps wide; the most calls of any step reach the top
//!   ▌   ▐     failed calls on the same scale, never lower than LEAST_BAR where there are any
//! ```

use model::view::HealthPoint;

pub const WIDTH: f64 = 140.0;
pub const HEIGHT: f64 = 20.0;
/// One failure among thousands must still be seen.
const LEAST_BAR: f64 = 2.5;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Paths {
    pub calls: String,
    pub errors: String,
}

pub fn paths(points: &[HealthPoint]) -> Paths {
    // The last step is still filling and would look like a fall.
    let points = &points[..points.len().saturating_sub(1)];
    let most = points.iter().map(|p| p.calls).max().unwrap_or(0).max(1) as f64;
    let step = WIDTH / points.len().max(1) as f64;
    let mut out = Paths::default();
    for (at, point) in points.iter().enumerate() {
        let x = step * (at as f64 + 0.5);
        let pen = if at == 0 { 'M' } else { 'L' };
        out.calls.push_str(&format!("{pen}{x:.1} {:.1}", y_of(point.calls as f64 / most)));
        if point.errors > 0 {
            let high = (point.errors as f64 / most * (HEIGHT - 1.0)).max(LEAST_BAR);
            out.errors.push_str(&format!("M{x:.1} {HEIGHT}V{:.1}", HEIGHT - high));
        }
    }
    out
}

/// A bar for each count, on the scale of the largest.
pub fn bars(counts: &[u64]) -> String {
    let most = counts.iter().copied().max().unwrap_or(0).max(1) as f64;
    let step = WIDTH / counts.len().max(1) as f64;
    let mut out = String::new();
    for (at, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let high = (*count as f64 / most * (HEIGHT - 1.0)).max(LEAST_BAR);
        out.push_str(&format!("M{:.1} {HEIGHT}V{:.1}", step * (at as f64 + 0.5), HEIGHT - high));
    }
    out
}

fn y_of(share: f64) -> f64 {
    HEIGHT - 0.5 - share * (HEIGHT - 1.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(calls: u64, errors: u64) -> HealthPoint {
        HealthPoint { calls, errors }
    }

    #[test]
    fn the_busiest_step_reaches_the_top_and_the_filling_one_is_left_out() {
        let found = paths(&[point(0, 0), point(10, 0), point(3, 0)]);
        assert_eq!(found.calls, "M35.0 19.5L105.0 1.0");
        assert_eq!(found.errors, "");
    }

    #[test]
    fn a_single_failure_shows() {
        assert_eq!(paths(&[point(9_000, 1), point(0, 0)]).errors, "M70.0 20V17.5");
    }

    #[test]
    fn bars_stand_where_something_was_the_last_step_too() {
        assert_eq!(bars(&[0, 1, 1_000]), "M70.0 20V17.5M116.7 20V1.0");
        assert_eq!(bars(&[]), "");
    }

    #[test]
    fn nothing_is_drawn_as_nothing() {
        assert_eq!(paths(&[]), Paths::default());
    }
}
