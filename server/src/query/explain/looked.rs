//! Which traces are looked at, and on which side they are.
//!
//! Candidates of either side are named by pieces: of all of the time, or of even slices of it where there would be too
//! many. Of very many those of even runs are taken, as few in number and as long as slices, because pieces lie in the
//! order of time; of these as many as are wanted by a hash of their ids. All their pieces together tell on which side
//! they are, or their spans where pieces cannot. A candidate counts for a side by its first piece that names it, so that
//! each has the same chance to be looked at, however many pieces it has.

use std::collections::HashSet;

use model::query::Query;
use model::view::Scanned;
use model::{ApiError, Scope, Timestamp, TraceId};

use super::plan::{Decided, Members, Part, Sought};
use super::slices::{Density, Slices, runs};
use crate::limits::{
    EXPLAIN_FEW_TRACES, EXPLAIN_MAX_TRACES, EXPLAIN_SLICED_PIECES, EXPLAIN_TIMED_TRACES,
    EXPLAIN_VERIFIED_TRACES, EXPLAIN_WHOLE_PIECES,
};
use crate::query::Queries;
use crate::query::facts::settled_plan;
use crate::query::verify::{Range, Verify};
use crate::storage::reader::{Plan, Settled, Side, Traits};

/// The traces of both sides that were looked at.
#[derive(Default)]
pub struct Looked {
    pub traits: Vec<Traits>,
    pub is_inside: Vec<bool>,
    /// Some of them, and how they settled.
    pub timed: HashSet<TraceId>,
    pub settled: Vec<Settled>,
    /// About how many there are.
    pub of_inside: u64,
    pub of_outside: u64,
    pub scanned: Scanned,
}

/// Candidates of a side.
#[derive(Default)]
struct Chosen {
    traces: HashSet<TraceId>,
    slices: Slices,
    /// How many there are in the slices.
    total: u64,
}

/// Those that spans say are found, where they were asked.
#[derive(Default)]
struct Judged {
    base: Option<HashSet<TraceId>>,
    region: Option<HashSet<TraceId>>,
}

impl Chosen {
    /// Of how many those are that were found among the chosen.
    fn of(&self, found: usize) -> u64 {
        if self.traces.is_empty() {
            return 0;
        }
        let share = self.slices.share() * self.traces.len() as f64 / self.total as f64;
        (found as f64 / share).round() as u64
    }
}

/// Some of them, evenly among their ids, which may tell the time.
fn some<'t>(traces: impl Iterator<Item = &'t TraceId>, most: usize) -> Vec<TraceId> {
    let mut all: Vec<TraceId> = traces.copied().collect();
    all.sort_unstable();
    let wanted = most.min(all.len());
    (0..wanted).map(|number| all[number * all.len() / wanted]).collect()
}

/// Pieces that may have twice as many traces as are enough, where the first slices had so few: these say little of how
/// many there are, and a quarter of all often has enough.
fn wider(found: u64, pieces: u64) -> u64 {
    let wanted = EXPLAIN_SLICED_PIECES * 2 * EXPLAIN_FEW_TRACES as u64 / found.max(1);
    wanted.min((pieces / 4).max(EXPLAIN_WHOLE_PIECES))
}

impl Members {
    /// On which side a trace is; none if on neither, or if it was not chosen for it.
    fn side(&self, one: &Traits, judged: &Judged, inside: &Chosen, outside: &Chosen) -> Option<bool> {
        let is = |judged: &Option<HashSet<TraceId>>, hit: bool| match judged {
            Some(found) => found.contains(&one.trace_id),
            None => hit,
        };
        let within = |range: Range| range.from <= one.begins && one.begins < range.to;
        let lasts = |decided: &Decided| {
            let length = one.ends.since(one.begins).0;
            length >= decided.min && length < decided.max
        };
        if !is(&judged.base, one.first_base.is_some()) || !within(self.range) || !lasts(&self.base) {
            return None;
        }
        let is_inside =
            is(&judged.region, one.first_region.is_some()) && within(self.inside) && lasts(&self.region);
        let chosen = if is_inside { inside } else { outside };
        let named_by = if self.is_by_region(is_inside) { one.first_region } else { one.first_base };
        let is_chosen =
            chosen.traces.contains(&one.trace_id) && named_by.is_some_and(|time| chosen.slices.has(time));
        is_chosen.then_some(is_inside)
    }
}

