//! Questions to the ClickHouse under a skein: how many rows, how many bytes, has it come to rest.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use serde::Deserialize;
use tokio::time::Instant;

use crate::process::Skein;

#[derive(Clone, Debug, Deserialize)]
struct Login {
    url: String,
    user: String,
    password: String,
    database: String,
}

#[derive(Clone)]
pub struct Engine {
    http: reqwest::Client,
    login: Login,
}

#[derive(Clone, Debug)]
pub struct TableSize {
    pub name: String,
    pub rows: u64,
    pub bytes: u64,
}

const REST_POLL: Duration = Duration::from_secs(2);
/// An engine below this share of a core, with no merge running, is at rest.
const REST_CPU_SHARE: f64 = 0.08;

impl Engine {
    pub fn of(data_dir: &Path) -> anyhow::Result<Engine> {
        let path = data_dir.join("engine/client.json");
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Engine { http: reqwest::Client::new(), login: serde_json::from_str(&text)? })
    }

    /// The answer to a query as it comes.
    pub async fn query(&self, sql: &str) -> anyhow::Result<Bytes> {
        self.post(&[], Bytes::from(sql.to_owned())).await.with_context(|| sql.to_owned())
    }

    /// Sends `data` to an `INSERT … FORMAT …` statement.
    pub async fn insert(&self, sql: &str, data: Bytes) -> anyhow::Result<()> {
        self.post(&[("query", sql)], data).await.with_context(|| sql.to_owned()).map(drop)
    }

    async fn post(&self, parameters: &[(&str, &str)], body: Bytes) -> anyhow::Result<Bytes> {
        // Ids and passwords need no escaping; the statements of this crate only have spaces to escape.
        let mut url = format!("{}/?database={}", self.login.url.trim_end_matches('/'), self.login.database);
        for (key, value) in parameters {
            url.push_str(&format!("&{key}={}", value.replace(' ', "%20")));
        }
        let request = self
            .http
            .post(url)
            .header("X-ClickHouse-User", &self.login.user)
            .header("X-ClickHouse-Key", &self.login.password)
            .body(body);
        let answer = request.send().await?;
        let status = answer.status();
        let bytes = answer.bytes().await?;
        if !status.is_success() {
            bail!(
                "the engine answered {status}: {}",
                String::from_utf8_lossy(&bytes[..bytes.len().min(600)])
            );
        }
        Ok(bytes)
    }

    pub async fn number(&self, sql: &str) -> anyhow::Result<u64> {
        let answer = self.query(sql).await?;
        let text = String::from_utf8_lossy(&answer);
        text.trim().parse().with_context(|| format!("{sql} answered {text:?}"))
    }

    pub async fn span_count(&self) -> anyhow::Result<u64> {
        self.number("SELECT count() FROM spans WHERE tenant = 'default'").await
    }

    /// Waits until so many spans are stored, or none came for a while; returns how many there are.
    pub async fn wait_for_spans(&self, count: u64, patience: Duration) -> anyhow::Result<u64> {
        let mut last = (self.span_count().await?, Instant::now());
        while last.0 < count && last.1.elapsed() < patience {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let stored = self.span_count().await?;
            if stored != last.0 {
                last = (stored, Instant::now());
            }
        }
        Ok(last.0)
    }

    /// Waits until merges are done, so that their CPU and their bytes are counted.
    pub async fn wait_for_rest(&self, skein: &Skein, longest: Duration) -> anyhow::Result<bool> {
        let deadline = Instant::now() + longest;
        while Instant::now() < deadline {
            let before = skein.cpu().engine;
            tokio::time::sleep(REST_POLL).await;
            let share = (skein.cpu().engine - before) / REST_POLL.as_secs_f64();
            if share < REST_CPU_SHARE && self.number("SELECT count() FROM system.merges").await? == 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The tables that hold rows, most bytes first.
    pub async fn tables(&self) -> anyhow::Result<Vec<TableSize>> {
        let sql = "SELECT table, sum(rows), sum(bytes_on_disk) FROM system.parts WHERE active AND database = \
                   currentDatabase() AND table NOT LIKE 'ref\\_%' GROUP BY table HAVING sum(rows) > 0 ORDER BY 3 DESC \
                   FORMAT TSV";
        let answer = self.query(sql).await?;
        let text = String::from_utf8_lossy(&answer);
        let table = |line: &str| {
            let mut fields = line.split('\t');
            Some(TableSize {
                name: fields.next()?.to_owned(),
                rows: fields.next()?.parse().ok()?,
                bytes: fields.next()?.parse().ok()?,
            })
        };
        text.lines().map(|line| table(line).with_context(|| format!("unexpected line {line:?}"))).collect()
    }
}
