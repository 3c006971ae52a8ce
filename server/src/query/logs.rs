//! The log of a trace.

use model::log::TraceLogs;
use model::{ApiError, Scope, TraceId};

use super::Queries;
use crate::limits::TRACE_LOGS_MAX_LINES;
use crate::storage::reader::Plan;

/// One line more than an answer carries, to know whether there are more.
pub fn trace_logs_plan(scope: &Scope, trace: TraceId) -> Plan {
    let sql =
        "SELECT trace_id, span_id, toUnixTimestamp64Nano(logs.time) AS time, observed, service, severity,
            severity_text, event_name, body, attributes, dropped_attributes, flags, origin
         FROM logs WHERE tenant = {tenant:String} AND trace_id = unhex({trace:String})
         ORDER BY logs.time, observed, span_id LIMIT {limit:UInt64}";
    Plan::new(scope, sql).on_one_thread().bind("trace", trace).bind("limit", TRACE_LOGS_MAX_LINES + 1)
}

impl Queries {
    /// A trace without log lines, or one nobody knows, has an empty log.
    pub async fn trace_logs(&self, scope: &Scope, trace: TraceId) -> Result<TraceLogs, ApiError> {
        let mut lines = self.reader.log_lines(scope, &trace_logs_plan(scope, trace)).await?;
        let complete = lines.len() <= TRACE_LOGS_MAX_LINES;
        if !complete {
            self.reached.note("trace_logs");
        }
        lines.truncate(TRACE_LOGS_MAX_LINES);
        Ok(TraceLogs { lines, complete })
    }
}
