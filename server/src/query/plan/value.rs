//! What a field or a literal is in SQL: one expression for each type it may have, NULL in rows where it has another.

use model::query::ast::{Literal, StatusWord};
use model::query::fields::{AttributeScope, FieldName, Intrinsic, SERVICE_KEY};
use model::{SpanId, TraceId};

use super::Binds;

/// Several types at once for an attribute, of which only the data knows which it is.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    pub text: Option<String>,
    pub int: Option<String>,
    pub float: Option<String>,
    pub bool: Option<String>,
    /// A status, a kind or an id, as the engine compares it.
    pub code: Option<String>,
    /// 1 where there is a value.
    pub exists: Option<String>,
}

/// Where the columns of a span are found.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    span: &'static str,
    origin: &'static str,
}

pub const OWN: Source = Source { span: "s", origin: "o" };
pub const PARENT: Source = Source { span: "p", origin: "po" };

/// Names of what a lambda over events or links is given.
pub const EVENT: [&str; 3] = ["event_name", "event_attrs", "event_time"];
pub const LINK: [&str; 3] = ["link_trace", "link_span", "link_attrs"];

impl Parts {
    fn text(sql: impl Into<String>) -> Parts {
        Parts { text: Some(sql.into()), ..Parts::default() }
    }

    fn int(sql: impl Into<String>) -> Parts {
        Parts { int: Some(sql.into()), ..Parts::default() }
    }

    fn code(sql: impl Into<String>) -> Parts {
        Parts { code: Some(sql.into()), ..Parts::default() }
    }

    fn existing(mut self, sql: impl Into<String>) -> Parts {
        self.exists = Some(sql.into());
        self
    }

    /// As a floating-point number, whichever kind of number it is.
    pub fn number(&self) -> Option<String> {
        match (&self.int, &self.float) {
            (Some(int), Some(float)) => Some(format!("coalesce(toFloat64({int}), {float})")),
            (Some(int), None) => Some(format!("toFloat64({int})")),
            (None, float) => float.clone(),
        }
    }

    /// As the tagged text of [`model::AttrValue`]; where there is nothing, that of an empty value.
    pub fn tagged(&self) -> String {
        let mut parts = Vec::new();
        parts.extend(self.text.clone());
        parts.extend(self.int.as_ref().map(|sql| format!("concat('\\0{{\"i\":', toString({sql}), '}}')")));
        parts.extend(
            self.float.as_ref().map(|sql| format!("concat('\\0{{\"d\":\"', toString({sql}), '\"}}')")),
        );
        parts.extend(self.bool.as_ref().map(|sql| {
            format!("if(({sql}) IS NULL, NULL, concat('\\0{{\"b\":', if({sql}, 'true', 'false'), '}}'))")
        }));
        parts.push("'\\0{}'".to_owned());
        format!("coalesce({})", parts.join(", "))
    }
}

/// The parts of a field. `key` of attributes is bound.
pub fn field(name: &FieldName, binds: &mut Binds) -> Parts {
    match name {
        FieldName::Intrinsic(intrinsic) => of_intrinsic(*intrinsic),
        FieldName::Attribute { scope, of_parent, key } => {
            let source = if *of_parent { PARENT } else { OWN };
            attribute(*scope, key, source, binds)
        }
    }
}

fn attribute(scope: AttributeScope, key: &str, source: Source, binds: &mut Binds) -> Parts {
    let Source { span, origin } = source;
    match scope {
        AttributeScope::Resource if key == SERVICE_KEY => service(source),
        AttributeScope::Span => of_span(span, &binds.text(key)),
        AttributeScope::Resource => of_tagged(&format!("{origin}.resource"), &binds.text(key)),
        AttributeScope::Instrumentation => of_tagged(&format!("{origin}.scope"), &binds.text(key)),
        AttributeScope::Event => of_tagged(EVENT[1], &binds.text(key)),
        AttributeScope::Link => of_tagged(LINK[2], &binds.text(key)),
        AttributeScope::Any => {
            let bound = binds.text(key);
            let resource = if key == SERVICE_KEY {
                service(source)
            } else {
                of_tagged(&format!("{origin}.resource"), &bound)
            };
            first_of(of_span(span, &bound), resource)
        }
    }
}

