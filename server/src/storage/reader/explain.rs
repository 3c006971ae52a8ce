//! Rows of questions about what sets some traces apart.

use clickhouse::Row;
use model::view::Scanned;
use model::{Attrs, TraceId};
use serde::Deserialize;

use super::{Plan, Reader, untagged};
use crate::storage::StoreError;

/// A trace, on which side it is, and how many are.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    pub trace_id: TraceId,
    pub is_inside: bool,
    pub of: u64,
}

/// What the pieces of a trace say, together.
#[derive(Clone, Debug)]
pub struct Traits {
    pub trace_id: TraceId,
    pub tokens: Vec<u32>,
    /// Services with their operations, and whether a span of both failed.
    pub groups: Vec<(String, String, bool)>,
    /// Keys of numbers with the smallest and largest of each piece.
    pub numbers: Vec<(String, f32, f32)>,
}

/// What spans of some traces say: of which kind, its key and value, and in which services.
#[derive(Clone, Debug, Row, Deserialize)]
pub struct Said {
    pub kind: String,
    pub key: String,
    pub value: String,
    pub services: Vec<String>,
}

/// Who made spans: its number, service and resource.
#[derive(Clone, Debug)]
pub struct Maker {
    pub id: u64,
    pub service: String,
    pub resource: Attrs,
}

#[derive(Row, Deserialize)]
struct MemberRow {
    trace_id: [u8; 16],
    inside: u8,
    total: u64,
}

#[derive(Row, Deserialize)]
struct TraitsRow {
    trace_id: [u8; 16],
    all_tokens: Vec<u32>,
    all_groups: Vec<(String, String, u8)>,
    all_numbers: Vec<(String, f32, f32)>,
}

#[derive(Row, Deserialize)]
struct MakerRow {
    id: u64,
    service: String,
    resource: Vec<(String, String)>,
}

impl Reader {
    pub async fn members(&self, plan: &Plan) -> Result<(Vec<Member>, Scanned), StoreError> {
        let (rows, scanned) = self.fetch::<MemberRow>(plan).await?;
        let member = |row: MemberRow| Member {
            trace_id: TraceId(row.trace_id),
            is_inside: row.inside != 0,
            of: row.total,
        };
        Ok((rows.into_iter().map(member).collect(), scanned))
    }

    pub async fn traits(&self, plan: &Plan) -> Result<(Vec<Traits>, Scanned), StoreError> {
        let (rows, scanned) = self.fetch::<TraitsRow>(plan).await?;
        let traits = |row: TraitsRow| Traits {
            trace_id: TraceId(row.trace_id),
            tokens: row.all_tokens,
            groups: row.all_groups.into_iter().map(|(s, o, failed)| (s, o, failed != 0)).collect(),
            numbers: row.all_numbers,
        };
        Ok((rows.into_iter().map(traits).collect(), scanned))
    }

    pub async fn said(&self, plan: &Plan) -> Result<(Vec<Said>, Scanned), StoreError> {
        self.fetch::<Said>(plan).await
    }

    pub async fn makers(&self, plan: &Plan) -> Result<(Vec<Maker>, Scanned), StoreError> {
        let (rows, scanned) = self.fetch::<MakerRow>(plan).await?;
        let maker =
            |row: MakerRow| Maker { id: row.id, service: row.service, resource: untagged(row.resource) };
        Ok((rows.into_iter().map(maker).collect(), scanned))
    }
}
