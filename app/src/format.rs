//! Numbers as people read them: durations, counts, sizes, shares and points in time. Pure; the time zone is an argument.

use model::view::Unit;
use model::{Nanos, Timestamp};

pub mod clock;
pub mod html;
pub mod parse;

const MICRO: u64 = 1_000;
const MILLI: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

/// Three significant digits and a unit: `412 µs`, `1.52 ms`, `2 m 05 s`.
pub fn duration(length: Nanos) -> String {
    let ns = length.0;
    match ns {
        0 => "0".to_owned(),
        _ if ns < MICRO => format!("{ns} ns"),
        _ if ns < MILLI => with_unit(ns, MICRO, "µs"),
        _ if ns < SECOND => with_unit(ns, MILLI, "ms"),
        _ if ns < MINUTE => with_unit(ns, SECOND, "s"),
        _ if ns < HOUR => format!("{} m {:02} s", ns / MINUTE, ns % MINUTE / SECOND),
        _ => format!("{} h {:02} m", ns / HOUR, ns % HOUR / MINUTE),
    }
}

/// How much more or less: `+60 ms`, `−1.5 s`, `0`.
pub fn delta(ns: i64) -> String {
    let sign = match ns {
        0 => "",
        1.. => "+",
        _ => "−",
    };
    sign.to_owned() + &duration(Nanos(ns.unsigned_abs()))
}

/// A point within a trace, fine enough to tell neighbours apart: `412 µs`, `396.1 ms`, `12.345 s`, `1:19.238`.
pub fn offset(from_start: Nanos) -> String {
    let ns = from_start.0;
    match ns {
        _ if ns < MILLI => duration(from_start),
        _ if ns < SECOND => format!("{}.{} ms", ns / MILLI, ns % MILLI / 100_000),
        _ if ns < MINUTE => format!("{}.{:03} s", ns / SECOND, ns % SECOND / MILLI),
        _ => minutes(ns, 3),
    }
}

/// `1:19.238`, `2:05:00`: as many digits after the point as asked for, at most nine.
pub fn minutes(ns: u64, decimals: usize) -> String {
    let hours = if ns < HOUR { String::new() } else { format!("{}:", ns / HOUR) };
    let minute = ns % HOUR / MINUTE;
    let minute = if hours.is_empty() { minute.to_string() } else { format!("{minute:02}") };
    let fraction = format!("{:09}", ns % SECOND);
    let point = if decimals == 0 { "" } else { "." };
    format!("{hours}{minute}:{:02}{point}{}", ns % MINUTE / SECOND, &fraction[..decimals.min(9)])
}

/// A duration as it can be typed again without loss of meaning: `250ms`, `1.5s`.
pub fn duration_typed(length: Nanos) -> String {
    let ns = length.0;
    let (unit, name) = match ns {
        _ if ns >= MINUTE && ns.is_multiple_of(MINUTE) => (MINUTE, "m"),
        _ if ns >= SECOND => (SECOND, "s"),
        _ if ns >= MILLI => (MILLI, "ms"),
        _ if ns >= MICRO => (MICRO, "us"),
        _ => return format!("{ns}ns"),
    };
    let fraction = format!("{:0width$}", ns % unit, width = unit.ilog10() as usize);
    let fraction = fraction.trim_end_matches('0');
    let dot = if fraction.is_empty() || unit == MINUTE { "" } else { "." };
    format!("{}{dot}{}{name}", ns / unit, if dot.is_empty() { "" } else { fraction })
}

fn with_unit(ns: u64, unit: u64, name: &str) -> String {
    let whole = ns / unit;
    let (decimals, per) = match whole {
        0..=9 => (2, 100),
        10..=99 => (1, 10),
        _ => return format!("{whole} {name}"),
    };
    let rest = ns % unit * per / unit;
    format!("{whole}.{rest:0decimals$} {name}")
}

/// `12,345`
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 span`, `2 spans`
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = number as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let decimals = usize::from(unit > 0 && value < 100.0);
    format!("{value:.decimals$} {}", UNITS[unit])
}

/// A figure of Skein's own.
pub fn in_unit(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Count => count(value as u64),
        Unit::Bytes => bytes(value as u64),
        Unit::Seconds => duration(Nanos((value * 10.0).round() as u64 * 100_000_000)),
        Unit::PerSecond => per_second(value),
        Unit::YesNo => if value == 0.0 { "no" } else { "yes" }.to_owned(),
    }
}

pub fn per_second(value: f64) -> String {
    let tenths = (value * 10.0).round() as u64;
    if tenths == 0 || tenths >= 100 {
        return count(value.round() as u64) + "/s";
    }
    format!("{}.{}/s", tenths / 10, tenths % 10)
}

/// Part of a whole in per cent, without pretending to a precision nobody needs.
pub fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    let percent = part as f64 * 100.0 / whole as f64;
    match percent {
        p if p >= 9.95 => format!("{p:.0} %"),
        p if p >= 0.1 || p == 0.0 => format!("{p:.1} %"),
        _ => "< 0.1 %".to_owned(),
    }
}

/// In small letters, for comparing. The browser knows those of all languages: its program does not carry them too.
pub fn lowered(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    #[cfg(feature = "csr")]
    return crate::browser::lowered(text);
    #[cfg(not(feature = "csr"))]
    text.to_lowercase()
}

/// How long ago something was, coarsely: `just now`, `12 s ago`, `3 h ago`.
pub fn ago(then: Timestamp, now: Timestamp) -> String {
    match now.since(then).0 {
        ns if ns < 2 * SECOND => "just now".to_owned(),
        ns if ns < MINUTE => format!("{} s ago", ns / SECOND),
        ns if ns < HOUR => format!("{} min ago", ns / MINUTE),
        ns if ns < 48 * HOUR => format!("{} h ago", ns / HOUR),
        ns => format!("{} d ago", ns / (24 * HOUR)),
    }
}

#[cfg(test)]
mod tests;
