//! Spans that need not be counted again: `red` has the calls and failures of each service, operation and kind, of all
//! spans that ever came, in steps of ten seconds.

use model::query::ast::{CompareOp, Expr, ExprKind, Literal, Metric, MetricFunction, StatusWord};
use model::query::fields::{FieldName, Intrinsic};
use model::{Nanos, Timestamp};

use crate::query::search::LATEST;
use crate::query::verify::Range;
use crate::storage::reader::Plan;
use crate::storage::red::RED_STEP_SECS;

const STEP_NS: u64 = RED_STEP_SECS * 1_000_000_000;

/// Rows like those of spans, as far as conditions that may be asked know them; each stands for several.
pub const ROWS: &str = "(SELECT toDateTime64(time, 9, 'UTC') AS start, service, operation, kind, part.1 AS status, part.2 AS spans
    FROM (
        SELECT time, service, operation, kind, arrayJoin([(toUInt8(2), toUInt64(errors)), (toUInt8(0), toUInt64(calls - errors))]) AS part
        FROM red
        WHERE tenant = {tenant:String} AND toStartOfHour(time) >= toStartOfHour(toDateTime({red_from:UInt32}, 'UTC'))
            AND time >= toDateTime({red_from:UInt32}, 'UTC') AND time < toDateTime({red_to:UInt32}, 'UTC'))
    WHERE spans > 0) AS s";

pub fn bound(plan: Plan, range: Range) -> Plan {
    let secs = |time: Timestamp| time.as_secs().min(u64::from(u32::MAX));
    plan.bind("red_from", secs(range.from)).bind("red_to", secs(range.to))
}

/// Whole seconds that are a multiple of those by which it is counted.
pub fn is_aligned(step: Nanos) -> bool {
    step.0 > 0 && step.0.is_multiple_of(STEP_NS)
}

/// A step that was not asked for: one by which it is counted, where those are short enough.
pub fn rounded(step: Nanos) -> Nanos {
    if step.0 < STEP_NS { step } else { Nanos(step.0.next_multiple_of(STEP_NS)) }
}

/// The range, and what else lies in the steps at its ends.
pub fn widened(range: Range) -> Range {
    let from = range.from.minus(Nanos(range.from.0 % STEP_NS));
    Range { from, to: Timestamp(range.to.0.next_multiple_of(STEP_NS)).min(LATEST) }
}

/// Whether what is counted answers a metric of the spans for which the condition holds.
pub fn answers(metric: &Metric, condition: Option<&Expr>) -> bool {
    matches!(metric.function, MetricFunction::Rate | MetricFunction::CountOverTime)
        && metric.by.iter().all(|field| is_told(&field.name))
        && condition.is_none_or(is_known)
}

fn is_told(field: &FieldName) -> bool {
    field.is_service() || matches!(field, FieldName::Intrinsic(Intrinsic::Name | Intrinsic::Kind))
}

fn is_known(condition: &Expr) -> bool {
    match &condition.kind {
        ExprKind::And(parts) | ExprKind::Or(parts) => parts.iter().all(is_known),
        ExprKind::Not(inner) => is_known(inner),
        ExprKind::Mentions(_) => true,
        ExprKind::Compare { op, left, right } => match (&left.kind, &right.kind) {
            // Those that are well and those that do not say are counted together.
            (ExprKind::Field(field), ExprKind::Literal(Literal::Status(word))) => {
                *field == FieldName::Intrinsic(Intrinsic::Status)
                    && *word == StatusWord::Error
                    && matches!(op, CompareOp::Eq | CompareOp::NotEq)
            }
            (ExprKind::Field(field), ExprKind::Literal(_)) => is_told(field),
            _ => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::query::ast::SpansetKind;

    fn is_answered(text: &str) -> bool {
        let query = model::query::read(text).unwrap();
        let SpansetKind::Filter(condition) = &query.pipeline.spans.kind else { panic!("{text}") };
        answers(query.metric.as_ref().unwrap(), condition.as_ref())
    }

    #[test]
    fn what_is_asked_of_names_and_failures_alone_is_counted_already() {
        for text in [
            "{ } | rate()",
            "{ status = error } | count_over_time() by (resource.service.name)",
            "{ name = \"GET /cart\" && !(resource.service.name =~ \"c.*\") } | rate() by (name, kind)",
            "{ status != error && kind = server } | rate()",
            "checkout error | rate()",
        ] {
            assert!(is_answered(text), "{text}");
        }
        for text in [
            "{ } | max_over_time(duration)",
            "{ status = ok } | rate()",
            "{ } | rate() by (status)",
            "{ } | rate() by (.service.name)",
            "{ duration > 1s } | rate()",
            "{ name = .route } | rate()",
            "{ span.user = \"ann\" || status = error } | rate()",
        ] {
            assert!(!is_answered(text), "{text}");
        }
    }

    #[test]
    fn steps_begin_where_it_is_counted() {
        let at = |ns: u64| Timestamp(ns);
        let range = widened(Range { from: at(12_000_000_001), to: at(20_000_000_000) });
        assert_eq!((range.from, range.to), (at(10_000_000_000), at(20_000_000_000)));
        assert_eq!(widened(Range { to: at(20_000_000_001), ..range }).to, at(30_000_000_000));
        assert_eq!(widened(Range { to: LATEST, ..range }).to, LATEST);
        let secs = |ms: u64| rounded(Nanos(ms * 1_000_000)).0 / 1_000_000;
        assert_eq!((secs(9_999), secs(10_000), secs(10_001), secs(61_000)), (9_999, 10_000, 20_000, 70_000));
        assert!(is_aligned(Nanos(STEP_NS * 6)) && !is_aligned(Nanos(STEP_NS + 1)) && !is_aligned(Nanos(0)));
    }
}
