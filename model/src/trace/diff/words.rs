//! A diff in words: where the extra time went.

use super::{Diff, Entry};

/// More than this many places are summed up as "elsewhere".
const NAMED_MAX: usize = 4;
const NS_PER_MS: f64 = 1e6;

impl Diff {
    /// One sentence whose parts add up to the difference of the two durations.
    pub fn words(&self) -> String {
        let delta = self.delta();
        if delta == 0 {
            return "Both took the same time.".to_owned();
        }
        let (subject, than) = match self.sample.as_ref().map(|sample| sample.is_second) {
            None => ("The second", ""),
            Some(false) => ("This trace", " than is typical"),
            Some(true) => ("What is typical", " than this trace"),
        };
        let all = self.contributions();
        let named = if all.len() > NAMED_MAX + 1 { NAMED_MAX } else { all.len() };
        let mut parts: Vec<String> = all[..named]
            .iter()
            .map(|(at, ns)| format!("{} {}", millis(*ns), self.place(&self.entries[*at as usize])))
            .collect();
        let rest: i64 = all[named..].iter().map(|(_, ns)| ns).sum();
        if named < all.len() {
            parts.push(format!("{} in {} other places", millis(rest), all.len() - named));
        }
        let (longer, by) =
            (if delta > 0 { "longer" } else { "less" }, delta.unsigned_abs() as f64 / NS_PER_MS);
        format!("{subject} took {} ms {longer}{than}: {}.", digits(by), parts.join(", "))
    }

    fn place(&self, entry: &Entry) -> String {
        let (service, operation) = (self.text(entry.service), self.text(entry.operation));
        match (entry.a.calls, entry.b.calls) {
            (0, b) => format!("in {service} {operation} ({}, added)", calls(b)),
            (a, 0) => format!("in {service} {operation} ({}, removed)", calls(a)),
            (a, b) if a != b => format!("in {service} {operation} ({} instead of {a})", calls(b)),
            _ => format!("in {service} {operation}"),
        }
    }
}

fn calls(count: u32) -> String {
    if count == 1 { "1 call".to_owned() } else { format!("{count} calls") }
}

fn millis(ns: i64) -> String {
    let sign = if ns < 0 { "−" } else { "+" };
    format!("{sign}{} ms", digits(ns.unsigned_abs() as f64 / NS_PER_MS))
}

/// As many decimals as a reader can use.
fn digits(ms: f64) -> String {
    match ms {
        ms if ms >= 100.0 || ms.fract() == 0.0 => format!("{ms:.0}"),
        ms if ms >= 1.0 => format!("{ms:.1}"),
        ms => format!("{ms:.3}"),
    }
}
