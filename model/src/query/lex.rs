//! TraceQL's text cut into tokens. It never fails: what cannot be read is told as a problem and left out.

use crate::query::ast::Literal;
use crate::query::fields::{AttributeScope, FieldName};
use crate::query::{ByteRange, Problem};
use crate::{Nanos, decimal};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tok {
    /// A name or a keyword: `duration`, `trace:id`, `count`, `true`.
    Word(String),
    /// `.a`, `span.a`, `parent.resource."a b"`.
    Attribute(FieldName),
    Literal(Literal),
    Sign(&'static str),
    End,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub tok: Tok,
    pub at: ByteRange,
}

/// Longest first, so that the first that fits is the right one.
const SIGNS: [&str; 41] = [
    "!<<", "!>>", "&<<", "&>>", "&&", "||", "!=", "!~", "!>", "!<", "&>", "&<", "&~", "=~", "==", ">=", "<=",
    ">>", "<<", "{", "}", "(", ")", "|", "=", ">", "<", "~", "!", "+", "-", "*", "/", "%", "^", ",", "&",
    ";", "[", "]", ":",
];

/// The tokens of `text` from a byte on, always ending with [`Tok::End`].
pub(super) fn lex(text: &str, from: usize, problems: &mut Vec<Problem>) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut at = from;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (tok, len) = match first {
            '"' | '`' => string_token(rest, at, problems),
            '.' => attribute_token(rest, 1, AttributeScope::Any, false, at, problems),
            '0'..='9' => number_token(rest, at, problems),
            c if c.is_alphabetic() || c == '_' => word_token(rest, at, problems),
            _ => sign_token(rest, first, at, problems),
        };
        tokens.extend(tok.map(|tok| Token { tok, at: ByteRange::new(at, at + len) }));
        at += len;
    }
    tokens.push(Token { tok: Tok::End, at: ByteRange::new(text.len(), text.len()) });
    tokens
}

fn sign_token(rest: &str, first: char, at: usize, problems: &mut Vec<Problem>) -> (Option<Tok>, usize) {
    match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
        Some(sign) => (Some(Tok::Sign(sign)), sign.len()),
        None => {
            let len = first.len_utf8();
            let hint =
                if first == '\'' { "texts stand in double quotes" } else { "take it out, or quote it" };
            problems.push(Problem::new(
                ByteRange::new(at, at + len),
                format!("`{first}` means nothing here"),
                hint,
            ));
            (None, len)
        }
    }
}

fn string_token(rest: &str, at: usize, problems: &mut Vec<Problem>) -> (Option<Tok>, usize) {
    let (text, len, closed) = scan_string(rest);
    if !closed {
        problems.push(unclosed(ByteRange::new(at, at + len)));
    }
    (Some(Tok::Literal(Literal::Str(text))), len)
}

pub(super) fn unclosed(at: ByteRange) -> Problem {
    Problem::new(at, "this text has no end", "close it with a double quote")
}

/// A text in quotes at the start of `rest`: what it says, the bytes it takes, and whether its end was there.
pub(super) fn scan_string(rest: &str) -> (String, usize, bool) {
    let mut chars = rest.char_indices();
    let quote = chars.next().map_or('"', |(_, c)| c);
    let mut text = String::new();
    while let Some((i, c)) = chars.next() {
        match c {
            c if c == quote => return (text, i + c.len_utf8(), true),
            '\\' if quote == '"' => match chars.next() {
                Some((_, 'n')) => text.push('\n'),
                Some((_, 't')) => text.push('\t'),
                Some((_, 'r')) => text.push('\r'),
                Some((_, c @ ('"' | '\\'))) => text.push(c),
                // Patterns are full of these: `\d` stays as it is.
                Some((_, c)) => text.extend(['\\', c]),
                None => text.push('\\'),
            },
            c => text.push(c),
        }
    }
    (text, rest.len(), false)
}

/// `text` in quotes, so that [`scan_string`] reads it back.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn word_token(rest: &str, at: usize, problems: &mut Vec<Problem>) -> (Option<Tok>, usize) {
    let len = word_len(rest);
    let word = &rest[..len];
    let after = &rest[len..];
    if let Some(inner) = after.strip_prefix('.') {
        if word == "parent" {
            let scope_len = word_len(inner);
            let scope = AttributeScope::of_name(&inner[..scope_len]);
            return match scope.filter(|_| inner[scope_len..].starts_with('.')) {
                Some(scope) => attribute_token(rest, len + 1 + scope_len + 1, scope, true, at, problems),
                None => attribute_token(rest, len + 1, AttributeScope::Any, true, at, problems),
            };
        }
        if let Some(scope) = AttributeScope::of_name(word) {
            return attribute_token(rest, len + 1, scope, false, at, problems);
        }
    }
    let colon = after.strip_prefix(':').map_or(0, word_len);
    let len = if colon > 0 { len + 1 + colon } else { len };
    (Some(Tok::Word(rest[..len].to_owned())), len)
}

fn word_len(text: &str) -> usize {
    text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len())
}

/// What may stand in the name of an attribute without quotes.
pub(super) fn is_key_char(c: char) -> bool {
    !c.is_whitespace() && !"{}()=~!<>&|^,\"`".contains(c)
}

