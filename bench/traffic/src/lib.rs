//! Realistic traffic of a web shop: seed and simulated time in, spans out.
//!
//! One generator serves the demo, the load driver and the tests. It reads no clock and does no I/O, so the same
//! seed and time give the same spans everywhere. What goes wrong in the shop, and when, is in [`fault`].

pub mod fault;
pub mod rng;
pub mod service;
pub mod shapes;

mod calls;
mod failure;
mod journey;
mod sim;
mod stores;
mod value;
mod visitor;

use model::{Nanos, Span, Timestamp};

pub use fault::{Effect, Fault, Window};

use failure::{Category, Failure};
use rng::Rng;
use service::Service;
use sim::Sim;
use visitor::Visitor;

/// The shop: what its traffic looks like at any point of simulated time.
#[derive(Clone, Debug)]
pub struct Shop {
    seed: u64,
    faults: Vec<Fault>,
}

impl Shop {
    /// The shop with the faults of an ordinary day.
    pub fn new(seed: u64) -> Shop {
        Shop::with_faults(seed, fault::usual())
    }

    /// The shop with exactly these faults; with none, every clock is right and no span is lost.
    pub fn with_faults(seed: u64, faults: Vec<Fault>) -> Shop {
        Shop { seed, faults }
    }

    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// The trace of a request that arrives at this point.
    pub fn trace_at(&self, at: Timestamp) -> Vec<Span> {
        self.visit_at(at).swap_remove(0)
    }

    /// Everything a request at this point sets off: its own trace first, then the traces of those who take its
    /// messages from a queue later.
    pub fn visit_at(&self, at: Timestamp) -> Vec<Vec<Span>> {
        let mut rng = Rng::of(self.seed, at.0);
        let visitor = Visitor::of(&mut rng);
        let mut sim = Sim::new(self, rng.clone(), at, visitor.clone());
        journey::run(&mut sim);
        let messages = std::mem::take(&mut sim.messages);
        let mut traces = vec![sim.finish()];
        for (number, message) in messages.into_iter().enumerate() {
            let later = at.plus(message.after);
            let rng = Rng::of(rng.next_u64(), number as u64);
            let mut sim = Sim::new(self, rng, later, visitor.clone());
            journey::background::order_mail(&mut sim, &message);
            traces.push(sim.finish());
        }
        traces
    }

    /// When requests arrive, from a point on for ever: by chance, so many a second on average.
    pub fn arrivals(&self, from: Timestamp, per_second: f64) -> impl Iterator<Item = Timestamp> + use<> {
        let mut rng = Rng::of(self.seed, from.0 ^ 0xa331);
        let mut now = from;
        std::iter::from_fn(move || {
            now = now.plus(Nanos(1 + (rng.exponential(1e9 / per_second)) as u64));
            Some(now)
        })
    }

    /// The traces of those arrivals, one after the other.
    pub fn traces(&self, from: Timestamp, per_second: f64) -> impl Iterator<Item = Vec<Span>> + '_ {
        self.arrivals(from, per_second).flat_map(|at| self.visit_at(at))
    }

    fn active(&self, at: Timestamp) -> impl Iterator<Item = &Fault> {
        self.faults.iter().filter(move |fault| fault.window.contains(at))
    }

    fn version_of(&self, service: &'static Service, at: Timestamp) -> &'static str {
        let released = self.active(at).find_map(|fault| match fault.effect {
            Effect::SlowRelease { service: name, version, .. } if name == service.name => Some(version),
            _ => None,
        });
        released.unwrap_or(service.version)
    }

    /// How many times longer than usual work under this entry span takes.
    fn slowness(&self, entry: &Span, host: impl Fn() -> String, at: Timestamp) -> f64 {
        let factor = |fault: &Fault| match fault.effect {
            Effect::SlowInstance { service, host: slow, factor }
                if service == entry.service && slow == host() =>
            {
                factor
            }
            Effect::SlowRelease { service, operation, factor, .. }
                if service == entry.service && operation == entry.operation =>
            {
                factor
            }
            _ => 1.0,
        };
        self.active(at).map(factor).product()
    }

    fn store_slowness(&self, store: &str, at: Timestamp) -> f64 {
        let factor = |fault: &Fault| match fault.effect {
            Effect::SlowStore { system, factor } if system == store => factor,
            _ => 1.0,
        };
        self.active(at).map(factor).product()
    }

    fn table_slowness(&self, of: &str, name: &str, at: Timestamp) -> f64 {
        let factor = |fault: &Fault| match fault.effect {
            Effect::SlowTable { service, table, factor } if service == of && table == name => factor,
            _ => 1.0,
        };
        self.active(at).map(factor).product()
    }

    fn outside_slowness(&self, name: &str, at: Timestamp) -> f64 {
        let factor = |fault: &Fault| match fault.effect {
            Effect::SlowOutside { host, factor } if host == name => factor,
            _ => 1.0,
        };
        self.active(at).map(factor).product()
    }

    /// How often a call is made: once, unless somebody repeats or skips it.
    fn times_called(&self, from: &str, called: &str, at: Timestamp) -> u32 {
        self.active(at).fold(1, |times, fault| match fault.effect {
            Effect::Repeats { service, to, times: more } if service == from && to == called => times + more,
            Effect::Skips { service, to } if service == from && to == called => 0,
            _ => times,
        })
    }

    fn lag_of(&self, of: &str, at: Timestamp) -> Nanos {
        let lag = |fault: &Fault| match fault.effect {
            Effect::Lag { service, by } if service == of => by.0,
            _ => 0,
        };
        Nanos(self.active(at).map(lag).sum())
    }

    fn clock_ahead(&self, host: &str, at: Timestamp) -> Nanos {
        let ahead = |fault: &Fault| match fault.effect {
            Effect::ClockAhead { host: name, by } if name == host => by.0,
            _ => 0,
        };
        Nanos(self.active(at).map(ahead).sum())
    }

    /// What a service that is made to fail says.
    fn injected(&self, service: &str) -> Failure {
        match service {
            "payments" => Failure::new(
                Category::Upstream,
                "payment provider answered 503: temporarily unable to process requests for this region",
            ),
            "reviews" => Failure::new(
                Category::Database,
                "remaining connection slots are reserved for roles with the SUPERUSER attribute",
            ),
            _ => Failure::new(Category::Bug, "unexpected state while handling the request"),
        }
    }
}

#[cfg(test)]
mod tests;
