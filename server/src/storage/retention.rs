//! How long what is kept and where: the tables' own expiry and moves, brought in line with the configuration at every
//! start.
//!
//! Parts are dropped whole once everything in them has expired, which costs nothing; a day is the finest step.

use std::ops::RangeInclusive;

use clap::Args;
use clickhouse::Row;
use serde::Deserialize;
use thiserror::Error;

use super::tiers::{POLICY, Tiers};
use super::{Store, StoreError};
use crate::limits::{KEEP_FIGURES_DAYS, KEEP_LOGS_DAYS, KEEP_MAX_DAYS, KEEP_SEARCH_DAYS, KEEP_SPANS_DAYS};

#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct Retention {
    /// Days a span is kept after it arrived
    #[arg(long = "keep-spans-days", env = "SKEIN_KEEP_SPANS_DAYS", default_value_t = KEEP_SPANS_DAYS, value_name = "DAYS")]
    pub spans_days: u32,
    /// Days in which a trace can be searched for, and not only opened by its id
    #[arg(long = "keep-search-days", env = "SKEIN_KEEP_SEARCH_DAYS", default_value_t = KEEP_SEARCH_DAYS, value_name = "DAYS")]
    pub search_days: u32,
    /// Days rates, errors and durations of services are kept, and receipts
    #[arg(long = "keep-figures-days", env = "SKEIN_KEEP_FIGURES_DAYS", default_value_t = KEEP_FIGURES_DAYS, value_name = "DAYS")]
    pub figures_days: u32,
    /// Days a log line is kept after it arrived
    #[arg(long = "keep-logs-days", env = "SKEIN_KEEP_LOGS_DAYS", default_value_t = KEEP_LOGS_DAYS, value_name = "DAYS")]
    pub logs_days: u32,
}

/// When rows of a table move and expire, in the engine's own spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Expiry {
    table: &'static str,
    rule: String,
    days: u32,
}

#[derive(Debug, Error)]
pub enum RetentionError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(
        "--storage-policy {0}: ClickHouse has no such policy with a volume warm or cold; define it there (storage_configuration), with the tables' disk in its first volume"
    )]
    NoPolicy(String),
}

/// Which tables may lie on other volumes, which policy they need, and when their parts move where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Tiering {
    policy: Option<String>,
    moves: Vec<(&'static str, u32)>,
}

/// The bulk of what is kept. All else is small, or read all the time.
const MOVED: [&str; 2] = ["spans", "logs"];

const DAYS: RangeInclusive<u32> = 1..=KEEP_MAX_DAYS;

impl Retention {
    pub fn check(&self) -> Result<(), String> {
        let all = [
            ("--keep-spans-days", self.spans_days),
            ("--keep-search-days", self.search_days),
            ("--keep-figures-days", self.figures_days),
            ("--keep-logs-days", self.logs_days),
        ];
        if let Some((flag, days)) = all.into_iter().find(|(_, days)| !DAYS.contains(days)) {
            return Err(format!("{flag} {days}: days go from 1 to {KEEP_MAX_DAYS}"));
        }
        if self.search_days > self.spans_days {
            let (search, spans) = (self.search_days, self.spans_days);
            return Err(format!(
                "--keep-search-days {search} is more than --keep-spans-days {spans}: searches would find what is gone"
            ));
        }
        Ok(())
    }

    /// Days the rows of each table are kept.
    pub fn days_of_tables(&self) -> Vec<(&'static str, u32)> {
        self.expiries(&[]).iter().map(|expiry| (expiry.table, expiry.days)).collect()
    }

    fn expiries(&self, moves: &[(&str, u32)]) -> [Expiry; 12] {
        let after = |table: &'static str, column: &str, days: u32| {
            let moves = moves.iter().filter(|(_, at)| MOVED.contains(&table) && *at < days);
            let moved =
                moves.map(|(volume, at)| format!("{column} + toIntervalDay({at}) TO VOLUME '{volume}', "));
            let rule = moved.collect::<String>() + &format!("{column} + toIntervalDay({days})");
            Expiry { table, rule, days }
        };
        [
            after("spans", "received", self.spans_days),
            after("pieces", "received", self.search_days),
            after("logs", "received", self.logs_days),
            // Rates reach as far back as the spans they are of.
            after("red", "day", self.figures_days.max(self.spans_days)),
            after("receipts", "minute", self.figures_days),
            after("refused", "received", self.spans_days),
            after("traces", "first_received", self.spans_days),
            after("edges", "slice", self.figures_days),
            after("paths", "slice", self.figures_days),
            after("work", "slice", self.figures_days),
            after("origin_minutes", "day", self.figures_days),
            after("anomalies", "last_seen", self.figures_days),
        ]
    }
}

