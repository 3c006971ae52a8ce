//! A tree as text: the shortest that is read back as the same tree.

use crate::query::ast::*;
use crate::query::fields::{AttributeScope, FieldName, Intrinsic};
use crate::query::lex::{duration_text, is_key_char, quoted};
use crate::query::plain::{self, bare_value, field_of_key, is_plain_word, is_safe, literal_of_value};

/// The query in the form it was written in. A plain query that was changed into something the plain form cannot say
/// is printed as TraceQL.
pub fn print(query: &Query) -> String {
    let plain = match (query.form, &query.pipeline.spans.kind) {
        (Form::Plain, SpansetKind::Filter(None)) => Some(String::new()),
        (Form::Plain, SpansetKind::Filter(Some(condition))) => plain_condition(condition, 0),
        _ => None,
    };
    match plain {
        Some(spans) => whole(query, spans).trim_start().to_owned(),
        None => print_traceql(query),
    }
}

/// The query as TraceQL, whatever form it was written in.
pub fn print_traceql(query: &Query) -> String {
    whole(query, spanset(&query.pipeline.spans, 0))
}

fn whole(query: &Query, mut out: String) -> String {
    for stage in &query.pipeline.stages {
        out.push_str(" | ");
        out.push_str(&stage_text(&stage.kind));
    }
    if let Some(metric) = &query.metric {
        out.push_str(" | ");
        out.push_str(&metric_text(metric));
    }
    if !query.hints.is_empty() {
        let hints = query.hints.iter().map(|hint| format!("{}={}", hint.name, literal(&hint.value)));
        out.push_str(&format!(" with ({})", hints.collect::<Vec<_>>().join(", ")));
    }
    out
}

fn spanset(spans: &Spanset, least: u8) -> String {
    match &spans.kind {
        SpansetKind::Filter(None) => "{ }".to_owned(),
        SpansetKind::Filter(Some(condition)) => format!("{{ {} }}", print_expr(condition)),
        SpansetKind::Binary { op, left, right } => {
            let rank = match op {
                SpansetOp::Or => 1,
                SpansetOp::And => 2,
                SpansetOp::Structural(..) => 3,
            };
            let text = format!("{} {} {}", spanset(left, rank), op.sign(), spanset(right, rank + 1));
            if rank < least { format!("({text})") } else { text }
        }
        SpansetKind::Pipeline(pipeline) => {
            let stages = pipeline.stages.iter().map(|stage| format!(" | {}", stage_text(&stage.kind)));
            format!("({}{})", spanset(&pipeline.spans, 0), stages.collect::<String>())
        }
    }
}

fn stage_text(stage: &StageKind) -> String {
    match stage {
        StageKind::Spans(spans) => spanset(spans, 0),
        StageKind::Where(comparison) => print_expr(comparison),
        StageKind::By(fields) => format!("by({})", field_list(fields)),
        StageKind::Select(fields) => format!("select({})", field_list(fields)),
        StageKind::Coalesce => "coalesce()".to_owned(),
    }
}

fn field_list(fields: &[Field]) -> String {
    fields.iter().map(|field| print_field(&field.name)).collect::<Vec<_>>().join(", ")
}

fn metric_text(metric: &Metric) -> String {
    let argument = match &metric.function {
        MetricFunction::Rate | MetricFunction::CountOverTime => String::new(),
        MetricFunction::MinOverTime(of)
        | MetricFunction::MaxOverTime(of)
        | MetricFunction::AvgOverTime(of)
        | MetricFunction::SumOverTime(of)
        | MetricFunction::HistogramOverTime(of) => print_expr(of),
        MetricFunction::QuantileOverTime(of, quantiles) => {
            let quantiles = quantiles.iter().map(|q| format!(", {q:?}"));
            format!("{}{}", print_expr(of), quantiles.collect::<String>())
        }
        MetricFunction::Compare(condition, top) => {
            let top = top.map(|n| format!(", {n}")).unwrap_or_default();
            format!("{{ {} }}{top}", print_expr(condition))
        }
    };
    let mut out = format!("{}({argument})", metric.function.name());
    if !metric.by.is_empty() {
        out.push_str(&format!(" by ({})", field_list(&metric.by)));
    }
    for (i, stage) in metric.then.iter().enumerate() {
        match stage {
            SeriesStage::TopK(n) => out.push_str(&format!(" | topk({n})")),
            SeriesStage::BottomK(n) => out.push_str(&format!(" | bottomk({n})")),
            SeriesStage::Where(op, value) => {
                let pipe = if i == 0 { "" } else { " |" };
                out.push_str(&format!("{pipe} {} {}", op.sign(), literal(value)));
            }
        }
    }
    out
}

