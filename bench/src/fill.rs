//! Fills an engine with a day of spans in minutes: the writer's own columns, straight into its tables.
//!
//! What is stored is what a day of load would have stored, in as many parts as its merges leave; only the way through
//! the doors and the queue is left out.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use bytes::Bytes;
use model::{Nanos, TenantId, Timestamp};
use serde::Deserialize;
use server::queue::{Kind, Record};
use server::storage::Store;
use server::storage::columns::{Batched, Batcher};
use server::storage::store::Address;
use tokio::sync::mpsc;

use crate::load::now;
use crate::pool::Pool;

/// As many as the queue seals at most.
const BATCH_SPANS: u64 = 100_000;
pub const DAY: Nanos = Nanos(86_400 * 1_000_000_000);

#[derive(Deserialize)]
struct Login {
    url: String,
    user: String,
    password: String,
    database: String,
}

/// How much arrives over how long, and how much of it at once.
#[derive(Clone, Copy)]
pub struct Fill {
    pub spans: u64,
    pub over: Nanos,
    pub batch_spans: u64,
}

/// Stores so many spans, spread evenly over the last day. Returns how many there are.
pub async fn fill(pool: &Arc<Pool>, data_dir: &Path, wanted: u64) -> anyhow::Result<u64> {
    fill_over(pool, data_dir, Fill { spans: wanted, over: DAY, batch_spans: BATCH_SPANS }).await
}

/// The same over any time.
pub async fn fill_over(pool: &Arc<Pool>, data_dir: &Path, plan: Fill) -> anyhow::Result<u64> {
    let path = data_dir.join("engine/client.json");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let Login { url, user, password, database } = serde_json::from_str(&text)?;
    let store = Store::new(&Address { url, user, password, database });
    let (made, mut ready) = mpsc::channel(1);
    let pool = pool.clone();
    // Filled again, it is to be stored again.
    let before = pool.drawn();
    let making = tokio::task::spawn_blocking(move || make(&pool, plan, &made));
    let mut number = 0;
    while let Some(batched) = ready.recv().await {
        let batched: Batched = batched;
        number += 1;
        let token = format!("fill-{before}-{number}");
        let inserts = batched.blocks.iter().map(|block| store.insert(block, &token));
        futures::future::try_join_all(inserts).await?;
    }
    making.await?
}

fn make(pool: &Pool, plan: Fill, out: &mpsc::Sender<Batched>) -> anyhow::Result<u64> {
    let Fill { spans: wanted, over, batch_spans } = plan;
    let from = now().minus(over);
    let at =
        |spans: u64| Timestamp(from.0 + (over.0 as u128 * u128::from(spans) / u128::from(wanted)) as u64);
    let mut known: HashSet<u64> = HashSet::new();
    let mut spans = 0;
    while spans < wanted {
        let (new_origins, batched) = {
            let mut batcher = Batcher::new(&known);
            let full = (spans + batch_spans).min(wanted);
            while spans < full {
                let draw = pool.draw();
                let received = at(spans);
                let body = Bytes::from(pool.bytes(draw, received));
                batcher.add(&Record {
                    tenant: TenantId::default(),
                    received,
                    kind: Kind::Spans,
                    spans: draw.spans as u32,
                    body,
                })?;
                spans += draw.spans;
            }
            let batched = batcher.finish();
            (batched.new_origins.clone(), batched)
        };
        known.extend(new_origins);
        if out.blocking_send(batched).is_err() {
            break;
        }
    }
    Ok(spans)
}
