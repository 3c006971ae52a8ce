//! Whether anything is wrong with Skein itself, and where.

use serde::{Deserialize, Serialize};

use crate::{Nanos, Timestamp};

/// The worst that is the case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Condition {
    #[default]
    Fine,
    Degraded,
    EngineAway,
}

impl Condition {
    pub fn name(self) -> &'static str {
        match self {
            Condition::Fine => "fine",
            Condition::Degraded => "degraded",
            Condition::EngineAway => "engine_away",
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StatusReport {
    pub condition: Condition,
    /// Worst first.
    pub troubles: Vec<Trouble>,
    pub version: String,
    pub roles: Vec<String>,
    pub started: Timestamp,
    pub now: Timestamp,
    /// What rates are taken over; shorter while it has only just started.
    pub window: Nanos,
    pub figures: Vec<Figure>,
    pub stages: Vec<StageFigures>,
    pub tables: Vec<TableFigures>,
    /// Latest first.
    pub said: Vec<Said>,
    /// Whether Skein traces its own work.
    pub own_traces: bool,
}

/// Something wrong, and what to do about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    pub what: String,
    pub advice: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    #[default]
    Count,
    PerSecond,
    Bytes,
    Seconds,
    /// Any number but zero is yes.
    YesNo,
}

impl Unit {
    pub fn name(self) -> &'static str {
        match self {
            Unit::Count => "count",
            Unit::PerSecond => "per_second",
            Unit::Bytes => "bytes",
            Unit::Seconds => "seconds",
            Unit::YesNo => "yes_no",
        }
    }
}

/// One number about one part of Skein, with its limit if it has one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// Names it for machines.
    pub id: String,
    pub part: String,
    pub label: String,
    /// None where only the limit is known.
    pub value: Option<f64>,
    pub unit: Unit,
    pub limit: Option<f64>,
    /// How often the limit turned something away since the start.
    pub reached: Option<u64>,
    pub is_wrong: bool,
}

/// Rate, errors and durations of one stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StageFigures {
    pub name: String,
    pub per_sec: f64,
    /// In the window.
    pub failures: u64,
    pub p50: Nanos,
    pub p99: Nanos,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableFigures {
    pub name: String,
    pub rows: u64,
    pub bytes: u64,
    pub parts: u64,
    /// How long its rows are kept; zero where they do not expire by configuration.
    pub keep_days: u32,
}

/// A line of Skein's own log, a warning or an error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    pub time: Timestamp,
    pub is_error: bool,
    pub text: String,
}
