//! The whole trace at a glance: where time went, where it failed, which part the waterfall shows. Drag to zoom.

pub mod layout;

#[cfg(feature = "csr")]
mod draw;
#[cfg(feature = "csr")]
mod view;

#[cfg(feature = "csr")]
pub use view::Minimap;
