//! Why a span was not taken, in words its sender can act on.

use model::receipt::Outcome;
pub use model::receipt::Reason;

use crate::limits::{RECEIPT_OTHER, RECEIPT_SERVICES_A_REQUEST, RECEIPT_TEXT_MAX_CHARS, REFUSAL_MAX_CHARS};

/// Spans of one request that were refused for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub reason: Reason,
    pub count: u32,
    /// The first of them: which span, and what exactly.
    pub example: String,
}

/// All refusals of a request, one entry a reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusals(Vec<Refusal>);

impl Refusals {
    pub fn add(&mut self, reason: Reason, count: u32, example: impl FnOnce() -> String) {
        if count == 0 {
            return;
        }
        match self.0.iter_mut().find(|refusal| refusal.reason == reason) {
            Some(known) => known.count += count,
            None => self.0.push(Refusal { reason, count, example: shorten(example()) }),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn total(&self) -> u32 {
        self.0.iter().map(|refusal| refusal.count).sum()
    }

    pub fn extend(&mut self, others: Refusals) {
        for other in others.0 {
            self.add(other.reason, other.count, || other.example);
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Refusal> {
        self.0.iter()
    }

    pub fn into_vec(self) -> Vec<Refusal> {
        self.0
    }
}

/// Refusals of what was not even made into OTLP, by service; empty where it cannot be told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unread(Vec<(String, Refusals)>);

impl Unread {
    /// Services beyond a bound are not told apart.
    pub fn add(&mut self, service: &str, reason: Reason, count: u32, example: impl FnOnce() -> String) {
        self.of(service).add(reason, count, example);
    }

    fn of(&mut self, service: &str) -> &mut Refusals {
        let is_known =
            |named: &(String, Refusals)| named.0.chars().eq(service.chars().take(RECEIPT_TEXT_MAX_CHARS));
        let at = self.0.iter().position(is_known).unwrap_or_else(|| {
            if self.0.len() <= RECEIPT_SERVICES_A_REQUEST {
                let is_last = self.0.len() == RECEIPT_SERVICES_A_REQUEST;
                let service = service.chars().take(RECEIPT_TEXT_MAX_CHARS).collect();
                self.0.push((if is_last { RECEIPT_OTHER.to_owned() } else { service }, Refusals::default()));
            }
            self.0.len() - 1
        });
        &mut self.0[at].1
    }

    /// Takes over what is not named yet as this service's.
    pub fn extend(&mut self, service: &str, others: Unread) {
        for (name, refusals) in others.0 {
            self.of(if name.is_empty() { service } else { &name }).extend(refusals);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn total(&self) -> u32 {
        self.0.iter().map(|(_, refusals)| refusals.total()).sum()
    }

    pub fn into_services(self) -> impl Iterator<Item = (String, Refusals)> {
        self.0.into_iter()
    }
}

/// A text of bearable length.
pub fn shorten(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(REFUSAL_MAX_CHARS) {
        text.truncate(end);
        text.push('…');
    }
    text
}

fn verb(reason: Reason) -> &'static str {
    if reason.outcome() == Outcome::Shed { "left out" } else { "refused" }
}

/// One line about refusals, for the message of a partial success.
pub fn summary(refusals: &[Refusal]) -> String {
    let parts: Vec<String> = refusals
        .iter()
        .map(|r| {
            let told = format!("{} {} as {}: {}", r.count, verb(r.reason), r.reason, r.reason.sentence());
            if r.example.is_empty() { told } else { format!("{told} (for example {})", r.example) }
        })
        .collect();
    parts.join("; ")
}
