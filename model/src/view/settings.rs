//! What is set, and the ingest keys.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// An ingest key without its secret; times of zero are "never".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyInfo {
    pub id: String,
    pub name: String,
    /// Zero: as many as come.
    pub spans_per_second: u64,
    pub created: Timestamp,
    pub last_used: Timestamp,
    pub revoked: Timestamp,
}

/// A key just made: the one time its text is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewKey {
    pub id: String,
    pub text: String,
}

/// What becomes of a kind of secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedactionRule {
    pub name: String,
    /// What it looks for, in words.
    pub what: String,
    /// `off`, `drop`, `mask` or `hash`.
    pub action: String,
    /// A detector that every installation has.
    pub is_built_in: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Whether senders without a key are turned away.
    pub keys_required: bool,
    pub redaction: Vec<RedactionRule>,
    /// The rules file; empty without one.
    pub rules_file: String,
    /// Days kept, by what is kept.
    pub keep_days: Vec<(String, u32)>,
    /// Limits one may set, by the words of the command line.
    pub limits: Vec<(String, String)>,
}
