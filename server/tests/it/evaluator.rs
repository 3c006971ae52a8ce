//! The second opinion: what a query finds, worked out span by span in plain Rust, the slow and obvious way.
//!
//! It shares the tree of the language with the server and nothing else.

use std::cmp::Ordering;

use model::query::ast::*;
use model::query::fields::{AttributeScope, FieldName, Intrinsic};
use model::trace::{Builder, SpanRow};
use model::{AttrValue, Attrs, Event, Link, Span, SpanId, SpanKind, Status, Timestamp, TraceId};
use server::query::facts::Facts;

#[derive(Clone, Debug, PartialEq)]
enum Value {
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    Status(Status),
    TraceStatus(StatusWord),
    Kind(SpanKind),
    Id(String),
}

/// What a field is looked up in.
#[derive(Clone, Copy)]
struct Here<'a> {
    trace: &'a [Span],
    span: &'a Span,
    event: Option<&'a Event>,
    link: Option<&'a Link>,
}

/// Indexes of the spans of a trace that the query returns.
pub fn evaluate(query: &Query, trace: &[Span], from: Timestamp, to: Timestamp) -> Vec<usize> {
    let within: Vec<usize> =
        (0..trace.len()).filter(|at| trace[*at].start >= from && trace[*at].start < to).collect();
    let mut found: Vec<usize> = pipeline(&query.pipeline, trace, &within).into_iter().flatten().collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn pipeline(pipeline: &Pipeline, trace: &[Span], within: &[usize]) -> Vec<Vec<usize>> {
    let mut sets = vec![spanset(&pipeline.spans, trace, within)];
    for stage in &pipeline.stages {
        sets.retain(|set| !set.is_empty());
        sets = match &stage.kind {
            StageKind::Spans(spans) => sets.iter().map(|set| spanset(spans, trace, set)).collect(),
            StageKind::Where(expr) => sets.into_iter().filter(|set| total(expr, trace, set)).collect(),
            StageKind::By(fields) => {
                let mut groups: Vec<(Vec<Option<Value>>, Vec<usize>)> = Vec::new();
                for at in sets.into_iter().flatten() {
                    let here = Here { trace, span: &trace[at], event: None, link: None };
                    let key: Vec<Option<Value>> = fields.iter().map(|f| field(&f.name, here)).collect();
                    match groups.iter_mut().find(|(known, _)| *known == key) {
                        Some((_, set)) => set.push(at),
                        None => groups.push((key, vec![at])),
                    }
                }
                groups.into_iter().map(|(_, set)| set).collect()
            }
            StageKind::Coalesce => vec![sets.into_iter().flatten().collect()],
            StageKind::Select(_) => sets,
        };
    }
    sets.retain(|set| !set.is_empty());
    sets
}

fn spanset(spans: &Spanset, trace: &[Span], within: &[usize]) -> Vec<usize> {
    match &spans.kind {
        SpansetKind::Filter(None) => within.to_vec(),
        SpansetKind::Filter(Some(expr)) => {
            within.iter().copied().filter(|at| satisfies(expr, trace, &trace[*at])).collect()
        }
        SpansetKind::Pipeline(inner) => {
            let mut found: Vec<usize> = pipeline(inner, trace, within).into_iter().flatten().collect();
            found.sort_unstable();
            found
        }
        SpansetKind::Binary { op, left, right } => {
            let (left, right) = (spanset(left, trace, within), spanset(right, trace, within));
            let mut found: Vec<usize> = match op {
                SpansetOp::And if left.is_empty() || right.is_empty() => Vec::new(),
                SpansetOp::And | SpansetOp::Or => left.into_iter().chain(right).collect(),
                SpansetOp::Structural(relation, polarity) => {
                    let lies = |a: usize, b: usize| related(*relation, trace, a, b);
                    let has = right.iter().copied().filter(|b| left.iter().any(|a| lies(*a, *b)));
                    let has_not = right.iter().copied().filter(|b| !left.iter().any(|a| lies(*a, *b)));
                    match polarity {
                        Polarity::Has => has.collect(),
                        Polarity::HasNot => has_not.collect(),
                        Polarity::Union => {
                            let others = left.iter().copied().filter(|a| right.iter().any(|b| lies(*a, *b)));
                            has.chain(others).collect()
                        }
                    }
                }
            };
            found.sort_unstable();
            found.dedup();
            found
        }
    }
}

/// Whether b lies so to a.
fn related(relation: Relation, trace: &[Span], a: usize, b: usize) -> bool {
    let is_child = |parent: usize, child: usize| {
        trace[child].parent_id.is_valid() && trace[child].parent_id == trace[parent].span_id
    };
    let is_below = |top: usize, mut at: usize| loop {
        let Some(up) = (0..trace.len()).find(|up| is_child(*up, at)) else { return false };
        if up == top {
            return true;
        }
        at = up;
    };
    match relation {
        Relation::Child => is_child(a, b),
        Relation::Parent => is_child(b, a),
        Relation::Descendant => is_below(a, b),
        Relation::Ancestor => is_below(b, a),
        Relation::Sibling => {
            a != b && trace[a].parent_id.is_valid() && trace[a].parent_id == trace[b].parent_id
        }
    }
}

fn satisfies(expr: &Expr, trace: &[Span], span: &Span) -> bool {
    let here = Here { trace, span, event: None, link: None };
    match &expr.kind {
        ExprKind::And(parts) => parts.iter().all(|part| satisfies(part, trace, span)),
        ExprKind::Or(parts) => parts.iter().any(|part| satisfies(part, trace, span)),
        ExprKind::Not(inner) => !satisfies(inner, trace, span),
        ExprKind::Mentions(text) => {
            let text = text.to_lowercase();
            span.service.to_lowercase().contains(&text) || span.operation.to_lowercase().contains(&text)
        }
        ExprKind::Compare { op, left, right } => {
            let nil = |side: &Expr| matches!(side.kind, ExprKind::Literal(Literal::Nil));
            if nil(left) || nil(right) {
                let field = if nil(left) { right } else { left };
                let is_there = places(field, here).into_iter().any(|here| is_there(field, here));
                return is_there == (*op == CompareOp::NotEq);
            }
            let both = Expr::compare((**left).clone(), *op, (**right).clone());
            places(&both, here).into_iter().any(|here| {
                let (left, right) = (values(left, here), values(right, here));
                left.iter().any(|l| right.iter().any(|r| compares(*op, l, r)))
            })
        }
        _ => values(expr, here).contains(&Value::Bool(true)),
    }
}

/// A value of any type, those that compare with nothing included.
fn is_there(expr: &Expr, here: Here<'_>) -> bool {
    let ExprKind::Field(FieldName::Attribute { scope, of_parent, key }) = &expr.kind else {
        return !values(expr, here).is_empty();
    };
    let span = if *of_parent { parent(here) } else { Some(here.span) };
    let has = |attrs: &Attrs| attrs.iter().any(|(k, _)| k == key);
    span.is_some_and(|span| match scope {
        AttributeScope::Span => has(&span.attributes),
        AttributeScope::Resource => has(&span.origin.resource) || key == "service.name",
        AttributeScope::Event => here.event.is_some_and(|event| has(&event.attributes)),
        AttributeScope::Link => here.link.is_some_and(|link| has(&link.attributes)),
        AttributeScope::Instrumentation => has(&span.origin.scope),
        AttributeScope::Any => has(&span.attributes) || has(&span.origin.resource) || key == "service.name",
    })
}

fn parent<'a>(here: Here<'a>) -> Option<&'a Span> {
    here.trace.iter().find(|other| here.span.parent_id.is_valid() && other.span_id == here.span.parent_id)
}

