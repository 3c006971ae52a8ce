//! What could come next at a place in a text. Pure: what there is to choose from (keys and values of attributes) is
//! handed in, and the answer says what more to fetch.

use crate::order::sort_by;
use crate::query::ast::{CompareOp, Form, SpansetOp};
use crate::query::fields::{FieldName, Intrinsic, Type};
use crate::query::lex::{Tok, Token, is_key_char, lex, quoted, scan_string};
use crate::query::parse::{METRICS, kind_of_word};
use crate::query::{ByteRange, form_of, plain, print_field};
use crate::trace::orphan::OrphanCause;
use crate::view::{AttributeKey, AttributeValue};
use crate::{AttrValue, SpanKind};

mod place;

use place::{Place, place_of};

/// Never more at once: a list is for choosing, not for reading.
const MOST: usize = 40;

/// What the data is known to hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    pub keys: Vec<AttributeKey>,
    /// By field, as [`print_field`] writes it.
    pub values: Vec<(String, Vec<AttributeValue>)>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Completion {
    /// What a choice takes the place of.
    pub replace: ByteRange,
    pub choices: Vec<Choice>,
    pub wanted: Option<Wanted>,
}

/// What would make the choices better, were it known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    Keys,
    /// Of a field, starting with what is typed.
    Values {
        field: FieldName,
        prefix: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Field,
    Attribute,
    Value,
    Operator,
    Function,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What is put into the text.
    pub text: String,
    /// What is shown, when that is not the text.
    pub label: String,
    pub note: String,
    pub group: Group,
}

impl Known {
    fn values_of(&self, field: &FieldName) -> &[AttributeValue] {
        let name = print_field(field);
        self.values.iter().find(|(known, _)| *known == name).map_or(&[], |(_, values)| values)
    }
}

/// The choices at a byte of the text, which must lie between two characters.
pub fn complete(text: &str, cursor: usize, known: &Known) -> Completion {
    let Some(before) = text.get(..cursor) else {
        return Completion::default();
    };
    let place = place_of(text, before);
    let form = form_of(text);
    let is_plain = form == Form::Plain && !place.is_behind_pipe;
    let mut completion = Completion { replace: place.replace, ..Completion::default() };
    let mut found = Finder { prefix: &place.prefix, choices: Vec::new() };
    match &place.what {
        Place::Nothing => {}
        Place::Start => found.start(),
        Place::Operand if is_plain => {
            completion.wanted = Some(Wanted::Keys);
            found.plain_operands(known);
        }
        Place::Operand => {
            completion.wanted = Some(Wanted::Keys);
            found.operands(known, false);
        }
        Place::Argument => {
            completion.wanted = Some(Wanted::Keys);
            found.operands(known, true);
        }
        Place::Value(field) => {
            let prefix = place.prefix.clone();
            completion.wanted = Some(Wanted::Values { field: field.clone(), prefix });
            found.values(field, known, is_plain);
        }
        Place::Operator(field) => found.operators(field),
        Place::Joint => found.fixed(&["&&", "||", "}"], Group::Operator),
        Place::Spansets => found.spanset_operators(),
        Place::Stage => found.stages(),
    }
    completion.choices = found.best();
    completion
}

struct Finder<'a> {
    prefix: &'a str,
    /// With how well each fits, best first.
    choices: Vec<(u8, Choice)>,
}

