//! What services keep data in: PostgreSQL, Redis, a search index and Kafka, seen through the spans of their clients.

use model::{Link, Nanos, SpanKind};

use crate::failure::Outcome;
use crate::service::{Language, Library, Service};
use crate::sim::{At, Message, Sim};
use crate::value::{flag, int, text};

/// One statement, with how long it takes and what it finds.
#[derive(Clone, Copy)]
pub struct Sql {
    pub operation: &'static str,
    pub table: &'static str,
    pub statement: &'static str,
    pub median_ms: f64,
    pub rows: i64,
}

impl Sim<'_> {
    pub fn sql(&mut self, from: At, sql: Sql) {
        let service = self.service_of(from);
        let database = service.name.replace('-', "_");
        let name = format!("{} {database}.{}", sql.operation, sql.table);
        let span = self.open(Some(from), service, Library::Sql, SpanKind::Client, name);
        // The conventions changed in 2025; half of the shop's libraries are older.
        if matches!(service.language, Language::Java | Language::Python) {
            self.set_all(
                span,
                [
                    ("db.system", text("postgresql")),
                    ("db.name", text(database.as_str())),
                    ("db.statement", text(sql.statement)),
                    ("db.operation", text(sql.operation)),
                    ("db.sql.table", text(sql.table)),
                    ("db.user", text(format!("{database}_rw"))),
                ],
            );
        } else {
            self.set_all(
                span,
                [
                    ("db.system.name", text("postgresql")),
                    ("db.namespace", text(database.as_str())),
                    ("db.query.text", text(sql.statement)),
                    ("db.query.summary", text(format!("{} {}", sql.operation, sql.table))),
                    ("db.operation.name", text(sql.operation)),
                    ("db.collection.name", text(sql.table)),
                ],
            );
        }
        let rows = (self.rng.unit() * 0.6 + 0.7) * sql.rows as f64;
        self.set_all(
            span,
            [
                ("server.address", text("postgres-main.shop.internal")),
                ("server.port", int(5432)),
                ("db.response.returned_rows", int((rows as i64).max(1))),
            ],
        );
        let slow = self.shop.store_slowness("postgresql", self.now)
            * self.shop.table_slowness(service.name, sql.table, self.now);
        self.work(span, sql.median_ms * slow);
        self.close(span);
    }

    /// Asks the cache; true when it knew.
    pub fn cache_get(&mut self, from: At, key: &str, hit_share: f64) -> bool {
        let hit = self.rng.chance(hit_share);
        let span = self.cache(from, "GET", format!("GET {key}"));
        self.set(span, "cache.hit", flag(hit));
        if hit {
            let bytes = self.rng.lognormal(900.0, 0.9) as i64;
            self.set(span, "cache.item_size", int(bytes));
        }
        hit
    }

    pub fn cache_set(&mut self, from: At, key: &str, ttl_s: u32) {
        let span = self.cache(from, "SETEX", format!("SETEX {key} {ttl_s} ?"));
        self.set(span, "cache.ttl", int(ttl_s));
    }

    fn cache(&mut self, from: At, operation: &str, statement: String) -> At {
        let span = self.open(Some(from), self.service_of(from), Library::Cache, SpanKind::Client, operation);
        self.set_all(
            span,
            [
                ("db.system", text("redis")),
                ("db.operation.name", text(operation)),
                ("db.query.text", text(statement)),
                ("db.redis.database_index", int(0)),
                ("server.address", text("redis-sessions.shop.internal")),
                ("server.port", int(6379)),
                ("network.peer.address", text("10.42.3.17")),
            ],
        );
        let slow = self.shop.store_slowness("redis", self.now);
        self.work(span, 0.6 * slow);
        self.close(span);
        span
    }

    /// A question to the search index.
    pub fn index_query(&mut self, from: At, index: &str, body: &str, median_ms: f64, hits: i64) {
        let name = format!("search {index}");
        let span = self.open(Some(from), self.service_of(from), Library::HttpClient, SpanKind::Client, name);
        let shard_ms = self.rng.lognormal(median_ms * 0.7, 0.3);
        self.set_all(
            span,
            [
                ("db.system.name", text("elasticsearch")),
                ("db.operation.name", text("search")),
                ("db.collection.name", text(index)),
                ("db.query.text", text(body)),
                ("http.request.method", text("POST")),
                ("url.full", text(format!("http://search-index.shop.internal:9200/{index}/_search"))),
                ("server.address", text("search-index.shop.internal")),
                ("server.port", int(9200)),
                ("db.response.returned_rows", int(hits)),
                ("search.took_ms", crate::value::double(shard_ms)),
            ],
        );
        self.work(span, median_ms);
        self.close(span);
    }

    /// Puts a message into a topic and returns the producer's span.
    pub fn publish(&mut self, from: At, topic: &'static str, key: &str) -> At {
        let service = self.service_of(from);
        let span =
            self.open(Some(from), service, Library::Queue, SpanKind::Producer, format!("send {topic}"));
        let (partition, offset) = (self.rng.below(12) as i64, self.rng.between(1_000_000, 9_000_000) as i64);
        let bytes = self.rng.lognormal(640.0, 0.5) as i64;
        self.set_all(
            span,
            [
                ("messaging.system", text("kafka")),
                ("messaging.destination.name", text(topic)),
                ("messaging.operation.name", text("send")),
                ("messaging.operation.type", text("send")),
                ("messaging.destination.partition.id", text(partition.to_string())),
                ("messaging.kafka.message.key", text(key)),
                ("messaging.kafka.offset", int(offset)),
                ("messaging.message.body.size", int(bytes)),
                ("messaging.client.id", text(format!("{}-producer", service.name))),
                ("server.address", text("kafka-0.shop.internal")),
            ],
        );
        self.work(span, 2.2);
        self.close(span);
        span
    }

    /// Leaves a message for a consumer that will start a trace of its own.
    pub fn leave_message(&mut self, producer: At, order: &str) {
        let after = Nanos::from_millis_f64(self.elapsed_ms(producer) + 150.0 + self.rng.exponential(2500.0));
        let mut link = self.link_to(producer);
        link.attributes = vec![("messaging.destination.name".to_owned(), text("orders.placed"))];
        self.messages.push(Message { after, link, order: order.to_owned() });
    }

    /// A service taking a message out of a topic: under the producer, or as a new trace linked to it.
    pub fn consume(
        &mut self,
        parent: Option<At>,
        link: Option<Link>,
        service: &'static Service,
        topic: &'static str,
        key: &str,
        body: &mut dyn FnMut(&mut Sim, At) -> Outcome,
    ) {
        let name = format!("process {topic}");
        let lag = self.shop.lag_of(service.name, self.now);
        self.now = self.now.plus(lag);
        let span = self.open(parent, service, Library::Queue, SpanKind::Consumer, name);
        let lag_ms = self.rng.lognormal(40.0, 1.0);
        self.set_all(
            span,
            [
                ("messaging.system", text("kafka")),
                ("messaging.destination.name", text(topic)),
                ("messaging.operation.name", text("process")),
                ("messaging.operation.type", text("process")),
                ("messaging.consumer.group.name", text(format!("{}-{topic}", service.name))),
                ("messaging.kafka.message.key", text(key)),
                ("messaging.client.id", text(format!("{}-consumer", service.name))),
                ("messaging.kafka.consumer.lag_ms", crate::value::double(lag_ms)),
                ("server.address", text("kafka-0.shop.internal")),
            ],
        );
        if let Some(link) = link {
            self.link(span, link);
        }
        let outcome = self.meet_faults(span).and_then(|()| body(self, span));
        match outcome {
            Ok(()) => self.set_ok(span),
            Err(failure) => self.throw(span, &failure),
        }
        self.close(span);
    }
}
