//! Receipts on their way through the queue, as bytes and back.
//!
//! ```text
//!   record := version (2) postcard(rows, refused spans)
//!           | version (1) postcard(rows)
//! ```
//! A later shape takes the next version and is read beside this one: a queue may hold records of an older run.

use model::receipt::Outcome;
use serde::{Deserialize, Serialize};
use thiserror::Error;

const VERSION: u8 = 2;
/// Before spans were named.
const ROWS_ALONE: u8 = 1;

/// What one kind of thing came to within one minute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    pub minute_secs: u32,
    pub tenant: String,
    pub key: String,
    pub door: String,
    pub kind: String,
    pub service: String,
    pub outcome: Outcome,
    pub reason: String,
    pub items: u64,
    pub requests: u64,
    pub example: String,
}

/// A span that was refused, so that the hole it leaves in its trace can be explained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedSpan {
    pub tenant: String,
    pub received_secs: u32,
    pub trace_id: [u8; 16],
    pub span_id: u64,
    pub reason: String,
}

#[derive(Debug, Error)]
pub enum NoReceipts {
    #[error("receipts are in format {0}, which this version does not know")]
    Version(u8),
    #[error("the receipts cannot be read")]
    Bytes(#[from] postcard::Error),
}

pub fn encode(rows: &[Receipt], refused: &[RefusedSpan]) -> Vec<u8> {
    // Nothing that is written to memory and has a known length can fail.
    postcard::to_extend(&(rows, refused), vec![VERSION]).unwrap_or_default()
}

pub fn decode(bytes: &[u8]) -> Result<(Vec<Receipt>, Vec<RefusedSpan>), NoReceipts> {
    match bytes.split_first() {
        Some((&VERSION, both)) => Ok(postcard::from_bytes(both)?),
        Some((&ROWS_ALONE, rows)) => Ok((postcard::from_bytes(rows)?, Vec::new())),
        other => Err(NoReceipts::Version(other.map_or(0, |(version, _)| *version))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let row = Receipt {
            minute_secs: 1_700_000_040,
            tenant: "default".into(),
            key: "shop".into(),
            door: "zipkin".into(),
            kind: "spans".into(),
            service: "cart".into(),
            outcome: Outcome::Late,
            reason: "long_ended".into(),
            items: 7,
            requests: 2,
            example: "span \"GET\"".into(),
        };
        let refused = RefusedSpan {
            tenant: "default".into(),
            received_secs: 1_700_000_041,
            trace_id: [7; 16],
            span_id: 9,
            reason: "too_large".into(),
        };
        let bytes = encode(&[row.clone(), row.clone()], std::slice::from_ref(&refused));
        assert_eq!(decode(&bytes).unwrap(), (vec![row.clone(), row.clone()], vec![refused]));
        assert!(decode(&bytes[..bytes.len() - 1]).is_err());
        let older = postcard::to_extend(&[row.clone()][..], vec![ROWS_ALONE]).unwrap();
        assert_eq!(decode(&older).unwrap(), (vec![row], Vec::new()), "of an older run");
        assert!(matches!(decode(&[3, 0]), Err(NoReceipts::Version(3))));
        assert!(matches!(decode(&[]), Err(NoReceipts::Version(0))));
    }
}
