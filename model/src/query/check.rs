//! Types: whether what is compared can be. Each problem stands at the characters that do not fit, with what would.

use crate::query::ast::*;
use crate::query::fields::{FieldName, Intrinsic, Type};
use crate::query::print::{literal, print_expr};
use crate::query::{ByteRange, Problem};
use crate::{SpanId, TraceId};

mod pattern;

pub(super) fn check(query: &Query, problems: &mut Vec<Problem>) {
    let mut checker = Checker { problems };
    checker.pipeline(&query.pipeline);
    if let Some(metric) = &query.metric {
        checker.metric(metric);
    }
    for hint in &query.hints {
        checker.hint(hint);
    }
}

/// Its name, whether a value fits, and which do in words.
type KnownHint = (&'static str, fn(&Literal) -> bool, &'static str);

/// Hints that are understood.
const HINTS: [KnownHint; 3] = [
    ("most_recent", |value| matches!(value, Literal::Bool(_)), "true or false"),
    (
        "sample",
        |value| matches!(value, Literal::Bool(_) | Literal::Float(_)),
        "true, false or a share such as 0.1",
    ),
    ("exemplars", |value| matches!(value, Literal::Bool(_) | Literal::Int(_)), "true, false or how many"),
];

struct Checker<'a> {
    problems: &'a mut Vec<Problem>,
}

