//! Looking around: the home page, categories, search and products.

use crate::calls::Http;
use crate::failure::Outcome;
use crate::journey::parts::{
    check_stock, list_products, price, product_detail, product_id, read_cart, recommend, reviews,
    verify_session,
};
use crate::service::{EDGE, SEARCH, WEB};
use crate::sim::{At, Sim};
use crate::value::{flag, int, text};

/// A page the gateway lets in and the frontend puts together.
fn frontend_page(
    sim: &mut Sim,
    route: &'static str,
    path: &str,
    body: &mut dyn FnMut(&mut Sim, At) -> Outcome,
) {
    sim.page(&EDGE, "GET", route, path, &mut |sim, gateway| {
        verify_session(sim, gateway)?;
        sim.http(gateway, &Http::get(&WEB, route, path), &mut |sim, web| {
            body(sim, web)?;
            sim.internal(web, "renderPage", |sim, span| {
                let bytes = sim.rng.lognormal(42_000.0, 0.3) as i64;
                let is_mobile = sim.visitor.agent.contains("Mobile");
                sim.set_all(span, [("app.page.bytes", int(bytes)), ("app.page.mobile", flag(is_mobile))]);
                sim.work(span, 6.0);
                ((), Ok(()))
            });
            Ok(())
        })
    });
}

pub fn home(sim: &mut Sim) {
    frontend_page(sim, "/", "/", &mut |sim, web| {
        let results = sim.parallel(3, |sim, branch| match branch {
            0 => list_products(sim, web, 12, false),
            1 => recommend(sim, web),
            _ => read_cart(sim, web),
        });
        // The page does without recommendations and cart, not without products.
        results.into_iter().next().unwrap_or(Ok(()))
    });
}

pub fn product(sim: &mut Sim) {
    let product = product_id(sim);
    let path = format!("/p/{product}");
    frontend_page(sim, "/p/{productId}", &path, &mut |sim, web| {
        sim.set(web, "app.product.id", text(product.as_str()));
        product_detail(sim, web, &product)?;
        let results = sim.parallel(4, |sim, branch| match branch {
            0 => price(sim, web, 1),
            1 => check_stock(sim, web, std::slice::from_ref(&product)),
            2 => reviews(sim, web, &product),
            _ => recommend(sim, web),
        });
        let mut results = results.into_iter();
        results.next().unwrap_or(Ok(())).and(results.next().unwrap_or(Ok(())))
    });
}

pub fn category(sim: &mut Sim) {
    let categories = ["lamps", "chairs", "tables", "rugs", "shelves"];
    let name = *sim.rng.pick(&categories);
    let path = format!("/c/{name}");
    // One page in four still takes the old way to the prices.
    let is_careless = sim.rng.chance(0.25);
    let count = sim.rng.between(18, 48) as usize;
    frontend_page(sim, "/c/{category}", &path, &mut |sim, web| {
        sim.set_all(web, [("app.category", text(name)), ("app.page.number", int(1))]);
        list_products(sim, web, count, is_careless)?;
        price(sim, web, count)
    });
}

pub fn search(sim: &mut Sim) {
    let words = ["oak table", "reading lamp", "blue rug", "desk", "wall shelf", "armchair", "kitchen scale"];
    let word = *sim.rng.pick(&words);
    let path = format!("/search?q={}&page=1", word.replace(' ', "+"));
    frontend_page(sim, "/search", &path, &mut |sim, web| {
        let is_fast = sim.visitor.features.contains(&"fast-search");
        let path = format!("/v2/search?q={}", word.replace(' ', "+"));
        sim.http(web, &Http::get(&SEARCH, "/v2/search", &path).within_ms(4000.0), &mut |sim, server| {
            sim.set_all(
                server,
                [("app.search.words", text(word)), ("app.feature.fast_search", flag(is_fast))],
            );
            sim.internal(server, "expand_query", |sim, span| {
                sim.event(span, "synonyms loaded", [("app.synonyms", int(214))]);
                sim.work(span, 2.5);
                ((), Ok(()))
            });
            let hits = sim.rng.lognormal(60.0, 1.0) as i64;
            let body = format!("{{\"query\":{{\"match\":{{\"title\":\"{word}\"}}}},\"size\":24}}");
            sim.index_query(server, "products-v7", &body, if is_fast { 18.0 } else { 34.0 }, hits);
            let shown = (hits as usize).clamp(1, 24);
            list_products(sim, server, shown, !is_fast && shown < 9)
        })
    });
}