/// The span alone or, for what is about events or links, with each of them in turn.
fn places<'a>(expr: &Expr, here: Here<'a>) -> Vec<Here<'a>> {
    let (mut events, mut links) = (false, false);
    mentions(expr, &mut events, &mut links);
    match (events, links) {
        (true, _) => here.span.events.iter().map(|event| Here { event: Some(event), ..here }).collect(),
        (_, true) => here.span.links.iter().map(|link| Here { link: Some(link), ..here }).collect(),
        _ => vec![here],
    }
}

fn mentions(expr: &Expr, events: &mut bool, links: &mut bool) {
    match &expr.kind {
        ExprKind::Field(FieldName::Intrinsic(Intrinsic::EventName | Intrinsic::EventTimeSinceStart))
        | ExprKind::Field(FieldName::Attribute { scope: AttributeScope::Event, .. }) => *events = true,
        ExprKind::Field(FieldName::Intrinsic(Intrinsic::LinkTraceId | Intrinsic::LinkSpanId))
        | ExprKind::Field(FieldName::Attribute { scope: AttributeScope::Link, .. }) => *links = true,
        ExprKind::Compare { left, right, .. } | ExprKind::Arithmetic { left, right, .. } => {
            mentions(left, events, links);
            mentions(right, events, links);
        }
        ExprKind::Negative(inner) => mentions(inner, events, links),
        _ => {}
    }
}

