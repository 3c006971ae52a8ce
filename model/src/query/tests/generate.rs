//! Trees as a parser could have made them, and scraps of text to make nonsense of.

use proptest::prelude::*;
use proptest::sample::select;

use crate::query::ast::*;
use crate::query::fields::{AttributeScope, FieldName, Intrinsic};
use crate::query::plain;
use crate::query::{ByteRange, Form, Query};
use crate::{Nanos, SpanKind};

fn expr(kind: ExprKind) -> Expr {
    Expr::new(kind, ByteRange::default())
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![3 => "[a-z/.{}-]{1,8}", 1 => "\\PC{1,8}", 1 => "[ \"\\\\\n\t|&()=<>!-]{1,4}"]
}

fn field_name() -> impl Strategy<Value = FieldName> {
    let scope = select(vec![
        AttributeScope::Any,
        AttributeScope::Span,
        AttributeScope::Resource,
        AttributeScope::Event,
        AttributeScope::Link,
        AttributeScope::Instrumentation,
    ]);
    let key = prop_oneof![
        text(),
        select(vec!["status", "service", "spans", "OR", "span.x", "-a", "1", "trace:id", "a.b"])
            .prop_map(str::to_owned),
    ];
    let attribute = (scope, any::<bool>(), key).prop_map(|(scope, of_parent, key)| FieldName::Attribute {
        scope,
        of_parent,
        key,
    });
    let intrinsics: Vec<Intrinsic> = Intrinsic::all().collect();
    prop_oneof![
        3 => attribute,
        2 => select(intrinsics).prop_map(FieldName::Intrinsic),
        1 => Just(FieldName::service()),
    ]
}

fn field() -> impl Strategy<Value = Field> {
    field_name().prop_map(|name| Field { name, at: ByteRange::default() })
}

/// Of the plain form there are no negative durations, and no literal of a kind its field would not be given.
fn literal() -> impl Strategy<Value = Literal> {
    prop_oneof![
        text().prop_map(Literal::Str),
        (-1_000_000..1_000_000i64).prop_map(Literal::Int),
        any::<i64>().prop_filter("has no positive twin", |n| *n != i64::MIN).prop_map(Literal::Int),
        any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(Literal::Float),
        any::<bool>().prop_map(Literal::Bool),
        (0..=i64::MAX as u64).prop_map(|n| Literal::Duration(Nanos(n))),
        (0..100_000u64).prop_map(|n| Literal::Duration(Nanos(n * 1_000_000))),
        select(StatusWord::ALL.to_vec()).prop_map(Literal::Status),
        (0..6u8).prop_map(|n| Literal::Kind(SpanKind::from_number(n))),
        Just(Literal::Nil),
    ]
}

fn leaf() -> impl Strategy<Value = Expr> {
    prop_oneof![
        3 => field_name().prop_map(|name| expr(ExprKind::Field(name))),
        3 => literal().prop_map(|value| expr(ExprKind::Literal(value))),
        1 => text().prop_map(|service| expr(ExprKind::Critical(service))),
    ]
}

/// What `as_condition` makes of it.
fn condition(expr: Expr) -> Expr {
    match expr.kind {
        ExprKind::Literal(Literal::Str(text)) => Expr::new(ExprKind::Mentions(text), expr.at),
        _ => expr,
    }
}

fn negative(of: Expr) -> Expr {
    match of.kind {
        ExprKind::Literal(Literal::Int(n)) => expr(ExprKind::Literal(Literal::Int(-n))),
        ExprKind::Literal(Literal::Float(n)) => expr(ExprKind::Literal(Literal::Float(-n))),
        _ => expr(ExprKind::Negative(Box::new(of))),
    }
}

fn arithmetic(op: ArithmeticOp, left: Expr, right: Expr) -> Expr {
    expr(ExprKind::Arithmetic { op, left: Box::new(left), right: Box::new(right) })
}

fn value() -> impl Strategy<Value = Expr> {
    let op = select(vec![
        ArithmeticOp::Add,
        ArithmeticOp::Sub,
        ArithmeticOp::Mul,
        ArithmeticOp::Div,
        ArithmeticOp::Mod,
        ArithmeticOp::Pow,
    ]);
    leaf().prop_recursive(4, 16, 2, move |inner| {
        prop_oneof![
            inner.clone().prop_map(negative),
            (op.clone(), inner.clone(), inner.clone()).prop_map(|(op, l, r)| arithmetic(op, l, r)),
            (select(CompareOp::ALL.to_vec()), inner.clone(), inner.clone())
                .prop_map(|(op, l, r)| Expr::compare(l, op, r)),
            prop::collection::vec(inner.clone().prop_map(condition), 2..4)
                .prop_map(|parts| Expr::all(parts).unwrap()),
            prop::collection::vec(inner.clone().prop_map(condition), 2..4)
                .prop_map(|parts| Expr::any(parts).unwrap()),
            inner.prop_map(|of| expr(ExprKind::Not(Box::new(condition(of))))),
        ]
    })
}

fn spanset() -> impl Strategy<Value = Spanset> {
    let at = ByteRange::default();
    let filter = proptest::option::of(value().prop_map(condition))
        .prop_map(move |condition| Spanset { kind: SpansetKind::Filter(condition), at });
    let signs = [
        "&&", "||", ">", "!>", "&>", ">>", "!>>", "&>>", "<", "!<", "&<", "<<", "!<<", "&<<", "~", "!~", "&~",
    ];
    filter.prop_recursive(3, 8, 2, move |inner| {
        let op = select(signs.to_vec()).prop_map(|sign| SpansetOp::of_sign(sign).unwrap());
        let stages = prop::collection::vec(stage(), 1..3);
        prop_oneof![
            (op, inner.clone(), inner.clone()).prop_map(move |(op, left, right)| Spanset {
                kind: SpansetKind::Binary { op, left: Box::new(left), right: Box::new(right) },
                at,
            }),
            (inner, stages).prop_map(move |(spans, stages)| Spanset {
                kind: SpansetKind::Pipeline(Box::new(Pipeline { spans, stages })),
                at,
            }),
        ]
    })
}

