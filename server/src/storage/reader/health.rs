//! Versions, call paths and single calls of a service.

use clickhouse::Row;
use model::breakdown::PathSums;
use model::deploy::VersionSpans;
use model::view::Exemplar;
use model::{Nanos, Timestamp, TraceId};
use serde::Deserialize;

use super::{Plan, Reader, timestamp};
use crate::storage::StoreError;

impl Reader {
    pub async fn versions(&self, plan: &Plan) -> Result<Vec<VersionSpans>, StoreError> {
        let (rows, _) = self.fetch::<VersionRow>(plan).await?;
        let version = |row: VersionRow| VersionSpans {
            version: row.version,
            time: Timestamp::from_secs(row.secs.into()),
            spans: row.spans,
        };
        Ok(rows.into_iter().map(version).collect())
    }

    pub async fn path_sums(&self, plan: &Plan) -> Result<Vec<PathSums>, StoreError> {
        let (rows, _) = self.fetch::<PathRow>(plan).await?;
        let count = |number: i64| u64::try_from(number).unwrap_or_default();
        let sums = |row: PathRow| PathSums {
            path: row.path,
            parent: row.parent,
            service: row.service,
            operation: row.operation,
            spans: count(row.spans),
            critical: count(row.critical),
        };
        Ok(rows.into_iter().map(sums).collect())
    }

    pub async fn exemplars(&self, plan: &Plan) -> Result<Vec<Exemplar>, StoreError> {
        let (rows, _) = self.fetch::<ExemplarsRow>(plan).await?;
        let exemplar = |(_, trace_id, start, duration, status): One| Exemplar {
            trace: TraceId(trace_id),
            start: timestamp(start),
            duration: Nanos(duration),
            failed: status == 2,
        };
        let all = rows.into_iter().flat_map(|row| [row.slowest, row.failed, row.any]).flatten();
        Ok(all.map(exemplar).collect())
    }
}

#[derive(Row, Deserialize)]
struct VersionRow {
    version: String,
    secs: u32,
    spans: u64,
}

#[derive(Row, Deserialize)]
struct PathRow {
    path: u64,
    parent: u64,
    service: String,
    operation: String,
    spans: i64,
    critical: i64,
}

/// What it is ordered by, then the call.
type One = (i64, [u8; 16], i64, u64, u8);

#[derive(Row, Deserialize)]
struct ExemplarsRow {
    slowest: Vec<One>,
    failed: Vec<One>,
    any: Vec<One>,
}
