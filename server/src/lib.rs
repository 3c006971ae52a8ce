//! Everything the `skein` binary is made of, in the order a span meets it.

pub mod config;
pub mod limits;
pub mod listen;
pub mod node;

pub mod access;
pub mod detect;
pub mod http;
pub mod ingest;
pub mod query;
pub mod queue;
pub mod scrub;
pub mod settle;
pub mod storage;
pub mod wire;

pub mod status;

pub mod demo;
pub mod doctor;
pub mod key_command;
pub mod telemetry;
