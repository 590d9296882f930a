//! Appending records on a thread of its own: one write and one sync for all that have come.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::CellsError;
use super::file::{HEADER, synced};

/// Unwritten bytes beyond which trials wait.
const MOST_BYTES: u32 = 8 << 20;
/// A batch of this size is not waited for.
const FULL_BYTES: usize = 1 << 20;
/// How long a record may wait for others, so that a disk is not asked for more than a hundred
/// syncs a second.
const LINGER: Duration = Duration::from_millis(10);

/// The writing end of a file of records. Dropping it writes what is there without waiting.
#[derive(Debug)]
pub(super) struct Journal {
    shared: Arc<Shared>,
    path: PathBuf,
    thread: Mutex<Option<JoinHandle<io::Result<()>>>>,
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    /// One permit per byte. Closed once writing has failed: then nobody waits any more.
    room: Semaphore,
}

#[derive(Debug, Default)]
struct Queue {
    bytes: Vec<u8>,
    closed: bool,
}

impl Journal {
    /// Begins to append at `length`, where the file was cut. It is private to the user.
    pub(super) fn start(file: File, path: PathBuf, length: u64) -> Result<Self, CellsError> {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            wake: Condvar::new(),
            room: Semaphore::new(MOST_BYTES as usize),
        });
        let writer = Writer { shared: Arc::clone(&shared), file, length };
        let thread = thread::Builder::new()
            .name("tidegate-cells".to_owned())
            .spawn(move || writer.run())
            .map_err(CellsError::file(&path))?;
        Ok(Self { shared, path, thread: Mutex::new(Some(thread)) })
    }

    /// Hands over a line; waits only for room. After a failure it does nothing: what failed is
    /// said by [`Journal::close`].
    ///
    /// # Cancel safety
    /// Dropping the future hands over nothing.
    pub(super) async fn append(&self, line: &[u8]) {
        let bytes = u32::try_from(line.len()).unwrap_or(u32::MAX).min(MOST_BYTES);
        let Ok(room) = self.shared.room.acquire_many(bytes).await else { return };
        room.forget();
        let mut queue = self.shared.lock();
        let before = queue.bytes.len();
        queue.bytes.extend_from_slice(line);
        let full = before < FULL_BYTES && queue.bytes.len() >= FULL_BYTES;
        drop(queue);
        // The writer sleeps until there is something, and then until there is much.
        if before == 0 || full {
            self.shared.wake.notify_one();
        }
    }

    /// Waits until everything is synced.
    ///
    /// # Errors
    /// Something could not be written or synced; the file holds what came before.
    pub(super) async fn close(&self) -> Result<(), CellsError> {
        self.shared.close();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return Ok(()) };
        let joined = tokio::task::spawn_blocking(move || thread.join()).await;
        let written = joined.expect("joining does not panic, and nobody aborts it");
        written.expect("the writer does not panic").map_err(CellsError::file(&self.path))
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        self.lock().closed = true;
        self.wake.notify_one();
    }

    /// What has come, and whether nothing more comes.
    fn next(&self, batch: &mut Vec<u8>) -> bool {
        let queue = self.lock();
        let waiting = |queue: &mut Queue| queue.bytes.is_empty() && !queue.closed;
        let queue = self.wake.wait_while(queue, waiting).unwrap_or_else(PoisonError::into_inner);
        let few = |queue: &mut Queue| queue.bytes.len() < FULL_BYTES && !queue.closed;
        let (mut queue, _) = self
            .wake
            .wait_timeout_while(queue, LINGER, few)
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut queue.bytes, batch);
        queue.closed
    }
}

struct Writer {
    shared: Arc<Shared>,
    file: File,
    /// Of the file, all of it synced.
    length: u64,
}

impl Writer {
    fn run(mut self) -> io::Result<()> {
        let written = self.write_all();
        if written.is_err() {
            self.shared.room.close();
            // What was half written was not reported; a reader would cut it off as well.
            self.file.set_len(self.length).ok();
        }
        written
    }

    fn write_all(&mut self) -> io::Result<()> {
        if self.length == 0 {
            self.append(HEADER)?;
        }
        let (mut batch, mut bytes) = (Vec::new(), Vec::new());
        loop {
            batch.clear();
            let last = self.shared.next(&mut batch);
            bytes.clear();
            // The last line of a file vouches for all before it.
            if last || !batch.is_empty() {
                synced(&mut bytes, self.length);
                bytes.extend_from_slice(&batch);
                self.append(&bytes)?;
                self.release(&batch);
            }
            if last {
                bytes.clear();
                synced(&mut bytes, self.length);
                return self.append(&bytes);
            }
        }
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.file.sync_data()?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Gives back what the lines of a batch have taken.
    fn release(&self, batch: &[u8]) {
        // A line beyond the limit has taken all there was and no more.
        let taken = batch.split_inclusive(|byte| *byte == b'\n');
        let taken: usize = taken.map(|line| line.len().min(MOST_BYTES as usize)).sum();
        self.shared.room.add_permits(taken);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cells::file::scan;

    #[tokio::test]
    async fn everything_is_in_the_file_when_it_is_closed() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("records.log");
        let file = File::options().append(true).create(true).open(&path).expect("a file");
        let journal = Journal::start(file, path.clone(), 0).expect("a thread");
        let mut line = Vec::new();
        // More than may wait at once, and one line that is larger than all that may wait.
        for size in [1, 5 << 20, 9 << 20, 5 << 20, 2] {
            line.clear();
            line.extend(std::iter::repeat_n(b'x', size));
            line.push(b'\n');
            journal.append(&line).await;
        }
        journal.close().await.expect("written");
        let bytes = std::fs::read(&path).expect("readable");
        let lines: Vec<_> = bytes.split(|byte| *byte == b'\n').collect();
        let sizes = lines.iter().filter(|line| line.starts_with(b"x")).map(|line| line.len());
        assert_eq!(sizes.collect::<Vec<_>>(), [1, 5 << 20, 9 << 20, 5 << 20, 2]);
    }

    #[tokio::test]
    async fn a_disk_that_refuses_blocks_nobody_and_is_an_error_at_the_end() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("records.log");
        std::fs::write(&path, HEADER).expect("written");
        // Opened for reading, so every write fails.
        let file = File::open(&path).expect("a file");
        let journal = Journal::start(file, path.clone(), HEADER.len() as u64).expect("a thread");
        for _ in 0..100 {
            journal.append(&vec![b'x'; 1 << 20]).await;
        }
        let error = journal.close().await.expect_err("nothing could be written");
        assert!(error.to_string().contains("records.log"), "{error}");
        assert_eq!(scan(&path).expect("good").torn, 0);
    }
}
