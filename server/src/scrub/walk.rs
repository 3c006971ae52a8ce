//! Finds what must go: down the messages of OTLP that hold a mark, to their texts. Changes nothing itself.

use std::iter::Peekable;
use std::ops::Range;
use std::vec::IntoIter;

use super::detect::{Detector, names_a_secret};
use super::edit::{Edit, text_value};
use super::rules::{Action, Rule};
use super::{Redaction, Scrubber, masked};
use crate::wire::otlp::UNKNOWN_SERVICE;
use crate::wire::otlp::view::{Malformed, Reader, Value, key_value};

/// A message of OTLP. The first two are requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Traces,
    Logs,
    ResourceSpans,
    ResourceLogs,
    Resource,
    ScopeSpans,
    ScopeLogs,
    Scope,
    Span,
    Event,
    Link,
    Status,
    LogRecord,
    KeyValue,
    AnyValue,
    Array,
    Map,
}

/// What a field with bytes in it is.
enum Part {
    Text(&'static str),
    Message(Shape),
    /// An id. It is never looked into.
    Id,
    Unknown,
}

impl Shape {
    fn part(self, field: u32) -> Part {
        use Part::{Id, Message, Text, Unknown};
        match (self, field) {
            (Shape::Traces, 1) => Message(Shape::ResourceSpans),
            (Shape::Logs, 1) => Message(Shape::ResourceLogs),
            (Shape::ResourceSpans | Shape::ResourceLogs, 1) => Message(Shape::Resource),
            (Shape::ResourceSpans, 2) => Message(Shape::ScopeSpans),
            (Shape::ResourceLogs, 2) => Message(Shape::ScopeLogs),
            (Shape::ScopeSpans | Shape::ScopeLogs, 1) => Message(Shape::Scope),
            (Shape::ScopeSpans, 2) => Message(Shape::Span),
            (Shape::ScopeLogs, 2) => Message(Shape::LogRecord),
            (Shape::ResourceSpans | Shape::ResourceLogs | Shape::ScopeSpans | Shape::ScopeLogs, 3) => {
                Text("a schema url")
            }
            (Shape::Resource, 1) | (Shape::Scope, 3) | (Shape::Span, 9) => Message(Shape::KeyValue),
            (Shape::Event, 3) | (Shape::Link, 4) | (Shape::LogRecord, 6) => Message(Shape::KeyValue),
            (Shape::Scope, 1 | 2) => Text("a scope's name"),
            (Shape::Span, 1 | 2 | 4) | (Shape::Link, 1 | 2) | (Shape::LogRecord, 9 | 10) => Id,
            (Shape::Span | Shape::Link, 3) => Text("a trace state"),
            (Shape::Span, 5) => Text("a span's name"),
            (Shape::Span, 11) => Message(Shape::Event),
            (Shape::Span, 13) => Message(Shape::Link),
            (Shape::Span, 15) => Message(Shape::Status),
            (Shape::Event, 2) => Text("an event's name"),
            (Shape::Status, 2) => Text("a status message"),
            (Shape::LogRecord, 3) => Text("a severity"),
            (Shape::LogRecord, 5) => Message(Shape::AnyValue),
            (Shape::LogRecord, 12) => Text("an event's name"),
            (Shape::KeyValue, 1) => Text("an attribute's key"),
            (Shape::KeyValue, 2) | (Shape::Array, 1) => Message(Shape::AnyValue),
            (Shape::AnyValue, 1 | 7) => Text("a value"),
            (Shape::AnyValue, 5) => Message(Shape::Array),
            (Shape::AnyValue, 6) => Message(Shape::Map),
            (Shape::Map, 1) => Message(Shape::KeyValue),
            _ => Unknown,
        }
    }
}

#[derive(Default)]
pub struct Found {
    pub edits: Vec<Edit>,
    pub redactions: Vec<Redaction>,
}

/// Looks at what the marks touch; they are in order and apart.
pub fn find(scrubber: &Scrubber, body: &[u8], marks: Vec<Range<usize>>, shape: Shape) -> Found {
    let marks = marks.into_iter().peekable();
    let mut walk =
        Walk { scrubber, body, marks, service: UNKNOWN_SERVICE, key: None, found: Found::default() };
    // The check read all of it before: there is no error to be had.
    let _ = walk.message(shape, body);
    walk.found
}

struct Walk<'a> {
    scrubber: &'a Scrubber,
    body: &'a [u8],
    /// Those that do not end before the part the walk is at.
    marks: Peekable<IntoIter<Range<usize>>>,
    service: &'a str,
    /// Of the attribute the walk is in.
    key: Option<&'a str>,
    found: Found,
}

