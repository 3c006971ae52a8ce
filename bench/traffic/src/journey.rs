//! What visitors do, and how often: each journey is one trace.

use crate::sim::Sim;

pub mod background;
mod browse;
mod buy;
mod parts;

type Journey = fn(&mut Sim);

/// Weights out of a thousand.
const JOURNEYS: [(u32, Journey); 10] = [
    (210, browse::home),
    (240, browse::product),
    (170, browse::search),
    (70, browse::category),
    (120, buy::add_to_cart),
    (60, buy::checkout),
    (45, buy::log_in),
    (60, buy::order_status),
    (22, background::session_ping),
    (3, background::stock_sync),
];

pub fn run(sim: &mut Sim) {
    let choice = sim.rng.weighted(&JOURNEYS.map(|(weight, _)| weight));
    JOURNEYS[choice].1(sim);
}
