//! `/api/facets`, `/api/heatmap`, `/api/attributes` and `/api/metrics/query_range`: what many traces have in common,
//! and what could be asked for.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Query, State};
use model::json::{attr_json, attrs_json};
use model::view::{AttributeValue, Heatmap};
use serde_json::{Value, json};

use super::App;
use super::error::HttpError;
use super::params::{self, now};
use crate::query::complete::parsed_field;

const FACETS: &str = "resource.service.name,name,status";
const COLUMNS: u32 = 60;

type Params = Query<HashMap<String, String>>;

pub async fn facets(State(app): State<App>, Query(mut query): Params) -> Result<Json<Value>, HttpError> {
    let fields = query.remove("fields").filter(|text| !text.trim().is_empty());
    let fields = fields.as_deref().unwrap_or(FACETS);
    let fields = fields.split(',').map(|text| parsed_field(text.trim())).collect::<Result<Vec<_>, _>>()?;
    let caller = app.caller().await?;
    let facets = app.queries.facets(&caller.scope, &params::filters(&query)?, &fields, now()).await?;
    let list: Vec<Value> = facets
        .facets
        .iter()
        .map(|facet| {
            let values: Vec<Value> = facet
                .values
                .iter()
                .map(|v| json!({ "value": attr_json(&v.value), "traces": v.traces, "errors": v.errors }))
                .collect();
            json!({ "field": facet.field, "values": values, "more": facet.more })
        })
        .collect();
    Ok(Json(json!({
        "facets": list,
        "traces": facets.traces,
        "sampled": facets.sampled,
        "scanned": { "rows": facets.scanned.rows, "bytes": facets.scanned.bytes },
    })))
}

pub async fn heatmap(State(app): State<App>, Query(mut query): Params) -> Result<Json<Value>, HttpError> {
    let columns = query.remove("columns").filter(|text| !text.trim().is_empty());
    let columns = columns.map(|text| params::whole("columns", &text)).transpose()?.unwrap_or(COLUMNS);
    let caller = app.caller().await?;
    let map = app.queries.heatmap(&caller.scope, &params::filters(&query)?, columns, now()).await?;
    let cells: Vec<Value> = map
        .cells
        .iter()
        .map(|cell| {
            json!({
                "column": cell.column,
                "row": cell.row,
                "min_duration_ms": Heatmap::floor_of(cell.row).as_millis_f64(),
                "traces": cell.traces,
                "errors": cell.errors,
            })
        })
        .collect();
    Ok(Json(json!({
        "start_time_unix_ns": map.start.0.to_string(),
        "step_ms": map.step.as_millis_f64(),
        "columns": map.columns,
        "cells": cells,
        "traces": map.traces,
        "sampled": map.sampled,
        "scanned": { "rows": map.scanned.rows, "bytes": map.scanned.bytes },
    })))
}

/// Keys; with a field, its values.
pub async fn attributes(State(app): State<App>, Query(query): Params) -> Result<Json<Value>, HttpError> {
    params::only(&query, &["field", "prefix"])?;
    let caller = app.caller().await?;
    let Some(field) = query.get("field").filter(|text| !text.trim().is_empty()) else {
        let keys = app.queries.attribute_keys(&caller.scope, now()).await?;
        let keys: Vec<Value> = keys
            .iter()
            .map(|k| json!({ "scope": k.scope, "key": k.key, "count": k.count, "is_number": k.is_number }))
            .collect();
        return Ok(Json(json!({ "keys": keys })));
    };
    let prefix = query.get("prefix").map_or("", String::as_str);
    let found = app.queries.attribute_values(&caller.scope, field, prefix, now()).await?;
    let value = |v: &AttributeValue| json!({ "value": attr_json(&v.value), "count": v.count });
    Ok(Json(json!({
        "field": field,
        "values": found.values.iter().map(value).collect::<Vec<_>>(),
        "sampled": found.sampled,
        "scanned": { "rows": found.scanned.rows, "bytes": found.scanned.bytes },
    })))
}

pub async fn series(State(app): State<App>, Query(query): Params) -> Result<Json<Value>, HttpError> {
    params::only(&query, &["q", "start", "end", "step_ms"])?;
    let asked = params::search(
        &query.iter().filter(|(key, _)| *key != "step_ms").map(|(k, v)| (k.clone(), v.clone())).collect(),
    )?;
    let step = query.get("step_ms").filter(|text| !text.trim().is_empty());
    let step = step.map(|text| params::millis("step_ms", text)).transpose()?;
    let caller = app.caller().await?;
    let q = asked.q.as_deref().unwrap_or_default();
    let set = app.queries.series(&caller.scope, q, (asked.start, asked.end), step, now()).await?;
    let series: Vec<Value> = set
        .series
        .iter()
        .map(|series| json!({ "labels": attrs_json(&series.labels), "points": series.points }))
        .collect();
    Ok(Json(json!({
        "start_time_unix_ns": set.start.0.to_string(),
        "step_ms": set.step.as_millis_f64(),
        "series": series,
        "complete": set.complete,
        "limit_reached": set.limit_reached,
        "scanned": { "rows": set.scanned.rows, "bytes": set.scanned.bytes },
    })))
}