impl<'a> Walk<'a> {
    fn message(&mut self, shape: Shape, bytes: &'a [u8]) -> Result<(), Malformed> {
        let mut reader = Reader::new(bytes);
        loop {
            let before = reader.rest();
            let Some(field) = reader.next()? else { return Ok(()) };
            if !field.is_bytes() {
                reader.skip(field)?;
                continue;
            }
            let content = reader.bytes(field)?;
            if !self.has_mark(content) {
                continue;
            }
            let whole = &before[..before.len() - reader.rest().len()];
            match shape.part(field.number) {
                Part::Id => {}
                Part::Text(place) => self.text(whole, content, place),
                Part::Unknown => self.unknown(whole, content),
                Part::Message(Shape::KeyValue) => self.attribute(whole, content)?,
                Part::Message(inner @ (Shape::ResourceSpans | Shape::ResourceLogs)) => {
                    self.service = service_of(content)?;
                    self.message(inner, content)?;
                }
                Part::Message(inner) => self.message(inner, content)?,
            }
        }
    }

    fn attribute(&mut self, whole: &'a [u8], content: &'a [u8]) -> Result<(), Malformed> {
        let (key, value) = key_value(content)?;
        let rules = self.scrubber.rules.iter();
        let by_rule = rules
            .filter(|rule| rule.key.is_some() && rule.pattern.is_none())
            .find(|rule| rule.concerns(self.service, Some(key)))
            .map(|rule| (rule.name.as_str(), rule.action));
        let secret_key = (Detector::SecretKey.name(), self.scrubber.detector_action(Detector::SecretKey));
        let by_key = (secret_key.1 != Action::Off && names_a_secret(key)).then_some(secret_key);
        let is_kept = matches!(value, Value::Empty | Value::Bool(_))
            || matches!(value, Value::Str(text) if text.is_empty());
        match by_rule.or(by_key.filter(|_| !is_kept)) {
            Some((rule, Action::Drop)) => {
                self.count(rule, &format!("attribute '{key}'"));
                self.edit(whole, Vec::new());
            }
            Some((rule, action)) => {
                let Some(encoded) = crate::wire::otlp::view::next_of(&mut Reader::new(content), 2)? else {
                    return Ok(());
                };
                if encoded.is_empty() {
                    return Ok(());
                }
                let new = match action {
                    Action::Hash => self.scrubber.hashed(&value.to_model()?.to_text()),
                    _ => masked(rule),
                };
                self.count(rule, &format!("attribute '{key}'"));
                self.edit(encoded, text_value(&new));
            }
            None => {
                let outer = self.key.replace(key);
                let edits = self.found.edits.len();
                self.message(Shape::KeyValue, content)?;
                self.key = outer;
                self.drop_if_asked(whole, edits);
            }
        }
        Ok(())
    }

    /// One find that drops its attribute takes all that was found in it along.
    fn drop_if_asked(&mut self, whole: &[u8], edits: usize) {
        if self.found.edits[edits..].iter().any(|edit| edit.new.is_empty()) {
            self.found.edits.truncate(edits);
            self.edit(whole, Vec::new());
        }
    }

