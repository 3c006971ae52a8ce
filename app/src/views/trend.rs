//! Calls over time, small enough for a table's cell: a line for all of them, bars for those that failed.

pub mod layout;

#[cfg(feature = "csr")]
mod view;

#[cfg(feature = "csr")]
pub use view::Trend;
