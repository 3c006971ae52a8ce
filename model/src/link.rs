//! Links to tools beside Skein, such as logs, metrics and profiles: a name, and an address with places to fill in.
//!
//! ```text
//!   Loki=https://logs.example/find?service={service}&from={start_ms}&to={end_ms}&q={trace_id}
//! ```
//! Who runs the server writes the address; what senders say is filled in, percent-encoded and never before the path.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Nanos, SpanId, Timestamp, TraceId};

const NAME_MAX_CHARS: usize = 40;
const ADDRESS_MAX_CHARS: usize = 2_000;

/// What can be filled in.
pub const PLACES: [&str; 12] = [
    "trace_id",
    "span_id",
    "service",
    "operation",
    "start",
    "end",
    "start_ms",
    "end_ms",
    "start_s",
    "end_s",
    "start_iso",
    "end_iso",
];

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkTemplate {
    pub name: String,
    address: String,
}

/// What a link is about.
#[derive(Clone, Copy, Debug)]
pub struct LinkTarget<'t> {
    pub trace_id: TraceId,
    /// A link about a trace has none.
    pub span_id: Option<SpanId>,
    pub service: &'t str,
    pub operation: &'t str,
    pub start: Timestamp,
    pub duration: Nanos,
}

#[derive(Debug, Error, PartialEq, Eq)]
pub enum LinkError {
    #[error("'{0}' is no link: write name=https://…")]
    NoName(String),
    #[error("the name '{0}' is longer than {NAME_MAX_CHARS} characters")]
    LongName(String),
    #[error("the address of '{0}' is longer than {ADDRESS_MAX_CHARS} characters")]
    LongAddress(String),
    #[error("the address of '{0}' must begin with http:// or https:// and a host")]
    NoWeb(String),
    #[error("the host in the address of '{0}' must be written out: nothing is filled in before the path")]
    OpenHost(String),
    #[error("the address of '{0}' has a blank or a control character; write %20 for a blank")]
    Blank(String),
    #[error("'{{{place}}}' in the address of '{name}' is not known; there are {}, and %7B stands for a plain brace", PLACES.join(", "))]
    UnknownPlace { name: String, place: String },
    #[error("the address of '{0}' has a brace without its other; write %7B and %7D for plain braces")]
    LoneBrace(String),
}

/// A stretch of an address: as it stands, or a place to fill in.
enum Part<'a> {
    Plain(&'a str),
    Place(&'a str),
}

impl LinkTemplate {
    /// Reads `name=address`, and says what is wrong with it.
    pub fn parse(text: &str) -> Result<LinkTemplate, LinkError> {
        let pair = text.split_once('=').map(|(name, address)| (name.trim(), address.trim()));
        let Some((name, address)) = pair.filter(|(name, _)| !name.is_empty() && !name.contains("://")) else {
            return Err(LinkError::NoName(text.to_owned()));
        };
        let named = || name.to_owned();
        if name.chars().count() > NAME_MAX_CHARS {
            return Err(LinkError::LongName(named()));
        }
        if address.chars().count() > ADDRESS_MAX_CHARS {
            return Err(LinkError::LongAddress(named()));
        }
        let after_scheme = ["https://", "http://"].iter().find_map(|scheme| address.strip_prefix(scheme));
        let host = after_scheme.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
        match host {
            None | Some("") => return Err(LinkError::NoWeb(named())),
            Some(host) if host.contains(['{', '}', '@', '\\']) => return Err(LinkError::OpenHost(named())),
            Some(_) => {}
        }
        if address.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(LinkError::Blank(named()));
        }
        let template = LinkTemplate { name: named(), address: address.to_owned() };
        for part in template.parts() {
            match part {
                Part::Plain(plain) if plain.contains(['{', '}']) => {
                    return Err(LinkError::LoneBrace(named()));
                }
                Part::Place(place) if !PLACES.contains(&place) => {
                    return Err(LinkError::UnknownPlace { name: named(), place: place.to_owned() });
                }
                _ => {}
            }
        }
        Ok(template)
    }

    /// The address for something; none when the template asks for a span and there is none.
    pub fn fill(&self, target: &LinkTarget) -> Option<String> {
        let mut filled = String::with_capacity(self.address.len() + 64);
        for part in self.parts() {
            match part {
                Part::Plain(plain) => filled.push_str(plain),
                Part::Place(place) => encode_into(&mut filled, &target.value(place)?),
            }
        }
        Some(filled)
    }

    fn parts(&self) -> Vec<Part<'_>> {
        let mut parts = Vec::new();
        let mut rest = self.address.as_str();
        while let Some((before, place, after)) = rest.split_once('{').and_then(|(before, after)| {
            let (place, after) = after.split_once('}')?;
            Some((before, place, after))
        }) {
            parts.extend([Part::Plain(before), Part::Place(place)]);
            rest = after;
        }
        parts.push(Part::Plain(rest));
        parts
    }
}

