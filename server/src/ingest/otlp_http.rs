//! OTLP over HTTP (`POST /v1/traces` and `/v1/logs`, protobuf and JSON), the simple batch (`POST /v1/spans`) and Zipkin
//! (`POST /api/v2/spans`, JSON and protobuf).
//!
//! A sender is answered in the encoding it spoke. Errors to protobuf senders are a `google.rpc.Status`; JSON ones
//! carry both that and the error object all of the server's API uses.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{MethodRouter, post};
use model::ErrorCode;
use model::receipt::Reason;
use serde_json::{Value, json};

use super::body;
use super::decompress::{ACCEPTED, Coding};
use super::intake::{Format, Intake, IntakeError, Outcome, Payload};
use super::metrics::Door;
use super::sender::{self, Sender, sender_of};
use crate::limits::REQUEST_MAX_BYTES;
use crate::queue::Kind;
use crate::wire::otlp::answer;

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// The routes, for whichever listeners offer them.
pub fn router(intake: Arc<Intake>) -> Router {
    Router::new()
        .route("/v1/traces", only_post(post(traces)))
        .route("/v1/logs", only_post(post(logs)))
        .route("/v1/spans", only_post(post(simple_spans)))
        .route("/api/v2/spans", only_post(post(zipkin_spans)))
        .route_layer(from_fn_with_state(intake.clone(), admit))
        .with_state(intake)
}

/// Nobody without a valid key gets further, where one is needed.
async fn admit(State(intake): State<Arc<Intake>>, mut request: Request, next: Next) -> Response {
    match intake.guard().judge(request.headers()) {
        Ok(sender) => {
            request.extensions_mut().insert(sender);
            next.run(request).await
        }
        Err(sender::Unknown) => {
            let door = match request.uri().path() {
                "/v1/spans" => Door::SimpleJson,
                "/api/v2/spans" => Door::Zipkin,
                _ => Door::OtlpHttp,
            };
            let kind = if request.uri().path() == "/v1/logs" { Kind::Logs } else { Kind::Spans };
            intake.refuse(&Sender::default(), door, kind, Reason::NoKey);
            let format = match content_type(request.headers()) {
                PROTOBUF | "application/protobuf" if door == Door::OtlpHttp => Format::Protobuf,
                _ => Format::Json,
            };
            body::discard(request.into_body()).await;
            Refused::unauthenticated().into_response(format)
        }
    }
}

fn only_post(route: MethodRouter<Arc<Intake>>) -> MethodRouter<Arc<Intake>> {
    route.fallback(async || {
        let refusal = Refused {
            status: StatusCode::METHOD_NOT_ALLOWED,
            code: ErrorCode::BadRequest,
            message: "spans are sent with POST".to_owned(),
            hint: "send the request with POST".to_owned(),
            extra: Some((header::ALLOW, HeaderValue::from_static("POST"))),
        };
        refusal.into_response(Format::Json)
    })
}

async fn traces(State(intake): State<Arc<Intake>>, request: Request) -> Response {
    otlp(&intake, request, Kind::Spans, "rejectedSpans").await
}

async fn logs(State(intake): State<Arc<Intake>>, request: Request) -> Response {
    otlp(&intake, request, Kind::Logs, "rejectedLogRecords").await
}

/// `counted` is what JSON calls those that were refused.
async fn otlp(intake: &Intake, request: Request, kind: Kind, counted: &str) -> Response {
    let format = match content_type(request.headers()) {
        PROTOBUF | "application/protobuf" => Format::Protobuf,
        JSON => Format::Json,
        other => {
            let (other, hint) = (other.to_owned(), format!("send {PROTOBUF} or {JSON}"));
            return refuse_content_type(intake, request, (Door::OtlpHttp, kind), &other, hint).await;
        }
    };
    match take(intake, request, Door::OtlpHttp, format, kind).await {
        Ok(outcome) if format == Format::Protobuf => {
            respond(StatusCode::OK, PROTOBUF, answer::export_response(&outcome.refused))
        }
        Ok(outcome) => respond_json(StatusCode::OK, &answer::export_response_json(&outcome.refused, counted)),
        Err(refused) => refused.into_response(format),
    }
}

