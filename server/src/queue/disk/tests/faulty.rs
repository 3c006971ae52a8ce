//! A disk that fails, stalls and loses power when told to. Files are real; making them durable is only noted
//! down, so that a power cut can take away what was not.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, IoSlice, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use crate::queue::disk::files::{Files, RealFiles, SegmentFile};

/// Bytes taken by one write, so that every group needs several.
const WRITE_MAX_BYTES: usize = 100;

#[derive(Default)]
pub struct FaultyDisk {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
pub struct State {
    /// Bytes until writes fail, once.
    pub room_bytes: Option<usize>,
    /// Syncs until one fails, once.
    pub syncs_left: Option<usize>,
    /// The failing sync takes the whole machine with it.
    pub dies_with_sync: bool,
    pub cuts_fail: bool,
    pub creates_panic: bool,
    pub stalled: bool,
    /// Someone waits in a sync for the disk to move again.
    waiting: bool,
    dead: bool,
    /// Durable bytes of each file, and whether its name is durable.
    files: HashMap<PathBuf, (u64, bool)>,
}

impl FaultyDisk {
    pub fn new() -> Arc<FaultyDisk> {
        Arc::new(FaultyDisk::default())
    }

    pub fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    /// Returns once a sync waits for the disk to move again.
    pub async fn stalls(self: &Arc<Self>) {
        let disk = Arc::clone(self);
        let wait = move || {
            let mut state = disk.lock();
            while !state.waiting {
                state = disk.changed.wait(state).unwrap();
            }
        };
        tokio::task::spawn_blocking(wait).await.unwrap();
    }

    pub fn die(&self) {
        self.set(|state| state.dead = true);
    }

    /// What the disk holds after the power came back: of bytes never made durable, a `kept` part (0 to 255).
    pub fn lose_power(&self, kept: u8) {
        for (path, (durable, named)) in self.lock().files.drain() {
            let Ok(about) = fs::metadata(&path) else { continue };
            if !named {
                fs::remove_file(&path).unwrap();
                continue;
            }
            let length = durable + (about.len() - durable) * u64::from(kept) / 255;
            File::options().write(true).open(&path).unwrap().set_len(length).unwrap();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

fn broken(what: &str) -> io::Error {
    io::Error::other(format!("test: {what} failed"))
}

fn alive(state: &State) -> io::Result<()> {
    if state.dead { Err(broken("everything")) } else { Ok(()) }
}

impl Files for Arc<FaultyDisk> {
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        let mut state = self.lock();
        alive(&state)?;
        assert!(!state.creates_panic, "test: the writer thread dies here");
        let file = File::create_new(path)?;
        state.files.insert(path.to_owned(), (0, false));
        drop(state);
        Ok(Box::new(FaultyFile { file, path: path.to_owned(), disk: Arc::clone(self) }))
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.lock();
        alive(&state)?;
        for (path, (_, named)) in &mut state.files {
            *named |= path.parent() == Some(dir);
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        alive(&self.lock())?;
        RealFiles.remove(path)
    }
}

struct FaultyFile {
    file: File,
    path: PathBuf,
    disk: Arc<FaultyDisk>,
}

impl SegmentFile for FaultyFile {
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut state = self.disk.lock();
        alive(&state)?;
        let first = slices.iter().find(|slice| !slice.is_empty()).map_or(&[][..], |slice| slice);
        let mut length = first.len().min(WRITE_MAX_BYTES);
        if let Some(room) = state.room_bytes {
            if room == 0 {
                state.room_bytes = None;
                return Err(broken("a write"));
            }
            length = length.min(room);
            state.room_bytes = Some(room - length);
        }
        self.file.write(&first[..length])
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.lock();
        while state.stalled {
            state.waiting = true;
            self.disk.changed.notify_all();
            state = self.disk.changed.wait(state).unwrap();
        }
        state.waiting = false;
        alive(&state)?;
        match state.syncs_left {
            Some(0) => {
                state.syncs_left = None;
                state.dead = state.dies_with_sync;
                return Err(broken("a sync"));
            }
            Some(left) => state.syncs_left = Some(left - 1),
            None => {}
        }
        let length = self.file.metadata()?.len();
        state.files.entry(self.path.clone()).or_default().0 = length;
        Ok(())
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        let mut state = self.disk.lock();
        alive(&state)?;
        if state.cuts_fail {
            return Err(broken("a cut"));
        }
        state.files.entry(self.path.clone()).or_default().0 = length;
        self.file.set_len(length)
    }
}
