//! Trace ids in every notation people paste.
//!
//! ```text
//!   4bf92f3577b34da6a3ce929d0e0e4736                          32 or 16 hexadecimal digits, any case, dashes allowed
//!   00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01   traceparent, with or without its header name
//!   4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1       B3 in one header
//!   1-5759e988-bd862e3fe1be46a994272793                       X-Ray, alone or as Root=…;Parent=…
//!   11803532876627986230                                      64 or 128 bits in decimal, 17 digits or more
//!   https://…/trace/4bf92f…?span=00f067aa0ba902b7             a link
//! ```

use model::{SpanId, TraceId};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pasted {
    pub trace: TraceId,
    pub span: Option<SpanId>,
}

/// None when the text is not a trace id in any notation, so that ordinary words are never mistaken for one.
pub fn read(text: &str) -> Option<Pasted> {
    let text = text.trim().trim_matches(|c| matches!(c, '"' | '\'' | '`' | ',' | ';'));
    if text.len() > 400 {
        return None;
    }
    if let Some((_, rest)) = text.split_once("/trace/") {
        return read_link(rest);
    }
    let text = without_label(text);
    if let Some(rest) = text.strip_prefix("Root=") {
        return read_xray_header(rest);
    }
    read_id(text)
}

fn read_link(rest: &str) -> Option<Pasted> {
    let (id, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut pasted = read_id(&super::query::decode(id))?;
    if let Some(span) = super::Query::parse(query).get("span").and_then(|s| s.parse().ok()) {
        pasted.span = Some(span);
    }
    Some(pasted)
}

/// Drops what stands before the value in a header line, a log line's field or JSON.
fn without_label(text: &str) -> &str {
    const LABELS: [&str; 7] =
        ["traceparent", "b3", "x-b3-traceid", "trace_id", "traceid", "trace-id", "x-amzn-trace-id"];
    let Some((label, value)) = text.split_once([':', '=']) else {
        return text;
    };
    let label = label.trim().trim_matches('"').to_ascii_lowercase();
    if LABELS.contains(&label.as_str()) { value.trim().trim_matches('"') } else { text }
}

fn read_xray_header(rest: &str) -> Option<Pasted> {
    let mut fields = rest.split(';');
    let mut pasted = read_id(fields.next()?)?;
    pasted.span = fields.find_map(|f| f.trim().strip_prefix("Parent=")).and_then(|s| s.parse().ok());
    Some(pasted)
}

fn read_id(text: &str) -> Option<Pasted> {
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|p| p.len()).collect();
    if let Some(trace) = read_decimal(text) {
        return Some(Pasted { trace, span: None });
    }
    let with_span =
        |trace: &str, span: &str| Some(Pasted { trace: trace.parse().ok()?, span: Some(span.parse().ok()?) });
    match lengths.as_slice() {
        [2, 32, 16, 2, ..] => with_span(parts[1], parts[2]),
        [32 | 16, 16] | [32 | 16, 16, 1, ..] => with_span(parts[0], parts[1]),
        [1, 8, 24] if parts[0] == "1" => Some(Pasted { trace: text[2..].parse().ok()?, span: None }),
        _ => Some(Pasted { trace: text.parse().ok()?, span: None }),
    }
}

/// Sixteen or thirty-two digits are taken for hexadecimal; fewer than sixteen may be any number.
fn read_decimal(text: &str) -> Option<TraceId> {
    // Between 64 and 128 bits lies nothing that anyone uses.
    let is_decimal = matches!(text.len(), 17..=20 | 36..=39) && text.bytes().all(|b| b.is_ascii_digit());
    let value: u128 = text.parse().ok().filter(|_| is_decimal)?;
    let is_id = value > 0 && (text.len() > 20 || u64::try_from(value).is_ok());
    is_id.then(|| TraceId(value.to_be_bytes()))
}
