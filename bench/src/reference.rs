//! The yardstick: ClickHouse alone taking the rows a run has stored, in the same tables, with nothing in front.
//!
//! The rows are read back in slices of their time, about as they arrived, and sent again as Native blocks over HTTP by
//! two connections into empty copies of the tables. Nothing is decoded, checked, queued or synced.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::engine::{Engine, TableSize};
use crate::process::Skein;

const BLOCK_ROWS: u64 = 100_000;
const CONNECTIONS: usize = 2;
/// What a large table may be cut by: when a span or a piece of a trace began.
const TIME_COLUMNS: &str = "'start', 'first'";

pub struct Reference {
    /// Spans a second into `spans` alone, and into all tables that hold them.
    pub spans_only: Rate,
    pub all_tables: Rate,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Rate {
    pub spans_per_second: f64,
    /// The same until the merges are over, too: what can be kept up.
    pub merged_per_second: f64,
    /// CPU of the engine, merges included.
    pub micros_per_span: f64,
    pub is_at_rest: bool,
}

/// A Native block and the statement that inserts it.
struct Block {
    sql: String,
    data: Bytes,
}

pub async fn measure(
    engine: &Engine,
    skein: &Skein,
    spans_max: u64,
    at_least: Duration,
    rest: Duration,
) -> anyhow::Result<Reference> {
    let tables = engine.tables().await?;
    let stored = tables.iter().find(|t| t.name == "spans").map_or(0, |t| t.rows);
    let share = (spans_max as f64 / stored.max(1) as f64).min(1.0);
    let mut blocks = Vec::new();
    let mut spans = 0;
    for table in &tables {
        engine.query(&format!("CREATE TABLE IF NOT EXISTS ref_{0} AS {0}", table.name)).await?;
        // The same blocks are sent in every round; a table that knew them again would store nothing.
        let forgetful =
            format!("ALTER TABLE ref_{} MODIFY SETTING non_replicated_deduplication_window = 0", table.name);
        engine.query(&forgetful).await?;
        let (dumped, rows) = dump(engine, table, share).await?;
        if table.name == "spans" {
            spans = rows;
        }
        blocks.push((table.name == "spans", dumped));
    }
    let of_spans: Vec<Arc<Block>> =
        blocks.iter().filter(|(is_spans, _)| *is_spans).flat_map(|(_, b)| b.iter().cloned()).collect();
    let of_all = interleaved(&blocks.into_iter().map(|(_, b)| b).collect::<Vec<_>>());
    let clock = Clock { engine, skein, at_least, rest };
    let spans_only = clock.time(of_spans, spans).await?;
    let all_tables = clock.time(of_all, spans).await?;
    for table in &tables {
        engine.query(&format!("DROP TABLE ref_{} SYNC", table.name)).await?;
    }
    Ok(Reference { spans_only, all_tables })
}

/// The rows of a table, or its share of them, in blocks; and how many rows they are.
async fn dump(engine: &Engine, table: &TableSize, share: f64) -> anyhow::Result<(Vec<Arc<Block>>, u64)> {
    let name = &table.name;
    let insert = format!("INSERT INTO ref_{name} FORMAT Native");
    let time = engine
        .query(&format!(
            "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = '{name}' AND name IN ({TIME_COLUMNS})"
        ))
        .await?;
    let time = String::from_utf8_lossy(&time).trim().to_owned();
    if time.is_empty() || table.rows <= BLOCK_ROWS {
        let data = engine.query(&format!("SELECT * FROM {name} FORMAT Native")).await?;
        return Ok((vec![Arc::new(Block { sql: insert, data })], table.rows));
    }
    let cuts = cuts(engine, table, &time).await?;
    let wanted = ((cuts.len() as f64 * share).round() as usize).clamp(1, cuts.len());
    let mut blocks = Vec::new();
    let mut rows = 0;
    for (from, until) in cuts.into_iter().take(wanted) {
        let slice = format!(
            "FROM {name} WHERE {time} >= fromUnixTimestamp64Nano({from}) AND {time} < fromUnixTimestamp64Nano({until})"
        );
        rows += engine.number(&format!("SELECT count() {slice}")).await?;
        // One answer may hold several blocks; the setting makes it one, as a writer would send it.
        let data = engine
            .query(&format!(
                "SELECT * {slice} ORDER BY {time} LIMIT 10000000 SETTINGS max_block_size = 1000000, max_threads = 1 FORMAT Native"
            ))
            .await?;
        blocks.push(Arc::new(Block { sql: insert.clone(), data }));
    }
    Ok((blocks, rows))
}

/// Points in time that cut a table into slices of about a block each, as pairs of integer nanoseconds.
async fn cuts(engine: &Engine, table: &TableSize, time: &str) -> anyhow::Result<Vec<(i64, i64)>> {
    let slices = table.rows.div_ceil(BLOCK_ROWS).max(2);
    let levels: Vec<String> = (0..=slices).map(|k| format!("{:.6}", k as f64 / slices as f64)).collect();
    let sql = format!(
        "SELECT arrayJoin(quantilesExact({})(toUnixTimestamp64Nano({time}))) FROM {} FORMAT TSV",
        levels.join(","),
        table.name
    );
    let answer = engine.query(&sql).await?;
    let mut points: Vec<i64> =
        String::from_utf8_lossy(&answer).lines().filter_map(|line| line.trim().parse().ok()).collect();
    if let Some(last) = points.last_mut() {
        *last += 1;
    }
    Ok(points.windows(2).map(|pair| (pair[0], pair[1])).filter(|(from, until)| from < until).collect())
}

/// The blocks of all tables in turn, as a writer sends them.
fn interleaved(tables: &[Vec<Arc<Block>>]) -> Vec<Arc<Block>> {
    let longest = tables.iter().map(Vec::len).max().unwrap_or_default();
    (0..longest).flat_map(|k| tables.iter().filter_map(move |blocks| blocks.get(k).cloned())).collect()
}

struct Clock<'a> {
    engine: &'a Engine,
    skein: &'a Skein,
    at_least: Duration,
    rest: Duration,
}

