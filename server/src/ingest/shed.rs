//! Holds a budget of spans a second by leaving out whole traces, the same ones everywhere (`wire::otlp::sampling`).
//!
//! The budget is shared out among senders so that the one that gets least gets as much as it can: who sends less than
//! an even share loses nothing, however loud the others are. What a sender may keep is decided once a second from what
//! came in the second before, so the first second of a burst passes whole, into the queue. As the queue fills, the
//! budget shrinks.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::limits::INGEST_KEYS_MAX;
use crate::wire::otlp::sampling::Threshold;

const WINDOW: Duration = Duration::from_secs(1);
/// Smaller changes are not made: traces that are under way stay as they are.
const WORTH_CHANGING: f64 = 0.1;
const LEAST_KEPT: f64 = 1.0 / 4_096.0;
/// The queue may be this full before the budget shrinks, down to the least of it when it is full.
const FILL_WITHOUT_WORRY: f64 = 0.5;
const LEAST_BUDGET: f64 = 0.1;

/// How full the queue is, 0 to 1.
pub type Fill = Box<dyn Fn() -> f64 + Send + Sync>;

pub struct Shedder {
    spans_per_second: f64,
    fill: Fill,
    loads: Mutex<Loads>,
}

struct Loads {
    since: Instant,
    by_sender: HashMap<String, Load>,
}

/// What one sender sent in this window, and which share of it may stay.
#[derive(Clone, Copy, Debug)]
struct Load {
    arrived: u64,
    kept: u64,
    keep: f64,
}

impl Shedder {
    pub fn new(spans_per_second: u64, fill: Fill, now: Instant) -> Shedder {
        let loads = Loads { since: now, by_sender: HashMap::new() };
        Shedder { spans_per_second: spans_per_second as f64, fill, loads: Mutex::new(loads) }
    }

    /// By what a request of this sender is thinned out.
    pub fn threshold(&self, sender: &str, now: Instant) -> Threshold {
        let mut loads = self.loads.lock().unwrap_or_else(PoisonError::into_inner);
        let elapsed = now.saturating_duration_since(loads.since);
        if elapsed >= WINDOW {
            loads.since = now;
            share_out(&mut loads.by_sender, self.budget(), elapsed.as_secs_f64());
        }
        loads.by_sender.get(sender).map_or(Threshold::NONE, |load| Threshold::keeping(load.keep))
    }

    /// Notes what came and what of it stayed.
    pub fn count(&self, sender: &str, arrived: u64, kept: u64) {
        let mut loads = self.loads.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(load) = loads.by_sender.get_mut(sender) {
            load.arrived += arrived;
            load.kept += kept;
        } else if loads.by_sender.len() <= INGEST_KEYS_MAX as usize {
            loads.by_sender.insert(sender.to_owned(), Load { arrived, kept, keep: 1.0 });
        }
    }

    /// The share that is left to whoever is shed most.
    pub fn least_kept(&self) -> f64 {
        let loads = self.loads.lock().unwrap_or_else(PoisonError::into_inner);
        loads.by_sender.values().map(|load| load.keep).fold(1.0, f64::min)
    }

    fn budget(&self) -> f64 {
        let worry = ((self.fill)() - FILL_WITHOUT_WORRY) / (1.0 - FILL_WITHOUT_WORRY);
        self.spans_per_second * (1.0 - worry.clamp(0.0, 1.0) * (1.0 - LEAST_BUDGET))
    }
}

