//! What Skein says as the minutes go by.

use std::collections::HashMap;
use std::sync::Arc;

use model::anomaly::{Book, Budget, Gathering, Graph, Picture, Signal, WINDOW_SECS, candidates, judge};
use model::blame::{self, Window};
use model::trace::call::{Node, NodeKind};
use model::view::{Anomaly, GraphEdge, GraphNode, Why};
use model::work::{Work, WorkKey};

use super::explain;
use super::scenarios::Scenario;
use super::world::{CallSum, MINUTES_A_DAY, Minute, World, time_of};

/// Minutes of a window.
const WINDOW: u64 = WINDOW_SECS / 60;
/// The base of figures is read again this often, as the server does.
const BASE_EVERY: u64 = 5;

/// Windows by how far back they lie.
type Base = Vec<(u64, Arc<Minute>)>;

/// A watcher of one world.
#[derive(Default)]
pub struct Watch {
    book: Book,
    base: Option<(u64, Base)>,
    /// Sums of five minutes, by the first of them.
    windows: HashMap<u64, Arc<Minute>>,
    first_calls: HashMap<(String, String), u64>,
    seen_until: u64,
}

/// What was said of a fault.
pub struct Outcome {
    pub names_cause: bool,
    pub spot_names_cause: bool,
    pub explain_names_cause: Option<bool>,
    /// What was said, after how many minutes.
    said: Option<(u64, String)>,
    spot: String,
    explanation: String,
    /// Alarms besides the first.
    pub further: Vec<String>,
    /// What was seen of one that was missed.
    seen: Vec<String>,
}

impl Watch {
    /// Judges each minute; what opened, in words.
    pub fn days(&mut self, world: &World, from: u64, to: u64) -> Vec<String> {
        let mut alarms = Vec::new();
        for minute in from..to {
            for anomaly in self.minute(world, minute) {
                let (day, hour) = (minute / MINUTES_A_DAY, minute % MINUTES_A_DAY / 60);
                alarms.push(format!("day {day}, {hour} h: {}", anomaly.reason()));
            }
        }
        alarms
    }

    /// Judges the window that ends with a minute; what opened.
    fn minute(&mut self, world: &World, end: u64) -> Vec<Anomaly> {
        let (picture, graph) = self.picture(world, end);
        let (signals, chance) = judge(&picture, Budget::default());
        let found = candidates(&signals, &graph, chance);
        self.book.update(time_of(end), found, &graph, chance).opened
    }

    /// The figures that the window which ends with a minute is judged by.
    fn picture(&mut self, world: &World, end: u64) -> (Picture, Graph) {
        self.learn_calls(world, end);
        if self.base.as_ref().is_none_or(|(at, _)| at + BASE_EVERY <= end) {
            self.base = Some((end, self.base(world, end)));
        }
        let mut gathering = Gathering::new(time_of(end), time_of(0));
        let mut add = |window: u64, minute: &Minute| {
            for (key, work) in &minute.work {
                gathering.add_work(window, key.clone(), work);
            }
            for ((client, server), sum) in &minute.calls {
                gathering.add_calls(window, client, server, sum.calls);
            }
        };
        for minute in end.saturating_sub(WINDOW)..end {
            world.minute(minute).into_iter().for_each(|minute| add(0, minute));
        }
        for (window, figures) in self.base.iter().flat_map(|(_, windows)| windows) {
            add(*window, figures);
        }
        for ((client, server), minute) in &self.first_calls {
            gathering.first_seen(client, server, time_of(*minute));
        }
        gathering.finish(&self.book)
    }

    /// What was seen then, for whoever wants to know why a fault was missed.
    fn seen(&mut self, world: &World, end: u64) -> Vec<String> {
        let (picture, _) = self.picture(world, end);
        let (signals, accepted) = judge(&picture, Budget::default());
        let line = |signal: &Signal| {
            let Signal { key, server, measure, now, usual, calls, chance, .. } = signal;
            let name = format!("{} {} {}{server}", key.service, key.operation, key.peer);
            format!("{name}: {} {now:.3} {usual:.3} {calls} {chance:.0e} of {accepted:.0e}", measure.name())
        };
        signals.iter().map(line).collect()
    }

    /// The windows that figures are judged by, counted back from the end.
    fn base(&mut self, world: &World, end: u64) -> Base {
        let days = (1..=7u64).flat_map(|day| day * 288 - 2..=day * 288 + 3);
        let starts = (1..=37).chain(days).filter_map(|w| Some((w, end.checked_sub((w + 1) * WINDOW)?)));
        let mut found = Vec::new();
        for (window, from) in starts.collect::<Vec<_>>() {
            let sum = self.windows.entry(from).or_insert_with(|| Arc::new(sum_of(world, from)));
            found.push((window, sum.clone()));
        }
        found
    }

    fn learn_calls(&mut self, world: &World, end: u64) {
        for minute in self.seen_until..end {
            for pair in world.minute(minute).into_iter().flat_map(|figures| figures.calls.keys()) {
                self.first_calls.entry(pair.clone()).or_insert(minute);
            }
        }
        self.seen_until = end;
    }
}

