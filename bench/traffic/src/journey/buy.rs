//! Buying: cart, login, checkout with payment and shipping, and the wait for the parcel.

use crate::calls::Http;
use crate::failure::{Category, Failure, Outcome};
use crate::journey::background::fulfil;
use crate::journey::parts::{check_stock, price, product_id, read_cart, verify_session};
use crate::service::{AUTH, CART, CHECKOUT, EDGE, FRAUD, FULFILMENT, INVENTORY, PAYMENTS, SHIPPING};
use crate::sim::{At, Sim};
use crate::stores::Sql;
use crate::value::{double, flag, int, list, text};

const CARRIERS: [&str; 3] = ["api.swiftparcel.example", "rates.northpost.example", "api.cargo24.example"];

pub fn add_to_cart(sim: &mut Sim) {
    let product = product_id(sim);
    sim.page(&EDGE, "POST", "/api/cart/items", "/api/cart/items", &mut |sim, gateway| {
        verify_session(sim, gateway)?;
        sim.http(gateway, &Http::post(&CART, "/carts/items", "/carts/items"), &mut |sim, cart| {
            let customer = sim.visitor.customer.clone();
            sim.set_all(
                cart,
                [("app.product.id", text(product.as_str())), ("app.customer.id", text(customer.as_str()))],
            );
            check_stock(sim, cart, std::slice::from_ref(&product))?;
            if sim.rng.chance(0.004) {
                return Err(Failure::new(
                    Category::Bug,
                    "Object reference not set to an instance of an object.",
                ));
            }
            price(sim, cart, sim.visitor.items)?;
            sim.cache_set(cart, &format!("cart:{customer}"), 86_400);
            Ok(())
        })
    });
}

pub fn log_in(sim: &mut Sim) {
    sim.page(&EDGE, "POST", "/api/login", "/api/login", &mut |sim, gateway| {
        sim.grpc(gateway, &AUTH, "shop.auth.v1.Auth", "LogIn", &mut |sim, auth| {
            sim.sql(
                auth,
                Sql {
                    operation: "SELECT",
                    table: "customers",
                    statement: "SELECT id, password_hash, totp_secret FROM customers WHERE email = lower($1)",
                    median_ms: 2.1,
                    rows: 1,
                },
            );
            let is_right = sim.rng.chance(0.94);
            sim.internal(auth, "VerifyPassword", |sim, span| {
                sim.set_all(span, [("app.hash", text("argon2id")), ("app.login.ok", flag(is_right))]);
                sim.work(span, 62.0);
                ((), Ok(()))
            });
            if !is_right {
                let mut failure = Failure::new(Category::Declined, "wrong e-mail address or password");
                (failure.http_status, failure.grpc_code) = (401, 16);
                return Err(failure);
            }
            sim.cache_set(auth, &format!("session:{}", sim.visitor.session.clone()), 900);
            Ok(())
        })
    });
}

pub fn order_status(sim: &mut Sim) {
    let order = format!("o-{:08}", sim.rng.below(90_000_000));
    let path = format!("/api/orders/{order}");
    sim.page(&EDGE, "GET", "/api/orders/{orderId}", &path, &mut |sim, gateway| {
        verify_session(sim, gateway)?;
        let path = format!("/orders/{order}");
        sim.http(gateway, &Http::get(&FULFILMENT, "/orders/{orderId}", &path), &mut |sim, server| {
            sim.set(server, "app.order.id", text(order.as_str()));
            sim.sql(
                server,
                Sql {
                    operation: "SELECT",
                    table: "orders",
                    statement: "SELECT o.*, s.carrier, s.tracking_code FROM orders o LEFT JOIN shipments s ON \
                                s.order_id = o.id WHERE o.id = ?",
                    median_ms: 3.0,
                    rows: 1,
                },
            );
            Ok(())
        })
    });
}

pub fn checkout(sim: &mut Sim) {
    let order = format!("o-{:08}", sim.rng.below(90_000_000));
    sim.page(&EDGE, "POST", "/api/checkout", "/api/checkout", &mut |sim, gateway| {
        verify_session(sim, gateway)?;
        let call = Http::post(&CHECKOUT, "/checkout", "/checkout").within_ms(12_000.0);
        sim.http(gateway, &call, &mut |sim, checkout| place_order(sim, checkout, &order))
    });
}

fn place_order(sim: &mut Sim, checkout: At, order: &str) -> Outcome {
    let products: Vec<String> = (0..sim.visitor.items).map(|_| product_id(sim)).collect();
    let visitor = sim.visitor.clone();
    sim.set_all(
        checkout,
        [
            ("app.order.id", text(order)),
            ("app.customer.id", text(visitor.customer)),
            ("app.region", text(visitor.region)),
            ("app.features", list(visitor.features)),
            ("app.order.products", list(products.iter().map(String::as_str))),
        ],
    );
    read_cart(sim, checkout)?;
    let prepared = sim.parallel(3, |sim, branch| match branch {
        0 => reserve(sim, checkout, &products),
        1 => price(sim, checkout, products.len()),
        _ => quote_shipping(sim, checkout),
    });
    prepared.into_iter().collect::<Outcome>()?;
    score_fraud(sim, checkout)?;
    sim.retried(3, 80.0, |sim, attempt| charge(sim, checkout, order, attempt))?;
    for (operation, table, statement) in [
        (
            "INSERT",
            "orders",
            "INSERT INTO orders (id, customer_id, total, currency, state) VALUES (?, ?, ?, ?, ?)",
        ),
        (
            "INSERT",
            "order_lines",
            "INSERT INTO order_lines (order_id, product_id, quantity, amount) VALUES (?, ?, ?, ?)",
        ),
    ] {
        sim.sql(checkout, Sql { operation, table, statement, median_ms: 3.4, rows: products.len() as i64 });
    }
    let producer = sim.publish(checkout, "orders.placed", order);
    sim.leave_message(producer, order);
    let answered = sim.now;
    fulfil(sim, producer, order);
    // Fulfilment goes on after the customer has the answer.
    sim.now = answered;
    Ok(())
}

