//! What is neither a page's own nor only in the URL: where we are, and how this person likes things.

pub mod preferences;
pub mod queries;
pub mod router;

pub use preferences::Preferences;
pub use router::Router;