impl Queries {
    /// `base` and `region` are what the members' conditions were made of.
    pub(super) async fn look_at_sides(
        &self,
        scope: &Scope,
        members: &Members,
        (base, region): (&Query, &Query),
    ) -> Result<Looked, ApiError> {
        let (mut scanned, inside, outside) = self.chosen(scope, members).await?;
        let mut traces: Vec<TraceId> = inside.traces.union(&outside.traces).copied().collect();
        traces.sort_unstable();
        if traces.is_empty() {
            return Ok(Looked { scanned, ..Looked::default() });
        }
        let others = outside.traces.difference(&inside.traces);
        let timed =
            [some(inside.traces.iter(), EXPLAIN_TIMED_TRACES), some(others, EXPLAIN_TIMED_TRACES)].concat();
        let settled = settled_plan(scope, &timed);
        let plan = members.traits_plan(scope, &traces);
        let ((traits, cost), settled) =
            tokio::try_join!(self.reader.traits(&plan), self.reader.settled(&settled))?;
        // Spans need not be asked about what no piece names.
        let named = |by: fn(&Traits) -> Option<Timestamp>| -> Vec<TraceId> {
            traits.iter().filter(|one| by(one).is_some()).map(|one| one.trace_id).collect()
        };
        let (by_base, by_region) = (named(|one| one.first_base), named(|one| one.first_region));
        let ((judged_base, more), (judged_region, further)) = tokio::try_join!(
            self.judged(scope, &members.base, base, &by_base, members.range),
            self.judged(scope, &members.region, region, &by_region, members.inside)
        )?;
        [more, further, cost].into_iter().for_each(|cost| scanned.add(cost));
        let judged = Judged { base: judged_base, region: judged_region };
        let timed = timed.into_iter().collect();
        let mut looked = Looked { scanned, timed, settled, ..Looked::default() };
        for one in traits {
            if let Some(is_inside) = members.side(&one, &judged, &inside, &outside) {
                looked.is_inside.push(is_inside);
                looked.traits.push(one);
            }
        }
        let found = looked.is_inside.iter().filter(|is_inside| **is_inside).count();
        looked.of_inside = inside.of(found);
        looked.of_outside = outside.of(looked.is_inside.len() - found);
        Ok(looked)
    }

    async fn chosen(&self, scope: &Scope, members: &Members) -> Result<(Scanned, Chosen, Chosen), ApiError> {
        let granules = members.granules_plan(scope);
        let (of_inside, of_outside, (granules, mut scanned)) = tokio::try_join!(
            self.estimate(members.estimate_plan(scope, true)),
            self.estimate(members.estimate_plan(scope, false)),
            async { self.reader.granules(&granules).await.map_err(ApiError::from) }
        )?;
        let mut density = Density::none(members.range);
        granules.into_iter().for_each(|(begins, ends, pieces)| density.add(begins, ends, pieces));
        let pieces = |is_inside, estimate: Option<u64>| {
            estimate.unwrap_or_else(|| density.within(members.time(is_inside)))
        };
        let (mut of_inside, of_outside) = (pieces(true, of_inside), pieces(false, of_outside));
        // Of what a query hits that says nothing of the base, hardly anything may be of so few.
        let is_of_base = members.is_named_by_both() && of_outside <= EXPLAIN_WHOLE_PIECES;
        if is_of_base {
            of_inside = of_inside.min(of_outside);
        }
        let slices = Slices::of(members.range, &density, of_outside, EXPLAIN_SLICED_PIECES);
        let mut first = (None, None);
        if let Some(plan) = members.both_plan(scope, &slices).filter(|_| of_inside > of_outside / 2) {
            let ([outside, inside], cost) = self.reader.sides(&plan).await?;
            scanned.add(cost);
            first = (Some((slices.clone(), inside)), Some((slices, outside)));
        }
        let (inside, outside) =
            (Sought { is_inside: true, is_of_base }, Sought { is_inside: false, is_of_base: false });
        let (inside, outside) = tokio::try_join!(
            self.choose(scope, members, inside, &density, of_inside, first.0),
            self.choose(scope, members, outside, &density, of_outside, first.1)
        )?;
        scanned.add(inside.1);
        scanned.add(outside.1);
        Ok((scanned, inside.0, outside.0))
    }

