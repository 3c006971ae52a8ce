//! Brings the engine's tables up to this version. Forward only, and safe to run again at any point.

use super::{Store, StoreError};

struct Migration {
    number: u32,
    name: &'static str,
    sql: &'static str,
}

macro_rules! migration {
    ($number:literal, $name:literal) => {
        Migration {
            number: $number,
            name: $name,
            sql: include_str!(concat!("../../../migrations/clickhouse/", $name, ".sql")),
        }
    };
}

const MIGRATIONS: &[Migration] = &[
    migration!(1, "0001_spans"),
    migration!(2, "0002_search"),
    migration!(3, "0003_red"),
    migration!(4, "0004_pieces"),
    migration!(5, "0005_settle"),
    migration!(6, "0006_logs"),
    migration!(7, "0007_receipts"),
    migration!(8, "0008_search_gone"),
    migration!(11, "0011_work"),
    migration!(12, "0012_origin_minutes"),
    migration!(14, "0014_traces_index"),
    migration!(15, "0015_refused"),
    migration!(17, "0017_links"),
];

const LEDGER: &str = "CREATE TABLE IF NOT EXISTS migrations (number UInt32, name String, applied DateTime DEFAULT now()) \
     ENGINE = MergeTree ORDER BY number";

#[derive(clickhouse::Row, serde::Deserialize)]
struct Applied {
    number: u32,
}

/// Creates the database if it is not there and applies what is missing.
pub async fn migrate(store: &Store) -> Result<(), StoreError> {
    store
        .execute_bare(&format!("CREATE DATABASE IF NOT EXISTS {} ENGINE = Atomic", store.database()))
        .await?;
    store.execute(LEDGER).await?;
    let done: Vec<Applied> = store.client().query_raw("SELECT number FROM migrations").fetch_all().await?;
    for migration in MIGRATIONS {
        if done.iter().any(|applied| applied.number == migration.number) {
            continue;
        }
        tracing::info!(migration = migration.name, "applying migration");
        for statement in statements(migration.sql) {
            store.execute(statement).await?;
        }
        let (number, name) = (migration.number, migration.name);
        store.execute(&format!("INSERT INTO migrations (number, name) VALUES ({number}, '{name}')")).await?;
    }
    Ok(())
}

/// A file's statements: each ends in `;` at the end of a line.
fn statements(sql: &str) -> impl Iterator<Item = &str> {
    sql.split(";\n")
        .map(str::trim)
        .filter(|s| s.lines().any(|l| !l.trim().is_empty() && !l.starts_with("--")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_up_and_names_carry_them() {
        assert!(MIGRATIONS.is_sorted_by(|a, b| a.number < b.number));
        for migration in MIGRATIONS {
            assert!(migration.name.starts_with(&format!("{:04}_", migration.number)));
            assert!(statements(migration.sql).count() > 0, "{}", migration.name);
        }
    }

    #[test]
    fn statements_are_split_at_line_ends_only() {
        assert_eq!(statements("A ';' x;\n-- only words\n;\nB;\n").collect::<Vec<_>>(), ["A ';' x", "B"]);
    }
}
