//! Receipts as columns of the `receipts` table.

use super::columns::TableBlock;
use super::native::{Column, Fixed, Names, Text, block};
use crate::wire::receipts::Receipt;

pub(super) struct Receipts {
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

impl Default for Receipts {
    fn default() -> Self {
        Receipts {
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

impl Receipts {
    pub fn add(&mut self, receipt: &Receipt) {
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

    pub fn rows(&self) -> usize {
        self.minute.rows()
    }

    pub fn finish(mut self) -> TableBlock {
        let rows = self.rows();
        let (columns, body) = block(vec![
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
        ]);
        TableBlock { table: "receipts", columns, rows, body }
    }
}
