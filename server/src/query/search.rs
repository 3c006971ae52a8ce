//! Search: pages of traces, newest first or by what is largest.
//!
//! `pieces` names candidates, `spans` tells which of them match. Newest first, a trace's place in the order is the
//! start of its earliest piece that is worth a look, then its id: a matter of `pieces` alone, so that a cursor is simply
//! a place, and means the same whatever arrives meanwhile. The walk goes back through windows of time that widen while
//! they are poor. A trace with such a piece before the window is left for the window it belongs to, so that each is
//! found exactly once. Candidates of several poor windows are looked at together (`search::gather`). Where nearly all of
//! them match, what results say of them is asked for at once.
//!
//! An answer can be had in parts (`search::parts`): what was found is handed on before older times are looked through.

use std::collections::HashSet;
use std::time::Instant;

use model::query::Query;
use model::query::ast::Pipeline;
use model::view::{Matches, Scanned, SearchOrder, SearchPage, TraceSearch, TraceSummary};
use model::{ApiError, Scope, Timestamp, TraceId};

use super::facts::settled_plan;
use super::plan::Narrow;
use super::plan::narrow::{self, Hint, OfGroup};
use super::verify::{Range, Verified, Verify, summaries_plan};
use super::{NUMBER, Queries, list};
use crate::limits::{
    SEARCH_CHUNK_MAX, SEARCH_DEFAULT_LIMIT, SEARCH_MAX_CANDIDATES, SEARCH_MAX_LIMIT, SEARCH_MAX_TIME,
};
use crate::storage::pieces::BUCKET_SECS;
use crate::storage::reader::{Arrived, Candidate, Found, Plan, Settled};

mod gather;
mod parts;
pub mod question;
pub(super) mod scopes;
mod walk;

use parts::Parts;
pub use parts::Received;
pub use question::read_question;
pub use walk::{NEAR, Place, Seen, Walk, Window};

/// The latest time the engine's columns hold.
pub const LATEST: Timestamp = Timestamp(i64::MAX as u64);
/// Candidates asked for at first, for each trace wanted: some will not match.
const CANDIDATES_PER_RESULT: usize = 2;
const CHUNK_MIN: usize = 8;
/// When an answer comes in parts, the first is to come at once.
const FIRST_CHUNK: usize = 32;
/// How far before and after the range the rest of a trace is looked for when whole traces are compared.
const REACH_SECS: u64 = 3_600;

/// A search whose bounds and words have been checked.
#[derive(Clone, Debug)]
pub struct Search {
    pub query: Query,
    pub range: Range,
    order: SearchOrder,
    limit: usize,
    before: Option<Place>,
}

impl Search {
    pub fn new(asked: &TraceSearch) -> Result<Search, ApiError> {
        let limit = asked.limit.unwrap_or(SEARCH_DEFAULT_LIMIT);
        if limit == 0 || limit > SEARCH_MAX_LIMIT {
            return Err(ApiError::bad_request(
                format!("limit is {limit}"),
                format!("limit goes from 1 to {SEARCH_MAX_LIMIT}; use next_cursor for more"),
            ));
        }
        let range = range_of(asked.start, asked.end)?;
        let before = match &asked.cursor {
            Some(text) => Some(Place::parse(text, asked.order)?),
            None => None,
        };
        let query = read_question(asked)?;
        if let Some(metric) = &query.metric {
            return Err(ApiError::bad_request(
                "a metric makes series, not traces",
                "ask /api/metrics/query_range, or leave the metric out",
            )
            .at(metric.at.start, metric.at.end));
        }
        Ok(Search { query, range, order: asked.order, limit: limit as usize, before })
    }
}

pub fn range_of(start: Option<Timestamp>, end: Option<Timestamp>) -> Result<Range, ApiError> {
    let (from, to) = (start.unwrap_or(Timestamp(0)).min(LATEST), end.unwrap_or(LATEST).min(LATEST));
    if from >= to {
        return Err(ApiError::bad_request("start is not before end", "swap them, or leave one out"));
    }
    Ok(Range { from, to })
}

/// Which pieces are worth a look, and the values bound in that.
pub struct Scan {
    hint: Option<Hint>,
    narrow: Narrow,
    pub range: Range,
}

