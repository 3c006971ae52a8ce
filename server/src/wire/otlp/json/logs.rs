//! OTLP's log records in JSON, on the same terms as spans.

use bytes::Bytes;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, SeverityNumber};
use prost::Message;
use serde::Deserialize;
use serde_json::Value;

use super::fields::{self, Fault, Read, object, present, text};
use super::list::{Element, Encoded, List};
use super::{Converted, NotJson, any_value, attributes, put_group, put_message, resource, scope, service_of};
use crate::wire::otlp::refusal::Reason;

/// Makes an encoded `ExportLogsServiceRequest`, not yet checked.
pub fn convert(body: &[u8]) -> Result<Converted, NotJson> {
    let request: Request = serde_json::from_slice(body)?;
    let Encoded { bytes, refused, .. } = request.resource_logs.unwrap_or_default().encoded;
    Ok(Converted { body: Bytes::from(bytes), refused })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    resource_logs: Option<List<ResourceLogs>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceLogs {
    resource: Option<Value>,
    scope_logs: Option<List<ScopeLogs>>,
    schema_url: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ScopeLogs {
    scope: Option<Value>,
    log_records: Option<List<AnyRecord>>,
    schema_url: Option<String>,
}

#[derive(Deserialize)]
#[serde(transparent)]
struct AnyRecord(Value);

impl Element for ResourceLogs {
    fn put(self, _index: u32, list: &mut Encoded) {
        let service = self.resource.as_ref().map_or("", service_of);
        let head = self.resource.as_ref().map(|value| resource(value).map(|r| r.encode_to_vec()));
        put_group(1, (head, service), self.scope_logs.unwrap_or_default().encoded, self.schema_url, list);
    }
}

impl Element for ScopeLogs {
    fn put(self, _index: u32, list: &mut Encoded) {
        let head = self.scope.as_ref().map(|value| scope(value).map(|s| s.encode_to_vec()));
        put_group(2, (head, ""), self.log_records.unwrap_or_default().encoded, self.schema_url, list);
    }
}

impl Element for AnyRecord {
    fn put(self, index: u32, list: &mut Encoded) {
        match record(&self.0) {
            Ok(record) => {
                put_message(2, &record.encode_to_vec(), &mut list.bytes);
                list.spans += 1;
            }
            Err(Fault { reason, detail }) => {
                list.refused.add("", reason, 1, || format!("log record {index} of its scope: {detail}"));
            }
        }
    }
}

fn record(value: &Value) -> Read<LogRecord> {
    let fields = object("log record", value)?;
    let severity = |name: &str| SeverityNumber::from_str_name(name).map(i32::from);
    Ok(LogRecord {
        time_unix_nano: fields::unsigned(fields, "timeUnixNano")?,
        observed_time_unix_nano: fields::unsigned(fields, "observedTimeUnixNano")?,
        severity_number: fields::named(fields, "severityNumber", severity)?,
        severity_text: text(fields, "severityText")?,
        body: present(fields, "body").map(|body| any_value(body, 0)).transpose()?,
        attributes: attributes(fields)?,
        dropped_attributes_count: fields::unsigned32(fields, "droppedAttributesCount")?,
        flags: fields::unsigned32(fields, "flags")?,
        trace_id: fields::hex(fields, "traceId", Reason::InvalidTraceId)?,
        span_id: fields::hex(fields, "spanId", Reason::InvalidSpanId)?,
        event_name: text(fields, "eventName")?,
    })
}
