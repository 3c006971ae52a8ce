//! What a trace may have, as the query language says it. Pure.

use model::query::ast::{CompareOp, Expr, ExprKind, Literal};
use model::query::edit::{self, AttrValueOr, Condition};
use model::query::fields::{FieldName, Intrinsic};
use model::query::{ByteRange, Problem, Query, print_expr, print_field, print_traceql};
use model::{AttrValue, Nanos};

#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A span with all of this.
    Span(Vec<Condition>),
    /// A critical path that runs through the service for at least so long.
    Time { service: String, least: Nanos },
}

impl What {
    /// The query that finds it.
    pub fn text(&self) -> Result<String, Vec<Problem>> {
        match self {
            What::Span(conditions) => {
                conditions.iter().try_fold("{ }".to_owned(), |text, one| edit::toggled(&text, one))
            }
            What::Time { service, least } => {
                let condition = Expr::compare(time_in(service), CompareOp::GtEq, length(*least));
                Ok(print_traceql(&Query::filter(Some(condition))))
            }
        }
    }

    /// The number it is a bound or a value of; not where its values are names.
    pub fn number(&self) -> Option<String> {
        match self {
            What::Span(conditions) => match &conditions[..] {
                [
                    Condition {
                        field,
                        op,
                        value: AttrValueOr::Data(AttrValue::Int(_) | AttrValue::Double(_)),
                    },
                ] if *op != CompareOp::Eq || is_amount(field) => Some(print_field(field)),
                _ => None,
            },
            What::Time { service, .. } => Some(print_expr(&time_in(service))),
        }
    }

    /// Whether it says how something ended, rather than what was different before.
    pub fn is_symptom(&self) -> bool {
        match self {
            What::Span(conditions) => conditions.iter().any(|one| tells_of_failure(&one.field)),
            What::Time { .. } => false,
        }
    }

    /// Fields, signs and values, to be shown.
    pub fn shown(&self) -> Vec<(String, String, AttrValue)> {
        match self {
            What::Span(conditions) => conditions.iter().map(shown).collect(),
            What::Time { service, least } => {
                let value = AttrValue::Str(print_expr(&length(*least)));
                vec![(print_expr(&time_in(service)), CompareOp::GtEq.sign().to_owned(), value)]
            }
        }
    }
}

/// Whether a field says whether something failed, or how.
pub fn tells_of_failure(field: &FieldName) -> bool {
    match field {
        FieldName::Intrinsic(one) => matches!(
            one,
            Intrinsic::Status
                | Intrinsic::StatusMessage
                | Intrinsic::TraceStatus
                | Intrinsic::TraceErrorCount
        ),
        FieldName::Attribute { key, .. } => is_of_failure(key),
    }
}

/// As the semantic conventions name them, and those who follow them: `error.type`, `http.response.status_code`.
pub fn is_of_failure(key: &str) -> bool {
    key.split(['.', '_']).any(|part| ["error", "exception"].contains(&part))
        || ["status_code", "status_description"].iter().any(|end| key.ends_with(end))
}

/// Numbers that name things, by the end of their keys: being above another means nothing.
const NAMES: [&str; 9] =
    [".id", "_id", ".pid", ".port", ".line", ".lineno", "line.number", "partition", "kafka.offset"];

pub fn is_name(key: &str) -> bool {
    NAMES.iter().any(|end| key.ends_with(end))
}

fn is_amount(field: &FieldName) -> bool {
    match field {
        FieldName::Attribute { key, .. } => !is_name(key) && !is_of_failure(key),
        FieldName::Intrinsic(_) => true,
    }
}

fn time_in(service: &str) -> Expr {
    Expr::new(ExprKind::Critical(service.to_owned()), ByteRange::default())
}

fn length(nanos: Nanos) -> Expr {
    Expr::new(ExprKind::Literal(Literal::Duration(nanos)), ByteRange::default())
}

fn shown(condition: &Condition) -> (String, String, AttrValue) {
    let value = match &condition.value {
        AttrValueOr::Data(value) => value.clone(),
        AttrValueOr::Literal(_) => AttrValue::Str("error".to_owned()),
    };
    (print_field(&condition.field), condition.op.sign().to_owned(), value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_in_a_service_is_found_by_its_query() {
        let what = What::Time { service: "load \"generator".into(), least: Nanos(300_000_000) };
        let text = what.text().unwrap();
        assert_eq!(text, r#"{ critical("load \"generator") >= 300ms }"#);
        assert!(model::query::read(&text).is_ok());
        let (field, sign, value) = what.shown().remove(0);
        assert_eq!(format!("{{ {field} {sign} {} }}", value.to_text()), text);
    }

    #[test]
    fn how_a_span_ended_is_a_symptom() {
        let keys = ["error", "error.type", "http.response.status_code", "order.error", "error_code"];
        assert!(keys.into_iter().all(is_of_failure));
        assert!(!["terror.level", "errors_seen", "status", "http.route"].into_iter().any(is_of_failure));
    }

    #[test]
    fn numbers_that_are_names_have_no_bounds_and_each_value_is_told() {
        assert!(["server.port", "thread.id", "order_id", "messaging.kafka.offset"].into_iter().all(is_name));
        let amounts =
            ["app.cart.items", "http.response.body.size", "page_number", "valid", "db.query.offset"];
        assert!(!amounts.into_iter().any(is_name));
        let number = |key: &str, op| {
            let field = FieldName::Attribute {
                scope: model::query::fields::AttributeScope::Span,
                of_parent: false,
                key: key.to_owned(),
            };
            What::Span(vec![Condition { field, op, value: AttrValueOr::Data(AttrValue::Int(9)) }]).number()
        };
        assert_eq!(number("partition", CompareOp::Eq), None);
        assert_eq!(number("http.status_code", CompareOp::Eq), None);
        assert!(
            number("http.status_code", CompareOp::GtEq).is_some() && number("items", CompareOp::Eq).is_some()
        );
    }
}
