//! Search: exact newest-first, page by page.
//!
//! A trace's place in the order is the start of its first span that matches (for a search without filters, of its
//! first span), then its id. The walk goes back through windows of time that widen while they are poor. In each,
//! the narrow `search` table names candidates; `spans` then tells each candidate's true place, and a trace whose
//! first match lies before the window is left for the window it belongs to. So every trace is found exactly once,
//! whatever arrives meanwhile, and a cursor is simply a place.

use std::cmp::Reverse;

use model::trace::TraceStatus;
use model::view::{Scanned, SearchPage, TraceSearch, TraceSummary};
use model::{ApiError, Nanos, Scope, Timestamp, TraceId};

use super::Queries;
use crate::limits::{SEARCH_DEFAULT_LIMIT, SEARCH_MAX_CANDIDATES, SEARCH_MAX_LIMIT};
use crate::storage::reader::{Candidate, KeyedSummary, Plan};

const FIRST_WINDOW: Nanos = Nanos(10 * 1_000_000_000);
const WINDOW_GROWTH: u64 = 4;
/// Search rows are kept no longer than this, so one last window takes in all that is older.
const OLDEST: Nanos = Nanos(8 * 86_400 * 1_000_000_000);
/// The latest time the engine's columns hold.
const LATEST: Timestamp = Timestamp(i64::MAX as u64);
/// Candidates asked for at a time, for each trace wanted: some will belong to older windows.
const CANDIDATES_PER_RESULT: usize = 2;

/// A place in the order: everything after it is older.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub key: Timestamp,
    pub trace_id: TraceId,
}

/// A search whose bounds have been checked.
#[derive(Clone, Debug)]
pub struct Search {
    filters: TraceSearch,
    from: Timestamp,
    before: Place,
    limit: usize,
}

impl Search {
    pub fn new(filters: TraceSearch) -> Result<Search, ApiError> {
        let limit = filters.limit.unwrap_or(SEARCH_DEFAULT_LIMIT);
        if limit == 0 || limit > SEARCH_MAX_LIMIT {
            return Err(ApiError::bad_request(
                format!("limit is {limit}"),
                format!("limit goes from 1 to {SEARCH_MAX_LIMIT}; use next_cursor for more"),
            ));
        }
        let (from, to) = (filters.start.unwrap_or(Timestamp(0)), filters.end.unwrap_or(LATEST).min(LATEST));
        if from >= to {
            return Err(ApiError::bad_request("start is not before end", "swap them, or leave one out"));
        }
        if let (Some(min), Some(max)) = (filters.min_duration, filters.max_duration)
            && min > max
        {
            return Err(ApiError::bad_request(
                "min_duration_ms is larger than max_duration_ms",
                "swap them, or leave one out",
            ));
        }
        let newest = Place { key: to, trace_id: TraceId([0; 16]) };
        let before = match &filters.cursor {
            Some(text) => Place::parse(text)?.min(newest),
            None => newest,
        };
        Ok(Search { filters, from, before, limit: limit as usize })
    }

    /// Whether the duration bounds are those of one span or of the whole trace.
    fn bounds_a_span(&self) -> bool {
        self.filters.service.is_some() || self.filters.operation.is_some()
    }

    fn fits(&self, summary: &TraceSummary) -> bool {
        if !self.bounds_a_span() {
            let duration = summary.duration;
            if self.filters.min_duration.is_some_and(|min| duration < min)
                || self.filters.max_duration.is_some_and(|max| duration > max)
            {
                return false;
            }
        }
        self.filters.error != Some(false) || summary.status != TraceStatus::Error
    }

    /// Conditions on one span, in the words both tables share.
    fn conditions(&self) -> String {
        let f = &self.filters;
        let mut all: Vec<&str> = Vec::new();
        all.push(if f.error == Some(true) { "error = 1" } else { "error IN (0, 1)" });
        if f.service.is_some() {
            all.push("service = {service:String}");
        }
        if f.operation.is_some() {
            all.push("operation = {operation:String}");
        }
        // A trace is at least as long as its longest span, so a long span is a sign of a long trace.
        if f.min_duration.is_some() {
            all.push("duration >= {min_duration:UInt64}");
        }
        if f.max_duration.is_some() && self.bounds_a_span() {
            all.push("duration <= {max_duration:UInt64}");
        }
        all.push("start >= fromUnixTimestamp64Nano({from:Int64})");
        all.join(" AND ")
    }

