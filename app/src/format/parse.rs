//! Reads what people type: durations such as `250ms` and `1.5 s`.

use model::{Nanos, decimal};

/// A number with a unit; without one it counts milliseconds. Says in words what is wrong.
pub fn duration(text: &str) -> Result<Nanos, &'static str> {
    const EXAMPLE: &str = "Type a duration such as 250ms, 1.5s or 2m";
    let text = text.trim();
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ',').unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let number = decimal::read(&number.replace(',', ".")).ok_or(EXAMPLE)?;
    let nanos_per_unit = match unit.trim().to_ascii_lowercase().as_str() {
        "ns" => 1.0,
        "us" | "µs" | "μs" => 1e3,
        "" | "ms" => 1e6,
        "s" | "sec" => 1e9,
        "m" | "min" => 60e9,
        "h" => 3600e9,
        _ => return Err(EXAMPLE),
    };
    Ok(Nanos((number * nanos_per_unit).round() as u64))
}

#[cfg(test)]
mod tests {
    //! What is accepted, and what is refused rather than guessed.
    use super::*;

    #[test]
    fn units_and_spaces() {
        assert_eq!(duration("250ms"), Ok(Nanos(250_000_000)));
        assert_eq!(duration(" 1.5 s "), Ok(Nanos(1_500_000_000)));
        assert_eq!(duration("1,5s"), Ok(Nanos(1_500_000_000)));
        assert_eq!(duration("40"), Ok(Nanos(40_000_000)));
        assert_eq!(duration("80µs"), Ok(Nanos(80_000)));
        assert_eq!(duration("2m"), Ok(Nanos(120_000_000_000)));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "fast", "1.2.3s", "10 parsecs", "-5ms"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
