//! What a secret in a text looks like. Pure, and only asked about texts with an anchor in them.

use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use regex::Regex;

use super::masked;
use super::rules::Action;

/// Stable: the names appear in rules files, metrics and masked texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detector {
    Card,
    Email,
    Token,
    UrlPassword,
    SqlPassword,
    /// An attribute whose key says that its value is a secret.
    SecretKey,
}

impl Detector {
    pub const ALL: [Detector; 6] = [
        Detector::Card,
        Detector::Email,
        Detector::Token,
        Detector::UrlPassword,
        Detector::SqlPassword,
        Detector::SecretKey,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Detector::Card => "card",
            Detector::Email => "email",
            Detector::Token => "token",
            Detector::UrlPassword => "url_password",
            Detector::SqlPassword => "sql_password",
            Detector::SecretKey => "secret_key",
        }
    }

    pub fn what(self) -> &'static str {
        match self {
            Detector::Card => "card numbers whose check digit is right",
            Detector::Email => "e-mail addresses",
            Detector::Token => {
                "bearer and basic credentials, JSON web tokens, keys of known makers, private keys"
            }
            Detector::UrlPassword => "passwords and tokens in URLs",
            Detector::SqlPassword => "passwords in SQL",
            Detector::SecretKey => "attributes whose key says that they are secret",
        }
    }
}

/// A secret is the first group of an expression that took part in the match, or else the whole match.
const EXPRESSIONS: [(Detector, &str); 8] = [
    (Detector::Email, r"(?i)[a-z0-9._%+-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}"),
    (Detector::UrlPassword, r"://[^\s/?#:@]*:([^\s/?#]+)@"),
    (
        Detector::UrlPassword,
        r#"(?i)(?:^|[?&;,\s"'({])(?:password|passwd|pwd|secret|client_secret|access_token|refresh_token|id_token|token|api[_-]?key)=([^&;,\s"')}]+)"#,
    ),
    (Detector::Token, r"(?i)\bbearer +([a-z0-9._~+/=-]{8,})"),
    (Detector::Token, r"(?i)\bbasic +([a-z0-9+/]{6,}={0,2})"),
    (Detector::Token, r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*)?"),
    (
        Detector::Token,
        r"\b(?:(?:AKIA|ASIA)[0-9A-Z]{16}\b|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{40,}|xox[abprs]-[A-Za-z0-9-]{10,}|[rs]k_(?:live|test)_[A-Za-z0-9]{16,}|AIza[0-9A-Za-z_-]{35}|glpat-[\w-]{20,}|sk-[A-Za-z0-9_-]{20,})|-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY-----|\z)",
    ),
    (
        Detector::SqlPassword,
        r#"(?i)\b(?:identified +(?:with +\w+ +)?by|password)\s*=?\s*(?:'((?:[^'\\]|''|\\.)+)'|"((?:[^"\\]|\\.)+)")"#,
    ),
];

/// Bearer is a word of plain English too: what follows it is a token if it is this long or holds a digit.
const TOKEN_WITHOUT_DIGIT_MIN: usize = 24;

/// Last parts of keys whose value is a secret whatever it looks like.
pub(super) const SECRET_KEYS: [&str; 17] = [
    "password",
    "passwd",
    "pwd",
    "secret",
    "client_secret",
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "api_key",
    "apikey",
    "api-key",
    "x-api-key",
    "access_token",
    "refresh_token",
    "id_token",
    "private_key",
];

pub struct Detectors {
    actions: [Action; Detector::ALL.len()],
    expressions: Vec<(Detector, Regex)>,
}

/// A text without its secrets.
pub struct Clean {
    pub text: String,
    pub found: Vec<Detector>,
}

impl Default for Detectors {
    fn default() -> Detectors {
        let mut detectors = Detectors {
            actions: [Action::Mask; Detector::ALL.len()],
            expressions: EXPRESSIONS
                .iter()
                // Constants: a test holds that all of them build.
                .filter_map(|(detector, text)| Some((*detector, Regex::new(text).ok()?)))
                .collect(),
        };
        detectors.set(Detector::Email, Action::Off);
        detectors
    }
}

impl Detectors {
    pub fn set(&mut self, detector: Detector, action: Action) {
        self.actions[detector as usize] = action;
    }

