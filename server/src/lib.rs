//! Everything the `skein` binary is made of, in the order a span meets it.

pub mod config;
pub mod limits;
pub mod node;

pub mod wire;
pub mod ingest;
pub mod queue;
pub mod storage;
pub mod query;
pub mod access;
pub mod http;

pub mod demo;
pub mod doctor;
pub mod telemetry;
