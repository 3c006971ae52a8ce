//! The faults: what is done to the shop, and who is to be named for it.

use model::Nanos;
use traffic::Effect;
use traffic::service::{AUTH, FRAUD, PRICING};

#[derive(Clone, Debug)]
pub struct Scenario {
    pub name: &'static str,
    pub effect: Effect,
    /// Services or stores, any of which is a right answer.
    pub causes: &'static [&'static str],
    /// What an explanation must name, where only some of the traffic is hit.
    pub trait_named: Option<(&'static str, &'static str)>,
}

fn one(name: &'static str, effect: Effect, causes: &'static [&'static str]) -> Scenario {
    Scenario { name, effect, causes, trait_named: None }
}

fn of(key: &'static str, value: &'static str, scenario: Scenario) -> Scenario {
    Scenario { trait_named: Some((key, value)), ..scenario }
}

const REDIS: &str = "redis/redis-sessions.shop.internal";

pub fn all() -> Vec<Scenario> {
    let mut all = slow();
    all.extend(failing());
    all.extend(different());
    all
}

fn slow() -> Vec<Scenario> {
    let release =
        |service, operation, version, factor| Effect::SlowRelease { service, operation, version, factor };
    let hangs = |service, operation, share, ms: u64| Effect::Hangs {
        service,
        operation,
        share,
        hang: Nanos(ms * 1_000_000),
    };
    let instance = |service, host, factor| Effect::SlowInstance { service, host, factor };
    let table = |service, table, factor| Effect::SlowTable { service, table, factor };
    let queues = |service, share, ms: u64| Effect::Queues { service, share, mean: Nanos(ms * 1_000_000) };
    let recommend = "shop.recommendations.v1.Recommendations/List";
    vec![
        of(
            "service.version",
            "2.8.0",
            one(
                "a slow release of recommendations",
                release("recommendations", recommend, "2.8.0", 2.5),
                &["recommendations"],
            ),
        ),
        of(
            "service.version",
            "2.0.0",
            one("a slow release of search", release("search", "GET /v2/search", "2.0.0", 3.0), &["search"]),
        ),
        one("carriers hang", hangs("shipping", "POST /quotes", 0.4, 3_000), &["shipping"]),
        one(
            "reviews hang now and then",
            hangs("reviews", "GET /reviews/{productId}", 0.1, 900),
            &["reviews"],
        ),
        one("stock lookups hang", hangs("inventory", "GET /stock/{productId}", 0.15, 400), &["inventory"]),
        one("redis is busy", Effect::SlowStore { system: "redis", factor: 12.0 }, &[REDIS]),
        one("redis is a little busy", Effect::SlowStore { system: "redis", factor: 5.0 }, &[REDIS]),
        of(
            "host.name",
            "node-5",
            one("one bad host of catalog", instance("catalog", "node-5", 8.0), &["catalog"]),
        ),
        of(
            "host.name",
            "node-5",
            one(
                "one bad host of recommendations",
                instance("recommendations", "node-5", 4.0),
                &["recommendations"],
            ),
        ),
        one("a lock on stock", table("inventory", "stock", 9.0), &["inventory"]),
        one("a missing index on products", table("catalog", "products", 10.0), &["catalog"]),
        one("a lock on orders", table("checkout", "orders", 40.0), &["checkout"]),
        one("the pool of pricing is exhausted", queues("pricing", 0.5, 250), &["pricing"]),
        one("the pool of auth is exhausted", queues("auth", 0.3, 120), &["auth"]),
        one("fraud scores queue up", queues("fraud", 0.6, 300), &["fraud"]),
        one(
            "messages lie before fulfilment",
            Effect::Lag { service: "fulfilment", by: Nanos::from_secs(45) },
            &["fulfilment"],
        ),
        one(
            "messages lie before the mail worker",
            Effect::Lag { service: "mail-worker", by: Nanos::from_secs(20) },
            &["mail-worker"],
        ),
        one(
            "the payment provider is slow",
            Effect::SlowOutside { host: "api.paywell.example", factor: 4.0 },
            &["payments", "api.paywell.example"],
        ),
    ]
}

fn failing() -> Vec<Scenario> {
    let errors = |service, operation, share, region| Effect::Errors { service, operation, share, region };
    let charge = "shop.payments.v1.Payments/Charge";
    vec![
        one("charges fail", errors("payments", charge, 0.4, None), &["payments"]),
        of(
            "app.region",
            "us-east-1",
            one(
                "charges fail in one region",
                errors("payments", charge, 0.7, Some("us-east-1")),
                &["payments"],
            ),
        ),
        one("reviews fail", errors("reviews", "GET /reviews/{productId}", 0.3, None), &["reviews"]),
        one(
            "a few quotes of prices fail",
            errors("pricing", "shop.pricing.v1.Pricing/Quote", 0.05, None),
            &["pricing"],
        ),
        one("stock lookups fail", errors("inventory", "GET /stock/{productId}", 0.12, None), &["inventory"]),
        one("sessions cannot be verified", errors("auth", "shop.auth.v1.Auth/Verify", 0.08, None), &["auth"]),
        of(
            "app.customer.id",
            "c-00000",
            one(
                "one customer's sessions fail",
                Effect::FailsFor {
                    service: "auth",
                    operation: "shop.auth.v1.Auth/Verify",
                    customer: "c-00000",
                    share: 0.9,
                },
                &["auth"],
            ),
        ),
    ]
}

fn different() -> Vec<Scenario> {
    vec![
        one(
            "checkout asks pricing again and again",
            Effect::Repeats { service: "checkout", to: "pricing", times: 4 },
            &["checkout"],
        ),
        one(
            "the frontend asks recommendations again and again",
            Effect::Repeats { service: "web-frontend", to: "recommendations", times: 3 },
            &["web-frontend"],
        ),
        one(
            "cart calls fraud, which it never did",
            Effect::Calls { service: "cart", operation: "POST /carts/items", to: &FRAUD },
            &["cart"],
        ),
        one(
            "search calls pricing, which it never did",
            Effect::Calls { service: "search", operation: "GET /v2/search", to: &PRICING },
            &["search"],
        ),
        one(
            "the frontend no longer asks for reviews",
            Effect::Skips { service: "web-frontend", to: "reviews" },
            &["web-frontend"],
        ),
        one(
            "checkout no longer scores fraud",
            Effect::Skips { service: "checkout", to: FRAUD.name },
            &["checkout"],
        ),
        one(
            "the gateway no longer verifies sessions",
            Effect::Skips { service: "edge-gateway", to: AUTH.name },
            &["edge-gateway"],
        ),
    ]
}
