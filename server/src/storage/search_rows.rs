//! The search table: one narrow row a span. `pieces` takes its place.

use super::columns::TableBlock;
use super::native::{Column, Fixed, Names, block};
use super::pieces::Shape;
use crate::wire::otlp::view::SpanView;

/// Rows are ordered by this many seconds first: ten minutes hold enough rows to be worth their marks.
const BUCKET_SECS: u64 = 600;

/// The rows of one batch under construction.
pub struct SearchRows {
    tenant: Names,
    received: Fixed<4>,
    bucket: Fixed<4>,
    error: Fixed<1>,
    service: Names,
    operation: Names,
    start: Fixed<8>,
    duration: Fixed<8>,
    kind: Fixed<1>,
    root: Fixed<1>,
    trace_id: Fixed<16>,
}

impl Default for SearchRows {
    fn default() -> Self {
        SearchRows {
            tenant: Names::default(),
            received: Fixed::new("DateTime('UTC')"),
            bucket: Fixed::new("DateTime('UTC')"),
            error: Fixed::new("UInt8"),
            service: Names::default(),
            operation: Names::default(),
            start: Fixed::new("DateTime64(9, 'UTC')"),
            duration: Fixed::new("UInt64"),
            kind: Fixed::new("UInt8"),
            root: Fixed::new("UInt8"),
            trace_id: Fixed::new("FixedString(16)"),
        }
    }
}

impl SearchRows {
    pub fn add(&mut self, tenant: &str, service: &str, shape: &Shape, span: &SpanView<'_>) {
        self.tenant.push(tenant);
        self.received.push(shape.received_secs.to_le_bytes());
        let secs = span.start / 1_000_000_000;
        self.bucket.push(((secs - secs % BUCKET_SECS) as u32).to_le_bytes());
        self.error.push([u8::from(shape.is_error)]);
        self.service.push(service);
        self.operation.push(span.name);
        self.start.push(span.start.to_le_bytes());
        self.duration.push(shape.duration.to_le_bytes());
        self.kind.push([span.kind.min(5) as u8]);
        self.root.push([u8::from(span.parent_id.is_empty())]);
        self.trace_id.push(span.trace_id.try_into().unwrap_or_default());
    }

    pub fn finish(mut self) -> TableBlock {
        let rows = self.trace_id.rows();
        let (columns, body) = block(vec![
            ("tenant", &mut self.tenant),
            ("received", &mut self.received),
            ("bucket", &mut self.bucket),
            ("error", &mut self.error),
            ("service", &mut self.service),
            ("operation", &mut self.operation),
            ("start", &mut self.start),
            ("duration", &mut self.duration),
            ("kind", &mut self.kind),
            ("root", &mut self.root),
            ("trace_id", &mut self.trace_id),
        ]);
        TableBlock { table: "search", columns, rows, body }
    }
}
