//! The durable queue between the doors and the storage engine.
//!
//! A door answers OK only after [`Queue::append`] returned: the record is on disk then. The writer takes records
//! out in [`Batch`]es whose contents and token never change, not even across a crash, so that storing a batch twice
//! under its token stores it once. A batch is forgotten only when it is acknowledged.

use async_trait::async_trait;
use bytes::Bytes;
use model::{TenantId, Timestamp};
use thiserror::Error;

pub mod disk;
pub mod metrics;

/// What a record's body holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An `ExportTraceServiceRequest`.
    #[default]
    Spans,
    /// An `ExportLogsServiceRequest`.
    Logs,
    /// Receipts, as `wire::receipts` writes them.
    Receipts,
}

/// One accepted request: spans or log records in an encoded OTLP request, already checked. Or receipts of such.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub tenant: TenantId,
    pub received: Timestamp,
    pub kind: Kind,
    /// How many spans, or log records, it carries.
    pub spans: u32,
    pub body: Bytes,
}

/// Records that are stored together. The same batch always has the same records and the same token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    pub id: u64,
    /// Names this batch among all batches of all queues, for ever.
    pub token: String,
    pub records: Vec<Record>,
}

#[derive(Debug, Error)]
pub enum QueueError {
    #[error("the queue is full ({used_bytes} of {max_bytes} bytes)")]
    Full { used_bytes: u64, max_bytes: u64 },
    #[error("the server is shutting down")]
    Closed,
    #[error("a record of {bytes} bytes is larger than the queue takes ({max_bytes})")]
    RecordTooLarge { bytes: usize, max_bytes: usize },
    #[error("the queue cannot write to disk")]
    Io(#[source] std::io::Error),
}

#[async_trait]
pub trait Queue: Send + Sync {
    /// Returns once the record would survive a power cut.
    async fn append(&self, record: Record) -> Result<(), QueueError>;

    /// Waits for the next batch, oldest first. Each batch is handed out once per run; None after [`Queue::close`]
    /// when nothing is left to hand out.
    async fn next_batch(&self) -> Result<Option<Batch>, QueueError>;

    /// The batch is stored: frees its place.
    async fn acknowledge(&self, batch_id: u64) -> Result<(), QueueError>;

    /// Refuses further records and lets what is there be taken out.
    async fn close(&self);
}
