//! The part of a trace's time that is on screen, and how it moves.

/// Nothing shorter than this can be zoomed into.
const SHORTEST_NS: f64 = 100.0;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    pub from_ns: f64,
    pub to_ns: f64,
}

impl Window {
    /// All of a trace that lasts `total_ns`; a trace without length still has a window.
    pub fn whole(total_ns: u64) -> Window {
        Window { from_ns: 0.0, to_ns: (total_ns as f64).max(SHORTEST_NS) }
    }

    pub fn length_ns(self) -> f64 {
        (self.to_ns - self.from_ns).max(1.0)
    }

    /// Keeps its length as far as that fits, and lies inside the trace.
    pub fn within(self, total_ns: u64) -> Window {
        let whole = Window::whole(total_ns);
        let length = self.length_ns().clamp(SHORTEST_NS, whole.to_ns);
        let from_ns = self.from_ns.clamp(0.0, whole.to_ns - length);
        Window { from_ns, to_ns: from_ns + length }
    }

    /// Grows or shrinks by `factor` (below 1 zooms in) while `fixed_ns` stays where it is on screen.
    pub fn zoomed(self, fixed_ns: f64, factor: f64) -> Window {
        let length = (self.length_ns() * factor).max(SHORTEST_NS);
        let share = (fixed_ns - self.from_ns) / self.length_ns();
        let from_ns = fixed_ns - share * length;
        Window { from_ns, to_ns: from_ns + length }
    }

    /// Moves by a share of its own length.
    pub fn panned(self, share: f64) -> Window {
        let by = self.length_ns() * share;
        Window { from_ns: self.from_ns + by, to_ns: self.to_ns + by }
    }

    /// A span with some air around it.
    pub fn around(offset_ns: u64, length_ns: u64) -> Window {
        let air = (length_ns as f64 * 0.06).max(SHORTEST_NS / 2.0);
        Window { from_ns: offset_ns as f64 - air, to_ns: offset_ns as f64 + length_ns as f64 + air }
    }

    pub fn is_whole(self, total_ns: u64) -> bool {
        let whole = Window::whole(total_ns);
        self.from_ns <= 0.0 && self.to_ns >= whole.to_ns
    }
}

#[cfg(test)]
mod tests {
    //! Zooming holds its fixed point and panning stops at the ends.
    use super::*;

    const TOTAL: u64 = 1_000_000;

    #[test]
    fn the_fixed_point_stays_on_screen() {
        let before = Window { from_ns: 200_000.0, to_ns: 600_000.0 };
        let after = before.zoomed(300_000.0, 0.5);
        assert_eq!(after, Window { from_ns: 250_000.0, to_ns: 450_000.0 });
    }

    #[test]
    fn it_stops_at_both_ends_and_keeps_its_length() {
        let window = Window { from_ns: 700_000.0, to_ns: 900_000.0 };
        let right = window.panned(5.0).within(TOTAL);
        assert_eq!(right, Window { from_ns: 800_000.0, to_ns: 1_000_000.0 });
        assert_eq!(window.panned(-9.0).within(TOTAL).from_ns, 0.0);
        assert!(window.zoomed(0.0, 100.0).within(TOTAL).is_whole(TOTAL));
    }

    #[test]
    fn it_is_never_empty() {
        assert!(Window::whole(0).length_ns() > 0.0);
        let deep = (0..200).fold(Window::whole(TOTAL), |w, _| w.zoomed(500.0, 0.5)).within(TOTAL);
        assert!((deep.length_ns() - SHORTEST_NS).abs() < 1e-6);
    }
}
