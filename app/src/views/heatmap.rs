//! When traces started and how long they took: time to the right, duration upwards in half-octaves. How many is said
//! by strength of colour; failures by a mark in the cell, so that they show without colour too. Drag to select.

pub mod layout;

#[cfg(feature = "csr")]
pub mod draw;
#[cfg(feature = "csr")]
mod view;

#[cfg(feature = "csr")]
pub use view::HeatmapView;
