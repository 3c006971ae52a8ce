//! How surprising a count is: Fisher's exact test, and the correction for having looked at many counts. Pure.

/// Logarithms of factorials, as far as they are needed.
pub struct Fisher {
    ln_factorial: Vec<f64>,
}

impl Fisher {
    /// For samples of this many, both together.
    pub fn new(most: usize) -> Fisher {
        let mut ln_factorial = Vec::with_capacity(most + 1);
        let mut sum = 0.0;
        ln_factorial.push(sum);
        for n in 1..=most {
            sum += (n as f64).ln();
            ln_factorial.push(sum);
        }
        Fisher { ln_factorial }
    }

    fn ln_choose(&self, n: usize, k: usize) -> f64 {
        self.ln_factorial[n] - self.ln_factorial[k] - self.ln_factorial[n - k]
    }

    /// The chance that at least `inside` of those that have it fall among the `of_inside`, for no reason.
    pub fn chance(&self, inside: usize, of_inside: usize, outside: usize, of_outside: usize) -> f64 {
        let have = inside + outside;
        let all = self.ln_choose(of_inside + of_outside, have);
        let mut total = 0.0;
        for k in inside..=have.min(of_inside) {
            if have - k > of_outside {
                continue;
            }
            let term = (self.ln_choose(of_inside, k) + self.ln_choose(of_outside, have - k) - all).exp();
            total += term;
            // Past the likeliest they only get smaller.
            if term < total * 1e-12 {
                break;
            }
        }
        total.min(1.0)
    }
}

/// Chances corrected for how many were tried, after Benjamini and Hochberg: keeping those below a tenth makes about
/// a tenth of what is kept wrong.
pub fn corrected(chances: &[f64], tried: usize) -> Vec<f64> {
    let mut order: Vec<usize> = (0..chances.len()).collect();
    order.sort_by(|a, b| chances[*a].total_cmp(&chances[*b]));
    let mut out = vec![1.0; chances.len()];
    let mut least: f64 = 1.0;
    for (rank, at) in order.iter().enumerate().rev() {
        least = least.min(chances[*at] * tried as f64 / (rank + 1) as f64);
        out[*at] = least;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exact_test_counts_as_one_would_by_hand() {
        let fisher = Fisher::new(40);
        // A lady who tells four cups of eight: one way of seventy.
        assert!((fisher.chance(4, 4, 0, 4) - 1.0 / 70.0).abs() < 1e-12);
        assert!((fisher.chance(3, 4, 1, 4) - 17.0 / 70.0).abs() < 1e-12);
        assert!((fisher.chance(0, 10, 5, 10) - 1.0).abs() < 1e-9);
        assert_eq!(fisher.chance(0, 20, 0, 20), 1.0);
        assert!(fisher.chance(20, 20, 0, 20) < 1e-10);
    }

    #[test]
    fn what_was_tried_is_paid_for() {
        let found = corrected(&[0.01, 0.04, 0.03, 0.5], 4);
        let expected = [0.04, 0.04 * 4.0 / 3.0, 0.04 * 4.0 / 3.0, 0.5];
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
        assert_eq!(corrected(&[0.5], 10), [1.0]);
        assert_eq!(corrected(&[], 0), [0.0; 0]);
    }

    /// Without any reason, findings are as rare as the correction says.
    #[test]
    fn noise_is_seldom_taken_for_a_reason() {
        let (mut state, fisher) = (7u64, Fisher::new(400));
        let mut random = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as f64 / f64::from(1u32 << 31)
        };
        let mut wrong = 0;
        for _ in 0..50 {
            let chances: Vec<f64> = (0..200)
                .map(|_| {
                    let rate = random();
                    let mut count = |of: usize| (0..of).filter(|_| random() < rate).count();
                    let (inside, outside) = (count(100), count(300));
                    fisher.chance(inside, 100, outside, 300)
                })
                .collect();
            wrong += usize::from(corrected(&chances, 200).iter().any(|chance| *chance < 0.01));
        }
        assert!(wrong <= 4, "{wrong} of 50 days of noise were explained");
    }
}
