//! What many traces have in common: counts by value, and a map of durations over time.
//!
//! Where `pieces` alone can tell which traces match, they are counted there, all of them or an even share. Otherwise a
//! sample of the candidates is looked at in `spans`, and the counts are scaled up. The answer says which share was
//! looked at. A sample is a few runs of ids that follow each other, begun at even places of their order: `spans` lie in
//! that order, so that a run is a handful of granules where as many single ids would be one each. Which id a trace has
//! says nothing about it but, with some senders, when it began; hence several runs. It is the same each time. Of
//! very many pieces only a share is looked at, and runs are read as they are (`overview::runs`).

use std::collections::{BTreeMap, HashMap, HashSet};

use model::query::ast::Field;
use model::query::fields::{FieldName, Intrinsic};
use model::query::{Query, print_field};
use model::view::{Facet, FacetValue, Facets, HeatCell, Heatmap, Scanned, TraceSearch};
use model::{ApiError, AttrValue, Nanos, Scope, Timestamp, TraceId};

use super::plan::narrow::{self, GROUP};
use super::search::{Scan, Search, Window};
use super::verify::{Range, Verified, Verify};
use super::{NUMBER, Queries};
use crate::limits::{
    FACET_MAX_SPANS, FACET_MAX_VALUES, FACETS_MAX, HEATMAP_MAX_COLUMNS, OVERVIEW_MAX_TRACES, OVERVIEW_SAMPLE,
};
use crate::storage::reader::{Found, GroupCount, Plan};

mod runs;

/// Pieces are kept about this long.
const OLDEST_MAP: Nanos = Nanos(8 * 86_400 * 1_000_000_000);
/// With nothing to show, a map of the last minutes.
const SHORTEST_MAP: Nanos = Nanos(900 * 1_000_000_000);

/// Runs of ids that make a sample.
const SAMPLE_RUNS: u64 = 10;

/// A question about all traces of a search.
struct Question {
    search: Search,
    range: Range,
    window: Window,
}

/// Matching traces of a sample, and the share of all candidates it is.
struct Sample {
    found: Vec<Found>,
    share: f64,
    scanned: Scanned,
}

/// A facet, and the share of the candidates it was made from.
struct Counted {
    facet: Facet,
    sampled: f64,
}

impl Question {
    /// A range without a start goes back as far as pieces are kept.
    fn new(asked: &TraceSearch, now: Timestamp) -> Result<Question, ApiError> {
        let search = Search::new(&TraceSearch { cursor: None, limit: None, ..asked.clone() })?;
        let range = search.range;
        Ok(Question { range, window: Window::whole(range, now), search })
    }

    fn query(&self) -> &Query {
        &self.search.query
    }

    fn scan(&self) -> Scan {
        Scan::of(&self.query().pipeline, self.range)
    }

    fn number_plan(&self, scope: &Scope) -> Plan {
        let scan = self.scan();
        let sql =
            format!("SELECT uniq({NUMBER}) AS number FROM pieces WHERE {}", scan.conditions(&self.window));
        scan.bound(Plan::new(scope, sql), &self.window)
    }

    fn earliest_plan(&self, scope: &Scope) -> Plan {
        let scan = self.scan();
        let sql = format!(
            "SELECT toUInt64(toUnixTimestamp64Nano(min(first))) AS number FROM pieces WHERE {}",
            scan.conditions(&self.window)
        );
        scan.bound(Plan::new(scope, sql), &self.window)
    }

