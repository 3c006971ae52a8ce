//! Samples straight out of `spans`, where too many pieces may be worth a look to go through them for a few traces.
//!
//! Which ids the traces of a time have is learned from an even share of the pieces, by where they are stored. Some runs
//! of ids are then read, whatever they hold: what it costs does not depend on how much is stored. Where they hold too few
//! matches, longer ones are read.

use model::query::Query;
use model::view::Scanned;
use model::{ApiError, Scope, TraceId};

use super::{Question, SAMPLE_RUNS, Sample};
use crate::limits::{OVERVIEW_MAX_PIECES, OVERVIEW_RUNS_TRACES};
use crate::query::Queries;
use crate::query::search::Scan;
use crate::query::verify::Verify;
use crate::storage::reader::{IdRuns, Plan};

/// Pieces whose ids are put in order, about.
const ORDERED_IDS: u64 = 200_000;
/// The engine skips or reads so many rows together.
const GRANULE: u64 = 1_024;
/// Fewer matching traces than this are too few to count by.
const ENOUGH: usize = 300;

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

    /// Runs of ids, of so many steps from one id to the next.
    fn runs_plan(&self, scope: &Scope, every: u64, steps: u64) -> Plan {
        let scan = self.everything();
        let id = |at: &str| format!("reverse(reinterpretAsFixedString(ids[least(length(ids), {at})]))");
        let start = format!("1 + intDiv(run * length(ids), {SAMPLE_RUNS})");
        let sql = format!(
            "SELECT toUInt64(length(ids)) AS number, arrayMap(run -> ({}, {}), range({SAMPLE_RUNS})) AS runs
             FROM (SELECT arraySort(groupUniqArray(reinterpretAsUInt128(reverse(trace_id)))) AS ids
                FROM pieces WHERE {} AND (intDiv(_part_offset, {GRANULE}) + _part_index) % {every} = 0)",
            id(&start),
            id(&format!("{start} + {steps}")),
            scan.conditions(&self.window),
        );
        scan.bound(Plan::new(scope, sql), &self.window)
    }
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
    /// A sample of runs when it would take too long to look through pieces.
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
        self.reached.note("overview_pieces");
        let every = self.reader.estimate(&question.everything_plan(scope)).await?.div_ceil(ORDERED_IDS);
        let mut sample = Sample { found: Vec::new(), share: 1.0, scanned: Scanned::default() };
        for traces in OVERVIEW_RUNS_TRACES {
            let steps = traces.div_ceil(SAMPLE_RUNS * every);
            let (known, cost) = self.reader.id_runs(&question.runs_plan(scope, every, steps)).await?;
            sample.scanned.add(cost);
            let runs = Runs::of(known, steps);
            let plan = verify.runs_plan(scope, &runs.ends, question.range, shown);
            let (found, cost) = self.reader.found(&plan).await?;
            sample.scanned.add(cost);
            (sample.found, sample.share) = (found, runs.share);
            if sample.found.len() >= ENOUGH {
                break;
            }
        }
        Ok(Some(sample))
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
}
