//! The few file operations the writer thread needs, behind a trait so that tests can make a disk fail or stall.

use std::fs::{self, File};
use std::io::{self, IoSlice, Write};
use std::path::Path;

pub trait Files: Send + Sync {
    /// Creates a file that must not exist yet.
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>>;

    /// Makes the creation and removal of files in `dir` durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    fn remove(&self, path: &Path) -> io::Result<()>;
}

pub trait SegmentFile: Send {
    /// Appends some of the bytes and says how many, like [`Write::write_vectored`].
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Makes the contents and the length durable.
    fn sync(&mut self) -> io::Result<()>;

    /// Forgets everything from `length` on, durably.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

/// The file system.
pub struct RealFiles;

impl Files for RealFiles {
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        Ok(Box::new(File::create_new(path)?))
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }
}

impl SegmentFile for File {
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        Write::write_vectored(self, slices)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)?;
        self.sync_all()
    }
}