    /// Some candidates, and how many there are.
    fn sample_plan(&self, scope: &Scope) -> Plan {
        let scan = self.scan();
        let each = OVERVIEW_SAMPLE / SAMPLE_RUNS;
        let sql = format!(
            "SELECT reverse(reinterpretAsFixedString(arrayJoin(arrayDistinct(arrayFlatten(arrayMap(
                run -> arraySlice(ids, 1 + intDiv(run * length(ids), {SAMPLE_RUNS}), {each}),
                range({SAMPLE_RUNS}))))))) AS trace_id, toUInt64(length(ids)) AS key
             FROM (SELECT arraySort(groupUniqArray(reinterpretAsUInt128(reverse(trace_id)))) AS ids
                FROM pieces WHERE {})",
            scan.conditions(&self.window)
        );
        scan.bound(Plan::new(scope, sql), &self.window)
    }

    /// Traces by the values their groups have, in one pass for all columns. One trace in `every` is counted.
    fn groups_plan(&self, scope: &Scope, columns: &[&str], every: u64) -> Plan {
        let scan = self.scan();
        let group = scan.group_condition().cloned().unwrap_or_default();
        let read = GROUP
            .into_iter()
            .filter(|(name, _)| *name == "f" || columns.contains(name) || group.names.contains(name));
        let (joined, wanted): (Vec<String>, Vec<&str>) =
            read.map(|(name, column)| (format!("{column} AS {name}"), column)).unzip();
        let condition = if group.sql.is_empty() { "1" } else { &group.sql };
        let some = match every {
            1 => String::new(),
            every => format!(" AND cityHash64(trace_id) % {every} = 0"),
        };
        let sets = columns.iter().map(|column| format!("({column})")).collect::<Vec<_>>().join(", ");
        let chosen = columns.iter().map(|column| format!("grouping({column}) = 0, '{column}'"));
        let value = columns.iter().map(|column| format!("grouping({column}) = 0, toString({column})"));
        let sql = format!(
            "SELECT multiIf({}, '') AS of, multiIf({}, '') AS value,
                uniqExact(id) AS traces, uniqExactIf(id, f = 1) AS errors
             FROM (SELECT {NUMBER} AS id, {} FROM pieces WHERE {}{some})
             ARRAY JOIN {} WHERE {condition}
             GROUP BY GROUPING SETS ({sets}) ORDER BY traces DESC, value LIMIT {} BY of",
            chosen.collect::<Vec<_>>().join(", "),
            value.collect::<Vec<_>>().join(", "),
            wanted.join(", "),
            scan.conditions(&self.window),
            joined.join(", "),
            FACET_MAX_VALUES + 1,
        );
        scan.bound(Plan::new(scope, sql), &self.window)
    }

    /// Cells of the map, from all pieces of the traces that match.
    fn cells_plan(&self, scope: &Scope, step: Nanos) -> Plan {
        let scan = self.scan();
        let of = match scan.is_everything() {
            true => scan.conditions(&self.window),
            false => format!(
                "tenant = {{tenant:String}} AND bucket >= toDateTime({{reach_low:UInt32}}, 'UTC')
                    AND bucket <= toDateTime({{reach_high:UInt32}}, 'UTC')
                    AND {NUMBER} IN (SELECT {NUMBER} FROM pieces WHERE {})",
                scan.conditions(&self.window)
            ),
        };
        let sql = format!(
            "SELECT toUInt32(intDiv(begins - {{start:Int64}}, {{step:Int64}})) AS column,
                toUInt32(if(lasts < 1000, 0, floor(2 * log2(lasts / 1000)))) AS row,
                count() AS traces, countIf(failed) AS errors
             FROM (SELECT toUnixTimestamp64Nano(min(first)) AS begins,
                    max(toUnixTimestamp64Nano(first) + length) - begins AS lasts, max(error) AS failed
                FROM pieces WHERE {of} GROUP BY trace_id)
             WHERE begins >= {{start:Int64}} AND begins < {{to:Int64}}
             GROUP BY column, row ORDER BY column, row"
        );
        scan.bound(Plan::new(scope, sql), &self.window).bind("start", self.range.from.0).bind("step", step.0)
    }
}

