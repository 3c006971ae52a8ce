//! The report: markdown that a person reads, on the terminal and dated in `bench/results/`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;

pub struct Report {
    body: String,
    date: String,
    machine: String,
}

impl Report {
    pub fn new(date: Option<&str>, what: &str) -> Report {
        let date = date.map_or_else(today, str::to_owned);
        let machine = machine();
        let body = format!(
            "# Benchmark of {date}: {what}\n\nMachine: {machine}, shared by driver, server and engine.\n"
        );
        Report { body, date, machine }
    }

    pub fn heading(&mut self, text: &str) {
        self.text(&format!("## {text}"));
    }

    pub fn text(&mut self, text: &str) {
        self.body.push('\n');
        self.body.push_str(text.trim_end());
        self.body.push('\n');
    }

    /// Progress, for whoever waits; not part of the report.
    pub fn say(&self, line: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{line}");
    }

    /// Prints the report and keeps it; a second one of the same day and machine gets a number.
    pub fn finish(&self, folder: &Path) -> anyhow::Result<PathBuf> {
        writeln!(std::io::stdout().lock(), "{}", self.body)?;
        std::fs::create_dir_all(folder)?;
        let machine = self.machine.replace(' ', "");
        let name = |number: u32| match number {
            1 => format!("{}-{machine}.md", self.date),
            _ => format!("{}-{machine}-{number}.md", self.date),
        };
        let path = (1..1_000)
            .map(|number| folder.join(name(number)))
            .find(|path| !path.exists())
            .context("a thousand reports of one day")?;
        std::fs::write(&path, &self.body).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}

/// Cores and memory: enough to compare by, and nothing that names a host.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = memory.lines().next().and_then(|l| l.split_whitespace().nth(1)?.parse::<f64>().ok());
    format!("{cores} cores {:.0} GB", kib.unwrap_or_default() * 1024.0 / 1e9)
}

fn today() -> String {
    let secs = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (year, month, day) = civil_from_days((secs / 86_400) as i64);
    format!("{year:04}-{month:02}-{day:02}")
}

/// The date of a day counted from 1970, by counting whole 400-year cycles that begin in March.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let cycle = days.div_euclid(146_097);
    let day_of_cycle = days.rem_euclid(146_097);
    let year_of_cycle =
        (day_of_cycle - day_of_cycle / 1_460 + day_of_cycle / 36_524 - day_of_cycle / 146_096) / 365;
    let day_of_year = day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_cycle + cycle * 400 + i64::from(month <= 2), month, day)
}

pub fn row(name: &str, values: impl Iterator<Item = String>) -> Vec<String> {
    std::iter::once(name.to_owned()).chain(values).collect()
}

/// A markdown table; the first row is its head.
pub fn table(rows: &[Vec<String>]) -> String {
    let mut out = String::new();
    for (number, cells) in rows.iter().enumerate() {
        out.push_str(&format!("| {} |\n", cells.join(" | ")));
        if number == 0 {
            out.push_str(&format!("|{}\n", " --- |".repeat(cells.len())));
        }
    }
    out
}

pub fn rate_text(per_second: f64) -> String {
    format!("{:.1}k/s", per_second / 1e3)
}

pub fn bytes_text(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

#[cfg(test)]
mod tests;
