//! What is set, the ingest keys, and where senders send to.

use serde::{Deserialize, Serialize};

use super::Unit;
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
    pub limits: Vec<(String, u64, Unit)>,
}

/// The doors of a server, as it listens at them. One that takes no spans has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoints {
    pub is_tls: bool,
    pub otlp_grpc: Option<Endpoint>,
    pub otlp_http: Option<Endpoint>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Empty where it listens at every address of its machine.
    pub host: String,
    pub port: u16,
}

impl Endpoints {
    /// What a sender is told; `reached_as` is what whoever asks calls the machine.
    pub fn url(&self, at: &Endpoint, reached_as: &str) -> String {
        let scheme = if self.is_tls { "https" } else { "http" };
        let host = if at.host.is_empty() { reached_as } else { &at.host };
        format!("{scheme}://{host}:{}", at.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_door_at_every_address_is_where_its_machine_is() {
        let every = Endpoint { host: String::new(), port: 4317 };
        let one = Endpoint { host: "[::1]".to_owned(), port: 9 };
        let plain = Endpoints::default();
        let tls = Endpoints { is_tls: true, ..Endpoints::default() };
        assert_eq!(plain.url(&every, "traces.example"), "http://traces.example:4317");
        assert_eq!(tls.url(&one, "traces.example"), "https://[::1]:9");
    }
}
