//! Changing a query by a click: its conditions one by one, one more, one less.

use crate::AttrValue;
use crate::query::ast::*;
use crate::query::fields::{FieldName, Type};
use crate::query::{ByteRange, Problem, inspect, plain, print, print_expr, read};

/// The conditions that must all hold, each as it would be typed, when a selection is all there is to a query. None
/// for a query that says more, or that cannot be read.
pub fn conditions(text: &str) -> Option<Vec<String>> {
    let query = read(text).ok()?;
    let condition = query.only_filter()?;
    let conjuncts = condition.map_or(&[][..], Expr::conjuncts);
    Some(conjuncts.iter().map(|part| as_typed(&query, part)).collect())
}

/// A condition alone in the form of its query.
fn as_typed(query: &Query, part: &Expr) -> String {
    match query.form {
        Form::Plain => print(&Query::filter(Some(part.clone()))),
        Form::TraceQl => print_expr(part),
    }
}

/// The text without its n-th condition.
pub fn without(text: &str, index: usize) -> String {
    let query = inspect(text).query;
    let Some(condition) = query.only_filter() else { return text.to_owned() };
    let mut parts = condition.map_or(&[][..], Expr::conjuncts).to_vec();
    if index < parts.len() {
        parts.remove(index);
    }
    print(&with_filter(query.clone(), Expr::all(parts)))
}

fn with_filter(mut query: Query, condition: Option<Expr>) -> Query {
    query.pipeline.spans.kind = SpansetKind::Filter(condition);
    query
}

/// The text with one more condition, or without it when it was there. A query that cannot be read stays as it is.
pub fn toggled(text: &str, condition: &Condition) -> Result<String, Vec<Problem>> {
    let query = read(text)?;
    match place_of(&query, condition) {
        Some(index) => Ok(without(text, index)),
        None => Ok(print(&with(query, condition))),
    }
}

/// The text with these conditions in place of all others about the same fields.
pub fn replaced(text: &str, conditions: &[Condition]) -> Result<String, Vec<Problem>> {
    let mut query = read(text)?;
    if let Some(condition) = query.only_filter() {
        let parts = condition.map_or(&[][..], Expr::conjuncts).iter();
        let is_other = |part: &&Expr| match &part.kind {
            ExprKind::Compare { left, .. } => {
                !conditions.iter().any(|c| matches!(&left.kind, ExprKind::Field(field) if *field == c.field))
            }
            _ => true,
        };
        let kept: Vec<Expr> = parts.filter(is_other).cloned().collect();
        query = with_filter(query.clone(), Expr::all(kept));
    }
    Ok(print(&conditions.iter().fold(query, with)))
}

/// Traces that one query finds and the other too, with whichever of their spans.
pub fn beside(text: &str, more: &str) -> Result<String, Vec<Problem>> {
    let (mut query, other) = (read(text)?, read(more)?);
    if query.only_filter() == Some(None) {
        return Ok(print(&other));
    }
    if other.only_filter() == Some(None) {
        return Ok(print(&query));
    }
    let at = ByteRange::default();
    let right = match other.pipeline.stages.is_empty() {
        true => other.pipeline.spans,
        false => Spanset { kind: SpansetKind::Pipeline(Box::new(other.pipeline)), at },
    };
    let left = query.pipeline.spans;
    let kind = SpansetKind::Binary { op: SpansetOp::And, left: Box::new(left), right: Box::new(right) };
    query.pipeline.spans = Spanset { kind, at };
    query.form = Form::TraceQl;
    Ok(print(&query))
}

/// Whether the condition is one of those that must hold.
pub fn has(query: &Query, condition: &Condition) -> bool {
    place_of(query, condition).is_some()
}

fn place_of(query: &Query, condition: &Condition) -> Option<usize> {
    let wanted = print_expr(&condition.expr(query.form));
    let parts = query.only_filter()?.map_or(&[][..], Expr::conjuncts);
    parts.iter().position(|part| print_expr(part) == wanted)
}

fn with(query: Query, condition: &Condition) -> Query {
    let added = condition.expr(query.form);
    let whole = query.only_filter().map(|old| old.cloned());
    match whole {
        Some(old) => with_filter(query, Expr::all(old.into_iter().chain([added]).collect())),
        None => {
            // Somewhere in the same trace, whatever else the query asks.
            let at = ByteRange::default();
            let mut query = query;
            let left = query.pipeline.spans;
            let right = Spanset { kind: SpansetKind::Filter(Some(added)), at };
            let kind =
                SpansetKind::Binary { op: SpansetOp::And, left: Box::new(left), right: Box::new(right) };
            query.pipeline.spans = Spanset { kind, at };
            query
        }
    }
}

/// A field and what it must or must not be.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    pub field: FieldName,
    pub op: CompareOp,
    pub value: AttrValueOr,
}

/// What a field is compared with: a value of the data, or one the language knows.
#[derive(Clone, Debug, PartialEq)]
pub enum AttrValueOr {
    Data(AttrValue),
    Literal(Literal),
}

impl Condition {
    /// Of a field as the language writes it. None when it is no field.
    pub fn equals(field: &str, value: AttrValue) -> Option<Condition> {
        let field = plain::field_of_key(field)?;
        Some(Condition { field, op: CompareOp::Eq, value: AttrValueOr::Data(value) })
    }

    pub fn literal(field: FieldName, op: CompareOp, value: Literal) -> Condition {
        Condition { field, op, value: AttrValueOr::Literal(value) }
    }