impl Queries {
    /// Counts of the traces a search finds, for each value of some fields.
    pub async fn facets(
        &self,
        scope: &Scope,
        asked: &TraceSearch,
        fields: &[Field],
        now: Timestamp,
    ) -> Result<Facets, ApiError> {
        if fields.len() > FACETS_MAX {
            return Err(ApiError::bad_request(
                format!("{} facets are asked for", fields.len()),
                format!("ask for {FACETS_MAX} at once"),
            ));
        }
        let question = Question::new(asked, now)?;
        let is_exact = narrow::is_exact(&question.query().pipeline);
        let (grouped, sampled): (Vec<&Field>, Vec<&Field>) =
            fields.iter().partition(|field| is_exact && group_column(&field.name).is_some());
        // Where pieces tell which traces match, how many that are is counted.
        let (number, mut scanned) = match is_exact {
            true => self.reader.number(&question.number_plan(scope)).await?,
            false => Default::default(),
        };
        let every = number.div_ceil(OVERVIEW_MAX_TRACES).max(1);
        let more: Vec<Field> = sampled.into_iter().cloned().collect();
        let ((mut facets, cost), sample) = tokio::try_join!(
            self.grouped(scope, &question, &grouped, every),
            self.sample_of(scope, &question, &more)
        )?;
        scanned.add(cost);
        let mut traces = number;
        if let Some((mut sample, names)) = sample {
            scanned.add(sample.scanned);
            match is_exact && sample.share < 1.0 {
                // Every candidate matches, and how many there are is known.
                true => sample.share = (sample.found.len() as f64 / number as f64).min(1.0),
                false => traces = scaled(sample.found.len(), sample.share),
            }
            for field in &more {
                let name = print_field(&field.name);
                let at = names.iter().position(|known| *known == name).unwrap_or_default();
                facets.insert(name, counted(field, at, &sample));
            }
        }
        let facets: Vec<Counted> =
            fields.iter().filter_map(|field| facets.remove(&print_field(&field.name))).collect();
        Ok(Facets {
            traces,
            sampled: facets.iter().map(|counted| counted.sampled).fold(1.0, f64::min),
            facets: facets.into_iter().map(|counted| counted.facet).collect(),
            scanned,
        })
    }

    /// Facets that groups of pieces tell.
    async fn grouped(
        &self,
        scope: &Scope,
        question: &Question,
        fields: &[&Field],
        every: u64,
    ) -> Result<(HashMap<String, Counted>, Scanned), ApiError> {
        let columns: Vec<&str> = fields.iter().filter_map(|field| group_column(&field.name)).collect();
        if columns.is_empty() {
            return Ok((HashMap::new(), Scanned::default()));
        }
        let (rows, scanned) = self.reader.groups(&question.groups_plan(scope, &columns, every)).await?;
        let mut facets = HashMap::new();
        for (field, column) in fields.iter().zip(&columns) {
            let values: Vec<&GroupCount> = rows.iter().filter(|row| row.of == **column).collect();
            let mut counted = facet_of(field, values.len() > FACET_MAX_VALUES, 1.0 / every as f64);
            let value = |row: &&GroupCount| FacetValue {
                value: AttrValue::Str(row.value.clone()),
                traces: row.traces * every,
                errors: row.errors * every,
            };
            counted.facet.values = values.iter().take(FACET_MAX_VALUES).map(value).collect();
            facets.insert(counted.facet.field.clone(), counted);
        }
        Ok((facets, scanned))
    }

    /// A sample with the values of some fields, and the fields' names; none when there is nothing to find out.
    async fn sample_of(
        &self,
        scope: &Scope,
        question: &Question,
        fields: &[Field],
    ) -> Result<Option<(Sample, Vec<String>)>, ApiError> {
        if fields.is_empty() && narrow::is_exact(&question.query().pipeline) {
            return Ok(None);
        }
        let verify = Verify::showing(question.query(), fields)?;
        let names = verify.field_names().map(str::to_owned).collect();
        let sample = self.sample(scope, question, &verify, FACET_MAX_SPANS).await?;
        Ok(Some((sample, names)))
    }

    /// The traces a search finds, by start and duration.
    pub async fn heatmap(
        &self,
        scope: &Scope,
        asked: &TraceSearch,
        columns: u32,
        now: Timestamp,
    ) -> Result<Heatmap, ApiError> {
        if columns == 0 || columns > HEATMAP_MAX_COLUMNS {
            return Err(ApiError::bad_request(
                format!("columns is {columns}"),
                format!("columns goes from 1 to {HEATMAP_MAX_COLUMNS}"),
            ));
        }
        let start = match asked.start {
            Some(start) => start,
            None => self.earliest(scope, asked, now).await?,
        };
        let end = asked.end.unwrap_or(now).max(start.plus(Nanos(1)));
        let asked = TraceSearch { start: Some(start), end: Some(end), ..asked.clone() };
        let question = Question::new(&asked, now)?;
        let step = Nanos(end.since(start).0.div_ceil(u64::from(columns)).max(1));
        let mut map = Heatmap { start, step, columns, sampled: 1.0, ..Heatmap::default() };
        if narrow::is_exact(&question.query().pipeline) {
            (map.cells, map.scanned) = self.reader.cells(&question.cells_plan(scope, step)).await?;
            map.traces = map.cells.iter().map(|cell| cell.traces).sum();
            return Ok(map);
        }
        let verify = Verify::new(question.query())?;
        let sample = self.sample(scope, &question, &verify, 1).await?;
        (map.sampled, map.scanned) = (sample.share, sample.scanned);
        map.traces = scaled(sample.found.len(), sample.share);
        map.cells = cells_of(&sample, start, step);
        Ok(map)
    }

