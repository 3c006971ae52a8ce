//! What traces may have, made of what pieces and spans say of them: services, operations, failures, attributes and
//! who made their spans. Pure.

use std::collections::{BTreeMap, HashMap};

use model::AttrValue;
use model::query::ast::{CompareOp, Literal, StatusWord};
use model::query::edit::{AttrValueOr, Condition};
use model::query::fields::{AttributeScope, FieldName, Intrinsic, SERVICE_KEY};

use super::rank::{Bits, Thing};
use crate::storage::reader::{Maker, Said, Traits};
use crate::storage::token::{self, Fact, Key, Owner};

/// Things in fewer traces are no reason for anything.
const LEAST_TRACES: usize = 3;
/// Of things in the same traces, the most telling is named: what was asked for, before who answered.
const BY_ATTRIBUTE: u8 = 0;
const BY_MAKER: u8 = 1;
const BY_FAILURE: u8 = 2;
const BY_OPERATION: u8 = 3;
const BY_SERVICE: u8 = 4;

/// Any of these tokens, what to call it, the services it occurs in, and how telling its name is.
type Named = (Vec<u32>, Vec<Condition>, Vec<usize>, u8);
/// A value, and the tokens of those who say it.
type Values = (AttrValue, Vec<u32>);

/// Everything that was found, and what to call it: conditions on one span.
#[derive(Default)]
pub struct Things {
    pub things: Vec<Thing>,
    pub conditions: Vec<Vec<Condition>>,
    pub services: Vec<String>,
    pub service_traces: Vec<Bits>,
}

impl Things {
    /// Traces are numbered as they come.
    pub fn of(traits: &[Traits], said: &[Said], makers: &[Maker]) -> Things {
        let mut things = Things::default();
        things.add_groups(traits);
        things.add_tokens(traits, said, makers);
        things
    }

    fn add(&mut self, conditions: Vec<Condition>, services: Vec<usize>, rank: u8, traces: Bits, of: usize) {
        // What all have, or hardly any, tells nothing.
        if (LEAST_TRACES..of).contains(&traces.count()) {
            self.things.push(Thing { traces, services, rank });
            self.conditions.push(conditions);
        }
    }

    fn add_groups(&mut self, traits: &[Traits]) {
        let of = traits.len();
        let mut services: BTreeMap<&str, (Bits, Bits)> = BTreeMap::new();
        let mut operations: BTreeMap<(&str, &str), (Bits, Bits)> = BTreeMap::new();
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
        for (service, (all, failures)) in services {
            let number = self.services.len();
            self.services.push(service.to_owned());
            self.service_traces.push(all.clone());
            self.add(vec![is_service(service)], Vec::new(), BY_SERVICE, all, of);
            self.add(vec![is_service(service), is_failed()], vec![number], BY_FAILURE, failures, of);
        }
        for ((service, operation), (all, failures)) in operations {
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
                let rank = if one.kind == "message" { BY_FAILURE } else { BY_ATTRIBUTE };
                named.push((vec![token], vec![condition], services, rank));
            }
        }
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
        let mut by_token: HashMap<u32, Vec<u32>> = HashMap::new();
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

/// The token of something said, and the condition that asks for it.
fn attribute(said: &Said) -> Option<(u32, Condition)> {
    let key = Key::of(Owner::Span, &said.key);
    let (token, value) = match said.kind.as_str() {
        "text" => (key.text(&said.value), AttrValue::Str(said.value.clone())),
        "int" => {
            let number = said.value.parse().ok()?;
            (key.int(number), AttrValue::Int(number))
        }
        "other" => match AttrValue::from_text(&said.value) {
            AttrValue::Bool(flag) => (key.bool(flag), AttrValue::Bool(flag)),
            _ => return None,
        },
        "message" => {
            let token = token::of_fact(Fact::StatusMessage, said.value.as_bytes());
            let value = AttrValueOr::Data(AttrValue::Str(said.value.clone()));
            let field = FieldName::Intrinsic(Intrinsic::StatusMessage);
            return Some((token, Condition { field, op: CompareOp::Eq, value }));
        }
        _ => return None,
    };
    Some((token, is(AttributeScope::Span, &said.key, value)))
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
