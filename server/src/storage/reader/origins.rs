//! Who made a span, by number. An origin never changes, so those read lately are kept: most traces are made by the
//! same few hundred.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use clickhouse::Row;
use model::{Origin, Scope};
use serde::Deserialize;

use super::{Plan, Reader, untagged};
use crate::limits::ORIGINS_CACHED_MAX_BYTES;
use crate::storage::StoreError;

pub type Origins = HashMap<u64, Arc<Origin>>;

#[derive(Clone, Default)]
pub struct OriginCache {
    held: Arc<Mutex<Held>>,
}

#[derive(Default)]
struct Held {
    origins: Origins,
    bytes: usize,
}

impl Reader {
    /// The origins of these numbers, as far as they are stored. Numbers are hashes that take in the tenant, and those
    /// asked for come from rows of the scope.
    pub async fn origins(
        &self,
        scope: &Scope,
        numbers: impl Iterator<Item = u64>,
    ) -> Result<Origins, StoreError> {
        let (mut found, missing) = self.origins.look_up(numbers);
        if missing.is_empty() {
            return Ok(found);
        }
        let (rows, _) = self.fetch::<OriginRow>(&origins_plan(scope, &missing)).await?;
        for row in rows {
            let (number, bytes) = (row.id, row.bytes());
            let origin = Arc::new(row.into_model());
            self.origins.keep(number, &origin, bytes);
            found.insert(number, origin);
        }
        Ok(found)
    }
}

fn origins_plan(scope: &Scope, numbers: &[u64]) -> Plan {
    let numbers = numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    let sql = format!(
        "SELECT id, resource, resource_schema_url, resource_dropped, scope_name, scope_version, scope,
            scope_schema_url, scope_dropped
         FROM origins WHERE tenant = {{tenant:String}} AND id IN ({numbers})"
    );
    Plan::new(scope, sql).on_one_thread()
}

impl OriginCache {
    /// What is held, and the numbers that are not.
    fn look_up(&self, numbers: impl Iterator<Item = u64>) -> (Origins, Vec<u64>) {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut found, mut missing) = (Origins::new(), Vec::new());
        for number in numbers {
            match held.origins.get(&number) {
                Some(origin) => {
                    found.insert(number, origin.clone());
                }
                None if !missing.contains(&number) => missing.push(number),
                None => {}
            }
        }
        (found, missing)
    }

    /// Starts over when full: what is in use comes back with the next few questions.
    fn keep(&self, number: u64, origin: &Arc<Origin>, bytes: usize) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.bytes + bytes > ORIGINS_CACHED_MAX_BYTES {
            *held = Held::default();
        }
        if bytes <= ORIGINS_CACHED_MAX_BYTES && held.origins.insert(number, origin.clone()).is_none() {
            held.bytes += bytes;
        }
    }
}

// === Rows ===

#[derive(Row, Deserialize)]
struct OriginRow {
    id: u64,
    resource: Vec<(String, String)>,
    resource_schema_url: String,
    resource_dropped: u32,
    scope_name: String,
    scope_version: String,
    scope: Vec<(String, String)>,
    scope_schema_url: String,
    scope_dropped: u32,
}

impl OriginRow {
    /// What it takes in memory, roughly.
    fn bytes(&self) -> usize {
        let pairs = self.resource.iter().chain(&self.scope);
        let names = self.resource_schema_url.len() + self.scope_name.len() + self.scope_version.len();
        size_of::<Origin>() + names + pairs.map(|(key, text)| 64 + key.len() + text.len()).sum::<usize>()
    }

    fn into_model(self) -> Origin {
        Origin {
            resource: untagged(self.resource),
            resource_schema_url: self.resource_schema_url,
            resource_dropped_attributes: self.resource_dropped,
            scope_name: self.scope_name,
            scope_version: self.scope_version,
            scope: untagged(self.scope),
            scope_schema_url: self.scope_schema_url,
            scope_dropped_attributes: self.scope_dropped,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_cache_starts_over_and_never_exceeds_its_bound() {
        let cache = OriginCache::default();
        let origin = Arc::new(Origin::default());
        let third = ORIGINS_CACHED_MAX_BYTES / 3;
        for number in 0..3 {
            cache.keep(number, &origin, third);
        }
        assert_eq!(cache.look_up(0..4).1, [3]);
        cache.keep(3, &origin, third);
        assert_eq!(cache.look_up(0..4).1, [0, 1, 2]);
        cache.keep(4, &origin, ORIGINS_CACHED_MAX_BYTES + 1);
        assert_eq!(cache.look_up([4, 4].into_iter()).1, [4]);
    }
}
