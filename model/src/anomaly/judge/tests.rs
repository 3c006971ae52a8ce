//! Figures that are as they were, and figures that are not.

use super::super::Calls;
use super::*;

const END: Timestamp = Timestamp(2_000_000_100 * 1_000_000_000);

/// A sequence that is the same on every machine.
struct Dice(u64);

impl Dice {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / f64::from(1u32 << 31)
    }

    /// Of a long tail: the median, most near it, some many times as long.
    fn length(&mut self, median_ms: f64) -> Nanos {
        let normal = (0..12).map(|_| self.unit()).sum::<f64>() - 6.0;
        Nanos::from_millis_f64(median_ms * (0.5 * normal).exp())
    }

    fn work(&mut self, spans: u64, median_ms: f64, failing: f64) -> Work {
        let mut work = Work { spans, roots: spans, ..Work::default() };
        for _ in 0..spans {
            let own = self.length(median_ms);
            work.own_times.add(own);
            work.lengths.add(own);
            work.own_errors += u64::from(self.unit() < failing);
        }
        work.errors = work.own_errors;
        work
    }

    fn series(&mut self, spans: u64, now: Work) -> Series {
        let at = |window: u64| END.minus(Nanos::from_secs(300 * window));
        let key = WorkKey { service: "cart".into(), operation: "get".into(), ..WorkKey::default() };
        let recent = (2..38).rev().map(|window| (at(window), self.work(spans, 20.0, 0.01))).collect();
        Series { key, now, recent, ..Series::default() }
    }
}

fn picture(series: Vec<Series>) -> Picture {
    Picture { start: END.minus(Nanos::from_secs(300)), end: END, series, ..Picture::default() }
}

/// The measures that are alarms by themselves.
fn alarms(picture: &Picture) -> Vec<Measure> {
    let (signals, chance) = judge(picture, Budget::default());
    let mut found: Vec<Measure> =
        signals.iter().filter(|signal| signal.chance <= chance).map(|signal| signal.measure).collect();
    found.sort_unstable();
    found
}

#[test]
fn noise_is_no_news() {
    let mut dice = Dice(11);
    let mut wrong = 0;
    for _ in 0..40 {
        let all = (0..20)
            .map(|_| {
                let now = dice.work(200, 20.0, 0.01);
                dice.series(200, now)
            })
            .collect();
        wrong += alarms(&picture(all)).len();
    }
    assert_eq!(wrong, 0, "of 800 quiet windows");
}

#[test]
fn slowness_shows_in_the_middle_and_in_the_tail() {
    let mut dice = Dice(5);
    let now = dice.work(200, 40.0, 0.01);
    let all = picture(vec![dice.series(200, now)]);
    assert_eq!(alarms(&all), [Measure::OwnTime, Measure::Duration]);
    // One call of eight hangs for a second: the middle is as it was.
    let mut now = dice.work(175, 20.0, 0.01);
    now.spans += 25;
    (0..25).for_each(|_| now.own_times.add(Nanos::from_secs(1)));
    let all = picture(vec![dice.series(200, now)]);
    assert_eq!(alarms(&all), [Measure::OwnTime]);
}

#[test]
fn failures_beyond_the_usual_are_seen_and_a_handful_is_not() {
    let mut dice = Dice(7);
    let now = dice.work(200, 20.0, 0.15);
    let all = picture(vec![dice.series(200, now)]);
    assert_eq!(alarms(&all), [Measure::OwnErrors, Measure::Errors]);
    let now = Work { own_errors: 4, errors: 4, ..dice.work(12, 20.0, 0.0) };
    let few = picture(vec![dice.series(12, now)]);
    assert!(alarms(&few).is_empty());
}

