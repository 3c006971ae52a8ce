//! What can be asked about a trace beyond its columns: the words in its attributes, its neighbours, its peers.

use serde::{Deserialize, Serialize};

use super::Trace;
use crate::{Histogram, Nanos, Span, SpanId, SpanKind, Timestamp, TraceId};

/// A span whose rank is asked for: service, operation, kind and duration.
pub type RankAsked = (String, String, SpanKind, Nanos);

/// Where a span's duration lies among the calls of its operation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SpanRank {
    pub calls: u64,
    pub errors: u64,
    /// Calls that were shorter.
    pub shorter: u64,
    pub p50: Nanos,
    pub p95: Nanos,
    pub p99: Nanos,
}

impl SpanRank {
    pub fn of(duration: Nanos, calls: u64, errors: u64, hist: &Histogram) -> SpanRank {
        let own = crate::hist::bucket_of(duration);
        let at = |q: f64| hist.quantile(q).unwrap_or_default();
        SpanRank {
            calls,
            errors,
            shorter: hist.buckets().filter(|(bucket, _)| *bucket < own).map(|(_, count)| count).sum(),
            p50: at(0.5),
            p95: at(0.95),
            p99: at(0.99),
        }
    }

    /// Share of calls that were shorter, 0 to 1; None when too few are known to say.
    pub fn share_shorter(&self) -> Option<f64> {
        const FEW: u64 = 20;
        (self.calls >= FEW).then(|| self.shorter as f64 / self.calls as f64)
    }
}

/// A trace from a file: nothing of it is stored, so its spans come along whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TraceFile {
    pub trace: Trace,
    pub spans: Vec<Span>,
}

impl TraceFile {
    /// A larger file is not read: it is held in memory, and so is what is made of it.
    pub const MAX_BYTES: usize = 32 << 20;
}

/// One attribute of many spans, every distinct value once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceValues {
    pub values: Vec<String>,
    /// A span and the number of its value.
    pub spans: Vec<(SpanId, u32)>,
    /// Whether no value was left out for its size.
    pub complete: bool,
}

/// A span of another trace that a link joins to one of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkedSpan {
    pub ours: SpanId,
    /// The other span holds the link; otherwise ours does.
    pub is_incoming: bool,
    pub trace_id: TraceId,
    pub span_id: SpanId,
    /// Empty when the span is not stored.
    pub service: String,
    pub operation: String,
    pub start: Timestamp,
    pub duration: Nanos,
}

#[cfg(test)]
mod tests {
    //! Ranks of durations.
    use super::*;

    #[test]
    fn a_rank_counts_the_shorter_ones() {
        let mut hist = Histogram::default();
        (1..=100).for_each(|n| hist.add(Nanos(n * 1_000_000)));
        let rank = SpanRank::of(Nanos(90_500_000), 100, 3, &hist);
        let share = rank.share_shorter().unwrap();
        assert!((0.86..=0.91).contains(&share), "{share}");
        assert_eq!(SpanRank::of(Nanos(5), 3, 0, &hist).share_shorter(), None);
    }
}
