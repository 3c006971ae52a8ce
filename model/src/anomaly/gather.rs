//! Puts figures, in whatever order they come, into the windows they are judged by.
//!
//! ```text
//!   7 days ago ... yesterday              3 hours ago ......... 10 min ago         now
//!   [ | | | | | ]  [ | | | | | ]          [ | | | |   ...   | | | ]     [ - ]     [ judged ]
//!   the same time, half an hour           36 windows of today           left out: it may have begun
//! ```
//! Where the window judged has few calls, those before it are judged along with it, and not judged by.
//! Windows in which an operation was disturbed are left out, so that a fault does not become what is usual.

use std::collections::{BTreeMap, HashMap};

use super::judge::CALLS_LEAST;
use super::{Book, CallSeries, Calls, Graph, Picture, Series, WINDOW_SECS};
use crate::work::{Work, WorkKey};
use crate::{SpanKind, Timestamp};

/// Windows that rare calls are judged by: half an hour together.
const LATELY: std::ops::RangeInclusive<u64> = 1..=5;
/// Windows of today, after the one judged and the one left out.
const RECENT: std::ops::RangeInclusive<u64> = 2..=37;
const DAYS: u64 = 7;
const A_DAY: u64 = 86_400 / WINDOW_SECS;
/// Windows of an earlier day: so many before and after the same time.
const BEFORE: u64 = 3;
const AFTER: u64 = 2;

/// The figures of one time, as they come in.
pub struct Gathering {
    end: Timestamp,
    known_since: Timestamp,
    work: HashMap<WorkKey, BTreeMap<u64, Work>>,
    calls: BTreeMap<(String, String), BTreeMap<u64, u64>>,
    first_seen: HashMap<(String, String), Timestamp>,
}

/// Stretches of time in which the windows lie, in seconds, without those of days before anything was known.
pub fn stretches(end: Timestamp, known_since: Timestamp) -> Vec<(u64, u64)> {
    let secs = end.as_secs();
    let back = |windows: u64| secs.saturating_sub(windows * WINDOW_SECS);
    let today = (back(RECENT.end() + 1), secs);
    let days = (1..=DAYS).map(|day| (back(day * A_DAY + BEFORE + 1), back(day * A_DAY - AFTER)));
    std::iter::once(today).chain(days).filter(|(_, to)| *to > known_since.as_secs()).collect()
}

impl Gathering {
    pub fn new(end: Timestamp, known_since: Timestamp) -> Gathering {
        Gathering {
            end,
            known_since,
            work: HashMap::new(),
            calls: BTreeMap::new(),
            first_seen: HashMap::new(),
        }
    }

    /// `window` counts windows back from the end, zero being the one judged.
    pub fn add_work(&mut self, window: u64, key: WorkKey, work: &Work) {
        self.work.entry(key).or_default().entry(window).or_default().merge(work);
    }

    pub fn add_calls(&mut self, window: u64, client: &str, server: &str, calls: u64) {
        let windows = self.calls.entry((client.to_owned(), server.to_owned())).or_default();
        *windows.entry(window).or_default() += calls;
    }

    pub fn first_seen(&mut self, client: &str, server: &str, at: Timestamp) {
        self.first_seen.insert((client.to_owned(), server.to_owned()), at);
    }

    /// Whoever was seen to call whom.
    pub fn pairs(&self) -> impl Iterator<Item = (String, String)> {
        self.calls.keys().cloned()
    }

    fn start_of(&self, window: u64) -> Timestamp {
        Timestamp::from_secs(self.end.as_secs().saturating_sub((window + 1) * WINDOW_SECS))
    }

