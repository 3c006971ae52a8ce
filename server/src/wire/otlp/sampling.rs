//! OpenTelemetry's consistent probability sampling: which traces stay, and what those that stay stand for.
//!
//! ```text
//!   tracestate   other=1,ot=th:c;rv:0123456789abcd,more=2        th: the threshold, hexadecimal digits of 56 bits whose
//!                                                                    zeros at the end are left out
//!   a span stays if   its trace's randomness ≥ threshold         randomness: rv, or the trace id's last 56 bits
//!   and stands for    2^56 / (2^56 - threshold)   spans
//! ```
//! Everybody who samples so keeps the same traces, and of two thresholds the larger one counts.
//!
//! Before that there were powers of two, which some SDKs still write. They count where there is no threshold:
//! ```text
//!   tracestate   ot=p:3;r:5        p: it stands for 2^3 spans, or for none at 63: kept for another reason than chance
//!                                  r: what it was decided by, at least p; not the trace's id, so that what is left out
//!                                     here on top of it is multiplied
//! ```

use model::TraceId;

use crate::limits::ADJUSTED_COUNT_MAX;

const BITS: u32 = 56;
const ONE: u64 = 1 << BITS;
const DIGITS: usize = 14;
/// Beyond these digits of a threshold nobody could measure the difference.
const DIGITS_WRITTEN: usize = 4;
/// The power that means none, and the largest random one.
const POWER_OF_NONE: u8 = 63;
const RANDOM_POWER_MAX: u8 = 62;

/// Traces whose randomness is at least this stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Threshold(u64);

impl Threshold {
    /// Everything stays.
    pub const NONE: Threshold = Threshold(0);

    /// So that this share of all traces stays, as near as the digits that are written allow.
    pub fn keeping(share: f64) -> Threshold {
        let step = 1 << (BITS - 4 * DIGITS_WRITTEN as u32);
        let exact = ((1.0 - share.clamp(0.0, 1.0)) * ONE as f64) as u64;
        Threshold((exact / step * step).min(ONE - step))
    }

    pub fn keeps(self, trace_id: &[u8], trace_state: &str) -> bool {
        self.0 == 0 || randomness(trace_id, trace_state) >= self.0
    }

    /// How many spans one that stayed stands for.
    pub fn adjusted_count(self) -> f64 {
        (ONE as f64 / (ONE - self.0) as f64).min(ADJUSTED_COUNT_MAX)
    }

    /// Which leaves as much of those that were one of 2^`power`.
    fn after(self, power: u8) -> Threshold {
        let kept = (ONE - self.0).checked_shr(power.into()).unwrap_or(0);
        Threshold(ONE - kept.max(1))
    }

    fn text(self) -> String {
        let digits = format!("{:014x}", self.0);
        let digits = digits.trim_end_matches('0');
        if digits.is_empty() { "0".to_owned() } else { digits.to_owned() }
    }
}

/// The threshold by which a span was sampled before it came; none if it does not say, or not so that one could tell.
pub fn threshold_of(trace_state: &str) -> Threshold {
    // Most spans carry nothing at all.
    if trace_state.is_empty() {
        return Threshold::NONE;
    }
    let digits = entry(trace_state, "th").filter(|digits| digits.len() <= DIGITS);
    let number = digits.and_then(|digits| hex(digits).map(|n| n << (4 * (DIGITS - digits.len()) as u32)));
    Threshold(number.unwrap_or(0))
}

/// The power of two of which the span was one, where that is all it says of how it was sampled and can be true.
fn power_of(trace_state: &str) -> Option<u8> {
    if trace_state.is_empty() || entry(trace_state, "th").is_some() {
        return None;
    }
    let power = decimal(entry(trace_state, "p")?).filter(|power| *power <= POWER_OF_NONE)?;
    let random = entry(trace_state, "r").map_or(Some(RANDOM_POWER_MAX), decimal)?;
    let is_true = random <= RANDOM_POWER_MAX && (power <= random || power == POWER_OF_NONE);
    is_true.then_some(power)
}

/// How many spans one stands for.
fn count_of(trace_state: &str) -> f64 {
    match power_of(trace_state) {
        None => threshold_of(trace_state).adjusted_count(),
        Some(POWER_OF_NONE) => 0.0,
        Some(power) => f64::from(power).exp2().min(ADJUSTED_COUNT_MAX),
    }
}

