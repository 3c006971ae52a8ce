//! Candidates out of one window of time after the other, until there are enough to look at.
//!
//! Looking at candidates costs a statement, however few they are: those of poor windows are looked at together.

use std::collections::{HashMap, HashSet};

use model::{ApiError, Nanos, Timestamp, TraceId};

use super::{CANDIDATES_PER_RESULT, Filling, Place, Seen, Walk, Window};
use crate::query::Queries;
use crate::storage::reader::{Candidate, Found};

/// Pieces that lie so far before a window are looked at with it: most traces that began before it are told by that.
const MARGIN: Nanos = Nanos(10 * 1_000_000_000);

/// The candidates of some windows that adjoin, newest first.
#[derive(Default)]
pub struct Gathered {
    placed: Vec<Placed>,
    /// Scanned in the last window.
    pub rows: u64,
    /// The last candidate when the last window has more.
    pub last_of_full: Option<Place>,
}

/// A candidate, and since when its pieces have been looked at for its place.
struct Placed {
    candidate: Candidate,
    since: Timestamp,
}

impl Gathered {
    pub fn candidates(&self) -> Vec<Candidate> {
        self.placed.iter().map(|placed| placed.candidate).collect()
    }

    /// Adds those of the next window. Of traces that are known their place is the earlier one.
    fn add(&mut self, candidates: &[Candidate], since: Timestamp) {
        let again: HashSet<TraceId> = candidates.iter().map(|candidate| candidate.trace_id).collect();
        self.placed.retain(|placed| !again.contains(&placed.candidate.trace_id));
        self.placed.extend(candidates.iter().map(|candidate| Placed { candidate: *candidate, since }));
    }
}

impl Queries {
    /// Walks on until there are candidates worth a look, at the last window looked through.
    pub(super) async fn gather(
        &self,
        filling: &mut Filling<'_>,
        walk: &mut Walk,
    ) -> Result<Gathered, ApiError> {
        let mut gathered = Gathered::default();
        loop {
            let (window, want) = (walk.window(), filling.chunk);
            let read = Window { low: window.low.minus(MARGIN), ..window };
            let plan = filling.scan.newest_plan(filling.scope, &read, window.low, walk.before, want);
            let answer = self.reader.candidates(&plan).await?;
            gathered.rows = answer.1.rows;
            let candidates = filling.candidates(answer);
            gathered.last_of_full = candidates.last().filter(|_| candidates.len() == want).map(Place::of);
            gathered.add(&candidates, read.low);
            let number = gathered.placed.len();
            if gathered.last_of_full.is_some() || filling.is_enough(number) {
                return Ok(gathered);
            }
            let seen = Seen {
                rows: gathered.rows,
                found: candidates.len(),
                wanted: filling.wanted().saturating_sub(number).max(1),
            };
            if !walk.step(None, seen) {
                return Ok(gathered);
            }
        }
    }

    /// Leaves traces with a piece before their place to the window that piece lies in.
    pub(super) async fn drop_older(
        &self,
        filling: &mut Filling<'_>,
        found: &mut Vec<Found>,
        gathered: &Gathered,
    ) -> Result<(), ApiError> {
        let places: HashMap<TraceId, &Placed> =
            gathered.placed.iter().map(|placed| (placed.candidate.trace_id, placed)).collect();
        let is_early =
            |found: &&Found| places.get(&found.trace_id).is_some_and(|placed| found.begins < placed.since);
        let early: Vec<&Found> = found.iter().filter(is_early).collect();
        let since = early.iter().filter_map(|found| Some(places.get(&found.trace_id)?.since)).max();
        let begins = early.iter().map(|found| found.begins).min();
        let (Some(begins), Some(since)) = (begins, since) else { return Ok(()) };
        let ids: Vec<TraceId> = early.iter().map(|found| found.trace_id).collect();
        let before = Window::between(begins, since.minus(Nanos(1)));
        let plan = filling.scan.older_plan(filling.scope, &before, &ids);
        let (older, scanned) = self.reader.candidates(&plan).await?;
        filling.scanned.add(scanned);
        let is_older = |candidate: &&Candidate| {
            places.get(&candidate.trace_id).is_some_and(|placed| candidate.key < placed.candidate.key)
        };
        let older: HashSet<TraceId> = older.iter().filter(is_older).map(|older| older.trace_id).collect();
        found.retain(|found| !older.contains(&found.trace_id));
        Ok(())
    }
}

impl Filling<'_> {
    /// Whether so many candidates are to be looked at before further windows are.
    fn is_enough(&self, number: usize) -> bool {
        let is_awaited = self.parts.is_some() && self.handed_on == 0 && self.hits.is_empty();
        let plenty = self.wanted().max(self.chunk / CANDIDATES_PER_RESULT);
        number >= plenty || (is_awaited && number > 0) || self.has_looked_enough()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_found_again_has_the_earlier_place() {
        let at = |id: u8, key: u64| Candidate { trace_id: TraceId([id; 16]), key };
        let mut gathered = Gathered::default();
        gathered.add(&[at(1, 90), at(2, 80)], Timestamp(70));
        gathered.add(&[at(3, 60), at(1, 50)], Timestamp(40));
        let placed: Vec<(u64, Timestamp)> =
            gathered.placed.iter().map(|placed| (placed.candidate.key, placed.since)).collect();
        assert_eq!(placed, [(80, Timestamp(70)), (60, Timestamp(40)), (50, Timestamp(40))]);
    }
}