/// The key starts `skip` bytes into `rest`, behind the scope and its dot.
fn attribute_token(
    rest: &str,
    skip: usize,
    scope: AttributeScope,
    of_parent: bool,
    at: usize,
    problems: &mut Vec<Problem>,
) -> (Option<Tok>, usize) {
    let (key, key_len, closed) = scan_key(&rest[skip..]);
    let len = skip + key_len;
    let range = ByteRange::new(at, at + len);
    if !closed {
        problems.push(unclosed(range));
    } else if key.is_empty() {
        problems.push(Problem::new(range, "the name of the attribute is missing", "for example `.user_id`"));
        return (None, len);
    }
    (Some(Tok::Attribute(FieldName::Attribute { scope, of_parent, key })), len)
}

/// Parts in quotes may stand anywhere in a key: `a."b c".d`.
fn scan_key(text: &str) -> (String, usize, bool) {
    let mut key = String::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if c == '"' {
            let (part, len, closed) = scan_string(&text[at..]);
            key.push_str(&part);
            at += len;
            if !closed {
                return (key, at, false);
            }
        } else if is_key_char(c) {
            key.push(c);
            at += c.len_utf8();
        } else {
            break;
        }
    }
    (key, at, true)
}

fn number_token(rest: &str, at: usize, problems: &mut Vec<Problem>) -> (Option<Tok>, usize) {
    let (literal, len) = scan_number(rest);
    match literal {
        Ok(literal) => (Some(Tok::Literal(literal)), len),
        Err((message, hint)) => {
            problems.push(Problem::new(ByteRange::new(at, at + len), message, hint));
            // Something must stand here, or the grammar complains as well.
            (Some(Tok::Literal(Literal::Nil)), len)
        }
    }
}

type NumberError = (String, &'static str);

/// A number or a duration at the start of `text`, which begins with a digit, and the bytes it takes.
pub(super) fn scan_number(text: &str) -> (Result<Literal, NumberError>, usize) {
    let len = number_len(text);
    let unit = word_len(&text[len..]);
    if unit > 0 {
        return scan_duration(text);
    }
    let digits = &text[..len];
    let literal = if digits.contains(['.', 'e', 'E']) {
        let value = decimal::read(digits);
        value.filter(|v| v.is_finite()).map(Literal::Float)
    } else {
        digits.parse().ok().map(Literal::Int)
    };
    let too_large =
        || (format!("{digits} is too large a number"), "whole numbers end at 9223372036854775807");
    (literal.ok_or_else(too_large), len)
}

/// Digits, a fraction, an exponent.
fn number_len(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let mut len = digits(0);
    if bytes.get(len) == Some(&b'.') && digits(len + 1) > 0 {
        len += 1 + digits(len + 1);
    }
    if matches!(bytes.get(len), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(len + 1), Some(b'+' | b'-')));
        let from = (len + 1 + sign).min(bytes.len());
        if digits(from) > 0 {
            len = from + digits(from);
        }
    }
    len
}

/// Units of a duration, in nanoseconds.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// `1m30s`, `1.5s`: one or more numbers with units, exact to the nanosecond.
fn scan_duration(text: &str) -> (Result<Literal, NumberError>, usize) {
    let whole_len = text.find(|c: char| !(c.is_alphanumeric() || c == '.')).unwrap_or(text.len());
    let whole = &text[..whole_len];
    let mut rest = whole;
    let mut total: u128 = 0;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        let unit =
            rest[number..].find(|c: char| c.is_ascii_digit() || c == '.').map_or(rest.len(), |u| number + u);
        let size = UNITS.iter().find(|(name, _)| *name == &rest[number..unit]).map(|(_, size)| *size);
        let part = size.and_then(|size| times(&rest[..number], size));
        let Some(part) = part else {
            let message = format!("{whole} is not a number with a unit");
            return (
                Err((message, "units are ns, us, ms, s, m and h, as in 1m30s; quote a text")),
                whole_len,
            );
        };
        total += part;
        rest = &rest[unit..];
    }
    let nanos = u64::try_from(total).ok().filter(|n| *n <= i64::MAX as u64);
    let literal = nanos.map(|n| Literal::Duration(Nanos(n)));
    (literal.ok_or_else(|| (format!("{whole} is too long"), "the longest duration is 292 years")), whole_len)
}

/// A decimal number times a unit, without going through floats.
fn times(number: &str, size: u64) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || whole.len() > 19 || fraction.len() > 18 {
        return None;
    }
    let mut value = whole.parse::<u128>().ok()? * u128::from(size);
    if !fraction.is_empty() {
        value += fraction.parse::<u128>().ok()? * u128::from(size) / 10u128.pow(fraction.len() as u32);
    }
    Some(value)
}

/// A duration as it is read back, in the largest unit that keeps it short.
pub(super) fn duration_text(Nanos(nanos): Nanos) -> String {
    let (unit, size): (&str, u64) = match nanos {
        0 => return "0s".to_owned(),
        n if n % 3_600_000_000_000 == 0 => ("h", 3_600_000_000_000),
        n if n % 60_000_000_000 == 0 => ("m", 60_000_000_000),
        1_000_000_000.. => ("s", 1_000_000_000),
        1_000_000.. => ("ms", 1_000_000),
        1_000.. => ("us", 1_000),
        _ => ("ns", 1),
    };
    let digits = size.ilog10() as usize;
    let fraction = if nanos % size == 0 { String::new() } else { format!(".{:0digits$}", nanos % size) };
    format!("{}{}{unit}", nanos / size, fraction.trim_end_matches('0'))
}
