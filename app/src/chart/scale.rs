//! Between time and pixels, both ways.
//!
//! ```text
//!   0 ns ──────── from_ns ═══════════════ to_ns ──────── end of trace
//!                    │                      │
//!                   0 px                 width_px
//! ```

use super::Window;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TimeScale {
    from_ns: f64,
    px_per_ns: f64,
}

impl TimeScale {
    pub fn new(window: Window, width_px: f64) -> TimeScale {
        TimeScale { from_ns: window.from_ns, px_per_ns: width_px.max(1.0) / window.length_ns() }
    }

    pub fn px_of(self, ns: f64) -> f64 {
        (ns - self.from_ns) * self.px_per_ns
    }

    pub fn ns_of(self, px: f64) -> f64 {
        self.from_ns + px / self.px_per_ns
    }

    pub fn length_px(self, ns: f64) -> f64 {
        ns * self.px_per_ns
    }
}

#[cfg(test)]
mod tests {
    //! There and back.
    use super::*;

    #[test]
    fn there_and_back() {
        let scale = TimeScale::new(Window { from_ns: 500.0, to_ns: 1_500.0 }, 200.0);
        assert_eq!(scale.px_of(500.0), 0.0);
        assert_eq!(scale.px_of(1_500.0), 200.0);
        assert_eq!(scale.px_of(0.0), -100.0);
        assert_eq!(scale.ns_of(scale.px_of(777.0)).round(), 777.0);
        assert_eq!(scale.length_px(100.0), 20.0);
    }
}
