//! What sets the traces that a fault hit apart from the others: what their spans say, and who made those of the service at
//! fault, ranked by the server's own code.

use std::collections::{BTreeMap, BTreeSet};

use model::{AttrValue, Span, Status};
use server::query::explain::rank::{Bits, Ground, Ranked, Thing, rank};
use server::query::explain::{LEAST_TRACES, is_of_failure};

use super::scenarios::Scenario;
use super::world::World;

/// Of the traces of the service at fault, one in so many is in question where it is slow.
const SLOWEST_SHARE: usize = 20;

/// Whether the first finding is the wanted one, and what it is.
pub fn names(world: &World, scenario: &Scenario, wanted: (&str, &str)) -> (bool, String) {
    let cause = scenario.causes[0];
    let traces: Vec<&Vec<Span>> =
        world.kept.iter().filter(|spans| spans.iter().any(|span| span.service == cause)).collect();
    let is_failing =
        matches!(scenario.effect, traffic::Effect::Errors { .. } | traffic::Effect::FailsFor { .. });
    let inside = in_question(&traces, cause, is_failing);
    let mut things: BTreeMap<(String, String), Bits> = BTreeMap::new();
    let mut ground =
        Ground { inside: Bits::none(traces.len()), outside: Bits::none(traces.len()), services: Vec::new() };
    for (at, spans) in traces.iter().enumerate() {
        let side = if inside.contains(&at) { &mut ground.inside } else { &mut ground.outside };
        side.set(at);
        for pair in spans.iter().flat_map(|span| said(span, span.service == cause)) {
            things.entry(pair).or_insert_with(|| Bits::none(traces.len())).set(at);
        }
    }
    things.retain(|_, of_it| (LEAST_TRACES..traces.len()).contains(&of_it.count()));
    let names: Vec<&(String, String)> = things.keys().collect();
    let thing = |((key, _), traces): (&(String, String), &Bits)| {
        let is_symptom = is_failing && is_of_failure(key);
        Thing { traces: traces.clone(), is_symptom, ..Thing::default() }
    };
    let all: Vec<Thing> = things.iter().map(thing).collect();
    let (found, _) = rank(&ground, &all, 0, 1);
    let is_wanted = |at: &usize| (names[*at].0.as_str(), names[*at].1.as_str()) == wanted;
    let is_named = found.first().is_some_and(|one| one.things.iter().chain(&one.alike).any(is_wanted));
    let told = |one: &Ranked| {
        let name = |at: &usize| format!("{} = {}", names[*at].0, names[*at].1);
        let all: Vec<String> = one.things.iter().map(name).collect();
        let alike = one.alike.iter().find(|at| is_wanted(at)).map(|at| format!(", also {}", name(at)));
        all.join(" and ") + &alike.unwrap_or_default()
    };
    (is_named, found.first().map_or_else(|| "nothing".to_owned(), told))
}

/// Failed ones, or the slowest, going by what the service at fault did.
fn in_question(traces: &[&Vec<Span>], cause: &str, is_failing: bool) -> BTreeSet<usize> {
    let of_cause = |spans: &'_ Vec<Span>| -> Vec<Span> {
        spans.iter().filter(|span| span.service == cause).cloned().collect()
    };
    if is_failing {
        let failed = |spans: &Vec<Span>| of_cause(spans).iter().any(|span| span.status == Status::Error);
        return (0..traces.len()).filter(|at| failed(traces[*at])).collect();
    }
    let longest = |at: &usize| of_cause(traces[*at]).iter().map(|span| span.duration).max();
    let mut order: Vec<usize> = (0..traces.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(longest(at)));
    order.truncate(traces.len() / SLOWEST_SHARE);
    order.into_iter().collect()
}

fn said(span: &Span, is_of_cause: bool) -> Vec<(String, String)> {
    let text = |(key, value): &(String, AttrValue)| match value {
        AttrValue::Str(text) => Some((key.clone(), text.clone())),
        _ => None,
    };
    let made_by = span.origin.resource.iter().filter(|_| is_of_cause);
    span.attributes.iter().chain(made_by).filter_map(text).collect()
}
