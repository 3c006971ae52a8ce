//! The one segment being written. It knows up to where its file is good, and forgets the rest when told to.

use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::queue::Record;
use crate::queue::disk::files::{Files, SegmentFile};
use crate::queue::disk::ledger::{Ending, Segment};
use crate::queue::disk::segment::{self, HEADER_BYTES, Header};

pub struct Active {
    file: Box<dyn SegmentFile>,
    path: PathBuf,
    header: Header,
    seed: u32,
    /// Durable, and acknowledged or about to be. 0 until the header and the file's name are durable too.
    pub good_bytes: u64,
    pub spans: u32,
    pub opened: Instant,
    /// A write failed: nobody knows what the file holds behind the good bytes.
    pub suspect: bool,
}

impl Active {
    pub fn create(files: &dyn Files, dir: &Path, header: Header) -> io::Result<Active> {
        let path = dir.join(segment::file_name(header.sequence));
        let file = files.create(&path)?;
        let (seed, opened) = (header.seed(), Instant::now());
        Ok(Active { file, path, header, seed, good_bytes: 0, spans: 0, opened, suspect: false })
    }

    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Writes all records or none, and returns how many bytes the segment grew by. They are not durable yet.
    /// `heads` is scratch space.
    pub fn write(&mut self, records: &[&Record], heads: &mut Vec<u8>) -> io::Result<u64> {
        heads.clear();
        if self.good_bytes == 0 {
            heads.extend_from_slice(&self.header.encode());
        }
        let mut ends = Vec::with_capacity(records.len());
        for record in records {
            segment::push_record_head(heads, self.seed, record);
            ends.push(heads.len());
        }
        let mut slices = Vec::with_capacity(records.len() * 2);
        let mut start = 0;
        for (record, end) in records.iter().zip(ends) {
            slices.push(IoSlice::new(&heads[start..end]));
            if !record.body.is_empty() {
                slices.push(IoSlice::new(&record.body));
            }
            start = end;
        }
        let written = slices.iter().map(|slice| slice.len() as u64).sum();
        write_all(&mut *self.file, &mut slices)?;
        Ok(written)
    }

    pub fn sync(&mut self, files: &dyn Files, dir: &Path) -> io::Result<()> {
        self.file.sync()?;
        if self.good_bytes == 0 { files.sync_dir(dir) } else { Ok(()) }
    }

    /// Makes a suspect segment end at its good bytes, durably. One without any is removed.
    pub fn repair(&mut self, files: &dyn Files) -> io::Result<()> {
        if self.good_bytes == 0 {
            files.remove(&self.path)?;
        } else {
            self.file.cut(self.good_bytes)?;
        }
        self.suspect = false;
        Ok(())
    }

    pub fn into_segment(self) -> Segment {
        Segment {
            sequence: self.header.sequence,
            path: self.path,
            bytes: self.good_bytes,
            created: self.header.created,
            ending: Ending::Sealed,
        }
    }

    /// How many of `records` go into this segment before it is full. A segment takes at least one record.
    pub fn fitting<'a>(
        &self,
        records: impl Iterator<Item = &'a Record>,
        max_bytes: usize,
        max_spans: u32,
    ) -> usize {
        let mut bytes = (self.good_bytes as usize).max(HEADER_BYTES);
        let mut spans = self.spans;
        let mut count = 0;
        for record in records {
            bytes += segment::record_bytes(record);
            spans = spans.saturating_add(record.spans);
            let first = count == 0 && self.good_bytes == 0;
            if !first && (bytes > max_bytes || spans > max_spans) {
                break;
            }
            count += 1;
        }
        count
    }
}

fn write_all(file: &mut dyn SegmentFile, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
    while !slices.is_empty() {
        match file.write_vectored(slices) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut slices, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
