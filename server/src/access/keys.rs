//! Ingest keys: made, listed and revoked in the metadata; judged from a copy in memory, so that a door never waits
//! for the database and a guess costs one look-up.
//!
//! A key reads `skein_<id>_<secret>`. The id finds it, the secret proves it; only the secret's SHA-256 is kept.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use model::{TenantId, Timestamp};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use sha2::{Digest, Sha256};
use sqlx::Row;
use sqlx::any::AnyRow;
use subtle::ConstantTimeEq;

use super::{Access, AccessError};
use crate::limits::{INGEST_KEY_USE_INTERVAL, INGEST_KEYS_MAX};

/// What every key starts with, so that it is told from other bearer tokens, and found when it leaks.
pub const PREFIX: &str = "skein_";

/// Digits of an id that tell keys of the same name apart.
const LABEL_ID_DIGITS: usize = 6;

/// A key as an operator sees it; times of 0 are "never".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyLine {
    pub id: String,
    pub tenant: TenantId,
    pub name: String,
    pub spans_per_second: u64,
    pub created: Timestamp,
    pub last_used: Timestamp,
    pub revoked: Timestamp,
}

/// A key that is valid, with what it may still send.
#[derive(Debug)]
pub struct Key {
    tenant: TenantId,
    label: String,
    hash: String,
    spans_per_second: u64,
    allowance: Mutex<Allowance>,
    is_used: AtomicBool,
}

/// Spans that may be sent now; below zero after a batch larger than what there was.
#[derive(Debug)]
struct Allowance {
    spans: f64,
    at: Instant,
}

impl Key {
    fn new(stored: StoredKey, now: Instant) -> Key {
        let StoredKey { id, tenant, name, hash, spans_per_second, .. } = stored;
        let allowance = Mutex::new(Allowance { spans: spans_per_second as f64, at: now });
        let short_id = id.get(..LABEL_ID_DIGITS).unwrap_or(&id);
        let label = format!("{name} ({short_id})").trim_start().to_owned();
        Key { tenant, label, hash, spans_per_second, allowance, is_used: AtomicBool::new(false) }
    }

    /// Its name and the beginning of its id: what people call it by.
    pub fn label(&self) -> &str {
        &self.label
    }

    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Takes the spans off the allowance, or says how long to wait. A batch passes whole as long as anything is
    /// left, so that one larger than a second's worth is slowed and not shut out.
    pub fn admit(&self, spans: u32, now: Instant) -> Result<(), Duration> {
        if self.spans_per_second == 0 {
            return Ok(());
        }
        let rate = self.spans_per_second as f64;
        let mut allowance = self.allowance.lock().unwrap_or_else(PoisonError::into_inner);
        let earned = now.saturating_duration_since(allowance.at).as_secs_f64() * rate;
        allowance.spans = (allowance.spans + earned).min(rate);
        allowance.at = now;
        if allowance.spans < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - allowance.spans) / rate));
        }
        allowance.spans -= f64::from(spans);
        Ok(())
    }
}

/// The valid keys, as of the last look into the metadata.
#[derive(Debug, Default)]
pub struct Keys {
    by_id: RwLock<HashMap<String, Arc<Key>>>,
    valid: Gauge,
}

impl Keys {
    pub fn register(&self, registry: &mut Registry) {
        registry.register("skein_ingest_keys", "Valid ingest keys", self.valid.clone());
    }

    /// The key this text is, if it is one. Which part was wrong shows neither in the answer nor in its time.
    pub fn find(&self, text: &str) -> Option<Arc<Key>> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let by_id = self.by_id.read().unwrap_or_else(PoisonError::into_inner);
        let key = by_id.get(id);
        let nobody = "0".repeat(64);
        let hash = key.map_or(&nobody, |key| &key.hash);
        let is_right = bool::from(hash_of(secret).as_bytes().ct_eq(hash.as_bytes()));
        let key = key.filter(|_| is_right)?;
        key.is_used.store(true, Ordering::Relaxed);
        Some(key.clone())
    }
}

