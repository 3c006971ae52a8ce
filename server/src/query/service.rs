//! What the page of one service tells beyond its figures: deploys, where its time goes, and single calls to open.

use std::collections::HashSet;

use model::breakdown::breakdown;
use model::deploy::{SILENT_SECS, deploys};
use model::view::{Deploy, Exemplar, TimeShare};
use model::{ApiError, Scope, Timestamp};

use super::Queries;
use super::health::Stretch;
use crate::limits::{EXEMPLARS_EACH, SERVICE_PATHS_MAX};
use crate::storage::reader::Plan;

/// What is known of a path is counted in tens of minutes.
const TIME_SECS: u64 = 3_600;

pub fn versions_plan(scope: &Scope, service: &str, stretch: Stretch) -> Plan {
    let sql = "WITH {step:UInt32} AS step
         SELECT version, toUInt32(intDiv(toUnixTimestamp(time), step) * step) AS secs, sum(origin_minutes.spans) AS spans
         FROM origin_minutes INNER JOIN
            (SELECT id, any(resource['service.version']) AS version FROM origins
             WHERE tenant = {tenant:String} AND service = {service:String} GROUP BY id HAVING version != '') AS made
            ON origin = made.id
         WHERE tenant = {tenant:String} AND service = {service:String}
            AND time >= toDateTime({from:UInt32}, 'UTC') AND time < toDateTime({to:UInt32}, 'UTC')
         GROUP BY version, secs";
    Plan::new(scope, sql)
        .bind("service", service)
        .bind("step", stretch.step_secs.max(60))
        .bind("from", stretch.from_secs.saturating_sub(SILENT_SECS))
        .bind("to", stretch.end_secs())
}

/// All paths of the roots below which the service takes part, the busiest first.
pub fn paths_plan(scope: &Scope, service: &str, now: Timestamp) -> Plan {
    let sql = format!(
        "SELECT path, any(parent) AS parent, any(service) AS service, any(operation) AS operation,
            sum(paths.spans) AS spans, sum(paths.critical) AS critical
         FROM paths FINAL
         WHERE tenant = {{tenant:String}} AND time >= toDateTime({{from:UInt32}}, 'UTC')
            AND (root_service, root_operation) IN
                (SELECT root_service, root_operation FROM paths
                 WHERE tenant = {{tenant:String}} AND time >= toDateTime({{from:UInt32}}, 'UTC')
                    AND service = {{service:String}}
                 GROUP BY root_service, root_operation)
         GROUP BY path HAVING spans > 0 ORDER BY spans DESC LIMIT {SERVICE_PATHS_MAX}"
    );
    let from = now.as_secs().saturating_sub(TIME_SECS);
    Plan::new(scope, sql).bind("service", service).bind("from", from)
}

/// The slowest, some that failed, and some by chance: always the same ones.
pub fn exemplars_plan(scope: &Scope, service: &str, operation: &str, stretch: Stretch) -> Plan {
    let one = |order: &str| format!("({order}, trace_id, toUnixTimestamp64Nano(start), duration, status)");
    let sql = format!(
        "SELECT groupArraySorted({EXEMPLARS_EACH})({}) AS slowest,
            groupArraySortedIf({EXEMPLARS_EACH})({hashed}, status = 2) AS failed,
            groupArraySorted({EXEMPLARS_EACH})({hashed}) AS any
         FROM spans
         WHERE tenant = {{tenant:String}} AND received >= toDateTime({{from:UInt32}}, 'UTC')
            AND start >= toDateTime64({{from:UInt32}}, 9, 'UTC') AND start < toDateTime64({{to:UInt32}}, 9, 'UTC')
            AND service = {{service:String}} AND operation = {{operation:String}}",
        one("-toInt64(duration)"),
        hashed = one("reinterpretAsInt64(cityHash64(trace_id, span_id))"),
    );
    Plan::new(scope, sql)
        .bind("service", service)
        .bind("operation", operation)
        .bind("from", stretch.from_secs)
        .bind("to", stretch.end_secs())
}

impl Queries {
    pub async fn deploys(
        &self,
        scope: &Scope,
        service: &str,
        stretch: Stretch,
    ) -> Result<Vec<Deploy>, ApiError> {
        let seen = self.reader.versions(&versions_plan(scope, service, stretch)).await?;
        let mut found = deploys(seen);
        found.retain(|deploy| deploy.time.as_secs() >= stretch.from_secs);
        Ok(found)
    }

    pub async fn time_shares(
        &self,
        scope: &Scope,
        service: &str,
        operation: &str,
        now: Timestamp,
    ) -> Result<Vec<TimeShare>, ApiError> {
        let paths = self.reader.path_sums(&paths_plan(scope, service, now)).await?;
        Ok(breakdown(&paths, service, operation))
    }

    /// Calls of an operation that stand for the others.
    pub async fn exemplars(
        &self,
        scope: &Scope,
        service: &str,
        operation: &str,
        length_secs: u64,
        now: Timestamp,
    ) -> Result<Vec<Exemplar>, ApiError> {
        let stretch = Stretch::back_from(now, length_secs);
        let mut found = self.reader.exemplars(&exemplars_plan(scope, service, operation, stretch)).await?;
        let mut seen = HashSet::new();
        found.retain(|exemplar| seen.insert((exemplar.trace, exemplar.start)));
        Ok(found)
    }
}