impl Scan {
    pub fn of(pipeline: &Pipeline, range: Range) -> Scan {
        let mut narrow = Narrow::default();
        let hint = narrow.pipeline(pipeline);
        Scan { hint, narrow, range }
    }

    pub fn is_everything(&self) -> bool {
        self.hint.is_none()
    }

    /// Whether few pieces are likely to be worth a look.
    pub fn is_rare(&self) -> bool {
        self.hint.as_ref().is_some_and(Hint::is_rare)
    }

    /// Whether nearly all pieces worth a look belong to traces that match.
    fn is_precise(&self) -> bool {
        self.hint.as_ref().is_some_and(Hint::is_precise)
    }

    /// What a single group must be like, when that is all.
    pub fn group_condition(&self) -> Option<&OfGroup> {
        self.hint.as_ref().and_then(|hint| hint.group.as_ref())
    }

    /// Conditions on pieces within a window. The key's columns are always bounded.
    pub fn conditions(&self, window: &Window) -> String {
        let mut sql = "tenant = {tenant:String}
                AND bucket >= toDateTime({low_bucket:UInt32}, 'UTC') AND bucket <= toDateTime({high_secs:UInt32}, 'UTC')
                AND error IN (0, 1)
                AND first >= fromUnixTimestamp64Nano({low:Int64}) AND first <= fromUnixTimestamp64Nano({high:Int64})
                AND first < fromUnixTimestamp64Nano({to:Int64})
                AND toUnixTimestamp64Nano(first) + length >= {from:Int64}"
            .to_owned();
        if window.is_past {
            sql.push_str(
                "\n                AND (first >= fromUnixTimestamp64Nano({near:Int64}) OR length >= {near_length:UInt64})",
            );
        }
        if self.hint.is_some() {
            sql.push_str(&format!("\n                AND {}", self.condition()));
        }
        sql
    }

    /// What makes a piece worth a look, wherever it lies.
    pub fn condition(&self) -> &str {
        self.hint.as_ref().map_or("1", |hint| hint.sql.as_str())
    }

    pub fn bound(&self, plan: Plan, window: &Window) -> Plan {
        let low = window.low.as_secs().min(u64::from(u32::MAX));
        let high = window.high.as_secs().min(u64::from(u32::MAX));
        let low_bucket = low - low % BUCKET_SECS;
        plan.bind("from", self.range.from.0)
            .bind("to", self.range.to.0)
            .bind("low", window.low.0)
            .bind("high", window.high.0)
            .bind("low_bucket", low_bucket)
            .bind("high_secs", high)
            .bind("near", self.range.from.minus(NEAR).0)
            .bind("near_length", NEAR.0)
            .bind("reach_low", low_bucket.saturating_sub(REACH_SECS))
            .bind("reach_high", high.saturating_add(REACH_SECS).min(u64::from(u32::MAX)))
            .bind_all(self.narrow.binds.values())
    }

    /// Traces by their earliest piece in the window, newest first. Pieces since an earlier time are looked at, to leave
    /// out those that began before the window.
    pub fn newest_plan(
        &self,
        scope: &Scope,
        read: &Window,
        low: Timestamp,
        before: Place,
        limit: usize,
    ) -> Plan {
        let sql = format!(
            "SELECT trace_id, toUInt64(toUnixTimestamp64Nano(min(first))) AS key
             FROM pieces
             WHERE {}
             GROUP BY trace_id
             HAVING key >= {{lowest:UInt64}}
                AND (key, trace_id) < ({{key:UInt64}}, toFixedString(unhex({{id:String}}), 16))
             ORDER BY key DESC, trace_id DESC
             LIMIT {{limit:UInt32}}",
            self.conditions(read)
        );
        self.bound(Plan::new(scope, sql), read)
            .bind("lowest", low.0)
            .bind("key", before.key)
            .bind("id", before.trace_id)
            .bind("limit", limit)
    }

    /// The earliest piece worth a look of each of these traces that has one in the window.
    pub fn older_plan(&self, scope: &Scope, window: &Window, traces: &[TraceId]) -> Plan {
        let sql = format!(
            "SELECT trace_id, toUInt64(toUnixTimestamp64Nano(min(first))) AS key
             FROM pieces WHERE {} AND trace_id IN ({}) GROUP BY trace_id",
            self.conditions(window),
            list(traces)
        );
        self.bound(Plan::new(scope, sql), window)
    }