/// The trace state with this threshold in it, or a larger one that was there. Of what stands for none, none is left out
/// that would have to be made up for.
pub fn with_threshold(trace_state: &str, threshold: Threshold) -> String {
    let threshold = match power_of(trace_state) {
        None => threshold.max(threshold_of(trace_state)),
        Some(POWER_OF_NONE) => return trace_state.to_owned(),
        Some(power) => threshold.after(power),
    };
    let mut ours = format!("ot=th:{}", threshold.text());
    let is_ot = |member: &&str| member.trim().starts_with("ot=");
    for member in trace_state.split(',').filter(is_ot) {
        for entry in member.trim()["ot=".len()..].split(';') {
            if !entry.is_empty() && !entry.starts_with("th:") {
                ours.push(';');
                ours.push_str(entry);
            }
        }
    }
    // What was changed last stands first.
    for member in trace_state.split(',').filter(|member| !member.trim().is_empty() && !is_ot(member)) {
        ours.push(',');
        ours.push_str(member.trim());
    }
    ours
}

/// What a span counts for in whole numbers. A part of one is rounded up or down by its id: the same span always the
/// same way, and many spans right on average.
pub fn whole_count(trace_state: &str, span_id: u64) -> u64 {
    let count = count_of(trace_state);
    if count == 1.0 {
        return 1;
    }
    // Ids need not be random in all their bits.
    let mixed = span_id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ mixed >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
    let part = (mixed >> 11) as f64 / (1_u64 << 53) as f64;
    (count + part) as u64
}

/// The same for a whole trace, whose spans were kept or left out together.
pub fn trace_count(trace_state: &str, trace_id: TraceId) -> u64 {
    whole_count(trace_state, trace_id.0.last_chunk::<8>().map_or(0, |last| u64::from_be_bytes(*last)))
}

fn randomness(trace_id: &[u8], trace_state: &str) -> u64 {
    let told = if trace_state.is_empty() { None } else { entry(trace_state, "rv") };
    if let Some(random) = told.filter(|digits| digits.len() == DIGITS).and_then(hex) {
        return random;
    }
    trace_id.last_chunk::<8>().map_or(0, |last| u64::from_be_bytes(*last) & (ONE - 1))
}

/// One entry of OpenTelemetry's member of a trace state.
fn entry<'a>(trace_state: &'a str, key: &str) -> Option<&'a str> {
    let ot = trace_state.split(',').find_map(|member| member.trim().strip_prefix("ot="))?;
    ot.split(';').find_map(|entry| entry.strip_prefix(key)?.strip_prefix(':'))
}

/// One digit or two.
fn decimal(digits: &str) -> Option<u8> {
    let is_one = (1..=2).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|_| is_one)
}