fn sum_of(world: &World, from: u64) -> Minute {
    let mut sum = Minute::default();
    for minute in (from..from + WINDOW).filter_map(|minute| world.minute(minute)) {
        sum.merge(minute);
    }
    sum
}

/// Watches a fault from ten minutes before it until after its end.
pub fn fault(world: &World, scenario: &Scenario, begin: u64, minutes: u64) -> Outcome {
    let mut watch = Watch::default();
    let mut opened: Vec<(u64, Anomaly)> = Vec::new();
    for minute in begin - 10..begin + minutes + 8 {
        opened.extend(watch.minute(world, minute).into_iter().map(|anomaly| (minute, anomaly)));
    }
    let names = |anomaly: &Anomaly| scenario.causes.contains(&anomaly.origin.who());
    let first = opened.iter().find(|(minute, _)| *minute >= begin);
    // What is known of it in the end is what an engineer reads.
    let last = first.map(|(minute, anomaly)| {
        let known = watch.book.known(&anomaly.id).unwrap_or(anomaly);
        (*minute, known.clone())
    });
    let is_missed = !last.as_ref().is_some_and(|(_, anomaly)| names(anomaly));
    let seen = if is_missed { watch.seen(world, begin + minutes / 2) } else { Vec::new() };
    let spot = hot_spot(world, begin + minutes - 2);
    let explained = scenario.trait_named.map(|wanted| explain::names(world, scenario, wanted));
    Outcome {
        seen,
        names_cause: !is_missed,
        spot_names_cause: spot.as_ref().is_some_and(|(service, why)| {
            scenario.causes.contains(&service.as_str())
                || (why.is_origin && scenario.causes.contains(&why.culprit.as_str()))
        }),
        explain_names_cause: explained.as_ref().map(|(is_named, _)| *is_named),
        said: last.map(|(minute, anomaly)| (minute - begin, anomaly.reason())),
        spot: spot.map_or_else(String::new, |(service, why)| format!("{service} {}", why.words())),
        explanation: explained.map_or_else(String::new, |(_, text)| text),
        further: opened.iter().skip(1).map(|(_, anomaly)| anomaly.reason()).collect(),
    }
}

/// The service that stands first on the page of services, and why.
fn hot_spot(world: &World, end: u64) -> Option<(String, Why)> {
    let (now, before) = (blame_window(world, end), blame_window(world, end - 60));
    let found = now.services.keys().filter_map(|name| Some((name.clone(), blame::why(name, &now, &before)?)));
    found.filter(|(_, why)| why.weight > 0.0).max_by(|a, b| a.1.weight.total_cmp(&b.1.weight))
}

fn blame_window(world: &World, end: u64) -> Window {
    let sum = sum_of(world, end - WINDOW);
    let mut window = Window::default();
    sum.work.iter().for_each(|(key, work): (&WorkKey, &Work)| window.add(key, work));
    window.edges = sum.calls.iter().map(|((client, server), sum)| edge(client, server, sum)).collect();
    window
}

fn edge(client: &str, server: &str, sum: &CallSum) -> GraphEdge {
    let node = |text: &str| match Node::parse(text) {
        Some(node) => GraphNode { kind: node.kind, name: node.name.to_owned() },
        None => GraphNode { kind: NodeKind::Service, name: text.to_owned() },
    };
    GraphEdge {
        client: node(client),
        server: node(server),
        calls: sum.calls,
        errors: sum.errors,
        p50: sum.lengths.quantile(0.5),
        p95: sum.lengths.quantile(0.95),
        p99: sum.lengths.quantile(0.99),
    }
}

impl Outcome {
    pub fn line(&self) -> String {
        let said = self.said.as_ref().map_or("nothing", |(_, reason)| reason);
        let mark = if self.names_cause { "found" } else { "MISSED" };
        let further: String = self.further.iter().map(|reason| format!("\n    further: {reason}")).collect();
        let seen: String = self.seen.iter().map(|line| format!("\n    seen: {line}")).collect();
        format!("{mark}: {said} | spot: {} | explain: {}{further}{seen}", self.spot, self.explanation)
    }

    pub fn row(&self, scenario: &Scenario) -> String {
        let (after, said) = match &self.said {
            Some((minute, reason)) => (format!("{minute} min"), reason.clone()),
            None => ("–".to_owned(), "nothing".to_owned()),
        };
        let mark = if self.names_cause { "✓" } else { "✗" };
        let spot = if self.spot_names_cause { format!("✓ {}", self.spot) } else { self.spot.clone() };
        let explanation = match self.explain_names_cause {
            Some(true) => format!("✓ {}", self.explanation),
            Some(false) => format!("✗ {}", self.explanation),
            None => String::new(),
        };
        let cause = scenario.causes.join(" or ");
        format!("| {} | {cause} | {mark} | {after} | {said} | {spot} | {explanation} |", scenario.name)
    }
}