/// A condition or value in TraceQL's notation.
pub fn print_expr(expr: &Expr) -> String {
    ranked(expr, 0)
}

/// How tightly the outermost operator binds.
fn rank_of(kind: &ExprKind) -> u8 {
    match kind {
        ExprKind::Or(_) => 1,
        ExprKind::And(_) => 2,
        ExprKind::Compare { .. } => 3,
        ExprKind::Arithmetic { op: ArithmeticOp::Add | ArithmeticOp::Sub, .. } => 4,
        ExprKind::Arithmetic { op: ArithmeticOp::Pow, .. } => 7,
        ExprKind::Arithmetic { .. } => 5,
        ExprKind::Not(_) | ExprKind::Negative(_) => 6,
        ExprKind::Literal(Literal::Int(n)) if *n < 0 => 6,
        ExprKind::Literal(Literal::Float(n)) if n.is_sign_negative() => 6,
        _ => 8,
    }
}

/// In brackets when it binds less tightly than its place asks for.
fn ranked(expr: &Expr, least: u8) -> String {
    let joined = |parts: &[Expr], sign: &str, least: u8| {
        parts.iter().map(|part| ranked(part, least)).collect::<Vec<_>>().join(sign)
    };
    let rank = rank_of(&expr.kind);
    let text = match &expr.kind {
        ExprKind::Field(field) => print_field(field),
        ExprKind::Literal(value) => literal(value),
        ExprKind::Mentions(text) => quoted(text),
        ExprKind::Critical(service) => format!("critical({})", quoted(service)),
        ExprKind::Aggregate { function, of } => {
            format!("{}({})", function.name(), of.as_ref().map(|of| print_expr(of)).unwrap_or_default())
        }
        ExprKind::And(parts) => joined(parts, " && ", 3),
        ExprKind::Or(parts) => joined(parts, " || ", 2),
        ExprKind::Not(inner) => format!("!{}", ranked(inner, 6)),
        ExprKind::Negative(inner) => format!("-{}", ranked(inner, 6)),
        ExprKind::Compare { op, left, right } => match &right.kind {
            ExprKind::Literal(Literal::Bare(text)) => return bare_comparison(left, *op, text),
            _ => format!("{} {} {}", ranked(left, 4), op.sign(), ranked(right, 4)),
        },
        ExprKind::Arithmetic { op, left, right } => {
            let (left_least, right_least) = if *op == ArithmeticOp::Pow { (8, 6) } else { (rank, rank + 1) };
            format!("{} {} {}", ranked(left, left_least), op.sign(), ranked(right, right_least))
        }
    };
    if rank < least { format!("({text})") } else { text }
}

/// TraceQL must say both meanings of a value without quotes.
fn bare_comparison(left: &Expr, op: CompareOp, text: &str) -> String {
    let (left, sign) = (ranked(left, 4), op.sign());
    let value = bare_value(text).map_or_else(|| quoted(text), |value| literal(&value));
    let joint = if op == CompareOp::NotEq { "&&" } else { "||" };
    format!("({left} {sign} {value} {joint} {left} {sign} {})", quoted(text))
}

pub(super) fn literal(value: &Literal) -> String {
    match value {
        Literal::Str(text) => quoted(text),
        Literal::Int(n) => n.to_string(),
        Literal::Float(n) => format!("{n:?}"),
        Literal::Bool(value) => value.to_string(),
        Literal::Duration(length) => duration_text(*length),
        Literal::Status(status) => status.name().to_owned(),
        Literal::Kind(kind) => kind.name().to_owned(),
        Literal::Nil => "nil".to_owned(),
        Literal::Bare(text) => text.clone(),
    }
}

