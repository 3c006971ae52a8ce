//! Where the ticks of a time axis stand and what they say.

use super::folds::Folds;
use super::{TimeScale, Window};
use crate::format;

/// Labels closer than this would touch.
const LABEL_PX: f64 = 92.0;

#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    pub px: f64,
    pub label: String,
}

/// Ticks at round times, one step of 1, 2 or 5 times a power of ten apart (of 60 from a minute on). None stands in a
/// fold, nor right after one.
pub fn ticks(window: Window, width_px: f64, folds: &Folds) -> Vec<Tick> {
    const MOST: usize = 200;
    let scale = TimeScale::new(window, width_px);
    let step = step_ns(window.length_ns() * LABEL_PX / width_px.max(LABEL_PX));
    let mut ticks = Vec::new();
    let mut ns = (folds.real(window.from_ns) / step).ceil() * step;
    while ticks.len() < MOST {
        if let Some(fold) = folds.iter().find(|fold| (fold.from as f64..fold.to as f64).contains(&ns)) {
            ns = (fold.to as f64 / step).ceil() * step;
        }
        let shown = if folds.is_empty() { ns } else { folds.shown(ns as u64) as f64 };
        if shown > window.to_ns {
            break;
        }
        ticks.push(Tick { px: scale.px_of(shown), label: label(ns, step) });
        ns = ((ns / step).round() + 1.0) * step;
    }
    ticks
}

/// The smallest round step of at least `least_ns`.
fn step_ns(least_ns: f64) -> f64 {
    const MINUTE: f64 = 60e9;
    if least_ns > 30e9 {
        let minutes = [1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 360.0, 720.0, 1440.0];
        let found = minutes.iter().map(|m| m * MINUTE).find(|step| *step >= least_ns);
        return found.unwrap_or_else(|| (least_ns / (1440.0 * MINUTE)).ceil() * 1440.0 * MINUTE);
    }
    if least_ns > 10e9 {
        return 30e9;
    }
    let mut power = 1.0;
    while power * 10.0 <= least_ns {
        power *= 10.0;
    }
    [1.0, 2.0, 5.0, 10.0].iter().map(|m| m * power).find(|step| *step >= least_ns).unwrap_or(power * 10.0)
}

/// As many decimals as the step needs, so that no two ticks read the same.
fn label(ns: f64, step: f64) -> String {
    if ns == 0.0 {
        return "0".to_owned();
    }
    if ns >= 60e9 {
        let decimals = decimals(1e9 / step);
        return format::minutes(ns.round() as u64, decimals);
    }
    let (unit, name) = match ns {
        n if n >= 1e9 => (1e9, "s"),
        n if n >= 1e6 => (1e6, "ms"),
        n if n >= 1e3 => (1e3, "µs"),
        _ => (1.0, "ns"),
    };
    let decimals = decimals(unit / step);
    format!("{:.decimals$} {name}", ns / unit)
}

/// Digits after the point until a unit is cut into so many parts.
fn decimals(parts: f64) -> usize {
    (0..9).take_while(|digits| 10f64.powi(*digits) * (1.0 + 1e-9) < parts).count()
}

#[cfg(test)]
mod tests {
    //! Axes as the list of what they say.
    use super::*;

    fn check(from_ns: f64, to_ns: f64, width_px: f64, expected: &[&str]) {
        let found = ticks(Window { from_ns, to_ns }, width_px, &Folds::default());
        let labels: Vec<&str> = found.iter().map(|t| t.label.as_str()).collect();
        assert_eq!(labels, expected);
    }

    #[test]
    fn round_steps() {
        check(0.0, 1e6, 500.0, &["0", "200 µs", "400 µs", "600 µs", "800 µs", "1.0 ms"]);
        check(0.0, 45e9, 400.0, &["0", "30 s"]);
        check(0.0, 180e9, 400.0, &["0", "1:00", "2:00", "3:00"]);
    }

    #[test]
    fn deep_zoom_keeps_labels_apart() {
        check(1.0e9, 1.000_001e9, 300.0, &["1.0000000 s", "1.0000005 s", "1.0000010 s"]);
    }

    #[test]
    fn after_a_fold_they_go_on_with_real_time() {
        let folds = Folds::new(&[(1_000_000, 9_000_000)], 10_000_000);
        let found = ticks(Window { from_ns: 0.0, to_ns: 2_050_000.0 }, 500.0, &folds);
        let labels: Vec<&str> = found.iter().map(|t| t.label.as_str()).collect();
        assert_eq!(labels, ["0", "500 µs", "9.0 ms", "9.5 ms", "10.0 ms"]);
        assert!(found.windows(2).all(|pair| pair[0].px < pair[1].px));
    }

    #[test]
    fn never_too_many() {
        for exponent in 2..15 {
            let window = Window { from_ns: 3.0, to_ns: 10f64.powi(exponent) };
            let found = ticks(window, 1_000.0, &Folds::default());
            assert!((1..=11).contains(&found.len()), "{exponent}: {}", found.len());
        }
    }
}