    /// Where a map without a start begins: at the first piece that may match, if it is not absurdly old.
    pub(super) async fn earliest(
        &self,
        scope: &Scope,
        asked: &TraceSearch,
        now: Timestamp,
    ) -> Result<Timestamp, ApiError> {
        let question = Question::new(asked, now)?;
        let (first, _) = self.reader.number(&question.earliest_plan(scope)).await?;
        let oldest = now.minus(OLDEST_MAP);
        Ok(if first == 0 { now.minus(SHORTEST_MAP) } else { Timestamp(first).clamp(oldest, now) })
    }

    async fn sample(
        &self,
        scope: &Scope,
        question: &Question,
        verify: &Verify<'_>,
        shown: usize,
    ) -> Result<Sample, ApiError> {
        if let Some(sample) = self.sample_of_runs(scope, question, verify, shown).await? {
            return Ok(sample);
        }
        let (candidates, mut scanned) = self.reader.candidates(&question.sample_plan(scope)).await?;
        let all = candidates.first().map_or(0, |candidate| candidate.key);
        let share = candidates.len() as f64 / all.max(candidates.len() as u64).max(1) as f64;
        let share = if candidates.is_empty() { 1.0 } else { share };
        let ids: Vec<TraceId> = candidates.iter().map(|candidate| candidate.trace_id).collect();
        let Verified { mut found, scanned: cost, .. } =
            self.verify_showing(scope, verify, &ids, question.range, shown).await?;
        scanned.add(cost);
        found.retain(|found| found.spans > 0);
        Ok(Sample { found, share, scanned })
    }
}

fn facet_of(field: &Field, more: bool, sampled: f64) -> Counted {
    Counted { sampled, facet: Facet { field: print_field(&field.name), values: Vec::new(), more } }
}

/// The column of a group that holds the field.
fn group_column(field: &FieldName) -> Option<&'static str> {
    match field {
        field if field.is_service() => Some("s"),
        FieldName::Intrinsic(Intrinsic::Name) => Some("o"),
        _ => None,
    }
}

fn scaled(count: usize, share: f64) -> u64 {
    (count as f64 / share).round() as u64
}

/// The traces of a sample for each value at a place among the shown fields.
fn counted(field: &Field, at: usize, sample: &Sample) -> Counted {
    let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for found in &sample.found {
        let (mut seen, mut failed) = (HashSet::new(), HashSet::new());
        for shown in &found.first {
            let value = shown.values.get(at).filter(|value| **value != AttrValue::Empty);
            let Some(value) = value.map(AttrValue::to_text) else { continue };
            if shown.span.is_error {
                failed.insert(value.clone());
            }
            seen.insert(value);
        }
        for value in seen {
            let count = counts.entry(value.clone()).or_default();
            count.0 += 1;
            count.1 += usize::from(failed.contains(&value));
        }
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.0.cmp(&a.1.0).then_with(|| a.0.cmp(&b.0)));
    let mut counted = facet_of(field, counts.len() > FACET_MAX_VALUES, sample.share);
    let value = |(text, (traces, errors)): (String, (usize, usize))| FacetValue {
        value: AttrValue::from_text(&text),
        traces: scaled(traces, sample.share),
        errors: scaled(errors, sample.share),
    };
    counted.facet.values = counts.into_iter().take(FACET_MAX_VALUES).map(value).collect();
    counted
}

fn cells_of(sample: &Sample, start: Timestamp, step: Nanos) -> Vec<HeatCell> {
    let mut cells: BTreeMap<(u32, u32), (usize, usize)> = BTreeMap::new();
    for found in sample.found.iter().filter(|found| found.begins >= start) {
        let column = (found.begins.since(start).0 / step.0) as u32;
        let cell = cells.entry((column, Heatmap::row_of(found.length))).or_default();
        cell.0 += 1;
        cell.1 += usize::from(found.is_error);
    }
    let cell = |((column, row), (traces, errors))| HeatCell {
        column,
        row,
        traces: scaled(traces, sample.share),
        errors: scaled(errors, sample.share),
    };
    cells.into_iter().map(cell).collect()
}
