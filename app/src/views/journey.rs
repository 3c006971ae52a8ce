//! Traces that links join, on one time axis: each a line that opens into its spans, with what was handed on between.
//!
//! For tests: `[data-testid=journey]`, a line is `[data-testid=journey-line]`, a hop `[data-testid=hop]`.

pub mod layout;

#[cfg(feature = "csr")]
mod board;
#[cfg(feature = "csr")]
mod draw;
#[cfg(feature = "csr")]
mod view;

#[cfg(feature = "csr")]
pub use board::{Board, Opened, Spans};
#[cfg(feature = "csr")]
pub use view::{Hops, JourneyLines};
