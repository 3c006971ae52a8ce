//! The trace's log: its lines in order of time beside a mark on the time axis, each leading to its span.
//!
//! For tests: `[data-testid=trace-logs]`, a line `[data-testid=log-line]` with `data-span-id`.

pub mod layout;

#[cfg(feature = "csr")]
mod view;

#[cfg(feature = "csr")]
pub use view::{LogLoad, SpanLog, TraceLog};
