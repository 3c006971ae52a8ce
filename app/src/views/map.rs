//! Services and what they call, as a map: boxes in columns, callers to the left, arrows as thick as their calls.

pub mod layout;

#[cfg(feature = "csr")]
mod draw;
#[cfg(feature = "csr")]
mod view;

#[cfg(feature = "csr")]
pub use view::MapCanvas;
