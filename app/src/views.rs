//! The views of a trace. Each receives its data and knows no page and no fetch: `layout` computes, `draw` paints,
//! the component joins them. [`stage`] is what they share: one selection, one time axis.

pub mod heatmap;
pub mod minimap;
pub mod span_detail;
#[cfg(feature = "csr")]
pub mod stage;
pub mod waterfall;