async fn simple_spans(State(intake): State<Arc<Intake>>, request: Request) -> Response {
    let content_type = content_type(request.headers()).to_owned();
    if content_type != JSON {
        let (hint, at) = (format!("send {JSON}"), (Door::SimpleJson, Kind::Spans));
        return refuse_content_type(&intake, request, at, &content_type, hint).await;
    }
    match take(&intake, request, Door::SimpleJson, Format::SimpleJson, Kind::Spans).await {
        Ok(outcome) => respond_json(StatusCode::ACCEPTED, &simple_answer(&outcome)),
        Err(refused) => refused.into_response(Format::SimpleJson),
    }
}

/// Zipkin's senders expect 202 and read no more; what was refused is said all the same.
async fn zipkin_spans(State(intake): State<Arc<Intake>>, request: Request) -> Response {
    let format = match content_type(request.headers()) {
        PROTOBUF | "application/protobuf" => Format::ZipkinProtobuf,
        // As Zipkin itself takes a body that does not say what it is.
        JSON | "" => Format::ZipkinJson,
        other => {
            let (other, hint) = (other.to_owned(), format!("send {JSON} or {PROTOBUF}"));
            return refuse_content_type(&intake, request, (Door::Zipkin, Kind::Spans), &other, hint).await;
        }
    };
    match take(&intake, request, Door::Zipkin, format, Kind::Spans).await {
        Ok(outcome) if outcome.refused.is_empty() => respond(StatusCode::ACCEPTED, "text/plain", Vec::new()),
        Ok(outcome) => respond_json(StatusCode::ACCEPTED, &simple_answer(&outcome)),
        Err(refused) => refused.into_response(Format::ZipkinJson),
    }
}

fn simple_answer(outcome: &Outcome) -> Value {
    let refused: Vec<Value> = outcome
        .refused
        .iter()
        .map(|refusal| {
            json!({
                "reason": refusal.reason.name(),
                "count": refusal.count,
                "example": refusal.example,
                "hint": refusal.reason.sentence(),
            })
        })
        .collect();
    json!({ "accepted": outcome.accepted, "refused": refused })
}

async fn take(
    intake: &Intake,
    request: Request,
    door: Door,
    format: Format,
    kind: Kind,
) -> Result<Outcome, Refused> {
    let (parts, body) = request.into_parts();
    let sender = sender_of(&parts.extensions)?;
    let coding = match coding(&parts.headers) {
        Ok(coding) => coding,
        Err(name) => {
            body::discard(body).await;
            intake.refuse(&sender, door, kind, Reason::UnknownEncoding);
            return Err(Refused::encoding(&name));
        }
    };
    let reading = async {
        let announced =
            parts.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let body = body::read(body, announced, |_| None, REQUEST_MAX_BYTES, intake.budget()).await?;
        Ok(Payload { body, coding, format, kind })
    };
    intake.take(&sender, door, kind, reading).await.map_err(Refused::from)
}

/// The media type without its parameters.
fn content_type(headers: &HeaderMap) -> &str {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    value.split(';').next().unwrap_or("").trim()
}

/// How the body is packed; the name if it is not known.
fn coding(headers: &HeaderMap) -> Result<Coding, String> {
    let mut named = headers.get_all(header::CONTENT_ENCODING).iter();
    let name = named.next().map_or("", |value| value.to_str().unwrap_or("?"));
    match (Coding::from_name(name), named.next()) {
        (Some(coding), None) => Ok(coding),
        _ => Err(name.to_owned()),
    }
}

