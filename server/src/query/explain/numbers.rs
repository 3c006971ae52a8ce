//! Where numbers are cut in two: at quantiles of all traces looked at, whichever side they are on, so that a cut owes
//! nothing to the difference it is to show. Pure.

/// Shares of the values below a cut, in hundredths; closer at the ends, where a few traces in question may lie.
const SHARES: [usize; 23] =
    [1, 2, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 85, 90, 95, 98, 99];

/// Numbers that have values on both sides: each stands for "at least as much".
pub fn cuts(mut values: Vec<f64>) -> Vec<f64> {
    values.retain(|value| value.is_finite());
    values.sort_by(f64::total_cmp);
    let mut cuts = Vec::new();
    for share in SHARES {
        let at = values.len() * share / 100;
        let Some(value) = values.get(at).copied() else { break };
        let first = values.partition_point(|other| *other < value);
        if first > 0 {
            cuts.push(roundest(values[first - 1], value));
        }
    }
    cuts.dedup();
    cuts
}

/// The number with the fewest digits above the one and up to the other.
fn roundest(low: f64, high: f64) -> f64 {
    let largest = low.abs().max(high.abs()).log10().ceil() as i32;
    for power in (largest - 17..=largest).rev() {
        for half in [1.0, 2.0] {
            // Divided by a whole number, so that it is the nearest there is to what will be read.
            let step = 10f64.powi(power.abs());
            let rounded = match power >= 0 {
                true => (high / (step / half)).floor() * (step / half),
                false => (high * step * half).floor() / (step * half),
            };
            if rounded > low && rounded <= high {
                return rounded;
            }
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_lie_between_values_and_are_easily_read() {
        assert_eq!(roundest(37.0, 38.0), 38.0);
        assert_eq!(roundest(37.0, 43.0), 40.0);
        assert_eq!(roundest(61.0, 68.0), 65.0);
        assert_eq!(roundest(0.2, 0.75), 0.5);
        assert_eq!(roundest(0.251, 0.2519), 0.2515);
        assert_eq!(roundest(-8.0, -3.0), -5.0);
        assert_eq!(roundest(-8.0, 3.0), 0.0);
        assert_eq!(roundest(0.0, f64::from(0.3f32)), 0.3);
        assert_eq!(roundest(123_456_789.0, 123_456_790.0), 123_456_790.0);
        for (low, high) in [(1.0f64, 1.0 + f64::EPSILON), (-1e300, 1e-300), (1e-310, 2e-310)] {
            let cut = roundest(low, high);
            assert!(cut > low && cut <= high, "{low} {cut} {high}");
        }
    }

    #[test]
    fn quantiles_of_many_values_and_each_of_a_few() {
        let many = cuts((0..10_000).map(f64::from).collect());
        assert_eq!(many.len(), SHARES.len());
        assert!(many.windows(2).all(|pair| pair[0] < pair[1]), "{many:?}");
        // A tenth of a percent aside, where a tenth is asked for there is a tenth.
        assert_eq!(many[3], 1_000.0);
        assert_eq!(cuts((0..100).map(|at| f64::from(at % 3)).collect()), [1.0, 2.0]);
        assert_eq!(cuts(vec![7.0; 50]), [0.0; 0]);
        assert_eq!(cuts(vec![f64::NAN, f64::INFINITY]), [0.0; 0]);
        assert_eq!(cuts(Vec::new()), [0.0; 0]);
    }
}
