//! Files as Jaeger and OTLP exporters write them, and files that are neither.

use serde_json::json;

use super::*;

fn read_json(file: &Value) -> Result<Vec<Span>, Unreadable> {
    read(file.to_string().as_bytes())
}

fn jaeger() -> Value {
    json!({ "data": [{
        "traceID": "ab",
        "spans": [
            { "traceID": "ab", "spanID": "1", "operationName": "GET /", "references": [], "startTime": 1_000,
              "duration": 500, "processID": "p1", "flags": 1,
              "tags": [
                  { "key": "span.kind", "type": "string", "value": "server" },
                  { "key": "error", "type": "bool", "value": true },
                  { "key": "http.status_code", "type": "int64", "value": 500 },
              ],
              "logs": [{ "timestamp": 1_200, "fields": [
                  { "key": "event", "type": "string", "value": "exception" },
                  { "key": "exception.message", "type": "string", "value": "no" },
              ] }] },
            { "traceID": "ab", "spanID": "2", "operationName": "get", "startTime": 1_100, "duration": 50,
              "processID": "p2", "tags": [],
              "references": [
                  { "refType": "CHILD_OF", "traceID": "ab", "spanID": "1" },
                  { "refType": "FOLLOWS_FROM", "traceID": "cd", "spanID": "9" },
              ] },
        ],
        "processes": {
            "p1": { "serviceName": "shop", "tags": [{ "key": "host.name", "type": "string", "value": "a" }] },
            "p2": { "serviceName": "cart" },
        },
    }] })
}

#[test]
fn jaegers_file_keeps_who_called_whom_and_what_failed() {
    let spans = read_json(&jaeger()).unwrap();
    let [root, child] = spans.as_slice() else { panic!("{spans:?}") };
    assert_eq!(
        (root.service.as_str(), root.operation.as_str(), root.kind),
        ("shop", "GET /", SpanKind::Server)
    );
    assert_eq!(
        (root.status, root.start, root.duration),
        (Status::Error, Timestamp(1_000_000), Nanos(500_000))
    );
    assert_eq!(root.attributes, [("http.status_code".to_owned(), AttrValue::Int(500))]);
    assert_eq!(root.events[0].name, "exception");
    assert_eq!(root.origin.resource[0].0, "host.name");
    assert_eq!((child.parent_id, child.service.as_str()), (root.span_id, "cart"));
    assert_eq!((child.links.len(), child.links[0].span_id), (1, SpanId(9)));
}

#[test]
fn otlps_file_is_read_and_the_largest_trace_is_taken() {
    let span = |trace: &str, id: &str| json!({ "traceId": trace, "spanId": id, "name": "n", "startTimeUnixNano": "1000", "endTimeUnixNano": "3000" });
    let (a, b) = ("a".repeat(32), "b".repeat(32));
    let spans = [span(&a, "0000000000000001"), span(&b, "0000000000000002"), span(&b, "0000000000000003")];
    let file = json!({ "resourceSpans": [{
        "resource": { "attributes": [{ "key": "service.name", "value": { "stringValue": "shop" } }] },
        "scopeSpans": [{ "spans": spans }],
    }] });
    let spans = read_json(&file).unwrap();
    assert_eq!(spans.len(), 2);
    assert_eq!((spans[0].service.as_str(), spans[0].duration), ("shop", Nanos(2_000)));
}

#[test]
fn other_files_are_refused_with_the_reason() {
    assert!(matches!(read(b"not json"), Err(Unreadable::NotJson(_))));
    assert!(matches!(read_json(&json!({ "a": 1 })), Err(Unreadable::UnknownFormat)));
    assert!(matches!(read_json(&json!(7)), Err(Unreadable::UnknownFormat)));
    assert!(matches!(read_json(&json!({ "data": [] })), Err(Unreadable::Empty)));
    assert!(matches!(read_json(&json!({ "resourceSpans": [] })), Err(Unreadable::Empty)));
    let odd = json!({ "data": [{ "spans": [{ "traceID": 7, "tags": "x" }] }] });
    assert_eq!(read_json(&odd).map(|spans| spans.len()).unwrap(), 1);
}
