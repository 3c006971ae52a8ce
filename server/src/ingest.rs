//! The doors: bytes come in, are bounded, judged, made durable and answered. Nothing here reads from storage.
//!
//! Every door judges who sends (`sender`) and then does the same three things: it reads the body against the shared byte budget (`body`), hands it to
//! the `intake`, and puts the outcome into its protocol's words.

pub mod body;
pub mod budget;
pub mod cors;
pub mod decompress;
pub mod intake;
pub mod metrics;
pub mod otlp_grpc;
pub mod otlp_http;
pub mod own;
pub mod receipts;
mod recent;
pub mod sender;
pub mod shed;

pub use intake::{Intake, IntakeError, Outcome};
pub use metrics::{Door, IngestMetrics};

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
