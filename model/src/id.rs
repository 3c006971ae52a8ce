//! Identifiers as types, so that a span id can never be handed over where a trace id is meant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// 128 bits naming one trace. All zero is invalid.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TraceId(pub [u8; 16]);

/// 64 bits naming one span within its trace. Zero means "no span".
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SpanId(pub u64);

/// Whose data a row is. Every row and every query carries one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TenantId(pub String);

impl TenantId {
    /// The tenant of an installation that never set up any.
    pub const DEFAULT: &'static str = "default";
    /// What Skein says of itself. Reserved: no ingest key may name it.
    pub const OWN: &'static str = "skein";
}

impl TenantId {
    pub fn own() -> TenantId {
        TenantId(Self::OWN.to_owned())
    }

    pub fn is_own(&self) -> bool {
        self.0 == Self::OWN
    }
}

impl Default for TenantId {
    fn default() -> Self {
        TenantId(Self::DEFAULT.to_owned())
    }
}

#[derive(Debug, Error, PartialEq, Eq)]
pub enum IdError {
    #[error("a trace id is 32 (or 16) hexadecimal digits, this has {0} characters")]
    TraceLength(usize),
    #[error("a span id is 16 hexadecimal digits, this has {0} characters")]
    SpanLength(usize),
    #[error("'{0}' is not a hexadecimal digit")]
    NotHex(char),
    #[error("an id of zeros names nothing")]
    Zero,
}

impl TraceId {
    pub fn from_slice(bytes: &[u8]) -> Option<TraceId> {
        bytes.try_into().ok().map(TraceId)
    }

    pub fn is_valid(self) -> bool {
        self.0 != [0; 16]
    }
}

impl SpanId {
    /// Reads the eight big-endian bytes of the wire.
    pub fn from_slice(bytes: &[u8]) -> Option<SpanId> {
        bytes.try_into().ok().map(|b| SpanId(u64::from_be_bytes(b)))
    }

    pub fn to_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }

    pub fn is_valid(self) -> bool {
        self.0 != 0
    }
}

impl FromStr for TraceId {
    type Err = IdError;

    /// Accepts upper case, dashes and 64-bit ids, which are padded on the left.
    fn from_str(text: &str) -> Result<Self, IdError> {
        let digits = hex_digits(text)?;
        if digits.len() != 32 && digits.len() != 16 {
            return Err(IdError::TraceLength(text.trim().chars().count()));
        }
        let value = digits.iter().fold(0u128, |acc, d| (acc << 4) | u128::from(*d));
        if value == 0 { Err(IdError::Zero) } else { Ok(TraceId(value.to_be_bytes())) }
    }
}

impl FromStr for SpanId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let digits = hex_digits(text)?;
        if digits.len() != 16 {
            return Err(IdError::SpanLength(text.trim().chars().count()));
        }
        let value = digits.iter().fold(0u64, |acc, d| (acc << 4) | u64::from(*d));
        if value == 0 { Err(IdError::Zero) } else { Ok(SpanId(value)) }
    }
}

fn hex_digits(text: &str) -> Result<Vec<u8>, IdError> {
    text.trim()
        .chars()
        .filter(|c| *c != '-')
        .map(|c| c.to_digit(16).map(|d| d as u8).ok_or(IdError::NotHex(c)))
        .collect()
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
