//! Takes one trace out of every table that knows it by its id. What was only counted (rates, calls between services)
//! stays counted: it cannot be told apart any more.
//!
//! Rows are gone for every question at once. Their bytes go when the engine next merges the parts they are in, or
//! when those expire. Spans of the trace that arrive afterwards begin it anew.

use clickhouse::Row;
use model::{Scope, TraceId};
use serde::Deserialize;

use super::{Store, StoreError};
use crate::limits::ERASE_DEADLINE;

#[derive(Clone)]
pub struct Eraser {
    store: Store,
}

/// Last, so that a deletion that was cut short can be asked for again.
const LAST: &str = "spans";

/// Tables are asked for and not listed, so that a new one cannot be forgotten. Log lines and refused spans arrive on their own: when the
/// trace's spans did says nothing about them.
const TABLES: &str =
    "SELECT table, max(name = 'received') AND table NOT IN ('logs', 'refused') AS has_received FROM system.columns
     WHERE database = currentDatabase() GROUP BY table
     HAVING has(groupArray(name), 'trace_id') AND table IN
        (SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree')
     ORDER BY table";

#[derive(Row, Deserialize)]
struct TableRow {
    table: String,
    has_received: u8,
}

#[derive(Row, Deserialize)]
struct ExtentRow {
    spans: u64,
    first_secs: u32,
    last_secs: u32,
}

impl Eraser {
    pub fn new(store: Store) -> Eraser {
        Eraser { store }
    }

    /// How many spans the trace had; 0 when it is not stored.
    pub async fn erase(&self, scope: &Scope, trace: TraceId) -> Result<u64, StoreError> {
        let extent = self.extent(scope, trace).await?;
        if extent.spans == 0 {
            return Ok(0);
        }
        let mut tables: Vec<TableRow> = self.store.client().query_raw(TABLES).fetch_all().await?;
        tables.sort_by_key(|row| row.table == LAST);
        for table in tables {
            // Arrival bounds the parts that have to be looked at.
            let bound = if table.has_received == 1 {
                "AND received >= toDateTime({first:UInt32}, 'UTC') AND received <= toDateTime({last:UInt32}, 'UTC')"
            } else {
                ""
            };
            let sql = format!(
                "DELETE FROM {} WHERE tenant = {{tenant:String}} AND trace_id = unhex({{trace:String}}) {bound}",
                table.table
            );
            let delete = self
                .store
                .client()
                .query_raw(&sql)
                .param("tenant", &scope.tenant.0)
                .param("trace", trace.to_string())
                .param("first", extent.first_secs)
                .param("last", extent.last_secs)
                .with_setting("lightweight_deletes_sync", "2")
                .with_setting("max_execution_time", ERASE_DEADLINE.as_secs().to_string());
            match tokio::time::timeout(ERASE_DEADLINE, delete.execute()).await {
                Ok(done) => done?,
                Err(_) => return Err(StoreError::Unavailable(clickhouse::error::Error::TimedOut)),
            }
        }
        Ok(extent.spans)
    }

    async fn extent(&self, scope: &Scope, trace: TraceId) -> Result<ExtentRow, StoreError> {
        let sql = "SELECT count() AS spans, toUnixTimestamp(min(received)) AS first_secs,
                toUnixTimestamp(max(received)) AS last_secs
             FROM spans WHERE tenant = {tenant:String} AND trace_id = unhex({trace:String})";
        let asked = self.store.client().query_raw(sql).param("tenant", &scope.tenant.0);
        Ok(asked.param("trace", trace.to_string()).fetch_one().await?)
    }
}
