//! Which of many things sets some traces apart from others. Pure: traces are bits, and a thing is the set of those
//! that have it.
//!
//! What counts is the difference of two shares: of the traces inside that have it and of those outside. It is largest
//! for what most inside have and few outside do. A thing is kept when so many would hardly have it for no reason, given
//! how many things were tried. Where it makes no difference among the traces of a service it occurs in, it goes with
//! that service. What the very same traces have is told once, and of the bounds of one number the most telling.
//! What only says how they ended comes after what they had before.

use super::stats::{Fisher, corrected};

/// Kept when the corrected chance is smaller, and the difference of the shares at least this.
const CHANCE: f64 = 0.01;
pub const LEAST_EFFECT: f64 = 0.05;
/// Things that are paired with each other, and how much more a pair must tell than both of it, and to come before others.
const PAIRED: usize = 12;
const PAIR_GAIN: f64 = 0.1;
/// Sets that share this much of all they have are the same.
const ALIKE: f64 = 0.95;
/// A difference that shrinks to this part among a service's traces is the service's.
const LEFT_OF_IT: f64 = 0.3;

/// A set of traces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bits {
    words: Vec<u64>,
}

impl Bits {
    pub fn none(count: usize) -> Bits {
        Bits { words: vec![0; count.div_ceil(64)] }
    }

    /// As large, and nothing in it.
    pub fn emptied(&self) -> Bits {
        Bits { words: vec![0; self.words.len()] }
    }

    pub fn set(&mut self, at: usize) {
        self.words[at / 64] |= 1 << (at % 64);
    }

    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    fn and(&self, other: &Bits) -> Bits {
        Bits { words: self.words.iter().zip(&other.words).map(|(a, b)| a & b).collect() }
    }

    fn common(&self, other: &Bits) -> usize {
        self.words.iter().zip(&other.words).map(|(a, b)| (a & b).count_ones() as usize).sum()
    }

    /// The first few of the set that are in the other too.
    pub fn first_in(&self, other: &Bits, most: usize) -> Vec<usize> {
        let both = self.and(other);
        let is_set = |at: &usize| both.words[at / 64] >> (at % 64) & 1 == 1;
        (0..both.words.len() * 64).filter(is_set).take(most).collect()
    }
}

/// Something a trace may have.
#[derive(Clone, Debug, Default)]
pub struct Thing {
    pub traces: Bits,
    /// The services it occurs in, by their numbers; none for a service itself.
    pub services: Vec<usize>,
    /// Of things that the same traces have, the most telling name comes first.
    pub rank: u8,
    /// Of several bounds and values of one number, by the same number here, only one is told.
    pub family: Option<u32>,
    /// The traces it is known of, where that is not all of them. It is told by itself, whatever else they have.
    pub known: Option<Bits>,
    /// It is what was asked for, told otherwise.
    pub is_symptom: bool,
}

