//! Reading what callers write into a URL, with errors that say which part was wrong.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use model::receipt::Outcome;
use model::trace::diff::Compare;
use model::view::{ReceiptsAsked, SearchOrder, TraceSearch};
use model::{ApiError, Nanos, Timestamp, TraceId};

const SEARCH_PARAMS: [&str; 11] = [
    "q",
    "service",
    "operation",
    "error",
    "min_duration_ms",
    "max_duration_ms",
    "start",
    "end",
    "order",
    "limit",
    "cursor",
];

/// The first of them say which traces are meant.
const FILTER_PARAMS: usize = 8;

pub fn now() -> Timestamp {
    Timestamp(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64))
}

/// Refuses parameters there are not.
pub fn only(params: &HashMap<String, String>, known: &[&str]) -> Result<(), ApiError> {
    match params.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(unknown) => Err(ApiError::bad_request(
            format!("there is no parameter '{unknown}'"),
            format!("there are: {}", known.join(", ")),
        )),
    }
}

/// Which traces are meant, where their order and pages play no part.
pub fn filters(params: &HashMap<String, String>) -> Result<TraceSearch, ApiError> {
    only(params, &SEARCH_PARAMS[..FILTER_PARAMS])?;
    search(params)
}

pub fn search(params: &HashMap<String, String>) -> Result<TraceSearch, ApiError> {
    only(params, &SEARCH_PARAMS)?;
    Ok(TraceSearch {
        q: params.get("q").filter(|text| !text.trim().is_empty()).cloned(),
        order: filled(params, "order").map(order).transpose()?.unwrap_or_default(),
        service: filled(params, "service").map(str::to_owned),
        operation: filled(params, "operation").map(str::to_owned),
        error: filled(params, "error").map(flag).transpose()?,
        min_duration: filled(params, "min_duration_ms").map(|t| millis("min_duration_ms", t)).transpose()?,
        max_duration: filled(params, "max_duration_ms").map(|t| millis("max_duration_ms", t)).transpose()?,
        start: filled(params, "start").map(|t| time("start", t)).transpose()?,
        end: filled(params, "end").map(|t| time("end", t)).transpose()?,
        limit: filled(params, "limit").map(|text| whole("limit", text)).transpose()?,
        cursor: filled(params, "cursor").map(str::to_owned),
    })
}

/// Which receipts are meant.
pub fn receipts(params: &HashMap<String, String>) -> Result<ReceiptsAsked, ApiError> {
    only(params, &["start", "end", "outcome", "service", "key"])?;
    let outcome = |text: &str| {
        Outcome::of_name(text).ok_or_else(|| {
            let known = Outcome::ALL.map(Outcome::name).join(", ");
            ApiError::bad_request(format!("outcome is '{text}'"), format!("there are: {known}"))
        })
    };
    Ok(ReceiptsAsked {
        start: filled(params, "start").map(|t| time("start", t)).transpose()?,
        end: filled(params, "end").map(|t| time("end", t)).transpose()?,
        outcome: filled(params, "outcome").map(outcome).transpose()?,
        service: filled(params, "service").map(str::to_owned),
        key: filled(params, "key").map(str::to_owned),
    })
}

/// The two sides of a comparison.
pub fn pair(params: &HashMap<String, String>) -> Result<(Compare, Compare), ApiError> {
    let hint =
        "give two trace ids, such as /api/diff?a=…&b=…; one may be typical, previous, usual or fastest";
    if let Some(unknown) = params.keys().find(|key| !["a", "b", "window_secs"].contains(&key.as_str())) {
        return Err(ApiError::bad_request(format!("there is no parameter '{unknown}'"), hint));
    }
    let one = |name: &str| match filled(params, name) {
        Some(text) => Compare::of_name(text).map_or_else(|| trace_id(text).map(Compare::Trace), Ok),
        None => Err(ApiError::bad_request(format!("{name} is missing"), hint)),
    };
    Ok((one("a")?, one("b")?))
}

/// A range of time of at most so many seconds; the last of them, `usual`, when nothing is said.
pub fn range(
    params: &HashMap<String, String>,
    usual_secs: u64,
    most_secs: u64,
) -> Result<(Timestamp, Timestamp), ApiError> {
    only(params, &["start", "end"])?;
    let end = filled(params, "end").map(|t| time("end", t)).transpose()?.unwrap_or_else(now);
    let start = filled(params, "start").map(|t| time("start", t)).transpose()?;
    let start = start.unwrap_or_else(|| end.minus(Nanos::from_secs(usual_secs)));
    if start >= end {
        return Err(ApiError::bad_request("start is not before end", "swap them, or leave one out"));
    }
    if end.since(start) > Nanos::from_secs(most_secs) {
        let days = most_secs / 86_400;
        return Err(ApiError::bad_request(
            "start and end lie too far apart",
            format!("ask for at most {days} days"),
        ));
    }
    Ok((start, end))
}

