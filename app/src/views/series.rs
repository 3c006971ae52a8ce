//! The answer to a metrics query: a line for each series over time.

#[cfg(feature = "csr")]
mod draw;
pub mod layout;
pub mod markup;
#[cfg(feature = "csr")]
mod view;

#[cfg(feature = "csr")]
pub use view::SeriesView;
