//! The views of pages. Each receives its data and knows no page and no fetch: `layout` computes, `draw` paints,
//! the component joins them. [`stage`] is what the views of a trace share: one
//! selection, one time axis.

pub mod anomalies;
pub mod call_graph;
pub mod diff;
pub mod explain;
#[cfg(feature = "csr")]
pub mod extra_detail;
pub mod flame;
pub mod heatmap;
pub mod journey;
pub mod map;
pub mod minimap;
pub mod series;
pub mod span_detail;
#[cfg(feature = "csr")]
pub mod stage;
pub mod table;
pub mod trace_logs;
pub mod trend;
pub mod waterfall;
pub mod why;
