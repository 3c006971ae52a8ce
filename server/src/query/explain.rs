//! What sets some traces of a search apart from the others: which values, services, operations and makers of spans.
//!
//! Which traces are looked at is `looked`'s matter: all of a few, an even share of many. What they have is told by the
//! tokens of their pieces, and spans of a few of them give those tokens names that may matter (`names`). Ranking is
//! `rank`'s, and pure.

use model::query::{Problem, Query, edit};
use model::view::{Explanation, Finding, Region, Scanned, TraceSearch};
use model::{ApiError, Nanos, Scope, Timestamp, TraceId};

use super::Queries;
use super::search::question::parsed;
use super::search::scopes::each_field;
use super::search::{range_of, read_question};
use super::verify::Range;
use crate::limits::EXPLAIN_MAX_FINDINGS;
use crate::storage::reader::{Arrived, Said, Traits};

mod looked;
mod names;
mod numbers;
mod plan;
pub mod rank;
mod slices;
mod stats;
mod things;
mod what;

use looked::Looked;
use plan::{Decided, Members};
use rank::{Bits, Ground, Ranked};
pub use things::LEAST_TRACES;
use things::{Things, Times};
pub use what::is_of_failure;
use what::{What, tells_of_failure};

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

    fn members(&self, base: &Query, region: &Query) -> Members {
        let mut region = Decided::of(region, "part");
        region.min = region.min.max(self.region.min_duration.map_or(0, |length| length.0));
        region.max = region.max.min(self.region.max_duration.map_or(u64::MAX, |length| length.0));
        Members { range: self.range, inside: self.inside, base: Decided::of(base, "base"), region }
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

#[expect(clippy::needless_pass_by_value, reason = "it is what becomes of an error")]
fn unranked(error: tokio::task::JoinError) -> ApiError {
    tracing::error!(%error, "traces could not be ranked");
    let hint = "this is a fault in Skein; its log has the details";
    ApiError::new(model::ErrorCode::Internal, "the traces could not be explained", hint)
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
        let mut base = read_question(&question.base)?;
        let mut region = read_question(&TraceSearch { q: region.q.clone(), ..TraceSearch::default() })?;
        tokio::try_join!(
            self.find_scopes(scope, &mut base.pipeline),
            self.find_scopes(scope, &mut region.pipeline)
        )?;
        let members = question.members(&base, &region);
        let mut is_of_failures = false;
        each_field(&mut region.pipeline, &mut |field| is_of_failures |= tells_of_failure(field));
        let looked = self.look_at_sides(scope, &members, (&base, &region)).await?;
        let mut found =
            Explanation { inside: looked.of_inside, outside: looked.of_outside, ..Explanation::default() };
        found.looked_inside = looked.is_inside.iter().filter(|is_inside| **is_inside).count() as u32;
        found.looked_outside = looked.is_inside.len() as u32 - found.looked_inside;
        let mut scanned = looked.scanned;
        if found.looked_inside > 0 && found.looked_outside > 0 {
            let named = tokio::task::spawn_blocking(move || {
                let named = names::to_name(&looked.traits, &looked.is_inside);
                (looked, named)
            });
            let (looked, (to_name, compared)) = named.await.map_err(unranked)?;
            let ((said, cost), (makers, more), times) = tokio::try_join!(
                self.said(scope, &to_name),
                async { self.reader.makers(&plan::makers_plan(scope)).await.map_err(ApiError::from) },
                self.times(scope, &looked)
            )?;
            scanned.add(cost);
            scanned.add(more);
            let Looked { traits, is_inside, .. } = looked;
            let ranked = tokio::task::spawn_blocking(move || {
                let mut things = Things::of(&traits, &said, &makers, &times);
                if is_of_failures {
                    things.tell_symptoms();
                }
                let (ground, ids) = ground(&is_inside, &things, &traits);
                let left_out = compared.saturating_sub(things.named);
                let (ranked, tried) = rank::rank(&ground, &things.things, left_out, EXPLAIN_MAX_FINDINGS);
                (ranked, tried, things, ground.inside, ids)
            });
            let (ranked, tried, things, inside, ids) = ranked.await.map_err(unranked)?;
            found.tried = tried as u32;
            found.findings = ranked
                .iter()
                .map(|one| told(&question, &things, one, (&inside, &ids)))
                .collect::<Result<_, _>>()?;
        }
        found.scanned = scanned;
        Ok(found)
    }

    async fn said(&self, scope: &Scope, traces: &[TraceId]) -> Result<(Vec<Said>, Scanned), ApiError> {
        match traces.is_empty() {
            true => Ok(Default::default()),
            false => Ok(self.reader.said(&plan::said_plan(scope, traces)).await?),
        }
    }

    /// Whom some traces of either side waited for.
    async fn times(&self, scope: &Scope, looked: &Looked) -> Result<Times, ApiError> {
        let is_timed = |at: &usize| looked.timed.contains(&looked.traits[*at].trace_id);
        let some: Vec<usize> = (0..looked.traits.len()).filter(is_timed).collect();
        let arrived = some.iter().map(|at| Arrived {
            trace_id: looked.traits[*at].trace_id,
            spans: looked.traits[*at].spans,
            in_flight: false,
        });
        let mut facts = self.facts_of(scope, arrived.collect(), looked.settled.clone()).await?;
        let time = |at: &usize| Some((*at, facts.remove(&looked.traits[*at].trace_id)?.critical));
        Ok(some.iter().filter_map(time).collect())
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
        is_symptom: things.things[one.things[0]].is_symptom,
        goes_with: one.goes_with.map(|service| things.services[service].clone()),
        alike: alike.collect(),
        q: question.text(&whats).map_err(unreadable)?,
        examples: one.traces.first_in(inside, EXAMPLES).into_iter().map(|at| ids[at]).collect(),
        spans: whats.iter().map(|what| what.shown()).collect(),
    })
}
