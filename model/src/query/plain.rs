//! The plain form: words and `key=value`, for people who know no query language. All of it must hold for one span.
//!
//! ```text
//! any   = all { "OR" all }                      "||" is the same
//! all   = term { [ "AND" ] term }               "&&" is the same
//! term  = ("-" | "!" | "NOT") term | "(" any ")" | word | key sign value
//! sign  = "=" "!=" ">" ">=" "<" "<=" "=~" "!~"
//! ```
//!
//! A word asks for spans whose service or operation contains it; `error` alone is `status=error`. Keys are short names
//! ([`ALIASES`]), TraceQL's fields, or names of attributes. `key=*` asks whether it is there at all.

use crate::Nanos;
use crate::query::ast::*;
use crate::query::fields::{AttributeScope, FieldName, Intrinsic, Type};
use crate::query::ink::{Ink, Inked};
use crate::query::lex::{self, Tok, is_key_char, scan_number, scan_string};
use crate::query::parse::{kind_of_word, parse_tail};
use crate::query::{ByteRange, MAX_DEPTH, Problem};

/// Short names of fields; the first of a field is the one that is printed. `status` is not among them: its value says
/// whether the span's or the trace's is meant.
const ALIASES: [(&str, Intrinsic); 14] = [
    ("operation", Intrinsic::Name),
    ("op", Intrinsic::Name),
    ("spans", Intrinsic::TraceSpanCount),
    ("errors", Intrinsic::TraceErrorCount),
    ("depth", Intrinsic::TraceDepth),
    ("root", Intrinsic::RootName),
    ("root_service", Intrinsic::RootService),
    ("trace_duration", Intrinsic::TraceDuration),
    ("message", Intrinsic::StatusMessage),
    ("cause", Intrinsic::OrphanCause),
    ("trace_id", Intrinsic::TraceId),
    ("trace", Intrinsic::TraceId),
    ("span_id", Intrinsic::SpanId),
    ("parent_id", Intrinsic::ParentId),
];

const KEYWORDS: [&str; 3] = ["OR", "AND", "NOT"];

pub(super) fn parse(text: &str, problems: &mut Vec<Problem>) -> Query {
    let (mut query, end) = parse_words(text, problems, &mut Vec::new());
    if end < text.len() {
        parse_tail(text, end, &mut query, problems);
    }
    query
}

/// Up to the first `|`, whose place is given back, with the ink each part is shown in.
pub(super) fn parse_words(text: &str, problems: &mut Vec<Problem>, inked: &mut Vec<Inked>) -> (Query, usize) {
    let mut parser = Parser { text, pos: 0, depth: 0, problems, inked };
    let mut parts = Vec::new();
    parts.extend(parser.any());
    while parser.rest().starts_with(')') {
        parser.report(
            parser.pos,
            parser.pos + 1,
            "this bracket was never opened",
            "take it out, or quote it",
        );
        parser.pos += 1;
        parts.extend(parser.any());
    }
    let end = parser.pos;
    (Query::filter(Expr::all(parts)), end)
}

pub(super) fn aliases() -> impl Iterator<Item = (&'static str, Intrinsic)> {
    ALIASES.into_iter()
}

/// The field a short name stands for.
pub(super) fn field_of_alias(key: &str) -> Option<FieldName> {
    match key {
        "service" | "service.name" => Some(FieldName::service()),
        _ => ALIASES.iter().find(|alias| alias.0 == key).map(|alias| FieldName::Intrinsic(alias.1)),
    }
}

/// What a key means; None when it cannot be one.
pub(super) fn field_of_key(key: &str) -> Option<FieldName> {
    let known = field_of_alias(key).or_else(|| Intrinsic::of_name(key).map(FieldName::Intrinsic));
    known.or_else(|| scoped(key)).or_else(|| {
        let is_name = !key.is_empty() && key.chars().all(is_key_char) && !key.starts_with('.');
        is_name.then(|| FieldName::attribute(AttributeScope::Any, key))
    })
}

