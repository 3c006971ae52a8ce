//! Decimal numbers read to the nearest `f64`, as the standard library does.
//!
//! The library's way is quicker and carries a table of ten kilobytes that no compression makes smaller, which every
//! browser would download. Here most numbers take one multiplication or division, and the others are divided out.

use std::cmp::Ordering;

/// Ten to this is the last power of ten that an `f64` holds exactly, and so many digits are always held exactly.
const EXACT_POWER: i64 = 22;
const EXACT_DIGITS: usize = 15;
/// No more digits decide between two neighbours; whether any follows is told by one more.
const MOST_DIGITS: usize = 770;
/// Bits of a quotient, two or three more than a fraction has.
const QUOTIENT_BITS: i64 = 55;
const FRACTION_BITS: i64 = 53;
const LEAST_EXPONENT: i64 = -1_022;
const MOST_EXPONENT: i64 = 1_023;

/// None when the text is no number. What is too large becomes infinite, what is too small zero.
pub fn read(text: &str) -> Option<f64> {
    let (sign, text) = match text.as_bytes().first()? {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    if text.eq_ignore_ascii_case("nan") {
        return Some(f64::NAN);
    }
    if text.eq_ignore_ascii_case("inf") || text.eq_ignore_ascii_case("infinity") {
        return Some(sign * f64::INFINITY);
    }
    let (number, power) = match text.split_once(['e', 'E']) {
        Some((number, power)) => (number, power_of(power)?),
        None => (text, 0),
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if whole.len() + part.len() == 0 {
        return None;
    }
    let mut digits = Vec::new();
    for digit in whole.bytes().chain(part.bytes()) {
        let digit = Some(digit.wrapping_sub(b'0')).filter(|digit| *digit < 10)?;
        if digit > 0 || !digits.is_empty() {
            digits.push(digit);
        }
    }
    let power = power - part.len() as i64;
    Some(sign * nearest(&digits, power))
}

fn power_of(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    // Beyond this it is zero or infinite whatever the digits are.
    let size = digits.parse().unwrap_or(i64::MAX).min(1_000_000_000);
    Some(if text.starts_with('-') { -size } else { size })
}

/// The digits, times ten to a power.
fn nearest(digits: &[u8], power: i64) -> f64 {
    let first = digits.len() as i64 + power;
    if digits.is_empty() || first < -330 {
        return 0.0;
    }
    if first > 310 {
        return f64::INFINITY;
    }
    if digits.len() <= EXACT_DIGITS && power.abs() <= EXACT_POWER {
        let number = digits.iter().fold(0u64, |number, digit| number * 10 + u64::from(*digit)) as f64;
        let scale = (0..power.abs()).fold(1.0, |scale, _| scale * 10.0);
        return if power < 0 { number / scale } else { number * scale };
    }
    let (kept, rest) = digits.split_at(digits.len().min(MOST_DIGITS));
    let mut above = Large::default();
    kept.iter().for_each(|digit| above.times_plus(10, (*digit).into()));
    let mut power = power + rest.len() as i64;
    if rest.iter().any(|digit| *digit > 0) {
        above.times_plus(10, 1);
        power -= 1;
    }
    let mut below = Large(vec![1]);
    let scaled = if power < 0 { &mut below } else { &mut above };
    (0..power.abs()).for_each(|_| scaled.times_plus(10, 0));
    divided(above, below)
}

/// The fraction nearest to a quotient; of two that are as near, the even one.
fn divided(mut above: Large, mut below: Large) -> f64 {
    let shift = QUOTIENT_BITS - (above.bits() - below.bits());
    if shift > 0 {
        above = above.shifted(shift);
    } else {
        below = below.shifted(-shift);
    }
    let mut quotient = 0u64;
    for bit in (0..=QUOTIENT_BITS + 1).rev() {
        let part = below.shifted(bit);
        if above.compare(&part) != Ordering::Less {
            above.take(&part);
            quotient |= 1 << bit;
        }
    }
    let bits = 64 - i64::from(quotient.leading_zeros());
    let exponent = bits - 1 - shift;
    // Numbers near zero have fewer bits.
    let held = FRACTION_BITS - (LEAST_EXPONENT - exponent).max(0);
    if held < 0 {
        return 0.0;
    }
    let dropped = bits - held;
    let (mut fraction, rest) = (quotient >> dropped, quotient & ((1 << dropped) - 1));
    let is_more = match rest.cmp(&(1 << (dropped - 1))) {
        Ordering::Less => false,
        Ordering::Equal => !above.is_zero() || fraction & 1 == 1,
        Ordering::Greater => true,
    };
    fraction += u64::from(is_more);
    if exponent > MOST_EXPONENT {
        return f64::INFINITY;
    }
    // In two steps: the smallest numbers are not one power of two away.
    let scale = dropped - shift;
    fraction as f64 * two_to(scale / 2) * two_to(scale - scale / 2)
}

fn two_to(exponent: i64) -> f64 {
    f64::from_bits(((exponent + MOST_EXPONENT) as u64) << (FRACTION_BITS - 1))
}

/// A whole number of any size, its lowest 32 bits first, without zeros at its end.
#[derive(Default)]
struct Large(Vec<u32>);

impl Large {
    fn times_plus(&mut self, factor: u32, more: u32) {
        let mut carry = u64::from(more);
        for word in &mut self.0 {
            carry += u64::from(*word) * u64::from(factor);
            *word = carry as u32;
            carry >>= 32;
        }
        if carry > 0 {
            self.0.push(carry as u32);
        }
    }

    fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    fn bits(&self) -> i64 {
        self.0.last().map_or(0, |top| self.0.len() as i64 * 32 - i64::from(top.leading_zeros()))
    }

    fn shifted(&self, by: i64) -> Large {
        let mut words = vec![0; by as usize / 32];
        let mut carry = 0u64;
        for word in &self.0 {
            carry |= u64::from(*word) << (by % 32);
            words.push(carry as u32);
            carry >>= 32;
        }
        if carry > 0 {
            words.push(carry as u32);
        }
        Large(words)
    }

    fn compare(&self, other: &Large) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
    }

    /// Takes away what is not more.
    fn take(&mut self, other: &Large) {
        let mut borrow = 0i64;
        for (at, word) in self.0.iter_mut().enumerate() {
            borrow += i64::from(*word) - i64::from(other.0.get(at).copied().unwrap_or(0));
            *word = borrow as u32;
            borrow >>= 32;
        }
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    //! Held against the standard library, bit by bit.
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str) {
        let expected: Option<f64> = text.parse().ok();
        assert_eq!(read(text).map(f64::to_bits), expected.map(f64::to_bits), "{text}");
    }

    #[test]
    fn numbers_as_people_write_them() {
        for text in
            ["0", "-0", "1", "0.1", "+2.50", "1e3", "1.5E-7", ".5", "5.", "007", "1e22", "123456789012345e22"]
        {
            check(text);
        }
        for text in ["inf", "-inf", "Infinity"] {
            check(text);
        }
        assert!(read("NaN").is_some_and(f64::is_nan));
    }

    #[test]
    fn the_edges_of_what_can_be_held() {
        for text in [
            "1.7976931348623157e308",
            "1.7976931348623159e308",
            "1e309",
            "2.2250738585072014e-308",
            "2.2250738585072011e-308",
            "5e-324",
            "2.4703282292062327e-324",
            "2.4703282292062328e-324",
            "1e-400",
            "9007199254740993",
            "9007199254740993.00000000000000000000000000000000001",
            "1e-99999999999999999999",
            "1e99999999999999999999",
            "0e99999999999999999999",
        ] {
            check(text);
        }
        check(&format!("0.{}1", "0".repeat(900)));
        check(&format!("1{}", "0".repeat(400)));
        check(&format!("4503599627370496.5{}1", "0".repeat(900)));
    }

    #[test]
    fn what_is_no_number() {
        for text in ["", "-", ".", "e", "1e", "1e+", "e5", ".e5", "1.2.3", "0x10", "1 ", "１", "--1", "1_000"]
        {
            check(text);
        }
    }

    proptest! {
        #[test]
        fn any_number_comes_back_from_how_it_is_written(bits: u64) {
            let number = f64::from_bits(bits);
            if number.is_finite() {
                check(&number.to_string());
                check(&format!("{number:e}"));
            }
        }

        #[test]
        fn any_digits(text in "[0-9]{0,40}\\.?[0-9]{0,40}(e[+-]?[0-9]{1,3})?") {
            check(&text);
        }
    }
}
