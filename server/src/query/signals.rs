//! What is wrong, as found out from what operations did themselves: hot spots on the spot, anomalies as they are
//! stored.

use std::collections::HashMap;

use model::blame::{Window, why};
use model::trace::call::{Node, NodeKind};
use model::view::{Anomaly, AnomalyList, Changed, Flag, GraphEdge, GraphNode, Why};
use model::{ApiError, Nanos, Scope, Timestamp};

use super::Queries;
use super::dependencies::edges_plan;
use crate::limits::ANOMALIES_MAX;
use crate::storage::StoreError;
use crate::storage::reader::{EdgeCount, Plan};

/// The window of hot spots: long enough to show something, up to what is settled by now.
const WINDOW: Nanos = Nanos(300 * 1_000_000_000);
const SETTLED_AFTER: Nanos = Nanos(60 * 1_000_000_000);
const HOUR: Nanos = Nanos(3_600 * 1_000_000_000);

/// Those that last or ended since then, open ones first; of one service, when one is named.
pub fn anomalies_plan(scope: &Scope, start: Timestamp, end: Timestamp) -> Plan {
    let sql = format!(
        "SELECT body FROM anomalies FINAL
         WHERE tenant = {{tenant:String}} AND (toUnixTimestamp(closed) = 0 OR closed >= toDateTime({{from:UInt32}}, 'UTC'))
            AND start <= toDateTime({{to:UInt32}}, 'UTC')
         ORDER BY toUnixTimestamp(closed) = 0 DESC, start DESC, id LIMIT {ANOMALIES_MAX}"
    );
    Plan::new(scope, sql).bind("from", start.as_secs()).bind("to", end.as_secs())
}

pub fn judged_plan(scope: &Scope) -> Plan {
    let sql = "SELECT toUnixTimestamp(max(until)) AS until,
            toUnixTimestamp(argMax(judged.known_since, judged.until)) AS known_since
         FROM judged WHERE tenant = {tenant:String} HAVING until > 0";
    Plan::new(scope, sql)
}

/// The window up to a minute ago is number 0, that of an hour before number 1. Nobody asks for the shapes here.
pub fn own_work_plan(scope: &Scope, end: Timestamp) -> Plan {
    const NO_SHAPE: &str = "CAST([] AS Array(Tuple(UInt16, Int64)))";
    let sql = format!(
        "SELECT toUInt32(time < toDateTime({{from:UInt32}}, 'UTC')) AS window, service, operation, kind, peer,
            sum(work.spans) AS spans, sum(work.roots) AS roots, sum(work.errors) AS errors,
            sum(work.own_errors) AS own_errors, sum(work.duration) AS duration, sum(work.self_time) AS self_time,
            sum(work.critical) AS critical, {NO_SHAPE} AS lengths, {NO_SHAPE} AS own_times, {NO_SHAPE} AS lags
         FROM work FINAL
         WHERE tenant = {{tenant:String}}
            AND ((time >= toDateTime({{from:UInt32}}, 'UTC') AND time < toDateTime({{to:UInt32}}, 'UTC'))
                OR (time >= toDateTime({{before:UInt32}}, 'UTC') AND time < toDateTime({{until:UInt32}}, 'UTC')))
         GROUP BY window, service, operation, kind, peer HAVING spans > 0"
    );
    let start = end.minus(WINDOW);
    Plan::new(scope, sql)
        .bind("from", start.as_secs())
        .bind("to", end.as_secs())
        .bind("before", start.minus(HOUR).as_secs())
        .bind("until", end.minus(HOUR).as_secs())
}

impl Queries {
    pub async fn anomalies(
        &self,
        scope: &Scope,
        start: Timestamp,
        end: Timestamp,
    ) -> Result<AnomalyList, ApiError> {
        let judged = judged_plan(scope);
        let (anomalies, (judged, known_since)) =
            tokio::try_join!(self.listed(scope, start, end), self.reader.judged(&judged))?;
        Ok(AnomalyList { anomalies, judged, known_since })
    }

