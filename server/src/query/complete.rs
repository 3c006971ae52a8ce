//! What could be asked for: keys of attributes and values of fields, most frequent first.
//!
//! Keys of numbers and of origins are all known. Other keys are those of some hundred traces: the newest, the newest
//! failed ones, and some of the last day by chance. Values are those of a sample of the traces that have the field.

use std::collections::BTreeMap;

use model::query::ast::{Field, StageKind};
use model::query::fields::{FieldName, Intrinsic};
use model::query::{print_field, read};
use model::view::{AttributeKey, AttributeValue, Scanned, TraceSearch};
use model::{ApiError, AttrValue, Nanos, Scope, Timestamp};

use super::Queries;
use crate::limits::{COMPLETE_MAX_KEYS, COMPLETE_MAX_VALUES};
use crate::storage::reader::{Plan, ValueCount};

/// How far back is looked.
const LATELY: Nanos = Nanos(86_400 * 1_000_000_000);

/// Values of a field, and the share of the traces with that field they were counted from.
pub struct AttributeValues {
    pub values: Vec<AttributeValue>,
    pub sampled: f64,
    pub scanned: Scanned,
}

/// Traces whose keys are taken for those of all.
const SOME_TRACES: &str = "SELECT trace_id FROM (
        (SELECT trace_id FROM pieces WHERE {recent} ORDER BY bucket DESC, first DESC LIMIT 300)
        UNION ALL (SELECT trace_id FROM pieces WHERE {recent} AND error = 1 ORDER BY first DESC LIMIT 200)
        UNION ALL (SELECT trace_id FROM pieces WHERE {recent} ORDER BY cityHash64(trace_id) LIMIT 500))";
const RECENT: &str =
    "tenant = {tenant:String} AND bucket >= toDateTime({since:UInt32}, 'UTC') AND error IN (0, 1)";

fn span_keys_plan(scope: &Scope, since: Timestamp) -> Plan {
    let some = SOME_TRACES.replace("{recent}", RECENT);
    let sql = format!(
        "SELECT found.1 AS scope, toString(found.2) AS key, count() AS number, found.3 AS is_number
         FROM (SELECT arrayJoin(arrayConcat(
                arrayMap(k -> ('span', k, toUInt8(0)), arrayConcat(mapKeys(attr_str), mapKeys(attr_other))),
                arrayMap(k -> ('span', k, toUInt8(1)), arrayConcat(mapKeys(attr_int), mapKeys(attr_dbl))),
                arrayMap(k -> ('event', k, toUInt8(0)), arrayFlatten(arrayMap(m -> mapKeys(m), `events.attrs`))),
                arrayMap(k -> ('link', k, toUInt8(0)), arrayFlatten(arrayMap(m -> mapKeys(m), `links.attrs`)))
            )) AS found
            FROM spans WHERE tenant = {{tenant:String}} AND trace_id IN ({some}))
         GROUP BY scope, key, is_number ORDER BY number DESC, key LIMIT {COMPLETE_MAX_KEYS}"
    );
    Plan::new(scope, sql).bind("since", since.as_secs())
}

fn number_keys_plan(scope: &Scope, since: Timestamp) -> Plan {
    let sql = format!(
        "SELECT 'span' AS scope, toString(arrayJoin(numbers.key)) AS key, count() AS number, toUInt8(1) AS is_number
         FROM pieces WHERE {RECENT}
         GROUP BY key ORDER BY number DESC, key LIMIT {COMPLETE_MAX_KEYS}"
    );
    Plan::new(scope, sql).bind("since", since.as_secs())
}

fn origin_keys_plan(scope: &Scope) -> Plan {
    let sql = format!(
        "SELECT found.1 AS scope, toString(found.2) AS key, count() AS number, toUInt8(0) AS is_number
         FROM (SELECT arrayJoin(arrayConcat(
                arrayMap(k -> ('resource', k), mapKeys(resource)), arrayMap(k -> ('instrumentation', k), mapKeys(scope))
            )) AS found FROM origins WHERE tenant = {{tenant:String}})
         GROUP BY scope, key ORDER BY number DESC, key LIMIT {COMPLETE_MAX_KEYS}"
    );
    Plan::new(scope, sql)
}

