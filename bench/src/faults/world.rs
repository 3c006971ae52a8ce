//! The shop's figures minute by minute, made of its traces by the server's own analysis.

use std::collections::HashMap;
use std::sync::Arc;

use model::trace::call::{NodeKind, calls};
use model::trace::work::{key_of, work};
use model::trace::{Builder, Clock, CriticalPath, SpanRow, Trace, Tree};
use model::work::{Shape, Work, WorkKey};
use model::{AttrValue, Nanos, Span, Timestamp};
use server::storage::peer::{Part, Peer};
use traffic::{Effect, Fault, Shop, Window};

pub const MINUTES_A_DAY: u64 = 1_440;
/// A Monday at midnight.
const BEGIN_SECS: u64 = 1_767_571_200;

#[derive(Clone)]
pub struct World {
    pub seed: u64,
    pub traces_per_second: f64,
    pub traces: u64,
    shop: Shop,
    minutes: HashMap<u64, Arc<Minute>>,
    /// Spans of traces that begin from then on are kept, for explanations.
    kept_from: u64,
    pub kept: Vec<Vec<Span>>,
}

#[derive(Clone, Default)]
pub struct Minute {
    pub work: HashMap<WorkKey, Work>,
    pub calls: HashMap<(String, String), CallSum>,
}

#[derive(Clone, Default)]
pub struct CallSum {
    pub calls: u64,
    pub errors: u64,
    pub lengths: Shape,
}

pub fn time_of(minute: u64) -> Timestamp {
    Timestamp::from_secs(BEGIN_SECS + minute * 60)
}

impl World {
    pub fn new(seed: u64, traces_per_second: f64) -> World {
        let shop = Shop::with_faults(seed, Vec::new());
        let (minutes, kept) = (HashMap::new(), Vec::new());
        World { seed, traces_per_second, traces: 0, shop, minutes, kept_from: u64::MAX, kept }
    }

    /// The same until then, and with a fault from then on, for so many minutes.
    pub fn with_fault(&self, effect: &Effect, begin: u64, minutes: u64) -> World {
        let window = Window::Between(time_of(begin), time_of(begin + minutes));
        let fault = Fault { name: "the fault", window, effect: effect.clone() };
        let mut world = self.clone();
        world.shop = Shop::with_faults(self.seed, vec![fault]);
        world.minutes.retain(|minute, _| *minute < begin);
        world.kept_from = begin;
        world
    }

    pub fn minute(&self, minute: u64) -> Option<&Minute> {
        self.minutes.get(&minute).map(Arc::as_ref)
    }

    /// Makes the traces that begin in these minutes.
    pub fn live(&mut self, from: u64, to: u64) {
        let mut made: HashMap<u64, Minute> = HashMap::new();
        for minute in from..to {
            let (start, end) = (time_of(minute), time_of(minute + 1));
            let arrivals: Vec<Timestamp> = self
                .shop
                .arrivals(start, self.traces_per_second * busyness(minute))
                .take_while(|at| *at < end)
                .collect();
            for spans in arrivals.into_iter().flat_map(|at| self.shop.visit_at(at)) {
                self.traces += 1;
                count(&mut made, &spans);
                if minute >= self.kept_from {
                    self.kept.push(spans);
                }
            }
            // Nothing reaches back further than this.
            self.keep(&mut made, minute.saturating_sub(5));
        }
        self.keep(&mut made, u64::MAX);
    }

    fn keep(&mut self, made: &mut HashMap<u64, Minute>, until: u64) {
        let done: Vec<u64> = made.keys().copied().filter(|minute| *minute <= until).collect();
        for minute in done {
            if let Some(figures) = made.remove(&minute) {
                let known = Arc::make_mut(self.minutes.entry(minute).or_default());
                known.merge(&figures);
            }
        }
    }
}

impl Minute {
    pub fn merge(&mut self, other: &Minute) {
        for (key, work) in &other.work {
            match self.work.get_mut(key) {
                Some(known) => known.merge(work),
                None => drop(self.work.insert(key.clone(), work.clone())),
            }
        }
        for (pair, sum) in &other.calls {
            match self.calls.get_mut(pair) {
                Some(known) => known.merge(sum),
                None => drop(self.calls.insert(pair.clone(), sum.clone())),
            }
        }
    }
}

impl CallSum {
    pub fn merge(&mut self, other: &CallSum) {
        self.calls += other.calls;
        self.errors += other.errors;
        self.lengths.merge(&other.lengths);
    }
}

/// By day as many as it is said, by night a third, with noise that is the same for the same minute.
fn busyness(minute: u64) -> f64 {
    let hour = (minute % MINUTES_A_DAY) as f64 / 60.0;
    let day = ((hour - 14.0) / 24.0 * std::f64::consts::TAU).cos();
    let noise = traffic::rng::Rng::of(minute, 0xb5).unit() * 0.2 + 0.9;
    (0.67 + 0.33 * day) * noise
}

fn count(made: &mut HashMap<u64, Minute>, spans: &[Span]) {
    let trace = trace_of(spans);
    let tree = Tree::new(&trace);
    let clock = Clock::new(&trace, &tree);
    let critical = CriticalPath::new(&trace, &tree, &clock);
    let minute_of = |offset: u64| trace.start.plus(Nanos(offset)).as_secs().saturating_sub(BEGIN_SECS) / 60;
    for span in work(&trace, &tree, &clock, &critical) {
        let row = span.row as usize;
        let minute = made.entry(minute_of(trace.offset[row])).or_default();
        let work = minute.work.entry(key_of(&trace, &span)).or_default();
        work.spans += 1;
        work.roots += u64::from(span.is_root);
        work.errors += u64::from(span.error);
        work.own_errors += u64::from(span.own_error);
        work.duration += trace.length[row];
        work.self_time += span.self_time;
        work.critical += span.critical;
        work.lengths.add(Nanos(trace.length[row]));
        work.own_times.add(Nanos(span.self_time));
        span.lag.into_iter().for_each(|lag| work.lags.add(Nanos(lag)));
    }
    for call in calls(&trace, &tree) {
        let name = |node: model::trace::call::Node<'_>| match node.kind {
            NodeKind::Service => node.name.to_owned(),
            _ => node.to_string(),
        };
        let minute = made.entry(minute_of(call.start)).or_default();
        let sum = minute.calls.entry((name(call.client), name(call.server))).or_default();
        sum.calls += 1;
        sum.errors += u64::from(call.error);
        sum.lengths.add(Nanos(call.duration));
    }
}

fn trace_of(spans: &[Span]) -> Trace {
    let mut builder = Builder::new();
    let mut row = SpanRow::default();
    let mut named = Vec::new();
    for span in spans {
        let mut peer = Peer::default();
        for (key, value) in &span.attributes {
            if let (Some(part), AttrValue::Str(text)) = (Part::of(key.as_bytes()), value) {
                peer.add(part, text.as_bytes());
            }
        }
        named.clear();
        if Peer::is_of(span.kind as u8) {
            peer.write(&mut named);
        }
        row.peer = String::from_utf8_lossy(&named).into_owned();
        row.span_id = span.span_id;
        row.parent_id = span.parent_id;
        row.service.clone_from(&span.service);
        row.operation.clone_from(&span.operation);
        row.kind = span.kind;
        row.status = span.status;
        row.start = span.start;
        row.duration = span.duration;
        builder.push(&row);
    }
    builder.finish(spans.first().map_or_else(Default::default, |span| span.trace_id))
}
