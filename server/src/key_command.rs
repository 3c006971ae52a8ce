//! `skein key`: ingest keys, made, listed and revoked in the metadata of a server that runs or does not.

use std::io::Write;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use clap::Subcommand;
use model::{TenantId, Timestamp};

use crate::access::{Access, KeyLine, meta_url};

#[derive(Debug, Subcommand)]
pub enum KeyAction {
    /// Make a key and print it, once
    Create {
        /// What the key is for
        #[arg(long)]
        name: String,
        /// Whose data its spans become
        #[arg(long, default_value = TenantId::DEFAULT)]
        tenant: String,
        /// How many spans a second it may send; 0 is as many as come
        #[arg(long, default_value_t = 0)]
        spans_per_second: u64,
    },
    /// Print all keys there ever were, without their secrets
    List,
    /// End a key's validity; a running server knows within seconds
    Revoke {
        /// The id, as `list` prints it
        id: String,
    },
}

pub async fn run(action: KeyAction, url: Option<&str>, data_dir: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(data_dir)
        .with_context(|| format!("the data folder {} cannot be made", data_dir.display()))?;
    let access = Access::open(&meta_url(url, data_dir)).await?;
    let mut out = std::io::stdout().lock();
    match action {
        KeyAction::Create { name, tenant, spans_per_second } => {
            let key = access.create_key(&TenantId(tenant), &name, spans_per_second, now()).await?;
            writeln!(out, "{key}")?;
        }
        KeyAction::List => {
            writeln!(out, "id\tname\ttenant\tspans_per_second\tcreated\tlast_used\trevoked")?;
            for key in access.list_keys().await? {
                writeln!(out, "{}", row(&key))?;
            }
        }
        KeyAction::Revoke { id } => access.revoke_key(&id, now()).await?,
    }
    Ok(())
}

fn row(key: &KeyLine) -> String {
    let rate = match key.spans_per_second {
        0 => "unlimited".to_owned(),
        rate => rate.to_string(),
    };
    let name = key.name.replace(char::is_control, " ");
    let (created, used, revoked) = (when(key.created), when(key.last_used), when(key.revoked));
    format!("{}\t{name}\t{}\t{rate}\t{created}\t{used}\t{revoked}", key.id, key.tenant.0)
}

fn when(time: Timestamp) -> String {
    match i64::try_from(time.0 / 1_000_000_000).ok().map(jiff::Timestamp::from_second) {
        Some(Ok(at)) if time.0 > 0 => at.to_string(),
        _ => "never".to_owned(),
    }
}

fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX))
}
