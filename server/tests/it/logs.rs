//! Log lines: sent through every door, found again with their types beside their trace, and never lost or doubled.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Wire;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use serde_json::{Value, json};

use crate::server::{TestServer, now, until};

const TRACE: [u8; 16] = [0xa7; 16];

fn any(value: Wire) -> Option<AnyValue> {
    Some(AnyValue { value: Some(value) })
}

fn attribute(key: &str, value: Wire) -> KeyValue {
    KeyValue { key: key.into(), value: any(value), ..KeyValue::default() }
}

fn line(number: u64) -> LogRecord {
    LogRecord {
        time_unix_nano: now().0 + number,
        severity_number: 17,
        severity_text: "ERROR".into(),
        body: any(Wire::StringValue(format!("line {number}"))),
        attributes: vec![
            attribute("n", Wire::IntValue(number as i64)),
            attribute("ok", Wire::BoolValue(true)),
            attribute("part", Wire::DoubleValue(0.5)),
        ],
        trace_id: TRACE.to_vec(),
        span_id: 5_u64.to_be_bytes().to_vec(),
        ..LogRecord::default()
    }
}

fn request(log_records: Vec<LogRecord>) -> ExportLogsServiceRequest {
    let name = attribute("service.name", Wire::StringValue("cart".into()));
    let resource = Some(Resource { attributes: vec![name], ..Resource::default() });
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs { resource, scope_logs, ..Default::default() }],
    }
}

async fn stored(server: &TestServer, lines: usize) {
    server.sql_becomes("SELECT count() FROM logs", &lines.to_string()).await;
}

fn url() -> String {
    format!("/api/traces/{}/logs", "a7".repeat(16))
}

#[tokio::test]
async fn lines_of_every_door_are_found_beside_their_trace() {
    let server = TestServer::start().await;
    let mut grpc = LogsServiceClient::connect(server.otlp_grpc().to_owned()).await.unwrap();
    // Sent out of order, and one that belongs to no trace.
    let stray = LogRecord { trace_id: vec![], ..line(9) };
    let answer = grpc.export(request(vec![line(2), line(1), stray])).await.unwrap().into_inner();
    assert_eq!(answer.partial_success, None);
    let body = request(vec![line(3)]).encode_to_vec();
    assert_eq!(server.post("/v1/logs", "application/x-protobuf", body).await.0, 200);
    let json = json!({ "resourceLogs": [{
        "resource": { "attributes": [{ "key": "service.name", "value": { "stringValue": "shop" } }] },
        "scopeLogs": [{ "scope": { "name": "logger" }, "logRecords": [{
            "timeUnixNano": (now().0 + 10).to_string(), "severityNumber": "SEVERITY_NUMBER_WARN",
            "body": { "kvlistValue": { "values": [{ "key": "order", "value": { "intValue": "7" } }] } },
            "traceId": "A7".repeat(16), "spanId": "0000000000000006", "eventName": "cart.full",
        }, { "timeUnixNano": "soon" }] }],
    }] });
    let (status, answer) = server.post("/v1/logs", "application/json", json.to_string().into()).await;
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!((status, &answer["partialSuccess"]["rejectedLogRecords"]), (200, &json!("1")));
    stored(&server, 5).await;

    let (status, log) = server.get(&url()).await;
    assert_eq!((status, &log["complete"]), (200, &json!(true)));
    let lines = log["logs"].as_array().unwrap();
    assert_eq!(lines.len(), 4);
    assert!(lines.is_sorted_by_key(|line| line["time_unix_ns"].as_str().unwrap().parse::<u64>().unwrap()));
    let second = lines.iter().find(|line| line["body"] == json!("line 2")).unwrap();
    assert_eq!(second["attributes"], json!({ "n": 2, "ok": true, "part": 0.5 }));
    assert_eq!(second["resource_attributes"], json!({ "service.name": "cart" }));
    assert_eq!((&second["severity"], &second["span_id"]), (&json!("error"), &json!("0000000000000005")));
    let last = lines.iter().find(|line| line["service_name"] == json!("shop")).unwrap();
    assert_eq!((&last["body"], &last["event_name"]), (&json!({ "order": 7 }), &json!("cart.full")));
    assert_eq!((&last["severity"], &last["scope"]["name"]), (&json!("warn"), &json!("logger")));

    let asked: model::log::TraceLogs = server.ask("get_trace_logs", &model::TraceId(TRACE)).await;
    assert_eq!(asked.lines.len(), 4);
}

#[tokio::test]
async fn a_kill_loses_no_acknowledged_line_and_doubles_none() {
    let mut server = TestServer::start().await;
    for number in 0..40 {
        let body = request(vec![line(number)]).encode_to_vec();
        assert_eq!(server.post("/v1/logs", "application/x-protobuf", body).await.0, 200);
    }
    // Some are stored by now, some are in the queue alone.
    server.kill().await;
    server.restart().await;
    server.ready().await;
    let body = request(vec![line(40)]).encode_to_vec();
    assert_eq!(server.post("/v1/logs", "application/x-protobuf", body).await.0, 200);
    until("the last line is stored", async || {
        let last = server.sql("SELECT count() FROM logs WHERE body = 'line 40'").await?;
        (last == "1").then_some(())
    })
    .await;
    stored(&server, 41).await;
    server.sql_becomes("SELECT uniqExact(body) FROM logs", "41").await;
}