/// Values of a service, an operation or a resource need no sample.
fn known_values_plan(scope: &Scope, field: &FieldName, prefix: &str, since: Timestamp) -> Option<Plan> {
    let (column, table) = match field {
        field if field.is_service() => ("service", "red"),
        FieldName::Intrinsic(Intrinsic::Name) => ("operation", "red"),
        FieldName::Attribute {
            scope: model::query::fields::AttributeScope::Resource,
            of_parent: false,
            ..
        } => ("resource[{key:String}]", "origins"),
        _ => return None,
    };
    let (counted, lately) = match table {
        "red" => ("sum(calls)", "day >= toDate(toDateTime({since:UInt32}, 'UTC'))"),
        _ => ("count()", "mapContains(resource, {key:String})"),
    };
    let key = match field {
        FieldName::Attribute { key, .. } => key.as_str(),
        FieldName::Intrinsic(_) => "",
    };
    let sql = format!(
        "SELECT toString({column}) AS value, {counted} AS traces, toUInt64(0) AS errors FROM {table}
         WHERE tenant = {{tenant:String}} AND {lately}
            AND startsWith(lowerUTF8(toString({column})), lowerUTF8({{prefix:String}}))
         GROUP BY value ORDER BY traces DESC, value LIMIT {COMPLETE_MAX_VALUES}"
    );
    Some(Plan::new(scope, sql).bind("prefix", prefix).bind("since", since.as_secs()).bind("key", key))
}

impl Queries {
    pub async fn attribute_keys(&self, scope: &Scope, now: Timestamp) -> Result<Vec<AttributeKey>, ApiError> {
        let since = now.minus(LATELY);
        let (spans, numbers, origins) =
            (span_keys_plan(scope, since), number_keys_plan(scope, since), origin_keys_plan(scope));
        let (spans, numbers, origins) = tokio::try_join!(
            self.reader.keys(&spans),
            self.reader.keys(&numbers),
            self.reader.keys(&origins)
        )?;
        let mut known: BTreeMap<(String, String), AttributeKey> = BTreeMap::new();
        // Those of spans count spans; a key found only among numbers keeps its count of pieces.
        for key in numbers.into_iter().chain(spans).chain(origins) {
            let entry = known.entry((key.scope.clone(), key.key.clone())).or_insert_with(|| key.clone());
            entry.count = entry.count.max(key.count);
            entry.is_number |= key.is_number;
        }
        let mut keys: Vec<AttributeKey> = known.into_values().collect();
        keys.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.key.cmp(&b.key)));
        Ok(keys)
    }

    /// Values of a field that start with a text, whatever its case.
    pub async fn attribute_values(
        &self,
        scope: &Scope,
        field: &str,
        prefix: &str,
        now: Timestamp,
    ) -> Result<AttributeValues, ApiError> {
        let field = parsed_field(field)?;
        let since = now.minus(LATELY);
        if let Some(plan) = known_values_plan(scope, &field.name, prefix, since) {
            let (rows, scanned) = self.reader.values(&plan).await?;
            let value = |row: ValueCount| AttributeValue {
                value: AttrValue::from_text(&row.value),
                count: row.traces,
            };
            let values = rows.into_iter().map(value).collect();
            return Ok(AttributeValues { values, sampled: 1.0, scanned });
        }
        let is_attribute = matches!(field.name, FieldName::Attribute { .. });
        let asked = TraceSearch {
            q: is_attribute.then(|| format!("{{ {} != nil }}", print_field(&field.name))),
            start: Some(since),
            ..TraceSearch::default()
        };
        let facets = self.facets(scope, &asked, &[field], now).await?;
        let prefix = prefix.to_lowercase();
        let mut values: Vec<AttributeValue> = facets
            .facets
            .into_iter()
            .flat_map(|facet| facet.values)
            .filter(|value| shown(&value.value).to_lowercase().starts_with(&prefix))
            .map(|value| AttributeValue { value: value.value, count: value.traces })
            .collect();
        values.truncate(COMPLETE_MAX_VALUES);
        Ok(AttributeValues { values, sampled: facets.sampled, scanned: facets.scanned })
    }
}

fn shown(value: &AttrValue) -> String {
    match value {
        AttrValue::Str(text) => text.clone(),
        other => model::json::attr_json(other).to_string(),
    }
}

/// A field as the query language writes it.
pub fn parsed_field(text: &str) -> Result<Field, ApiError> {
    let fields = read(&format!("{{ }} | select({text})")).ok().and_then(|query| {
        query.pipeline.stages.into_iter().find_map(|stage| match stage.kind {
            StageKind::Select(fields) => Some(fields),
            _ => None,
        })
    });
    match fields.as_deref() {
        Some([field]) => Ok(field.clone()),
        _ => Err(ApiError::bad_request(
            format!("'{text}' is not a field"),
            "a field is written as in the query language: name, status, span.http.route, resource.service.name",
        )),
    }
}
