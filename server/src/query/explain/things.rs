//! What traces may have, made of what pieces and spans say of them: services, operations, failures, attributes,
//! bounds of numbers, who made their spans, and where the time goes. Pure.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::FixedState;
use model::query::ast::{CompareOp, Literal, StatusWord};
use model::query::edit::{AttrValueOr, Condition};
use model::query::fields::{AttributeScope, FieldName, Intrinsic, SERVICE_KEY};
use model::{AttrValue, Nanos};

use super::numbers::cuts;
use super::rank::{Bits, Thing};
use super::what::{What, is_name};
use crate::limits::EXPLAIN_MAX_NUMBERS;
use crate::storage::reader::{Maker, Said, SaidKind, Traits};
use crate::storage::token::{self, Fact, Key, Owner};

/// Things in fewer traces are no reason for anything.
pub const LEAST_TRACES: usize = 3;
/// Of things in the same traces, the most telling is named: what was asked for, before who answered.
const BY_ATTRIBUTE: u8 = 0;
const BY_MAKER: u8 = 1;
const BY_FAILURE: u8 = 2;
const BY_OPERATION: u8 = 3;
const BY_SERVICE: u8 = 4;
const BY_PLUMBING: u8 = 5;
/// What libraries say of how a call was made, by the start of its name.
const PLUMBING: [&str; 11] = [
    "client.",
    "code.",
    "db.",
    "http.",
    "messaging.",
    "net.",
    "network.",
    "rpc.",
    "server.",
    "thread.",
    "url.",
];

/// Any of these tokens, what to call it, the services it occurs in, and how telling its name is.
type Named = (Vec<u32>, Vec<Condition>, Vec<usize>, u8);
/// A value, and the tokens of those who say it.
type Values = (AttrValue, Vec<u32>);

/// Nanoseconds of the critical path by service, of a trace by its number.
pub type Times = Vec<(usize, Vec<(String, u64)>)>;

/// Everything that was found, and what to call it.
#[derive(Default)]
pub struct Things {
    pub things: Vec<Thing>,
    pub whats: Vec<What>,
    pub services: Vec<String>,
    pub service_traces: Vec<Bits>,
    /// How many tokens have got a name.
    pub named: usize,
    families: HashMap<String, u32>,
}

impl Things {
    /// Traces are numbered as they come.
    pub fn of(traits: &[Traits], said: &[Said], makers: &[Maker], times: &Times) -> Things {
        let mut things = Things::default();
        things.add_groups(traits);
        things.add_tokens(traits, said, makers);
        things.add_numbers(traits, said);
        things.add_times(traits.len(), times);
        things
    }

    /// Where it was asked how they ended, how they did is no reason.
    pub fn tell_symptoms(&mut self) {
        for (thing, what) in self.things.iter_mut().zip(&self.whats) {
            thing.is_symptom = what.is_symptom();
        }
    }

    fn add(&mut self, conditions: Vec<Condition>, services: Vec<usize>, rank: u8, traces: Bits, of: usize) {
        // What all have, or hardly any, tells nothing.
        if (LEAST_TRACES..of).contains(&traces.count()) {
            self.push(Thing { traces, services, rank, ..Thing::default() }, What::Span(conditions));
        }
    }

    fn push(&mut self, mut thing: Thing, what: What) {
        let next = self.families.len() as u32;
        thing.family = what.number().map(|number| *self.families.entry(number).or_insert(next));
        self.things.push(thing);
        self.whats.push(what);
    }

