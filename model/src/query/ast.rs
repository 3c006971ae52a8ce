//! A query as a tree. Both ways of writing one, plain and TraceQL, become this, and the planner knows nothing else.
//!
//! Brackets are not kept: the printer puts them back where they are needed. Every node knows the bytes it came from.

use crate::query::ByteRange;
use crate::query::fields::FieldName;
use crate::{Nanos, SpanKind};

/// How the text was written, and so how it is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Words and `key=value`.
    #[default]
    Plain,
    TraceQl,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    pub form: Form,
    pub pipeline: Pipeline,
    /// Turns the selected spans into series over time.
    pub metric: Option<Metric>,
    /// `with(name=value)`: advice to the engine, never a change of the answer.
    pub hints: Vec<Hint>,
}

/// Spans, selected and then narrowed stage by stage.
#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    pub spans: Spanset,
    pub stages: Vec<Stage>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Spanset {
    pub kind: SpansetKind,
    pub at: ByteRange,
}

#[derive(Clone, Debug, PartialEq)]
pub enum SpansetKind {
    /// `{ condition }`: the spans for which it holds; `{ }` is all of them.
    Filter(Option<Expr>),
    Binary {
        op: SpansetOp,
        left: Box<Spanset>,
        right: Box<Spanset>,
    },
    /// A pipeline in brackets, as an operand.
    Pipeline(Box<Pipeline>),
}

/// What stands between two spansets. The answer's spans come from the right side, except where said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SpansetOp {
    /// Both sides have spans in the trace: those of both.
    And,
    /// Either side has: those of both.
    Or,
    Structural(Relation, Polarity),
}

/// How a span of the right side must lie to one of the left side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Relation {
    /// `a > b`: b is a child of a.
    Child,
    /// `a >> b`: b is somewhere below a.
    Descendant,
    /// `a < b`: b is the parent of a.
    Parent,
    /// `a << b`: b is somewhere above a.
    Ancestor,
    /// `a ~ b`: both have the same parent.
    Sibling,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Polarity {
    /// Right-hand spans that lie so.
    Has,
    /// `!>`: right-hand spans that lie so to no left-hand span.
    HasNot,
    /// `&>`: the spans of both sides that take part.
    Union,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    pub kind: StageKind,
    pub at: ByteRange,
}

#[derive(Clone, Debug, PartialEq)]
pub enum StageKind {
    /// Another selection, among the spans that came this far.
    Spans(Spanset),
    /// A comparison of aggregates, for each spanset: `count() > 3`.
    Where(Expr),
    /// Splits each spanset into groups of equal values.
    By(Vec<Field>),
    /// Also return these fields.
    Select(Vec<Field>),
    /// Joins the groups of a trace again.
    Coalesce,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub name: FieldName,
    pub at: ByteRange,
}