    pub fn action(&self, detector: Detector) -> Action {
        self.actions[detector as usize]
    }

    /// None if there is nothing to take out.
    pub fn clean(&self, text: &str, hashed: impl Fn(Detector, &str) -> String) -> Option<Clean> {
        let mut secrets = self.secrets(text);
        if secrets.is_empty() {
            return None;
        }
        secrets.sort_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));
        let mut clean = Clean { text: String::with_capacity(text.len()), found: Vec::new() };
        let mut done = 0;
        for (range, detector) in secrets {
            if range.end <= done {
                continue;
            }
            // What overlaps is taken out to its end under the first one's name.
            if range.start >= done {
                clean.text.push_str(&text[done..range.start]);
                match self.action(detector) {
                    Action::Hash => clean.text.push_str(&hashed(detector, &text[range.clone()])),
                    _ => clean.text.push_str(&masked(detector.name())),
                }
                clean.found.push(detector);
            }
            done = range.end;
        }
        clean.text.push_str(&text[done..]);
        Some(clean)
    }

    fn secrets(&self, text: &str) -> Vec<(Range<usize>, Detector)> {
        let mut secrets = Vec::new();
        if self.action(Detector::Card) != Action::Off {
            secrets.extend(cards(text.as_bytes()).into_iter().map(|range| (range, Detector::Card)));
        }
        for (detector, expression) in &self.expressions {
            if self.action(*detector) == Action::Off {
                continue;
            }
            for captures in expression.captures_iter(text) {
                let group = captures.iter().flatten().last();
                let Some(secret) = group.filter(|secret| is_one(expression.as_str(), secret.as_str())) else {
                    continue;
                };
                secrets.push((secret.range(), *detector));
            }
        }
        secrets
    }
}

/// What the expressions alone cannot tell, and what was taken out before.
fn is_one(expression: &str, secret: &str) -> bool {
    if secret.starts_with("[redacted:") || secret.starts_with("[hash:") {
        false
    } else if expression.contains("bearer") {
        secret.len() >= TOKEN_WITHOUT_DIGIT_MIN || secret.bytes().any(|byte| byte.is_ascii_digit())
    } else if expression.contains("basic") {
        let decoded = STANDARD.decode(secret).or_else(|_| STANDARD_NO_PAD.decode(secret));
        decoded.is_ok_and(|user_and_password| user_and_password.contains(&b':'))
    } else {
        true
    }
}

/// Whether an attribute's value is a secret because its key says so.
pub fn names_a_secret(key: &str) -> bool {
    let last = key.rsplit('.').next().unwrap_or(key);
    SECRET_KEYS.iter().any(|name| last.eq_ignore_ascii_case(name))
}

/// Card numbers: the lengths and first digits issuers use, a check digit that fits, written in one piece or in
/// the groups they are printed in, and nothing that belongs to a longer word beside them. Numbers of 17 to 19
/// digits are left alone: they are times and ids far more often than cards.
fn cards(text: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        if !text[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let end = at + run(&text[at..]);
        let is_apart = !at.checked_sub(1).is_some_and(|before| of_a_word(text[before]));
        if is_apart && text.get(end).is_none_or(|next| !of_a_word(*next)) {
            found.extend(card_in(&text[at..end]).map(|range| at + range.start..at + range.end));
        }
        at = end.max(at + 1);
    }
    found
}

/// Digits, and single separators between them.
fn run(text: &[u8]) -> usize {
    let mut length = 0;
    for (at, byte) in text.iter().enumerate() {
        let joins = matches!(byte, b' ' | b'-') && text.get(at + 1).is_some_and(u8::is_ascii_digit);
        if byte.is_ascii_digit() {
            length = at + 1;
        } else if !joins {
            break;
        }
    }
    length
}

/// A run may hold other numbers beside the card: whole groups are tried.
fn card_in(run: &[u8]) -> Option<Range<usize>> {
    let starts = (0..run.len()).filter(|at| *at == 0 || !run[at - 1].is_ascii_digit());
    for start in starts.filter(|at| run[*at].is_ascii_digit()) {
        let ends = (start + 1..=run.len()).filter(|end| *end == run.len() || !run[*end].is_ascii_digit());
        for end in ends.filter(|end| run[end - 1].is_ascii_digit()) {
            if is_card(&run[start..end]) {
                return Some(start..end);
            }
        }
    }
    None
}