    /// Traces with a number of at least, or less than, each of its cuts.
    fn add_numbers(&mut self, traits: &[Traits], said: &[Said]) {
        // By trace, in their order.
        let mut ranges: HashMap<&str, Vec<(usize, f64, f64)>, FixedState> = HashMap::default();
        for (at, trace) in traits.iter().enumerate() {
            for (key, low, high) in &trace.numbers {
                let (low, high) = (f64::from(*low), f64::from(*high));
                let of_key = ranges.entry(key).or_default();
                match of_key.last_mut() {
                    Some(last) if last.0 == at => *last = (at, last.1.min(low), last.2.max(high)),
                    _ => of_key.push((at, low, high)),
                }
            }
        }
        // In which services is known of those that spans were seen to say.
        let is_amount = |one: &&Said| one.kind == SaidKind::Number && !is_name(&one.key);
        let named = said.iter().filter(is_amount).take(EXPLAIN_MAX_NUMBERS);
        for one in named {
            let Some(ranges) = ranges.get(one.key.as_str()) else { continue };
            let services: Vec<usize> = one.services.iter().map(|service| self.number_of(service)).collect();
            for op in [CompareOp::GtEq, CompareOp::Lt] {
                // What is nearest to having it: the largest, or the smallest.
                let is_below = op == CompareOp::Lt;
                let ends: Vec<(usize, f64)> =
                    ranges.iter().map(|(at, low, high)| (*at, if is_below { *low } else { *high })).collect();
                for cut in cuts(ends.iter().map(|(_, end)| *end).collect()) {
                    let mut traces = Bits::none(traits.len());
                    let has = ends.iter().filter(|(_, end)| (*end < cut) == is_below);
                    has.for_each(|(at, _)| traces.set(*at));
                    if (LEAST_TRACES..traits.len()).contains(&traces.count()) {
                        let services = services.clone();
                        let thing = Thing { traces, services, rank: rank_of(&one.key), ..Thing::default() };
                        self.push(thing, What::Span(vec![bound(&one.key, op, cut)]));
                    }
                }
            }
        }
    }

    /// Traces whose critical path runs through a service for at least each of its cuts.
    fn add_times(&mut self, of: usize, times: &Times) {
        let mut known = Bits::none(of);
        let mut by_service: BTreeMap<&str, Vec<(usize, u64)>> = BTreeMap::new();
        for (at, trace) in times {
            known.set(*at);
            for (service, time) in trace {
                by_service.entry(service).or_default().push((*at, *time));
            }
        }
        for (service, times) in by_service {
            let number = self.number_of(service);
            for cut in cuts(times.iter().map(|(_, time)| *time as f64).collect()) {
                let least = Nanos(cut.ceil() as u64);
                let mut traces = Bits::none(of);
                times.iter().filter(|(_, time)| *time >= least.0).for_each(|(at, _)| traces.set(*at));
                if (LEAST_TRACES..known.count()).contains(&traces.count()) {
                    let (services, known) = (vec![number], Some(known.clone()));
                    let thing = Thing { traces, services, rank: BY_OPERATION, known, ..Thing::default() };
                    self.push(thing, What::Time { service: service.to_owned(), least });
                }
            }
        }
    }

    fn add_groups(&mut self, traits: &[Traits]) {
        let of = traits.len();
        let mut services: HashMap<&str, (Bits, Bits), FixedState> = HashMap::default();
        let mut operations: HashMap<(&str, &str), (Bits, Bits), FixedState> = HashMap::default();
        let none = || (Bits::none(of), Bits::none(of));
        for (at, trace) in traits.iter().enumerate() {
            for (service, operation, failed) in &trace.groups {
                let of_service = services.entry(service).or_insert_with(none);
                let of_operation = operations.entry((service, operation)).or_insert_with(none);
                for (all, failures) in [of_service, of_operation] {
                    all.set(at);
                    if *failed {
                        failures.set(at);
                    }
                }
            }
        }
        // In the same order each time.
        for (service, (all, failures)) in services.into_iter().collect::<BTreeMap<_, _>>() {
            let number = self.services.len();
            self.services.push(service.to_owned());
            self.service_traces.push(all.clone());
            self.add(vec![is_service(service)], Vec::new(), BY_SERVICE, all, of);
            self.add(vec![is_service(service), is_failed()], vec![number], BY_FAILURE, failures, of);
        }
        for ((service, operation), (all, failures)) in operations.into_iter().collect::<BTreeMap<_, _>>() {
            let number = self.number_of(service);
            let named = || vec![is_service(service), is_operation(operation)];
            self.add(named(), vec![number], BY_OPERATION, all, of);
            self.add([named(), vec![is_failed()]].concat(), vec![number], BY_FAILURE, failures, of);
        }
    }

