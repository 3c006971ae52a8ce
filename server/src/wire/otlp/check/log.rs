//! What a log record must be to pass. Its ids may be anything: with ids that name nothing it belongs to no trace, and
//! is kept all the same, as the protocol asks.

use super::{EXAMPLE_NAME_CHARS, Fault, LAST_TIME, Noticed, check_key_value, check_value};
use crate::limits::SPAN_MAX_BYTES;
use crate::wire::otlp::refusal::Reason;
use crate::wire::otlp::view::{LogView, Reader};

pub(super) fn check(bytes: &[u8], inherited: usize, _received: u64) -> Result<Noticed, Fault> {
    if bytes.len() + inherited > SPAN_MAX_BYTES {
        return Err(Reason::TooLarge.into());
    }
    let (mut time, mut observed) = (0, 0);
    let (mut has_body, mut dropped_attributes) = (false, 0);
    let mut reader = Reader::new(bytes);
    while let Some(field) = reader.next()? {
        match field.number {
            1 => time = reader.fixed64(field)?,
            2 => reader.varint(field).map(|_| ())?,
            7 => dropped_attributes = reader.varint(field)?,
            3 | 12 => reader.is_text(field)?,
            5 if has_body => return Err(field.repeated().into()),
            5 => {
                has_body = true;
                check_value(reader.bytes(field)?, 0)?;
            }
            6 => check_key_value(reader.bytes(field)?, 0)?,
            8 => reader.fixed32(field).map(|_| ())?,
            9 | 10 => reader.bytes(field).map(|_| ())?,
            11 => observed = reader.fixed64(field)?,
            _ => reader.skip(field)?,
        }
    }
    if time > LAST_TIME || observed > LAST_TIME {
        return Err(Reason::TimeOutOfRange.into());
    }
    Ok(Noticed::dropped(dropped_attributes, 0, 0))
}

/// Names a record as well as its bytes allow.
pub(super) fn describe(bytes: &[u8]) -> String {
    let record = LogView::read(bytes).unwrap_or_default();
    let text: String = format!("{:?}", record.body).chars().take(EXAMPLE_NAME_CHARS).collect();
    format!("log record {text} of severity {}", record.severity)
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
    use opentelemetry_proto::tonic::common::v1::AnyValue;
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
    use proptest::prelude::*;
    use prost::Message;

    use crate::wire::otlp::check::check_logs;
    use crate::wire::otlp::refusal::Reason;
    use crate::wire::otlp::samples::{RECEIVED, attribute};
    use crate::wire::otlp::view::{LogView, ResourceView, ScopeView, Value as View, resource_spans};

    fn good() -> LogRecord {
        LogRecord {
            time_unix_nano: 1_700_000_000_000_000_000,
            severity_number: 17,
            severity_text: "ERROR".into(),
            body: Some(AnyValue { value: Some(Value::StringValue("no room".into())) }),
            attributes: vec![attribute("code", Value::IntValue(7))],
            trace_id: vec![1; 16],
            span_id: vec![2; 8],
            ..LogRecord::default()
        }
    }

    fn request(log_records: Vec<LogRecord>) -> ExportLogsServiceRequest {
        let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
        ExportLogsServiceRequest {
            resource_logs: vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }],
        }
    }

    #[test]
    fn a_bad_record_is_refused_alone() {
        let late = LogRecord { observed_time_unix_nano: u64::MAX, ..good() };
        let checked =
            check_logs(request(vec![good(), late, good()]).encode_to_vec().into(), RECEIVED).unwrap();
        assert_eq!((checked.accepted(), checked.refused().len()), (2, 1));
        assert_eq!(checked.refused()[0].reason, Reason::TimeOutOfRange);
        assert!(checked.refused()[0].example.contains("no room"), "{}", checked.refused()[0].example);
        let left = ExportLogsServiceRequest::decode(checked.body.clone()).unwrap();
        assert_eq!(left, request(vec![good(), good()]));
    }

    #[test]
    fn ids_that_name_nothing_cost_no_line() {
        let odd = LogRecord { trace_id: vec![1; 5], span_id: vec![0; 8], time_unix_nano: 0, ..good() };
        let body = request(vec![odd, LogRecord::default()]).encode_to_vec();
        let checked = check_logs(body.into(), RECEIVED).unwrap();
        assert_eq!((checked.accepted(), checked.refused().len()), (2, 0));
    }

    #[test]
    fn a_view_holds_what_was_sent() {
        let bytes = good().encode_to_vec();
        let view = LogView::read(&bytes).unwrap();
        assert_eq!((view.severity, view.severity_text, view.body), (17, "ERROR", View::Str("no room")));
        assert_eq!((view.trace_id, view.span_id, view.attributes.len()), (&[1; 16][..], &[2; 8][..], 1));
    }

    proptest! {
        #[test]
        fn what_passed_can_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0_usize..60) {
            // Whole requests with some bytes overwritten: most are broken, some are not.
            let mut body = request(vec![good(), good()]).encode_to_vec();
            for (to, from) in body.iter_mut().skip(at).step_by(17).zip(bytes) {
                *to = from;
            }
            let Ok(checked) = check_logs(body.into(), RECEIVED) else { return Ok(()) };
            let mut seen = 0;
            for resource in resource_spans(&checked.body) {
                let resource = ResourceView::read(resource.unwrap()).unwrap();
                for scope in &resource.scope_spans {
                    for record in ScopeView::read(scope).unwrap().spans {
                        LogView::read(record).unwrap().body.to_model().unwrap();
                        seen += 1;
                    }
                }
            }
            prop_assert_eq!(seen, checked.accepted());
        }
    }
}