/// `.key`, `span.key`, … in TraceQL's notation.
fn scoped(key: &str) -> Option<FieldName> {
    if !key.contains('.') {
        return None;
    }
    let mut problems = Vec::new();
    let mut tokens = lex::lex(key, 0, &mut problems);
    match (tokens.len(), problems.is_empty(), tokens.swap_remove(0).tok) {
        (2, true, Tok::Attribute(field)) => Some(field),
        _ => None,
    }
}

/// A word alone as a condition.
pub(super) fn condition_of_word(word: &str) -> ExprKind {
    if word != "error" {
        return ExprKind::Mentions(word.to_owned());
    }
    let at = ByteRange::default();
    let status = Expr::new(ExprKind::Field(FieldName::Intrinsic(Intrinsic::Status)), at);
    let error = Expr::new(ExprKind::Literal(Literal::Status(StatusWord::Error)), at);
    Expr::compare(status, CompareOp::Eq, error).kind
}

/// `status=ok` and `status=partial` ask about the trace: hardly anyone marks a span as ok, and no span is partial.
pub(super) fn field_of_status(value: &str) -> Intrinsic {
    match value {
        "ok" | "partial" => Intrinsic::TraceStatus,
        _ => Intrinsic::Status,
    }
}

/// A value without quotes, read as what its field holds. What does not fit stays a text, and the checker says so.
pub(super) fn literal_of_value(field: &FieldName, op: CompareOp, text: &str) -> Literal {
    let as_text = || Literal::Str(text.to_owned());
    if op.is_pattern() {
        return as_text();
    }
    if text == "nil" && op.is_equality() {
        return Literal::Nil;
    }
    match field.value_type() {
        Type::Status | Type::TraceStatus => {
            StatusWord::of_name(&text.to_ascii_lowercase()).map_or_else(as_text, Literal::Status)
        }
        Type::Kind => kind_of_word(&text.to_ascii_lowercase()).map_or_else(as_text, Literal::Kind),
        Type::Int | Type::Float | Type::Duration => number_of(text).unwrap_or_else(as_text),
        Type::Any if op.is_equality() => {
            let is_number = matches!(number_of(text), Some(Literal::Int(_) | Literal::Float(_)));
            if is_number || ["true", "false"].contains(&text) {
                Literal::Bare(text.to_owned())
            } else {
                as_text()
            }
        }
        Type::Any => number_of(text).unwrap_or_else(as_text),
        _ => as_text(),
    }
}

/// The number or duration that a text is as a whole.
fn number_of(text: &str) -> Option<Literal> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let (literal, len) = scan_number(digits);
    let literal = literal.ok().filter(|_| len == digits.len())?;
    match literal {
        literal if digits.len() == text.len() => Some(literal),
        Literal::Int(n) => Some(Literal::Int(-n)),
        Literal::Float(n) => Some(Literal::Float(-n)),
        _ => None,
    }
}

/// What a bare value is when it is not a text.
pub fn bare_value(text: &str) -> Option<Literal> {
    match text {
        "true" => Some(Literal::Bool(true)),
        "false" => Some(Literal::Bool(false)),
        _ => number_of(text).filter(|n| !matches!(n, Literal::Duration(Nanos(_)))),
    }
}