fn reserve(sim: &mut Sim, from: At, products: &[String]) -> Outcome {
    check_stock(sim, from, products)?;
    sim.http(from, &Http::post(&INVENTORY, "/reservations", "/reservations"), &mut |sim, server| {
        sim.set(server, "app.reservation.lines", int(products.len() as i64));
        sim.sql(
            server,
            Sql {
                operation: "UPDATE",
                table: "stock",
                statement: "UPDATE stock SET reserved = reserved + ? WHERE product_id = ? AND on_hand - reserved >= ?",
                median_ms: 4.5,
                rows: products.len() as i64,
            },
        );
        if sim.rng.chance(0.015) {
            return Err(Failure::new(Category::Conflict, format!("{} is sold out", products[0])));
        }
        Ok(())
    })
}

/// Asks three carriers at once; one answer is enough.
fn quote_shipping(sim: &mut Sim, from: At) -> Outcome {
    sim.retried(2, 120.0, |sim, attempt| {
        let call = Http::post(&SHIPPING, "/quotes", "/quotes").within_ms(2500.0);
        sim.http(from, &call, &mut |sim, server| {
            let weight_kg = sim.rng.lognormal(2.5, 0.7);
            sim.set_all(
                server,
                [("app.parcel.weight_kg", double(weight_kg)), ("app.attempt", int(attempt as i64))],
            );
            let answers = sim.parallel(CARRIERS.len(), |sim, branch| {
                let median_ms = if sim.rng.chance(0.01) { 2500.0 } else { 70.0 };
                sim.external(server, "POST", CARRIERS[branch], "/v1/rates", median_ms, 1500.0).1
            });
            match answers.iter().find(|answer| answer.is_ok()) {
                Some(_) => Ok(()),
                None => Err(Failure::new(Category::Upstream, "no carrier answered")),
            }
        })
    })
}

fn score_fraud(sim: &mut Sim, from: At) -> Outcome {
    sim.http(from, &Http::post(&FRAUD, "/score", "/score").within_ms(1200.0), &mut |sim, server| {
        let score = sim.rng.unit() * sim.rng.unit();
        sim.set_all(
            server,
            [
                ("app.fraud.score", double(score)),
                ("app.fraud.signals", list(["velocity", "geo", "device"])),
                ("app.fraud.review", flag(score > 0.8)),
            ],
        );
        sim.cache_get(server, "velocity:card", 0.99);
        sim.internal(server, "predict", |sim, span| {
            sim.set_all(span, [("app.model.name", text("gbdt-19")), ("app.model.features", int(64))]);
            sim.work(span, 11.0);
            ((), Ok(()))
        });
        Ok(())
    })
}

fn charge(sim: &mut Sim, from: At, order: &str, attempt: u32) -> Outcome {
    sim.grpc(from, &PAYMENTS, "shop.payments.v1.Payments", "Charge", &mut |sim, server| {
        let region = sim.visitor.region;
        sim.set_all(
            server,
            [
                ("app.order.id", text(order)),
                ("app.region", text(region)),
                ("app.payment.attempt", int(attempt as i64 + 1)),
                ("app.payment.provider", text("paywell")),
            ],
        );
        sim.sql(
            server,
            Sql {
                operation: "INSERT",
                table: "charges",
                statement: "INSERT INTO charges (id, order_id, amount, state) VALUES ($1, $2, $3, 'pending') ON \
                            CONFLICT (order_id) DO NOTHING",
                median_ms: 2.8,
                rows: 1,
            },
        );
        // The provider stumbles now and then, which a second attempt cures.
        let median_ms = if attempt == 0 && sim.rng.chance(0.05) { 4500.0 } else { 190.0 };
        let (client, outcome) =
            sim.external(server, "POST", "api.paywell.example", "/v2/charges", median_ms, 2000.0);
        if attempt > 0 {
            sim.set(client, "http.request.resend_count", int(attempt as i64));
        }
        outcome?;
        if sim.rng.chance(0.02) {
            return Err(Failure::new(Category::Declined, "card declined by the issuer: insufficient funds"));
        }
        sim.sql(
            server,
            Sql {
                operation: "UPDATE",
                table: "charges",
                statement: "UPDATE charges SET state = 'captured', captured_at = now() WHERE id = $1",
                median_ms: 2.2,
                rows: 1,
            },
        );
        Ok(())
    })
}
