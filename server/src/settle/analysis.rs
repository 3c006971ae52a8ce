//! What is to be known of a whole trace, found out by the code the browser runs too.

use std::collections::BTreeMap;

use model::trace::call::{Call, calls};
use model::trace::orphan::{Evidence, orphans};
use model::trace::path::{Repeat, path_hashes_of, repeats, shape_hash};
use model::trace::{Clock, CriticalPath, Trace, TraceStatus, Tree, status_of};

use super::gather::Named;
use crate::storage::settled::TraceRecord;

/// Siblings alike that are worth telling of, and how many groups of them.
const REPEATS_LEAST: u32 = 5;
const REPEATS_SHOWN: usize = 5;
/// A trace that began this long before its first span arrived may have had spans that arrived still earlier.
const BEGAN_EARLY_SECS: u64 = 60;

/// A trace with what its spans tell together.
pub struct Analysed {
    pub trace: Trace,
    pub tree: Tree,
    pub clock: Clock,
    pub critical: CriticalPath,
    pub paths: Vec<u64>,
    /// Of the trace's names.
    pub hashes: Vec<u64>,
}

impl Analysed {
    pub fn new(named: Named) -> Analysed {
        let Named { trace, hashes } = named;
        let tree = Tree::new(&trace);
        let clock = Clock::new(&trace, &tree);
        let critical = CriticalPath::new(&trace, &tree, &clock);
        let paths = path_hashes_of(&trace, &tree, &hashes);
        Analysed { trace, tree, clock, critical, paths, hashes }
    }

    /// Spans of it may have arrived before those at hand.
    pub fn may_have_earlier(&self, first_received: u32) -> bool {
        let has_root = self.trace.parent_id.iter().any(|id| !id.is_valid());
        !has_root
            || self.begins_early(first_received)
            || (0..self.trace.len()).any(|row| self.trace.is_orphan(row))
    }

    pub fn begins_early(&self, first_received: u32) -> bool {
        self.trace.start.as_secs() + BEGAN_EARLY_SECS < u64::from(first_received)
    }

    pub fn calls(&self) -> Vec<Call<'_>> {
        calls(&self.trace, &self.tree)
    }

    /// The row to store, but for whose it is and when it came.
    pub fn record(&self) -> TraceRecord {
        let trace = &self.trace;
        let root = trace.root_row();
        let name =
            |of: fn(&Trace, usize) -> &str| root.map_or_else(String::new, |row| of(trace, row).to_owned());
        let errors = (0..trace.len()).filter(|row| trace.is_error(*row)).count() as u64;
        let causes = self.causes();
        let orphan_count = causes.iter().map(|(_, count)| count).sum();
        let has_root = trace.parent_id.iter().any(|id| !id.is_valid());
        let repeats = self.repeats();
        TraceRecord {
            class: crate::storage::columns::DEFAULT_CLASS,
            trace_id: trace.trace_id.0,
            start: i64::try_from(trace.start.0).unwrap_or(i64::MAX),
            duration: trace.duration.0,
            root_service: name(Trace::service_name),
            root_operation: name(Trace::operation_name),
            status: number_of(status_of(errors, orphan_count, has_root)),
            spans: trace.len() as u64,
            errors,
            orphans: orphan_count,
            depth: self.tree.depth.iter().max().map_or(0, |deepest| deepest + 1),
            shape: shape_hash(&self.paths),
            causes,
            critical: self.critical_by_service(),
            repeats_service: repeats
                .iter()
                .map(|r| trace.service_name(r.first as usize).to_owned())
                .collect(),
            repeats_operation: repeats
                .iter()
                .map(|r| trace.operation_name(r.first as usize).to_owned())
                .collect(),
            repeats_count: repeats.iter().map(|r| r.count).collect(),
            repeats_duration: repeats.iter().map(|r| r.duration).collect(),
            ..TraceRecord::default()
        }
    }

    fn causes(&self) -> Vec<(String, u64)> {
        let mut causes: BTreeMap<&str, u64> = BTreeMap::new();
        // A trace is settled when it is quiet: nothing is in flight any more.
        let evidence = Evidence { in_flight: false, refused: &self.trace.refused };
        for orphan in orphans(&self.trace, &self.tree, &self.clock, &evidence) {
            *causes.entry(orphan.cause.name()).or_default() += 1;
        }
        causes.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
    }

    fn critical_by_service(&self) -> Vec<(String, u64)> {
        let mut by_name = vec![0u64; self.trace.strings.len()];
        for (row, time) in self.critical.time.iter().enumerate() {
            by_name[self.trace.service[row] as usize] += time;
        }
        let named = |(number, time): (usize, u64)| {
            (time > 0).then(|| (self.trace.text(number as u32).to_owned(), time))
        };
        by_name.into_iter().enumerate().filter_map(named).collect()
    }

    fn repeats(&self) -> Vec<Repeat> {
        let mut found = repeats(&self.trace, &self.tree, REPEATS_LEAST);
        found.truncate(REPEATS_SHOWN);
        found
    }
}

/// As the query language counts statuses of traces.
fn number_of(status: TraceStatus) -> u8 {
    match status {
        TraceStatus::Ok => 1,
        TraceStatus::Error => 2,
        TraceStatus::Partial => 3,
    }
}
