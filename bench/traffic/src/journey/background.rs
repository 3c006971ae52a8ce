//! What happens without a visitor waiting: fulfilment, mail, pings and the nightly comparison of stock.

use model::SpanKind;

use crate::calls::Http;
use crate::failure::{Category, Failure};
use crate::service::{AUTH, CATALOG, EDGE, FULFILMENT, INVENTORY, Library, MAIL, NOTIFICATIONS, SHIPPING};
use crate::sim::{At, Message, Sim};
use crate::stores::Sql;
use crate::value::{flag, int, text};

/// The consumer that stays in the order's own trace.
pub fn fulfil(sim: &mut Sim, producer: At, order: &str) {
    let pause_ms = 30.0 + sim.rng.exponential(250.0);
    sim.wait(pause_ms);
    sim.consume(Some(producer), None, &FULFILMENT, "orders.placed", order, &mut |sim, consumer| {
        sim.set(consumer, "app.order.id", text(order));
        sim.sql(
            consumer,
            Sql {
                operation: "INSERT",
                table: "shipments",
                statement: "INSERT INTO shipments (order_id, warehouse_id, state) VALUES (?, ?, 'picking')",
                median_ms: 3.1,
                rows: 1,
            },
        );
        let call = Http::post(&SHIPPING, "/labels", "/labels");
        sim.http(consumer, &call, &mut |sim, server| {
            let tracking = format!("SP{:010}", sim.rng.below(10_000_000_000));
            sim.set_all(server, [("app.order.id", text(order)), ("app.tracking_code", text(tracking))]);
            sim.external(server, "POST", "api.swiftparcel.example", "/v1/labels", 120.0, 5000.0).1
        })
    });
}

/// The consumer that starts a trace of its own and links it to the order's.
pub fn order_mail(sim: &mut Sim, message: &Message) {
    let (order, link) = (message.order.as_str(), message.link.clone());
    sim.consume(None, Some(link), &NOTIFICATIONS, "orders.placed", order, &mut |sim, consumer| {
        sim.set(consumer, "app.order.id", text(order));
        sim.internal(consumer, "renderTemplate", |sim, span| {
            sim.set_all(span, [("app.template", text("order-confirmation")), ("app.locale", text("de-DE"))]);
            sim.work(span, 4.0);
            ((), Ok(()))
        });
        let producer = sim.publish(consumer, "mail.outgoing", order);
        sim.wait(12.0);
        sim.consume(Some(producer), None, &MAIL, "mail.outgoing", order, &mut |sim, worker| {
            let is_refused = sim.rng.chance(0.03);
            let client =
                sim.open(Some(worker), &MAIL, Library::Own, SpanKind::Client, "SMTP smtp.mailer.example");
            sim.set_all(
                client,
                [
                    ("server.address", text("smtp.mailer.example")),
                    ("server.port", int(587)),
                    ("network.protocol.name", text("smtp")),
                    ("app.mail.template", text("order-confirmation")),
                    ("tls.established", flag(true)),
                ],
            );
            sim.work(client, 85.0);
            let failure = Failure::new(Category::Upstream, "421 4.7.0 too many connections, try again later");
            if is_refused {
                sim.throw(client, &failure);
            }
            sim.close(client);
            if is_refused { Err(failure) } else { Ok(()) }
        });
        Ok(())
    });
}

/// The smallest trace: three spans.
pub fn session_ping(sim: &mut Sim) {
    sim.page(&EDGE, "GET", "/api/session", "/api/session", &mut |sim, gateway| {
        sim.grpc(gateway, &AUTH, "shop.auth.v1.Auth", "Ping", &mut |sim, server| {
            sim.work(server, 0.4);
            Ok(())
        })
    });
}

/// The largest: a job that compares the stock of every shelf, several hundred spans.
pub fn stock_sync(sim: &mut Sim) {
    let root = sim.open(None, &INVENTORY, Library::Own, SpanKind::Internal, "stock-sync");
    let batches = sim.rng.between(40, 160);
    sim.set_all(
        root,
        [
            ("app.job.name", text("stock-sync")),
            ("app.job.batches", int(batches as i64)),
            ("code.function.name", text("com.example.shop.inventory.StockSync.run")),
            ("thread.name", text("scheduler-1")),
        ],
    );
    for batch in 0..batches {
        let path = format!("/products?limit=100&offset={}", batch * 100);
        let outcome = sim.http(root, &Http::get(&CATALOG, "/products", &path), &mut |sim, server| {
            sim.sql(
                server,
                Sql {
                    operation: "SELECT",
                    table: "products",
                    statement: "SELECT id, sku FROM products ORDER BY id LIMIT ? OFFSET ?",
                    median_ms: 6.0,
                    rows: 100,
                },
            );
            Ok(())
        });
        if let Err(failure) = outcome {
            sim.throw(root, &failure);
        }
        sim.sql(
            root,
            Sql {
                operation: "UPDATE",
                table: "stock",
                statement: "UPDATE stock SET counted_at = now() WHERE product_id = ANY (?)",
                median_ms: 8.0,
                rows: 100,
            },
        );
    }
    sim.close(root);
}
