//! Questions and their answers. Plans are pure: text and bound values out of a scope and a request; `storage` runs
//! them.

use model::{ApiError, ErrorCode, TraceId};

use self::reached::Reached;
use crate::storage::StoreError;
use crate::storage::reader::Reader;

pub mod clocks;
pub mod complete;
pub mod dependencies;
pub mod diff;
pub mod evaluate;
pub mod explain;
pub mod facts;
pub mod health;
pub mod in_trace;
pub mod journey;
pub mod logs;
pub mod map;
pub mod overview;
pub mod peers;
pub mod plan;
pub mod reached;
pub mod receipts;
pub mod red;
pub mod search;
pub mod series;
pub mod service;
pub mod signals;
pub mod trace;
pub mod verify;

/// Answers every question for whoever's scope it is given.
#[derive(Clone)]
pub struct Queries {
    reader: Reader,
    /// A trace that got spans within this time may get more.
    quiet_secs: u32,
    reached: Reached,
}

impl Queries {
    pub fn new(reader: Reader, quiet_secs: u32, reached: Reached) -> Queries {
        Queries { reader, quiet_secs, reached }
    }
}

/// A trace's id in SQL as a number: large sets and groups of those take half the time that sets of bytes do.
const NUMBER: &str = "reinterpretAsUInt128(trace_id)";

/// Ids as the items of a set in SQL: digits only, so nothing has to be bound.
fn list(traces: &[TraceId]) -> String {
    traces.iter().map(|id| format!("unhex('{id}')")).collect::<Vec<_>>().join(", ")
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> ApiError {
        let detail = error_chain(&error);
        match error {
            StoreError::Unavailable(_) => ApiError::new(
                ErrorCode::StorageUnavailable,
                "the storage engine cannot be reached",
                "spans are still accepted and will be searchable when it is back; try again in a few seconds",
            ),
            StoreError::LimitExceeded(_) => ApiError::new(
                ErrorCode::LimitExceeded,
                "the query reached its limit of time or memory",
                "narrow the time range or add a filter",
            ),
            StoreError::Pattern(_) => ApiError::bad_request(
                "a regular expression of the query cannot be read",
                "patterns are RE2: no look-around and no references back",
            ),
            StoreError::Refused(_) => {
                tracing::error!(error = detail, "the storage engine refused a query");
                ApiError::new(
                    ErrorCode::Internal,
                    "the storage engine refused the query",
                    "this is a fault in Skein; its log has the details",
                )
            }
        }
    }
}

fn error_chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(error.source(), |e| e.source())
        .fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
