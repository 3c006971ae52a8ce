//! `/api/explain`: what sets some traces of a search apart from the others.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Query, State};
use model::AttrValue;
use model::json::attr_json;
use model::view::{Finding, Region};
use serde_json::{Value, json};

use super::App;
use super::error::HttpError;
use super::params::{self, now};

/// Those in question are named like all, with this before it.
const PART: &str = "part_";

pub async fn explain(
    State(app): State<App>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Value>, HttpError> {
    let (part, all): (HashMap<String, String>, HashMap<String, String>) =
        query.into_iter().partition(|(key, _)| key.starts_with(PART));
    let part: HashMap<String, String> = part
        .into_iter()
        .filter_map(|(key, value)| Some((key.strip_prefix(PART)?.to_owned(), value)))
        .collect();
    params::only(&all, &["q", "start", "end"])?;
    params::only(&part, &["q", "start", "end", "min_duration_ms", "max_duration_ms"])?;
    let (all, part) = (params::search(&all)?, params::search(&part)?);
    let region = Region {
        q: part.q,
        start: part.start,
        end: part.end,
        min_duration: part.min_duration,
        max_duration: part.max_duration,
    };
    let caller = app.caller().await?;
    let found = app.queries.explain(&caller.scope, &all, &region, now()).await?;
    Ok(Json(json!({
        "inside": found.inside,
        "outside": found.outside,
        "looked_inside": found.looked_inside,
        "looked_outside": found.looked_outside,
        "tried": found.tried,
        "findings": found.findings.iter().map(finding_json).collect::<Vec<_>>(),
        "scanned": { "rows": found.scanned.rows, "bytes": found.scanned.bytes },
    })))
}

fn finding_json(finding: &Finding) -> Value {
    type Condition = (String, String, AttrValue);
    let condition =
        |(field, op, value): &Condition| json!({ "field": field, "op": op, "value": attr_json(value) });
    let span = |conditions: &Vec<Condition>| Value::Array(conditions.iter().map(condition).collect());
    json!({
        "spans": finding.spans.iter().map(span).collect::<Vec<_>>(),
        "inside": finding.inside,
        "outside": finding.outside,
        "of_inside": finding.of_inside,
        "of_outside": finding.of_outside,
        "chance": finding.chance,
        "is_symptom": finding.is_symptom,
        "goes_with": finding.goes_with,
        "alike": finding.alike,
        "q": finding.q,
        "examples": finding.examples.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}
