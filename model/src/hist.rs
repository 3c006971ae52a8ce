//! A histogram of durations whose quantiles are within 2 % and whose states add up exactly.
//!
//! Buckets are log-linear: each power of two of nanoseconds is cut into 32 equal parts, so a bucket is at most
//! 1/32 of its value wide and its middle at most 1.6 % off. No floating point decides where a value goes, so the
//! same duration lands in the same bucket everywhere.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Nanos;

const SUB_BITS: u32 = 5;
const SUBS: u64 = 1 << SUB_BITS;
const COARSE: u16 = 8;

/// The bucket a duration falls into.
pub fn bucket_of(duration: Nanos) -> u16 {
    let v = duration.0;
    if v < SUBS {
        return v as u16;
    }
    let exponent = 63 - v.leading_zeros();
    let sub = (v >> (exponent - SUB_BITS)) & (SUBS - 1);
    (((exponent - SUB_BITS + 1) as u64 * SUBS) + sub) as u16
}

/// The middle of a bucket.
pub fn middle_of(bucket: u16) -> Nanos {
    let bucket = u64::from(bucket);
    if bucket < SUBS {
        return Nanos(bucket);
    }
    let shift = bucket / SUBS - 1;
    let low = (SUBS + bucket % SUBS) << shift;
    Nanos(low + ((1 << shift) >> 1))
}

/// Eight buckets in one, where shapes are compared rather than quantiles told: four to each power of two.
pub fn coarse_of(duration: Nanos) -> u16 {
    bucket_of(duration) / COARSE
}

/// The least duration of a coarse bucket.
pub fn coarse_floor(coarse: u16) -> Nanos {
    let bucket = u64::from(coarse) * u64::from(COARSE);
    if bucket < SUBS {
        return Nanos(bucket);
    }
    Nanos((SUBS + bucket % SUBS).checked_shl((bucket / SUBS - 1) as u32).unwrap_or(u64::MAX))
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Histogram {
    counts: BTreeMap<u16, u64>,
}

impl Histogram {
    pub fn add(&mut self, duration: Nanos) {
        self.add_bucket(bucket_of(duration), 1);
    }

    pub fn add_bucket(&mut self, bucket: u16, count: u64) {
        *self.counts.entry(bucket).or_default() += count;
    }

    pub fn merge(&mut self, other: &Histogram) {
        for (bucket, count) in &other.counts {
            self.add_bucket(*bucket, *count);
        }
    }

    pub fn count(&self) -> u64 {
        self.counts.values().sum()
    }

    pub fn buckets(&self) -> impl Iterator<Item = (u16, u64)> + '_ {
        self.counts.iter().map(|(b, c)| (*b, *c))
    }

    /// The smallest bucket's middle at or below which the share `q` (0..=1) of all values lies; None when empty.
    pub fn quantile(&self, q: f64) -> Option<Nanos> {
        let total = self.count();
        let rank = ((total as f64 * q).ceil() as u64).clamp(1, total.max(1));
        let mut seen = 0;
        self.counts.iter().find_map(|(bucket, count)| {
            seen += count;
            (seen >= rank).then(|| middle_of(*bucket))
        })
    }
}

#[cfg(test)]
mod tests;
