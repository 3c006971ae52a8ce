//! Skein's HTTP API as a client sees it: one trace, and searches, each with the time it took.

use std::time::Duration;

use anyhow::{Context, bail};
use model::TraceId;
use serde_json::Value;
use tokio::time::Instant;

#[derive(Clone)]
pub struct Api {
    http: reqwest::Client,
    base: String,
}

pub struct Answer {
    pub body: Value,
    pub took: Duration,
}

impl Api {
    pub fn new(base: &str) -> Api {
        Api { http: reqwest::Client::new(), base: base.to_owned() }
    }

    /// None when the path names nothing.
    pub async fn get(&self, path_and_query: &str) -> anyhow::Result<Option<Answer>> {
        let start = Instant::now();
        let answer = self.http.get(format!("{}{path_and_query}", self.base)).send().await?;
        let status = answer.status();
        let bytes = answer.bytes().await?;
        let took = start.elapsed();
        if status.as_u16() == 404 {
            return Ok(None);
        }
        if !status.is_success() {
            bail!(
                "{path_and_query} answered {status}: {}",
                String::from_utf8_lossy(&bytes[..bytes.len().min(400)])
            );
        }
        let body = serde_json::from_slice(&bytes).with_context(|| path_and_query.to_owned())?;
        Ok(Some(Answer { body, took }))
    }

    /// How long a server function takes, with its arguments in the order they are declared in.
    pub async fn call(&self, function: &str, arguments: &[u8]) -> anyhow::Result<Duration> {
        let start = Instant::now();
        let request = self.http.post(format!("{}/fn/{function}", self.base));
        let request = request.header("content-type", "application/postcard").body(arguments.to_vec());
        let answer = request.send().await?;
        let status = answer.status();
        answer.bytes().await?;
        if !status.is_success() {
            bail!("{function} answered {status}");
        }
        Ok(start.elapsed())
    }

    /// How long it takes until the first traces of an answer in parts are there; none when there is none to find.
    pub async fn first_traces(&self, path_and_query: &str) -> anyhow::Result<Option<Duration>> {
        let start = Instant::now();
        let request = self.http.get(format!("{}{path_and_query}", self.base));
        let mut answer = request.header("accept", "application/x-ndjson").send().await?.error_for_status()?;
        let mut line = Vec::new();
        while let Some(piece) = answer.chunk().await? {
            line.extend_from_slice(&piece);
            if let Some(end) = line.iter().position(|byte| *byte == b'\n') {
                let took = start.elapsed();
                let part: Value = serde_json::from_slice(&line[..end]).context(path_and_query.to_owned())?;
                let found = part["traces"].as_array().is_some_and(|traces| !traces.is_empty());
                // What comes after is read, so that the search is not given up half way.
                while answer.chunk().await?.is_some() {}
                return Ok(found.then_some(took));
            }
        }
        bail!("{path_and_query} answered nothing")
    }

    /// How many spans a trace has, and how long the answer took.
    pub async fn trace(&self, id: TraceId) -> anyhow::Result<Option<(usize, Duration)>> {
        let answer = self.get(&format!("/api/traces/{id}")).await?;
        Ok(answer.map(|a| (a.body["spans"].as_array().map_or(0, Vec::len), a.took)))
    }

    /// How long it takes from sending until a trace can be opened; none when it does not within `patience`.
    pub async fn wait_for_trace(&self, id: TraceId, patience: Duration) -> anyhow::Result<Option<Duration>> {
        let start = Instant::now();
        while start.elapsed() < patience {
            if self.trace(id).await?.is_some() {
                return Ok(Some(start.elapsed()));
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        Ok(None)
    }
}
