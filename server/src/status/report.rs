//! The report, pure: out of the figures of two times.

use std::collections::BTreeMap;

use model::view::{Condition, StageFigures, StatusReport, TableFigures};
use model::{Nanos, Timestamp};

use super::figures::figures;
use super::troubles::troubles;
use super::{Facts, Window};
use crate::telemetry::figures::quantile;
use crate::telemetry::said;
use crate::telemetry::stages::Stage;

pub fn report(
    facts: &Facts,
    window: &Window<'_>,
    (now, length): (Timestamp, Nanos),
    missing: Option<(&'static str, bool)>,
) -> StatusReport {
    let tables = tables(facts, window);
    let mut figures = figures(facts, window);
    let troubles = troubles(facts, window, &mut figures, &tables, missing);
    let condition = match missing {
        Some((_, false)) => Condition::EngineAway,
        _ if troubles.is_empty() => Condition::Fine,
        _ => Condition::Degraded,
    };
    StatusReport {
        condition,
        troubles,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        roles: facts.roles.clone(),
        started: facts.started,
        now,
        window: length,
        figures,
        stages: Stage::ALL.into_iter().filter_map(|stage| stage_figures(window, stage)).collect(),
        tables,
        said: said::latest(),
        own_traces: facts.own_traces,
    }
}

/// None for a stage nothing ever passed here.
fn stage_figures(window: &Window<'_>, stage: Stage) -> Option<StageFigures> {
    let name = stage.name();
    let buckets = |figures: &crate::telemetry::figures::Figures| {
        figures.buckets("skein_stage_seconds_bucket", "stage", name)
    };
    let (before, now) = (buckets(window.before), buckets(window.now));
    if now.last().is_none_or(|(_, count)| *count == 0.0) {
        return None;
    }
    let at = |q: f64| Nanos((quantile(&before, &now, q).unwrap_or(0.0) * 1e9) as u64);
    Some(StageFigures {
        name: name.to_owned(),
        per_sec: window.grown_of("skein_stage_seconds_count", "stage", name) / window.secs,
        failures: window.grown_of("skein_stage_failures_total", "stage", name) as u64,
        p50: at(0.5),
        p99: at(0.99),
    })
}

fn tables(facts: &Facts, window: &Window<'_>) -> Vec<TableFigures> {
    let mut tables: BTreeMap<&str, TableFigures> = BTreeMap::new();
    for (name, bytes) in window.now.by("skein_table_bytes", "table") {
        let of_it = |metric: &str| window.now.sum_of(metric, "table", name) as u64;
        let keep_days = facts.keep_days.iter().find(|(table, _)| *table == name).map_or(0, |(_, days)| *days);
        let (rows, parts) = (of_it("skein_table_rows"), of_it("skein_table_parts"));
        let figures = TableFigures { name: name.to_owned(), rows, bytes: bytes as u64, parts, keep_days };
        tables.insert(name, figures);
    }
    let mut tables: Vec<TableFigures> = tables.into_values().collect();
    tables.sort_by_key(|table| std::cmp::Reverse(table.bytes));
    tables
}

#[cfg(test)]
mod tests {
    use model::view::Figure;

    use super::*;
    use crate::telemetry::figures::Figures;

    const QUIET: &str = "skein_ingest_in_flight_bytes 0\nskein_queue_bytes 0\nskein_queue_oldest_age_seconds 0.0\nskein_writer_failing 0\n\
        skein_settle_behind_seconds 20\nskein_data_free_bytes 90000000000\nskein_data_disk_bytes 100000000000\n\
        skein_engine_counted_memory_bytes 300\nskein_engine_memory_limit_bytes 1000\nskein_engine_up 1\nskein_engine_restarts_total 0\n\
        skein_receipts_items_total{kind=\"spans\",outcome=\"accepted\",reason=\"\"} 100\n\
        skein_table_bytes{table=\"spans\"} 5\nskein_table_rows{table=\"spans\"} 7\n\
        skein_stage_seconds_bucket{le=\"0.5\",stage=\"insert\"} 1\nskein_stage_seconds_bucket{le=\"+Inf\",stage=\"insert\"} 1\n\
        skein_stage_seconds_count{stage=\"insert\"} 1\n";

    fn facts() -> Facts {
        Facts {
            queue_max_bytes: 1_000,
            settle_after_secs: 30,
            keep_days: vec![("spans", 9)],
            ..Facts::default()
        }
    }

    fn reported(before: &str, now: &str, missing: Option<(&'static str, bool)>) -> StatusReport {
        let (before, now) = (Figures::read(before), Figures::read(now));
        let window = Window { before: &before, now: &now, secs: 10.0 };
        report(&facts(), &window, (Timestamp(1), Nanos(10_000_000_000)), missing)
    }

    fn figure<'r>(report: &'r StatusReport, id: &str) -> &'r Figure {
        report.figures.iter().find(|figure| figure.id == id).unwrap()
    }

    #[test]
    fn nothing_is_wrong_with_a_server_at_rest() {
        let later = QUIET.replace(" 100", " 300");
        let report = reported(QUIET, &later, None);
        assert_eq!((report.condition, report.troubles.len()), (Condition::Fine, 0), "{:?}", report.troubles);
        assert_eq!(figure(&report, "accepted_per_second").value, Some(20.0));
        assert_eq!(figure(&report, "queue_bytes").limit, Some(1_000.0));
        assert!(report.figures.iter().all(|figure| !figure.is_wrong));
        assert_eq!((report.tables[0].rows, report.tables[0].keep_days), (7, 9));
        let names: Vec<_> = report.stages.iter().map(|stage| stage.name.as_str()).collect();
        assert_eq!(names, ["insert"]);
    }

    #[test]
    fn each_trouble_is_told_with_what_to_do_and_marks_its_figure() {
        for (from, to, id) in [
            ("skein_queue_bytes 0", "skein_queue_bytes 900", "queue_bytes"),
            ("oldest_age_seconds 0.0", "oldest_age_seconds 60.0", "queue_age"),
            ("skein_writer_failing 0", "skein_writer_failing 1", "writer_failing"),
            ("behind_seconds 20", "behind_seconds 900", "settle_behind"),
            ("restarts_total 0", "restarts_total 1", "engine_restarts"),
            ("free_bytes 90000000000", "free_bytes 4000000000", "disk_free"),
            ("counted_memory_bytes 300", "counted_memory_bytes 900", "engine_counted_memory"),
        ] {
            assert!(QUIET.contains(from));
            let report = reported(QUIET, &QUIET.replace(from, to), None);
            assert_eq!(report.condition, Condition::Degraded, "{id}");
            assert!(figure(&report, id).is_wrong, "{id}");
            assert!(
                report.troubles.len() == 1 && !report.troubles[0].advice.is_empty(),
                "{:?}",
                report.troubles
            );
        }
    }

    #[test]
    fn a_disk_that_could_not_hold_the_queue_is_told_before_it_is_full() {
        let (before, now) =
            (Figures::read(QUIET), Figures::read(&QUIET.replace("queue_bytes 0", "queue_bytes 9")));
        let window = Window { before: &before, now: &now, secs: 10.0 };
        for (queue_max_bytes, is_told) in [(90_000_000_009, false), (90_000_000_010, true)] {
            let facts = Facts { queue_max_bytes, ..facts() };
            let report = report(&facts, &window, (Timestamp(1), Nanos(10_000_000_000)), None);
            assert_eq!(figure(&report, "disk_free").is_wrong, is_told);
            assert_eq!(report.troubles.len(), usize::from(is_told), "{:?}", report.troubles);
            assert!(!is_told || report.troubles[0].what.contains("90.0 GB"), "{:?}", report.troubles);
        }
    }

    #[test]
    fn an_engine_that_is_away_comes_first() {
        let full = QUIET.replace("skein_queue_bytes 0", "skein_queue_bytes 900");
        let report = reported(QUIET, &full, Some(("the storage engine does not answer", false)));
        assert_eq!(report.condition, Condition::EngineAway);
        assert!(report.troubles[0].what.contains("engine") && report.troubles.len() == 2);
        let report = reported(QUIET, QUIET, Some(("the tables are being brought up to date", true)));
        assert_eq!(report.condition, Condition::Degraded);
    }
}
