//! `/api/diff`: two traces aligned by call path.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Query, State};
use model::Nanos;
use model::trace::diff::{Diff, Entry, Sample, Side, Whole};
use serde_json::{Value, json};

use super::App;
use super::error::HttpError;
use super::params;

/// Where peers of a trace are looked for unless told otherwise, before and after it.
const WINDOW_SECS: u32 = 6 * 3_600;

pub async fn compare(
    State(app): State<App>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Value>, HttpError> {
    let (a, b) = params::pair(&query)?;
    let window = query.get("window_secs").filter(|text| !text.trim().is_empty());
    let window = window.map(|text| params::whole("window_secs", text)).transpose()?.unwrap_or(WINDOW_SECS);
    let caller = app.caller().await?;
    let diff = app.queries.diff(&caller.scope, a, b, window.into()).await?;
    Ok(Json(diff_json(&diff)))
}

fn diff_json(diff: &Diff) -> Value {
    json!({
        "a": whole_json(&diff.a),
        "b": whole_json(&diff.b),
        "delta_ms": millis(diff.delta()),
        "summary": diff.words(),
        "sample": diff.sample.as_ref().map(sample_json),
        "entries": (0..diff.entries.len()).map(|at| entry_json(diff, at)).collect::<Vec<_>>(),
    })
}

fn sample_json(sample: &Sample) -> Value {
    json!({
        "side": if sample.is_second { "b" } else { "a" },
        "traces": sample.traces,
        "middle": sample.middle,
        "of": sample.of,
    })
}

fn whole_json(whole: &Whole) -> Value {
    json!({
        "trace_id": whole.trace_id.is_valid().then(|| whole.trace_id.to_string()),
        "duration_ms": whole.duration.as_millis_f64(),
        "root_duration_ms": whole.root_duration.as_millis_f64(),
        "span_count": whole.spans,
        "error_count": whole.errors,
    })
}

fn entry_json(diff: &Diff, at: usize) -> Value {
    let entry: &Entry = &diff.entries[at];
    let spread = diff.sample.as_ref().and_then(|sample| sample.spread.get(at)).map(|spread| {
        json!({
            "traces": spread.present,
            "p50_ms": Nanos(spread.p50).as_millis_f64(),
            "p95_ms": Nanos(spread.p95).as_millis_f64(),
        })
    });
    let duration = |side: &Side| (side.calls > 0).then(|| Nanos(side.duration).as_millis_f64());
    json!({
        "parent": diff.entries.get(entry.parent as usize).map(|_| entry.parent),
        "depth": entry.depth,
        "service_name": diff.text(entry.service),
        "operation_name": diff.text(entry.operation),
        "kind": entry.kind.name(),
        "change": entry.change().name(),
        "error_appeared": entry.error_appeared(),
        "a_duration_ms": duration(&entry.a),
        "b_duration_ms": duration(&entry.b),
        "delta_ms": millis(entry.b.duration as i64 - entry.a.duration as i64),
        "critical_delta_ms": millis(entry.b.critical as i64 - entry.a.critical as i64),
        "spread": spread,
        "a": side_json(&entry.a),
        "b": side_json(&entry.b),
    })
}

/// Null where the trace has nothing.
fn side_json(side: &Side) -> Value {
    if side.calls == 0 {
        return Value::Null;
    }
    json!({
        "calls": side.calls,
        "errors": side.errors,
        "first_span_id": side.first_span.is_valid().then(|| side.first_span.to_string()),
        "start_ms": Nanos(side.start).as_millis_f64(),
        "end_ms": Nanos(side.end).as_millis_f64(),
        "duration_ms": Nanos(side.duration).as_millis_f64(),
        "self_ms": Nanos(side.self_time).as_millis_f64(),
        "critical_ms": Nanos(side.critical).as_millis_f64(),
    })
}

fn millis(ns: i64) -> f64 {
    ns as f64 / 1e6
}
