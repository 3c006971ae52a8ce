//! One span whole: what it is, when, its attributes with their types, events, links, and who made it. What the trace
//! already knows is shown at once; the rest follows when it has been fetched.
//!
//! For tests: `[data-testid=span-detail]`, an attribute is `[data-testid=attribute]` with `data-key`.

pub mod pretty;
pub mod siblings;
pub mod text;

#[cfg(feature = "csr")]
mod attributes;
#[cfg(feature = "csr")]
mod beside;
#[cfg(feature = "csr")]
mod sections;
#[cfg(feature = "csr")]
mod view;

#[cfg(feature = "csr")]
pub use view::{SpanDetail, SpanLoad};
