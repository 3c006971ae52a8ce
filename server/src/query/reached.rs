//! How often an answer was cut short by one of the bounds in `limits`.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

type Labels = [(&'static str, &'static str); 1];

#[derive(Clone, Debug, Default)]
pub struct Reached(Family<Labels, Counter>);

impl Reached {
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "skein_query_limits_reached",
            "Answers that left something out, by the limit they reached",
            self.0.clone(),
        );
    }

    pub fn note(&self, limit: &'static str) {
        self.0.get_or_create(&[("limit", limit)]).inc();
    }
}
