//! How surprising a count is beside what was learned. Pure numbers.
//!
//! Windows of one operation differ by more than chance alone would make them: by a factor of the variance, which is
//! learned from the windows themselves. Counts are made smaller by that factor before they are judged. What was
//! learned from few windows is believed less: tails are those of Student's distribution.

/// So many of so many in each window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Share {
    pub have: f64,
    pub of: f64,
}

/// What windows so far tell of a share or a rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Learned {
    /// Of shares the share, of rates the calls for each unit of exposure.
    pub level: f64,
    /// How many times larger the variance is than chance alone makes it; at least 1.
    pub spread: f64,
    /// What it was learned from: the sum of `of`.
    pub weight: f64,
    pub windows: usize,
    /// The smallest and largest level of any window with evidence.
    pub least: f64,
    pub most: f64,
}

/// Windows that expect fewer than this say nothing of the spread: they are put together first.
const EXPECTED_LEAST: f64 = 5.0;
/// The median of the square of a normal deviate.
const MEDIAN_SQUARE: f64 = 0.4549;
/// The part of the windows that may be strange without being believed.
const STRANGE: f64 = 0.1;

/// Of shares, in order of time. None when they hold nothing.
pub fn learn(windows: &[Share]) -> Option<Learned> {
    learn_with(windows, |level| 1.0 - level.min(0.95))
}

/// Of rates: `have` may be more than `of`.
pub fn learn_rate(windows: &[Share]) -> Option<Learned> {
    learn_with(windows, |_| 1.0)
}

/// Chance makes the variance as large as what is expected, times a factor.
fn learn_with(windows: &[Share], factor: fn(f64) -> f64) -> Option<Learned> {
    let weight: f64 = windows.iter().map(|w| w.of).sum();
    let have: f64 = windows.iter().map(|w| w.have).sum();
    let used = windows.iter().filter(|w| w.of > 0.0).count();
    if weight <= 0.0 || used == 0 {
        return None;
    }
    // Half a case more than was seen: what was never seen may come all the same.
    let first = (have + 0.5) / (weight + 1.0);
    let groups = grouped(windows, first);
    let level = robust_level(&groups).unwrap_or(first).max(0.5 / (weight + 1.0));
    let mut levels: Vec<f64> = groups.iter().map(|g| g.have / g.of).collect();
    levels.sort_by(f64::total_cmp);
    Some(Learned {
        level,
        spread: spread(&groups, level, factor(level)),
        weight,
        windows: used,
        least: levels.first().copied().unwrap_or(level),
        most: levels.last().copied().unwrap_or(level),
    })
}

/// Neighbours put together until each expects enough.
fn grouped(windows: &[Share], level: f64) -> Vec<Share> {
    let mut groups = Vec::new();
    let mut group = Share::default();
    for window in windows.iter().filter(|w| w.of > 0.0) {
        group.have += window.have;
        group.of += window.of;
        if group.of * level >= EXPECTED_LEAST {
            groups.push(std::mem::take(&mut group));
        }
    }
    if groups.is_empty() && group.of > 0.0 {
        groups.push(group);
    }
    groups
}

/// Without the strangest windows on either side.
fn robust_level(groups: &[Share]) -> Option<f64> {
    let mut sorted: Vec<&Share> = groups.iter().collect();
    sorted.sort_by(|a, b| (a.have / a.of).total_cmp(&(b.have / b.of)));
    let cut = (sorted.len() as f64 * STRANGE) as usize;
    let kept = &sorted[cut..sorted.len() - cut];
    let of: f64 = kept.iter().map(|g| g.of).sum();
    (of > 0.0).then(|| kept.iter().map(|g| g.have).sum::<f64>() / of)
}

fn spread(groups: &[Share], level: f64, factor: f64) -> f64 {
    let square = |g: &Share| (g.have - g.of * level).powi(2) / (g.of * level * factor).max(1e-9);
    let mut squares: Vec<f64> = groups.iter().map(square).collect();
    if squares.len() < 3 {
        // Nothing is known of it: twice is usual.
        return 2.0;
    }
    squares.sort_by(f64::total_cmp);
    let median = squares[squares.len() / 2] / MEDIAN_SQUARE;
    let kept = squares.len() - (squares.len() as f64 * STRANGE) as usize;
    let mean = squares[..kept].iter().sum::<f64>() / kept as f64;
    median.max(mean).max(1.0)
}

impl Learned {
    /// Larger still, as the level itself is only known from so much.
    fn spread_beside(&self, of: f64) -> f64 {
        self.spread * (1.0 + of / self.weight.max(1.0))
    }

    /// The chance of at least so many of so many.
    pub fn chance_of_more(&self, seen: Share) -> f64 {
        let spread = self.spread_beside(seen.of);
        let (have, of) = (seen.have / spread, seen.of / spread);
        if have <= of * self.level {
            return 1.0;
        }
        let exact = beta_share(self.level.min(1.0), have, (of - have).max(0.0) + 1.0);
        let z = (seen.have - seen.of * self.level)
            / (seen.of * self.level * (1.0 - self.level.min(0.95)) * spread).sqrt().max(1e-9);
        exact.max(student_tail(z, self.freedom()))
    }