/// More than one only for a bare literal, which may be read in several ways.
fn values(expr: &Expr, here: Here<'_>) -> Vec<Value> {
    match &expr.kind {
        ExprKind::Field(name) => field(name, here).into_iter().collect(),
        ExprKind::Literal(literal) => match literal {
            Literal::Str(text) => vec![Value::Text(text.clone())],
            Literal::Int(number) => vec![Value::Int(*number)],
            Literal::Float(number) => vec![Value::Float(*number)],
            Literal::Bool(flag) => vec![Value::Bool(*flag)],
            Literal::Duration(length) => vec![Value::Int(length.0 as i64)],
            Literal::Status(word) => vec![Value::TraceStatus(*word)],
            Literal::Kind(kind) => vec![Value::Kind(*kind)],
            Literal::Nil => vec![],
            Literal::Bare(text) => {
                let mut all = vec![Value::Text(text.clone())];
                match (text.parse::<i64>(), text.parse::<f64>(), text.parse::<bool>()) {
                    (Ok(number), ..) => all.push(Value::Int(number)),
                    (_, Ok(number), _) => all.push(Value::Float(number)),
                    (_, _, Ok(flag)) => all.push(Value::Bool(flag)),
                    _ => {}
                }
                all
            }
        },
        ExprKind::Negative(inner) => {
            values(inner, here).iter().filter_map(number).map(|n| Value::Float(-n)).collect()
        }
        ExprKind::Arithmetic { op, left, right } => {
            let one = |side: &Expr| values(side, here).iter().find_map(number);
            match (one(left), one(right)) {
                (Some(left), Some(right)) => vec![Value::Float(reckon(*op, left, right))],
                _ => vec![],
            }
        }
        ExprKind::Critical(service) => {
            let time =
                whole(here.trace).critical.iter().find(|(name, _)| name == service).map_or(0, |(_, ns)| *ns);
            vec![Value::Int(time as i64)]
        }
        _ => vec![Value::Bool(satisfies(expr, here.trace, here.span))],
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        _ => None,
    }
}

fn reckon(op: ArithmeticOp, left: f64, right: f64) -> f64 {
    match op {
        ArithmeticOp::Add => left + right,
        ArithmeticOp::Sub => left - right,
        ArithmeticOp::Mul => left * right,
        ArithmeticOp::Div => left / right,
        ArithmeticOp::Mod => left % right,
        ArithmeticOp::Pow => left.powf(right),
    }
}