impl Clock<'_> {
    /// Inserts the blocks, which hold `spans` spans, again and again for some time.
    async fn time(&self, blocks: Vec<Arc<Block>>, spans: u64) -> anyhow::Result<Rate> {
        let count = "SELECT count() FROM ref_spans";
        let before = self.engine.number(count).await?;
        let cpu = self.skein.cpu();
        let start = Instant::now();
        let mut rounds = 0;
        while start.elapsed() < self.at_least {
            self.insert_all(&blocks).await?;
            rounds += 1;
        }
        let wall = start.elapsed();
        let is_at_rest = self.engine.wait_for_rest(self.skein, self.rest).await?;
        let merged = start.elapsed();
        let used = self.skein.cpu().since(cpu);
        let total = spans * rounds;
        let stored = self.engine.number(count).await? - before;
        anyhow::ensure!(stored == total, "of {total} reference rows the engine kept {stored}");
        Ok(Rate {
            spans_per_second: total as f64 / wall.as_secs_f64(),
            merged_per_second: total as f64 / merged.as_secs_f64(),
            micros_per_span: used.engine * 1e6 / total.max(1) as f64,
            is_at_rest,
        })
    }

    async fn insert_all(&self, blocks: &[Arc<Block>]) -> anyhow::Result<()> {
        let next = Arc::new(AtomicUsize::new(0));
        let mut connections = JoinSet::new();
        for _ in 0..CONNECTIONS {
            let (engine, next, blocks) = (self.engine.clone(), next.clone(), blocks.to_vec());
            connections.spawn(async move {
                while let Some(block) = blocks.get(next.fetch_add(1, Ordering::Relaxed)) {
                    engine.insert(&block.sql, block.data.clone()).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(done) = connections.join_next().await {
            done??;
        }
        Ok(())
    }
}