/// Decides what each sender may keep in the window that begins.
fn share_out(loads: &mut HashMap<String, Load>, budget: f64, secs: f64) {
    loads.retain(|_, load| load.arrived > 0);
    let mut by_rate: Vec<&mut Load> = loads.values_mut().collect();
    by_rate.sort_by_key(|load| load.arrived);
    let mut left = budget;
    let mut senders = by_rate.len();
    for load in by_rate {
        let rate = load.arrived as f64 / secs;
        let share = rate.min(left / senders as f64);
        left -= share;
        senders -= 1;
        let kept = load.kept as f64 / secs;
        let next = if share >= rate {
            1.0
        } else if kept > 0.0 {
            // Not the share of what came: what its sender had sampled before stays until the threshold passes its own.
            (load.keep * share / kept).clamp(LEAST_KEPT, 1.0)
        } else {
            (share / rate).max(LEAST_KEPT)
        };
        let is_told = next == 1.0 || (next / load.keep - 1.0).abs() >= WORTH_CHANGING;
        *load = Load { arrived: 0, kept: 0, keep: if is_told { next } else { load.keep } };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::wire::otlp::sampling::with_threshold;

    /// A shedder, its clock, and how full its queue is in per cent.
    struct Run {
        shedder: Shedder,
        now: Instant,
        fill: Arc<AtomicU64>,
    }

    impl Run {
        fn new(spans_per_second: u64) -> Run {
            let (fill, now) = (Arc::new(AtomicU64::new(0)), Instant::now());
            let shown = fill.clone();
            let read = Box::new(move || shown.load(Ordering::Relaxed) as f64 / 100.0);
            Run { shedder: Shedder::new(spans_per_second, read, now), now, fill }
        }

        /// One second in which each sender sends so many spans, a trace each; what stayed of each.
        fn second(&mut self, sent: &[(&str, u64)]) -> Vec<u64> {
            self.now += WINDOW;
            sent.iter()
                .map(|(sender, spans)| {
                    let threshold = self.shedder.threshold(sender, self.now);
                    let stays = |span: &u64| {
                        // Evenly spread over all there is.
                        let random = (span * (u64::MAX / spans)) >> 8;
                        threshold.keeps(&random.to_be_bytes(), "")
                    };
                    let kept = (0..*spans).filter(stays).count() as u64;
                    self.shedder.count(sender, *spans, kept);
                    kept
                })
                .collect()
        }
    }

    fn is_about(found: u64, expected: u64) -> bool {
        found.abs_diff(expected) <= expected / 8 + 1
    }

    #[test]
    fn within_the_budget_nothing_is_left_out() {
        let mut run = Run::new(1_000);
        for _ in 0..5 {
            assert_eq!(run.second(&[("a", 600), ("b", 400)]), [600, 400]);
        }
        assert_eq!(run.shedder.least_kept(), 1.0);
    }

    #[test]
    fn a_loud_sender_does_not_starve_the_quiet_ones() {
        let mut run = Run::new(1_000);
        run.second(&[("loud", 50_000), ("louder", 90_000), ("quiet", 100)]);
        for _ in 0..5 {
            let kept = run.second(&[("loud", 50_000), ("louder", 90_000), ("quiet", 100)]);
            assert!(is_about(kept[0], 450) && is_about(kept[1], 450), "{kept:?}");
            assert_eq!(kept[2], 100);
        }
        assert!(run.shedder.least_kept() < 0.02);
        // The loud ones go quiet, and within a second nothing is left out any more.
        run.second(&[("loud", 10), ("louder", 10), ("quiet", 100)]);
        assert_eq!(run.second(&[("loud", 10), ("louder", 10), ("quiet", 100)]), [10, 10, 100]);
    }

    #[test]
    fn as_the_queue_fills_the_budget_shrinks() {
        let mut run = Run::new(1_000);
        run.fill.store(75, Ordering::Relaxed);
        run.second(&[("a", 1_000)]);
        run.second(&[("a", 1_000)]);
        let kept = run.second(&[("a", 1_000)]);
        assert!(is_about(kept[0], 550), "{kept:?}");
        run.fill.store(100, Ordering::Relaxed);
        run.second(&[("a", 1_000)]);
        let kept = run.second(&[("a", 1_000)]);
        assert!(is_about(kept[0], 100), "{kept:?}");
        run.fill.store(0, Ordering::Relaxed);
        assert_eq!(run.second(&[("a", 1_000)]), [1_000]);
    }

    #[test]
    fn what_was_sampled_before_is_thinned_out_to_the_budget_all_the_same() {
        let mut run = Run::new(1_000);
        let sampled = with_threshold("", Threshold::keeping(0.1));
        let own = crate::wire::otlp::sampling::threshold_of(&sampled);
        let mut kept = 0;
        for _ in 0..12 {
            run.now += WINDOW;
            let threshold = run.shedder.threshold("a", run.now);
            // Ten thousand of a hundred thousand came; of those the larger threshold keeps its share.
            let larger = threshold.max(own);
            kept = (100_000.0 / larger.adjusted_count()) as u64;
            run.shedder.count("a", 10_000, kept);
        }
        assert!(is_about(kept, 1_000), "{kept}");
    }
}
