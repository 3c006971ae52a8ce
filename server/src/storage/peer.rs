//! Whom a call went to, as its attributes name it: [`model::trace::call::Node`] as text. Said by spans that call out
//! or take a message; of use where nobody in the trace answers.

use model::SpanKind;
use model::trace::call::NodeKind;

/// What the attributes of one span have said so far. Newer names of the semantic conventions stand beside older ones.
#[derive(Clone, Copy, Debug, Default)]
pub struct Peer<'a> {
    database: &'a str,
    database_name: &'a str,
    queue: &'a str,
    destination: &'a str,
    service: &'a str,
    host: &'a str,
    url: &'a str,
}

/// A name longer than this is no name.
const NAME_MAX_BYTES: usize = 200;

impl<'a> Peer<'a> {
    /// Whether spans of this kind can have one.
    pub fn is_of(kind: u8) -> bool {
        const CLIENT: u8 = SpanKind::Client as u8;
        const PRODUCER: u8 = SpanKind::Producer as u8;
        const CONSUMER: u8 = SpanKind::Consumer as u8;
        matches!(kind, CLIENT | PRODUCER | CONSUMER)
    }

    pub fn attribute(&mut self, key: &str, value: &'a str) {
        let place = match key {
            "db.system.name" | "db.system" => &mut self.database,
            "db.namespace" | "db.name" => &mut self.database_name,
            "messaging.system" => &mut self.queue,
            "messaging.destination.name" | "messaging.destination" => &mut self.destination,
            "peer.service" | "service.peer.name" => &mut self.service,
            "server.address" | "net.peer.name" | "http.host" => &mut self.host,
            // Of a long one the host is all that is wanted.
            "url.full" | "http.url" => {
                self.url = value;
                return;
            }
            _ => return,
        };
        if value.len() <= NAME_MAX_BYTES {
            *place = value;
        }
    }

    /// Writes the peer over `out`; leaves it empty when none is named.
    pub fn write(&self, out: &mut String) {
        out.clear();
        let host = if self.host.is_empty() { host_of(self.url) } else { self.host };
        let (kind, name, of) = if !self.database.is_empty() {
            let of = if self.database_name.is_empty() { host } else { self.database_name };
            (NodeKind::Database, self.database, of)
        } else if !self.queue.is_empty() {
            (NodeKind::Queue, self.queue, self.destination)
        } else if !self.service.is_empty() {
            (NodeKind::External, self.service, "")
        } else if !host.is_empty() {
            (NodeKind::External, host, "")
        } else {
            return;
        };
        out.push_str(kind.name());
        out.push(':');
        out.push_str(name);
        if !of.is_empty() {
            out.push('/');
            out.push_str(of);
        }
    }
}

/// `api.bank.example` of `https://me@api.bank.example:443/charge?id=1`.
fn host_of(url: &str) -> &str {
    let Some((_, rest)) = url.split_once("://") else { return "" };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let end = if host.starts_with('[') {
        host.find(']').map_or(host.len(), |at| at + 1)
    } else {
        host.find(':').unwrap_or(host.len())
    };
    if end <= NAME_MAX_BYTES { &host[..end] } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(attributes: &[(&str, &str)]) -> String {
        let mut peer = Peer::default();
        attributes.iter().for_each(|(key, value)| peer.attribute(key, value));
        let mut out = "left over".to_owned();
        peer.write(&mut out);
        out
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