/// How many lines of the audit are asked for.
pub fn audit_limit(params: &HashMap<String, String>, usual: u32, most: u32) -> Result<u32, ApiError> {
    if let Some(unknown) = params.keys().find(|key| key.as_str() != "limit") {
        return Err(ApiError::bad_request(format!("there is no parameter '{unknown}'"), "there is: limit"));
    }
    match filled(params, "limit").map(|text| whole("limit", text)).transpose()?.unwrap_or(usual) {
        fits if (1..=most).contains(&fits) => Ok(fits),
        other => {
            Err(ApiError::bad_request(format!("limit is {other}"), format!("limit goes from 1 to {most}")))
        }
    }
}

pub fn trace_id(text: &str) -> Result<TraceId, ApiError> {
    text.parse().map_err(|e| {
        ApiError::bad_request(format!("'{text}' is not a trace id: {e}"), "give 32 hexadecimal digits")
    })
}

/// An empty parameter is one left out.
fn filled<'p>(params: &'p HashMap<String, String>, name: &str) -> Option<&'p str> {
    params.get(name).map(|text| text.trim()).filter(|text| !text.is_empty())
}

fn flag(text: &str) -> Result<bool, ApiError> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(ApiError::bad_request(format!("error is '{text}'"), "error is true or false")),
    }
}

fn order(text: &str) -> Result<SearchOrder, ApiError> {
    SearchOrder::of_name(text).ok_or_else(|| {
        let known = SearchOrder::ALL.map(SearchOrder::name).join(", ");
        ApiError::bad_request(format!("order is '{text}'"), format!("there are: {known}"))
    })
}

pub fn whole(name: &str, text: &str) -> Result<u32, ApiError> {
    text.trim().parse().map_err(|_| {
        ApiError::bad_request(format!("{name} is '{text}'"), format!("{name} is a whole number"))
    })
}

pub fn millis(name: &str, text: &str) -> Result<Nanos, ApiError> {
    match text.parse::<f64>() {
        Ok(millis) if millis.is_finite() && millis >= 0.0 => Ok(Nanos::from_millis_f64(millis)),
        _ => Err(ApiError::bad_request(
            format!("{name} is '{text}'"),
            "give milliseconds as a number, such as 250 or 0.5",
        )),
    }
}

/// RFC 3339 or integer nanoseconds. A `+` that was not encoded arrives as a space.
fn time(name: &str, text: &str) -> Result<Timestamp, ApiError> {
    if let Ok(ns) = text.parse::<u64>() {
        return Ok(Timestamp(ns));
    }
    let parsed = text.replace(' ', "+").parse::<jiff::Timestamp>().ok();
    parsed.and_then(|t| u64::try_from(t.as_nanosecond()).ok()).map(Timestamp).ok_or_else(|| {
        let hint = "give RFC 3339, such as 2026-01-31T12:00:00Z, or nanoseconds since 1970 as an integer";
        ApiError::bad_request(format!("{name} is '{text}'"), hint)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<TraceSearch, ApiError> {
        search(&pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn every_filter_is_read() {
        let search = read(&[
            ("service", "cart"),
            ("error", "true"),
            ("min_duration_ms", "0.5"),
            ("start", "2026-01-01T00:00:00Z"),
            ("end", "1767225601000000000"),
            ("limit", "7"),
            ("operation", ""),
        ])
        .unwrap();
        assert_eq!(search.service.as_deref(), Some("cart"));
        assert_eq!(search.operation, None);
        assert_eq!(search.min_duration, Some(Nanos(500_000)));
        assert_eq!(search.start, Some(Timestamp(1_767_225_600_000_000_000)));
        assert_eq!(search.end, Some(Timestamp(1_767_225_601_000_000_000)));
    }

    #[test]
    fn offsets_survive_an_unencoded_plus() {
        assert_eq!(time("start", "2026-01-01T01:00:00 01:00").unwrap(), Timestamp(1_767_225_600_000_000_000));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (name, text) in [
            ("error", "maybe"),
            ("limit", "x"),
            ("min_duration_ms", "-1"),
            ("start", "soon"),
            ("sevrice", "a"),
        ] {
            let error = read(&[(name, text)]).unwrap_err();
            assert!(error.message.contains(name), "{}", error.message);
        }
    }
}
