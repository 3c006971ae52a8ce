//! The waterfall: every span a row, its time a bar. Bars are one canvas; names and numbers are a recycled handful of
//! elements over the rows on screen, which are also the accessible tree grid. Work per frame depends on the rows on
//! screen alone.
//!
//! For tests: the scroll container is `[data-testid=waterfall]`, a row `[data-testid=span-row]` with `data-span-id`.

pub mod find;
pub mod layout;
pub mod rows;

#[cfg(feature = "csr")]
mod draw;
#[cfg(feature = "csr")]
mod view;

#[cfg(feature = "csr")]
pub use view::Waterfall;
