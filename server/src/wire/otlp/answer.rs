//! What a sender of OTLP is told, in protobuf and in JSON.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message;
use serde_json::{Value, json};

use super::refusal::{self, Refusal};

/// The answer to an export: empty if all spans were taken, else how many were not and why.
pub fn export_response(refused: &[Refusal]) -> Vec<u8> {
    let partial_success = (!refused.is_empty()).then(|| ExportTracePartialSuccess {
        rejected_spans: refused.iter().map(|refusal| i64::from(refusal.count)).sum(),
        error_message: refusal::summary(refused),
    });
    ExportTraceServiceResponse { partial_success }.encode_to_vec()
}

/// The same in OTLP's JSON, where 64-bit numbers are strings. `counted` is what JSON calls the refused: in protobuf the
/// answers for spans and for logs are the same bytes.
pub fn export_response_json(refused: &[Refusal], counted: &str) -> Value {
    if refused.is_empty() {
        return json!({});
    }
    let count: u64 = refused.iter().map(|refusal| u64::from(refusal.count)).sum();
    json!({
        "partialSuccess": { counted: count.to_string(), "errorMessage": refusal::summary(refused) },
    })
}

/// An encoded `google.rpc.Status`, with a `RetryInfo` if the sender should come back.
pub fn status(code: i32, message: &str, retry_after: Option<Duration>) -> Vec<u8> {
    let details = retry_after.map(|delay| {
        let retry_delay = Some(RetryDelay {
            seconds: i64::try_from(delay.as_secs()).unwrap_or(i64::MAX),
            nanos: i32::try_from(delay.subsec_nanos()).unwrap_or(0),
        });
        Detail {
            type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(),
            value: RetryInfo { retry_delay }.encode_to_vec(),
        }
    });
    RpcStatus { code, message: message.to_owned(), details: details.into_iter().collect() }.encode_to_vec()
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Detail>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
struct Detail {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<RetryDelay>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, PartialEq, Message)]
struct RetryDelay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}
