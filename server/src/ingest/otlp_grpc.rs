//! OTLP over gRPC: `TraceService.Export` and `LogsService.Export`, with no decoding on the way.
//!
//! The one message of a call is taken off its five bytes of framing here, so that reading it counts against the
//! budget all requests share and unpacking it stops at the limit, as over HTTP.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Response, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::routing::post;
use bytes::{BufMut, Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use model::receipt::Reason;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::{Code, Status};

use super::body::{self, Held};
use super::decompress::Coding;
use super::intake::{Format, Intake, IntakeError, Payload};
use super::metrics::Door;
use super::sender::{self, Sender, sender_of};
use crate::limits::{
    GRPC_CONNECTION_WINDOW_BYTES, GRPC_FRAME_MAX_BYTES, GRPC_KEEPALIVE, GRPC_STREAM_WINDOW_BYTES,
    REQUEST_MAX_BYTES,
};
use crate::listen::Listener;
use crate::queue::Kind;
use crate::wire::otlp::answer;

const EXPORT_SPANS: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const EXPORT_LOGS: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
/// A flag (packed or not) and the length of what follows.
const FRAME_BYTES: usize = 5;
const ACCEPTED: &str = "gzip,zstd,deflate,snappy,identity";

/// The routes; every other method is UNIMPLEMENTED.
pub fn routes(intake: Arc<Intake>) -> Routes {
    let router = Router::new()
        .route(EXPORT_SPANS, post(export_spans))
        .route(EXPORT_LOGS, post(export_logs))
        .fallback(unimplemented);
    let router = router.layer(from_fn_with_state(intake.clone(), admit)).with_state(intake);
    Routes::from(router)
}

/// Serves until `shutdown`, then lets open calls end.
pub async fn serve(listener: Listener, intake: Arc<Intake>, shutdown: impl Future<Output = ()> + Send) {
    let served = Server::builder()
        .initial_stream_window_size(GRPC_STREAM_WINDOW_BYTES)
        .initial_connection_window_size(GRPC_CONNECTION_WINDOW_BYTES)
        .max_frame_size(GRPC_FRAME_MAX_BYTES)
        .http2_keepalive_interval(Some(GRPC_KEEPALIVE))
        .add_routes(routes(intake))
        .serve_with_incoming_shutdown(listener.into_stream(), shutdown)
        .await;
    if let Err(error) = served {
        tracing::error!(error = &error as &dyn std::error::Error, "OTLP over gRPC ended");
    }
}

/// Nobody without a valid key gets further, where one is needed.
async fn admit(State(intake): State<Arc<Intake>>, mut request: Request, next: Next) -> Response<Body> {
    match intake.guard().judge(request.headers()) {
        Ok(sender) => {
            request.extensions_mut().insert(sender);
            next.run(request).await
        }
        Err(sender::Unknown) => {
            let kind = if request.uri().path() == EXPORT_LOGS { Kind::Logs } else { Kind::Spans };
            intake.refuse(&Sender::default(), Door::OtlpGrpc, kind, Reason::NoKey);
            Status::unauthenticated(format!("{}; {}", sender::REFUSAL, sender::HINT)).into_http()
        }
    }
}

async fn unimplemented() -> Response<Body> {
    Status::unimplemented("this server takes TraceService.Export and LogsService.Export only").into_http()
}

async fn export_spans(State(intake): State<Arc<Intake>>, request: Request) -> Response<Body> {
    export(&intake, request, Kind::Spans).await
}

async fn export_logs(State(intake): State<Arc<Intake>>, request: Request) -> Response<Body> {
    export(&intake, request, Kind::Logs).await
}

async fn export(intake: &Intake, request: Request, kind: Kind) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let sender = match sender_of(&parts.extensions) {
        Ok(sender) => sender,
        Err(error) => return status_of(&error).into_http(),
    };
    let coding = match coding(&parts.headers) {
        Ok(coding) => coding,
        Err(status) => {
            intake.refuse(&sender, Door::OtlpGrpc, kind, Reason::UnknownEncoding);
            let mut response = status.into_http();
            response.headers_mut().insert("grpc-accept-encoding", HeaderValue::from_static(ACCEPTED));
            return response;
        }
    };
    let result = intake.take(&sender, Door::OtlpGrpc, kind, read(intake, body, coding, kind)).await;
    match result {
        Ok(outcome) => respond(&answer::export_response(&outcome.refused)),
        Err(error) => status_of(&error).into_http(),
    }
}