impl Checker<'_> {
    fn report(&mut self, at: ByteRange, message: impl Into<String>, hint: impl Into<String>) {
        self.problems.push(Problem::new(at, message, hint));
    }

    fn pipeline(&mut self, pipeline: &Pipeline) {
        self.spanset(&pipeline.spans);
        for stage in &pipeline.stages {
            match &stage.kind {
                StageKind::Spans(spans) => self.spanset(spans),
                StageKind::Where(comparison) => self.scalar_comparison(comparison),
                StageKind::By(_) | StageKind::Select(_) | StageKind::Coalesce => {}
            }
        }
    }

    fn spanset(&mut self, spans: &Spanset) {
        match &spans.kind {
            SpansetKind::Filter(condition) => {
                condition.iter().for_each(|condition| self.condition(condition))
            }
            SpansetKind::Binary { left, right, .. } => {
                self.spanset(left);
                self.spanset(right);
            }
            SpansetKind::Pipeline(pipeline) => self.pipeline(pipeline),
        }
    }

    fn condition(&mut self, expr: &Expr) {
        let found = self.value(expr);
        if !matches!(found, Type::Bool | Type::Any) {
            let hint = match &expr.kind {
                ExprKind::Field(_) => format!("compare it: {} = …", print_expr(expr)),
                _ => "a condition compares two things, as in duration > 1s".to_owned(),
            };
            self.report(
                expr.at,
                format!("{} alone is {}, not a condition", print_expr(expr), found.in_words()),
                hint,
            );
        }
    }

    /// What an expression is; problems inside it are told on the way.
    fn value(&mut self, expr: &Expr) -> Type {
        match &expr.kind {
            ExprKind::Field(field) => field.value_type(),
            ExprKind::Literal(value) => type_of(value),
            ExprKind::Mentions(text) => {
                if text.is_empty() {
                    self.report(expr.at, "an empty text is in everything", "take it out");
                }
                Type::Bool
            }
            ExprKind::Critical(service) => {
                if service.is_empty() {
                    self.report(expr.at, "the service is missing", "critical(\"cart\") > 200ms");
                }
                Type::Duration
            }
            ExprKind::Aggregate { function, of } => self.aggregate(expr, *function, of.as_deref()),
            ExprKind::And(parts) | ExprKind::Or(parts) => {
                parts.iter().for_each(|part| self.condition(part));
                Type::Bool
            }
            ExprKind::Not(inner) => {
                self.condition(inner);
                Type::Bool
            }
            ExprKind::Negative(inner) => self.countable(inner),
            ExprKind::Compare { op, left, right } => {
                self.compare(expr.at, *op, left, right);
                Type::Bool
            }
            ExprKind::Arithmetic { op, left, right } => self.arithmetic(expr, *op, left, right),
        }
    }

    /// A number or a duration, or what may turn out to be one.
    fn countable(&mut self, expr: &Expr) -> Type {
        let found = self.value(expr);
        if found.is_number() || matches!(found, Type::Duration | Type::Any) {
            return found;
        }
        let message = format!(
            "{} is {}, and only numbers and durations can be reckoned with",
            print_expr(expr),
            found.in_words()
        );
        self.report(expr.at, message, "for example duration, 100 or an attribute");
        Type::Any
    }

    fn arithmetic(&mut self, expr: &Expr, op: ArithmeticOp, left: &Expr, right: &Expr) -> Type {
        let (l, r) = (self.countable(left), self.countable(right));
        if l == Type::Any || r == Type::Any {
            return Type::Any;
        }
        let is_length = |found| found == Type::Duration;
        let fits = match op {
            ArithmeticOp::Add | ArithmeticOp::Sub | ArithmeticOp::Mod => is_length(l) == is_length(r),
            ArithmeticOp::Mul => !(is_length(l) && is_length(r)),
            ArithmeticOp::Div => !is_length(r) || is_length(l),
            ArithmeticOp::Pow => !is_length(l) && !is_length(r),
        };
        if !fits {
            let message = format!("{} `{}` {} makes no sense", l.in_words(), op.sign(), r.in_words());
            self.report(
                expr.at,
                message,
                "durations are added to durations, and multiplied or divided by numbers",
            );
            return Type::Any;
        }
        match (is_length(l), is_length(r)) {
            (true, true) if op == ArithmeticOp::Div => Type::Float,
            (false, false) if l == Type::Int && r == Type::Int && op != ArithmeticOp::Div => Type::Int,
            (false, false) => Type::Float,
            _ => Type::Duration,
        }
    }

    fn compare(&mut self, at: ByteRange, op: CompareOp, left: &Expr, right: &Expr) {
        let (l, r) = (self.value(left), self.value(right));
        if op.is_pattern() {
            return self.matches(op, left, l, right);
        }
        if l == Type::Nil || r == Type::Nil {
            return self.compare_with_nil(at, op, left, right);
        }
        // What is written out is at fault rather than a field.
        let (field, value, found) = match (&left.kind, &right.kind) {
            (ExprKind::Literal(_), other) if !matches!(other, ExprKind::Literal(_)) => (right, left, r),
            _ => (left, right, l),
        };
        let given = if std::ptr::eq(value, left) { l } else { r };
        if let ExprKind::Literal(literal) = &value.kind
            && self.refuse_literal(field, found, literal, value.at)
        {
            return;
        }
        if !fits(found, given) {
            let message = format!(
                "{} is {}, {} is {}",
                print_expr(field),
                found.in_words(),
                print_expr(value),
                given.in_words()
            );
            return self.report(value.at, message, format!("compare it with {}", found.examples()));
        }
        let decisive = if found == Type::Any { given } else { found };
        if !op.is_equality() && !has_order(decisive) {
            let message = format!("`{}` needs an order, and {} has none", op.sign(), decisive.in_words());
            self.report(at, message, "use = or !=");
        }
    }

    /// Literals that are wrong in a way of their own. True when a problem was told.
    fn refuse_literal(&mut self, field: &Expr, found: Type, value: &Literal, at: ByteRange) -> bool {
        let name = print_expr(field);
        let (message, hint) = match (found, value) {
            (Type::Duration, Literal::Int(_) | Literal::Float(_)) => {
                let number = literal(value);
                (
                    format!("{number} has no unit"),
                    format!("a duration is {number}s, {number}ms or {number}us"),
                )
            }
            (Type::Status, Literal::Status(StatusWord::Partial)) => {
                ("partial is a status of traces".to_owned(), "write trace:status = partial".to_owned())
            }
            (Type::TraceStatus, Literal::Status(StatusWord::Unset)) => {
                ("unset is a status of spans".to_owned(), "a trace is ok, error or partial".to_owned())
            }
            (Type::TraceId, Literal::Str(id)) if id.parse::<TraceId>().is_err() => {
                (format!("{name} is 32 hexadecimal digits"), format!("as in {}", found.examples()))
            }
            (Type::SpanId, Literal::Str(id)) if id.parse::<SpanId>().is_err() => {
                (format!("{name} is 16 hexadecimal digits"), format!("as in {}", found.examples()))
            }
            _ => return false,
        };
        self.report(at, message, hint);
        true
    }

    fn matches(&mut self, op: CompareOp, left: &Expr, found: Type, right: &Expr) {
        if !matches!(found, Type::Str | Type::Any) {
            let message =
                format!("`{}` matches texts, and {} is {}", op.sign(), print_expr(left), found.in_words());
            let hint = if has_order(found) { "use =, !=, < or >" } else { "use = or !=" };
            self.report(left.at, message, hint);
        }
        match &right.kind {
            ExprKind::Literal(Literal::Str(text)) => {
                if let Err(message) = pattern::check(text) {
                    self.report(
                        right.at,
                        message,
                        "a regular expression, matched against the whole value: \".*cart.*\"",
                    );
                }
            }
            _ => self.report(right.at, "a pattern is a text in quotes", "for example \".*cart.*\""),
        }
    }

    fn compare_with_nil(&mut self, at: ByteRange, op: CompareOp, left: &Expr, right: &Expr) {
        if !op.is_equality() {
            return self.report(at, "nil has no order", "= nil: it is not there; != nil: it is");
        }
        let field = if matches!(left.kind, ExprKind::Literal(Literal::Nil)) { right } else { left };
        let may_lack = match &field.kind {
            ExprKind::Field(FieldName::Attribute { .. }) => true,
            ExprKind::Field(FieldName::Intrinsic(intrinsic)) => lacks(*intrinsic),
            _ => false,
        };
        if !may_lack {
            self.report(
                at,
                format!("{} is always there", print_expr(field)),
                "nil asks whether an attribute is there",
            );
        }
    }

    fn aggregate(&mut self, expr: &Expr, function: Aggregate, of: Option<&Expr>) -> Type {
        match (function, of) {
            (Aggregate::Count, None) => Type::Int,
            (Aggregate::Count, Some(of)) => {
                self.report(
                    of.at,
                    "count() counts spans and takes no field",
                    "select the spans first: { .x != nil } | count() > 3",
                );
                Type::Int
            }
            (_, None) => {
                let hint = format!("{}(duration)", function.name());
                self.report(expr.at, format!("say of what: {}() needs a field", function.name()), hint);
                Type::Any
            }
            (_, Some(of)) => match (function, self.countable(of)) {
                (Aggregate::Avg, Type::Int) => Type::Float,
                (_, found) => found,
            },
        }
    }

    fn scalar_comparison(&mut self, expr: &Expr) {
        let ExprKind::Compare { op, left, right } = &expr.kind else {
            let (message, hint) = match &expr.kind {
                ExprKind::Aggregate { .. } => (
                    format!("{} is a number yet to be compared", print_expr(expr)),
                    format!("{} > 3", print_expr(expr)),
                ),
                _ => {
                    ("a stage compares an aggregate".to_owned(), "count() > 3; join stages with |".to_owned())
                }
            };
            return self.report(expr.at, message, hint);
        };
        let mut has_aggregate = false;
        for side in [left, right] {
            has_aggregate |= self.scalar(side);
        }
        if !has_aggregate {
            return self.report(
                expr.at,
                "nothing here is about the spans",
                "compare count(), avg(…), min(…), max(…) or sum(…)",
            );
        }
        if op.is_pattern() {
            return self.report(
                expr.at,
                "aggregates are numbers, and patterns match texts",
                "use =, !=, < or >",
            );
        }
        self.compare(expr.at, *op, left, right);
    }

    /// Whether an aggregate is in it; a field outside of one is a problem.
    fn scalar(&mut self, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Aggregate { .. } => true,
            ExprKind::Literal(_) => false,
            ExprKind::Negative(inner) => self.scalar(inner),
            ExprKind::Arithmetic { left, right, .. } => {
                let left = self.scalar(left);
                self.scalar(right) || left
            }
            _ => {
                let message = format!("{} differs from span to span", print_expr(expr));
                self.report(expr.at, message, format!("sum it up: avg({})", print_expr(expr)));
                false
            }
        }
    }

    fn metric(&mut self, metric: &Metric) {
        match &metric.function {
            MetricFunction::Rate | MetricFunction::CountOverTime => {}
            MetricFunction::MinOverTime(of)
            | MetricFunction::MaxOverTime(of)
            | MetricFunction::AvgOverTime(of)
            | MetricFunction::SumOverTime(of)
            | MetricFunction::HistogramOverTime(of) => drop(self.countable(of)),
            MetricFunction::QuantileOverTime(of, quantiles) => {
                self.countable(of);
                if let Some(wrong) = quantiles.iter().find(|q| !(0.0..=1.0).contains(*q)) {
                    self.report(
                        metric.at,
                        format!("{wrong} is not a quantile"),
                        "quantiles go from 0 to 1, as in 0.99",
                    );
                }
            }
            MetricFunction::Compare(condition, _) => self.condition(condition),
        }
        for stage in &metric.then {
            if let SeriesStage::Where(_, value) = stage
                && !matches!(value, Literal::Int(_) | Literal::Float(_) | Literal::Duration(_))
            {
                self.report(metric.at, "series are compared with numbers", "for example rate() > 10");
            }
        }
    }

    fn hint(&mut self, hint: &Hint) {
        match HINTS.iter().find(|known| known.0 == hint.name) {
            None => {
                let known = HINTS.map(|known| known.0).join(", ");
                self.report(
                    hint.at,
                    format!("there is no hint named {}", hint.name),
                    format!("known are {known}"),
                );
            }
            Some((name, fits, wanted)) if !fits(&hint.value) => {
                self.report(hint.at, format!("this does not fit {name}"), format!("{name} is {wanted}"));
            }
            Some(_) => {}
        }
    }
}

