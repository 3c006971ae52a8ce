//! The queue as a log of segment files in one folder.
//!
//! ```text
//!  append ──▶ inbox ──▶ writer thread ──▶ segment file ──sealed──▶ ledger ──▶ next_batch ──▶ acknowledge
//!     ▲                      │                                                                  │
//!     └──── durable ─────────┘                                              removes the file ◀──┘
//! ```
//!
//! Appenders wait at two places only. For room among the pending bytes they wait while commits keep coming, and
//! are told `Full` when none came for [`Options::stall_max`]. Once their record is in the inbox they wait for
//! its commit, however long the disk takes: by then it may be stored, and a refusal would invite a second copy.
//! A record whose appender went away is still written.
//!
//! Nobody else may use the folder meanwhile; locking it is up to the caller.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use model::Timestamp;
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tracing::info;

use crate::limits;
use crate::queue::disk::files::{Files, RealFiles};
use crate::queue::disk::inbox::{Inbox, Pending};
use crate::queue::disk::ledger::{Ledger, Next, Reservation};
use crate::queue::disk::recover::{Found, Loaded};
use crate::queue::disk::segment::HEADER_BYTES;
use crate::queue::disk::writer::Writer;
use crate::queue::metrics::{QueueMetrics, Refusal};
use crate::queue::{Batch, Queue, QueueError, Record};
use crate::telemetry::own::{Kind, Work};

mod active;
mod files;
mod inbox;
mod ledger;
mod recover;
mod segment;
mod writer;

/// The bounds of one queue. The defaults are in `limits`, with their reasons.
#[derive(Clone, Debug)]
pub struct Options {
    /// All segments on disk, the handed-out ones included.
    pub max_bytes: u64,
    pub segment_max_bytes: usize,
    pub segment_max_spans: u32,
    /// Applies while the reader has nothing else to take.
    pub segment_max_age: Duration,
    /// Tenant and body.
    pub record_max_bytes: usize,
    pub pending_max_bytes: usize,
    /// How long an appender waits for room among the pending bytes without seeing any commit.
    pub stall_max: Duration,
}

#[derive(Debug, Error)]
pub enum OpenError {
    #[error("the queue folder {path} cannot be used")]
    Folder { path: PathBuf, source: io::Error },
    #[error("the queue's writer thread cannot be started")]
    Thread(#[source] io::Error),
}

/// Dropping it waits for its thread, which writes what was handed to it.
pub struct DiskQueue {
    options: Options,
    metrics: QueueMetrics,
    inbox: Arc<Inbox>,
    ledger: Arc<Ledger>,
    pending_bytes: Arc<Semaphore>,
    writer: Option<JoinHandle<()>>,
}

// === impl Options ===

impl Default for Options {
    fn default() -> Self {
        Options {
            max_bytes: limits::QUEUE_DEFAULT_MAX_BYTES,
            segment_max_bytes: limits::SEGMENT_MAX_BYTES,
            segment_max_spans: limits::SEGMENT_MAX_SPANS,
            segment_max_age: limits::SEGMENT_MAX_AGE,
            record_max_bytes: limits::QUEUE_RECORD_MAX_BYTES,
            pending_max_bytes: limits::QUEUE_PENDING_MAX_BYTES,
            stall_max: limits::QUEUE_STALL_MAX,
        }
    }
}

// === impl DiskQueue ===

impl DiskQueue {
    /// Takes up what earlier runs left in `dir`. Blocks for as long as reading one segment takes.
    pub fn open(dir: &Path, options: Options, metrics: QueueMetrics) -> Result<DiskQueue, OpenError> {
        Self::open_with(dir, options, metrics, Arc::new(RealFiles))
    }

    fn open_with(
        dir: &Path,
        mut options: Options,
        metrics: QueueMetrics,
        files: Arc<dyn Files>,
    ) -> Result<DiskQueue, OpenError> {
        options.pending_max_bytes = options.pending_max_bytes.min(u32::MAX as usize);
        let found = find_segments(dir, &metrics)?;
        let run_id: u128 = rand::random();
        info!(
            folder = %dir.display(), segments = found.segments.len(), run = %format_args!("{run_id:032x}"),
            "opened the queue"
        );
        let inbox = Arc::new(Inbox::default());
        let ledger = Ledger::new(options.max_bytes, found.segments, found.foreign_bytes, metrics.clone());
        let ledger = Arc::new(ledger);
        let writer = Writer {
            dir: dir.to_owned(),
            run_id,
            next_sequence: found.next_sequence,
            options: options.clone(),
            files,
            inbox: Arc::clone(&inbox),
            ledger: Arc::clone(&ledger),
            metrics: metrics.clone(),
            active: None,
            heads: Vec::new(),
        };
        let thread = thread::Builder::new().name("queue-writer".to_owned());
        let writer = Some(thread.spawn(move || writer.run()).map_err(OpenError::Thread)?);
        let pending_bytes = Arc::new(Semaphore::new(options.pending_max_bytes));
        Ok(DiskQueue { options, metrics, inbox, ledger, pending_bytes, writer })
    }

    /// Promises room on disk to `record`, at once or not at all.
    fn reserve(&self, record: &Record) -> Result<Reservation, QueueError> {
        let bytes = record.tenant.0.len() + record.body.len();
        let max_bytes = self.largest_record();
        if bytes > max_bytes || record.tenant.0.len() > segment::TENANT_MAX_BYTES {
            return Err(self.refuse(Refusal::TooLarge, QueueError::RecordTooLarge { bytes, max_bytes }));
        }
        if self.inbox.is_closed() {
            return Err(self.refuse(Refusal::Closed, QueueError::Closed));
        }
        // it may be the first of a segment
        let on_disk = HEADER_BYTES + segment::record_bytes(record);
        self.ledger.reserve(on_disk as u64).map_err(|used_bytes| {
            let max_bytes = self.options.max_bytes;
            self.refuse(Refusal::Full, QueueError::Full { used_bytes, max_bytes })
        })
    }

