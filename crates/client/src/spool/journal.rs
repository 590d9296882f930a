//! Writing to the spool: one writer per process, segments that are capped and removed once
//! everything in them is done with.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use crate::recorder::Owner;
use crate::spool::segment::{self, MAGIC};
use crate::spool::{Target, private_file};

/// A segment that has reached this length is closed, and a new one begun.
const SEGMENT_BYTES: u64 = 8 << 20;

/// Appends rows to segments and removes those that are done with.
#[derive(Debug)]
pub(crate) struct Journal {
    directory: PathBuf,
    target: Target,
    limit_bytes: u64,
    owner: Owner,
    writer: Mutex<Option<Writer>>,
    shared: Arc<Shared>,
}

/// What the writer and its segments both know.
#[derive(Debug)]
struct Shared {
    /// Bytes in segments of this process.
    held_bytes: AtomicU64,
    /// An acknowledgement could not be noted. From then on none is: what is noted of a row must
    /// be its beginning, or an old part would be sent again over a newer one.
    acks_broken: AtomicBool,
    fsync: bool,
}

/// The files of this process, made with the first row.
#[derive(Debug)]
struct Writer {
    id: String,
    /// Locked until the process ends, which tells others that the segments have an owner.
    lock: File,
    /// What others had in the directory when this process began to write.
    found_bytes: u64,
    numbers: u32,
    current: Option<Current>,
}

#[derive(Debug)]
struct Current {
    file: File,
    segment: Arc<Segment>,
    bytes: u64,
}

/// Where a row stands.
#[derive(Debug)]
pub(crate) struct Entry {
    segment: Arc<Segment>,
    position: u32,
}

