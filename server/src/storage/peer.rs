//! Whom a call went to, as its attributes name it: [`model::trace::call::Node`] as text. Said by spans that call out
//! or take a message; of use where nobody in the trace answers.

use model::SpanKind;
use model::trace::call::NodeKind;

/// What the attributes of one span have said so far. Newer names of the semantic conventions stand beside older ones.
#[derive(Clone, Copy, Debug, Default)]
pub struct Peer<'a> {
    said: [&'a [u8]; Part::COUNT],
}

/// What an attribute says of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Database,
    DatabaseName,
    Queue,
    Destination,
    Service,
    Host,
    Url,
}

/// A name longer than this is no name.
const NAME_MAX_BYTES: usize = 200;

impl Part {
    const COUNT: usize = Part::Url as usize + 1;

    /// None of most keys.
    pub fn of(key: &[u8]) -> Option<Part> {
        Some(match key {
            b"db.system.name" | b"db.system" => Part::Database,
            b"db.namespace" | b"db.name" => Part::DatabaseName,
            b"messaging.system" => Part::Queue,
            b"messaging.destination.name" | b"messaging.destination" => Part::Destination,
            b"peer.service" | b"service.peer.name" => Part::Service,
            b"server.address" | b"net.peer.name" | b"http.host" => Part::Host,
            b"url.full" | b"http.url" => Part::Url,
            _ => return None,
        })
    }
}

impl<'a> Peer<'a> {
    /// Whether spans of this kind can have one.
    pub fn is_of(kind: u8) -> bool {
        const CLIENT: u8 = SpanKind::Client as u8;
        const PRODUCER: u8 = SpanKind::Producer as u8;
        const CONSUMER: u8 = SpanKind::Consumer as u8;
        matches!(kind, CLIENT | PRODUCER | CONSUMER)
    }

    pub fn add(&mut self, part: Part, value: &'a [u8]) {
        // Of a long address the host is all that is wanted.
        if part == Part::Url || value.len() <= NAME_MAX_BYTES {
            self.said[part as usize] = value;
        }
    }

    /// Writes the peer over `out`; leaves it empty when none is named.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.clear();
        let [database, database_name, queue, destination, service, host, url] = self.said;
        let host = if host.is_empty() { host_of(url) } else { host };
        let (kind, name, of): (_, _, &[u8]) = if !database.is_empty() {
            (NodeKind::Database, database, if database_name.is_empty() { host } else { database_name })
        } else if !queue.is_empty() {
            (NodeKind::Queue, queue, destination)
        } else if !service.is_empty() {
            (NodeKind::External, service, &[])
        } else if !host.is_empty() {
            (NodeKind::External, host, &[])
        } else {
            return;
        };
        out.extend_from_slice(kind.name().as_bytes());
        out.push(b':');
        out.extend_from_slice(name);
        if !of.is_empty() {
            out.push(b'/');
            out.extend_from_slice(of);
        }
    }
}

/// `api.bank.example` of `https://me@api.bank.example:443/charge?id=1`.
fn host_of(url: &[u8]) -> &[u8] {
    let Some(scheme_end) = url.windows(3).position(|three| three == b"://") else { return &[] };
    let authority = url[scheme_end + 3..].split(|byte| b"/?#".contains(byte)).next().unwrap_or_default();
    let host = authority.rsplit(|byte| *byte == b'@').next().unwrap_or_default();
    let until = |last: u8| host.iter().position(|byte| *byte == last);
    let end = if host.starts_with(b"[") { until(b']').map(|at| at + 1) } else { until(b':') };
    let end = end.unwrap_or(host.len());
    if end <= NAME_MAX_BYTES { &host[..end] } else { &[] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(attributes: &[(&str, &str)]) -> String {
        let mut peer = Peer::default();
        for (key, value) in attributes {
            Part::of(key.as_bytes()).inspect(|part| peer.add(*part, value.as_bytes()));
        }
        let mut out = b"left over".to_vec();
        peer.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn databases_are_named_by_system_and_name_or_host() {
        assert_eq!(peer(&[("db.system", "postgresql"), ("db.name", "orders")]), "database:postgresql/orders");
        let new = [("server.address", "pg.internal"), ("db.system.name", "mysql"), ("db.namespace", "users")];
        assert_eq!(peer(&new), "database:mysql/users");
        assert_eq!(peer(&[("db.system", "redis"), ("net.peer.name", "cache")]), "database:redis/cache");
        assert_eq!(peer(&[("db.system", "sqlite")]), "database:sqlite");
    }

    #[test]
    fn queues_are_named_by_system_and_destination() {
        let attributes = [("messaging.system", "kafka"), ("messaging.destination.name", "mails")];
        assert_eq!(peer(&attributes), "queue:kafka/mails");
    }

    #[test]
    fn all_else_is_an_outside_system_by_service_host_or_url() {
        assert_eq!(peer(&[("peer.service", "bank"), ("server.address", "10.0.0.1")]), "external:bank");
        assert_eq!(peer(&[("server.address", "api.bank.example")]), "external:api.bank.example");
        assert_eq!(peer(&[("http.url", "https://me@api.example:8443/a?b=c")]), "external:api.example");
        assert_eq!(peer(&[("url.full", "http://[::1]:80/x")]), "external:[::1]");
        assert_eq!(peer(&[("url.full", "/no/host"), ("http.method", "GET")]), "");
        assert_eq!(peer(&[("server.address", &"x".repeat(500))]), "");
    }
}