    /// The chance that a rate is so far from what it was, on the side it is on.
    pub fn chance_of_rate(&self, seen: Share) -> f64 {
        let expected = seen.of * self.level;
        let spread = self.spread_beside(seen.of);
        let distance = 2.0 * ((seen.have + 0.375).sqrt() - (expected + 0.375).sqrt()).abs() / spread.sqrt();
        student_tail(distance, self.freedom())
    }

    fn freedom(&self) -> f64 {
        (self.windows as f64 - 1.0).max(2.0)
    }
}

/// The upper tail of Student's distribution.
pub fn student_tail(t: f64, freedom: f64) -> f64 {
    if t <= 0.0 {
        return 0.5;
    }
    0.5 * beta_share(freedom / (freedom + t * t), freedom / 2.0, 0.5)
}

/// The regularised incomplete beta function: of a beta distribution, the share below `x`.
pub fn beta_share(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || a <= 0.0 {
        return if a <= 0.0 { 1.0 } else { 0.0 };
    }
    if x >= 1.0 {
        return 1.0;
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (1.0 - x).ln()).exp();
    if x < (a + 1.0) / (a + b + 2.0) {
        front * fraction(x, a, b) / a
    } else {
        1.0 - front * fraction(1.0 - x, b, a) / b
    }
}

/// Its continued fraction, after Lentz.
fn fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let guarded = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / guarded(1.0 - (a + b) * x / (a + 1.0));
    let mut whole = d;
    for step in 1..300 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / guarded(1.0 + even * d);
        c = guarded(1.0 + even / c);
        whole *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / guarded(1.0 + odd * d);
        c = guarded(1.0 + odd / c);
        whole *= d * c;
        if (d * c - 1.0).abs() < 1e-12 {
            break;
        }
    }
    whole
}

/// After Lanczos, with seven terms.
fn ln_gamma(x: f64) -> f64 {
    const TERMS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let mut sum = 0.999_999_999_999_809_9;
    for (at, term) in TERMS.iter().enumerate() {
        sum += term / (x + at as f64 + 1.0);
    }
    let t = x + 7.5;
    0.5 * std::f64::consts::TAU.ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!((found / expected - 1.0).abs() < 1e-3, "{found} for {expected}");
    }

    #[test]
    fn tails_are_those_of_the_tables() {
        near(student_tail(2.228, 10.0), 0.025);
        near(student_tail(3.646, 30.0), 0.0005);
        near(student_tail(1.96, 1e6), 0.024_998);
        near(beta_share(0.5, 2.0, 3.0), 0.6875);
        // Three or more heads of four: five ways of sixteen.
        near(beta_share(0.5, 3.0, 2.0), 5.0 / 16.0);
        near(ln_gamma(10.0).exp(), 362_880.0);
    }

    #[test]
    fn one_strange_window_is_not_learned_from() {
        let mut windows = vec![Share { have: 10.0, of: 1_000.0 }; 30];
        windows[7].have = 900.0;
        let learned = learn(&windows).unwrap();
        near(learned.level, 0.01);
        assert!(learned.spread < 1.5, "{learned:?}");
    }

    #[test]
    fn windows_that_swing_make_the_same_count_less_surprising() {
        let steady: Vec<Share> =
            (0..40).map(|n| Share { have: 100.0 + f64::from(n % 3) * 8.0, of: 1_000.0 }).collect();
        let swinging: Vec<Share> =
            (0..40).map(|n| Share { have: 60.0 + f64::from(n % 5) * 25.0, of: 1_000.0 }).collect();
        let seen = Share { have: 170.0, of: 1_000.0 };
        let chance = |windows: &[Share]| learn(windows).unwrap().chance_of_more(seen);
        assert!(chance(&steady) < 1e-5, "{}", chance(&steady));
        assert!(chance(&swinging) > 1e-3, "{}", chance(&swinging));
    }

    #[test]
    fn what_was_never_seen_takes_more_than_one_case() {
        let learned = learn(&[Share { have: 0.0, of: 50.0 }; 36]).unwrap();
        assert!(learned.chance_of_more(Share { have: 1.0, of: 50.0 }) > 0.005);
        assert!(learned.chance_of_more(Share { have: 12.0, of: 50.0 }) < 1e-6);
        assert_eq!(learned.chance_of_more(Share { have: 0.0, of: 50.0 }), 1.0);
        assert_eq!(learn(&[Share::default()]), None);
    }

    #[test]
    fn rates_are_judged_on_either_side() {
        let windows: Vec<Share> =
            (0..36).map(|n| Share { have: 300.0 + f64::from(n % 4) * 20.0, of: 1.0 }).collect();
        let learned = learn_rate(&windows).unwrap();
        let chance = |calls| learned.chance_of_rate(Share { have: calls, of: 1.0 });
        assert!(chance(330.0) > 0.1);
        assert!(chance(700.0) < 1e-7 && chance(100.0) < 1e-7, "{} {}", chance(700.0), chance(100.0));
    }
}
