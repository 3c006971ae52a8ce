//! What sets some traces of a search apart from the others: which values, services, operations and makers of spans.
//!
//! Where pieces alone decide which traces are inside, all traces count, or an even share of a great many; otherwise a
//! sample is looked at in `spans`. What they have is then told by the tokens of their pieces, and spans of a few give
//! the tokens their names. Ranking is `rank`'s, and pure.

use std::collections::HashMap;

use model::query::Problem;
use model::query::edit;
use model::view::{Explanation, Finding, Region, Scanned, TraceSearch};
use model::{ApiError, Nanos, Scope, Timestamp, TraceId};

use super::Queries;
use super::search::question::parsed;
use super::search::{range_of, read_question};
use super::verify::{Range, Verify};
use crate::limits::{EXPLAIN_MAX_FINDINGS, EXPLAIN_NAMED_TRACES, EXPLAIN_TIMED_TRACES};
use crate::storage::reader::{Member, Traits};

mod numbers;
mod plan;
pub mod rank;
mod stats;
mod things;
mod what;

use plan::{Decided, Members};
use rank::{Bits, Ground, Ranked};
use things::{Things, Times};
use what::What;

/// Traces shown of each finding.
const EXAMPLES: usize = 3;

/// The question, read and bounded.
struct Question {
    /// All traces it is about.
    base: TraceSearch,
    range: Range,
    /// Those to be explained: the base's query, and the region's beside it.
    region: Region,
    inside: Range,
    inside_q: String,
}

/// Which traces are looked at, and how many there are of each side.
#[derive(Default)]
struct Looked {
    members: Vec<Member>,
    traits: Vec<Traits>,
    scanned: Scanned,
}

impl Question {
    fn new(asked: &TraceSearch, region: &Region, now: Timestamp) -> Result<Question, ApiError> {
        if *region == Region::default() {
            return Err(ApiError::bad_request(
                "nothing is selected that could be explained",
                "give a query, a part of the time or bounds of the duration for the traces in question",
            ));
        }
        if region.min_duration.zip(region.max_duration).is_some_and(|(min, max)| min >= max) {
            return Err(ApiError::bad_request(
                "min_duration is not below max_duration",
                "swap them, or leave one out",
            ));
        }
        let end = asked.end.unwrap_or(now.plus(Nanos(1)));
        let range = range_of(asked.start, Some(end))?;
        let start = region.start.unwrap_or(range.from).max(range.from);
        let inside = range_of(Some(start), Some(region.end.unwrap_or(range.to).min(range.to)))?;
        let base =
            TraceSearch { start: Some(range.from), end: Some(range.to), cursor: None, ..asked.clone() };
        let (base_q, region_q) =
            (base.q.as_deref().unwrap_or_default(), region.q.as_deref().unwrap_or_default());
        // Read apart, so that ranges of problems fit what was written.
        for text in [base_q, region_q] {
            if parsed(text)?.metric.is_some() {
                return Err(ApiError::bad_request(
                    "a metric makes series, not traces",
                    "leave the metric out",
                ));
            }
        }
        let inside_q = edit::beside(base_q, region_q).map_err(unreadable)?;
        Ok(Question { range, inside, inside_q, region: region.clone(), base })
    }

    /// The search for those inside.
    fn inside(&self) -> TraceSearch {
        TraceSearch {
            q: Some(self.inside_q.clone()).filter(|q| !q.is_empty()),
            start: Some(self.inside.from),
            end: Some(self.inside.to),
            min_duration: self.region.min_duration,
            max_duration: self.region.max_duration.map(|longest| Nanos(longest.0.saturating_sub(1))),
            ..TraceSearch::default()
        }
    }

    /// Where pieces decide.
    fn members(&self) -> Result<Option<Members>, ApiError> {
        let base = Decided::of(&read_question(&self.base)?, "base");
        let region = TraceSearch { q: self.region.q.clone(), ..TraceSearch::default() };
        let region = Decided::of(&read_question(&region)?, "part");
        let (Some(base), Some(mut region)) = (base, region) else { return Ok(None) };
        region.min = region.min.max(self.region.min_duration.map_or(0, |length| length.0));
        region.max = region.max.min(self.region.max_duration.map_or(u64::MAX, |length| length.0));
        Ok(Some(Members { range: self.range, inside: self.inside, base, region }))
    }