    pub fn negated(mut self) -> Condition {
        self.op = CompareOp::NotEq;
        self
    }

    fn expr(&self, form: Form) -> Expr {
        let at = ByteRange::default();
        let value = match &self.value {
            AttrValueOr::Literal(value) => value.clone(),
            AttrValueOr::Data(value) => literal_of(&self.field, value, form),
        };
        let left = Expr::new(ExprKind::Field(self.field.clone()), at);
        Expr::compare(left, self.op, Expr::new(ExprKind::Literal(value), at))
    }
}

fn literal_of(field: &FieldName, value: &AttrValue, form: Form) -> Literal {
    let word = |text: &str| match field.value_type() {
        Type::Status | Type::TraceStatus => StatusWord::of_name(text).map(Literal::Status),
        Type::Kind => crate::query::parse::kind_of_word(text).map(Literal::Kind),
        _ => None,
    };
    let number = |exact: Literal, text: String| match (form, field.value_type()) {
        (Form::Plain, Type::Any) => Literal::Bare(text),
        _ => exact,
    };
    match value {
        AttrValue::Str(text) => word(text).unwrap_or_else(|| Literal::Str(text.clone())),
        AttrValue::Int(n) => number(Literal::Int(*n), n.to_string()),
        AttrValue::Double(n) => number(Literal::Float(*n), format!("{n:?}")),
        AttrValue::Bool(b) => number(Literal::Bool(*b), b.to_string()),
        AttrValue::Empty => Literal::Nil,
        other => Literal::Str(other.to_text()),
    }
}

#[cfg(test)]
mod tests {
    //! Chips and facets as the texts they make.
    use super::*;
    use crate::Nanos;
    use crate::query::fields::Intrinsic;

    fn equals(field: &str, value: &str) -> Condition {
        Condition::equals(field, AttrValue::Str(value.into())).unwrap()
    }

    #[test]
    fn conditions_come_one_by_one() {
        let parts = conditions("cart error (a=1 OR b=2) duration>1s").unwrap();
        assert_eq!(parts, ["cart", "error", "a=1 OR b=2", "duration>1s"]);
        assert_eq!(conditions("{ status = error && .a = 1 }").unwrap(), ["status = error", ".a = 1"]);
        assert_eq!(conditions("").unwrap(), [""; 0]);
        assert_eq!(conditions("{ } >> { status = error }"), None);
        assert_eq!(conditions("duration>"), None);
    }

    #[test]
    fn one_less() {
        assert_eq!(without("cart error duration>1s", 1), "cart duration>1s");
        assert_eq!(without("error", 0), "");
        assert_eq!(without("{ status = error && .a = 1 }", 0), "{ .a = 1 }");
        assert_eq!(without("{ .a = 1 }", 0), "{ }");
    }

    #[test]
    fn one_more_and_back() {
        let toggle = |text: &str, condition: &Condition| toggled(text, condition).unwrap();
        let cart = equals("resource.service.name", "cart");
        assert_eq!(toggle("error", &cart), "error service=cart");
        assert_eq!(toggle("error service=cart", &cart), "error");
        assert_eq!(toggle("a=1 OR b=2", &cart), "(a=1 OR b=2) service=cart");
        assert_eq!(toggle("{ .a = 1 }", &cart), "{ .a = 1 && resource.service.name = \"cart\" }");
        let both = "{ .a = 1 } >> { .b = 1 } && { resource.service.name = \"cart\" } | count() > 2";
        assert_eq!(toggle("{ .a = 1 } >> { .b = 1 } | count() > 2", &cart), both);
        assert_eq!(toggle("", &equals("status", "error")), "error");
        assert_eq!(toggle("", &equals("status", "unset")), "status=unset");
        assert_eq!(toggle("", &equals("span.route", "GET /").negated()), "span.route!=\"GET /\"");
        let number = Condition::equals("span.code", AttrValue::Int(500)).unwrap();
        assert_eq!(toggle("", &number), "span.code=500");
        assert_eq!(toggle("span.code=500", &number), "");
        assert_eq!(toggle("{ }", &number), "{ span.code = 500 }");
        assert!(toggled("duration>", &cart).is_err());
    }

    #[test]
    fn what_is_asked_beside_may_be_true_of_other_spans() {
        let both = |text: &str, more: &str| beside(text, more).unwrap();
        assert_eq!(both("", "{ .a = 1 }"), "{ .a = 1 }");
        assert_eq!(both("error", ""), "error");
        assert_eq!(both("error", "{ .a = 1 }"), "{ status = error } && { .a = 1 }");
        let three = "{ .a = 1 } && { .b = 1 } && { .c = 1 }";
        assert_eq!(both("{ .a = 1 } && { .b = 1 }", "{ .c = 1 }"), three);
        assert!(beside("duration>", "error").is_err());
    }

    #[test]
    fn a_brush_takes_the_place_of_the_last() {
        let field = FieldName::Intrinsic(Intrinsic::TraceDuration);
        let bound = |op, n| Condition::literal(field.clone(), op, Literal::Duration(Nanos(n)));
        let brush = [bound(CompareOp::GtEq, 1_000_000), bound(CompareOp::Lt, 5_000_000)];
        let once = replaced("error", &brush).unwrap();
        assert_eq!(once, "error trace_duration>=1ms trace_duration<5ms");
        assert_eq!(replaced(&once, &brush[..1]).unwrap(), "error trace_duration>=1ms");
    }
}
