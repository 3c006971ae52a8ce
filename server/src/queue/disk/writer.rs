//! The thread that writes: takes what waits, writes it in one go, makes it durable once, answers everyone.
//!
//! It seals the open segment when the next record does not fit, or when it is old and the reader has nothing
//! else to take; while older segments wait, a young one may as well grow into a larger insert. After a failed
//! write nothing is written until the suspect segment is known to end where its acknowledged records end.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use tracing::{error, info, warn};

use crate::limits;
use crate::queue::Record;
use crate::queue::disk::active::Active;
use crate::queue::disk::files::Files;
use crate::queue::disk::inbox::{Inbox, Pending};
use crate::queue::disk::ledger::Ledger;
use crate::queue::disk::segment::Header;
use crate::queue::disk::{Options, now};
use crate::queue::metrics::QueueMetrics;

pub struct Writer {
    pub dir: PathBuf,
    pub run_id: u128,
    pub next_sequence: u64,
    pub options: Options,
    pub files: Arc<dyn Files>,
    pub inbox: Arc<Inbox>,
    pub ledger: Arc<Ledger>,
    pub metrics: QueueMetrics,
    pub active: Option<Active>,
    /// Scratch space for what stands before the bodies.
    pub heads: Vec<u8>,
}

impl Writer {
    /// Runs until the inbox is closed and empty. What is left then is sealed.
    pub fn run(mut self) {
        loop {
            let taken = self.inbox.take(self.deadline());
            let idle = taken.pending.is_empty();
            self.repair_suspect();
            self.commit(taken.pending);
            if taken.closed && idle {
                break;
            }
            self.seal_if_due();
        }
        self.seal();
    }

    /// When there is something to do even if nothing arrives.
    fn deadline(&self) -> Option<Instant> {
        let active = self.active.as_ref()?;
        if active.suspect {
            Instant::now().checked_add(limits::QUEUE_REPAIR_INTERVAL)
        } else if self.ledger.nothing_waits() {
            active.opened.checked_add(self.options.segment_max_age)
        } else {
            // the reader nudges when it has taken the last one
            None
        }
    }

    fn seal_if_due(&mut self) {
        let Some(active) = self.active.as_ref().filter(|active| !active.suspect) else { return };
        let full = active.good_bytes >= self.options.segment_max_bytes as u64
            || active.spans >= self.options.segment_max_spans;
        let old = active.opened.elapsed() >= self.options.segment_max_age;
        if full || (old && self.ledger.nothing_waits()) {
            self.seal();
        }
    }

    fn commit(&mut self, mut group: Vec<Pending>) {
        while !group.is_empty() {
            match self.commit_fitting(&mut group) {
                Ok(0) => self.seal(),
                Ok(count) => self.answer(group.drain(..count), None),
                Err(error) => {
                    self.metrics.failed_commits.inc();
                    error!(%error, records = group.len(), "the queue cannot write: records were refused");
                    self.answer(group.drain(..), Some(&error));
                }
            }
        }
    }

    /// Makes as many records durable as the open segment takes; 0 if it is full.
    fn commit_fitting(&mut self, group: &mut [Pending]) -> io::Result<usize> {
        let mut active = match self.active.take() {
            Some(active) if active.suspect => {
                self.active = Some(active);
                return Err(io::Error::other("the last write failed and cannot be undone"));
            }
            Some(active) => active,
            None => self.create()?,
        };
        let records = group.iter().map(|pending| &pending.record);
        let (max_bytes, max_spans) = (self.options.segment_max_bytes, self.options.segment_max_spans);
        let count = active.fitting(records, max_bytes, max_spans);
        let result = if count == 0 { Ok(()) } else { self.write(&mut active, &mut group[..count]) };
        active.suspect = result.is_err();
        self.active = Some(active);
        self.repair_suspect();
        result.map(|()| count)
    }

    fn answer(&self, group: impl Iterator<Item = Pending>, error: Option<&io::Error>) {
        for pending in group {
            let Pending { record, reservation, answer, permit } = pending;
            // who is answered finds its room free again
            drop((record, reservation, permit));
            // a sender that went away needs no answer
            let _ = answer.send(error.map_or(Ok(()), |error| Err(copy(error))));
        }
        self.inbox.count_progress();
    }

    fn create(&mut self) -> io::Result<Active> {
        let header = Header { run_id: self.run_id, sequence: self.next_sequence, created: now() };
        // not used again even if this fails: a file may be left behind
        self.next_sequence += 1;
        Active::create(&*self.files, &self.dir, header)
    }

    fn write(&mut self, active: &mut Active, group: &mut [Pending]) -> io::Result<()> {
        let records: Vec<&Record> = group.iter().map(|pending| &pending.record).collect();
        let written_bytes = active.write(&records, &mut self.heads)?;
        let started = Instant::now();
        active.sync(&*self.files, &self.dir)?;
        self.metrics.fsync_seconds.observe(started.elapsed().as_secs_f64());
        let spans = records.iter().fold(0u32, |sum, record| sum.saturating_add(record.spans));
        active.good_bytes += written_bytes;
        active.spans = active.spans.saturating_add(spans);
        let count = records.len() as u64;
        let reservations = group.iter_mut().map(|pending| &mut pending.reservation);
        self.ledger.commit(reservations, written_bytes, active.header().created);
        self.metrics.commits.inc();
        self.metrics.appended_records.inc_by(count);
        self.metrics.appended_spans.inc_by(u64::from(spans));
        self.metrics.appended_bytes.inc_by(written_bytes);
        Ok(())
    }

    fn repair_suspect(&mut self) {
        let Some(active) = self.active.as_mut().filter(|active| active.suspect) else { return };
        match active.repair(&*self.files) {
            Ok(()) => {
                info!(segment = active.header().sequence, "a failed write was undone");
                self.seal();
            }
            Err(error) => {
                warn!(segment = active.header().sequence, %error, "a failed write cannot be undone yet");
            }
        }
    }

    /// Lets the reader have the open segment. One that is suspect stays out of reach: the next start mends it.
    fn seal(&mut self) {
        let Some(active) = self.active.take() else { return };
        if active.suspect {
            warn!(segment = active.header().sequence, "left a segment for the next start to mend");
        } else if active.good_bytes > 0 {
            self.ledger.seal(active.into_segment());
        }
    }
}

/// Also when the thread panics: nobody may wait for it then.
impl Drop for Writer {
    fn drop(&mut self) {
        self.inbox.close();
        drop(self.inbox.take(None));
        self.ledger.finish();
    }
}

fn copy(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}
