//! Log records as columns of the `logs` table.

use super::columns::{TableBlock, push_tagged, span_id_of, trace_id_of};
use super::native::{Column, Dict, Fixed, Names, Text, block};
use crate::wire::otlp::view::{LogView, Malformed};

pub(super) struct Logs {
    tenant: Names,
    received: Fixed<4>,
    trace_id: Fixed<16>,
    span_id: Fixed<8>,
    time: Fixed<8>,
    observed: Fixed<8>,
    service: Names,
    severity: Fixed<1>,
    severity_text: Names,
    event_name: Names,
    body: Text,
    attributes: Dict<Text>,
    dropped_attributes: Fixed<4>,
    flags: Fixed<4>,
    origin: Fixed<8>,
}

/// What all log records of one resource and scope have in common.
pub(super) struct Source<'a> {
    pub tenant: &'a str,
    pub service: &'a str,
    pub origin: u64,
    pub received_ns: u64,
}

impl Default for Logs {
    fn default() -> Self {
        Logs {
            tenant: Names::default(),
            received: Fixed::new("DateTime('UTC')"),
            trace_id: Fixed::new("FixedString(16)"),
            span_id: Fixed::new("UInt64"),
            time: Fixed::new("DateTime64(9, 'UTC')"),
            observed: Fixed::new("UInt64"),
            service: Names::default(),
            severity: Fixed::new("UInt8"),
            severity_text: Names::default(),
            event_name: Names::default(),
            body: Text::default(),
            attributes: Dict::default(),
            dropped_attributes: Fixed::new("UInt32"),
            flags: Fixed::new("UInt32"),
            origin: Fixed::new("UInt64"),
        }
    }
}

impl Logs {
    pub fn add(&mut self, from: &Source<'_>, log: &LogView<'_>) -> Result<(), Malformed> {
        let body = log.body.to_model()?;
        push_tagged(&mut self.attributes, &log.attributes)?;
        let said = [log.time, log.observed].into_iter().find(|time| *time != 0);
        self.tenant.push(from.tenant);
        self.received.push(((from.received_ns / 1_000_000_000) as u32).to_le_bytes());
        self.trace_id.push(trace_id_of(log.trace_id));
        self.span_id.push(span_id_of(log.span_id).to_le_bytes());
        self.time.push(said.unwrap_or(from.received_ns).to_le_bytes());
        self.observed.push(log.observed.to_le_bytes());
        self.service.push(from.service);
        self.severity.push([u8::try_from(log.severity).unwrap_or(0)]);
        self.severity_text.push(log.severity_text);
        self.event_name.push(log.event_name);
        self.body.push(body.to_text());
        self.dropped_attributes.push(log.dropped_attributes.to_le_bytes());
        self.flags.push(log.flags.to_le_bytes());
        self.origin.push(from.origin.to_le_bytes());
        Ok(())
    }

    pub fn rows(&self) -> usize {
        self.span_id.rows()
    }

    pub fn finish(mut self) -> TableBlock {
        let rows = self.rows();
        let (columns, body) = block(
            rows,
            vec![
                ("tenant", &mut self.tenant),
                ("received", &mut self.received),
                ("trace_id", &mut self.trace_id),
                ("span_id", &mut self.span_id),
                ("time", &mut self.time),
                ("observed", &mut self.observed),
                ("service", &mut self.service),
                ("severity", &mut self.severity),
                ("severity_text", &mut self.severity_text),
                ("event_name", &mut self.event_name),
                ("body", &mut self.body),
                ("attributes", &mut self.attributes),
                ("dropped_attributes", &mut self.dropped_attributes),
                ("flags", &mut self.flags),
                ("origin", &mut self.origin),
            ],
        );
        TableBlock { table: "logs", columns, rows, body }
    }
}
