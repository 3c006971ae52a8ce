//! Errors as the outside sees them: the one place where they get a status.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::{ApiError, ErrorCode};
use serde_json::{Value, json};

use crate::access::AccessError;
use crate::limits::RETRY_AFTER;

#[derive(Debug)]
pub struct HttpError(pub ApiError);

impl From<ApiError> for HttpError {
    fn from(error: ApiError) -> HttpError {
        HttpError(error)
    }
}

impl From<AccessError> for HttpError {
    fn from(error: AccessError) -> HttpError {
        if let AccessError::ReservedTenant(_) | AccessError::TooManyKeys(_) = error {
            return HttpError(ApiError::bad_request(error.to_string(), "see GET /api/keys"));
        }
        tracing::error!(%error, "who may see what cannot be decided");
        HttpError(ApiError::new(
            ErrorCode::Internal,
            error.to_string(),
            "look at the server's log and run `skein doctor`",
        ))
    }
}

pub fn status_of(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::BadRequest => StatusCode::BAD_REQUEST,
        ErrorCode::NotFound => StatusCode::NOT_FOUND,
        ErrorCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorCode::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ErrorCode::Busy => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::LimitExceeded => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorCode::StorageUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

pub fn error_json(error: &ApiError) -> Value {
    let ApiError { code, message, hint, range } = error;
    let mut json = json!({ "code": code, "message": message, "hint": hint });
    if let Some((start, end)) = range {
        json["range"] = json!({ "start": start, "end": end });
    }
    json
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let code = self.0.code;
        let mut response = (status_of(code), Json(json!({ "error": error_json(&self.0) }))).into_response();
        if matches!(code, ErrorCode::Busy | ErrorCode::StorageUnavailable) {
            let seconds = HeaderValue::from(RETRY_AFTER.as_secs());
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}

pub async fn method_not_allowed() -> Response {
    let error = ApiError::bad_request("this address does not take that method", "see /api/openapi.json");
    let body = HttpError(error).into_response().into_body();
    (StatusCode::METHOD_NOT_ALLOWED, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