    /// Traces by a measure of all their pieces, largest first.
    pub fn largest_plan(
        &self,
        scope: &Scope,
        order: SearchOrder,
        window: &Window,
        before: Option<Place>,
        limit: usize,
    ) -> Plan {
        let measure = match order {
            SearchOrder::Errors => "sum(errors)",
            SearchOrder::Spans => "sum(spans)",
            SearchOrder::Duration | SearchOrder::Newest => {
                "max(toUnixTimestamp64Nano(first) + length) - min(toUnixTimestamp64Nano(first))"
            }
        };
        let having = match before {
            Some(_) => "HAVING (key, trace_id) < ({key:UInt64}, toFixedString(unhex({id:String}), 16))",
            None => "",
        };
        let sql = format!(
            "SELECT trace_id, toUInt64({measure}) AS key
             FROM pieces
             WHERE tenant = {{tenant:String}} AND bucket >= toDateTime({{reach_low:UInt32}}, 'UTC')
                AND bucket <= toDateTime({{reach_high:UInt32}}, 'UTC')
                AND {NUMBER} IN (SELECT {NUMBER} FROM pieces WHERE {})
             GROUP BY trace_id {having}
             ORDER BY key DESC, trace_id DESC
             LIMIT {{limit:UInt32}}",
            self.conditions(window)
        );
        let place = before.unwrap_or_default();
        self.bound(Plan::new(scope, sql), window)
            .bind("key", place.key)
            .bind("id", place.trace_id)
            .bind("limit", limit)
    }
}

/// A page being filled.
struct Filling<'s> {
    search: &'s Search,
    scope: &'s Scope,
    scan: Scan,
    verify: Verify<'s>,
    /// Whether candidates are likely to match, so that it pays to ask for all about them at once.
    is_likely: bool,
    hits: Vec<(Place, Found)>,
    /// What is known of hits already when they are likely.
    known: Known,
    scanned: Scanned,
    looked_at: usize,
    chunk: usize,
    since: Instant,
    limit_reached: Option<String>,
    /// How many hits have been handed on already.
    handed_on: usize,
    handed_on_at: Instant,
    parts: Option<&'s Parts>,
}

/// What results say of traces that are hits, or may be.
#[derive(Default)]
struct Known {
    summaries: Vec<TraceSummary>,
    settled: Vec<Settled>,
}

impl Queries {
    pub async fn search(
        &self,
        scope: &Scope,
        asked: TraceSearch,
        now: Timestamp,
    ) -> Result<SearchPage, ApiError> {
        self.search_into(scope, asked, now, None).await
    }

    /// Hands parts on, if there is where to, and returns the last.
    async fn search_into(
        &self,
        scope: &Scope,
        asked: TraceSearch,
        now: Timestamp,
        parts: Option<&Parts>,
    ) -> Result<SearchPage, ApiError> {
        let mut search = Search::new(&asked)?;
        self.find_scopes(scope, &mut search.query.pipeline).await?;
        let mut filling = Filling::new(&search, scope, parts)?;
        let next = match search.order {
            SearchOrder::Newest => self.newest(&mut filling, now).await?,
            _ => self.largest(&mut filling, now).await?,
        };
        let complete = filling.limit_reached.is_none();
        if !complete {
            self.reached.note("search");
        }
        self.page(&mut filling, next, complete).await
    }

    /// Returns where the next page starts, if there may be one.
    async fn newest(&self, filling: &mut Filling<'_>, now: Timestamp) -> Result<Option<Place>, ApiError> {
        let mut walk = Walk::new(filling.search.range, filling.search.before, now);
        loop {
            let gathered = self.gather(filling, &mut walk).await?;
            let candidates = gathered.candidates();
            let mut found = self.look_at(filling, &candidates).await?;
            self.drop_older(filling, &mut found, &gathered).await?;
            let matching = found.len();
            if let Some(last) = filling.take(&candidates, found) {
                return Ok(Some(last));
            }
            let seen = Seen { rows: gathered.rows, found: matching, wanted: filling.wanted() };
            if !walk.step(gathered.last_of_full, seen) {
                return Ok(None);
            }
            if filling.is_exhausted() {
                return Ok(Some(walk.before));
            }
            self.hand_on(filling, walk.before).await?;
        }
    }

