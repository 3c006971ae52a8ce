//! Geometry of rows, indents and bars, for small traces and for absurd ones.

use super::*;
use crate::chart::Window;

#[test]
fn only_rows_on_screen_are_drawn() {
    let scroll = Scroll::new(100_000, 660.0);
    assert_eq!(scroll.visible(0.0), 0..32);
    assert_eq!(scroll.visible(2_200.0), 98..132);
    assert_eq!(scroll.visible(1e12).end, 100_000);
    assert_eq!(Scroll::new(0, 660.0).visible(0.0), 0..0);
}

#[test]
fn a_list_taller_than_a_browser_still_reaches_its_last_row() {
    let scroll = Scroll::new(5_000_000, 660.0);
    assert!(scroll.content_px() <= MAX_CONTENT_PX);
    assert_eq!(scroll.visible(scroll.content_px() - 660.0).end, 5_000_000);
    let top = scroll.to_show(2_500_000, 0.0).unwrap();
    assert!(scroll.visible(top).contains(&2_500_000));
}

#[test]
fn showing_a_row_scrolls_no_further_than_needed() {
    let scroll = Scroll::new(1_000, 220.0);
    assert_eq!(scroll.to_show(5, 0.0), None);
    assert_eq!(scroll.to_show(9, 0.0), Some(44.0));
    assert_eq!(scroll.to_show(0, 22.0), Some(0.0));
    let far = scroll.to_show(500, 0.0).unwrap();
    assert!(scroll.visible(far).contains(&500));
}

#[test]
fn names_stay_readable_at_any_depth() {
    assert_eq!(indent(3, 12.0, 480.0), Indent { px: 36.0, is_capped: false });
    for deepest in [0, 5, 40, 2_000] {
        let step = indent_step_px(deepest, 480.0);
        let deep = indent(deepest, step, 480.0);
        assert!(480.0 - deep.px >= READABLE_PX, "{deepest}");
    }
    assert!(indent(2_000, LEAST_STEP_PX, 480.0).is_capped);
    assert!(indent(2_000, LEAST_STEP_PX, 100.0).px > 0.0);
}

#[test]
fn a_narrow_column_sets_levels_closer() {
    assert_eq!(indent_step_px(9, 600.0), MOST_STEP_PX);
    let step = indent_step_px(9, 260.0);
    assert!(step < MOST_STEP_PX && !indent(9, step, 260.0).is_capped);
}

#[test]
fn bars_are_never_too_thin_and_never_far_outside() {
    let scale = TimeScale::new(Window { from_ns: 0.0, to_ns: 1e9 }, 1_000.0);
    assert_eq!(bar(scale, 500_000_000, 100_000_000, 1_000.0), Some((500.0, 100.0)));
    assert_eq!(bar(scale, 0, 10, 1_000.0), Some((0.0, MIN_BAR_PX)));
    let zoomed = TimeScale::new(Window { from_ns: 5e8, to_ns: 5.001e8 }, 1_000.0);
    assert_eq!(bar(zoomed, 0, 100, 1_000.0), None);
    assert_eq!(bar(zoomed, 0, 1_000_000_000, 1_000.0), Some((-8.0, 1_016.0)));
}

#[test]
fn a_label_goes_where_there_is_room() {
    assert_eq!(label_px((100.0, 50.0), 40.0, 300.0), Some(156.0));
    assert_eq!(label_px((200.0, 90.0), 40.0, 300.0), Some(154.0));
    assert_eq!(label_px((0.0, 300.0), 40.0, 300.0), None);
}

#[test]
fn every_column_keeps_what_it_needs() {
    let wide = columns(1_600.0, 1_600.0, 0.33);
    assert_eq!(wide, Columns { name_px: 528.0, has_all_numbers: true, lane_px: 850.0 });
    let beside_a_panel = columns(1_600.0, 1_140.0, 0.33);
    assert_eq!(beside_a_panel, Columns { lane_px: 390.0, ..wide });
    let narrow = columns(1_100.0, 660.0, 0.33);
    assert!(!narrow.has_all_numbers && narrow.lane_px >= FAIR_LANE_PX / 2.0);
    assert!(columns(1_600.0, 1_600.0, 0.99).lane_px >= LEAST_LANE_PX);
}
