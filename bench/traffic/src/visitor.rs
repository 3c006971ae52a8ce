//! Who is visiting: a customer, where from, with which features switched on.

use crate::rng::Rng;

#[derive(Clone, Debug, PartialEq)]
pub struct Visitor {
    pub customer: String,
    pub tier: &'static str,
    pub region: &'static str,
    pub session: String,
    pub address: String,
    pub agent: &'static str,
    pub features: Vec<&'static str>,
    /// Products in the cart.
    pub items: usize,
}

const REGIONS: [&str; 4] = ["eu-central-1", "eu-west-1", "us-east-1", "ap-south-1"];
const REGION_WEIGHTS: [u32; 4] = [45, 25, 20, 10];
const TIERS: [&str; 4] = ["none", "bronze", "silver", "gold"];
const FEATURES: [(&str, f64); 4] =
    [("new-checkout", 0.5), ("fast-search", 0.3), ("one-click-buy", 0.15), ("dark-mode", 0.4)];
const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
    "shop-android/7.12.0 (Android 16; Pixel 9)",
];
const CUSTOMERS: u64 = 20_000;

impl Visitor {
    pub fn of(rng: &mut Rng) -> Visitor {
        let number = rng.popular(CUSTOMERS);
        // A customer keeps tier and region for life.
        let mut life = Rng::of(number, 0xc057);
        Visitor {
            customer: format!("c-{number:05}"),
            tier: TIERS[life.weighted(&[50, 25, 17, 8])],
            region: REGIONS[life.weighted(&REGION_WEIGHTS)],
            session: format!("{:016x}", rng.next_u64()),
            address: format!("203.0.113.{}", life.below(256)),
            agent: life.pick::<&str>(&AGENTS),
            features: FEATURES
                .iter()
                .filter(|(_, share)| life.chance(*share))
                .map(|(name, _)| *name)
                .collect(),
            items: 1 + rng.popular(12) as usize,
        }
    }
}