    async fn largest(&self, filling: &mut Filling<'_>, now: Timestamp) -> Result<Option<Place>, ApiError> {
        let window = Window::whole(filling.search.range, now);
        let mut before = filling.search.before;
        loop {
            let want = filling.chunk;
            let plan = filling.scan.largest_plan(filling.scope, filling.search.order, &window, before, want);
            let candidates = filling.candidates(self.reader.candidates(&plan).await?);
            let found = self.look_at(filling, &candidates).await?;
            if let Some(last) = filling.take(&candidates, found) {
                return Ok(Some(last));
            }
            let Some(last) = candidates.last().filter(|_| candidates.len() == want) else {
                return Ok(None);
            };
            before = Some(Place::of(last));
            if filling.is_exhausted() {
                return Ok(before);
            }
            self.hand_on(filling, Place::of(last)).await?;
        }
    }

    async fn look_at(
        &self,
        filling: &mut Filling<'_>,
        candidates: &[Candidate],
    ) -> Result<Vec<Found>, ApiError> {
        if candidates.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<TraceId> = candidates.iter().map(|candidate| candidate.trace_id).collect();
        let mut found = match filling.is_likely {
            true => self.look_at_whole(filling, &ids).await?,
            false => self.look_at_spans(filling, &ids).await?,
        };
        found.retain(|found| found.spans > 0);
        Ok(found)
    }

    async fn look_at_spans(
        &self,
        filling: &mut Filling<'_>,
        traces: &[TraceId],
    ) -> Result<Vec<Found>, ApiError> {
        let Verified { found, scanned, too_large } =
            self.verify(filling.scope, &filling.verify, traces, filling.search.range).await?;
        filling.scanned.add(scanned);
        if let Some(trace) = too_large {
            filling.limit_reached = Some(format!("trace {trace} has too many spans to be evaluated"));
        }
        Ok(found)
    }

    /// The same in one pass with what results say of them.
    async fn look_at_whole(
        &self,
        filling: &mut Filling<'_>,
        traces: &[TraceId],
    ) -> Result<Vec<Found>, ApiError> {
        let (scope, range) = (filling.scope, filling.search.range);
        let whole = filling.verify.whole_plan(scope, traces, range, self.quiet_secs);
        let settled = settled_plan(scope, traces);
        let ((whole, cost), settled) =
            tokio::try_join!(self.reader.whole(&whole), self.reader.settled(&settled))?;
        filling.scanned.add(cost);
        let (found, summaries) = whole.into_iter().unzip();
        filling.known.add(traces, Known { summaries, settled });
        Ok(found)
    }

    /// What was found and not handed on yet, as a page.
    async fn page(
        &self,
        filling: &mut Filling<'_>,
        next: Option<Place>,
        complete: bool,
    ) -> Result<SearchPage, ApiError> {
        let hits = std::mem::take(&mut filling.hits);
        filling.handed_on += hits.len();
        let scope = filling.scope;
        let ids: Vec<TraceId> = hits.iter().map(|(place, _)| place.trace_id).collect();
        let Known { mut summaries, settled } = match filling.is_likely {
            true => filling.known.take(&ids),
            false => self.known(filling, &ids).await?,
        };
        let arrived = summaries.iter().map(|summary| Arrived {
            trace_id: summary.trace_id,
            spans: summary.span_count,
            in_flight: summary.in_flight,
        });
        let mut facts = self.facts_of(scope, arrived.collect(), settled).await?;
        for summary in &mut summaries {
            summary.critical = facts.remove(&summary.trace_id).and_then(|facts| facts.main_service());
        }
        let (mut traces, mut matches): (Vec<TraceSummary>, Vec<Matches>) = (Vec::new(), Vec::new());
        for (place, found) in hits {
            // A trace may have expired between the two statements.
            if let Some(at) = summaries.iter().position(|summary| summary.trace_id == place.trace_id) {
                traces.push(summaries.swap_remove(at));
                matches.push(filling.verify.matches(found));
            }
        }
        Ok(SearchPage {
            traces,
            matches,
            next_cursor: next.map(|place| place.to_text(filling.search.order)),
            complete,
            limit_reached: filling.limit_reached.clone(),
            scanned: filling.scanned,
        })
    }

