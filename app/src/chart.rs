//! What every chart needs: a scale, a window on time, an axis, colours, and one canvas component.
//!
//! [`scale`], [`window`], [`time_axis`] and [`color`] are pure. Names say the space a number lives in: `_ns` is
//! nanoseconds after the trace's start, `_px` is CSS pixels.

#[cfg(feature = "csr")]
pub mod canvas;
pub mod color;
pub mod folds;
#[cfg(feature = "csr")]
pub mod palette;
pub mod scale;
pub mod time_axis;
#[cfg(feature = "csr")]
pub mod time_strip;
pub mod window;

pub use scale::TimeScale;
pub use window::Window;