/// A field as far as a span's origin has it, and the rest of it, which goes before; none of a field that no origin has.
pub fn of_origin(name: &FieldName, binds: &mut Binds) -> Option<(Parts, Option<Parts>)> {
    match name {
        FieldName::Intrinsic(Intrinsic::InstrumentationName | Intrinsic::InstrumentationVersion) => {
            Some((field(name, binds), None))
        }
        FieldName::Attribute { scope, of_parent: false, key } if key != SERVICE_KEY => match scope {
            AttributeScope::Resource | AttributeScope::Instrumentation => Some((field(name, binds), None)),
            AttributeScope::Any => {
                let of = |scope, binds: &mut Binds| attribute(scope, key, OWN, binds);
                Some((of(AttributeScope::Resource, binds), Some(of(AttributeScope::Span, binds))))
            }
            _ => None,
        },
        _ => None,
    }
}

fn service(source: Source) -> Parts {
    match source.span {
        "p" => {
            let there = "p.span_id != 0".to_owned();
            Parts::text(format!("if({there}, toString(p.service), NULL)")).existing(there)
        }
        span => Parts::text(format!("toString({span}.service)")),
    }
}

fn of_span(span: &str, key: &str) -> Parts {
    let has = |map: &str| format!("mapContains({span}.{map}, {key})");
    let other = format!("{span}.attr_other[{key}]");
    Parts {
        text: Some(format!("if({}, {span}.attr_str[{key}], NULL)", has("attr_str"))),
        int: Some(format!("if({}, {span}.attr_int[{key}], NULL)", has("attr_int"))),
        float: Some(format!("if({}, {span}.attr_dbl[{key}], NULL)", has("attr_dbl"))),
        bool: Some(bool_of_tagged(&other)),
        code: None,
        exists: Some(format!(
            "({} OR {} OR {} OR {})",
            has("attr_str"),
            has("attr_int"),
            has("attr_dbl"),
            has("attr_other")
        )),
    }
}

/// An entry of a map whose values are tagged text.
fn of_tagged(map: &str, key: &str) -> Parts {
    let value = format!("{map}[{key}]");
    let has = format!("mapContains({map}, {key})");
    Parts {
        text: Some(format!("if({has} AND NOT startsWith({value}, '\\0'), {value}, NULL)")),
        int: Some(format!(
            "if(startsWith({value}, '\\0{{\"i\":'), toInt64OrNull(substring({value}, 7, length({value}) - 7)), NULL)"
        )),
        float: Some(format!(
            "if(startsWith({value}, '\\0{{\"d\":'), toFloat64OrNull(substring({value}, 8, length({value}) - 9)), NULL)"
        )),
        bool: Some(bool_of_tagged(&value)),
        code: None,
        exists: Some(has),
    }
}

fn bool_of_tagged(value: &str) -> String {
    format!("multiIf({value} = '\\0{{\"b\":true}}', 1, {value} = '\\0{{\"b\":false}}', 0, NULL)")
}

/// The parts of the first where it has a value of any type, else those of the second.
fn first_of(first: Parts, second: Parts) -> Parts {
    let exists = first.exists.clone().unwrap_or_else(|| "1".to_owned());
    let choose = |a: Option<String>, b: Option<String>| match (a, b) {
        (Some(a), Some(b)) => Some(format!("if({exists}, {a}, {b})")),
        (Some(a), None) => Some(a),
        (None, Some(b)) => Some(format!("if({exists}, NULL, {b})")),
        (None, None) => None,
    };
    Parts {
        text: choose(first.text, second.text),
        int: choose(first.int, second.int),
        float: choose(first.float, second.float),
        bool: choose(first.bool, second.bool),
        code: None,
        exists: second.exists.map(|second| format!("({exists} OR {second})")),
    }
}

