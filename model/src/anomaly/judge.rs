//! Judges every figure of a picture by what it was learned to be.
//!
//! A signal needs four things: enough calls, a chance too small for all that is judged, a change worth telling, and
//! a figure outside of what any window before had. Days before are asked as well when there are any: what happens at
//! this time every day is no news. What is called rarely is judged by as many windows as it takes to see enough of it.

use std::borrow::Cow;

use super::chance::{Learned, Share, learn, learn_rate};
use super::{Budget, CallSeries, Picture, Series, Signal, WINDOW_SECS};
use crate::view::Measure;
use crate::work::{Shape, Work, WorkKey};
use crate::{Nanos, Timestamp};

/// Signals that may only go along with another need not be as rare.
pub(super) const CHANCE_OF_COMPANION: f64 = 1e-4;

/// Fewer windows, or calls in them, teach nothing.
const WINDOWS_LEAST: usize = 6;
const LEARNED_CALLS_LEAST: f64 = 50.0;
/// Fewer calls in the window show nothing.
pub(super) const CALLS_LEAST: u64 = 20;
/// Days with fewer windows are not asked: the half hour of one earlier day alone tells nothing of how days differ.
const DAY_WINDOWS_LEAST: usize = 12;
/// The quantiles a shape is compared at, and by which factor each must have moved.
const LEVELS: [(f64, f64); 3] = [(0.5, 1.3), (0.9, 1.5), (0.99, 2.0)];
const MOVED_LEAST: Nanos = Nanos(1_000_000);
/// Slower calls than expected, at least.
const SLOW_CALLS_LEAST: f64 = 8.0;
const FAILED_LEAST: f64 = 5.0;
const FAILED_SHARE_LEAST: f64 = 0.01;
/// Rates must have doubled, or halved; calls for each request change by less.
const RATE_FACTOR: f64 = 2.0;
const RATE_CALLS_LEAST: f64 = 30.0;
const TREND_WINDOWS: usize = 6;
const CALLS_FACTOR: f64 = 1.5;
const CALLS_CHANGED_LEAST: f64 = 20.0;
/// A call is new for so long, where at least as much again is known from before it.
const NEW_FOR: Nanos = Nanos(900 * 1_000_000_000);
const KNOWN_LEAST: Nanos = Nanos(3_600 * 1_000_000_000);
const NEW_CALLS_LEAST: u64 = 10;

/// What is judged at one time, and what came of it.
struct Judging {
    tests: usize,
    found: Vec<Signal>,
}

/// All that is not as it was, and how small a chance makes it an alarm by itself.
pub fn judge(picture: &Picture, budget: Budget) -> (Vec<Signal>, f64) {
    let mut judging = Judging { tests: 0, found: Vec::new() };
    for series in &picture.series {
        judging.series(&Judged::of(series, picture.end));
        judging.requests(series);
    }
    for calls in &picture.calls {
        judging.calls(picture, calls);
    }
    let windows_a_day = (86_400 / WINDOW_SECS) as f64;
    let chance = budget.a_day / (judging.tests.max(1) as f64 * windows_a_day);
    let mut found = judging.found;
    found.retain(|signal| signal.chance <= chance.max(CHANCE_OF_COMPANION));
    (found, chance)
}

impl Judging {
    fn series(&mut self, series: &Judged<'_>) {
        let base = Base::of(series.recent);
        self.failures(series, Measure::OwnErrors, |work| work.own_errors);
        self.failures(series, Measure::Errors, |work| work.errors);
        self.slowness(series, &base, Measure::OwnTime, |work| &work.own_times);
        self.slowness(series, &base, Measure::Duration, |work| &work.lengths);
        self.slowness(series, &base, Measure::Lag, |work| &work.lags);
    }

    fn failures(&mut self, series: &Judged<'_>, measure: Measure, of: fn(&Work) -> u64) {
        let share = |work: &Work| Share { have: of(work) as f64, of: work.spans as f64 };
        let now = share(&series.now);
        let Some(both) = Both::of(series.recent, series.days, share, learn) else { return };
        if series.now.spans < CALLS_LEAST {
            return;
        }
        self.tests += 1;
        let (level, found) = (both.recent.level, now.have / now.of);
        let more = now.have - now.of * level;
        let is_worth = found >= level + FAILED_SHARE_LEAST && found >= 2.0 * level && more >= FAILED_LEAST;
        if is_worth && found > both.most() {
            let chance = both.chance(|learned| learned.chance_of_more(now));
            self.add(series.key, measure, (found, level), series.now.spans, chance, more);
        }
    }