fn aggregate() -> impl Strategy<Value = Expr> {
    (select(Aggregate::ALL.to_vec()), proptest::option::of(value()))
        .prop_map(|(function, of)| expr(ExprKind::Aggregate { function, of: of.map(Box::new) }))
}

fn stage() -> impl Strategy<Value = Stage> {
    let comparison = (select(CompareOp::ALL.to_vec()), aggregate(), leaf())
        .prop_map(|(op, l, r)| StageKind::Where(Expr::compare(l, op, r)));
    let fields = || prop::collection::vec(field(), 1..3);
    let kind = prop_oneof![
        comparison,
        fields().prop_map(StageKind::By),
        fields().prop_map(StageKind::Select),
        Just(StageKind::Coalesce),
        proptest::option::of(value().prop_map(condition)).prop_map(|condition| {
            StageKind::Spans(Spanset { kind: SpansetKind::Filter(condition), at: ByteRange::default() })
        }),
    ];
    kind.prop_map(|kind| Stage { kind, at: ByteRange::default() })
}

fn metric() -> impl Strategy<Value = Metric> {
    let quantiles = prop::collection::vec(0.0..1.0f64, 1..3);
    let function = prop_oneof![
        Just(MetricFunction::Rate),
        Just(MetricFunction::CountOverTime),
        value().prop_map(MetricFunction::MinOverTime),
        value().prop_map(MetricFunction::HistogramOverTime),
        (value(), quantiles).prop_map(|(of, quantiles)| MetricFunction::QuantileOverTime(of, quantiles)),
        (value(), proptest::option::of(1..50u64))
            .prop_map(|(of, top)| MetricFunction::Compare(condition(of), top)),
    ];
    let then = prop_oneof![
        (1..50u64).prop_map(SeriesStage::TopK),
        (1..50u64).prop_map(SeriesStage::BottomK),
        (-50..50i64).prop_map(|n| SeriesStage::Where(CompareOp::GtEq, Literal::Int(n))),
    ];
    let by = prop::collection::vec(field(), 0..3);
    (function, by, prop::collection::vec(then, 0..3)).prop_map(|(function, by, then)| Metric {
        function,
        by,
        then,
        at: ByteRange::default(),
    })
}

pub fn query() -> impl Strategy<Value = Query> {
    let stages = prop::collection::vec(stage(), 0..3);
    (spanset(), stages, proptest::option::of(metric())).prop_map(|(spans, stages, metric)| Query {
        form: Form::TraceQl,
        pipeline: Pipeline { spans, stages },
        metric,
        hints: Vec::new(),
    })
}

/// A literal as the plain form would read it beside its field.
fn plain_literal(field: &FieldName, op: CompareOp, text: String, is_quoted: bool) -> Literal {
    let is_readable = plain::is_safe(&text) && text != "*" && !text.starts_with(['=', '~']);
    if is_quoted || !is_readable { Literal::Str(text) } else { plain::literal_of_value(field, op, &text) }
}

fn plain_comparison() -> impl Strategy<Value = Expr> {
    let values = prop_oneof![
        text(),
        select(vec![
            "12345", "-5", "1.5", "true", "nil", "250ms", "error", "ok", "partial", "unset", "server", "007"
        ])
        .prop_map(str::to_owned),
    ];
    (field_name(), select(CompareOp::ALL.to_vec()), values, any::<bool>()).prop_map(
        |(field, op, text, quoted)| {
            let value = plain_literal(&field, op, text, quoted);
            Expr::compare(expr(ExprKind::Field(field)), op, expr(ExprKind::Literal(value)))
        },
    )
}

pub fn plain_query() -> impl Strategy<Value = Query> {
    let leaf = prop_oneof![
        2 => plain_comparison(),
        2 => text().prop_map(|word| expr(ExprKind::Mentions(word))),
        1 => Just(expr(plain::condition_of_word("error"))),
        1 => (text(), 0..5_000_000_000u64).prop_map(|(service, n)| Expr::compare(
            expr(ExprKind::Critical(service)),
            CompareOp::Gt,
            expr(ExprKind::Literal(Literal::Duration(Nanos(n)))),
        )),
    ];
    let condition = leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| Expr::all(parts).unwrap()),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| Expr::any(parts).unwrap()),
            inner.prop_map(|of| expr(ExprKind::Not(Box::new(of)))),
        ]
    });
    proptest::option::of(condition).prop_map(Query::filter)
}

/// What queries are made of, to be put together at random.
pub fn scrap() -> impl Strategy<Value = &'static str> {
    select(vec![
        "{",
        "}",
        "(",
        ")",
        "&&",
        "||",
        "=",
        "!=",
        "=~",
        ">",
        ">>",
        "!>>",
        "&>",
        "~",
        "|",
        "!",
        "-",
        "+",
        "^",
        "*",
        ".a",
        "span.b",
        "parent.c",
        "resource.service.name",
        "name",
        "status",
        "duration",
        "trace:status",
        "trace:id",
        "error",
        "partial",
        "\"x\"",
        "\"",
        "5",
        "0.5",
        "1m30s",
        "5q",
        "true",
        "nil",
        "count()",
        "avg(",
        "by(",
        "rate()",
        "quantile_over_time(",
        "critical(",
        "topk(3)",
        "compare({",
        "with(",
        ",",
        "OR",
        "NOT",
        "cart",
        "user_id",
        "é",
        "select(",
        "coalesce()",
    ])
}