fn of_intrinsic(intrinsic: Intrinsic) -> Parts {
    match intrinsic {
        Intrinsic::Name => Parts::text("toString(s.operation)"),
        Intrinsic::Status => Parts::code("s.status"),
        Intrinsic::StatusMessage => Parts::text("s.status_message"),
        Intrinsic::Kind => Parts::code("s.kind"),
        Intrinsic::Duration => Parts::int("toInt64(s.duration)"),
        Intrinsic::SpanId => Parts::code("s.span_id"),
        Intrinsic::ParentId => Parts::code("nullIf(s.parent_id, 0)").existing("s.parent_id != 0"),
        Intrinsic::EventName => Parts::text(format!("toString({})", EVENT[0])).existing("1"),
        Intrinsic::EventTimeSinceStart => {
            Parts::int(format!("toInt64({}) - toUnixTimestamp64Nano(s.start)", EVENT[2])).existing("1")
        }
        Intrinsic::LinkTraceId => Parts::code(LINK[0]).existing("1"),
        Intrinsic::LinkSpanId => Parts::code(LINK[1]).existing("1"),
        Intrinsic::InstrumentationName => Parts::text("o.scope_name"),
        Intrinsic::InstrumentationVersion => Parts::text("o.scope_version"),
        Intrinsic::TraceId => Parts::code("s.trace_id"),
        Intrinsic::TraceDuration => Parts::int("toInt64(t.length)"),
        Intrinsic::RootName => Parts::text("toString(t.root_operation)"),
        Intrinsic::RootService => Parts::text("toString(t.root_service)"),
        Intrinsic::TraceStatus => Parts::code("multiIf(t.errors > 0, 2, t.orphans > 0 OR t.roots = 0, 3, 1)"),
        Intrinsic::TraceSpanCount => Parts::int("toInt64(t.spans)"),
        Intrinsic::TraceErrorCount => Parts::int("toInt64(t.errors)"),
        Intrinsic::TraceDepth => Parts::int("toInt64(a.depth)"),
        Intrinsic::OrphanCause => Parts::text("nullIf(a.cause, '')").existing("a.cause != ''"),
    }
}

/// The parts of a literal that stands beside a field of this type.
pub fn literal(value: &Literal, beside: Option<Intrinsic>, binds: &mut Binds) -> Parts {
    match value {
        Literal::Str(text) => match beside {
            Some(Intrinsic::TraceId | Intrinsic::LinkTraceId) => {
                let id = text.parse::<TraceId>().unwrap_or_default();
                Parts::code(format!("toFixedString(unhex({}), 16)", binds.text(&id.to_string())))
            }
            Some(Intrinsic::SpanId | Intrinsic::ParentId | Intrinsic::LinkSpanId) => {
                Parts::code(binds.bind("UInt64", text.parse::<SpanId>().unwrap_or_default().0))
            }
            _ => Parts::text(binds.text(text)),
        },
        Literal::Int(number) => Parts::int(binds.bind("Int64", number)),
        Literal::Float(number) => Parts { float: Some(float(*number, binds)), ..Parts::default() },
        Literal::Bool(flag) => Parts { bool: Some(u8::from(*flag).to_string()), ..Parts::default() },
        Literal::Duration(length) => Parts::int(binds.bind("Int64", length.0)),
        Literal::Status(word) => Parts::code(code_of(*word).to_string()),
        Literal::Kind(kind) => Parts::code((*kind as u8).to_string()),
        Literal::Nil => Parts::default(),
        Literal::Bare(text) => Parts {
            text: Some(binds.text(text)),
            int: text.parse::<i64>().ok().map(|number| binds.bind("Int64", number)),
            float: text
                .parse::<f64>()
                .ok()
                .filter(|_| text.parse::<i64>().is_err())
                .map(|number| float(number, binds)),
            bool: text.parse::<bool>().ok().map(|flag| u8::from(flag).to_string()),
            ..Parts::default()
        },
    }
}

/// Statuses of spans as the engine keeps them; those of traces beside them.
pub fn code_of(word: StatusWord) -> u8 {
    match word {
        StatusWord::Unset => 0,
        StatusWord::Ok => 1,
        StatusWord::Error => 2,
        StatusWord::Partial => 3,
    }
}

/// By its bits: the engine reads decimal fractions quickly rather than exactly.
fn float(number: f64, binds: &mut Binds) -> String {
    format!("reinterpretAsFloat64({})", binds.bind("UInt64", number.to_bits()))
}