    fn slowness(&mut self, series: &Judged<'_>, base: &Base, measure: Measure, of: fn(&Work) -> &Shape) {
        let now = of(&series.now);
        let usual = of(&base.sum);
        if now.count() < CALLS_LEAST || (usual.count() as f64) < LEARNED_CALLS_LEAST {
            return;
        }
        self.tests += 1;
        let mut best: Option<f64> = None;
        for (q, factor) in LEVELS {
            let Some(bucket) = usual.bucket_at(q).map(|bucket| bucket + 1) else { continue };
            let share =
                |work: &Work| Share { have: of(work).count_from(bucket) as f64, of: of(work).count() as f64 };
            let seen = share(&series.now);
            let Some(both) = Both::of(series.recent, series.days, share, learn) else { continue };
            let (was, is) = (usual.quantile(q), now.quantile(q));
            let is_moved = is.0 as f64 >= was.0 as f64 * factor && is.0 >= was.0 + MOVED_LEAST.0;
            let is_worth = is_moved && seen.have - seen.of * both.recent.level >= SLOW_CALLS_LEAST;
            if is_worth && seen.have / seen.of > both.most() {
                let chance = LEVELS.len() as f64 * both.chance(|learned| learned.chance_of_more(seen));
                best = Some(best.map_or(chance, |known| known.min(chance)));
            }
        }
        let Some(chance) = best else { return };
        let (is, was) = (mean_of(now), mean_of(usual));
        let size = (is - was).max(0.0) * now.count() as f64 / 1e9;
        self.add(series.key, measure, (is, was), now.count(), chance.min(1.0), size);
    }

    /// Of what comes from outside: what is called from inside follows its callers.
    fn requests(&mut self, series: &Series) {
        let base = Base::of(&series.recent);
        let is_root = base.sum.roots as f64 >= 0.9 * base.sum.spans as f64 && base.sum.spans > 0;
        let share = |work: &Work| Share { have: work.spans as f64, of: 1.0 };
        let trend: Vec<Share> =
            series.recent.iter().rev().take(TREND_WINDOWS).map(|(_, w)| share(w)).collect();
        let both = Both::of(&series.recent, &series.days, share, learn_rate);
        let (Some(mut both), Some(trend)) = (both, learn_rate(&trend)) else { return };
        if !is_root || (base.sum.spans as f64) < LEARNED_CALLS_LEAST {
            return;
        }
        self.tests += 1;
        both.recent.level = trend.level;
        let now = share(&series.now);
        let levels = std::iter::once(&both.recent).chain(&both.days);
        let is_all = |differs: fn(f64, f64) -> bool| levels.clone().all(|l| differs(now.have, l.level));
        let is_more = is_all(|now, level| now >= level * RATE_FACTOR) && now.have > both.most() * 1.2;
        let is_less = is_all(|now, level| now * RATE_FACTOR <= level) && now.have < both.least() * 0.8;
        let change = now.have - trend.level;
        if (is_more || is_less) && change.abs() >= RATE_CALLS_LEAST {
            let chance = both.chance(|learned| learned.chance_of_rate(now));
            let a_second = |calls: f64| calls / WINDOW_SECS as f64;
            let figures = (a_second(now.have), a_second(trend.level));
            self.add(&series.key, Measure::Requests, figures, series.now.spans, chance, change.abs());
        }
    }

    fn calls(&mut self, picture: &Picture, series: &CallSeries) {
        let share = |calls: &super::Calls| Share { have: calls.calls as f64, of: calls.taken as f64 };
        let windows: Vec<Share> = series.recent.iter().map(|(_, calls)| share(calls)).collect();
        let used = windows.iter().filter(|w| w.of > 0.0).count();
        let Some(learned) =
            learn_rate(&windows).filter(|l| used >= WINDOWS_LEAST && l.weight >= LEARNED_CALLS_LEAST)
        else {
            return;
        };
        self.tests += 1;
        let now = share(&series.now);
        let is_new = windows.iter().all(|w| w.have == 0.0);
        let key = WorkKey { service: series.client.clone(), ..WorkKey::default() };
        let mut add = |measure, chance, size| {
            let figures = (now.have / now.of.max(1.0), if is_new { 0.0 } else { learned.level });
            self.add(&key, measure, figures, series.now.calls, chance, size);
            if let Some(signal) = self.found.last_mut() {
                signal.server.clone_from(&series.server);
            }
        };
        if is_new {
            let is_known = picture.known_since.plus(KNOWN_LEAST) <= series.first_seen;
            let is_fresh = series.first_seen.plus(NEW_FOR) >= picture.end;
            if is_known && is_fresh && series.now.calls >= NEW_CALLS_LEAST {
                add(Measure::NewCalls, learned.chance_of_more(now), now.have);
            }
            return;
        }
        let expected = now.of * learned.level;
        let (ratio, change) = (now.have / expected.max(1e-9), (now.have - expected).abs());
        let level = now.have / now.of.max(1.0);
        let is_more = ratio >= CALLS_FACTOR && level > learned.most * 1.1;
        let is_less = ratio * 2.0 <= 1.0 && level < learned.least * 0.9;
        if change >= CALLS_CHANGED_LEAST && (is_more || is_less) && now.of > 0.0 {
            let measure = if now.have == 0.0 { Measure::LostCalls } else { Measure::CallsARequest };
            add(measure, learned.chance_of_rate(now), change);
        }
    }

