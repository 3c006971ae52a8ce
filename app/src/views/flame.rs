//! The flame chart: every span a box on the trace's time axis, callers above what they call. One canvas; what is drawn
//! in a frame depends on the pixels on screen alone.
//!
//! For tests: the scroll container is `[data-testid=flame]`.

pub mod layout;

#[cfg(feature = "csr")]
mod view;

#[cfg(feature = "csr")]
pub use view::Flame;
