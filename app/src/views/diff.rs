//! Two traces aligned by call path: rows with both bars and what differs, or a flame of the critical path. Rows on
//! screen alone exist as elements.
//!
//! For tests: a row is `[data-testid=diff-row]` with `data-change`, the flame `[data-testid=diff-flame]`.

pub mod attributes;
pub mod layout;
pub mod markup;

#[cfg(feature = "csr")]
mod flame;
#[cfg(feature = "csr")]
mod rows;
#[cfg(feature = "csr")]
pub mod state;

#[cfg(feature = "csr")]
pub use flame::DiffFlame;
#[cfg(feature = "csr")]
pub use rows::DiffRows;
