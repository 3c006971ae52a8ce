//! A time axis with idle stretches folded: where real time is shown, and back. Pure.
//!
//! ```text
//!   real    |--work--|......................|--work--|
//!   shown   |--work--|≈|--work--|            a fold keeps a sliver, so that one sees that time passes
//! ```

/// A folded stretch is as wide as this share of the time that is not folded.
const SLIVER_SHARE: u64 = 40;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folds {
    folds: Vec<Fold>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fold {
    /// Real time.
    pub from: u64,
    pub to: u64,
    /// Shown time.
    pub shown_from: u64,
    pub shown_to: u64,
}

impl Folds {
    /// Stretches are apart and in order, and lie within the whole.
    pub fn new(idle: &[(u64, u64)], total_ns: u64) -> Folds {
        let folded: u64 = idle.iter().map(|(from, to)| to - from).sum();
        let sliver = (total_ns.saturating_sub(folded) / SLIVER_SHARE).max(1);
        let mut folds = Vec::new();
        let (mut real, mut shown) = (0, 0);
        for (from, to) in idle.iter().copied().filter(|(from, to)| to - from > sliver) {
            let shown_from = shown + (from - real);
            folds.push(Fold { from, to, shown_from, shown_to: shown_from + sliver });
            (real, shown) = (to, shown_from + sliver);
        }
        Folds { folds }
    }

    pub fn is_empty(&self) -> bool {
        self.folds.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Fold> {
        self.folds.iter()
    }

    /// Where real time is shown.
    pub fn shown(&self, ns: u64) -> u64 {
        let after = self.folds.partition_point(|fold| fold.from <= ns);
        let Some(fold) = after.checked_sub(1).map(|at| self.folds[at]) else {
            return ns;
        };
        if ns >= fold.to {
            return fold.shown_to + (ns - fold.to);
        }
        let share = (ns - fold.from) as f64 / (fold.to - fold.from) as f64;
        fold.shown_from + ((fold.shown_to - fold.shown_from) as f64 * share) as u64
    }

    /// Start and length as shown.
    pub fn shown_span(&self, offset: u64, length: u64) -> (u64, u64) {
        if self.folds.is_empty() {
            return (offset, length);
        }
        let start = self.shown(offset);
        (start, self.shown(offset.saturating_add(length)).saturating_sub(start))
    }

    /// The real time behind what is shown.
    pub fn real(&self, shown: f64) -> f64 {
        let after = self.folds.partition_point(|fold| fold.shown_from as f64 <= shown);
        let Some(fold) = after.checked_sub(1).map(|at| self.folds[at]) else {
            return shown;
        };
        if shown >= fold.shown_to as f64 {
            return fold.to as f64 + (shown - fold.shown_to as f64);
        }
        let share = (shown - fold.shown_from as f64) / (fold.shown_to - fold.shown_from) as f64;
        fold.from as f64 + (fold.to - fold.from) as f64 * share
    }
}

#[cfg(test)]
mod tests {
    //! There and back over two folds.
    use super::*;

    #[test]
    fn folded_time_becomes_a_sliver_and_the_rest_keeps_its_scale() {
        let folds = Folds::new(&[(100, 500), (600, 1_000)], 1_200);
        // 400 of 1,200 are left, a sliver is 10.
        let shown: Vec<u64> = [0, 100, 300, 500, 600, 1_000, 1_200].map(|ns| folds.shown(ns)).to_vec();
        assert_eq!(shown, [0, 100, 105, 110, 210, 220, 420]);
        for ns in [0.0, 50.0, 100.0, 300.0, 500.0, 700.0, 1_100.0] {
            assert!((folds.real(folds.shown(ns as u64) as f64) - ns).abs() < 40.0, "{ns}");
        }
        assert_eq!(folds.shown_span(50, 500), (50, 110));
    }

    #[test]
    fn without_folds_time_is_as_it_is() {
        let folds = Folds::new(&[], 1_000);
        assert!(folds.is_empty());
        assert_eq!((folds.shown(7), folds.real(7.0), folds.shown_span(3, 4)), (7, 7.0, (3, 4)));
    }

    #[test]
    fn what_is_shorter_than_a_sliver_is_left_alone() {
        assert!(Folds::new(&[(10, 12)], 1_000).is_empty());
    }
}