    fn bind(&self, mut plan: Plan) -> Plan {
        let f = &self.filters;
        if let Some(service) = &f.service {
            plan = plan.bind("service", service);
        }
        if let Some(operation) = &f.operation {
            plan = plan.bind("operation", operation);
        }
        if let Some(min) = f.min_duration {
            plan = plan.bind("min_duration", min.0);
        }
        if let Some(max) = f.max_duration {
            plan = plan.bind("max_duration", max.0);
        }
        plan.bind("from", self.from.0)
    }

    /// Traces with a matching span at or after `low` and before the place, by the first such span.
    pub fn candidates_plan(&self, scope: &Scope, low: Timestamp, before: Place, limit: usize) -> Plan {
        let conditions = self.conditions();
        let sql = format!(
            "SELECT trace_id, toUnixTimestamp64Nano(min(start)) AS key
             FROM search
             WHERE tenant = {{tenant:String}}
                AND bucket >= toStartOfInterval(toDateTime({{low_secs:UInt32}}, 'UTC'), INTERVAL 10 MINUTE)
                AND bucket <= toDateTime({{high_secs:UInt32}}, 'UTC')
                AND {conditions}
                AND start >= fromUnixTimestamp64Nano({{low:Int64}})
                AND start <= fromUnixTimestamp64Nano({{high:Int64}})
             GROUP BY trace_id
             HAVING (key, trace_id) < ({{high:Int64}}, toFixedString(unhex({{high_id:String}}), 16))
             ORDER BY key DESC, trace_id DESC
             LIMIT {{limit:UInt32}}"
        );
        self.bind(Plan::new(scope, sql))
            .bind("low", low.0)
            .bind("low_secs", low.as_secs().min(u64::from(u32::MAX)))
            .bind("high", before.key.0)
            .bind("high_secs", before.key.as_secs().min(u64::from(u32::MAX)))
            .bind("high_id", before.trace_id)
            .bind("limit", limit)
    }

    /// What each candidate really is, and where in the order it belongs.
    pub fn summaries_plan(&self, scope: &Scope, candidates: &[Candidate]) -> Plan {
        let conditions = self.conditions();
        let ids =
            candidates.iter().map(|c| format!("unhex('{}')", c.trace_id)).collect::<Vec<_>>().join(", ");
        let of_page = format!("tenant = {{tenant:String}} AND trace_id IN ({ids})");
        let sql = format!(
            "SELECT trace_id,
                toUnixTimestamp64Nano(minIf(start, {conditions})) AS key,
                toUnixTimestamp64Nano(min(start)) AS first_ns,
                toUInt64(max(toUnixTimestamp64Nano(start) + toInt64(duration)) - first_ns) AS length_ns,
                argMin(service, (parent_id != 0, start)) AS root_service,
                argMin(operation, (parent_id != 0, start)) AS root_operation,
                toUInt8(countIf(parent_id = 0) > 0) AS has_root,
                count() AS span_count,
                countIf(status = 2) AS error_count,
                countIf(parent_id != 0 AND (trace_id, parent_id) NOT IN
                    (SELECT trace_id, span_id FROM spans WHERE {of_page})) AS orphan_count,
                sumMap(map(toString(service), toUInt64(1))) AS services,
                sumMap(map(toString(service), toUInt64(status = 2))) AS failures
             FROM spans WHERE {of_page} GROUP BY trace_id"
        );
        self.bind(Plan::new(scope, sql))
    }
}