    fn text(&mut self, whole: &[u8], content: &[u8], place: &str) {
        // Bytes that are no text, of an attribute of bytes: looked at as far as they can be.
        let Ok(text) = std::str::from_utf8(content) else { return self.unknown(whole, content) };
        let place = match self.key {
            Some(key) => format!("attribute '{key}'"),
            None => place.to_owned(),
        };
        let mut drops = false;
        let mut clean: Option<String> = None;
        for rule in &self.scrubber.rules {
            let Some(pattern) = &rule.pattern else { continue };
            let now = clean.as_deref().unwrap_or(text);
            if rule.concerns(self.service, self.key) && pattern.is_match(now) {
                let replaced =
                    pattern.replace_all(now, |found: &regex::Captures<'_>| self.in_place(rule, &found[0]));
                drops |= rule.action == Action::Drop;
                clean = Some(replaced.into_owned());
                self.count(&rule.name, &place);
            }
        }
        let now = clean.as_deref().unwrap_or(text);
        let cleaned = self.scrubber.detectors.clean(now, |_, secret| self.scrubber.hashed(secret));
        if let Some(cleaned) = cleaned {
            for detector in cleaned.found {
                drops |= self.scrubber.detector_action(detector) == Action::Drop;
                self.count(detector.name(), &place);
            }
            clean = Some(cleaned.text);
        }
        match clean {
            Some(_) if drops && self.key.is_some() => self.edit(content, Vec::new()),
            Some(clean) => self.edit(content, clean.into_bytes()),
            None => {}
        }
    }

    fn in_place(&self, rule: &Rule, secret: &str) -> String {
        if rule.action == Action::Hash { self.scrubber.hashed(secret) } else { masked(&rule.name) }
    }

    /// Nobody reads these bytes, but the queue would keep them: with a secret in them they go.
    fn unknown(&mut self, whole: &[u8], content: &[u8]) {
        let text = String::from_utf8_lossy(content);
        if let Some(clean) = self.scrubber.detectors.clean(&text, |_, _| String::new()) {
            for detector in clean.found {
                self.count(detector.name(), "bytes that are no text");
            }
            self.edit(whole, Vec::new());
        }
    }

    /// Parts are asked about in the order in which they begin, so no mark is looked at twice.
    fn has_mark(&mut self, part: &[u8]) -> bool {
        let range = self.range(part);
        while self.marks.next_if(|mark| mark.end <= range.start).is_some() {}
        self.marks.peek().is_some_and(|mark| mark.start < range.end)
    }

    /// Where a part borrowed from the request lies in it.
    fn range(&self, part: &[u8]) -> Range<usize> {
        let start = part.as_ptr() as usize - self.body.as_ptr() as usize;
        start..start + part.len()
    }

    fn edit(&mut self, part: &[u8], new: Vec<u8>) {
        let range = self.range(part);
        self.found.edits.push(Edit { range, new });
    }

    fn count(&mut self, rule: &str, place: &str) {
        match self.found.redactions.iter_mut().find(|redaction| redaction.rule == rule) {
            Some(redaction) => redaction.count += 1,
            None => {
                let place: String = place.chars().take(120).collect();
                let example = self.scrubber.text(&format!("{place} of service '{}'", self.service));
                self.found.redactions.push(Redaction { rule: rule.to_owned(), count: 1, example });
            }
        }
    }
}

fn service_of(resource_spans: &[u8]) -> Result<&str, Malformed> {
    let next_of = crate::wire::otlp::view::next_of;
    let Some(resource) = next_of(&mut Reader::new(resource_spans), 1)? else { return Ok(UNKNOWN_SERVICE) };
    let mut reader = Reader::new(resource);
    while let Some(attribute) = next_of(&mut reader, 1)? {
        if let ("service.name", Value::Str(name)) = key_value(attribute)? {
            return Ok(name);
        }
    }
    Ok(UNKNOWN_SERVICE)
}
