//! The call graph: each operation of the trace once, with arrows to what it calls, in layers from the root.
//!
//! For tests: `[data-testid=call-graph]`, a box `[data-testid=call-node]`.

pub mod layout;

#[cfg(feature = "csr")]
mod view;

#[cfg(feature = "csr")]
pub use view::CallGraph;
