//! Takes secrets out of what the doors let in, before any of it touches the disk.
//!
//! ```text
//!  encoded request ──▶ anchors: one quick look over all bytes ──nothing──▶ the very bytes go on
//!                          │ marks
//!                          ▼
//!                      walk: only messages with a mark in them, only their texts ──▶ detect ──▶ edits ──▶ new bytes
//! ```
//!
//! The anchors may mark too much and never too little: whatever a detector can find has an anchor in it. The walk
//! knows the shape of OTLP and of nothing else. Rules by key, pattern or service need every text looked at, so they
//! switch the quick look off. Numbers are looked at by rules only: an integer has no shape to tell a card by.

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use model::view::RedactionRule;
use sha2::Sha256;

mod anchors;
mod detect;
mod edit;
mod rules;
mod walk;

pub use rules::{Action, RulesError};
pub use walk::Shape;

use anchors::Anchors;
use detect::{Detector, Detectors};
use rules::Rule;

/// Decides what is a secret and what becomes of it.
pub struct Scrubber {
    anchors: Anchors,
    detectors: Detectors,
    rules: Vec<Rule>,
    hash_key: Option<Vec<u8>>,
}

/// A request that may touch the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scrubbed {
    /// The very bytes that came if nothing was found.
    pub body: Bytes,
    pub redactions: Vec<Redaction>,
}

/// What one rule took out of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redaction {
    pub rule: String,
    pub count: u32,
    /// Where the first was, never what it was.
    pub example: String,
}

impl Default for Scrubber {
    /// The detectors that do not err: everything but e-mail addresses.
    fn default() -> Scrubber {
        Scrubber {
            anchors: Anchors::default(),
            detectors: Detectors::default(),
            rules: Vec::new(),
            hash_key: None,
        }
    }
}

impl Scrubber {
    /// From the text of a rules file.
    pub fn from_json(text: &str) -> Result<Scrubber, RulesError> {
        let (detectors, rules, hash_key) = rules::read(text)?;
        Ok(Scrubber { anchors: Anchors::default(), detectors, rules, hash_key })
    }

    /// Looks at a request that passed the check.
    pub fn apply(&self, body: Bytes, shape: Shape) -> Scrubbed {
        let everything = || std::iter::once(0..body.len()).collect();
        let marks = if self.rules.is_empty() { self.anchors.marks(&body) } else { everything() };
        if marks.is_empty() {
            return Scrubbed { body, redactions: Vec::new() };
        }
        let found = walk::find(self, &body, marks, shape);
        if found.edits.is_empty() {
            return Scrubbed { body, redactions: Vec::new() };
        }
        let clean = edit::apply(&body, &found.edits);
        Scrubbed { body: Bytes::from(clean), redactions: found.redactions }
    }

    /// What becomes of what, detectors first: a name, what is looked for, and what is done.
    pub fn described(&self) -> Vec<RedactionRule> {
        let built_in = Detector::ALL.into_iter().map(|detector| {
            let action = self.detector_action(detector).name().to_owned();
            let (name, what) = (detector.name().to_owned(), detector.what().to_owned());
            RedactionRule { name, what, action, is_built_in: true }
        });
        let written = self.rules.iter().map(|rule| {
            let (name, action) = (rule.name.clone(), rule.action.name().to_owned());
            RedactionRule { name, what: rule.what(), action, is_built_in: false }
        });
        built_in.chain(written).collect()
    }

    /// A text of our own that may quote a sender's.
    pub fn text(&self, text: &str) -> String {
        self.detectors
            .clean(text, |_, secret| self.hashed(secret))
            .map_or_else(|| text.to_owned(), |c| c.text)
    }

    /// The same secret always becomes the same name, and nobody without the key can tell from which.
    fn hashed(&self, secret: &str) -> String {
        let key = self.hash_key.as_deref().unwrap_or_default();
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return masked("hash") };
        mac.update(secret.as_bytes());
        let digits: String = mac.finalize().into_bytes().iter().take(8).map(|b| format!("{b:02x}")).collect();
        format!("[hash:{digits}]")
    }

    fn detector_action(&self, detector: Detector) -> Action {
        self.detectors.action(detector)
    }
}

/// What stands where a secret stood.
fn masked(rule: &str) -> String {
    format!("[redacted:{rule}]")
}

#[cfg(test)]
mod tests;