fn type_of(value: &Literal) -> Type {
    match value {
        Literal::Str(_) => Type::Str,
        Literal::Int(_) => Type::Int,
        Literal::Float(_) => Type::Float,
        Literal::Bool(_) => Type::Bool,
        Literal::Duration(_) => Type::Duration,
        Literal::Status(StatusWord::Partial) => Type::TraceStatus,
        Literal::Status(_) => Type::Status,
        Literal::Kind(_) => Type::Kind,
        Literal::Nil => Type::Nil,
        Literal::Bare(_) => Type::Any,
    }
}

fn fits(a: Type, b: Type) -> bool {
    let is_status = |t| matches!(t, Type::Status | Type::TraceStatus);
    a == b
        || a == Type::Any
        || b == Type::Any
        || (a.is_number() && b.is_number())
        // Which words fit which status is told apart where they are written.
        || (is_status(a) && is_status(b))
        || (a.is_id() && b == Type::Str)
        || (b.is_id() && a == Type::Str)
}

fn has_order(found: Type) -> bool {
    found.is_number() || matches!(found, Type::Any | Type::Str | Type::Duration)
}

/// Fields that a span may be without.
fn lacks(intrinsic: Intrinsic) -> bool {
    matches!(
        intrinsic,
        Intrinsic::ParentId
            | Intrinsic::EventName
            | Intrinsic::EventTimeSinceStart
            | Intrinsic::LinkTraceId
            | Intrinsic::LinkSpanId
            | Intrinsic::OrphanCause
    )
}
