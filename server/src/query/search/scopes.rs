//! Attributes that are asked for without a scope.
//!
//! They may be a span's own or its origin's. Which keys origins have is quickly known, and one that none has is the
//! span's own: no statement of the search has to look at origins for it.

use std::collections::BTreeSet;

use model::query::ast::{Expr, ExprKind, Pipeline, Spanset, SpansetKind, StageKind};
use model::query::fields::{AttributeScope, FieldName, SERVICE_KEY};
use model::{ApiError, Scope};

use crate::query::Queries;
use crate::query::plan::Binds;
use crate::storage::reader::Plan;

impl Queries {
    /// Gives such attributes of the conditions their scope, where only one will do.
    pub(in crate::query) async fn find_scopes(
        &self,
        scope: &Scope,
        query: &mut Pipeline,
    ) -> Result<(), ApiError> {
        let mut asked = BTreeSet::new();
        each_field(query, &mut |field| asked.extend(without_scope(field).map(|(key, _)| key.to_owned())));
        if asked.is_empty() {
            return Ok(());
        }
        let known = self.reader.names(&keys_plan(scope, &asked)).await?;
        each_field(query, &mut |field| {
            if let Some((key, of)) = without_scope(field)
                && !known.contains(key)
            {
                *of = AttributeScope::Span;
            }
        });
        Ok(())
    }
}

/// Keys of the origins that have one of these.
fn keys_plan(scope: &Scope, asked: &BTreeSet<String>) -> Plan {
    let mut binds = Binds::new("k");
    let has: Vec<String> =
        asked.iter().map(|key| format!("mapContains(resource, {})", binds.text(key))).collect();
    let sql = format!(
        "SELECT DISTINCT toString(arrayJoin(mapKeys(resource))) AS name FROM origins
         WHERE tenant = {{tenant:String}} AND ({})",
        has.join(" OR ")
    );
    Plan::new(scope, sql).on_one_thread().bind_all(binds.values())
}

fn without_scope(field: &mut FieldName) -> Option<(&str, &mut AttributeScope)> {
    match field {
        FieldName::Attribute { scope: scope @ AttributeScope::Any, of_parent: false, key }
            if key != SERVICE_KEY =>
        {
            Some((key, scope))
        }
        _ => None,
    }
}

/// The fields that conditions are about. Those that are shown keep the names they were asked for by.
pub(in crate::query) fn each_field(pipeline: &mut Pipeline, visit: &mut impl FnMut(&mut FieldName)) {
    of_spanset(&mut pipeline.spans, visit);
    for stage in &mut pipeline.stages {
        match &mut stage.kind {
            StageKind::Spans(spans) => of_spanset(spans, visit),
            StageKind::Where(expr) => of_expr(expr, visit),
            StageKind::By(_) | StageKind::Select(_) | StageKind::Coalesce => {}
        }
    }
}

fn of_spanset(spans: &mut Spanset, visit: &mut impl FnMut(&mut FieldName)) {
    match &mut spans.kind {
        SpansetKind::Filter(condition) => condition.iter_mut().for_each(|expr| of_expr(expr, visit)),
        SpansetKind::Pipeline(pipeline) => each_field(pipeline, visit),
        SpansetKind::Binary { left, right, .. } => {
            of_spanset(left, visit);
            of_spanset(right, visit);
        }
    }
}

fn of_expr(expr: &mut Expr, visit: &mut impl FnMut(&mut FieldName)) {
    match &mut expr.kind {
        ExprKind::Field(field) => visit(field),
        ExprKind::And(parts) | ExprKind::Or(parts) => parts.iter_mut().for_each(|part| of_expr(part, visit)),
        ExprKind::Not(inner) | ExprKind::Negative(inner) => of_expr(inner, visit),
        ExprKind::Compare { left, right, .. } | ExprKind::Arithmetic { left, right, .. } => {
            of_expr(left, visit);
            of_expr(right, visit);
        }
        ExprKind::Aggregate { of, .. } => of.iter_mut().for_each(|of| of_expr(of, visit)),
        ExprKind::Literal(_) | ExprKind::Mentions(_) | ExprKind::Critical(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use model::query::read;

    use super::*;

    #[test]
    fn every_condition_is_visited_and_nothing_that_is_shown() {
        let text = "{ .a = 1 && !(.b > -.c * 2 || .d =~ \"x\") } >> { .e = nil } | avg(.f) > 1 \
                    | { .g = 1 } | by(.h) | select(.i)";
        let mut query = read(text).unwrap();
        let mut seen = String::new();
        each_field(&mut query.pipeline, &mut |field| {
            seen.extend(without_scope(field).map(|(key, of)| {
                *of = AttributeScope::Span;
                key.to_owned()
            }));
        });
        assert_eq!(seen, "abcdefg");
        let printed = model::query::print(&query);
        assert!(printed.contains("span.g = 1") && printed.contains("select(.i)"), "{printed}");
        each_field(&mut query.pipeline, &mut |field| assert!(without_scope(field).is_none()));
    }
}
