//! Anomalies at rest: written by the detector, which goes on with what is stored when it starts again.

use clickhouse::Row;
use model::Timestamp;
use model::view::Anomaly;
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::settled::SettleStore;
use crate::limits::ANOMALIES_MAX;

/// A row of `anomalies`. The body is the anomaly as JSON.
#[derive(Clone, Debug, PartialEq, Row, Serialize)]
pub struct AnomalyRecord {
    pub tenant: String,
    pub id: String,
    pub start: u32,
    pub last_seen: u32,
    pub closed: u32,
    pub judged: u32,
    pub body: String,
}

/// A row of `judged`.
#[derive(Clone, Debug, PartialEq, Row, Serialize)]
pub struct JudgedRecord {
    pub tenant: String,
    pub until: u32,
    pub known_since: u32,
}

#[derive(Row, Deserialize)]
struct BodyRow {
    body: String,
}

#[derive(Row, Deserialize)]
struct SecsRow {
    secs: u32,
}

impl AnomalyRecord {
    pub fn new(tenant: &str, anomaly: &Anomaly, judged: Timestamp) -> AnomalyRecord {
        AnomalyRecord {
            tenant: tenant.to_owned(),
            id: anomaly.id.clone(),
            start: secs(anomaly.start),
            last_seen: secs(anomaly.last_seen),
            closed: anomaly.closed.map_or(0, secs),
            judged: secs(judged),
            body: serde_json::to_string(anomaly).unwrap_or_default(),
        }
    }
}

impl SettleStore {
    /// Those that last, and those that did since then.
    pub async fn anomalies(&self, tenant: &str, since: Timestamp) -> Result<Vec<Anomaly>, StoreError> {
        let sql = format!(
            "SELECT body FROM anomalies FINAL
             WHERE tenant = {{tenant:String}}
                AND (toUnixTimestamp(closed) = 0 OR last_seen >= toDateTime({}, 'UTC'))
             ORDER BY start DESC LIMIT {ANOMALIES_MAX}",
            secs(since)
        );
        let rows: Vec<BodyRow> = self.query(&sql).param("tenant", tenant).fetch_all().await?;
        Ok(read(rows.into_iter().map(|row| row.body)))
    }

    /// The last minute that was judged, in seconds; zero when none was.
    pub async fn judged(&self, tenant: &str) -> Result<u64, StoreError> {
        let sql = "SELECT toUnixTimestamp(max(until)) AS secs FROM judged WHERE tenant = {tenant:String}";
        let row: SecsRow = self.query(sql).param("tenant", tenant).fetch_one().await?;
        Ok(row.secs.into())
    }
}

/// What cannot be read was written by another version, and is left out.
pub(super) fn read(bodies: impl Iterator<Item = String>) -> Vec<Anomaly> {
    bodies.filter_map(|body| serde_json::from_str(&body).ok()).collect()
}

fn secs(time: Timestamp) -> u32 {
    u32::try_from(time.as_secs()).unwrap_or(u32::MAX)
}