#[derive(Debug)]
struct Segment {
    path: PathBuf,
    state: Mutex<State>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct State {
    appended: u32,
    done: u32,
    bytes: u64,
    closed: bool,
    acks: Option<File>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each section leaves its state whole, so a panic elsewhere does not spoil it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

thread_local! {
    /// Frames are put together here, so that a row costs one `write` and no allocation.
    static FRAME: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Larger buffers are given back after use.
const KEEP_BUFFER: usize = 1 << 20;

impl Journal {
    /// Prepares to write; nothing is made before the first row.
    pub(crate) fn new(root: &Path, target: Target, limit_bytes: u64, fsync: bool) -> Self {
        Self {
            directory: target.directory(root),
            target,
            limit_bytes,
            owner: Owner::this_process(),
            writer: Mutex::new(None),
            shared: Arc::new(Shared {
                held_bytes: AtomicU64::new(0),
                acks_broken: AtomicBool::new(false),
                fsync,
            }),
        }
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Makes the directory and the files of this process now, so that a place that cannot be
    /// written is found at the start.
    pub(crate) fn open(&self) -> io::Result<()> {
        let mut writer = lock(&self.writer);
        if writer.is_none() {
            *writer = Some(Writer::create(&self.directory, &self.target)?);
        }
        Ok(())
    }

    /// Appends one row. When this returns, the row survives the death of the process, and with
    /// `fsync` that of the machine.
    ///
    /// # Errors
    /// The disk, or the spool's own limit, is full, or the directory cannot be written.
    pub(crate) fn append(
        &self,
        records: u32,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> io::Result<Entry> {
        FRAME.with_borrow_mut(|frame| {
            frame.clear();
            segment::frame(frame, records, write);
            let entry = self.append_frame(frame);
            if frame.capacity() > KEEP_BUFFER {
                *frame = Vec::new();
            }
            entry
        })
    }

    fn append_frame(&self, frame: &[u8]) -> io::Result<Entry> {
        let mut guard = lock(&self.writer);
        let writer = match &mut *guard {
            Some(writer) => writer,
            none => none.insert(Writer::create(&self.directory, &self.target)?),
        };
        let length = frame.len() as u64;
        let held = self.shared.held_bytes.load(Ordering::Relaxed);
        if writer.found_bytes + held + length > self.limit_bytes {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "the spool is full"));
        }
        let current = match &mut writer.current {
            Some(current) => current,
            none => {
                writer.numbers += 1;
                let name = format!("{}-{:08}.seg", writer.id, writer.numbers);
                none.insert(Current::create(self.directory.join(name), &self.shared)?)
            }
        };
        let entry = current.append(frame);
        if entry.is_err() || current.bytes >= SEGMENT_BYTES {
            // After a failure the file may end in half a frame: nothing may follow that.
            if let Some(current) = writer.current.take() {
                current.segment.close();
            }
        }
        entry
    }

    /// Notes that rows are done with: acknowledged, or dropped for good.
    pub(crate) fn done(&self, entries: impl IntoIterator<Item = Entry>) {
        let mut by_segment: HashMap<*const Segment, (Arc<Segment>, Vec<u32>)> = HashMap::new();
        for Entry { segment, position } in entries {
            let (_, positions) =
                by_segment.entry(Arc::as_ptr(&segment)).or_insert_with(|| (segment, Vec::new()));
            positions.push(position);
        }
        for (segment, positions) in by_segment.into_values() {
            segment.done(&positions);
        }
    }

    /// Ends writing: files of which nothing is needed any more are removed.
    pub(crate) fn close(&self) {
        // After a fork the files are the parent's, whatever the child's memory says.
        if !self.owner.is_this_process() {
            return;
        }
        let Some(mut writer) = lock(&self.writer).take() else { return };
        if let Some(current) = writer.current.take() {
            current.segment.close();
        }
        writer.leave(&self.directory);
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.close();
    }
}

impl Writer {
    fn create(directory: &Path, target: &Target) -> io::Result<Self> {
        target.establish(directory)?;
        // Ordered by time, so that what was written first is sent first.
        let id = Uuid::now_v7().simple().to_string();
        // Locked before it can be seen under its name, or a drain could take it for a dead one.
        let draft = directory.join(format!("{id}.new"));
        let lock = private_file(OpenOptions::new().write(true).create_new(true)).open(&draft)?;
        lock.lock()?;
        fs::rename(draft, directory.join(format!("{id}.lock")))?;
        let mut found_bytes = 0;
        for entry in fs::read_dir(directory)? {
            found_bytes += entry?.metadata().map_or(0, |metadata| metadata.len());
        }
        Ok(Self { id, lock, found_bytes, numbers: 0, current: None })
    }

    /// Removes the lock file if no segment needs an owner any more.
    fn leave(self, directory: &Path) {
        let own = |name: &str| name.starts_with(&self.id) && name.ends_with(".seg");
        let needed = fs::read_dir(directory).is_ok_and(|entries| {
            entries.flatten().any(|entry| entry.file_name().to_str().is_some_and(own))
        });
        if !needed {
            // Left behind, it would only be an empty file that the next drain removes.
            fs::remove_file(directory.join(format!("{}.lock", self.id))).ok();
        }
        drop(self.lock);
    }
}

impl Current {
    fn create(path: PathBuf, shared: &Arc<Shared>) -> io::Result<Self> {
        let mut file =
            private_file(OpenOptions::new().append(true).create_new(true)).open(&path)?;
        file.write_all(MAGIC)?;
        let shared = Arc::clone(shared);
        let segment = Arc::new(Segment { path, state: Mutex::default(), shared });
        Ok(Self { file, segment, bytes: MAGIC.len() as u64 })
    }

    fn append(&mut self, frame: &[u8]) -> io::Result<Entry> {
        self.file.write_all(frame)?;
        if self.segment.shared.fsync {
            self.file.sync_data()?;
        }
        let length = frame.len() as u64;
        self.bytes += length;
        self.segment.shared.held_bytes.fetch_add(length, Ordering::Relaxed);
        let mut state = lock(&self.segment.state);
        let position = state.appended;
        state.appended += 1;
        state.bytes += length;
        Ok(Entry { segment: Arc::clone(&self.segment), position })
    }
}

impl Segment {
    fn done(&self, positions: &[u32]) {
        if self.shared.acks_broken.load(Ordering::Relaxed) {
            return;
        }
        let mut state = lock(&self.state);
        state.done += positions.len() as u32;
        if state.closed && state.done >= state.appended {
            self.remove(&mut state);
        } else if self.note(&mut state, positions).is_err() {
            self.shared.acks_broken.store(true, Ordering::Relaxed);
        }
    }

    fn note(&self, state: &mut State, positions: &[u32]) -> io::Result<()> {
        let file = match &mut state.acks {
            Some(file) => file,
            none => {
                let path = segment::acks_of(&self.path);
                let file = private_file(OpenOptions::new().append(true).create(true)).open(path)?;
                none.insert(file)
            }
        };
        file.write_all(&segment::ack_frame(positions))?;
        if self.shared.fsync { file.sync_data() } else { Ok(()) }
    }

    fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        if state.done >= state.appended {
            self.remove(&mut state);
        }
    }

    fn remove(&self, state: &mut State) {
        state.acks = None;
        // The segment first: acknowledgements without a segment mean nothing, the reverse would
        // send everything again.
        fs::remove_file(&self.path).ok();
        fs::remove_file(segment::acks_of(&self.path)).ok();
        self.shared.held_bytes.fetch_sub(std::mem::take(&mut state.bytes), Ordering::Relaxed);
    }
}