impl Finder<'_> {
    /// Adds it when what is typed is in it.
    fn offer(&mut self, matched: &str, choice: Choice) {
        let (name, typed) = (matched.to_ascii_lowercase(), self.prefix.to_ascii_lowercase());
        let rank = match name.find(&typed) {
            // All typed already: nothing to offer.
            Some(0) if name.len() == typed.len() && choice.group != Group::Field && !typed.is_empty() => 1,
            Some(0) => 0,
            Some(at) if !name[..at].ends_with(char::is_alphanumeric) => 1,
            Some(_) => 2,
            None => return,
        };
        self.choices.push((rank, choice));
    }

    fn best(mut self) -> Vec<Choice> {
        sort_by(&mut self.choices, |(rank, _)| (*rank as u64, 0));
        self.choices.into_iter().map(|(_, choice)| choice).take(MOST).collect()
    }

    fn fixed(&mut self, texts: &[&str], group: Group) {
        for text in texts {
            self.offer(text, choice(format!("{text} "), text, "", group));
        }
    }

    fn start(&mut self) {
        self.offer("{", choice("{ ".to_owned(), "{ … }", "select spans by condition", Group::Operator));
    }

    fn plain_operands(&mut self, known: &Known) {
        const FIRST: [(&str, &str, &str); 11] = [
            ("service", "=", "of the span"),
            ("operation", "=", "of the span"),
            ("error", " ", "the span failed"),
            ("duration", ">", "of the span"),
            ("status", "=", "ok, error or partial"),
            ("kind", "=", "server, client, …"),
            ("spans", ">", "in the trace"),
            ("errors", ">", "failed spans in the trace"),
            ("depth", ">", "levels of the trace"),
            ("root", "=", "operation of the root"),
            ("critical(", "", "a service's time on the critical path"),
        ];
        for (key, sign, note) in FIRST {
            self.offer(key, choice(format!("{key}{sign}"), key.trim_end_matches('('), note, Group::Field));
        }
        if !self.prefix.is_empty() {
            for service in known.values_of(&FieldName::service()) {
                let AttrValue::Str(name) = &service.value else { continue };
                let text = format!("service={} ", plain_text(name));
                self.offer(name, choice(text, name, "service", Group::Value));
            }
        }
        for key in &known.keys {
            let Some(field) = field_of(key) else { continue };
            let unscoped = match &field {
                FieldName::Attribute { key, .. } => {
                    FieldName::attribute(super::fields::AttributeScope::Any, key)
                }
                other => other.clone(),
            };
            let text = crate::query::print::plain_key(&unscoped);
            let sign = if key.is_number { ">" } else { "=" };
            self.offer(&key.key, choice(format!("{text}{sign}"), &key.key, &key.scope, Group::Attribute));
        }
    }

    fn operands(&mut self, known: &Known, is_argument: bool) {
        let space = if is_argument { "" } else { " " };
        let service = print_field(&FieldName::service());
        self.offer(&service, choice(format!("{service}{space}"), &service, "the service", Group::Field));
        for intrinsic in Intrinsic::all() {
            let name = intrinsic.name();
            self.offer(name, choice(format!("{name}{space}"), name, intrinsic.about(), Group::Field));
        }
        if !is_argument {
            self.offer(
                "critical(",
                choice("critical(\"".into(), "critical", "time on the critical path", Group::Function),
            );
        }
        for key in &known.keys {
            let Some(field) = field_of(key) else { continue };
            if field.is_service() {
                continue;
            }
            let text = print_field(&field);
            let note = if key.is_number { "number" } else { "" };
            self.offer(&text, choice(format!("{text}{space}"), &text, note, Group::Attribute));
        }
    }

    fn operators(&mut self, field: &FieldName) {
        let found = field.value_type();
        for op in CompareOp::ALL {
            let fits = match op {
                _ if op.is_equality() => true,
                _ if op.is_pattern() => matches!(found, Type::Str | Type::Any),
                _ => found.is_number() || matches!(found, Type::Duration | Type::Any),
            };
            if fits {
                self.offer(
                    op.sign(),
                    choice(format!("{} ", op.sign()), op.sign(), about(op), Group::Operator),
                );
            }
        }
    }

    fn values(&mut self, field: &FieldName, known: &Known, is_plain: bool) {
        let fixed: &[&str] = match field {
            FieldName::Intrinsic(Intrinsic::Status | Intrinsic::TraceStatus) if is_plain => {
                &["error", "ok", "partial", "unset"]
            }
            _ => match field.value_type() {
                Type::Status => &["error", "ok", "unset"],
                Type::TraceStatus => &["error", "ok", "partial"],
                Type::Kind => &["server", "client", "internal", "producer", "consumer"],
                Type::Duration => &["100ms", "500ms", "1s", "5s", "30s"],
                Type::Bool => &["true", "false"],
                _ => &[],
            },
        };
        self.fixed(fixed, Group::Value);
        if *field == FieldName::Intrinsic(Intrinsic::OrphanCause) {
            for cause in OrphanCause::ALL {
                let text = if is_plain { cause.name().to_owned() } else { quoted(cause.name()) };
                self.offer(cause.name(), choice(format!("{text} "), cause.name(), "", Group::Value));
            }
        }
        for value in known.values_of(field) {
            let (name, text) = match &value.value {
                AttrValue::Str(text) if is_plain => (text.clone(), plain_text(text)),
                AttrValue::Str(text) => (text.clone(), quoted(text)),
                AttrValue::Int(n) => (n.to_string(), n.to_string()),
                AttrValue::Double(n) => (format!("{n:?}"), format!("{n:?}")),
                AttrValue::Bool(b) => (b.to_string(), b.to_string()),
                _ => continue,
            };
            self.offer(&name, choice(format!("{text} "), &name, "", Group::Value));
        }
    }

    fn spanset_operators(&mut self) {
        const OPERATORS: [(&str, &str); 9] = [
            ("|", "narrow down, group or measure"),
            ("&&", "and, somewhere in the same trace"),
            ("||", "or, somewhere in the same trace"),
            (">>", "has below it"),
            (">", "has as a child"),
            ("<<", "has above it"),
            ("<", "has as its parent"),
            ("~", "has as a sibling"),
            ("!>>", "not below any"),
        ];
        for (sign, note) in OPERATORS {
            let text = match SpansetOp::of_sign(sign) {
                Some(_) => format!("{sign} {{ "),
                None => format!("{sign} "),
            };
            self.offer(sign, choice(text, sign, note, Group::Operator));
        }
    }

    fn stages(&mut self) {
        const STAGES: [(&str, &str); 9] = [
            ("count() > ", "spans of each trace"),
            ("avg(duration) > ", "mean of a field"),
            ("max(duration) > ", "largest of a field"),
            ("min(duration) < ", "smallest of a field"),
            ("sum(", "sum of a field"),
            ("by(", "group by fields"),
            ("select(", "also show fields"),
            ("topk(10)", "the largest series"),
            ("bottomk(10)", "the smallest series"),
        ];
        for (text, note) in STAGES {
            let label = text.trim_end_matches([' ', '>', '<']);
            self.offer(text, choice(text.to_owned(), label, note, Group::Function));
        }
        for name in METRICS {
            let text = match name {
                "rate" | "count_over_time" => format!("{name}() "),
                "quantile_over_time" => format!("{name}(duration, 0.99) "),
                "compare" => format!("{name}({{ "),
                _ => format!("{name}("),
            };
            self.offer(name, choice(text, name, "over time", Group::Function));
        }
    }
}

fn about(op: CompareOp) -> &'static str {
    match op {
        CompareOp::Eq => "equal",
        CompareOp::NotEq => "not equal",
        CompareOp::Lt => "less",
        CompareOp::LtEq => "at most",
        CompareOp::Gt => "more",
        CompareOp::GtEq => "at least",
        CompareOp::Matches => "matches a pattern",
        CompareOp::MatchesNot => "matches no pattern",
    }
}

fn choice(text: String, label: &str, note: &str, group: Group) -> Choice {
    Choice { text, label: label.to_owned(), note: note.to_owned(), group }
}

fn field_of(key: &AttributeKey) -> Option<FieldName> {
    let scope = super::fields::AttributeScope::of_name(&key.scope)?;
    Some(FieldName::attribute(scope, &key.key))
}

/// A text as a value of the plain form, where digits in quotes would no longer mean a number as well.
fn plain_text(text: &str) -> String {
    if plain::is_safe(text) && text != "*" && !text.starts_with(['=', '~']) {
        text.to_owned()
    } else {
        quoted(text)
    }
}

#[cfg(test)]
mod tests;
