//! The time, and how far this machine's zone is from UTC at any time.

use model::Timestamp;

use crate::format::clock::Zone;

pub fn now() -> Timestamp {
    Timestamp((js_sys::Date::now() * 1e6) as u64)
}

/// Minutes to add to UTC for a clock in the zone; summer time makes it depend on the date.
pub fn offset_minutes(zone: Zone, time: Timestamp) -> i32 {
    if zone == Zone::Utc {
        return 0;
    }
    let date = js_sys::Date::new(&((time.0 / 1_000_000) as f64).into());
    -(date.get_timezone_offset() as i32)
}