async fn read(intake: &Intake, body: Body, coding: Coding, kind: Kind) -> Result<Payload, IntakeError> {
    let framed =
        body::read(body, None, framed_length, REQUEST_MAX_BYTES + FRAME_BYTES, intake.budget()).await;
    let (body, is_packed) = unframe(framed.map_err(at_the_limit)?)?;
    if is_packed && coding == Coding::Identity {
        return Err(IntakeError::Malformed("the message is packed but no grpc-encoding says how".to_owned()));
    }
    let coding = if is_packed { coding } else { Coding::Identity };
    Ok(Payload { body, coding, format: Format::Protobuf, kind })
}

/// What the framing says, where there is as much of it.
fn framed_length(first: &[u8]) -> Option<usize> {
    let (_, length) = first.first_chunk::<FRAME_BYTES>()?.split_first()?;
    let length = u32::from_be_bytes(length.try_into().ok()?);
    usize::try_from(length).ok()?.checked_add(FRAME_BYTES)
}

/// The limit is the message's; nobody knows of the framing.
fn at_the_limit(error: IntakeError) -> IntakeError {
    match error {
        IntakeError::TooLarge { .. } => IntakeError::TooLarge { max_bytes: REQUEST_MAX_BYTES },
        other => other,
    }
}

/// The call's one message, and whether it is packed.
fn unframe(mut held: Held) -> Result<(Held, bool), IntakeError> {
    let malformed = |what: &str| Err(IntakeError::Malformed(what.to_owned()));
    let Some((&[flag, a, b, c, d], message)) = held.bytes.split_first_chunk::<FRAME_BYTES>() else {
        return malformed("the call has no message");
    };
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    if length > REQUEST_MAX_BYTES {
        return Err(IntakeError::TooLarge { max_bytes: REQUEST_MAX_BYTES });
    }
    if flag > 1 {
        return malformed("the message's framing is neither packed nor unpacked");
    }
    match message.len().checked_sub(length) {
        None => malformed("the call ends inside its message"),
        Some(0) => {
            held.bytes = held.bytes.slice(FRAME_BYTES..);
            Ok((held, flag == 1))
        }
        Some(_) => malformed("the call has more than its one message"),
    }
}

fn coding(headers: &HeaderMap) -> Result<Coding, Status> {
    let name = headers.get("grpc-encoding").map_or("", |value| value.to_str().unwrap_or("?"));
    Coding::from_name(name)
        .ok_or_else(|| Status::unimplemented(format!("grpc-encoding {name:?} is not one of {ACCEPTED}")))
}

/// UNAVAILABLE, and RESOURCE_EXHAUSTED with a `RetryInfo`, make an SDK come back; all else makes it give up.
fn status_of(error: &IntakeError) -> Status {
    let code = match error {
        IntakeError::Malformed(_) => Code::InvalidArgument,
        IntakeError::TooLarge { .. }
        | IntakeError::Busy
        | IntakeError::Full
        | IntakeError::RateLimited { .. } => Code::ResourceExhausted,
        IntakeError::TooSlow => Code::DeadlineExceeded,
        IntakeError::Interrupted => Code::Cancelled,
        IntakeError::Closed | IntakeError::Io(_) => Code::Unavailable,
        IntakeError::Failed => Code::Internal,
    };
    let message = error.to_string();
    match error.retry_after() {
        None => Status::new(code, message),
        Some(pause) => {
            let details = answer::status(code.into(), &message, Some(pause));
            Status::with_details(code, message, details.into())
        }
    }
}

fn respond(message: &[u8]) -> Response<Body> {
    let mut framed = BytesMut::with_capacity(FRAME_BYTES + message.len());
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    framed.put_slice(message);
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let body: Full<Bytes> = Full::new(framed.freeze());
    let mut response =
        Response::new(Body::new(body.with_trailers(async { Some(Ok::<_, Infallible>(trailers)) })));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}