struct Parser<'a> {
    text: &'a str,
    pos: usize,
    depth: usize,
    problems: &'a mut Vec<Problem>,
    inked: &'a mut Vec<Inked>,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.pos..]
    }

    fn report(&mut self, start: usize, end: usize, message: impl Into<String>, hint: &str) {
        self.problems.push(Problem::new(ByteRange::new(start, end), message, hint));
    }

    fn ink(&mut self, start: usize, ink: Ink) {
        if start < self.pos {
            self.inked.push(Inked { at: ByteRange::new(start, self.pos), ink });
        }
    }

    fn skip_spaces(&mut self) {
        self.pos = self.text.len() - self.rest().trim_start().len();
    }

    /// A keyword as a whole word, or its sign.
    fn eat_joint(&mut self, keyword: &str, sign: &str) -> bool {
        self.skip_spaces();
        let rest = self.rest();
        let is_word = rest.strip_prefix(keyword).is_some_and(|after| {
            after.chars().next().is_none_or(|c| c.is_whitespace() || c == '(' || c == ')')
        });
        let len = if is_word { keyword.len() } else { sign.len() };
        let found = is_word || rest.starts_with(sign);
        if found {
            self.pos += len;
            self.ink(self.pos - len, Ink::Keyword);
        }
        found
    }

    fn is_at_end(&self) -> bool {
        let rest = self.rest();
        rest.is_empty() || rest.starts_with(')') || (rest.starts_with('|') && !rest.starts_with("||"))
    }

    fn any(&mut self) -> Option<Expr> {
        let mut parts = Vec::new();
        loop {
            let start = self.pos;
            match self.all() {
                Some(all) => parts.push(all),
                None if !parts.is_empty() => {
                    self.report(start, self.pos, "OR joins two sides", "add the other side")
                }
                None => {}
            }
            let at = self.pos;
            if !self.eat_joint("OR", "||") {
                return Expr::any(parts);
            }
            if parts.is_empty() {
                self.report(at, self.pos, "OR joins two sides", "add the other side");
            }
        }
    }

    fn all(&mut self) -> Option<Expr> {
        let mut parts = Vec::new();
        loop {
            while self.eat_joint("AND", "&&") {}
            let (before, inked) = (self.pos, self.inked.len());
            if self.is_at_end() || self.eat_joint("OR", "||") {
                // The caller takes it.
                self.inked.truncate(inked);
                self.pos = before;
                return Expr::all(parts);
            }
            parts.extend(self.term());
        }
    }

    fn term(&mut self) -> Option<Expr> {
        self.skip_spaces();
        let start = self.pos;
        let rest = self.rest();
        let is_prefix =
            rest.starts_with(['-', '!']) && !rest[1..].starts_with(|c: char| c.is_whitespace() || c == '=');
        if is_prefix {
            self.pos += 1;
            self.ink(start, Ink::Keyword);
        } else if !(rest.starts_with("NOT") && self.eat_joint("NOT", "NOT ")) {
            return if rest.starts_with('(') { self.group() } else { self.comparison() };
        }
        if !self.enter() {
            return None;
        }
        let inner = if self.is_at_end() { None } else { self.term() };
        self.depth -= 1;
        match inner {
            Some(inner) => {
                let at = ByteRange::new(start, inner.at.end);
                Some(Expr::new(ExprKind::Not(Box::new(inner)), at))
            }
            None => {
                self.report(start, self.pos, "nothing is excluded here", "write it against the word: -error");
                None
            }
        }
    }

    fn enter(&mut self) -> bool {
        self.depth += 1;
        let fits = self.depth <= MAX_DEPTH;
        if !fits {
            self.report(self.pos, self.text.len(), "brackets nest too deeply", "split the query");
            self.pos = self.text.len();
        }
        fits
    }

    fn group(&mut self) -> Option<Expr> {
        let start = self.pos;
        self.pos += 1;
        self.ink(start, Ink::Bracket);
        if !self.enter() {
            return None;
        }
        let inner = self.any();
        self.depth -= 1;
        if self.rest().starts_with(')') {
            self.pos += 1;
            self.ink(self.pos - 1, Ink::Bracket);
        } else {
            self.report(start, start + 1, "this bracket is never closed", "close it with )");
        }
        inner
    }

    /// A word, or a key with its sign and value.
    fn comparison(&mut self) -> Option<Expr> {
        let start = self.pos;
        let (word, is_quoted) = self.word();
        let at = ByteRange::new(start, self.pos);
        if word == "critical" && !is_quoted && self.rest().starts_with('(') {
            self.ink(start, Ink::Function);
            return self.critical(start);
        }
        let inked = self.inked.len();
        self.ink(start, if is_quoted { Ink::Text } else { Ink::Word });
        if let Some(op) = self.sign() {
            if let Some(key) = self.inked.get_mut(inked) {
                let is_attribute = matches!(field_of_key(&word), Some(FieldName::Attribute { .. }));
                let is_known = word == "status" || word == "service" || !is_attribute;
                key.ink = if is_known { Ink::Field } else { Ink::Attribute };
            }
            return self.value(&word, is_quoted, at, op);
        }
        match word.is_empty() {
            true => {
                // Whatever stands here starts no word: step over it, or we would stand still.
                self.pos = self.pos.max(start + self.text[start..].chars().next().map_or(0, char::len_utf8));
                self.report(start, self.pos, "there is nothing to look for here", "take it out");
                None
            }
            false if is_quoted => Some(Expr::new(ExprKind::Mentions(word), at)),
            false => {
                if word == "error" {
                    self.inked.truncate(inked);
                    self.ink(at.start, Ink::Constant);
                }
                Some(word_at(&word, at))
            }
        }
    }

    fn word(&mut self) -> (String, bool) {
        if self.rest().starts_with('"') {
            return (self.quoted(), true);
        }
        let start = self.pos;
        while let Some(c) = self.rest().chars().next() {
            let rest = self.rest();
            if c == '"' {
                if !self.text[start..self.pos].ends_with('.') {
                    break;
                }
                self.quoted();
                continue;
            }
            let is_end = c.is_whitespace()
                || "()|=<>".contains(c)
                || ["!=", "!~", "&&"].iter().any(|sign| rest.starts_with(sign));
            if is_end {
                break;
            }
            self.pos += c.len_utf8();
        }
        (self.text[start..self.pos].to_owned(), false)
    }

    fn quoted(&mut self) -> String {
        let (text, len, closed) = scan_string(self.rest());
        if !closed {
            self.problems.push(lex::unclosed(ByteRange::new(self.pos, self.pos + len)));
        }
        self.pos += len;
        text
    }

    /// A comparison's sign, also behind spaces.
    fn sign(&mut self) -> Option<CompareOp> {
        let before = self.pos;
        self.skip_spaces();
        let rest = self.rest();
        let found = [2, 1].into_iter().find_map(|len| Some((len, CompareOp::of_sign(rest.get(..len)?)?)));
        match found {
            Some((len, op)) => {
                self.pos += len;
                self.ink(self.pos - len, Ink::Operator);
                Some(op)
            }
            None => {
                self.pos = before;
                None
            }
        }
    }

    /// Behind a key and its sign.
    fn value(&mut self, key: &str, is_quoted: bool, key_at: ByteRange, op: CompareOp) -> Option<Expr> {
        let sign_end = self.pos;
        self.skip_spaces();
        let start = self.pos;
        let quoted = self.rest().starts_with('"').then(|| self.quoted());
        let text = quoted.clone().unwrap_or_else(|| self.bare_value());
        self.ink(start, if quoted.is_some() { Ink::Text } else { ink_of_value(&text) });
        if text.is_empty() && quoted.is_none() {
            self.report(key_at.start, sign_end, "the value is missing", "for example user_id=12345");
            return None;
        }
        let field = if is_quoted {
            Some(FieldName::attribute(AttributeScope::Any, key))
        } else if key == "status" {
            Some(FieldName::Intrinsic(field_of_status(&text.to_ascii_lowercase())))
        } else {
            field_of_key(key)
        };
        let Some(field) = field.filter(|_| !key.is_empty()) else {
            let message =
                if key.is_empty() { "the key is missing" } else { "this is not the name of a field" };
            self.report(key_at.start, sign_end.max(key_at.end), message, "for example user_id=12345");
            return None;
        };
        let at = ByteRange::new(start, self.pos);
        let (op, literal) = match (quoted, op) {
            (Some(text), op) => (op, Literal::Str(text)),
            (None, CompareOp::Eq) if text == "*" => (CompareOp::NotEq, Literal::Nil),
            (None, CompareOp::NotEq) if text == "*" => (CompareOp::Eq, Literal::Nil),
            (None, op) => (op, literal_of_value(&field, op, &text)),
        };
        let left = Expr::new(ExprKind::Field(field), key_at);
        Some(Expr::compare(left, op, Expr::new(ExprKind::Literal(literal), at)))
    }

    /// Up to a space or the end of a bracket that was not opened in it.
    fn bare_value(&mut self) -> String {
        let rest = self.rest();
        let mut open = 0usize;
        let end = rest.char_indices().find(|(i, c)| {
            match c {
                '(' => open += 1,
                ')' if open == 0 => return true,
                ')' => open -= 1,
                _ => {}
            }
            c.is_whitespace() || *c == '|' || rest[*i..].starts_with("&&")
        });
        let value = &rest[..end.map_or(rest.len(), |(i, _)| i)];
        self.pos += value.len();
        value.to_owned()
    }

    /// `critical(cart)>200ms`, behind the word.
    fn critical(&mut self, start: usize) -> Option<Expr> {
        self.pos += 1;
        self.ink(self.pos - 1, Ink::Bracket);
        self.skip_spaces();
        let from = self.pos;
        let service = match self.rest().starts_with('"') {
            true => self.quoted(),
            false => {
                let service = self.rest().split(')').next().unwrap_or_default();
                self.pos += service.len();
                service.trim().to_owned()
            }
        };
        self.ink(from, Ink::Text);
        self.skip_spaces();
        if self.rest().starts_with(')') {
            self.pos += 1;
            self.ink(self.pos - 1, Ink::Bracket);
        } else {
            self.report(
                start,
                self.pos,
                "the bracket of critical(…) is never closed",
                "critical(cart)>200ms",
            );
        }
        let at = ByteRange::new(start, self.pos);
        let Some(op) = self.sign() else {
            self.report(start, self.pos, "say how long: compare it with a duration", "critical(cart)>200ms");
            return None;
        };
        self.skip_spaces();
        let from = self.pos;
        let text = self.bare_value();
        self.ink(from, ink_of_value(&text));
        if text.is_empty() {
            self.report(start, self.pos, "the value is missing", "critical(cart)>200ms");
            return None;
        }
        let literal = number_of(&text).unwrap_or(Literal::Str(text));
        let right = Expr::new(ExprKind::Literal(literal), ByteRange::new(from, self.pos));
        Some(Expr::compare(Expr::new(ExprKind::Critical(service), at), op, right))
    }
}

fn ink_of_value(text: &str) -> Ink {
    match text {
        _ if number_of(text).is_some() => Ink::Number,
        "true" | "false" | "nil" | "*" => Ink::Constant,
        _ => Ink::Text,
    }
}

/// A word as a condition, all of whose nodes stand where the word does.
fn word_at(word: &str, at: ByteRange) -> Expr {
    let mut kind = condition_of_word(word);
    if let ExprKind::Compare { left, right, .. } = &mut kind {
        left.at = at;
        right.at = at;
    }
    Expr::new(kind, at)
}

/// Whether a word can stand without quotes and still mean itself.
pub(super) fn is_plain_word(word: &str) -> bool {
    is_safe(word)
        && !word.starts_with(['-', '!', '{', '`'])
        && !KEYWORDS.contains(&word)
        && !word.contains(['=', '<', '>'])
        && !["!=", "!~"].iter().any(|sign| word.contains(sign))
        && condition_of_word(word) == ExprKind::Mentions(word.to_owned())
}

/// Whether a value can stand without quotes; what it is then read as is another question.
pub(super) fn is_safe(text: &str) -> bool {
    !text.is_empty()
        && !text.contains(|c: char| c.is_whitespace() || "\"()|".contains(c))
        && !text.contains("&&")
}
