//! The one error that crosses the wire: what happened, to what, and what to do next.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::query::Problem;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    BadRequest,
    NotFound,
    /// No valid key was shown where one is needed.
    Unauthenticated,
    TooLarge,
    UnsupportedMediaType,
    /// Come back later: a queue is full or a part is still starting.
    Busy,
    /// A query hit its time or memory limit.
    LimitExceeded,
    /// The storage engine cannot be reached.
    StorageUnavailable,
    Internal,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiError {
    pub code: ErrorCode,
    pub message: String,
    pub hint: String,
    /// The bytes of the query it is about: first, and first after.
    pub range: Option<(u32, u32)>,
}

impl ApiError {
    pub fn new(code: ErrorCode, message: impl Into<String>, hint: impl Into<String>) -> ApiError {
        ApiError { code, message: message.into(), hint: hint.into(), range: None }
    }

    pub fn bad_request(message: impl Into<String>, hint: impl Into<String>) -> ApiError {
        ApiError::new(ErrorCode::BadRequest, message, hint)
    }

    /// Points at the part of the query that is meant.
    pub fn at(mut self, start: usize, end: usize) -> ApiError {
        self.range = Some((start as u32, end as u32));
        self
    }

    /// A query that cannot be understood: its first problem, where it stands.
    pub fn bad_query(problems: &[Problem]) -> ApiError {
        let Some(first) = problems.first() else {
            return ApiError::bad_request("the query cannot be understood", "see docs/query-language.md");
        };
        let more = match problems.len() {
            1 => String::new(),
            n => format!(" (and {} more)", n - 1),
        };
        ApiError::bad_request(format!("{}{more}", first.message), first.hint.clone())
            .at(first.at.start, first.at.end)
    }

    pub fn not_found(message: impl Into<String>, hint: impl Into<String>) -> ApiError {
        ApiError::new(ErrorCode::NotFound, message, hint)
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ApiError {}