impl Access {
    /// Makes a key and returns its text, which nothing can tell again.
    pub async fn create_key(
        &self,
        tenant: &TenantId,
        name: &str,
        spans_per_second: u64,
        now: Timestamp,
    ) -> Result<String, AccessError> {
        let scope = self.scope_of(tenant).await?;
        if tenant.is_own() {
            return Err(AccessError::ReservedTenant(tenant.0.clone()));
        }
        let (valid,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM ingest_keys WHERE revoked_unix_ms = 0")
            .fetch_one(self.pool())
            .await
            .map_err(AccessError::Read)?;
        if valid >= INGEST_KEYS_MAX {
            return Err(AccessError::TooManyKeys(INGEST_KEYS_MAX));
        }
        let id = format!("{:016x}", rand::random::<u64>());
        let secret = format!("{:032x}", rand::random::<u128>());
        let sql = "INSERT INTO ingest_keys (id, tenant, name, secret_sha256, spans_per_second, created_unix_ms, \
                   last_used_unix_ms, revoked_unix_ms) VALUES ($1, $2, $3, $4, $5, $6, 0, 0)";
        let values = sqlx::query(sql)
            .bind(&id)
            .bind(&scope.tenant.0)
            .bind(name)
            .bind(hash_of(&secret))
            .bind(i64::try_from(spans_per_second).unwrap_or(i64::MAX))
            .bind(millis(now));
        values.execute(self.pool()).await.map_err(AccessError::Write)?;
        Ok(format!("{PREFIX}{id}_{secret}"))
    }

    /// All keys there ever were, the latest first.
    pub async fn list_keys(&self) -> Result<Vec<KeyLine>, AccessError> {
        let sql = "SELECT id, tenant, name, spans_per_second, created_unix_ms, last_used_unix_ms, revoked_unix_ms \
                   FROM ingest_keys ORDER BY created_unix_ms DESC, id";
        let rows = sqlx::query(sql).fetch_all(self.pool()).await.map_err(AccessError::Read)?;
        rows.iter().map(line).collect::<Result<_, _>>().map_err(AccessError::Read)
    }

    /// Ends a key's validity for good.
    pub async fn revoke_key(&self, id: &str, now: Timestamp) -> Result<(), AccessError> {
        let changed =
            sqlx::query("UPDATE ingest_keys SET revoked_unix_ms = $1 WHERE id = $2 AND revoked_unix_ms = 0")
                .bind(millis(now))
                .bind(id)
                .execute(self.pool())
                .await
                .map_err(AccessError::Write)?;
        if changed.rows_affected() == 0 { Err(AccessError::UnknownKey(id.to_owned())) } else { Ok(()) }
    }

    /// Brings the copy up to date with the metadata, and notes there which keys were used.
    pub async fn refresh_keys(&self, keys: &Keys, now: Timestamp) -> Result<(), AccessError> {
        let sql = "SELECT id, tenant, name, secret_sha256, spans_per_second, last_used_unix_ms FROM ingest_keys \
                   WHERE revoked_unix_ms = 0 AND tenant <> $2 ORDER BY created_unix_ms LIMIT $1";
        let rows = sqlx::query(sql)
            .bind(INGEST_KEYS_MAX)
            .bind(TenantId::OWN)
            .fetch_all(self.pool())
            .await
            .map_err(AccessError::Read)?;
        let mut by_id = HashMap::with_capacity(rows.len());
        let mut used = Vec::new();
        for row in &rows {
            let stored = valid_key(row).map_err(AccessError::Read)?;
            let id = stored.id.clone();
            let is_due = millis(now) - stored.last_used_ms >= INGEST_KEY_USE_INTERVAL.as_millis() as i64;
            let known = keys.by_id.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
            let key = known.filter(|key| key.spans_per_second == stored.spans_per_second);
            let key = key.unwrap_or_else(|| Arc::new(Key::new(stored, Instant::now())));
            if is_due && key.is_used.swap(false, Ordering::Relaxed) {
                used.push(id.clone());
            }
            by_id.insert(id, key);
        }
        keys.valid.set(by_id.len() as i64);
        *keys.by_id.write().unwrap_or_else(PoisonError::into_inner) = by_id;
        for id in used {
            sqlx::query("UPDATE ingest_keys SET last_used_unix_ms = $1 WHERE id = $2")
                .bind(millis(now))
                .bind(&id)
                .execute(self.pool())
                .await
                .map_err(AccessError::Write)?;
        }
        Ok(())
    }
}

/// A valid key as the metadata has it.
struct StoredKey {
    id: String,
    tenant: TenantId,
    name: String,
    hash: String,
    spans_per_second: u64,
    last_used_ms: i64,
}

fn valid_key(row: &AnyRow) -> Result<StoredKey, sqlx::Error> {
    Ok(StoredKey {
        id: row.try_get(0)?,
        tenant: TenantId(row.try_get(1)?),
        name: row.try_get(2)?,
        hash: row.try_get(3)?,
        spans_per_second: row.try_get::<i64, _>(4)?.max(0) as u64,
        last_used_ms: row.try_get(5)?,
    })
}

fn line(row: &AnyRow) -> Result<KeyLine, sqlx::Error> {
    let number = |at: usize| row.try_get::<i64, _>(at).map(|number| number.max(0) as u64);
    let time = |at: usize| number(at).map(|ms| Timestamp(ms.saturating_mul(1_000_000)));
    Ok(KeyLine {
        id: row.try_get(0)?,
        tenant: TenantId(row.try_get(1)?),
        name: row.try_get(2)?,
        spans_per_second: number(3)?,
        created: time(4)?,
        last_used: time(5)?,
        revoked: time(6)?,
    })
}

fn millis(time: Timestamp) -> i64 {
    (time.0 / 1_000_000) as i64
}

fn hash_of(secret: &str) -> String {
    Sha256::digest(secret.as_bytes()).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests;
