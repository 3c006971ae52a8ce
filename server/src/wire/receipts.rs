//! Receipts on their way through the queue, as bytes and back.
//!
//! ```text
//!   record := version (1) postcard(rows)
//! ```
//! A later shape takes the next version and is read beside this one: a queue may hold records of an older run.

use model::receipt::Outcome;
use serde::{Deserialize, Serialize};
use thiserror::Error;

const VERSION: u8 = 1;

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

#[derive(Debug, Error)]
pub enum NoReceipts {
    #[error("receipts are in format {0}, which this version does not know")]
    Version(u8),
    #[error("the receipts cannot be read")]
    Bytes(#[from] postcard::Error),
}

pub fn encode(rows: &[Receipt]) -> Vec<u8> {
    // Nothing that is written to memory and has a known length can fail.
    postcard::to_extend(rows, vec![VERSION]).unwrap_or_default()
}

pub fn decode(bytes: &[u8]) -> Result<Vec<Receipt>, NoReceipts> {
    match bytes.split_first() {
        Some((&VERSION, rows)) => Ok(postcard::from_bytes(rows)?),
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
        let bytes = encode(&[row.clone(), row.clone()]);
        assert_eq!(decode(&bytes).unwrap(), [row.clone(), row]);
        assert!(decode(&bytes[..bytes.len() - 1]).is_err());
        assert!(matches!(decode(&[2, 0]), Err(NoReceipts::Version(2))));
        assert!(matches!(decode(&[]), Err(NoReceipts::Version(0))));
    }
}
