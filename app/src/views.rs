//! The views of a trace. Each receives its data and knows no page and no fetch: `layout` computes, `draw` paints,
//! the component joins them.

pub mod minimap;
pub mod span_detail;
pub mod waterfall;