#[derive(Row, Deserialize)]
struct EngineRow {
    name: String,
    engine_full: String,
}

#[derive(Row, Deserialize)]
struct VolumeRow {
    policy_name: String,
    volume_name: String,
}

/// Changes what differs, for rows that are stored already too.
pub async fn apply(store: &Store, retention: &Retention, tiers: &Tiers) -> Result<(), RetentionError> {
    let tiering = tiering(store, tiers).await?;
    let sql = "SELECT name, engine_full FROM system.tables WHERE database = currentDatabase()";
    let tables: Vec<EngineRow> = store.client().query_raw(sql).fetch_all().await.map_err(StoreError::from)?;
    for Expiry { table, rule, .. } in retention.expiries(&tiering.moves) {
        let current = tables.iter().find(|row| row.name == table).map_or("", |row| row.engine_full.as_str());
        let policy = tiering.policy.iter().map(|name| format!("storage_policy = '{name}'"));
        for setting in policy.filter(|setting| MOVED.contains(&table) && !current.contains(setting)) {
            store.execute(&format!("ALTER TABLE {table} MODIFY SETTING {setting}")).await?;
        }
        if current.contains(&format!(" TTL {rule} ")) {
            continue;
        }
        tracing::info!(table, rule, "rows expire differently from now on");
        // Parts get to know their new end without being written again.
        store
            .execute(&format!("ALTER TABLE {table} MODIFY SETTING materialize_ttl_recalculate_only = 1"))
            .await?;
        store.execute(&format!("ALTER TABLE {table} MODIFY TTL {rule}")).await?;
    }
    Ok(())
}

/// The embedded engine has the policy when it has further volumes at all, named today or earlier.
async fn tiering(store: &Store, tiers: &Tiers) -> Result<Tiering, RetentionError> {
    let sql = "SELECT policy_name, volume_name FROM system.storage_policies";
    let rows: Vec<VolumeRow> = store.client().query_raw(sql).fetch_all().await.map_err(StoreError::from)?;
    let wanted = tiers.policy.as_deref().unwrap_or(POLICY);
    let volumes: Vec<String> =
        rows.into_iter().filter(|row| row.policy_name == wanted).map(|row| row.volume_name).collect();
    match &tiers.policy {
        Some(policy) => {
            let moves = tiers.moves(&volumes);
            if moves.is_empty() {
                return Err(RetentionError::NoPolicy(policy.clone()));
            }
            Ok(Tiering { policy: Some(policy.clone()), moves })
        }
        None if volumes.is_empty() => Ok(Tiering::default()),
        None => Ok(Tiering { policy: Some(POLICY.to_owned()), moves: tiers.moves(&tiers.named()) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retention(spans_days: u32, search_days: u32, figures_days: u32) -> Retention {
        Retention { spans_days, search_days, figures_days, logs_days: 14 }
    }

    #[test]
    fn what_cannot_be_kept_is_refused_by_name() {
        assert_eq!(retention(30, 7, 30).check(), Ok(()));
        assert_eq!(retention(7, 7, 400).check(), Ok(()));
        assert!(retention(0, 7, 30).check().unwrap_err().contains("--keep-spans-days 0"));
        assert!(retention(30, 7, 99_999).check().unwrap_err().contains("--keep-figures-days"));
        let logs = Retention { logs_days: 0, ..retention(30, 7, 30) };
        assert!(logs.check().unwrap_err().contains("--keep-logs-days 0"));
        let rules = retention(30, 7, 30).expiries(&[("warm", 7), ("cold", 21)]);
        assert_eq!(
            rules[0].rule,
            "received + toIntervalDay(7) TO VOLUME 'warm', received + toIntervalDay(21) TO VOLUME 'cold', \
             received + toIntervalDay(30)"
        );
        let logs = rules.iter().find(|rule| rule.table == "logs").unwrap();
        assert_eq!(logs.rule, "received + toIntervalDay(7) TO VOLUME 'warm', received + toIntervalDay(14)");
        assert!(retention(7, 8, 30).check().unwrap_err().contains("more than --keep-spans-days 7"));
    }
}