    async fn estimate(&self, plan: Option<Plan>) -> Result<Option<u64>, ApiError> {
        match plan {
            Some(plan) => Ok(Some(self.reader.estimate(&plan).await?)),
            None => Ok(None),
        }
    }

    /// Traces of a side; those of its slices may have been found already. Where slices have few, wider ones are looked
    /// at, and then all of the time.
    async fn choose(
        &self,
        scope: &Scope,
        members: &Members,
        side: Sought,
        density: &Density,
        pieces: u64,
        first: Option<(Slices, Side)>,
    ) -> Result<(Chosen, Scanned), ApiError> {
        let time = members.time(side.is_inside);
        let (mut of, mut found, mut scanned) = match first {
            Some((slices, found)) => (Part::Slices(slices), found, Scanned::default()),
            None => {
                let of = Part::Slices(Slices::of(time, density, pieces, EXPLAIN_SLICED_PIECES));
                let (found, cost) = self.candidates(scope, members, side, &of).await?;
                (of, found, cost)
            }
        };
        if !of.is_whole() && found.of < EXPLAIN_FEW_TRACES as u64 {
            let slices = Slices::of(time, density, pieces, wider(found.of, pieces));
            for part in [Part::Slices(slices), Part::Rare] {
                let (more, cost) = self.candidates(scope, members, side, &part).await?;
                scanned.add(cost);
                (of, found) = (part, more);
                if found.of >= EXPLAIN_FEW_TRACES as u64 / 2 {
                    break;
                }
            }
        }
        let total = found.of;
        let looked_through = pieces as f64 * of.slices().map_or(1.0, Slices::share);
        let most = match members.is_exact() {
            // Each may be a granule of wide columns.
            _ if looked_through > EXPLAIN_WHOLE_PIECES as f64 => EXPLAIN_FEW_TRACES,
            true => EXPLAIN_MAX_TRACES,
            false => EXPLAIN_VERIFIED_TRACES,
        };
        let found = match of {
            Part::Rare => found.candidates,
            Part::Slices(_) => runs(found.candidates, EXPLAIN_SLICED_PIECES as usize),
        };
        let traces: HashSet<TraceId> = found.into_iter().take(most).map(|one| one.trace_id).collect();
        if !of.is_whole() || total > traces.len() as u64 {
            self.reached.note("explain");
        }
        Ok((Chosen { traces, slices: of.slices().cloned().unwrap_or_default(), total }, scanned))
    }

    async fn candidates(
        &self,
        scope: &Scope,
        members: &Members,
        side: Sought,
        of: &Part,
    ) -> Result<(Side, Scanned), ApiError> {
        let plan = members.candidates_plan(scope, side, of);
        let ([outside, inside], scanned) = self.reader.sides(&plan).await?;
        Ok((if side.is_inside { inside } else { outside }, scanned))
    }

