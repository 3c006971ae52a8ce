//! What Skein talks about: spans, traces, what queries answer, and the one error that crosses the wire.
//!
//! Everything here is pure and builds for the browser: no clock, no I/O, no knowledge of OTLP, SQL or HTTP.

pub mod anomaly;
pub mod attr;
pub mod blame;
pub mod breakdown;
pub mod decimal;
pub mod deploy;
pub mod error;
pub mod hist;
pub mod id;
pub mod json;
pub mod link;
pub mod log;
pub mod order;
pub mod query;
pub mod receipt;
pub mod scope;
pub mod span;
pub mod time;
pub mod trace;
pub mod view;
pub mod work;

pub use attr::{AttrValue, Attrs};
pub use error::{ApiError, ErrorCode};
pub use hist::Histogram;
pub use id::{SpanId, TenantId, TraceId};
pub use link::{LinkTarget, LinkTemplate};
pub use scope::Scope;
pub use span::{Event, Link, Origin, Span, SpanKind, Status};
pub use time::{Nanos, Timestamp};
