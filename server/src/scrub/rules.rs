//! The rules file: what becomes of what the detectors find, and rules of one's own. JSON:
//!
//! ```text
//! { "hash_key": "at least sixteen characters",
//!   "detectors": { "email": "hash", "card": "off" },
//!   "rules": [ { "name": "customer", "key": "customer.*", "pattern": "C-[0-9]+", "service": "cart", "action": "drop" } ] }
//! ```
//!
//! A rule needs a key, a pattern or both. A key may end in `*`. With a pattern only what matches goes, without one
//! the whole value.

use std::collections::BTreeMap;

use regex::Regex;
use serde::Deserialize;
use thiserror::Error;

use super::detect::{Detector, Detectors};

const HASH_KEY_MIN_BYTES: usize = 16;

#[derive(Debug, Error)]
pub enum RulesError {
    #[error("the scrub rules are not the JSON they should be: {0}")]
    Json(#[from] serde_json::Error),
    #[error("there is no detector '{name}'; there are: {known}")]
    UnknownDetector { name: String, known: String },
    #[error("scrub rule '{rule}' needs a key or a pattern")]
    Empty { rule: String },
    #[error("the pattern of scrub rule '{rule}' cannot be read: {source}")]
    Pattern { rule: String, source: Box<regex::Error> },
    #[error("action 'hash' needs a hash_key of at least {HASH_KEY_MIN_BYTES} bytes")]
    HashKey,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    Off,
    /// The attribute goes. What is not an attribute's value is masked.
    Drop,
    Mask,
    /// A keyed hash takes its place, so that equal values stay equal.
    Hash,
}

impl Action {
    pub fn name(self) -> &'static str {
        match self {
            Action::Off => "off",
            Action::Drop => "drop",
            Action::Mask => "mask",
            Action::Hash => "hash",
        }
    }
}

#[derive(Debug)]
pub struct Rule {
    pub name: String,
    pub key: Option<Key>,
    pub pattern: Option<Regex>,
    pub service: Option<String>,
    pub action: Action,
}

#[derive(Debug)]
pub enum Key {
    Exact(String),
    Prefix(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    hash_key: Option<String>,
    #[serde(default)]
    detectors: BTreeMap<String, Action>,
    #[serde(default)]
    rules: Vec<Written>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    key: Option<String>,
    pattern: Option<String>,
    service: Option<String>,
    action: Action,
}

type Read = (Detectors, Vec<Rule>, Option<Vec<u8>>);

pub fn read(text: &str) -> Result<Read, RulesError> {
    let file: File = serde_json::from_str(text)?;
    let mut detectors = Detectors::default();
    for (name, action) in &file.detectors {
        let Some(detector) = Detector::ALL.into_iter().find(|detector| detector.name() == name) else {
            let known = Detector::ALL.map(Detector::name).join(", ");
            return Err(RulesError::UnknownDetector { name: name.clone(), known });
        };
        detectors.set(detector, *action);
    }
    let rules = file.rules.into_iter().map(Written::read).collect::<Result<Vec<Rule>, RulesError>>()?;
    let hashes = rules.iter().any(|rule| rule.action == Action::Hash)
        || file.detectors.values().any(|action| *action == Action::Hash);
    let hash_key = file.hash_key.map(String::into_bytes);
    if hashes && hash_key.as_ref().is_none_or(|key| key.len() < HASH_KEY_MIN_BYTES) {
        return Err(RulesError::HashKey);
    }
    Ok((detectors, rules, hash_key))
}

impl Written {
    fn read(self) -> Result<Rule, RulesError> {
        if self.key.is_none() && self.pattern.is_none() {
            return Err(RulesError::Empty { rule: self.name });
        }
        let pattern = self.pattern.map(|pattern| Regex::new(&pattern)).transpose();
        let pattern = pattern
            .map_err(|source| RulesError::Pattern { rule: self.name.clone(), source: Box::new(source) })?;
        let key = self.key.map(|key| match key.strip_suffix('*') {
            Some(prefix) => Key::Prefix(prefix.to_owned()),
            None => Key::Exact(key),
        });
        Ok(Rule { name: self.name, key, pattern, service: self.service, action: self.action })
    }
}

impl Rule {
    /// What it is about, in words.
    pub fn what(&self) -> String {
        let key = self.key.as_ref().map(|key| match key {
            Key::Exact(key) => format!("attribute {key}"),
            Key::Prefix(prefix) => format!("attributes {prefix}*"),
        });
        let pattern = self.pattern.as_ref().map(|pattern| format!("text like {pattern}"));
        let service = self.service.as_ref().map(|service| format!("of service {service}"));
        [key, pattern, service].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// Whether it speaks of this place. A rule with a key speaks of attributes only.
    pub fn concerns(&self, service: &str, key: Option<&str>) -> bool {
        let key_fits = match (&self.key, key) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(Key::Exact(wanted)), Some(key)) => wanted == key,
            (Some(Key::Prefix(prefix)), Some(key)) => key.starts_with(prefix),
        };
        self.action != Action::Off && key_fits && self.service.as_ref().is_none_or(|wanted| wanted == service)
    }
}