    /// The text of the search for traces inside that have all of this.
    fn text(&self, whats: &[&What]) -> Result<String, Vec<Problem>> {
        let mut bounds = Vec::new();
        for (op, length) in [(">=", self.region.min_duration), ("<", self.region.max_duration)] {
            bounds.extend(length.map(|length| format!("traceDuration {op} {}ns", length.0)));
        }
        let mut text = self.inside_q.clone();
        if !bounds.is_empty() {
            text = edit::beside(&text, &format!("{{ {} }}", bounds.join(" && ")))?;
        }
        for what in whats {
            text = edit::beside(&text, &what.text()?)?;
        }
        Ok(text)
    }
}

fn unreadable(problems: Vec<Problem>) -> ApiError {
    let message = problems.into_iter().next().map(|problem| problem.message).unwrap_or_default();
    ApiError::bad_request(message, "see the query language's guide")
}

impl Queries {
    pub async fn explain(
        &self,
        scope: &Scope,
        asked: &TraceSearch,
        region: &Region,
        now: Timestamp,
    ) -> Result<Explanation, ApiError> {
        let start = match asked.start {
            Some(start) => start,
            None => self.earliest(scope, asked, now).await?,
        };
        let question = Question::new(&TraceSearch { start: Some(start), ..asked.clone() }, region, now)?;
        let Looked { members, traits, mut scanned } = match question.members()? {
            Some(members) => self.look_at_all(scope, &members).await?,
            None => self.look_at_sample(scope, &question).await?,
        };
        let side = |is_inside: bool| members.iter().filter(move |member| member.is_inside == is_inside);
        let total = |is_inside: bool| side(is_inside).next().map_or(0, |member| member.of);
        let mut found = Explanation { inside: total(true), outside: total(false), ..Explanation::default() };
        let inside_of: HashMap<TraceId, bool> = members.iter().map(|m| (m.trace_id, m.is_inside)).collect();
        // What arrived between the two statements is known to one of them only.
        let traits: Vec<Traits> =
            traits.into_iter().filter(|traits| inside_of.contains_key(&traits.trace_id)).collect();
        let is_inside = |traits: &Traits| inside_of.get(&traits.trace_id) == Some(&true);
        found.looked_inside = traits.iter().filter(|traits| is_inside(traits)).count() as u32;
        found.looked_outside = traits.len() as u32 - found.looked_inside;
        if found.looked_inside > 0 && found.looked_outside > 0 {
            let some = |most: usize| -> Vec<TraceId> {
                let some = |is_inside: bool| side(is_inside).take(most).map(|m| m.trace_id);
                some(true).chain(some(false)).collect()
            };
            let said = plan::said_plan(scope, &some(EXPLAIN_NAMED_TRACES));
            let (makers, timed) = (plan::makers_plan(scope), some(EXPLAIN_TIMED_TRACES));
            let ((said, cost), (makers, more), facts) = tokio::try_join!(
                async { self.reader.said(&said).await.map_err(ApiError::from) },
                async { self.reader.makers(&makers).await.map_err(ApiError::from) },
                self.facts(scope, &timed)
            )?;
            scanned.add(cost);
            scanned.add(more);
            let sides: Vec<bool> = traits.iter().map(is_inside).collect();
            let times: Times = traits
                .iter()
                .enumerate()
                .filter_map(|(at, one)| Some((at, facts.get(&one.trace_id)?.critical.clone())))
                .collect();
            let ranked = tokio::task::spawn_blocking(move || {
                let things = Things::of(&traits, &said, &makers, &times);
                let (ground, ids) = ground(&sides, &things, &traits);
                let (ranked, tried) = rank::rank(&ground, &things.things, EXPLAIN_MAX_FINDINGS);
                (ranked, tried, things, ground.inside, ids)
            });
            let (ranked, tried, things, inside, ids) = ranked.await.map_err(|error| {
                tracing::error!(%error, "traces could not be ranked");
                let hint = "this is a fault in Skein; its log has the details";
                ApiError::new(model::ErrorCode::Internal, "the traces could not be explained", hint)
            })?;
            found.tried = tried as u32;
            found.findings = ranked
                .iter()
                .map(|one| told(&question, &things, one, (&inside, &ids)))
                .collect::<Result<_, _>>()?;
        }
        found.scanned = scanned;
        Ok(found)
    }

