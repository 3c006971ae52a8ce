//! Rows of questions about what sets some traces apart.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use clickhouse::Row;
use foldhash::fast::FixedState;
use model::view::Scanned;
use model::{Attrs, Timestamp, TraceId};
use serde::Deserialize;

use super::{Candidate, Plan, Reader, timestamp, untagged};
use crate::limits::EXPLAIN_VALUE_MAX_BYTES;
use crate::storage::StoreError;

/// What the pieces of a trace say, together.
#[derive(Clone, Debug, Default)]
pub struct Traits {
    pub trace_id: TraceId,
    pub begins: Timestamp,
    pub ends: Timestamp,
    pub spans: u64,
    /// The first piece that the base's query hits, and the region's.
    pub first_base: Option<Timestamp>,
    pub first_region: Option<Timestamp>,
    pub tokens: Vec<u32>,
    /// Services with their operations, and whether a span of both failed.
    pub groups: Vec<(String, String, bool)>,
    /// Keys of numbers with the smallest and largest of each piece.
    pub numbers: Vec<(String, f32, f32)>,
}

/// Candidates of a side, in the order of a hash of their ids, and how many there are.
#[derive(Debug, Default)]
pub struct Side {
    pub candidates: Vec<Candidate>,
    pub of: u64,
}

/// What a span says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SaidKind {
    Text,
    Int,
    /// In tagged form.
    Other,
    /// A key that has numbers; no value is told.
    Number,
    /// Of a failure; it has no key.
    Message,
}

/// What spans of some traces say, and in which services.
#[derive(Clone, Debug)]
pub struct Said {
    pub kind: SaidKind,
    pub key: String,
    pub value: String,
    pub services: Vec<String>,
}

/// Services told of each thing that is said.
const SERVICES: usize = 4;

/// Who made spans: its number, service and resource.
#[derive(Clone, Debug)]
pub struct Maker {
    pub id: u64,
    pub service: String,
    pub resource: Attrs,
}

#[derive(Row, Deserialize)]
struct PieceRow {
    trace_id: [u8; 16],
    begins: i64,
    ends: i64,
    span_count: u64,
    is_base: u8,
    is_region: u8,
    tokens: Vec<u32>,
    services: Vec<String>,
    operations: Vec<String>,
    failed: Vec<u8>,
    keys: Vec<String>,
    lows: Vec<f32>,
    highs: Vec<f32>,
}

#[derive(Row, Deserialize)]
struct SideRow {
    trace_id: [u8; 16],
    key: u64,
    is_inside: u8,
    side: u64,
}

impl PieceRow {
    fn into_model(self) -> Traits {
        let begins = timestamp(self.begins);
        let names = self.services.into_iter().zip(self.operations).zip(self.failed);
        let numbers = self.keys.into_iter().zip(self.lows).zip(self.highs);
        Traits {
            trace_id: TraceId(self.trace_id),
            begins,
            ends: timestamp(self.ends),
            spans: self.span_count,
            first_base: (self.is_base != 0).then_some(begins),
            first_region: (self.is_region != 0).then_some(begins),
            tokens: self.tokens,
            groups: names.map(|((service, operation), failed)| (service, operation, failed != 0)).collect(),
            numbers: numbers.map(|((key, low), high)| (key, low, high)).collect(),
        }
    }
}

impl Traits {
    fn add(&mut self, other: Traits) {
        let first = |a: Option<Timestamp>, b: Option<Timestamp>| match (a, b) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.begins = self.begins.min(other.begins);
        self.ends = self.ends.max(other.ends);
        self.spans += other.spans;
        self.first_base = first(self.first_base, other.first_base);
        self.first_region = first(self.first_region, other.first_region);
        self.tokens.extend(other.tokens);
        self.tokens.sort_unstable();
        self.tokens.dedup();
        self.groups.extend(other.groups);
        self.numbers.extend(other.numbers);
    }
}

#[derive(Row, Deserialize)]
struct SaidRow {
    service: String,
    attr_str: Vec<(String, String)>,
    attr_int: Vec<(String, i64)>,
    doubles: Vec<String>,
    attr_other: Vec<(String, String)>,
    status_message: String,
}

