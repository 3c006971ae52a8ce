//! Statements as pieces of Skein's own work: how long, how many rows, how it failed. Never what was asked for.

use std::time::Instant;

use model::view::Scanned;

use crate::storage::StoreError;
use crate::telemetry::own::{Kind, Work};
use crate::telemetry::stages::{Stage, Stages};

pub struct Observed {
    work: Work,
    began: Instant,
    stages: Stages,
    is_failed: bool,
}

impl Observed {
    pub fn statement(stages: &Stages, sql: &str) -> Observed {
        let table = table_of(sql);
        let work = Work::part(format!("SELECT {table}"), Kind::Client);
        work.note("db.system.name", "clickhouse");
        work.note("db.operation.name", "SELECT");
        work.note("db.collection.name", table.to_owned());
        Observed { work, began: Instant::now(), stages: stages.clone(), is_failed: false }
    }

    pub fn found(&mut self, rows: usize, scanned: Option<Scanned>) {
        self.work.note("db.response.returned_rows", rows as i64);
        if let Some(scanned) = scanned {
            self.work.note("skein.scanned_rows", scanned.rows as i64);
            self.work.note("skein.scanned_bytes", scanned.bytes as i64);
        }
    }

    pub fn failed(&mut self, error: &StoreError) {
        self.is_failed = true;
        self.work.fail(error.name());
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        self.stages.count(Stage::Query, self.began.elapsed(), self.is_failed);
    }
}

/// The first table a statement reads.
fn table_of(sql: &str) -> &str {
    let names = sql.match_indices("FROM ").map(|(at, from)| {
        let rest = sql[at + from.len()..].trim_start();
        &rest[..rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'))
            .unwrap_or(rest.len())]
    });
    names.into_iter().find(|name| !name.is_empty()).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_named_by_the_first_table_it_reads() {
        assert_eq!(table_of("SELECT a FROM spans WHERE b"), "spans");
        assert_eq!(table_of("SELECT a FROM (SELECT b FROM pieces)"), "pieces");
        assert_eq!(table_of("SELECT 1"), "");
    }
}
