//! A simulated shop with faults and days without any: whether what Skein says of them names the cause, and how often
//! it cries wolf.
//!
//! Traces are made by the traffic generator and go through the code of the server: what each span did itself, calls,
//! windows, the judge of anomalies, its book, hot spots, and the ranking of explanations. Only storage is left out.
//! Days without faults come first and are judged minute by minute; then every fault is let loose on a copy of the
//! shop that has their memory, at a time of its own.

use std::time::Instant;

use crate::Options;
use crate::report::Report;

mod explain;
mod scenarios;
mod watch;
mod world;

use scenarios::{Scenario, all};
use watch::{Outcome, Watch};
use world::World;

/// How long a fault lasts, and how long it is watched.
const FAULT_MINUTES: u64 = 20;
const WATCHED_MINUTES: u64 = 28;
/// Quiet days that are only learned from, and those that are judged.
const LEARNED_DAYS: u64 = 1;

pub fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let days = if options.quick { 1 } else { options.quiet_days };
    let started = Instant::now();
    let mut world = World::new(options.seed, options.traces_per_second);
    report.say(&format!(
        "{} quiet days at about {} traces/s",
        LEARNED_DAYS + days,
        options.traces_per_second
    ));
    world.live(0, (LEARNED_DAYS + days) * world::MINUTES_A_DAY);
    report.say(&format!("made after {:.0?}", started.elapsed()));
    let mut watch = Watch::default();
    let false_alarms =
        watch.days(&world, LEARNED_DAYS * world::MINUTES_A_DAY, (LEARNED_DAYS + days) * world::MINUTES_A_DAY);
    report.say(&format!("judged after {:.0?}: {} false alarms", started.elapsed(), false_alarms.len()));
    let mut rows = Vec::new();
    for (number, scenario) in all().into_iter().enumerate() {
        let row = meet(&world, &scenario, number as u64, days);
        report.say(&format!("{}: {}", row.0.name, row.1.line()));
        rows.push(row);
    }
    tell(report, &world, days, &false_alarms, &rows);
    report.say(&format!("done after {:.0?}", started.elapsed()));
    Ok(())
}

/// One fault, in a world that was quiet until then.
fn meet(world: &World, scenario: &Scenario, number: u64, days: u64) -> (Scenario, Outcome) {
    // At another time of the last day each.
    let last_day = (LEARNED_DAYS + days - 1) * world::MINUTES_A_DAY;
    let begin = last_day + 420 + (number * 37) % 900;
    let mut struck = world.with_fault(&scenario.effect, begin, FAULT_MINUTES);
    struck.live(begin, begin + WATCHED_MINUTES);
    let outcome = watch::fault(&struck, scenario, begin, FAULT_MINUTES);
    (scenario.clone(), outcome)
}

fn tell(report: &mut Report, world: &World, days: u64, alarms: &[String], rows: &[(Scenario, Outcome)]) {
    let count = |is: &dyn Fn(&Outcome) -> bool| rows.iter().filter(|(_, outcome)| is(outcome)).count();
    let found = count(&|o| o.names_cause);
    let spots = count(&|o| o.spot_names_cause);
    let either = count(&|o| o.names_cause || o.spot_names_cause);
    let all = rows.len();
    report.heading("Faults in a simulated shop");
    report.text(&format!(
        "{} traces of 17 services, about {} traces a second by day and a third of it by night, seed {}. {LEARNED_DAYS} day \
         to learn from, {days} days without faults, then {all} faults of {FAULT_MINUTES} minutes, each alone.",
        world.traces, world.traces_per_second, world.seed
    ));
    let explained: Vec<bool> = rows.iter().filter_map(|(_, o)| o.explain_names_cause).collect();
    let told = explained.iter().filter(|is| **is).count();
    report.text(&format!(
        "| | result | bar |\n| --- | --- | --- |\n\
         | the anomaly's origin is the true cause | {found} of {all} ({} %) | 80 % |\n\
         | the top hot spot is the true cause | {spots} of {all} | |\n\
         | either | {either} of {all} | |\n\
         | explanation names the host, customer, region or version | {told} of {} | |\n\
         | false alarms in {days} days without faults | {} ({:.1} a day) | 1 a day |\n\
         | further alarms during or after a fault | {} | |",
        found * 100 / all.max(1),
        explained.len(),
        alarms.len(),
        alarms.len() as f64 / days.max(1) as f64,
        rows.iter().map(|(_, o)| o.further.len()).sum::<usize>(),
    ));
    if !alarms.is_empty() {
        report.text(&format!("False alarms:\n\n- {}", alarms.join("\n- ")));
    }
    let mut table =
        "| fault | cause | | after | the anomaly says | top hot spot | explanation |\n| --- | --- | --- | --- | --- | --- | --- |"
            .to_owned();
    for (scenario, outcome) in rows {
        table.push('\n');
        table.push_str(&outcome.row(scenario));
    }
    report.text(&table);
}