    fn add_tokens(&mut self, traits: &[Traits], said: &[Said], makers: &[Maker]) {
        let mut named: Vec<Named> = Vec::new();
        for one in said {
            if let Some((token, condition)) = attribute(one) {
                let services = one.services.iter().map(|service| self.number_of(service)).collect();
                let rank = if one.kind == SaidKind::Message { BY_FAILURE } else { rank_of(&one.key) };
                named.push((vec![token], vec![condition], services, rank));
            }
        }
        self.named = named.len();
        let mut made: BTreeMap<(&str, &str), BTreeMap<String, Values>> = BTreeMap::new();
        for maker in makers {
            for (key, value) in maker.resource.iter().filter(|(key, _)| key != SERVICE_KEY) {
                let values = made.entry((&maker.service, key)).or_default();
                let entry = values.entry(value.to_text()).or_insert_with(|| (value.clone(), Vec::new()));
                entry.1.push(token::of_origin(maker.id));
            }
        }
        // What all of a service say is the service.
        for ((service, key), values) in made.into_iter().filter(|(_, values)| values.len() > 1) {
            let number = self.number_of(service);
            for (value, tokens) in values.into_values() {
                let conditions = vec![is_service(service), is(AttributeScope::Resource, key, value)];
                named.push((tokens, conditions, vec![number], BY_MAKER));
            }
        }
        let mut by_token: HashMap<u32, Vec<u32>, FixedState> = HashMap::default();
        for (at, (tokens, ..)) in named.iter().enumerate() {
            tokens.iter().for_each(|token| by_token.entry(*token).or_default().push(at as u32));
        }
        let mut bits = vec![Bits::none(traits.len()); named.len()];
        for (at, trace) in traits.iter().enumerate() {
            for found in trace.tokens.iter().filter_map(|token| by_token.get(token)).flatten() {
                bits[*found as usize].set(at);
            }
        }
        for ((_, conditions, services, rank), traces) in named.into_iter().zip(bits) {
            self.add(conditions, services, rank, traces, traits.len());
        }
    }

    fn number_of(&mut self, service: &str) -> usize {
        self.services.iter().position(|known| known == service).unwrap_or_else(|| {
            self.services.push(service.to_owned());
            let none = self.service_traces.first().map_or_else(Bits::default, Bits::emptied);
            self.service_traces.push(none);
            self.services.len() - 1
        })
    }
}

fn rank_of(key: &str) -> u8 {
    if PLUMBING.iter().any(|start| key.starts_with(start)) { BY_PLUMBING } else { BY_ATTRIBUTE }
}

/// The token of something said, and the condition that asks for it.
fn attribute(said: &Said) -> Option<(u32, Condition)> {
    let key = Key::of(Owner::Span, &said.key);
    let (token, value) = match said.kind {
        SaidKind::Text => (key.text(&said.value), AttrValue::Str(said.value.clone())),
        SaidKind::Int => {
            let number = said.value.parse().ok()?;
            (key.int(number), AttrValue::Int(number))
        }
        SaidKind::Other => match AttrValue::from_text(&said.value) {
            AttrValue::Bool(flag) => (key.bool(flag), AttrValue::Bool(flag)),
            _ => return None,
        },
        SaidKind::Message => {
            let token = token::of_fact(Fact::StatusMessage, said.value.as_bytes());
            let value = AttrValueOr::Data(AttrValue::Str(said.value.clone()));
            let field = FieldName::Intrinsic(Intrinsic::StatusMessage);
            return Some((token, Condition { field, op: CompareOp::Eq, value }));
        }
        SaidKind::Number => return None,
    };
    Some((token, is(AttributeScope::Span, &said.key, value)))
}

/// Whole numbers as such: they are read more easily, and compare the same.
fn bound(key: &str, op: CompareOp, cut: f64) -> Condition {
    let is_whole = cut.fract() == 0.0 && cut.abs() < 9e15;
    let value = if is_whole { AttrValue::Int(cut as i64) } else { AttrValue::Double(cut) };
    Condition { op, ..is(AttributeScope::Span, key, value) }
}

fn is(scope: AttributeScope, key: &str, value: AttrValue) -> Condition {
    let field = FieldName::Attribute { scope, key: key.to_owned(), of_parent: false };
    Condition { field, op: CompareOp::Eq, value: AttrValueOr::Data(value) }
}

fn is_service(service: &str) -> Condition {
    is(AttributeScope::Resource, SERVICE_KEY, AttrValue::Str(service.to_owned()))
}

fn is_operation(operation: &str) -> Condition {
    let value = AttrValueOr::Data(AttrValue::Str(operation.to_owned()));
    Condition { field: FieldName::Intrinsic(Intrinsic::Name), op: CompareOp::Eq, value }
}

fn is_failed() -> Condition {
    let word = Literal::Status(StatusWord::Error);
    Condition::literal(FieldName::Intrinsic(Intrinsic::Status), CompareOp::Eq, word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_is_a_better_name_than_how_it_was_called() {
        assert!(rank_of("app.customer.tier") < BY_SERVICE && rank_of("httpd") < BY_SERVICE);
        assert!(rank_of("db.statement") > BY_SERVICE);
    }
}