async fn refuse_content_type(
    intake: &Intake,
    request: Request,
    (door, kind): (Door, Kind),
    sent: &str,
    hint: String,
) -> Response {
    let (parts, body) = request.into_parts();
    body::discard(body).await;
    intake.refuse(&sender_of(&parts.extensions).unwrap_or_default(), door, kind, Reason::UnknownType);
    let refused = Refused {
        status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
        code: ErrorCode::UnsupportedMediaType,
        message: format!("spans of content type {sent:?} cannot be read here"),
        hint,
        extra: None,
    };
    refused.into_response(Format::Json)
}

/// A request that was not taken, in HTTP's words.
struct Refused {
    status: StatusCode,
    code: ErrorCode,
    message: String,
    hint: String,
    extra: Option<(HeaderName, HeaderValue)>,
}

impl Refused {
    fn unauthenticated() -> Refused {
        Refused {
            status: StatusCode::UNAUTHORIZED,
            code: ErrorCode::Unauthenticated,
            message: sender::REFUSAL.to_owned(),
            hint: sender::HINT.to_owned(),
            extra: Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
        }
    }

    fn encoding(name: &str) -> Refused {
        Refused {
            status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
            code: ErrorCode::UnsupportedMediaType,
            message: format!("a body with content encoding {name:?} cannot be unpacked"),
            hint: format!("use one of {ACCEPTED}"),
            extra: Some((header::ACCEPT_ENCODING, HeaderValue::from_static(ACCEPTED))),
        }
    }

    fn into_response(self, format: Format) -> Response {
        let code = grpc_code(self.status);
        let mut response = if format == Format::Protobuf {
            respond(
                self.status,
                PROTOBUF,
                answer::status(code, &format!("{}; {}", self.message, self.hint), None),
            )
        } else {
            let error = json!({ "code": self.code, "message": self.message, "hint": self.hint });
            respond_json(self.status, &json!({ "error": error, "code": code, "message": self.message }))
        };
        if let Some((name, value)) = self.extra {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

impl From<IntakeError> for Refused {
    fn from(error: IntakeError) -> Refused {
        let (status, code, hint) = match &error {
            IntakeError::Malformed(_) => (
                StatusCode::BAD_REQUEST,
                ErrorCode::BadRequest,
                "check the sender's encoder and content headers",
            ),
            IntakeError::Interrupted => {
                (StatusCode::BAD_REQUEST, ErrorCode::BadRequest, "send the whole body")
            }
            IntakeError::TooLarge { .. } => {
                (StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::TooLarge, "lower the sender's batch size")
            }
            IntakeError::TooSlow => (
                StatusCode::REQUEST_TIMEOUT,
                ErrorCode::BadRequest,
                "check the network between sender and server",
            ),
            IntakeError::Busy | IntakeError::Full | IntakeError::RateLimited { .. } => {
                (StatusCode::TOO_MANY_REQUESTS, ErrorCode::Busy, "send it again after a pause")
            }
            IntakeError::Closed | IntakeError::Io(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Busy, "send it again after a pause")
            }
            IntakeError::Failed => {
                (StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Internal, "look at the server's log")
            }
        };
        let pause =
            error.retry_after().map(|pause| (header::RETRY_AFTER, HeaderValue::from(pause.as_secs().max(1))));
        Refused { status, code, message: error.to_string(), hint: hint.to_owned(), extra: pause }
    }
}

/// The code of `google.rpc.Code` that goes with an HTTP status.
fn grpc_code(status: StatusCode) -> i32 {
    let code = match status {
        StatusCode::UNAUTHORIZED => tonic::Code::Unauthenticated,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::PAYLOAD_TOO_LARGE => tonic::Code::ResourceExhausted,
        StatusCode::SERVICE_UNAVAILABLE => tonic::Code::Unavailable,
        StatusCode::REQUEST_TIMEOUT => tonic::Code::DeadlineExceeded,
        StatusCode::INTERNAL_SERVER_ERROR => tonic::Code::Internal,
        _ => tonic::Code::InvalidArgument,
    };
    code.into()
}

fn respond_json(status: StatusCode, body: &Value) -> Response {
    respond(status, JSON, body.to_string().into_bytes())
}

fn respond(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
