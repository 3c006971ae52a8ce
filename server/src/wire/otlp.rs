//! OTLP. Spans stay encoded from the door to the writer: `view` reads the bytes where they lie, `check` decides
//! what may pass, `json` and `encode` make such bytes from the other forms.

pub mod answer;
pub mod check;
pub mod decode;
pub mod encode;
pub mod json;
pub mod notes;
pub mod own;
pub mod refusal;
pub mod sampling;
pub mod view;

pub use notes::{Note, Notes, notes_of};
pub use refusal::{Reason, Refusal};

/// The service of spans whose resource names none, as OpenTelemetry's conventions have it.
pub const UNKNOWN_SERVICE: &str = "unknown_service";

#[cfg(test)]
pub(crate) mod samples;
