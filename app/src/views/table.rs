//! The table: a trace's spans added up by service, operation, kind, or any attribute.
//!
//! For tests: `[data-testid=span-table]`, a line `[data-testid=group-row]`.

pub mod layout;

#[cfg(feature = "csr")]
mod view;

#[cfg(feature = "csr")]
pub use view::SpanTable;