fn compares(op: CompareOp, left: &Value, right: &Value) -> bool {
    let order = match (left, right) {
        (Value::Text(l), Value::Text(r)) => {
            if op.is_pattern() {
                let whole = regex::Regex::new(&format!("^(?s:{r})$")).unwrap();
                return whole.is_match(l) == (op == CompareOp::Matches);
            }
            l.partial_cmp(r)
        }
        (Value::Id(l), Value::Text(r)) | (Value::Text(r), Value::Id(l)) => {
            let r = r.replace('-', "").to_lowercase();
            Some(l.cmp(&r))
        }
        (Value::Id(l), Value::Id(r)) => Some(l.cmp(r)),
        (Value::Int(l), Value::Int(r)) => Some(l.cmp(r)),
        (Value::Bool(l), Value::Bool(r)) => Some(l.cmp(r)),
        (Value::Kind(l), Value::Kind(r)) => Some(l.cmp(r)),
        (Value::Status(l), Value::Status(r)) => Some(l.cmp(r)),
        (Value::Status(status), Value::TraceStatus(word)) => {
            let same = status.name() == word.name();
            Some(if same { Ordering::Equal } else { Ordering::Less })
        }
        (Value::TraceStatus(l), Value::TraceStatus(r)) => {
            Some(if l == r { Ordering::Equal } else { Ordering::Less })
        }
        _ => match (number(left), number(right)) {
            (Some(l), Some(r)) => l.partial_cmp(&r),
            _ => return false,
        },
    };
    match op {
        CompareOp::Eq => order == Some(Ordering::Equal),
        CompareOp::NotEq => order != Some(Ordering::Equal),
        CompareOp::Lt => order == Some(Ordering::Less),
        CompareOp::LtEq => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        CompareOp::Gt => order == Some(Ordering::Greater),
        CompareOp::GtEq => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        CompareOp::Matches | CompareOp::MatchesNot => false,
    }
}

fn field(name: &FieldName, here: Here<'_>) -> Option<Value> {
    match name {
        FieldName::Intrinsic(intrinsic) => of_intrinsic(*intrinsic, here),
        FieldName::Attribute { scope, of_parent, key } => {
            let span = if *of_parent { parent(here)? } else { here.span };
            match scope {
                AttributeScope::Span => attribute(&span.attributes, key),
                AttributeScope::Resource => of_resource(span, key),
                AttributeScope::Event => attribute(&here.event?.attributes, key),
                AttributeScope::Link => attribute(&here.link?.attributes, key),
                AttributeScope::Instrumentation => attribute(&span.origin.scope, key),
                AttributeScope::Any => match span.attributes.iter().any(|(k, _)| k == key) {
                    true => attribute(&span.attributes, key),
                    false => of_resource(span, key),
                },
            }
        }
    }
}

fn of_resource(span: &Span, key: &str) -> Option<Value> {
    if key == "service.name" {
        return Some(Value::Text(span.service.clone()));
    }
    attribute(&span.origin.resource, key)
}

fn attribute(attrs: &Attrs, key: &str) -> Option<Value> {
    match &attrs.iter().find(|(k, _)| k == key)?.1 {
        AttrValue::Str(text) => Some(Value::Text(text.clone())),
        AttrValue::Int(number) => Some(Value::Int(*number)),
        AttrValue::Double(number) => Some(Value::Float(*number)),
        AttrValue::Bool(flag) => Some(Value::Bool(*flag)),
        _ => None,
    }
}