#[test]
fn what_happens_every_day_at_this_time_is_no_news() {
    let mut dice = Dice(3);
    let now = dice.work(200, 60.0, 0.01);
    let mut series = dice.series(200, now);
    assert!(!alarms(&picture(vec![series.clone()])).is_empty());
    let mut days = |windows: std::ops::Range<u64>| -> Vec<(Timestamp, Work)> {
        windows.map(|window| (Timestamp(window), dice.work(200, 60.0, 0.01))).collect()
    };
    let (yesterday, before) = (days(286..292), days(574..580));
    // One day alone may have been like this by chance.
    series.days.clone_from(&yesterday);
    assert!(!alarms(&picture(vec![series.clone()])).is_empty());
    series.days.extend(before);
    assert!(alarms(&picture(vec![series])).is_empty());
}

#[test]
fn requests_from_outside_that_stop_or_double_are_seen() {
    let mut dice = Dice(9);
    for (spans, expected) in [(0, 1), (200, 0), (260, 0), (600, 1)] {
        let now = dice.work(spans, 20.0, 0.01);
        let all = picture(vec![dice.series(200, now)]);
        assert_eq!(alarms(&all).len(), expected, "{spans}");
    }
}

fn calls(now: (u64, u64), before: u64, first_seen: Timestamp) -> Picture {
    let one = |(calls, taken)| Calls { calls, taken };
    let recent = (2..38).map(|window| (Timestamp(window), one((before + window % 3, 100)))).collect();
    let series =
        CallSeries { client: "shop".into(), server: "cart".into(), first_seen, now: one(now), recent };
    Picture { calls: vec![series], known_since: Timestamp(1), ..picture(Vec::new()) }
}

#[test]
fn calls_that_begin_end_or_multiply_are_seen() {
    let long_ago = Timestamp(2);
    assert_eq!(alarms(&calls((100, 100), 100, long_ago)), []);
    // Twice the requests make twice the calls.
    assert_eq!(alarms(&calls((205, 200), 100, long_ago)), []);
    assert_eq!(alarms(&calls((310, 100), 100, long_ago)), [Measure::CallsARequest]);
    assert_eq!(alarms(&calls((0, 100), 100, long_ago)), [Measure::LostCalls]);
    assert_eq!(alarms(&calls((0, 0), 100, long_ago)), [], "nobody asks");
}

#[test]
fn a_call_that_was_never_made_is_new_for_a_while() {
    let mut new = calls((80, 100), 0, END.minus(Nanos::from_secs(120)));
    new.calls[0].recent.iter_mut().for_each(|(_, calls)| calls.calls = 0);
    assert_eq!(alarms(&new), [Measure::NewCalls]);
    let mut old = new.clone();
    old.calls[0].first_seen = END.minus(Nanos::from_secs(7_200));
    assert_eq!(alarms(&old), []);
    // With nothing known from before, everything is new.
    new.known_since = END.minus(Nanos::from_secs(1_800));
    assert_eq!(alarms(&new), []);
}

#[test]
fn what_is_called_rarely_is_judged_by_more_windows() {
    let mut dice = Dice(13);
    let rare = |dice: &mut Dice, slow: usize| {
        let now = dice.work(7, if slow > 0 { 200.0 } else { 20.0 }, 0.0);
        let mut series = dice.series(7, now);
        series.lately = (1..6).map(|at| dice.work(7, if at < slow { 200.0 } else { 20.0 }, 0.0)).collect();
        // They are known to the windows of today too, and must not be judged by.
        let slow = series.lately[1..].iter().zip(series.recent.iter_mut().rev());
        slow.for_each(|(work, (_, known))| known.clone_from(work));
        alarms(&picture(vec![series]))
    };
    assert_eq!(rare(&mut dice, 0), []);
    assert_eq!(rare(&mut dice, 3), [Measure::OwnTime, Measure::Duration]);
    // What is rare only now is not looked for in the past.
    let now = dice.work(3, 200.0, 0.0);
    let mut busy = dice.series(200, now);
    busy.lately = (1..6).map(|_| dice.work(200, 200.0, 0.0)).collect();
    assert_eq!(alarms(&picture(vec![busy])), [Measure::Requests]);
}
