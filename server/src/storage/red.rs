//! Rate, errors and durations, counted from the batch in hand: 100 % of spans, once each, before anything is
//! sampled or expires. A span that was sampled on its way counts for those it stands for.

use std::collections::HashMap;

use model::Nanos;
use model::hist::bucket_of;

use super::columns::TableBlock;
use super::native::{Column, Dict, Fixed, Names, block};

/// The finest step in which rates can be read.
pub const RED_STEP_SECS: u64 = 10;

/// Numbers are those of the batch's dictionaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    pub tenant: u32,
    pub service: u32,
    pub operation: u32,
    pub kind: u8,
    pub day: u16,
    pub time_secs: u32,
}

#[derive(Debug, Default)]
struct Cell {
    calls: u64,
    errors: u64,
    duration_sum: u64,
    /// Few buckets to a cell: a list is quicker than a map.
    hist: Vec<(u16, u64)>,
}

#[derive(Debug, Default)]
pub struct RedCounter {
    cells: HashMap<Key, Cell, foldhash::fast::FixedState>,
}

pub fn time_bucket(start_ns: u64) -> u32 {
    let secs = start_ns / 1_000_000_000;
    (secs - secs % RED_STEP_SECS) as u32
}

impl RedCounter {
    /// `spans` is how many the span stands for.
    pub fn count(&mut self, key: Key, spans: u64, error: bool, duration_ns: u64) {
        let cell = self.cells.entry(key).or_default();
        cell.calls += spans;
        cell.errors += if error { spans } else { 0 };
        cell.duration_sum = cell.duration_sum.saturating_add(duration_ns.saturating_mul(spans));
        let bucket = bucket_of(Nanos(duration_ns));
        match cell.hist.iter_mut().find(|(b, _)| *b == bucket) {
            Some((_, count)) => *count += spans,
            None => cell.hist.push((bucket, spans)),
        }
    }

    /// The rows, sorted, so that the same batch always makes the same block.
    pub fn finish(self, tenants: &Names, services: &Names, operations: &Names) -> TableBlock {
        let mut cells: Vec<(Key, Cell)> = self.cells.into_iter().collect();
        cells.sort_unstable_by_key(|(key, _)| *key);
        let [mut tenant, mut service, mut operation] = [tenants, services, operations].map(Names::same_keys);
        let mut day: Fixed<2> = Fixed::new("Date");
        let mut time: Fixed<4> = Fixed::new("DateTime('UTC')");
        let mut kind: Fixed<1> = Fixed::new("UInt8");
        let [mut calls, mut errors, mut duration_sum] = std::array::from_fn(|_| Fixed::<8>::new("UInt64"));
        let mut hist: Dict<Fixed<8>, Fixed<2>> = Dict::from_parts(Fixed::new("UInt16"), Fixed::new("UInt64"));
        for (key, mut cell) in cells {
            tenant.push_number(key.tenant);
            service.push_number(key.service);
            operation.push_number(key.operation);
            day.push(key.day.to_le_bytes());
            time.push(key.time_secs.to_le_bytes());
            kind.push([key.kind]);
            calls.push(cell.calls.to_le_bytes());
            errors.push(cell.errors.to_le_bytes());
            duration_sum.push(cell.duration_sum.to_le_bytes());
            cell.hist.sort_unstable();
            for (bucket, count) in cell.hist {
                hist.keys.push(bucket.to_le_bytes());
                hist.values.push(count.to_le_bytes());
            }
            hist.end_row();
        }
        let rows = day.rows();
        let (columns, body) = block(
            rows,
            vec![
                ("tenant", &mut tenant),
                ("day", &mut day),
                ("time", &mut time),
                ("service", &mut service),
                ("operation", &mut operation),
                ("kind", &mut kind),
                ("calls", &mut calls),
                ("errors", &mut errors),
                ("duration_sum", &mut duration_sum),
                ("hist", &mut hist),
            ],
        );
        TableBlock { table: "red", columns, rows, body }
    }
}
