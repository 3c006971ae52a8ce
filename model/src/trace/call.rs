//! Who called whom in a trace: every call that leaves a service, databases, queues and outside systems included.
//!
//! A span whose parent belongs to another service is one call. A call that nobody in the trace answered goes to the
//! peer its attributes name, if they name one; a message taken from a queue without its producer comes from there.

use serde::{Deserialize, Serialize};

use super::{NO_ROW, Trace, Tree};
use crate::SpanKind;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum NodeKind {
    #[default]
    Service = 0,
    Database = 1,
    Queue = 2,
    /// A system that sends us no spans.
    External = 3,
    /// All services of one: only on maps that put them together.
    Namespace = 4,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Node<'t> {
    pub kind: NodeKind,
    pub name: &'t str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call<'t> {
    pub client: Node<'t>,
    pub server: Node<'t>,
    /// After the trace's start, in nanoseconds, on the caller's clock where it is known.
    pub start: u64,
    /// As the caller saw it where that is known.
    pub duration: u64,
    pub error: bool,
    /// The row that answered, or the caller's when nobody did.
    pub row: u32,
}

/// Every call, in the order of rows. Linear in the number of spans.
pub fn calls<'t>(trace: &'t Trace, tree: &Tree) -> Vec<Call<'t>> {
    let mut answers = vec![0u32; trace.len()];
    let crossing = |row: usize| {
        let above = tree.parent[row];
        (above != NO_ROW && trace.service[above as usize] != trace.service[row]).then_some(above as usize)
    };
    for above in (0..trace.len()).filter_map(crossing) {
        answers[above] += 1;
    }
    let call_of = |row: usize| match crossing(row) {
        Some(above) => Some(answered(trace, above, row, answers[above])),
        None if answers[row] == 0 => to_or_from_peer(trace, row),
        None => None,
    };
    (0..trace.len()).filter_map(call_of).collect()
}

fn service(trace: &Trace, row: usize) -> Node<'_> {
    Node { kind: NodeKind::Service, name: trace.service_name(row) }
}

fn answered(trace: &Trace, above: usize, row: usize, answers: u32) -> Call<'_> {
    let waited = trace.kind[above] == SpanKind::Client && answers == 1;
    let seen_by = if waited { above } else { row };
    Call {
        client: service(trace, above),
        server: service(trace, row),
        start: trace.offset[seen_by],
        duration: trace.length[seen_by],
        error: trace.is_error(row) || (waited && trace.is_error(above)),
        row: row as u32,
    }
}

fn to_or_from_peer(trace: &Trace, row: usize) -> Option<Call<'_>> {
    let peer = Node::parse(trace.text(trace.peer[row]))?;
    let own = service(trace, row);
    let (client, server) = match trace.kind[row] {
        SpanKind::Client | SpanKind::Producer => (own, peer),
        SpanKind::Consumer => (peer, own),
        _ => return None,
    };
    let (start, duration, error) = (trace.offset[row], trace.length[row], trace.is_error(row));
    Some(Call { client, server, start, duration, error, row: row as u32 })
}

impl<'t> Node<'t> {
    /// Reads `database:postgresql/orders`, as a span's peer is written.
    pub fn parse(text: &'t str) -> Option<Node<'t>> {
        let (kind, name) = text.split_once(':').filter(|(_, name)| !name.is_empty())?;
        let kind = NodeKind::ALL.into_iter().find(|known| known.name() == kind)?;
        Some(Node { kind, name })
    }
}

impl std::fmt::Display for Node<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.kind.name(), self.name)
    }
}

impl NodeKind {
    pub const ALL: [NodeKind; 5] =
        [NodeKind::Service, NodeKind::Database, NodeKind::Queue, NodeKind::External, NodeKind::Namespace];

    pub fn name(self) -> &'static str {
        match self {
            NodeKind::Service => "service",
            NodeKind::Database => "database",
            NodeKind::Queue => "queue",
            NodeKind::External => "external",
            NodeKind::Namespace => "namespace",
        }
    }

    pub fn from_number(number: u8) -> NodeKind {
        NodeKind::ALL.get(number as usize).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::drawn::trace;
    use super::*;

    /// Calls as `client -> server milliseconds [error]`.
    fn check(drawing: &str, expected: &[&str]) {
        let trace = trace(drawing);
        let found: Vec<String> = calls(&trace, &Tree::new(&trace))
            .iter()
            .map(|call| {
                let failed = if call.error { " error" } else { "" };
                format!("{} -> {} {}{failed}", call.client, call.server, call.duration / 1_000_000)
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn an_answered_call_lasts_as_long_as_its_caller_waited() {
        check(
            "shop GET 0..100 server
               shop call 10..90 client error
                 cart get 20..80 server
                   cart inner 30..40",
            &["service:shop -> service:cart 80 error"],
        );
    }

    #[test]
    fn without_a_client_span_it_lasts_as_long_as_the_answer() {
        check("shop GET 0..100 server\n  cart get 20..80 error", &["service:shop -> service:cart 60 error"]);
    }

    #[test]
    fn answers_under_one_client_span_are_calls_of_their_own() {
        check(
            "shop call 0..100 client error
               cart get 20..30 server error
               cart get 40..90 server",
            &["service:shop -> service:cart 10 error", "service:shop -> service:cart 50"],
        );
    }

    #[test]
    fn what_nobody_answers_goes_to_the_peer_it_names() {
        check(
            "shop GET 0..100 server
               shop query 10..20 client peer=database:postgresql/orders
               shop send 30..40 producer peer=queue:kafka/mails
               shop charge 50..60 client peer=external:api.bank.example error
               shop mystery 70..80 client",
            &[
                "service:shop -> database:postgresql/orders 10",
                "service:shop -> queue:kafka/mails 10",
                "service:shop -> external:api.bank.example 10 error",
            ],
        );
    }

    #[test]
    fn a_message_comes_from_its_producer_or_else_from_its_queue() {
        check(
            "shop send 30..40 producer peer=queue:kafka/mails
               mail take 50..60 consumer peer=queue:kafka/mails",
            &["service:shop -> service:mail 10"],
        );
        check("mail take 50..60 consumer peer=queue:kafka/mails", &["queue:kafka/mails -> service:mail 10"]);
    }
}
