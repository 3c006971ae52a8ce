//! The seam between browser and server: one function for everything a page may ask, and the trait that answers.
//!
//! The browser builds stubs of these functions; the server builds the functions and dispatches them to the
//! [`Backend`] it was given. Answers travel as postcard, a compact binary form. Nothing else belongs here.

#[cfg(feature = "ssr")]
mod backend;
mod failure;
mod functions;

#[cfg(feature = "ssr")]
pub use backend::{Backend, Caller, functions_handler};
pub use failure::Failure;
pub use functions::{
    get_diff, get_facets, get_heatmap, get_span, get_trace, list_attribute_keys, list_attribute_values,
    list_operations, list_services, report_service, report_services, search_traces,
};