impl Queries {
    pub async fn search(
        &self,
        scope: &Scope,
        filters: TraceSearch,
        now: Timestamp,
    ) -> Result<SearchPage, ApiError> {
        let search = Search::new(filters)?;
        let mut walk = Walk::new(&search, now);
        let mut page = SearchPage {
            traces: Vec::new(),
            matches: Vec::new(),
            next_cursor: None,
            complete: true,
            limit_reached: None,
            scanned: Scanned::default(),
        };
        let mut looked_at = 0;
        loop {
            let want = (search.limit - page.traces.len()) * CANDIDATES_PER_RESULT + 1;
            let plan = search.candidates_plan(scope, walk.low, walk.before, want);
            let (candidates, scanned) = self.reader.candidates(&plan).await?;
            page.scanned.add(scanned);
            looked_at += candidates.len();
            for found in self.true_places(scope, &search, &candidates, walk.low, &mut page.scanned).await? {
                let place = Place { key: found.key, trace_id: found.summary.trace_id };
                page.traces.push(found.summary);
                if page.traces.len() == search.limit {
                    page.next_cursor = Some(place.to_string());
                    return Ok(page);
                }
            }
            let more_here = candidates.len() == want;
            if !walk.step(candidates.last().filter(|_| more_here)) {
                return Ok(page);
            }
            if looked_at >= SEARCH_MAX_CANDIDATES {
                page.complete = false;
                page.next_cursor = Some(walk.before.to_string());
                return Ok(page);
            }
        }
    }

    /// The candidates that belong to this window and fit, newest first.
    async fn true_places(
        &self,
        scope: &Scope,
        search: &Search,
        candidates: &[Candidate],
        low: Timestamp,
        scanned: &mut Scanned,
    ) -> Result<Vec<KeyedSummary>, ApiError> {
        if candidates.is_empty() {
            return Ok(Vec::new());
        }
        let (mut summaries, cost) = self.reader.summaries(&search.summaries_plan(scope, candidates)).await?;
        scanned.add(cost);
        summaries.retain(|found| found.key >= low && search.fits(&found.summary));
        summaries.sort_by_key(|found| Reverse((found.key, found.summary.trace_id)));
        Ok(summaries)
    }
}

/// Where the search stands: the window from `low` up to the place.
struct Walk {
    low: Timestamp,
    before: Place,
    width: Nanos,
    from: Timestamp,
    oldest: Timestamp,
}

impl Walk {
    fn new(search: &Search, now: Timestamp) -> Walk {
        let oldest = now.minus(OLDEST);
        let mut walk =
            Walk { low: search.from, before: search.before, width: FIRST_WINDOW, from: search.from, oldest };
        // Clocks run ahead: the first window takes in the future.
        walk.low = walk.window_below(search.before.key.min(now));
        walk
    }

    /// Moves on; false when everything has been looked at.
    fn step(&mut self, last_of_full: Option<&Candidate>) -> bool {
        if let Some(last) = last_of_full {
            self.before = Place { key: last.key, trace_id: last.trace_id };
            return true;
        }
        if self.low <= self.from {
            return false;
        }
        self.before = Place { key: self.low, trace_id: TraceId([0; 16]) };
        self.width = Nanos(self.width.0.saturating_mul(WINDOW_GROWTH));
        self.low = self.window_below(self.low);
        true
    }

    fn window_below(&self, high: Timestamp) -> Timestamp {
        let low = high.minus(self.width);
        if low <= self.oldest { self.from } else { low.max(self.from) }
    }
}

impl Place {
    fn parse(text: &str) -> Result<Place, ApiError> {
        let parsed = text.split_once('-').and_then(|(key, id)| {
            let key = u64::from_str_radix(key, 16).ok()?;
            let id = u128::from_str_radix(id, 16).ok().filter(|_| id.len() == 32)?;
            Some(Place { key: Timestamp(key), trace_id: TraceId(id.to_be_bytes()) })
        });
        parsed.ok_or_else(|| {
            ApiError::bad_request(
                "this cursor is not one of ours",
                "use next_cursor of the page before, unchanged",
            )
        })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:x}-{}", self.key.0, self.trace_id)
    }
}

#[cfg(test)]
mod tests;
