//! Which traces' spans to read, so that what may set the two sides apart gets a name. Pieces know values as tokens only;
//! a few traces together have all of those that matter. Pure.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use model::TraceId;

use super::rank::LEAST_EFFECT;
use super::things::LEAST_TRACES;
use crate::limits::EXPLAIN_NAMED_TRACES;
use crate::storage::reader::Traits;

/// Each is looked for in several traces, to learn in which services it occurs.
const TIMES: u8 = 3;
/// Traces that have at least so many that are still wanted are taken first.
const GAINS: [usize; 4] = [32, 8, 2, 1];

/// Traces that name what matters, and how many tokens were compared to find out what does.
pub fn to_name(traits: &[Traits], is_inside: &[bool]) -> (Vec<TraceId>, usize) {
    let mut counts: HashMap<u32, [u32; 2], FixedState> = HashMap::default();
    let mut of = [0u32; 2];
    for (one, is_inside) in traits.iter().zip(is_inside) {
        of[usize::from(*is_inside)] += 1;
        for token in &one.tokens {
            counts.entry(*token).or_default()[usize::from(*is_inside)] += 1;
        }
    }
    let all = traits.len();
    counts.retain(|_, count| (LEAST_TRACES..all).contains(&((count[0] + count[1]) as usize)));
    let compared = counts.len();
    let share = |count: &[u32; 2], side: usize| f64::from(count[side]) / f64::from(of[side].max(1));
    counts.retain(|_, count| share(count, 1) - share(count, 0) >= LEAST_EFFECT);
    (covering(traits, is_inside, &counts), compared)
}

/// Traces inside that have each of the tokens, and each key of a number.
fn covering(
    traits: &[Traits],
    is_inside: &[bool],
    tokens: &HashMap<u32, [u32; 2], FixedState>,
) -> Vec<TraceId> {
    let mut number_of: HashMap<u32, usize, FixedState> = HashMap::default();
    let mut number_of_key: HashMap<&str, usize, FixedState> = HashMap::default();
    let mut next = 0;
    let mut numbered = || {
        next += 1;
        next - 1
    };
    let mut wanted: Vec<(TraceId, Vec<usize>)> = Vec::new();
    for (one, _) in traits.iter().zip(is_inside).filter(|(_, is_inside)| **is_inside) {
        let mut has: Vec<usize> = Vec::new();
        for token in one.tokens.iter().filter(|token| tokens.contains_key(token)) {
            has.push(*number_of.entry(*token).or_insert_with(&mut numbered));
        }
        for (key, ..) in &one.numbers {
            has.push(*number_of_key.entry(key).or_insert_with(&mut numbered));
        }
        wanted.push((one.trace_id, has));
    }
    let mut left = vec![TIMES; next];
    let mut taken: Vec<TraceId> = Vec::new();
    for least in GAINS {
        wanted.retain(|(trace, has)| {
            let gain = has.iter().filter(|number| left[**number] > 0).count();
            if gain < least || taken.len() >= EXPLAIN_NAMED_TRACES {
                return true;
            }
            taken.push(*trace);
            has.iter().for_each(|number| left[*number] = left[*number].saturating_sub(1));
            false
        });
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(number: u8, tokens: &[u32]) -> Traits {
        Traits { trace_id: TraceId([number; 16]), tokens: tokens.to_vec(), ..Traits::default() }
    }

    #[test]
    fn few_traces_name_all_that_may_matter() {
        // All inside have 7 and every other 8; 9 is as frequent outside, and each has one of its own.
        let traits: Vec<Traits> = (0..100u8)
            .map(|number| {
                let own = 1_000 + u32::from(number);
                match (number < 40, number % 2) {
                    (true, 0) => trace(number, &[7, 8, 9, own]),
                    (true, _) => trace(number, &[7, own]),
                    (false, 0) => trace(number, &[9, own]),
                    (false, _) => trace(number, &[own]),
                }
            })
            .collect();
        let is_inside: Vec<bool> = (0..100).map(|number| number < 40).collect();
        let (taken, compared) = to_name(&traits, &is_inside);
        assert_eq!(compared, 3);
        let with = |token: u32| {
            let is_taken = |one: &&Traits| taken.contains(&one.trace_id) && one.tokens.contains(&token);
            traits.iter().filter(is_taken).count()
        };
        assert!(with(7) >= 3 && with(8) >= 3 && taken.len() <= 6, "{taken:?}");
    }

    #[test]
    fn keys_of_numbers_are_named_too_and_traces_are_bounded() {
        let mut one = trace(1, &[]);
        one.numbers.push(("items".into(), 1.0, 2.0));
        let (taken, _) = to_name(&[one, trace(2, &[])], &[true, true]);
        assert_eq!(taken, [TraceId([1; 16])]);
        let many: Vec<Traits> = (0..200u8)
            .map(|number| {
                let mut one = trace(number, &[]);
                one.numbers.push((format!("k{number}"), 1.0, 2.0));
                one
            })
            .collect();
        assert_eq!(to_name(&many, &[true; 200]).0.len(), EXPLAIN_NAMED_TRACES);
    }
}