    async fn known(&self, filling: &mut Filling<'_>, traces: &[TraceId]) -> Result<Known, ApiError> {
        if traces.is_empty() {
            return Ok(Known::default());
        }
        let scope = filling.scope;
        let (asked, settled) = (summaries_plan(scope, traces, self.quiet_secs), settled_plan(scope, traces));
        let ((summaries, cost), settled) =
            tokio::try_join!(self.reader.summaries(&asked), self.reader.settled(&settled))?;
        filling.scanned.add(cost);
        Ok(Known { summaries, settled })
    }
}

impl Known {
    /// Of traces that were looked at before, in a window they do not belong to, the latest counts.
    fn add(&mut self, traces: &[TraceId], new: Known) {
        let ids: HashSet<&TraceId> = traces.iter().collect();
        self.summaries.retain(|summary| !ids.contains(&summary.trace_id));
        self.settled.retain(|settled| !ids.contains(&settled.trace_id));
        self.summaries.extend(new.summaries);
        self.settled.extend(new.settled);
    }

    /// What is known of these traces; the rest was no hit.
    fn take(&mut self, traces: &[TraceId]) -> Known {
        let Known { mut summaries, mut settled } = std::mem::take(self);
        let ids: HashSet<&TraceId> = traces.iter().collect();
        summaries.retain(|summary| ids.contains(&summary.trace_id));
        settled.retain(|settled| ids.contains(&settled.trace_id));
        Known { summaries, settled }
    }
}

impl<'s> Filling<'s> {
    fn new(search: &'s Search, scope: &'s Scope, parts: Option<&'s Parts>) -> Result<Filling<'s>, ApiError> {
        let scan = Scan::of(&search.query.pipeline, search.range);
        let verify = Verify::new(&search.query)?;
        let is_likely = verify.is_plain() && (scan.is_precise() || narrow::is_exact(&search.query.pipeline));
        let each = if is_likely { 1 } else { CANDIDATES_PER_RESULT };
        let wanted = match parts {
            Some(_) => FIRST_CHUNK.min(search.limit * each),
            None => search.limit * each,
        };
        Ok(Filling {
            search,
            scope,
            scan,
            verify,
            is_likely,
            known: Known::default(),
            hits: Vec::new(),
            scanned: Scanned::default(),
            looked_at: 0,
            chunk: (wanted + 1).clamp(CHUNK_MIN, SEARCH_CHUNK_MAX),
            since: Instant::now(),
            limit_reached: None,
            handed_on: 0,
            handed_on_at: Instant::now(),
            parts,
        })
    }

    /// How many the page is short of.
    fn wanted(&self) -> usize {
        self.search.limit - self.handed_on - self.hits.len()
    }

    fn candidates(&mut self, (candidates, scanned): (Vec<Candidate>, Scanned)) -> Vec<Candidate> {
        self.scanned.add(scanned);
        self.looked_at += candidates.len();
        candidates
    }

    /// Adds what was found, in the order of the candidates. Returns the last place when the page is full.
    fn take(&mut self, candidates: &[Candidate], mut found: Vec<Found>) -> Option<Place> {
        if found.len() * CANDIDATES_PER_RESULT < candidates.len() {
            self.chunk = (self.chunk * 2).min(SEARCH_CHUNK_MAX);
        }
        for candidate in candidates {
            let Some(at) = found.iter().position(|found| found.trace_id == candidate.trace_id) else {
                continue;
            };
            let place = Place::of(candidate);
            self.hits.push((place, found.swap_remove(at)));
            if self.wanted() == 0 {
                return Some(place);
            }
        }
        None
    }

    fn has_looked_enough(&self) -> bool {
        self.looked_at >= SEARCH_MAX_CANDIDATES || self.since.elapsed() >= SEARCH_MAX_TIME
    }

    /// Whether this request has looked at enough, full page or not.
    fn is_exhausted(&mut self) -> bool {
        if !self.has_looked_enough() {
            return false;
        }
        let reached = if self.looked_at >= SEARCH_MAX_CANDIDATES {
            format!("looked at {} traces that might match", self.looked_at)
        } else {
            format!("looked for {} seconds", SEARCH_MAX_TIME.as_secs())
        };
        self.limit_reached = Some(format!("{reached}; go on with the cursor, or narrow the query"));
        true
    }
}

#[cfg(test)]
mod tests;
