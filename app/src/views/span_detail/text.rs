//! Attribute values as text for reading, copying and filtering. Pure.

use model::order::sort_with;
use model::trace::SpanRank;
use model::{AttrValue, Attrs};

use super::pretty;
use crate::format::{counted, duration, lowered, share};

/// How a value is set on the page.
#[derive(Clone, Debug, PartialEq)]
pub enum Shown {
    /// One line or a few words.
    Plain(String),
    /// Keeps its line breaks and is set in a fixed-width face.
    Block(String),
    Nested(Vec<(String, AttrValue)>),
}

/// Longer than this, or with a line break, a text is set as a block.
const PLAIN_CHARS: usize = 160;
/// So many bytes are previewed as hexadecimal.
const BYTES_SHOWN: usize = 64;

pub fn shown(key: &str, value: &AttrValue) -> Shown {
    match value {
        AttrValue::Map(entries) if !entries.is_empty() => Shown::Nested(entries.clone()),
        AttrValue::Array(items) if items.iter().any(is_compound) => {
            Shown::Nested(items.iter().enumerate().map(|(i, item)| (i.to_string(), item.clone())).collect())
        }
        other => {
            if let Some(text) = pretty::set(key, other) {
                return Shown::Block(text);
            }
            let text = plain(other);
            let is_code =
                key.ends_with("stacktrace") || key.ends_with("query.text") || key.ends_with("statement");
            if is_code || text.contains('\n') || text.chars().count() > PLAIN_CHARS {
                Shown::Block(text.trim_end().to_owned())
            } else {
                Shown::Plain(text)
            }
        }
    }
}

fn is_compound(value: &AttrValue) -> bool {
    matches!(value, AttrValue::Map(_) | AttrValue::Array(_))
}

/// Where a span lies among its operation's last day.
pub fn rank_text(rank: &SpanRank) -> String {
    let calls = counted(rank.calls, "call", "calls");
    if rank.share_shorter().is_none() {
        return format!("{calls} of this operation in a day: too few to compare");
    }
    let [p50, p95, p99] = [rank.p50, rank.p95, rank.p99].map(duration);
    let shorter = share(rank.shorter, rank.calls);
    format!("Longer than {shorter} of {calls} in a day · p50 {p50} · p95 {p95} · p99 {p99}")
}

/// The value as one text: what a copy button copies.
pub fn plain(value: &AttrValue) -> String {
    match value {
        AttrValue::Empty => String::new(),
        AttrValue::Str(s) => s.clone(),
        AttrValue::Bool(b) => b.to_string(),
        AttrValue::Int(i) => i.to_string(),
        AttrValue::Double(d) => d.to_string(),
        AttrValue::Bytes(bytes) => hex(bytes),
        AttrValue::Array(items) => format!("[{}]", items.iter().map(quoted).collect::<Vec<_>>().join(", ")),
        AttrValue::Map(entries) => {
            let entries: Vec<String> = entries.iter().map(|(k, v)| format!("{k}: {}", quoted(v))).collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

/// Within a list, texts are quoted so that `["a, b"]` and `["a", "b"]` differ.
fn quoted(value: &AttrValue) -> String {
    match value {
        AttrValue::Str(s) => format!("{s:?}"),
        AttrValue::Empty => "empty".to_owned(),
        other => plain(other),
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text: Vec<String> = bytes.iter().take(BYTES_SHOWN).map(|b| format!("{b:02x}")).collect();
    if bytes.len() > BYTES_SHOWN {
        text.push(format!("… {} bytes", bytes.len()));
    }
    text.join(" ")
}

/// The type as it is named beside a value; a string needs no name.
pub fn type_label(value: &AttrValue) -> String {
    match value {
        AttrValue::Str(_) => String::new(),
        AttrValue::Array(items) => match items.first() {
            Some(first) if items.iter().all(|i| i.type_name() == first.type_name()) => {
                format!("{}[{}]", first.type_name(), items.len())
            }
            _ => format!("array[{}]", items.len()),
        },
        AttrValue::Bytes(bytes) => format!("bytes[{}]", bytes.len()),
        other => other.type_name().to_owned(),
    }
}

/// Attributes whose key or value holds the text, in order of key.
pub fn filtered(attrs: &Attrs, text: &str) -> Attrs {
    let text = lowered(text.trim());
    let has = |(key, value): &&(String, AttrValue)| {
        text.is_empty() || lowered(key).contains(&text) || lowered(&plain(value)).contains(&text)
    };
    let mut found: Attrs = attrs.iter().filter(has).cloned().collect();
    sort_with(&mut found, |a, b| a.0.cmp(&b.0));
    found
}

#[cfg(test)]
mod tests {
    //! Every type as it reads on the page.
    use super::*;

    fn text(s: &str) -> AttrValue {
        AttrValue::Str(s.into())
    }

    #[test]
    fn every_type_reads_plainly() {
        assert_eq!(plain(&AttrValue::Double(1.5)), "1.5");
        assert_eq!(plain(&AttrValue::Bytes(vec![0, 255])), "00 ff");
        assert_eq!(plain(&AttrValue::Array(vec![text("a, b"), text("c")])), r#"["a, b", "c"]"#);
        assert_eq!(plain(&AttrValue::Map(vec![("k".into(), AttrValue::Int(3))])), "{k: 3}");
    }

    #[test]
    fn types_are_named_only_where_they_tell_something() {
        assert_eq!(type_label(&text("x")), "");
        assert_eq!(type_label(&AttrValue::Array(vec![AttrValue::Int(1), AttrValue::Int(2)])), "int[2]");
        assert_eq!(type_label(&AttrValue::Array(vec![AttrValue::Int(1), text("x")])), "array[2]");
        assert_eq!(type_label(&AttrValue::Bytes(vec![1])), "bytes[1]");
    }

    #[test]
    fn stacks_and_long_texts_become_blocks() {
        assert!(matches!(shown("exception.stacktrace", &text("at x")), Shown::Block(_)));
        assert!(matches!(shown("a", &text("one\ntwo")), Shown::Block(_)));
        assert!(matches!(shown("a", &text("short")), Shown::Plain(_)));
        assert!(matches!(shown("a", &AttrValue::Map(vec![("k".into(), text("v"))])), Shown::Nested(_)));
    }

    #[test]
    fn the_filter_looks_at_keys_and_values() {
        let attrs = vec![("http.method".to_owned(), text("GET")), ("db.system".to_owned(), text("redis"))];
        assert_eq!(filtered(&attrs, "RED").len(), 1);
        assert_eq!(filtered(&attrs, "http").len(), 1);
        assert_eq!(filtered(&attrs, "")[0].0, "db.system");
    }
}
