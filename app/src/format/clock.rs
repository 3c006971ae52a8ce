//! Points in time as dates and clocks, for any offset from UTC, and back. The proleptic Gregorian calendar by
//! integer arithmetic, so that nothing of the browser is needed and everything can be tested.

use model::Timestamp;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const SECS_PER_DAY: i64 = 86_400;

/// Whose clock a person wants to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    Local,
    Utc,
}

/// A point in time taken apart, as a clock on the wall shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WallClock {
    pub year: i64,
    pub month: u32,
    pub day: u32,
    pub hour: u32,
    pub minute: u32,
    pub second: u32,
    pub nano: u32,
}

/// `offset_minutes` is added to UTC: 60 in Berlin in winter.
pub fn wall_clock(time: Timestamp, offset_minutes: i32) -> WallClock {
    let secs = time.as_secs() as i64 + i64::from(offset_minutes) * 60;
    let (year, month, day) = date_of_days(secs.div_euclid(SECS_PER_DAY));
    let of_day = secs.rem_euclid(SECS_PER_DAY) as u32;
    WallClock {
        year,
        month,
        day,
        hour: of_day / 3600,
        minute: of_day / 60 % 60,
        second: of_day % 60,
        nano: (time.0 % 1_000_000_000) as u32,
    }
}

/// `Nov 20`, with the year when it is not this one.
pub fn date(time: Timestamp, offset_minutes: i32, now: Timestamp) -> String {
    let clock = wall_clock(time, offset_minutes);
    let month = MONTHS[clock.month as usize - 1];
    if clock.year == wall_clock(now, offset_minutes).year {
        format!("{month} {:02}", clock.day)
    } else {
        format!("{month} {:02}, {}", clock.day, clock.year)
    }
}

/// `14:03:22.123`
pub fn time_millis(time: Timestamp, offset_minutes: i32) -> String {
    let c = wall_clock(time, offset_minutes);
    format!("{:02}:{:02}:{:02}.{:03}", c.hour, c.minute, c.second, c.nano / 1_000_000)
}

/// `14:03:22.123456789`
pub fn time_nanos(time: Timestamp, offset_minutes: i32) -> String {
    let c = wall_clock(time, offset_minutes);
    format!("{:02}:{:02}:{:02}.{:09}", c.hour, c.minute, c.second, c.nano)
}

/// `2026-11-20T14:03` with seconds when there are any: the form of a date field and of our URLs (which add a `Z`).
pub fn date_field(time: Timestamp, offset_minutes: i32) -> String {
    let c = wall_clock(time, offset_minutes);
    let seconds = if c.second == 0 { String::new() } else { format!(":{:02}", c.second) };
    format!("{:04}-{:02}-{:02}T{:02}:{:02}{seconds}", c.year, c.month, c.day, c.hour, c.minute)
}

/// Reads [`date_field`]'s form as a clock `offset_minutes` from UTC; a `Z` at the end is ignored.
pub fn parse_date_field(text: &str, offset_minutes: i32) -> Option<Timestamp> {
    let (date, clock) = text.trim().trim_end_matches('Z').split_once('T')?;
    let date: Vec<i64> = numbers(date, '-')?;
    let clock: Vec<i64> = numbers(clock, ':')?;
    let (&[year, month, day], &[hour, minute, ref rest @ ..]) = (date.as_slice(), clock.as_slice()) else {
        return None;
    };
    let second = match rest {
        [] => 0,
        [second] => *second,
        _ => return None,
    };
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let secs = days_of_date(year, month, day) * SECS_PER_DAY + hour * 3600 + minute * 60 + second
        - i64::from(offset_minutes) * 60;
    u64::try_from(secs).ok().map(Timestamp::from_secs)
}

fn numbers(text: &str, separator: char) -> Option<Vec<i64>> {
    text.split(separator).map(|part| part.parse::<u32>().ok().map(i64::from)).collect()
}

/// Days since 1970-01-01 to year, month and day. Years start in March here, so the leap day comes last, and 400
/// years are always 146,097 days.
fn date_of_days(days: i64) -> (i64, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * march_month + 2) / 5 + 1) as u32;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 } as u32;
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

fn days_of_date(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let march_month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * march_month + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    //! Known dates, leap days, offsets across midnight, and the way back.
    use super::*;

    const NOV_20: u64 = 1_795_183_402; // 2026-11-20T14:03:22Z

    #[test]
    fn a_known_moment() {
        let time = Timestamp(NOV_20 * 1_000_000_000 + 123_456_789);
        assert_eq!(time_millis(time, 0), "14:03:22.123");
        assert_eq!(time_nanos(time, 0), "14:03:22.123456789");
        assert_eq!(date(time, 0, time), "Nov 20");
        assert_eq!(date(time, 0, Timestamp::from_secs(1_830_000_000)), "Nov 20, 2026");
        assert_eq!(date_field(time, 0), "2026-11-20T14:03:22");
    }

    #[test]
    fn offsets_cross_midnight() {
        let time = Timestamp::from_secs(NOV_20);
        assert_eq!(time_millis(time, 600), "00:03:22.000");
        assert_eq!(date(time, 600, time), "Nov 21");
        assert_eq!(time_millis(time, -900), "23:03:22.000");
        assert_eq!(date(time, -900, time), "Nov 19");
    }

    #[test]
    fn every_day_of_eighty_years_comes_back() {
        for day in 0..29_220 {
            let time = Timestamp::from_secs(day * 86_400 + 60);
            assert_eq!(parse_date_field(&date_field(time, 90), 90), Some(time));
        }
    }

    #[test]
    fn nonsense_is_no_date() {
        for text in ["", "2026-11-20", "2026-13-01T00:00", "2026-11-20T25:00", "x-y-zT1:2"] {
            assert_eq!(parse_date_field(text, 0), None, "{text}");
        }
    }
}