/// Lower-case digits only, as the specification has them.
fn hex(digits: &str) -> Option<u64> {
    let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if digits.is_empty() || !digits.bytes().all(is_digit) {
        return None;
    }
    u64::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(last: u64) -> [u8; 16] {
        let mut id = [7; 16];
        id[8..].copy_from_slice(&last.to_be_bytes());
        id
    }

    #[test]
    fn a_threshold_is_written_without_the_zeros_at_its_end() {
        for (share, text) in [(1.0, "0"), (0.5, "8"), (0.25, "c"), (0.1, "e666"), (0.0, "ffff")] {
            let threshold = Threshold::keeping(share);
            assert_eq!(with_threshold("", threshold), format!("ot=th:{text}"));
            assert_eq!(threshold_of(&format!("ot=th:{text}")), threshold);
        }
        assert_eq!(threshold_of("ot=th:8").adjusted_count(), 2.0);
        assert_eq!(Threshold::NONE.adjusted_count(), 1.0);
    }

    #[test]
    fn a_trace_state_keeps_all_else_and_the_larger_threshold() {
        let half = Threshold::keeping(0.5);
        assert_eq!(
            with_threshold("a=1, ot=rv:0123456789abcd;th:c ,b=2", half),
            "ot=th:c;rv:0123456789abcd,a=1,b=2"
        );
        assert_eq!(with_threshold("ot=th:4;p:9,a=1", half), "ot=th:8;p:9,a=1");
        assert_eq!(with_threshold("ot=th:z;p:9,a=1", half), "ot=th:8;p:9,a=1");
        assert_eq!(with_threshold("not=th:c", half), "ot=th:8,not=th:c");
    }

    #[test]
    fn what_nobody_can_read_is_no_threshold() {
        for odd in ["th:8", "ot=th:", "ot=th:xyz", "ot=th:C", "ot=th:123456789abcdef", "ot=", ",,", "ot=th"] {
            assert_eq!(threshold_of(odd), Threshold::NONE, "{odd}");
        }
        assert_eq!(whole_count("ot=th:ffffffffffffff", 1), ADJUSTED_COUNT_MAX as u64);
    }

    #[test]
    fn the_same_trace_stays_or_goes_with_its_randomness() {
        let half = Threshold::keeping(0.5);
        assert!(half.keeps(&id(0x0080_0000_0000_0000), "") && !half.keeps(&id(0xff7f_ffff_ffff_ffff), ""));
        assert!(
            half.keeps(&id(0), "ot=rv:80000000000000") && !half.keeps(&id(u64::MAX), "ot=rv:00000000000001")
        );
        assert!(half.keeps(&id(u64::MAX), "ot=rv:1"), "an odd rv is no randomness");
        assert!(Threshold::NONE.keeps(&[], ""));
    }

    #[test]
    fn whole_counts_are_right_on_average() {
        let state = with_threshold("", Threshold::keeping(0.3));
        let expected = threshold_of(&state).adjusted_count() * 10_000.0;
        for spread in [1, 0x0001_0001_0001_0001] {
            let sum: u64 = (1..=10_000_u64).map(|id| whole_count(&state, id * spread)).sum();
            assert!((sum as f64 / expected - 1.0).abs() < 0.01, "{sum} of {expected}");
        }
        assert!((1..100).all(|id| whole_count("ot=th:8", id) == 2 && whole_count("a=1", id) == 1));
    }

    #[test]
    fn powers_of_two_count_where_there_is_no_threshold() {
        for (state, count) in [
            ("ot=p:0", 1),
            ("ot=p:3", 8),
            ("ot=r:5;p:3", 8),
            ("a=1,ot=p:3;r:3,b=2", 8),
            ("ot=p:08", 256),
            ("ot=p:62;r:62", ADJUSTED_COUNT_MAX as u64),
            // Another sampler wanted it, whom chance knows nothing of.
            ("ot=p:63", 0),
            ("ot=p:63;r:2", 0),
            ("ot=th:8;p:3", 2),
            // Nothing that could be so: it stands for itself.
            ("ot=p:64", 1),
            ("ot=p:4;r:3", 1),
            ("ot=p:3;r:63", 1),
            ("ot=p:3;r:x", 1),
            ("ot=p:+3", 1),
            ("ot=p:003", 1),
            ("ot=p:", 1),
            ("p:3", 1),
            ("ot=r:3", 1),
        ] {
            assert_eq!(whole_count(state, 77), count, "{state}");
            assert_eq!(trace_count(state, TraceId([9; 16])), count, "{state}");
        }
    }

    #[test]
    fn what_is_left_out_of_powers_of_two_is_multiplied() {
        let half = Threshold::keeping(0.5);
        let state = with_threshold("ot=p:2;r:7,a=1", half);
        assert_eq!(state, "ot=th:e;p:2;r:7,a=1");
        assert_eq!(whole_count(&state, 1), 8);
        assert_eq!(with_threshold(&state, half), state);
        assert_eq!(whole_count(&with_threshold("ot=p:62", half), 1), ADJUSTED_COUNT_MAX as u64);
        assert_eq!(whole_count(&with_threshold("ot=p:63;r:7", half), 1), 0);
    }

    proptest! {
        #[test]
        fn any_trace_state_is_read_and_keeps_its_other_members(state in "[a-z0-9=:;, ]{0,40}", share in 0.0..1.0) {
            let threshold = Threshold::keeping(share);
            let merged = with_threshold(&state, threshold);
            prop_assert_eq!(threshold_of(&merged), threshold.max(threshold_of(&state)));
            prop_assert_eq!(with_threshold(&merged, threshold), merged);
        }
    }
}
