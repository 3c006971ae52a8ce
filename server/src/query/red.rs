//! Rate, errors and duration of services and operations, from the pre-aggregated buckets.

use std::collections::BTreeMap;

use model::view::{OperationSummary, Red, ServiceSummary};
use model::{ApiError, Nanos, Scope, SpanKind, Timestamp};

use super::Queries;
use crate::storage::reader::{Plan, RedRow};

/// The sliding window of "now".
const WINDOW: Nanos = Nanos(300 * 1_000_000_000);
/// Services that sent nothing for this long are no longer listed.
const LISTED_FOR_DAYS: u32 = 7;

pub fn services_plan(scope: &Scope, now: Timestamp) -> Plan {
    let sql = "SELECT service AS name, kind, sum(calls) AS calls, sum(errors) AS errors, sumMap(hist) AS hist,
            max(time) AS last
         FROM red
         WHERE tenant = {tenant:String} AND toStartOfHour(time) >= toStartOfHour(toDateTime({from:UInt32}, 'UTC'))
            AND time >= toDateTime({from:UInt32}, 'UTC') AND time <= toDateTime({to:UInt32}, 'UTC')
         GROUP BY service, kind";
    window(Plan::new(scope, sql), now)
}

/// Names of services that sent anything lately, for those that are silent now.
pub fn known_services_plan(scope: &Scope, now: Timestamp) -> Plan {
    let sql = "SELECT service AS name, toUInt8(0) AS kind, toUInt64(0) AS calls, toUInt64(0) AS errors,
            CAST(map(), 'Map(UInt16, UInt64)') AS hist, toDateTime(max(seen), 'UTC') AS last
         FROM origins
         WHERE tenant = {tenant:String} AND seen >= toDate(toDateTime({to:UInt32}, 'UTC')) - {days:UInt32}
         GROUP BY service";
    window(Plan::new(scope, sql), now).bind("days", LISTED_FOR_DAYS)
}

pub fn operations_plan(scope: &Scope, service: &str, now: Timestamp) -> Plan {
    let sql = "SELECT operation AS name, kind, sum(calls) AS calls, sum(errors) AS errors, sumMap(hist) AS hist,
            max(time) AS last
         FROM red
         WHERE tenant = {tenant:String} AND toStartOfHour(time) >= toStartOfHour(toDateTime({from:UInt32}, 'UTC'))
            AND time >= toDateTime({from:UInt32}, 'UTC') AND time <= toDateTime({to:UInt32}, 'UTC')
            AND service = {service:String}
         GROUP BY operation, kind
         ORDER BY calls DESC, name, kind";
    window(Plan::new(scope, sql), now).bind("service", service)
}

/// Whole steps only: the one that `now` lies in is still filling, so the window reaches back one step further.
fn window(plan: Plan, now: Timestamp) -> Plan {
    plan.bind("from", now.minus(WINDOW).as_secs()).bind("to", now.as_secs())
}

impl Queries {
    /// Every service seen lately. A service's calls are those it answers (server and consumer spans); one that has
    /// none is counted by all its spans.
    pub async fn services(&self, scope: &Scope, now: Timestamp) -> Result<Vec<ServiceSummary>, ApiError> {
        let (live, known) = (services_plan(scope, now), known_services_plan(scope, now));
        let (live, known) = tokio::try_join!(self.reader.red(&live), self.reader.red(&known))?;
        Ok(summarize(live.into_iter().chain(known)))
    }

    pub async fn operations(
        &self,
        scope: &Scope,
        service: &str,
        now: Timestamp,
    ) -> Result<Vec<OperationSummary>, ApiError> {
        let rows = self.reader.red(&operations_plan(scope, service, now)).await?;
        let summary = |row: RedRow| OperationSummary { red: red_of(&row), name: row.name, kind: row.kind };
        Ok(rows.into_iter().map(summary).collect())
    }
}

fn summarize(rows: impl Iterator<Item = RedRow>) -> Vec<ServiceSummary> {
    let mut services: BTreeMap<String, (RedRow, RedRow)> = BTreeMap::new();
    for row in rows {
        let (entry, all) = services.entry(row.name.clone()).or_default();
        if matches!(row.kind, SpanKind::Server | SpanKind::Consumer) {
            add(entry, &row);
        }
        add(all, &row);
    }
    let summary = |(name, (entry, all)): (String, (RedRow, RedRow))| ServiceSummary {
        name,
        red: red_of(if entry.calls > 0 { &entry } else { &all }),
        last_seen: all.last,
    };
    services.into_iter().map(summary).collect()
}

fn add(total: &mut RedRow, row: &RedRow) {
    total.calls += row.calls;
    total.errors += row.errors;
    total.hist.merge(&row.hist);
    total.last = total.last.max(row.last);
}

fn red_of(row: &RedRow) -> Red {
    let quantile = |q: f64| row.hist.quantile(q).unwrap_or_default();
    Red {
        calls: row.calls,
        errors: row.errors,
        rate_per_sec: row.calls as f64 / (WINDOW.0 as f64 / 1e9),
        error_rate: if row.calls == 0 { 0.0 } else { row.errors as f64 / row.calls as f64 },
        p50: quantile(0.50),
        p95: quantile(0.95),
        p99: quantile(0.99),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(kind: SpanKind, calls: u64, errors: u64) -> RedRow {
        RedRow { name: "cart".into(), kind, calls, errors, ..RedRow::default() }
    }

    #[test]
    fn a_service_is_counted_by_the_calls_it_answers() {
        let rows =
            [row(SpanKind::Server, 10, 1), row(SpanKind::Client, 90, 5), row(SpanKind::Internal, 7, 0)];
        let [service] = &summarize(rows.into_iter())[..] else { panic!("one service") };
        assert_eq!((service.red.calls, service.red.errors), (10, 1));
        assert_eq!(service.red.error_rate, 0.1);
    }

    #[test]
    fn a_service_that_answers_none_is_counted_by_all_its_spans() {
        let rows = [row(SpanKind::Unspecified, 4, 2), row(SpanKind::Client, 6, 0)];
        assert_eq!(summarize(rows.into_iter())[0].red.calls, 10);
    }

    #[test]
    fn a_silent_service_is_listed_with_nothing() {
        let listed = summarize([row(SpanKind::Unspecified, 0, 0)].into_iter());
        assert_eq!((listed[0].red.calls, listed[0].red.error_rate), (0, 0.0));
    }
}