    /// Windows of which all is known.
    fn recent(&self) -> impl Iterator<Item = u64> + '_ {
        RECENT.rev().filter(|window| self.start_of(*window) >= self.known_since)
    }

    fn days(&self) -> impl Iterator<Item = u64> + '_ {
        let of_day = |day: u64| (day * A_DAY - AFTER)..=(day * A_DAY + BEFORE);
        (1..=DAYS).flat_map(of_day).filter(|window| self.start_of(*window) >= self.known_since)
    }

    pub fn finish(mut self, book: &Book) -> (Picture, Graph) {
        let mut graph = Graph::default();
        for (client, server) in self.calls.keys() {
            graph.add(client, server);
        }
        let taken = self.taken();
        let calls = std::mem::take(&mut self.calls);
        let calls =
            calls.iter().map(|(pair, windows)| self.call_series(pair, windows, &taken, book)).collect();
        let work = std::mem::take(&mut self.work);
        let mut series: Vec<Series> =
            work.into_iter().map(|(key, windows)| self.series(key, windows, book)).collect();
        series.sort_by(|a, b| a.key.cmp(&b.key));
        let (start, end, known_since) = (self.start_of(0), self.end, self.known_since);
        (Picture { start, end, known_since, series, calls }, graph)
    }

    fn series(&self, key: WorkKey, mut windows: BTreeMap<u64, Work>, book: &Book) -> Series {
        let now = windows.remove(&0).unwrap_or_default();
        let is_rare = now.spans < CALLS_LEAST;
        let of_lately = LATELY.take_while(|_| is_rare).map(|window| windows.get(&window));
        let lately = of_lately.map(|work| work.cloned().unwrap_or_default()).collect();
        let mut taken = |at: &mut dyn Iterator<Item = u64>| -> Vec<(Timestamp, Work)> {
            at.map(|window| (window, self.start_of(window)))
                .filter(|(_, start)| !book.is_disturbed(&key, *start))
                .map(|(window, start)| (start, windows.remove(&window).unwrap_or_default()))
                .collect()
        };
        let (recent, days) = (taken(&mut self.recent()), taken(&mut self.days()));
        Series { key, now, lately, recent, days }
    }

    /// Requests and messages that each service took, by window.
    fn taken(&self) -> HashMap<(String, u64), u64> {
        let mut taken = HashMap::new();
        for (key, windows) in &self.work {
            let is_entry = matches!(key.kind, SpanKind::Server | SpanKind::Consumer);
            for (window, work) in windows {
                let count = if is_entry { work.spans } else { work.roots };
                *taken.entry((key.service.clone(), *window)).or_default() += count;
            }
        }
        taken
    }

    fn call_series(
        &self,
        (client, server): &(String, String),
        windows: &BTreeMap<u64, u64>,
        taken: &HashMap<(String, u64), u64>,
        book: &Book,
    ) -> CallSeries {
        let of = |window: u64| Calls {
            calls: windows.get(&window).copied().unwrap_or_default(),
            taken: taken.get(&(client.clone(), window)).copied().unwrap_or_default(),
        };
        let kept = |window: &u64| !book.are_calls_disturbed(client, server, self.start_of(*window));
        let recent = self.recent().filter(kept).map(|window| (self.start_of(window), of(window))).collect();
        let pair = (client.clone(), server.clone());
        let first_seen = self.first_seen.get(&pair).copied().unwrap_or_default();
        CallSeries { client: client.clone(), server: server.clone(), first_seen, now: of(0), recent }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(operation: &str) -> WorkKey {
        WorkKey {
            service: "shop".into(),
            operation: operation.into(),
            kind: SpanKind::Server,
            ..WorkKey::default()
        }
    }

    fn work(spans: u64) -> Work {
        Work { spans, ..Work::default() }
    }

    #[test]
    fn every_window_finds_its_place_and_silence_counts() {
        let end = Timestamp::from_secs(2_000_000_100);
        let mut gathering = Gathering::new(end, Timestamp(0));
        for (window, spans) in
            [(0, 9), (1, 8), (2, 7), (37, 6), (38, 5), (288, 4), (286, 3), (291, 2), (285, 1)]
        {
            gathering.add_work(window, key("GET"), &work(spans));
        }
        let (picture, _) = gathering.finish(&Book::default());
        let [series] = &picture.series[..] else { panic!("{picture:?}") };
        let spans = |windows: &[(Timestamp, Work)]| -> Vec<u64> {
            windows.iter().map(|(_, work)| work.spans).filter(|spans| *spans > 0).collect()
        };
        assert_eq!(series.now.spans, 9);
        assert_eq!((series.recent.len(), spans(&series.recent)), (36, vec![6, 7]));
        assert_eq!((series.days.len(), spans(&series.days)), (42, vec![3, 4, 2]));
        assert_eq!(series.recent[35].0, Timestamp::from_secs(2_000_000_100 - 900));
        // What is asked for is where the windows lie.
        let found = stretches(end, Timestamp(0));
        assert_eq!(found[0], (2_000_000_100 - 38 * 300, 2_000_000_100));
        assert_eq!(found[1], (2_000_000_100 - 292 * 300, 2_000_000_100 - 286 * 300));
        assert_eq!(found.len(), 8);
    }

    #[test]
    fn nothing_is_known_of_the_time_before_the_first_span() {
        let end = Timestamp::from_secs(1_000_200);
        let mut gathering = Gathering::new(end, Timestamp::from_secs(1_000_200 - 3_000));
        gathering.add_work(0, key("GET"), &work(1));
        gathering.add_calls(3, "shop", "cart", 5);
        gathering.add_work(3, key("GET"), &work(2));
        let (picture, graph) = gathering.finish(&Book::default());
        assert_eq!((picture.series[0].recent.len(), picture.series[0].days.len()), (8, 0));
        let calls = &picture.calls[0];
        assert_eq!(calls.recent[6].1, Calls { calls: 5, taken: 2 });
        assert!(graph.is_connected("shop", "cart"));
        assert_eq!(stretches(end, Timestamp::from_secs(1_000_200 - 3_000)).len(), 1);
    }
}
