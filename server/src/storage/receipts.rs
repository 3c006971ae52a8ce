//! Receipts as columns of the `receipts` table, and refused spans as those of `refused`.

use super::columns::TableBlock;
use super::native::{Column, Fixed, Names, Text, block};
use crate::wire::receipts::{NoReceipts, Receipt, RefusedSpan, decode};

/// Both tables under construction.
#[derive(Default)]
pub(super) struct Receipts {
    rows: Rows,
    refused: Refused,
}

impl Receipts {
    /// Adds a record of the queue.
    pub fn add(&mut self, body: &[u8]) -> Result<(), NoReceipts> {
        let (rows, refused) = decode(body)?;
        rows.iter().for_each(|receipt| self.rows.add(receipt));
        refused.iter().for_each(|span| self.refused.add(span));
        Ok(())
    }

    /// The blocks that have rows.
    pub fn finish(self) -> impl Iterator<Item = TableBlock> {
        [self.rows.finish(), self.refused.finish()].into_iter().filter(|block| block.rows > 0)
    }
}

struct Rows {
    tenant: Names,
    minute: Fixed<4>,
    outcome: Names,
    reason: Names,
    service: Names,
    key: Names,
    door: Names,
    kind: Names,
    items: Fixed<8>,
    requests: Fixed<8>,
    example: Text,
}

impl Default for Rows {
    fn default() -> Self {
        Rows {
            tenant: Names::default(),
            minute: Fixed::new("DateTime('UTC')"),
            outcome: Names::default(),
            reason: Names::default(),
            service: Names::default(),
            key: Names::default(),
            door: Names::default(),
            kind: Names::default(),
            items: Fixed::new("UInt64"),
            requests: Fixed::new("UInt64"),
            example: Text::default(),
        }
    }
}

impl Rows {
    fn add(&mut self, receipt: &Receipt) {
        self.tenant.push(&receipt.tenant);
        self.minute.push(receipt.minute_secs.to_le_bytes());
        self.outcome.push(receipt.outcome.name());
        self.reason.push(&receipt.reason);
        self.service.push(&receipt.service);
        self.key.push(&receipt.key);
        self.door.push(&receipt.door);
        self.kind.push(&receipt.kind);
        self.items.push(receipt.items.to_le_bytes());
        self.requests.push(receipt.requests.to_le_bytes());
        self.example.push(&receipt.example);
    }

    fn rows(&self) -> usize {
        self.minute.rows()
    }

    fn finish(mut self) -> TableBlock {
        let rows = self.rows();
        let (columns, body) = block(
            rows,
            vec![
                ("tenant", &mut self.tenant),
                ("minute", &mut self.minute),
                ("outcome", &mut self.outcome),
                ("reason", &mut self.reason),
                ("service", &mut self.service),
                ("key", &mut self.key),
                ("door", &mut self.door),
                ("kind", &mut self.kind),
                ("items", &mut self.items),
                ("requests", &mut self.requests),
                ("example", &mut self.example),
            ],
        );
        TableBlock { table: "receipts", columns, rows, body }
    }
}

struct Refused {
    tenant: Names,
    received: Fixed<4>,
    trace_id: Fixed<16>,
    span_id: Fixed<8>,
    reason: Names,
}

impl Default for Refused {
    fn default() -> Self {
        Refused {
            tenant: Names::default(),
            received: Fixed::new("DateTime('UTC')"),
            trace_id: Fixed::new("FixedString(16)"),
            span_id: Fixed::new("UInt64"),
            reason: Names::default(),
        }
    }
}

impl Refused {
    fn add(&mut self, span: &RefusedSpan) {
        self.tenant.push(&span.tenant);
        self.received.push(span.received_secs.to_le_bytes());
        self.trace_id.push(span.trace_id);
        self.span_id.push(span.span_id.to_le_bytes());
        self.reason.push(&span.reason);
    }

    fn rows(&self) -> usize {
        self.received.rows()
    }

    fn finish(mut self) -> TableBlock {
        let rows = self.rows();
        let (columns, body) = block(
            rows,
            vec![
                ("tenant", &mut self.tenant),
                ("received", &mut self.received),
                ("trace_id", &mut self.trace_id),
                ("span_id", &mut self.span_id),
                ("reason", &mut self.reason),
            ],
        );
        TableBlock { table: "refused", columns, rows, body }
    }
}
