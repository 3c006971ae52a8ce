//! Log lines, whole.

use clickhouse::Row;
use model::log::{LogLine, Severity};
use model::{AttrValue, Scope, SpanId, Timestamp, TraceId};
use serde::Deserialize;

use super::origins::Origins;
use super::{Plan, Reader, timestamp, untagged};
use crate::storage::StoreError;

impl Reader {
    pub async fn log_lines(&self, scope: &Scope, plan: &Plan) -> Result<Vec<LogLine>, StoreError> {
        let (rows, _) = self.fetch::<LogRow>(plan).await?;
        let origins = self.origins(scope, rows.iter().map(|row| row.origin)).await?;
        Ok(rows.into_iter().map(|row| row.into_model(&origins)).collect())
    }
}

#[derive(Row, Deserialize)]
struct LogRow {
    trace_id: [u8; 16],
    span_id: u64,
    time: i64,
    observed: u64,
    service: String,
    severity: u8,
    severity_text: String,
    event_name: String,
    body: String,
    attributes: Vec<(String, String)>,
    dropped_attributes: u32,
    flags: u32,
    origin: u64,
}

impl LogRow {
    fn into_model(self, origins: &Origins) -> LogLine {
        LogLine {
            time: timestamp(self.time),
            observed: Timestamp(self.observed),
            trace_id: TraceId(self.trace_id),
            span_id: SpanId(self.span_id),
            service: self.service,
            severity: Severity(self.severity),
            severity_text: self.severity_text,
            event_name: self.event_name,
            body: AttrValue::from_text(&self.body),
            attributes: untagged(self.attributes),
            dropped_attributes: self.dropped_attributes,
            flags: self.flags,
            origin: origins.get(&self.origin).map(|o| (**o).clone()).unwrap_or_default(),
        }
    }
}