fn of_intrinsic(intrinsic: Intrinsic, here: Here<'_>) -> Option<Value> {
    let Here { trace, span, event, link } = here;
    let id = |id: SpanId| Value::Id(id.to_string());
    let trace_id = |id: TraceId| Value::Id(id.to_string());
    let root = || trace.iter().min_by_key(|s| (!s.is_root(), s.start)).unwrap();
    Some(match intrinsic {
        Intrinsic::Name => Value::Text(span.operation.clone()),
        Intrinsic::Status => Value::Status(span.status),
        Intrinsic::StatusMessage => Value::Text(span.status_message.clone()),
        Intrinsic::Kind => Value::Kind(span.kind),
        Intrinsic::Duration => Value::Int(span.duration.0 as i64),
        Intrinsic::SpanId => id(span.span_id),
        Intrinsic::ParentId => id(Some(span.parent_id).filter(|id| id.is_valid())?),
        Intrinsic::EventName => Value::Text(event?.name.clone()),
        Intrinsic::EventTimeSinceStart => Value::Int(event?.time.0 as i64 - span.start.0 as i64),
        Intrinsic::LinkTraceId => trace_id(link?.trace_id),
        Intrinsic::LinkSpanId => id(link?.span_id),
        Intrinsic::InstrumentationName => Value::Text(span.origin.scope_name.clone()),
        Intrinsic::InstrumentationVersion => Value::Text(span.origin.scope_version.clone()),
        Intrinsic::TraceId => trace_id(span.trace_id),
        Intrinsic::TraceDuration => {
            let end = trace.iter().map(Span::end).max()?;
            Value::Int(end.since(trace.iter().map(|s| s.start).min()?).0 as i64)
        }
        Intrinsic::RootName => Value::Text(root().operation.clone()),
        Intrinsic::RootService => Value::Text(root().service.clone()),
        Intrinsic::TraceSpanCount => Value::Int(trace.len() as i64),
        Intrinsic::TraceErrorCount => {
            Value::Int(trace.iter().filter(|s| s.status == Status::Error).count() as i64)
        }
        Intrinsic::TraceStatus => {
            let is_known = |id: SpanId| trace.iter().any(|s| s.span_id == id);
            let is_whole =
                trace.iter().any(Span::is_root) && trace.iter().all(|s| s.is_root() || is_known(s.parent_id));
            Value::TraceStatus(match trace.iter().any(|s| s.status == Status::Error) {
                true => StatusWord::Error,
                false if is_whole => StatusWord::Ok,
                false => StatusWord::Partial,
            })
        }
        Intrinsic::TraceDepth => Value::Int(trace.iter().map(|span| levels(trace, span)).max()? as i64),
        Intrinsic::OrphanCause => Value::Text(whole(trace).cause?.name().to_owned()),
    })
}

fn levels(trace: &[Span], span: &Span) -> usize {
    let above = trace.iter().find(|other| other.span_id == span.parent_id);
    1 + above.map_or(0, |above| levels(trace, above))
}

/// What only the model can tell of a whole trace; it has tests of its own.
fn whole(trace: &[Span]) -> Facts {
    let mut builder = Builder::new();
    for span in trace {
        builder.push(&SpanRow {
            span_id: span.span_id,
            parent_id: span.parent_id,
            service: span.service.clone(),
            operation: span.operation.clone(),
            kind: span.kind,
            status: span.status,
            start: span.start,
            duration: span.duration,
            ..SpanRow::default()
        });
    }
    Facts::of(&builder.finish(trace[0].trace_id), false)
}

/// A comparison of aggregates.
fn total(expr: &Expr, trace: &[Span], set: &[usize]) -> bool {
    let ExprKind::Compare { op, left, right } = &expr.kind else { return false };
    match (sum(left, trace, set), sum(right, trace, set)) {
        (Some(left), Some(right)) => compares(*op, &Value::Float(left), &Value::Float(right)),
        _ => false,
    }
}

fn sum(expr: &Expr, trace: &[Span], set: &[usize]) -> Option<f64> {
    match &expr.kind {
        ExprKind::Aggregate { of: None, .. } => Some(set.len() as f64),
        ExprKind::Aggregate { function, of: Some(of) } => {
            let here = |at: &usize| Here { trace, span: &trace[*at], event: None, link: None };
            let all: Vec<f64> =
                set.iter().filter_map(|at| values(of, here(at)).iter().find_map(number)).collect();
            if all.is_empty() {
                return None;
            }
            Some(match function {
                Aggregate::Count => all.len() as f64,
                Aggregate::Sum => all.iter().sum(),
                Aggregate::Avg => all.iter().sum::<f64>() / all.len() as f64,
                Aggregate::Min => all.iter().copied().reduce(f64::min)?,
                Aggregate::Max => all.iter().copied().reduce(f64::max)?,
            })
        }
        ExprKind::Arithmetic { op, left, right } => {
            Some(reckon(*op, sum(left, trace, set)?, sum(right, trace, set)?))
        }
        ExprKind::Negative(inner) => sum(inner, trace, set).map(|n| -n),
        ExprKind::Literal(_) => {
            let here = Here { trace, span: &trace[0], event: None, link: None };
            values(expr, here).iter().find_map(number)
        }
        _ => None,
    }
}
