//! The seam between browser and server: one function for everything a page may ask, and the trait that answers.
//!
//! The browser builds stubs of these functions; the server builds the functions and dispatches them to the
//! [`Backend`] it was given. Answers travel as postcard, a compact binary form. Nothing else belongs here.

#[cfg(feature = "ssr")]
mod backend;
mod crossing;
mod failure;
mod functions;
mod parts;

#[cfg(feature = "ssr")]
pub use backend::{Backend, Caller, functions_handler, is_function};
pub use crossing::{answered, ask_below, refused};
pub use failure::Failure;
pub use functions::{
    create_key, explain_region, find_in_trace, get_diff, get_endpoints, get_facets, get_heatmap,
    get_host_clocks, get_journey, get_receipts, get_series, get_service_map, get_settings, get_span,
    get_status, get_trace, get_trace_logs, get_trace_values, list_anomalies, list_attribute_keys,
    list_attribute_values, list_exemplars, list_keys, list_link_templates, list_linked_spans,
    list_operations, list_services, list_trace_keys, rank_spans, read_trace_file, report_service,
    report_services, revoke_key, search_traces,
};
pub use parts::{PartReader, SEARCH_PARTS, parts_request};
#[cfg(feature = "ssr")]
pub use parts::{failure_bytes, part_bytes, read_parts_request};
