//! Samples straight out of `spans`, where it costs less than to look through pieces for a few traces.
//!
//! How many pieces are worth a look, and which ids the traces of a time have, is learned from an even share of the pieces,
//! by where they are stored. Then some runs of ids are read, whatever they hold, as long as it takes for enough matches:
//! what it costs does not depend on how much is stored. The rarer matches are, the longer the runs would have to be, and
//! pieces name them more cheaply.

use model::query::Query;
use model::{ApiError, Scope, TraceId};

use super::{Question, SAMPLE_RUNS, Sample};
use crate::limits::{OVERVIEW_MAX_PIECES, OVERVIEW_RUNS_TRACES};
use crate::query::Queries;
use crate::query::search::Scan;
use crate::query::verify::Verify;
use crate::storage::reader::{IdRuns, Plan};

/// Pieces whose ids are put in order, and pieces that tell how many are worth a look: about so many.
const ORDERED_IDS: u64 = 200_000;
const JUDGED_PIECES: u64 = 50_000;
/// The engine skips or reads so many rows together.
const GRANULE: u64 = 1_024;
/// Matches enough to count by.
const ENOUGH: f64 = 500.0;
/// Pieces that can be looked through in the time a trace of a run takes: as measured, 0.5 against 30 microseconds.
const PIECES_A_TRACE: f64 = 60.0;

/// From each id to the other, without the latter; and the share of all traces that have such ids.
pub struct Runs {
    pub ends: Vec<(TraceId, TraceId)>,
    pub share: f64,
}

impl Question {
    /// Rows that are worth a look, after what indexes know.
    pub(super) fn estimate_plan(&self, scope: &Scope) -> Plan {
        estimate(scope, &self.scan(), self)
    }

    fn everything_plan(&self, scope: &Scope) -> Plan {
        estimate(scope, &self.everything(), self)
    }

    fn everything(&self) -> Scan {
        Scan::of(&Query::everything().pipeline, self.range)
    }

    /// Which share of all pieces is worth a look, in millionths.
    fn judged_plan(&self, scope: &Scope, every: u64) -> Plan {
        let scan = self.scan();
        let sql = format!(
            "SELECT toUInt64(1000000 * countIf({}) / greatest(count(), 1)) AS number FROM pieces WHERE {} AND {}",
            scan.condition(),
            self.everything().conditions(&self.window),
            some(every)
        );
        scan.bound(Plan::new(scope, sql), &self.window)
    }

    /// Runs of ids, of so many steps from one id to the next.
    fn runs_plan(&self, scope: &Scope, every: u64, steps: u64) -> Plan {
        let scan = self.everything();
        let id = |at: &str| format!("reverse(reinterpretAsFixedString(ids[least(length(ids), {at})]))");
        let start = format!("1 + intDiv(run * length(ids), {SAMPLE_RUNS})");
        let sql = format!(
            "SELECT toUInt64(length(ids)) AS number, arrayMap(run -> ({}, {}), range({SAMPLE_RUNS})) AS runs
             FROM (SELECT arraySort(groupUniqArray(reinterpretAsUInt128(reverse(trace_id)))) AS ids
                FROM pieces WHERE {} AND {})",
            id(&start),
            id(&format!("{start} + {steps}")),
            scan.conditions(&self.window),
            some(every)
        );
        scan.bound(Plan::new(scope, sql), &self.window)
    }
}

/// An even share of the rows of a table, which are read without the others.
fn some(every: u64) -> String {
    format!("(intDiv(_part_offset, {GRANULE}) + _part_index) % {every} = 0")
}

/// About how many traces to look at for enough matches; none where looking through pieces costs less.
fn traces_to_look_at(share: f64, pieces: u64) -> Option<u64> {
    let traces = ENOUGH / share;
    (traces * PIECES_A_TRACE <= pieces as f64).then(|| (traces.ceil() as u64).min(OVERVIEW_RUNS_TRACES))
}

fn estimate(scope: &Scope, scan: &Scan, question: &Question) -> Plan {
    let sql = format!(
        "SELECT table, rows FROM (EXPLAIN ESTIMATE SELECT trace_id FROM pieces WHERE {})",
        scan.conditions(&question.window)
    );
    scan.bound(Plan::new(scope, sql), &question.window)
}

impl Runs {
    /// Of runs that each go so many steps on from an id to the next.
    fn of(known: IdRuns, steps: u64) -> Runs {
        let apart = known.number / SAMPLE_RUNS;
        let covered = SAMPLE_RUNS * steps.min(apart.max(1));
        Runs { ends: known.runs, share: covered as f64 / known.number.max(covered) as f64 }
    }
}

impl Queries {
    /// A sample of runs, where that is the cheaper one.
    pub(super) async fn sample_of_runs(
        &self,
        scope: &Scope,
        question: &Question,
        verify: &Verify<'_>,
        shown: usize,
    ) -> Result<Option<Sample>, ApiError> {
        if !verify.is_plain() {
            return Ok(None);
        }
        let worth_a_look = self.reader.estimate(&question.estimate_plan(scope)).await?;
        if worth_a_look <= OVERVIEW_MAX_PIECES {
            return Ok(None);
        }
        let pieces = self.reader.estimate(&question.everything_plan(scope)).await?;
        let every = pieces.div_ceil(JUDGED_PIECES);
        let (millionths, mut scanned) = self.reader.number(&question.judged_plan(scope, every)).await?;
        let Some(traces) = traces_to_look_at(millionths as f64 / 1e6, worth_a_look) else { return Ok(None) };
        self.reached.note("overview_pieces");
        let every = pieces.div_ceil(ORDERED_IDS);
        let steps = traces.div_ceil(SAMPLE_RUNS * every);
        let (known, cost) = self.reader.id_runs(&question.runs_plan(scope, every, steps)).await?;
        scanned.add(cost);
        let runs = Runs::of(known, steps);
        let plan = verify.runs_plan(scope, &runs.ends, question.range, shown);
        let (found, cost) = self.reader.found(&plan).await?;
        scanned.add(cost);
        Ok(Some(Sample { found, share: runs.share, scanned }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_runs_is_that_of_their_steps() {
        let share = |number, steps| Runs::of(IdRuns { number, runs: Vec::new() }, steps).share;
        assert_eq!(share(1_000, 10), 0.1);
        assert_eq!(share(1_000, 1), 0.01);
        assert_eq!(share(1_000, 5_000), 1.0, "runs end where the next begin");
    }

    #[test]
    fn runs_are_read_where_matches_are_frequent_for_how_much_there_is() {
        assert_eq!(traces_to_look_at(1.0, 700_000), Some(500));
        assert_eq!(traces_to_look_at(0.2, 700_000), Some(2_500));
        assert_eq!(traces_to_look_at(0.01, 700_000), None, "pieces name them more cheaply");
        assert_eq!(traces_to_look_at(0.01, 30_000_000), Some(OVERVIEW_RUNS_TRACES));
        assert_eq!(traces_to_look_at(0.0, 30_000_000), None);
    }
}
