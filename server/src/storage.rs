//! Spans at rest: the only code that talks to ClickHouse, embedded or not.
//!
//! `writer` takes batches off the queue and stores each as one Native block a table, under the batch's token, so
//! that storing it again changes nothing. `reader` runs bound SQL and turns rows into `model` types.

pub mod anomalies;
pub mod columns;
pub mod embedded;
pub mod engine_child;
pub mod erase;
mod keys;
pub mod logs;
pub mod metrics;
pub mod migrate;
pub mod native;
pub mod peer;
pub mod pieces;
pub mod reader;
mod receipts;
pub mod red;
pub mod retention;
pub mod settled;
pub mod store;
pub mod tiers;
pub mod token;
pub mod work;
pub mod writer;

pub use store::{Store, StoreError};