    async fn look_at_all(&self, scope: &Scope, members: &Members) -> Result<Looked, ApiError> {
        let (chosen, mut scanned) = self.reader.members(&members.plan(scope)).await?;
        let (traits, cost) = self.reader.traits(&members.traits_plan(scope)).await?;
        scanned.add(cost);
        Ok(Looked { members: chosen, traits, scanned })
    }

    /// Candidates of both sides are looked at in `spans`, chosen by a hash of their ids.
    async fn look_at_sample(&self, scope: &Scope, question: &Question) -> Result<Looked, ApiError> {
        let asked = question.inside();
        let ((mut inside, found_inside, mut scanned), (base, found_base, cost)) =
            tokio::try_join!(self.sampled(scope, &asked), self.sampled(scope, &question.base))?;
        scanned.add(cost);
        let query = read_question(&asked)?;
        let verify = Verify::new(&query)?;
        let checked = self.verify_showing(scope, &verify, &base, question.inside, 1).await?;
        let bounds = |length: Nanos| {
            question.region.min_duration.is_none_or(|least| length >= least)
                && question.region.max_duration.is_none_or(|most| length < most)
        };
        let also: Vec<TraceId> = checked
            .found
            .iter()
            .filter(|found| found.spans > 0 && bounds(found.length))
            .map(|found| found.trace_id)
            .collect();
        inside.extend(also);
        inside.sort_unstable();
        inside.dedup();
        let outside: Vec<TraceId> = base.into_iter().filter(|id| inside.binary_search(id).is_err()).collect();
        scanned.add(checked.scanned);
        let of_inside = found_inside.max(inside.len() as u64);
        let of_outside = found_base.saturating_sub(of_inside).max(outside.len() as u64);
        let side = |is_inside: bool, of: u64| move |trace_id: TraceId| Member { trace_id, is_inside, of };
        let members: Vec<Member> = inside
            .into_iter()
            .map(side(true, of_inside))
            .chain(outside.into_iter().map(side(false, of_outside)))
            .collect();
        let ids: Vec<TraceId> = members.iter().map(|member| member.trace_id).collect();
        if ids.is_empty() {
            return Ok(Looked { scanned, ..Looked::default() });
        }
        let (traits, cost) = self.reader.traits(&plan::traits_plan(scope, question.range, &ids)).await?;
        scanned.add(cost);
        Ok(Looked { members, traits, scanned })
    }
}

fn ground(sides: &[bool], things: &Things, traits: &[Traits]) -> (Ground, Vec<TraceId>) {
    let (mut inside, mut outside) = (Bits::none(sides.len()), Bits::none(sides.len()));
    for (at, is_inside) in sides.iter().enumerate() {
        if *is_inside { inside.set(at) } else { outside.set(at) }
    }
    let ids = traits.iter().map(|traits| traits.trace_id).collect();
    (Ground { inside, outside, services: things.service_traces.clone() }, ids)
}

fn told(
    question: &Question,
    things: &Things,
    one: &Ranked,
    (inside, ids): (&Bits, &[TraceId]),
) -> Result<Finding, ApiError> {
    let whats: Vec<&What> = one.things.iter().map(|at| &things.whats[*at]).collect();
    let alike = one.alike.iter().filter_map(|at| things.whats[*at].text().ok());
    Ok(Finding {
        inside: one.inside as u32,
        outside: one.outside as u32,
        of_inside: one.of.0 as u32,
        of_outside: one.of.1 as u32,
        chance: one.chance,
        goes_with: one.goes_with.map(|service| things.services[service].clone()),
        alike: alike.collect(),
        q: question.text(&whats).map_err(unreadable)?,
        examples: one.traces.first_in(inside, EXAMPLES).into_iter().map(|at| ids[at]).collect(),
        spans: whats.iter().map(|what| what.shown()).collect(),
    })
}