impl SaidRow {
    fn into_model(self) -> (String, Vec<(SaidKind, String, String)>) {
        let mut said = vec![(SaidKind::Message, String::new(), self.status_message)];
        said.extend(self.attr_str.into_iter().map(|(key, value)| (SaidKind::Text, key, value)));
        said.extend(self.attr_other.into_iter().map(|(key, value)| (SaidKind::Other, key, value)));
        let number = |key: &String| (SaidKind::Number, key.clone(), "#".to_owned());
        said.extend(self.doubles.iter().map(number));
        said.extend(self.attr_int.iter().map(|(key, _)| number(key)));
        said.extend(self.attr_int.into_iter().map(|(key, value)| (SaidKind::Int, key, value.to_string())));
        said.retain(|(_, _, value)| !value.is_empty() && value.len() <= EXPLAIN_VALUE_MAX_BYTES);
        (self.service, said)
    }
}

#[derive(Row, Deserialize)]
struct MakerRow {
    id: u64,
    service: String,
    resource: Vec<(String, String)>,
}

#[derive(Row, Deserialize)]
struct GranuleRow {
    begins: i64,
    ends: i64,
    pieces: u64,
}

impl Reader {
    /// Between which times how many pieces begin.
    pub async fn granules(
        &self,
        plan: &Plan,
    ) -> Result<(Vec<(Timestamp, Timestamp, u64)>, Scanned), StoreError> {
        let (rows, scanned) = self.fetch::<GranuleRow>(plan).await?;
        let granule = |row: GranuleRow| (timestamp(row.begins), timestamp(row.ends), row.pieces);
        Ok((rows.into_iter().map(granule).collect(), scanned))
    }

    /// Candidates outside and inside.
    pub async fn sides(&self, plan: &Plan) -> Result<([Side; 2], Scanned), StoreError> {
        let (rows, scanned) = self.fetch::<SideRow>(plan).await?;
        let mut sides = [Side::default(), Side::default()];
        for row in rows {
            let side = &mut sides[usize::from(row.is_inside != 0)];
            side.candidates.push(Candidate { trace_id: TraceId(row.trace_id), key: row.key });
            side.of = row.side;
        }
        Ok((sides, scanned))
    }

    /// Traces in order of their ids, out of a row a piece.
    pub async fn traits(&self, plan: &Plan) -> Result<(Vec<Traits>, Scanned), StoreError> {
        let (rows, scanned) = self.fetch::<PieceRow>(plan).await?;
        let mut traces: HashMap<TraceId, Traits, FixedState> = HashMap::default();
        for piece in rows.into_iter().map(PieceRow::into_model) {
            match traces.entry(piece.trace_id) {
                Entry::Vacant(vacant) => {
                    vacant.insert(piece);
                }
                Entry::Occupied(mut known) => known.get_mut().add(piece),
            }
        }
        let mut traces: Vec<Traits> = traces.into_values().collect();
        traces.sort_unstable_by_key(|one| one.trace_id);
        Ok((traces, scanned))
    }

    pub async fn said(&self, plan: &Plan) -> Result<(Vec<Said>, Scanned), StoreError> {
        let (rows, scanned) = self.fetch::<SaidRow>(plan).await?;
        let mut all: BTreeMap<(SaidKind, String, String), Vec<String>> = BTreeMap::new();
        for (service, said) in rows.into_iter().map(SaidRow::into_model) {
            for one in said {
                let services = all.entry(one).or_default();
                if services.len() < SERVICES && !services.contains(&service) {
                    services.push(service.clone());
                }
            }
        }
        let said = |((kind, key, value), mut services): (_, Vec<String>)| {
            services.sort_unstable();
            Said { kind, key, value, services }
        };
        Ok((all.into_iter().map(said).collect(), scanned))
    }

    pub async fn makers(&self, plan: &Plan) -> Result<(Vec<Maker>, Scanned), StoreError> {
        let (rows, scanned) = self.fetch::<MakerRow>(plan).await?;
        let maker =
            |row: MakerRow| Maker { id: row.id, service: row.service, resource: untagged(row.resource) };
        Ok((rows.into_iter().map(maker).collect(), scanned))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_a_trace_are_one() {
        let piece = |begins: u64, ends: u64, tokens: &[u32], is_region: bool| Traits {
            begins: Timestamp(begins),
            ends: Timestamp(ends),
            spans: 2,
            first_base: Some(Timestamp(begins)),
            first_region: is_region.then_some(Timestamp(begins)),
            tokens: tokens.to_vec(),
            ..Traits::default()
        };
        let mut one = piece(20, 30, &[5, 9], true);
        one.add(piece(10, 25, &[7, 5], false));
        one.add(piece(40, 41, &[], true));
        assert_eq!((one.begins, one.ends, one.spans), (Timestamp(10), Timestamp(41), 6));
        assert_eq!((one.first_base, one.first_region), (Some(Timestamp(10)), Some(Timestamp(20))));
        assert_eq!(one.tokens, [5, 7, 9]);
    }
}