/// A field in TraceQL's notation.
pub fn print_field(field: &FieldName) -> String {
    let FieldName::Attribute { scope, of_parent, key } = field else {
        return match field {
            FieldName::Intrinsic(intrinsic) => intrinsic.name().to_owned(),
            FieldName::Attribute { .. } => String::new(),
        };
    };
    let parent = if *of_parent { "parent." } else { "" };
    let scope_text = match (scope, of_parent) {
        (AttributeScope::Any, true) => String::new(),
        (scope, _) => format!("{}.", scope.name()),
    };
    // `parent.span.x` would be read as an attribute of the parent's span.
    let looks_scoped = *of_parent
        && *scope == AttributeScope::Any
        && AttributeScope::NAMED.iter().any(|scope| key.starts_with(&format!("{}.", scope.name())));
    let is_bare = !key.is_empty() && key.chars().all(is_key_char) && !looks_scoped;
    format!("{parent}{scope_text}{}", if is_bare { key.clone() } else { quoted(key) })
}

/// A condition in the plain form; None when it cannot say it.
fn plain_condition(expr: &Expr, least: u8) -> Option<String> {
    let joined = |parts: &[Expr], joint: &str, least: u8| {
        let parts: Option<Vec<String>> = parts.iter().map(|part| plain_condition(part, least)).collect();
        parts.map(|parts| parts.join(joint))
    };
    let text = match &expr.kind {
        ExprKind::Or(parts) => joined(parts, " OR ", 2)?,
        ExprKind::And(parts) => joined(parts, " ", 3)?,
        ExprKind::Not(inner) => format!("-{}", plain_condition(inner, 3)?),
        ExprKind::Mentions(word) if is_plain_word(word) => word.clone(),
        ExprKind::Mentions(text) if !text.is_empty() => quoted(text),
        ExprKind::Compare { op, left, right } => match (&left.kind, &right.kind) {
            (ExprKind::Field(field), ExprKind::Literal(value)) => plain_comparison(field, *op, value)?,
            (ExprKind::Critical(service), ExprKind::Literal(value @ Literal::Duration(_))) => {
                format!("critical({}){}{}", plain_service(service), op.sign(), literal(value))
            }
            _ => return None,
        },
        _ => return None,
    };
    let rank = match &expr.kind {
        ExprKind::Or(_) => 1,
        ExprKind::And(_) => 2,
        _ => 3,
    };
    Some(if rank < least { format!("({text})") } else { text })
}

fn plain_service(service: &str) -> String {
    if is_safe(service) && service.trim() == service { service.to_owned() } else { quoted(service) }
}

fn plain_comparison(field: &FieldName, op: CompareOp, value: &Literal) -> Option<String> {
    use Intrinsic::{Status, TraceStatus};
    if let (FieldName::Intrinsic(which @ (Status | TraceStatus)), Literal::Status(word)) = (field, value) {
        if *which == Status && *word == StatusWord::Error && op == CompareOp::Eq {
            return Some("error".to_owned());
        }
        let key = match which {
            _ if plain::field_of_status(word.name()) == *which => "status",
            Status => "span:status",
            _ => "trace:status",
        };
        return Some(format!("{key}{}{}", op.sign(), word.name()));
    }
    let bare = match value {
        Literal::Str(text) => text.clone(),
        other => literal(other),
    };
    // Quotes would make any other value a text.
    let reads_back = is_safe(&bare)
        && bare != "*"
        && !bare.starts_with(['=', '~'])
        && literal_of_value(field, op, &bare) == *value;
    let text = match value {
        _ if reads_back => bare,
        Literal::Str(text) => quoted(text),
        _ => return None,
    };
    Some(format!("{}{}{text}", plain_key(field), op.sign()))
}

/// The shortest name that is read as this field.
pub(super) fn plain_key(field: &FieldName) -> String {
    let short = match field {
        field if field.is_service() => Some("service".to_owned()),
        FieldName::Intrinsic(intrinsic) => {
            plain::aliases().find(|alias| alias.1 == *intrinsic).map(|alias| alias.0.to_owned())
        }
        FieldName::Attribute { key, .. } => Some(key.clone()),
    };
    let fits = |key: &String| {
        is_safe(key)
            && key != "status"
            && !key.starts_with(['-', '!', '{', '('])
            && !["OR", "AND", "NOT"].contains(&key.as_str())
            && field_of_key(key).as_ref() == Some(field)
    };
    short.filter(fits).unwrap_or_else(|| match field {
        // Bare, `status` means either one, by its value.
        FieldName::Intrinsic(Intrinsic::Status) => "span:status".to_owned(),
        field => print_field(field),
    })
}
