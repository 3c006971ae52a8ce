//! Foreign shapes to ours and back. Pure: no I/O, no clock. The only code that knows protobuf types.

pub mod otlp;
pub mod receipts;
pub mod simple;
pub mod trace_file;
pub mod zipkin;