    async fn listed(
        &self,
        scope: &Scope,
        start: Timestamp,
        end: Timestamp,
    ) -> Result<Vec<Anomaly>, StoreError> {
        let anomalies = self.reader.anomalies(&anomalies_plan(scope, start, end)).await?;
        if anomalies.len() >= ANOMALIES_MAX {
            self.reached.note("anomalies");
        }
        Ok(anomalies)
    }

    /// What is part of an anomaly that lasts, or lasted in this time.
    pub async fn flags(&self, scope: &Scope, start: Timestamp, end: Timestamp) -> Result<Flags, ApiError> {
        Ok(Flags(self.listed(scope, start, end).await?))
    }

    /// Why services are worth looking at, by their names.
    pub async fn hot_spots(&self, scope: &Scope, now: Timestamp) -> Result<HashMap<String, Why>, ApiError> {
        let end = now.minus(SETTLED_AFTER);
        let end = Timestamp::from_secs(end.as_secs() / 60 * 60);
        let start = end.minus(WINDOW);
        let work = own_work_plan(scope, end);
        // Up to but without the end, which is the beginning of a minute.
        let last = |end: Timestamp| end.minus(Nanos::from_secs(1));
        let edges = edges_plan(scope, start, last(end));
        let edges_before = edges_plan(scope, start.minus(HOUR), last(end.minus(HOUR)));
        let (work, edges, edges_before) = tokio::try_join!(
            self.reader.own_work(&work),
            self.reader.edges(&edges),
            self.reader.edges(&edges_before)
        )?;
        let told = |counts: Vec<EdgeCount>| counts.into_iter().map(edge).collect();
        let mut is = Window { edges: told(edges), ..Window::default() };
        let mut was = Window { edges: told(edges_before), ..Window::default() };
        for figures in &work {
            let into = if figures.window == 0 { &mut is } else { &mut was };
            into.add(&figures.key, &figures.work);
        }
        let found = is.services.keys().filter_map(|name| Some((name.clone(), why(name, &is, &was)?)));
        Ok(found.collect())
    }
}

/// Which names are to be flagged.
pub struct Flags(Vec<Anomaly>);

impl Flags {
    fn find(&self, is_it: impl Fn(&Changed) -> bool) -> Option<Flag> {
        let flag = |anomaly: &Anomaly, is_origin| Flag { is_origin, reason: anomaly.reason() };
        let origin = self.0.iter().find(|anomaly| is_it(&anomaly.origin)).map(|anomaly| flag(anomaly, true));
        let affected = || {
            let anomaly = self.0.iter().find(|anomaly| anomaly.affected.iter().any(&is_it))?;
            Some(flag(anomaly, false))
        };
        origin.or_else(affected)
    }

    pub fn of_service(&self, service: &str) -> Option<Flag> {
        self.find(|changed| changed.service == service)
    }

    pub fn of_operation(&self, service: &str, operation: &str) -> Option<Flag> {
        self.find(|changed| changed.service == service && changed.operation == operation)
    }

    /// A service, or a store or outside system that several see change.
    pub fn of_node(&self, node: &GraphNode) -> Option<Flag> {
        if node.kind == NodeKind::Service {
            return self.of_service(&node.name);
        }
        let text = Node { kind: node.kind, name: &node.name }.to_string();
        self.find(|changed| changed.service.is_empty() && changed.peer == text)
    }
}

fn edge(count: EdgeCount) -> GraphEdge {
    let EdgeCount { client, server, calls, errors, hist } = count;
    let quantile = |q| hist.quantile(q).unwrap_or_default();
    let (p50, p95, p99) = (quantile(0.5), quantile(0.95), quantile(0.99));
    GraphEdge { client, server, calls, errors, p50, p95, p99 }
}