fn is_card(written: &[u8]) -> bool {
    if written.len() > 19 {
        return false;
    }
    let groups: Vec<usize> = written.split(|byte| !byte.is_ascii_digit()).map(<[u8]>::len).collect();
    if !matches!(groups[..], [_] | [4, 4, 4, 4] | [4, 6, 5] | [4, 6, 4]) {
        return false;
    }
    let digits: Vec<u32> =
        written.iter().filter(|byte| byte.is_ascii_digit()).map(|byte| u32::from(byte - b'0')).collect();
    let Some(first) = digits.get(..4).map(|first| first.iter().fold(0, |sum, digit| sum * 10 + digit)) else {
        return false;
    };
    let is_issued = match digits.len() {
        14 => matches!(first, 3000..=3059 | 3600..=3699 | 3800..=3899),
        15 => matches!(first, 3400..=3499 | 3700..=3799),
        16 => {
            matches!(first, 4000..=5099 | 5100..=5599 | 2221..=2720 | 6011 | 6200..=6299 | 6440..=6599 | 3528..=3589)
        }
        _ => false,
    };
    is_issued && luhn(&digits)
}

fn luhn(digits: &[u32]) -> bool {
    let doubled = |digit: u32| if digit > 4 { 2 * digit - 9 } else { 2 * digit };
    let places = digits.iter().rev().enumerate();
    places.map(|(place, digit)| if place % 2 == 1 { doubled(*digit) } else { *digit }).sum::<u32>() % 10 == 0
}

fn of_a_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(text: &str) -> String {
        Detectors::default().clean(text, |_, _| String::new()).map_or_else(|| text.to_owned(), |c| c.text)
    }

    #[test]
    fn every_expression_builds() {
        assert_eq!(Detectors::default().expressions.len(), EXPRESSIONS.len());
    }

    #[test]
    fn only_the_secret_goes() {
        for (text, clean) in [
            ("card 4111 1111 1111 1111, thanks", "card [redacted:card], thanks"),
            ("7 5500-0000-0000-0004", "7 [redacted:card]"),
            ("card=378282246310005", "card=[redacted:card]"),
            ("postgres://shop:p@ss:w0rd@db:5432/x", "postgres://shop:[redacted:url_password]@db:5432/x"),
            ("/login?user=a&password=hunter2&x=1", "/login?user=a&password=[redacted:url_password]&x=1"),
            ("Server=db;Password=tr0ub4dor;", "Server=db;Password=[redacted:url_password];"),
            ("Authorization: Bearer abc123def456", "Authorization: Bearer [redacted:token]"),
            ("Basic dXNlcjpwYXNz", "Basic [redacted:token]"),
            ("key AKIAIOSFODNN7EXAMPLE", "key [redacted:token]"),
            ("CREATE USER x IDENTIFIED BY 'it''s'", "CREATE USER x IDENTIFIED BY '[redacted:sql_password]'"),
            ("ALTER ROLE x PASSWORD 'b\\'c' y", "ALTER ROLE x PASSWORD '[redacted:sql_password]' y"),
        ] {
            assert_eq!(cleaned(text), clean);
        }
    }

    #[test]
    fn what_only_looks_like_one_stays() {
        for text in [
            "4111111111111112",                 // the check digit is wrong
            "1700000000000000000",              // a time
            "a4111111111111111",                // of a longer word
            "00004111111111111111000000000000", // a trace id
            "4111111111111111b7ad6b7169203331",
            "11111111-4111-1111-1111-411111111111", // an id in groups
            "Bearer authentication failed",
            "basic authentication is off",
            "next_token=2",
            "http://host:8080/a@b",
            "a@b.example", // off unless asked for
            "SELECT password FROM users",
        ] {
            assert_eq!(cleaned(text), text);
        }
    }

    #[test]
    fn keys_tell_by_their_last_part() {
        assert!(names_a_secret("http.request.header.Authorization"));
        assert!(names_a_secret("password"));
        assert!(!names_a_secret("password.reset"));
        assert!(!names_a_secret("llm.tokens"));
    }
}