/// The traces looked at.
pub struct Ground {
    pub inside: Bits,
    pub outside: Bits,
    /// The traces of each service.
    pub services: Vec<Bits>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Ranked {
    /// One thing, or the two of a pair.
    pub things: Vec<usize>,
    pub traces: Bits,
    pub inside: usize,
    pub outside: usize,
    /// Traces of both sides that it is known of.
    pub of: (usize, usize),
    pub chance: f64,
    pub goes_with: Option<usize>,
    /// Other things of the same traces.
    pub alike: Vec<usize>,
    effect: f64,
}

impl Ranked {
    /// What it tells, in the order of all: a pair comes before what is simpler where it tells clearly more.
    fn weight(&self) -> f64 {
        if self.things.len() > 1 { self.effect - PAIR_GAIN } else { self.effect }
    }
}

/// What was found, the most telling first, so many of each place at most, and how much was tried. So many more had been compared and left out, because
/// they differ too little.
pub fn rank(ground: &Ground, things: &[Thing], left_out: usize, most: usize) -> (Vec<Ranked>, usize) {
    let all = (ground.inside.count(), ground.outside.count());
    if all.0 == 0 || all.1 == 0 {
        return (Vec::new(), 0);
    }
    let single = |at: usize| {
        let of = match &things[at].known {
            Some(known) => (known.common(&ground.inside), known.common(&ground.outside)),
            None => all,
        };
        measured(ground, of, vec![at], things[at].traces.clone())
    };
    let singles: Vec<Ranked> = (0..things.len()).map(single).collect();
    let pairs = pairs(ground, all, things, &singles);
    let tried = things.len() + pairs.len() + left_out;
    let mut found: Vec<Ranked> = singles.into_iter().chain(pairs).collect();
    let fisher = Fisher::new(all.0 + all.1);
    let chances: Vec<f64> =
        found.iter().map(|one| fisher.chance(one.inside, one.of.0, one.outside, one.of.1)).collect();
    for (one, chance) in found.iter_mut().zip(corrected(&chances, tried)) {
        one.chance = chance;
    }
    found.retain(|one| one.chance < CHANCE && one.effect >= LEAST_EFFECT && is_worth_its_parts(one));
    for one in &mut found {
        one.goes_with = service_of(ground, things, one);
    }
    let name = |one: &Ranked| one.things.iter().map(|at| things[*at].rank).max().unwrap_or_default();
    found.sort_by(|a, b| {
        place(a, things)
            .cmp(&place(b, things))
            .then(b.weight().total_cmp(&a.weight()))
            .then(a.things.len().cmp(&b.things.len()))
            .then(name(a).cmp(&name(b)))
            .then(a.things.cmp(&b.things))
    });
    (merged(ground, found, things, most), tried)
}

fn measured(ground: &Ground, of: (usize, usize), things: Vec<usize>, traces: Bits) -> Ranked {
    let (inside, outside) = (traces.common(&ground.inside), traces.common(&ground.outside));
    let effect = inside as f64 / of.0.max(1) as f64 - outside as f64 / of.1.max(1) as f64;
    Ranked { things, traces, inside, outside, of, chance: 1.0, goes_with: None, alike: Vec::new(), effect }
}

/// Pairs of the best that tell clearly more than either alone.
fn pairs(ground: &Ground, all: (usize, usize), things: &[Thing], singles: &[Ranked]) -> Vec<Ranked> {
    let thing = |one: &Ranked| &things[one.things[0]];
    let is_enough =
        |one: &&Ranked| one.effect >= LEAST_EFFECT && thing(one).known.is_none() && !thing(one).is_symptom;
    let mut best: Vec<&Ranked> = singles.iter().filter(is_enough).collect();
    best.sort_by(|a, b| b.effect.total_cmp(&a.effect).then(thing(a).rank.cmp(&thing(b).rank)));
    // Of those that are the same, the one with the most telling name.
    let mut chosen: Vec<&Ranked> = Vec::new();
    let is_same = |a: &Ranked, b: &Ranked| {
        are_alike(&a.traces, &b.traces)
            || thing(a).family.is_some_and(|family| thing(b).family == Some(family))
    };
    for one in best {
        if chosen.len() < PAIRED && !chosen.iter().any(|other| is_same(one, other)) {
            chosen.push(one);
        }
    }
    let mut found = Vec::new();
    for (at, one) in chosen.iter().enumerate() {
        for other in &chosen[at + 1..] {
            let (a, b) = (one.things[0], other.things[0]);
            let mut pair = measured(ground, all, vec![a, b], things[a].traces.and(&things[b].traces));
            // What it lacks to be worth telling makes it small.
            let gain = pair.effect - one.effect.max(other.effect);
            if gain < PAIR_GAIN {
                pair.effect = 0.0;
            }
            found.push(pair);
        }
    }
    found
}

fn is_worth_its_parts(one: &Ranked) -> bool {
    one.things.len() == 1 || one.effect > 0.0
}

fn are_alike(a: &Bits, b: &Bits) -> bool {
    let common = a.common(b);
    let either = a.count() + b.count() - common;
    either > 0 && common as f64 >= ALIKE * either as f64
}

/// The service among whose traces it makes little difference, if there is one.
fn service_of(ground: &Ground, things: &[Thing], one: &Ranked) -> Option<usize> {
    let [at] = one.things[..] else { return None };
    things[at].services.iter().copied().find(|service| {
        let traces = &ground.services[*service];
        let traces = things[at].known.as_ref().map_or_else(|| traces.clone(), |known| traces.and(known));
        let (inside, outside) = (traces.and(&ground.inside), traces.and(&ground.outside));
        let (of_inside, of_outside) = (inside.count(), outside.count());
        let share = |bits: &Bits, of: usize| one.traces.common(bits) as f64 / of.max(1) as f64;
        // Nobody outside calls it: there is nothing to tell them apart by.
        of_outside == 0 || share(&inside, of_inside) - share(&outside, of_outside) < LEFT_OF_IT * one.effect
    })
}

/// Causes come first, then how they ended, then what goes with a service.
fn place(one: &Ranked, things: &[Thing]) -> u8 {
    match (things[one.things[0]].is_symptom, one.goes_with.is_some()) {
        (false, false) => 0,
        (true, _) => 1,
        (false, true) => 2,
    }
}

/// Of each place so many. Those of the same traces as one before them are told with it; of a family, the first; and no
/// pair whose traces inside one before it has too, for no more of those outside.
fn merged(ground: &Ground, found: Vec<Ranked>, things: &[Thing], most: usize) -> Vec<Ranked> {
    let mut kept: Vec<Ranked> = Vec::new();
    let mut told: Vec<u32> = Vec::new();
    for one in found {
        let is_pair = one.things.len() > 1;
        let families: Vec<u32> = one.things.iter().filter_map(|at| things[*at].family).collect();
        if !is_pair && families.iter().any(|family| told.contains(family)) {
            continue;
        }
        let is_apart = |ranked: &Ranked| things[ranked.things[0]].known.is_some();
        let is_same =
            |other: &Ranked| is_apart(other) == is_apart(&one) && are_alike(&other.traces, &one.traces);
        let is_told = |other: &Ranked| {
            let common = other.traces.and(&one.traces).common(&ground.inside);
            !is_apart(other) && other.outside <= one.outside && common as f64 >= ALIKE * one.inside as f64
        };
        let is_beside = |other: &&Ranked| place(other, things) == place(&one, things);
        if is_pair && kept.iter().any(|other| is_same(other) || is_told(other)) {
            continue;
        }
        match kept.iter().position(is_same) {
            Some(at) => kept[at].alike.push(one.things[0]),
            None if kept.iter().filter(is_beside).count() < most => kept.push(one),
            None => continue,
        }
        told.extend(families);
    }
    kept
}

#[cfg(test)]
mod tests;
