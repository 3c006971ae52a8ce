//! Formats and what they must not do: round up into the next unit, lose digits, break on zero.

use super::*;

#[test]
fn durations_keep_three_digits() {
    let shown: Vec<String> = [0, 999, 1_000, 412_345, 1_520_000, 999_999, 25_040_000, 1_530_000_000]
        .map(|ns| duration(Nanos(ns)))
        .to_vec();
    assert_eq!(shown, ["0", "999 ns", "1.00 µs", "412 µs", "1.52 ms", "999 µs", "25.0 ms", "1.53 s"]);
    assert_eq!(duration(Nanos(125 * SECOND)), "2 m 05 s");
    assert_eq!(duration(Nanos(3 * HOUR + 7 * MINUTE)), "3 h 07 m");
}

#[test]
fn a_typed_duration_reads_back_as_itself() {
    for ns in [1, 900, 1_500, 250_000_000, 1_500_000_000, 120_000_000_000, 61_250_000_000, 3_000_001] {
        let typed = duration_typed(Nanos(ns));
        assert_eq!(parse::duration(&typed), Ok(Nanos(ns)), "{typed}");
    }
    assert_eq!(duration_typed(Nanos(250_000_000)), "250ms");
    assert_eq!(duration_typed(Nanos(1_500_000_000)), "1.5s");
    assert_eq!(duration_typed(Nanos(2 * MINUTE)), "2m");
}

#[test]
fn counts_bytes_and_shares() {
    assert_eq!(count(999), "999");
    assert_eq!(count(1_234_567), "1,234,567");
    assert_eq!(counted(1, "span", "spans"), "1 span");
    assert_eq!(bytes(999), "999 B");
    assert_eq!(bytes(1_240_000), "1.2 MB");
    assert_eq!(bytes(250_000), "250 kB");
    assert_eq!(share(1, 2), "50 %");
    assert_eq!(share(1, 100), "1.0 %");
    assert_eq!(share(1, 100_000), "< 0.1 %");
    assert_eq!(share(1, 0), "–");
}

#[test]
fn figures_in_their_units() {
    let shown = [
        (8_589_934_592.0, Unit::Bytes),
        (30.0, Unit::Seconds),
        (0.0, Unit::PerSecond),
        (2.5, Unit::PerSecond),
        (1_234.0, Unit::Count),
        (1.0, Unit::YesNo),
        (0.0, Unit::YesNo),
    ]
    .map(|(value, unit)| in_unit(value, unit));
    assert_eq!(shown, ["8.6 GB", "30.0 s", "0/s", "2.5/s", "1,234", "yes", "no"]);
}

#[test]
fn offsets_tell_neighbours_apart() {
    let shown = [0, 412_000, 396_123_456, 12_345_678_901, 79_238_000_000, 2 * HOUR + 5 * MINUTE]
        .map(|ns| offset(Nanos(ns)));
    assert_eq!(shown, ["0", "412 µs", "396.1 ms", "12.345 s", "1:19.238", "2:05:00.000"]);
    assert_eq!(minutes(61 * SECOND, 0), "1:01");
}
