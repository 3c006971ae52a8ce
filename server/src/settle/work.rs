//! What the traces of a slice add to the figures of what operations did themselves.

use std::collections::HashMap;

use model::hist::coarse_of;
use model::trace::path::mixed;
use model::trace::work::{SpanWork, key_of, work};
use model::work::WorkKey;
use model::{Nanos, Timestamp};

use super::analysis::Analysed;
use crate::limits::SETTLE_WORK_MAX;
use crate::storage::work::WorkRecord;

const STEP_SECS: u64 = 60;

#[derive(Default)]
pub struct WorkSums {
    cells: HashMap<(u32, u32, u64), Cell, foldhash::fast::FixedState>,
    /// Spans whose operation was not counted, because there were too many.
    pub uncounted: u64,
}

#[derive(Default)]
struct Cell {
    key: WorkKey,
    spans: i64,
    roots: i64,
    errors: i64,
    own_errors: i64,
    duration: i64,
    self_time: i64,
    critical: i64,
    lengths: Coarse,
    own_times: Coarse,
    lags: Coarse,
}

/// Few buckets to a cell: a list is quicker than a map.
#[derive(Default)]
struct Coarse(Vec<(u16, i64)>);

impl Coarse {
    fn add(&mut self, duration: u64, sign: i64) {
        let bucket = coarse_of(Nanos(duration));
        match self.0.iter_mut().find(|(known, _)| *known == bucket) {
            Some((_, count)) => *count += sign,
            None => self.0.push((bucket, sign)),
        }
    }

    fn finish(mut self) -> Vec<(u16, i64)> {
        self.0.retain(|(_, count)| *count != 0);
        self.0.sort_unstable();
        self.0
    }
}

impl WorkSums {
    /// Adds a trace as often as it stands for others, or takes it away where that is negative.
    pub fn count(&mut self, tenant: u32, analysed: &Analysed, times: i64) {
        let Analysed { trace, tree, clock, critical, hashes, .. } = analysed;
        for span in work(trace, tree, clock, critical) {
            let row = span.row as usize;
            let start = trace.start.plus(Nanos(trace.offset[row]));
            let names = mixed(hashes[trace.service[row] as usize], hashes[trace.operation[row] as usize]);
            let place = mixed(names, hashes[span.peer as usize]);
            let number = mixed(place, trace.kind[row] as u64);
            let key = (tenant, minute_of(start), number);
            let is_full = self.cells.len() >= SETTLE_WORK_MAX;
            if is_full && !self.cells.contains_key(&key) {
                self.uncounted += 1;
                continue;
            }
            let new = || Cell { key: key_of(trace, &span), ..Cell::default() };
            self.cells.entry(key).or_insert_with(new).add(&span, trace.length[row], times);
        }
    }

    pub fn finish(self, tenants: &[String], slice: u32) -> Vec<WorkRecord> {
        let record = |((tenant, time, _), cell): ((u32, u32, u64), Cell)| WorkRecord {
            tenant: tenants[tenant as usize].clone(),
            time,
            service: cell.key.service,
            operation: cell.key.operation,
            kind: cell.key.kind as u8,
            peer: cell.key.peer,
            slice,
            spans: cell.spans,
            roots: cell.roots,
            errors: cell.errors,
            own_errors: cell.own_errors,
            duration: cell.duration,
            self_time: cell.self_time,
            critical: cell.critical,
            lengths: cell.lengths.finish(),
            own_times: cell.own_times.finish(),
            lags: cell.lags.finish(),
        };
        self.cells.into_iter().map(record).collect()
    }
}

impl Cell {
    fn add(&mut self, span: &SpanWork, length: u64, times: i64) {
        let signed = |number: u64| times.saturating_mul(i64::try_from(number).unwrap_or(i64::MAX));
        self.spans += times;
        self.roots += times * i64::from(span.is_root);
        self.errors += times * i64::from(span.error);
        self.own_errors += times * i64::from(span.own_error);
        self.duration = self.duration.saturating_add(signed(length));
        self.self_time = self.self_time.saturating_add(signed(span.self_time));
        self.critical = self.critical.saturating_add(signed(span.critical));
        self.lengths.add(length, times);
        self.own_times.add(span.self_time, times);
        if let Some(lag) = span.lag {
            self.lags.add(lag, times);
        }
    }
}

fn minute_of(start: Timestamp) -> u32 {
    let secs = start.as_secs();
    u32::try_from(secs - secs % STEP_SECS).unwrap_or(u32::MAX)
}