    /// Those of the traces that the query finds, where pieces do not decide.
    async fn judged(
        &self,
        scope: &Scope,
        decided: &Decided,
        query: &Query,
        traces: &[TraceId],
        range: Range,
    ) -> Result<(Option<HashSet<TraceId>>, Scanned), ApiError> {
        if decided.is_exact {
            return Ok((None, Scanned::default()));
        }
        let verified = self.verify_showing(scope, &Verify::new(query)?, traces, range, 1).await?;
        let found = verified.found.into_iter().filter(|found| found.spans > 0);
        Ok((Some(found.map(|found| found.trace_id).collect()), verified.scanned))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Timestamp;

    const DAY: u64 = 86_400_000_000_000;

    fn members(region: &str) -> Members {
        let range = Range { from: Timestamp(0), to: Timestamp(DAY) };
        let decided = |text: &str, prefix| Decided::of(&model::query::read(text).unwrap(), prefix);
        Members { range, inside: range, base: decided("", "base"), region: decided(region, "part") }
    }

    fn id(number: u8) -> TraceId {
        TraceId([number; 16])
    }

    fn trace(number: u8, begins: u64, length: u64, first_region: Option<u64>) -> Traits {
        Traits {
            trace_id: id(number),
            begins: Timestamp(begins),
            ends: Timestamp(begins + length),
            first_base: Some(Timestamp(begins)),
            first_region: first_region.map(Timestamp),
            ..Traits::default()
        }
    }

    fn chosen(numbers: &[u8], slices: Slices, total: u64) -> Chosen {
        Chosen { traces: numbers.iter().map(|number| id(*number)).collect(), slices, total }
    }

    #[test]
    fn a_trace_counts_for_the_side_it_was_chosen_for() {
        let members = members("error trace_duration>=5ns");
        let (inside, outside) =
            (chosen(&[1, 2], Slices::default(), 2), chosen(&[2, 3, 4], Slices::default(), 9));
        let side = |one: &Traits| members.side(one, &Judged::default(), &inside, &outside);
        assert_eq!(side(&trace(1, 10, 5, Some(10))), Some(true));
        assert_eq!(side(&trace(2, 10, 4, Some(10))), Some(false), "too short to be meant");
        assert_eq!(side(&trace(1, 10, 4, Some(10))), None, "not chosen among the others");
        assert_eq!(side(&trace(3, 10, 9, None)), Some(false));
        assert_eq!(side(&trace(3, DAY, 9, None)), None, "not of the search");
        let judged = Judged { region: Some(HashSet::from([id(2)])), ..Judged::default() };
        assert_eq!(
            members.side(&trace(2, 10, 5, None), &judged, &inside, &outside),
            None,
            "nothing named it"
        );
        assert_eq!(members.side(&trace(4, 10, 5, Some(10)), &judged, &inside, &outside), Some(false));
        // What was found stands for more.
        assert_eq!((inside.of(2), outside.of(2), chosen(&[], Slices::default(), 0).of(0)), (2, 6, 0));
    }

    /// However many of its pieces lie in slices, it is looked at with the chance that one has.
    #[test]
    fn of_a_slice_are_traces_whose_first_piece_lies_in_it() {
        let members = members("error");
        let mut density = Density::none(members.range);
        density.add(members.range.from, members.range.to, 1_200_000);
        let slices = Slices::of(members.range, &density, 1_200_000, EXPLAIN_SLICED_PIECES);
        let sliced = |numbers| chosen(numbers, slices.clone(), 2);
        let at = |is_in: bool| (0..DAY).step_by(1_000_000_000).find(|at| slices.has(Timestamp(*at)) == is_in);
        let (within, without) = (at(true).unwrap(), at(false).unwrap());
        let side = |one: &Traits| members.side(one, &Judged::default(), &sliced(&[1]), &sliced(&[2]));
        assert_eq!(side(&trace(1, without, 5, Some(within))), Some(true), "by what makes it meant");
        assert_eq!(side(&trace(1, within, 5, Some(without))), None);
        assert_eq!(side(&trace(2, within, 5, None)), Some(false));
        assert_eq!(side(&trace(2, without, 5, None)), None);
        assert_eq!(sliced(&[1, 2]).of(2), 200);
    }
}
