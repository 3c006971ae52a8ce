//! The report says what was measured.

use super::*;

#[test]
fn dates_are_right() {
    assert_eq!(civil_from_days(0), (1970, 1, 1));
    assert_eq!(civil_from_days(11_016), (2000, 2, 29));
    assert_eq!(civil_from_days(20_453), (2025, 12, 31));
    assert_eq!(civil_from_days(20_454), (2026, 1, 1));
}

#[test]
fn a_second_report_of_a_day_does_not_replace_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let mut report = Report::new(Some("2026-01-01"), "a test");
    report.heading("One");
    report.text(&table(&[row("a", ["b".to_owned()].into_iter()), row("c", ["d".to_owned()].into_iter())]));
    let first = report.finish(folder.path()).unwrap();
    let second = report.finish(folder.path()).unwrap();
    assert_ne!(first, second);
    let text = std::fs::read_to_string(first).unwrap();
    assert!(text.contains("## One\n\n| a | b |\n| --- | --- |\n| c | d |\n"), "{text}");
}