    /// What even an empty queue cannot take must not be sent again.
    fn largest_record(&self) -> usize {
        let overhead = HEADER_BYTES + segment::RECORD_HEAD_BYTES;
        let whole_queue = usize::try_from(self.options.max_bytes).unwrap_or(usize::MAX);
        self.options.record_max_bytes.min(whole_queue.saturating_sub(overhead)).min(u32::MAX as usize)
    }

    /// Waits for room among the pending bytes while commits keep coming.
    async fn pending_room(&self, record: &Record) -> Result<OwnedSemaphorePermit, QueueError> {
        let max_bytes = self.options.pending_max_bytes;
        // a record larger than the bound goes alone
        let bytes = segment::record_bytes(record).min(max_bytes);
        let room = Arc::clone(&self.pending_bytes).acquire_many_owned(bytes as u32);
        let mut room = std::pin::pin!(room);
        loop {
            let progress = self.inbox.progress();
            match tokio::time::timeout(self.options.stall_max, room.as_mut()).await {
                Ok(Ok(permit)) => return Ok(permit),
                Ok(Err(_)) => return Err(self.refuse(Refusal::Closed, QueueError::Closed)),
                Err(_) if self.inbox.progress() == progress => {
                    let used_bytes = (max_bytes - self.pending_bytes.available_permits()) as u64;
                    let error = QueueError::Full { used_bytes, max_bytes: max_bytes as u64 };
                    return Err(self.refuse(Refusal::Stalled, error));
                }
                Err(_) => {}
            }
        }
    }

    fn refuse(&self, reason: Refusal, error: QueueError) -> QueueError {
        self.metrics.count_refusal(reason);
        error
    }
}

#[async_trait]
impl Queue for DiskQueue {
    async fn append(&self, record: Record) -> Result<(), QueueError> {
        let reservation = self.reserve(&record)?;
        let permit = self.pending_room(&record).await?;
        let (answer, answered) = oneshot::channel();
        let pending = Pending { record, reservation, answer, permit };
        if self.inbox.put(pending).is_err() {
            return Err(self.refuse(Refusal::Closed, QueueError::Closed));
        }
        let stopped = || io::Error::other("the queue's writer thread has stopped");
        answered
            .await
            .unwrap_or_else(|_| Err(stopped()))
            .map_err(|error| self.refuse(Refusal::Io, QueueError::Io(error)))
    }

    /// May be dropped half-way: the batch is then handed out again. A segment the disk does not give back is an
    /// error; it is tried again when nothing else waits.
    async fn next_batch(&self) -> Result<Option<Batch>, QueueError> {
        loop {
            let mut changed = std::pin::pin!(self.ledger.changed.notified());
            changed.as_mut().enable();
            let (segment, handout) = match self.ledger.take_next() {
                Next::Finished => return Ok(None),
                Next::Later => {
                    changed.await;
                    continue;
                }
                Next::Segment(segment, handout) => (segment, handout),
            };
            if self.ledger.nothing_waits() {
                self.inbox.nudge();
            }
            let metrics = self.metrics.clone();
            let (loaded, handout) = blocking(move || (recover::load(&segment, &metrics), handout)).await?;
            match loaded {
                Ok(Loaded::Batch { batch, bytes, .. }) => {
                    handout.hand_out(bytes);
                    return Ok(Some(batch));
                }
                Ok(Loaded::Gone) => handout.discard(),
                Err(error) => {
                    handout.set_back();
                    return Err(QueueError::Io(error));
                }
            }
        }
    }

    async fn acknowledge(&self, batch_id: u64) -> Result<(), QueueError> {
        let Some(segment) = self.ledger.take_handed_out(batch_id) else { return Ok(()) };
        let ledger = Arc::clone(&self.ledger);
        let removed = blocking(move || match RealFiles.remove(&segment.path) {
            Ok(()) => {
                ledger.removed(&segment);
                Ok(())
            }
            Err(error) => {
                ledger.put_handed_out(segment);
                Err(error)
            }
        });
        removed.await?.map_err(QueueError::Io)
    }

    async fn close(&self) {
        self.inbox.close();
    }
}

impl Drop for DiskQueue {
    fn drop(&mut self) {
        self.inbox.close();
        if let Some(writer) = self.writer.take() {
            // a panic of the thread has been printed already
            let _ = writer.join();
        }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, QueueError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| QueueError::Io(io::Error::other(error)))
}

fn now() -> Timestamp {
    Timestamp(nanos_since_epoch(SystemTime::now()))
}

/// Traced when there is something left of an earlier run.
fn find_segments(dir: &Path, metrics: &QueueMetrics) -> Result<Found, OpenError> {
    let work = Work::begin("take up the queue", Kind::Internal);
    let found = recover::find_segments(dir, metrics)?;
    if found.segments.is_empty() {
        work.leave_out();
    }
    work.note("skein.segments", found.segments.len() as i64);
    work.note("skein.bytes", found.segments.iter().map(|segment| segment.bytes).sum::<u64>() as i64);
    work.note("skein.torn_bytes", metrics.torn_bytes.get() as i64);
    work.note("skein.damaged_segments", metrics.damaged_segments.get() as i64);
    Ok(found)
}

/// A clock before 1970 counts as 1970.
fn nanos_since_epoch(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as u64
}

#[cfg(test)]
mod tests;
