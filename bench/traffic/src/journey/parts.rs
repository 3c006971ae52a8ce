//! What several journeys have in common: who is there, what is in the cart, what a product is and costs.

use crate::calls::Http;
use crate::failure::{Category, Failure, Outcome};
use crate::service::{AUTH, CART, CATALOG, INVENTORY, PRICING, RECOMMENDATIONS, REVIEWS};
use crate::sim::{At, Sim};
use crate::stores::Sql;
use crate::value::{double, int, list, text};

pub fn product_id(sim: &mut Sim) -> String {
    format!("p-{:04}", sim.rng.popular(4000))
}

/// Is this session somebody's?
pub fn verify_session(sim: &mut Sim, from: At) -> Outcome {
    sim.grpc(from, &AUTH, "shop.auth.v1.Auth", "Verify", &mut |sim, server| {
        let key = format!("session:{}", sim.visitor.session);
        if sim.cache_get(server, &key, 0.93) {
            return Ok(());
        }
        sim.sql(
            server,
            Sql {
                operation: "SELECT",
                table: "sessions",
                statement: "SELECT customer_id, expires_at FROM sessions WHERE id = $1 AND revoked_at IS NULL",
                median_ms: 2.4,
                rows: 1,
            },
        );
        sim.cache_set(server, &key, 900);
        Ok(())
    })
}

/// The products of a page. The careless way asks for each price by itself.
pub fn list_products(sim: &mut Sim, from: At, count: usize, is_careless: bool) -> Outcome {
    let path = format!("/products?limit={count}&sort=popularity");
    sim.http(from, &Http::get(&CATALOG, "/products", &path), &mut |sim, server| {
        sim.set(server, "app.products.requested", int(count as i64));
        sim.sql(
            server,
            Sql {
                operation: "SELECT",
                table: "products",
                statement: "SELECT id, name, slug, image_url, price_id FROM products WHERE category_id = ? AND \
                            visible ORDER BY popularity DESC LIMIT ?",
                median_ms: 5.0,
                rows: count as i64,
            },
        );
        if is_careless {
            for _ in 0..count {
                sim.sql(
                    server,
                    Sql {
                        operation: "SELECT",
                        table: "prices",
                        statement: "SELECT amount, currency FROM prices WHERE id = ?",
                        median_ms: 1.3,
                        rows: 1,
                    },
                );
            }
        }
        sim.internal(server, "renderProducts", |sim, span| {
            sim.set(span, "app.products.count", int(count as i64));
            sim.work(span, 1.5);
            ((), Ok(()))
        });
        Ok(())
    })
}

pub fn product_detail(sim: &mut Sim, from: At, product: &str) -> Outcome {
    let path = format!("/products/{product}");
    sim.http(from, &Http::get(&CATALOG, "/products/{productId}", &path), &mut |sim, server| {
        sim.set(server, "app.product.id", text(product));
        if sim.rng.chance(0.012) {
            return Err(Failure::new(Category::NotFound, format!("no product {product}")));
        }
        if sim.cache_get(server, &format!("product:{product}"), 0.7) {
            return Ok(());
        }
        sim.sql(
            server,
            Sql {
                operation: "SELECT",
                table: "products",
                statement: "SELECT p.*, c.name AS category FROM products p JOIN categories c ON c.id = \
                            p.category_id WHERE p.id = ?",
                median_ms: 3.2,
                rows: 1,
            },
        );
        sim.cache_set(server, &format!("product:{product}"), 300);
        Ok(())
    })
}

pub fn recommend(sim: &mut Sim, from: At) -> Outcome {
    let service = "shop.recommendations.v1.Recommendations";
    sim.grpc(from, &RECOMMENDATIONS, service, "List", &mut |sim, server| {
        let key = format!("affinity:{}", sim.visitor.customer);
        let is_known = sim.cache_get(server, &key, 0.8);
        let confidence = 0.5 + sim.rng.unit() / 2.0;
        sim.internal(server, "rank_candidates", |sim, span| {
            sim.set_all(
                span,
                [
                    ("app.model.name", text("two-tower-v5")),
                    ("app.model.confidence", double(confidence)),
                    ("app.candidates", int(if is_known { 400 } else { 1200 })),
                ],
            );
            sim.work(span, if is_known { 14.0 } else { 26.0 });
            ((), Ok(()))
        });
        list_products(sim, server, 8, false)
    })
}

pub fn reviews(sim: &mut Sim, from: At, product: &str) -> Outcome {
    let path = format!("/reviews/{product}");
    sim.http(from, &Http::get(&REVIEWS, "/reviews/{productId}", &path), &mut |sim, server| {
        sim.set(server, "app.product.id", text(product));
        sim.sql(
            server,
            Sql {
                operation: "SELECT",
                table: "reviews",
                statement: "SELECT id, stars, body, author_id FROM reviews WHERE product_id = $1 ORDER BY \
                            helpful DESC LIMIT 20",
                median_ms: 4.1,
                rows: 14,
            },
        );
        Ok(())
    })
}

pub fn price(sim: &mut Sim, from: At, products: usize) -> Outcome {
    sim.grpc(from, &PRICING, "shop.pricing.v1.Pricing", "Quote", &mut |sim, server| {
        let tier = sim.visitor.tier;
        let total = sim.rng.lognormal(38.0, 0.8);
        sim.set_all(
            server,
            [
                ("app.customer.tier", text(tier)),
                ("app.cart.items", int(products as i64)),
                ("app.price.total", double((total * 100.0).round() / 100.0)),
            ],
        );
        if !sim.cache_get(server, &format!("rules:{tier}"), 0.9) {
            sim.sql(
                server,
                Sql {
                    operation: "SELECT",
                    table: "discount_rules",
                    statement: "SELECT id, expression, percent FROM discount_rules WHERE tier = $1 AND active",
                    median_ms: 2.0,
                    rows: 11,
                },
            );
        }
        sim.work(server, 0.8);
        Ok(())
    })
}

pub fn read_cart(sim: &mut Sim, from: At) -> Outcome {
    let path = format!("/carts/{}", sim.visitor.customer);
    sim.http(from, &Http::get(&CART, "/carts/{customerId}", &path), &mut |sim, server| {
        let (customer, items) = (sim.visitor.customer.clone(), sim.visitor.items as i64);
        sim.cache_get(server, &format!("cart:{customer}"), 0.97);
        sim.set_all(server, [("app.customer.id", text(customer)), ("app.cart.items", int(items))]);
        Ok(())
    })
}

/// Is it there? One question for each product, all at once.
pub fn check_stock(sim: &mut Sim, from: At, products: &[String]) -> Outcome {
    let results = sim.parallel(products.len(), |sim, branch| {
        let product = &products[branch];
        let path = format!("/stock/{product}");
        sim.http(from, &Http::get(&INVENTORY, "/stock/{productId}", &path), &mut |sim, server| {
            sim.set_all(
                server,
                [("app.product.id", text(product.as_str())), ("app.warehouses", list(["fra-1", "lej-2"]))],
            );
            sim.sql(
                server,
                Sql {
                    operation: "SELECT",
                    table: "stock",
                    statement: "SELECT warehouse_id, on_hand - reserved AS free FROM stock WHERE product_id = ?",
                    median_ms: 1.9,
                    rows: 2,
                },
            );
            Ok(())
        })
    });
    results.into_iter().collect()
}