/// A condition or a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    pub kind: ExprKind,
    pub at: ByteRange,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    Field(FieldName),
    Literal(Literal),
    /// The span's service or operation contains this text, whatever its case.
    Mentions(String),
    /// How long the critical path of the trace runs through a service.
    Critical(String),
    /// Only in [`StageKind::Where`]; `of` is None for `count()` alone.
    Aggregate {
        function: Aggregate,
        of: Option<Box<Expr>>,
    },
    /// All of two or more conditions, none of them `And`.
    And(Vec<Expr>),
    /// Any of two or more conditions, none of them `Or`.
    Or(Vec<Expr>),
    Not(Box<Expr>),
    Negative(Box<Expr>),
    Compare {
        op: CompareOp,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    Arithmetic {
        op: ArithmeticOp,
        left: Box<Expr>,
        right: Box<Expr>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    Str(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    Duration(Nanos),
    Status(StatusWord),
    Kind(SpanKind),
    Nil,
    /// A value without quotes in the plain form that reads as a number or a bool: equal to that number or bool, and
    /// to a string of the same characters as well. Only beside `=` and `!=`.
    Bare(String),
}

/// Statuses of spans and of traces share their words; the field beside one says which is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StatusWord {
    Error,
    Ok,
    /// Of spans only.
    Unset,
    /// Of traces only.
    Partial,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Aggregate {
    Count,
    Avg,
    Min,
    Max,
    Sum,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CompareOp {
    Eq,
    NotEq,
    Lt,
    LtEq,
    Gt,
    GtEq,
    /// The whole value matches the pattern.
    Matches,
    MatchesNot,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ArithmeticOp {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    pub function: MetricFunction,
    pub by: Vec<Field>,
    /// What is done with the finished series, in order.
    pub then: Vec<SeriesStage>,
    pub at: ByteRange,
}

#[derive(Clone, Debug, PartialEq)]
pub enum MetricFunction {
    /// Spans a second.
    Rate,
    CountOverTime,
    MinOverTime(Expr),
    MaxOverTime(Expr),
    AvgOverTime(Expr),
    SumOverTime(Expr),
    /// The quantiles are 0 to 1.
    QuantileOverTime(Expr, Vec<f64>),
    /// Counts in buckets of powers of two.
    HistogramOverTime(Expr),
    /// What the spans that satisfy the condition have more often than the others; the number of values for each key.
    Compare(Expr, Option<u64>),
}

#[derive(Clone, Debug, PartialEq)]
pub enum SeriesStage {
    TopK(u64),
    BottomK(u64),
    /// Keeps the points that compare so with the number.
    Where(CompareOp, Literal),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Hint {
    pub name: String,
    pub value: Literal,
    pub at: ByteRange,
}

impl Query {
    /// Every span of every trace.
    pub fn everything() -> Query {
        Query::filter(None)
    }

    /// The spans that satisfy a condition, in the plain form.
    pub fn filter(condition: Option<Expr>) -> Query {
        let at = condition.as_ref().map(|c| c.at).unwrap_or_default();
        let spans = Spanset { kind: SpansetKind::Filter(condition), at };
        Query {
            form: Form::Plain,
            pipeline: Pipeline { spans, stages: Vec::new() },
            metric: None,
            hints: Vec::new(),
        }
    }

    /// The condition when one filter is all there is.
    pub fn only_filter(&self) -> Option<Option<&Expr>> {
        match &self.pipeline.spans.kind {
            SpansetKind::Filter(condition) if self.pipeline.stages.is_empty() && self.metric.is_none() => {
                Some(condition.as_ref())
            }
            _ => None,
        }
    }
}

impl Expr {
    pub fn new(kind: ExprKind, at: ByteRange) -> Expr {
        Expr { kind, at }
    }

    pub fn compare(left: Expr, op: CompareOp, right: Expr) -> Expr {
        let at = left.at.to(right.at);
        Expr::new(ExprKind::Compare { op, left: Box::new(left), right: Box::new(right) }, at)
    }

    /// The conjunction of conditions; None of none.
    pub fn all(parts: Vec<Expr>) -> Option<Expr> {
        join(parts, ExprKind::And, |kind| match kind {
            ExprKind::And(parts) => Ok(parts),
            other => Err(other),
        })
    }

    /// The disjunction of conditions; None of none.
    pub fn any(parts: Vec<Expr>) -> Option<Expr> {
        join(parts, ExprKind::Or, |kind| match kind {
            ExprKind::Or(parts) => Ok(parts),
            other => Err(other),
        })
    }

    /// The parts that must all hold: those of an `And`, or the condition itself.
    pub fn conjuncts(&self) -> &[Expr] {
        match &self.kind {
            ExprKind::And(parts) => parts,
            _ => std::slice::from_ref(self),
        }
    }
}

fn join(
    parts: Vec<Expr>,
    whole: fn(Vec<Expr>) -> ExprKind,
    open: fn(ExprKind) -> Result<Vec<Expr>, ExprKind>,
) -> Option<Expr> {
    let mut flat: Vec<Expr> = Vec::with_capacity(parts.len());
    for part in parts {
        match open(part.kind) {
            Ok(inner) => flat.extend(inner),
            Err(kind) => flat.push(Expr::new(kind, part.at)),
        }
    }
    if flat.len() < 2 {
        return flat.pop();
    }
    let at = flat[0].at.to(flat[flat.len() - 1].at);
    Some(Expr::new(whole(flat), at))
}

impl CompareOp {
    pub const ALL: [CompareOp; 8] = [
        CompareOp::Eq,
        CompareOp::NotEq,
        CompareOp::Lt,
        CompareOp::LtEq,
        CompareOp::Gt,
        CompareOp::GtEq,
        CompareOp::Matches,
        CompareOp::MatchesNot,
    ];

    pub fn sign(self) -> &'static str {
        match self {
            CompareOp::Eq => "=",
            CompareOp::NotEq => "!=",
            CompareOp::Lt => "<",
            CompareOp::LtEq => "<=",
            CompareOp::Gt => ">",
            CompareOp::GtEq => ">=",
            CompareOp::Matches => "=~",
            CompareOp::MatchesNot => "!~",
        }
    }

    pub fn of_sign(sign: &str) -> Option<CompareOp> {
        CompareOp::ALL.into_iter().find(|op| op.sign() == sign)
    }

    pub fn is_equality(self) -> bool {
        matches!(self, CompareOp::Eq | CompareOp::NotEq)
    }

    pub fn is_pattern(self) -> bool {
        matches!(self, CompareOp::Matches | CompareOp::MatchesNot)
    }
}

impl ArithmeticOp {
    pub fn sign(self) -> &'static str {
        match self {
            ArithmeticOp::Add => "+",
            ArithmeticOp::Sub => "-",
            ArithmeticOp::Mul => "*",
            ArithmeticOp::Div => "/",
            ArithmeticOp::Mod => "%",
            ArithmeticOp::Pow => "^",
        }
    }

    pub fn of_sign(sign: &str) -> Option<ArithmeticOp> {
        use ArithmeticOp::*;
        [Add, Sub, Mul, Div, Mod, Pow].into_iter().find(|op| op.sign() == sign)
    }
}

impl Aggregate {
    pub const ALL: [Aggregate; 5] =
        [Aggregate::Count, Aggregate::Avg, Aggregate::Min, Aggregate::Max, Aggregate::Sum];

    pub fn name(self) -> &'static str {
        match self {
            Aggregate::Count => "count",
            Aggregate::Avg => "avg",
            Aggregate::Min => "min",
            Aggregate::Max => "max",
            Aggregate::Sum => "sum",
        }
    }

    pub fn of_name(name: &str) -> Option<Aggregate> {
        Aggregate::ALL.into_iter().find(|a| a.name() == name)
    }
}

impl StatusWord {
    pub const ALL: [StatusWord; 4] =
        [StatusWord::Error, StatusWord::Ok, StatusWord::Unset, StatusWord::Partial];

    pub fn name(self) -> &'static str {
        match self {
            StatusWord::Error => "error",
            StatusWord::Ok => "ok",
            StatusWord::Unset => "unset",
            StatusWord::Partial => "partial",
        }
    }

    pub fn of_name(name: &str) -> Option<StatusWord> {
        StatusWord::ALL.into_iter().find(|s| s.name() == name)
    }
}

impl SpansetOp {
    pub fn sign(self) -> &'static str {
        use Polarity::*;
        use Relation::*;
        match self {
            SpansetOp::And => "&&",
            SpansetOp::Or => "||",
            SpansetOp::Structural(relation, polarity) => match (relation, polarity) {
                (Child, Has) => ">",
                (Child, HasNot) => "!>",
                (Child, Union) => "&>",
                (Descendant, Has) => ">>",
                (Descendant, HasNot) => "!>>",
                (Descendant, Union) => "&>>",
                (Parent, Has) => "<",
                (Parent, HasNot) => "!<",
                (Parent, Union) => "&<",
                (Ancestor, Has) => "<<",
                (Ancestor, HasNot) => "!<<",
                (Ancestor, Union) => "&<<",
                (Sibling, Has) => "~",
                (Sibling, HasNot) => "!~",
                (Sibling, Union) => "&~",
            },
        }
    }

    pub fn of_sign(sign: &str) -> Option<SpansetOp> {
        use Relation::*;
        let structural = |(relation, polarity)| SpansetOp::Structural(relation, polarity);
        let all = [Child, Descendant, Parent, Ancestor, Sibling]
            .into_iter()
            .flat_map(|r| [Polarity::Has, Polarity::HasNot, Polarity::Union].map(|p| (r, p)))
            .map(structural);
        [SpansetOp::And, SpansetOp::Or].into_iter().chain(all).find(|op| op.sign() == sign)
    }
}

impl MetricFunction {
    pub fn name(&self) -> &'static str {
        match self {
            MetricFunction::Rate => "rate",
            MetricFunction::CountOverTime => "count_over_time",
            MetricFunction::MinOverTime(_) => "min_over_time",
            MetricFunction::MaxOverTime(_) => "max_over_time",
            MetricFunction::AvgOverTime(_) => "avg_over_time",
            MetricFunction::SumOverTime(_) => "sum_over_time",
            MetricFunction::QuantileOverTime(..) => "quantile_over_time",
            MetricFunction::HistogramOverTime(_) => "histogram_over_time",
            MetricFunction::Compare(..) => "compare",
        }
    }
}