impl LinkTarget<'_> {
    fn value(&self, place: &str) -> Option<String> {
        let end = self.start.plus(self.duration);
        let (time, unit) = match place.strip_prefix("end") {
            Some(unit) => (end, unit),
            None => (self.start, place.strip_prefix("start").unwrap_or_default()),
        };
        Some(match place {
            "trace_id" => self.trace_id.to_string(),
            "span_id" => self.span_id?.to_string(),
            "service" => self.service.to_owned(),
            "operation" => self.operation.to_owned(),
            _ => match unit {
                "_ms" => (time.0 / 1_000_000).to_string(),
                "_s" => (time.0 / 1_000_000_000).to_string(),
                "_iso" => iso(time),
                _ => time.0.to_string(),
            },
        })
    }
}

/// `2026-11-24T15:27:41.123Z`.
fn iso(time: Timestamp) -> String {
    let (days, in_day_ms) = (time.0 / 86_400_000_000_000, time.0 / 1_000_000 % 86_400_000);
    // Years that begin in March end with the leap day.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (second, millis) = (in_day_ms / 1_000, in_day_ms % 1_000);
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}.{millis:03}Z", second % 60)
}

fn encode_into(out: &mut String, text: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    //! What templates may say, and what becomes of hostile names.
    use super::*;

    fn target(operation: &str) -> LinkTarget<'_> {
        LinkTarget {
            trace_id: TraceId([0xab; 16]),
            span_id: Some(SpanId(7)),
            service: "cart & co",
            operation,
            start: Timestamp(1_795_534_061_123_456_789),
            duration: Nanos(2_000_000_000),
        }
    }

    fn filled(template: &str) -> String {
        LinkTemplate::parse(template).unwrap().fill(&target("GET /x")).unwrap()
    }

    #[test]
    fn places_are_filled_in_and_encoded() {
        assert_eq!(
            filled("Logs=https://l.example/find?q={trace_id}&s={service}&o={operation}#{span_id}"),
            format!(
                "https://l.example/find?q={}&s=cart%20%26%20co&o=GET%20%2Fx#0000000000000007",
                "ab".repeat(16)
            )
        );
        assert_eq!(
            filled("T=http://h/{start}/{end}/{start_ms}/{end_ms}/{start_s}/{end_s}"),
            "http://h/1795534061123456789/1795534063123456789/1795534061123/1795534063123/1795534061/1795534063"
        );
        assert_eq!(filled("T=http://h/?from={start_iso}"), "http://h/?from=2026-11-24T15%3A27%3A41.123Z");
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        for (seconds, day) in [
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (1_709_164_799, "2024-02-28"),
            (4_107_542_400, "2100-03-01"),
        ] {
            assert!(iso(Timestamp::from_secs(seconds)).starts_with(day), "{seconds} is not {day}");
        }
    }

    #[test]
    fn names_of_senders_cannot_leave_their_place() {
        let template = LinkTemplate::parse("L=https://h/?o={operation}").unwrap();
        let hostile = "\"><script>&x=1#javascript:{trace_id}%ü\n";
        let url = template.fill(&target(hostile)).unwrap();
        let value = url.strip_prefix("https://h/?o=").unwrap();
        assert!(value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b)), "{value}");
        assert!(value.contains("%C3%BC%0A"));
    }

    #[test]
    fn a_link_about_a_span_is_none_about_a_trace() {
        let about_trace = LinkTarget { span_id: None, ..target("x") };
        assert_eq!(LinkTemplate::parse("P=https://h/{span_id}").unwrap().fill(&about_trace), None);
        assert!(LinkTemplate::parse("P=https://h/{trace_id}").unwrap().fill(&about_trace).is_some());
    }

    #[test]
    fn what_is_wrong_is_said() {
        let problem = |text: &str| LinkTemplate::parse(text).unwrap_err();
        let name = || "L".to_owned();
        assert_eq!(problem("https://h/x"), LinkError::NoName("https://h/x".to_owned()));
        assert!(matches!(problem("https://h/?q={trace_id}"), LinkError::NoName(_)));
        assert_eq!(problem("L=javascript:alert(1)"), LinkError::NoWeb(name()));
        assert_eq!(problem("L=https:///x"), LinkError::NoWeb(name()));
        assert_eq!(problem("L=https://{service}.example/"), LinkError::OpenHost(name()));
        assert_eq!(problem("L=https://h@other/"), LinkError::OpenHost(name()));
        assert_eq!(problem("L=https://h/a b"), LinkError::Blank(name()));
        assert_eq!(problem("L=https://h/{"), LinkError::LoneBrace(name()));
        assert_eq!(problem("L=https://h/}"), LinkError::LoneBrace(name()));
        let unknown = problem("L=https://h/{trace}");
        assert!(unknown.to_string().contains("there are trace_id, span_id"), "{unknown}");
        assert!(matches!(problem(&format!("{}=https://h", "n".repeat(41))), LinkError::LongName(_)));
    }
}