    fn add(
        &mut self,
        key: &WorkKey,
        measure: Measure,
        (now, usual): (f64, f64),
        calls: u64,
        chance: f64,
        size: f64,
    ) {
        let (key, server) = (key.clone(), String::new());
        self.found.push(Signal { key, server, measure, now, usual, calls, chance, size });
    }
}

/// What of an operation is judged, and by what.
struct Judged<'s> {
    key: &'s WorkKey,
    now: Cow<'s, Work>,
    recent: &'s [(Timestamp, Work)],
    days: &'s [(Timestamp, Work)],
}

impl Judged<'_> {
    /// The last window; of what is called rarely, and not only now, more of them.
    fn of(series: &Series, end: Timestamp) -> Judged<'_> {
        let Series { key, now, lately, recent, days } = series;
        let usual: u64 = recent.iter().map(|(_, work)| work.spans).sum();
        let is_rare = now.spans < CALLS_LEAST && usual < CALLS_LEAST * recent.len() as u64;
        let (mut sum, mut windows) = (Cow::Borrowed(now), 1);
        for before in lately.iter().filter(|_| is_rare) {
            if sum.spans >= CALLS_LEAST {
                break;
            }
            sum.to_mut().merge(before);
            windows += 1;
        }
        let begins = end.minus(Nanos::from_secs(windows * WINDOW_SECS));
        let is_before = |(start, _): &(Timestamp, Work)| *start < begins;
        Judged { key, now: sum, recent: &recent[..recent.partition_point(is_before)], days }
    }
}

/// The sum of the windows judged by, those of today.
struct Base {
    sum: Work,
}

impl Base {
    fn of(recent: &[(Timestamp, Work)]) -> Base {
        let mut sum = Work::default();
        recent.iter().for_each(|(_, work)| sum.merge(work));
        Base { sum }
    }
}

/// What today taught, and what the days before did, if there is enough of them.
struct Both {
    recent: Learned,
    days: Option<Learned>,
}

impl Both {
    fn of(
        recent: &[(Timestamp, Work)],
        days: &[(Timestamp, Work)],
        share: impl Fn(&Work) -> Share,
        learn: fn(&[Share]) -> Option<Learned>,
    ) -> Option<Both> {
        let shares = |windows: &[(Timestamp, Work)]| -> Vec<Share> {
            windows.iter().map(|(_, work)| share(work)).collect()
        };
        let is_enough =
            |l: &Learned, windows| l.windows >= windows && (l.weight >= LEARNED_CALLS_LEAST || l.level > 1.0);
        let recent = learn(&shares(recent)).filter(|l| is_enough(l, WINDOWS_LEAST))?;
        let days = learn(&shares(days)).filter(|l| is_enough(l, DAY_WINDOWS_LEAST));
        Some(Both { recent, days })
    }

    fn chance(&self, of: impl Fn(&Learned) -> f64) -> f64 {
        of(&self.recent).max(self.days.as_ref().map_or(0.0, of))
    }

    fn most(&self) -> f64 {
        self.recent.most.max(self.days.map_or(0.0, |days| days.most))
    }

    fn least(&self) -> f64 {
        self.recent.least.min(self.days.map_or(f64::MAX, |days| days.least))
    }
}

/// By the middles of its buckets.
fn mean_of(shape: &Shape) -> f64 {
    let middle = |bucket: u16| {
        let (low, high) = (crate::hist::coarse_floor(bucket).0, crate::hist::coarse_floor(bucket + 1).0);
        (low as f64 + high as f64) / 2.0
    };
    let sum: f64 = shape.buckets().map(|(bucket, count)| middle(bucket) * f64::from(count)).sum();
    sum / shape.count().max(1) as f64
}

#[cfg(test)]
mod tests;
