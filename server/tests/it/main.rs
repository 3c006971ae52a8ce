//! The real binary with its real engine, seen from outside. Every test starts a server of its own, on free ports,
//! with a data folder of its own, and waits for conditions.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod anomalies;
mod bad_input;
mod connections;
mod contract;
mod crash;
mod diff;
mod download;
mod erase;
mod evaluator;
mod explain;
mod in_trace;
mod keys;
mod logs;
mod openapi;
mod overload;
mod overview;
mod overview_runs;
mod own_traces;
mod pages;
mod planner;
mod receipts;
mod retention;
mod roundtrip;
mod scrub;
mod search;
mod server;
mod services;
mod settle;
mod shedding;
mod status;
mod tls;
