//! Keeping the write-ahead log short without keeping the writer waiting.
//!
//! Copying the log into the database costs as much as writing it did, so a thread with its own
//! connection does that while the writer goes on. The log only starts over at a moment when all of
//! it is copied, which never comes by itself while writes go on: the writer makes it, with a
//! checkpoint of its own once the log is long and nearly all of it copied. Should the copying
//! thread not keep up, the writer copies the rest whatever it takes, and whoever writes waits.
//!
//! A reader's snapshot also keeps the log from starting over. The writer waits a moment for short
//! reads; beyond the hard limit it ends the long ones.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;

use super::open::BUSY_TIMEOUT;
use super::readers::Running;
use crate::clock;
use crate::store::StoreError;

/// Pages of 4 KiB (where not said otherwise) after which the log is copied, and so on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// New pages after which the thread copies them. More means fewer copies of pages that change
    /// often, and a longer copy.
    pub(super) copy: u32,
    /// Length at which the writer starts the log over, if little is left to be copied. A start
    /// after a crash reads this much.
    pub(super) restart: u32,
    /// What is little: what the writer may copy between two commits.
    pub(super) rest: u32,
    /// Length at which the writer copies whatever there is.
    pub(super) most: u32,
    /// Reads that are ended beyond have run at least this long.
    pub(super) long_read: Duration,
}

/// 16, 64, 2 and 256 MiB.
pub(super) const LIMITS: Limits = Limits {
    copy: 4_096,
    restart: 16_384,
    rest: 512,
    most: 65_536,
    long_read: Duration::from_secs(5),
};

/// How long the writer waits for readers to leave the log.
const SHORT_WAIT: Duration = Duration::from_millis(20);
/// The same beyond [`Limits::most`].
const LONG_WAIT: Duration = Duration::from_secs(1);

/// What the writer and the thread share.
#[derive(Debug, Default)]
struct Shared {
    /// Pages in the log after the newest commit.
    length: AtomicU32,
    /// Of these, the pages the thread has copied, as far as it knows.
    copied: AtomicU32,
    /// Held while a checkpoint runs, for SQLite refuses a second one.
    running: Mutex<()>,
}

/// The writer's part, and the handle of the thread.
#[derive(Debug)]
pub(super) struct Checkpoints {
    limits: Limits,
    shared: Arc<Shared>,
    /// `None` once closed.
    bell: Option<SyncSender<()>>,
    thread: Option<thread::JoinHandle<()>>,
    readers: Arc<Running>,
    /// Length of the log at which the thread was last asked to copy.
    rung_at: u32,
    /// Length of the log at which to try again to start it over.
    try_at: u32,
}

impl Checkpoints {
    /// Takes over from SQLite's own checkpoints on the writer's connection; `other` is one to the
    /// same database, for the thread.
    pub(super) fn start(
        writer: &mut Connection,
        other: Connection,
        readers: Arc<Running>,
        limits: Limits,
    ) -> Result<Self, StoreError> {
        for connection in [&*writer, &other] {
            connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        }
        // A log that grew beyond is cut when it starts over.
        let most = i64::from(limits.restart) * 4_096 * 2;
        writer.pragma_update(None, "journal_size_limit", most)?;
        let shared = Arc::new(Shared::default());
        let seen = Arc::clone(&shared);
        writer.wal_hook(Some(move |_: &mut _, pages: i32| {
            seen.length.store(pages.unsigned_abs(), Ordering::Relaxed);
            Ok(())
        }))?;
        let (bell, rung) = sync_channel(1);
        let seen = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("tidegate-checkpoint".into())
            .spawn(move || copy(&other, &seen, &rung))?;
        let (bell, thread) = (Some(bell), Some(thread));
        let try_at = limits.restart;
        Ok(Self { limits, shared, bell, thread, readers, rung_at: 0, try_at })
    }

    /// Looks after the log; for the writer's thread, after a commit is answered.
    pub(super) fn after_commit(&mut self, writer: &Connection) {
        let length = self.shared.length.load(Ordering::Relaxed);
        if length < self.rung_at {
            // It has started over.
            (self.rung_at, self.try_at) = (0, self.limits.restart);
        }
        if length >= self.limits.most && length >= self.try_at {
            self.restart(writer, length, LONG_WAIT);
            return;
        }
        let rest = length.saturating_sub(self.shared.copied.load(Ordering::Relaxed));
        if length >= self.try_at && rest <= self.limits.rest {
            self.restart(writer, length, SHORT_WAIT);
            return;
        }
        // Once it is long the thread goes on until little is left.
        if length - self.rung_at >= self.limits.copy || length >= self.limits.restart {
            self.rung_at = length;
            // Full means that it is asked already.
            if let Some(bell) = &self.bell {
                bell.try_send(()).ok();
            }
        }
    }

    /// Copies what is left and lets the next commit start the log over.
    fn restart(&mut self, writer: &Connection, length: u32, wait: Duration) {
        // If it does not work now, not at every commit from now on.
        self.try_at = length.saturating_add(self.limits.copy / 4);
        let long = wait == LONG_WAIT;
        let running = match self.shared.running.try_lock() {
            Ok(running) => running,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) if long => lock(&self.shared.running),
            Err(TryLockError::WouldBlock) => return,
        };
        let restarted = writer
            .busy_timeout(wait)
            .and_then(|()| checkpoint(writer, "RESTART"))
            .and_then(|result| writer.busy_timeout(BUSY_TIMEOUT).map(|()| result));
        drop(running);
        match restarted {
            Ok(Checkpoint { busy: false, .. }) => {}
            Ok(Checkpoint { copied, .. }) => {
                self.shared.copied.store(copied, Ordering::Relaxed);
                if long {
                    let ended = self.readers.end_older(self.limits.long_read);
                    tracing::warn!(
                        target: "server::store", pages = length, ended,
                        "the write-ahead log is long and readers keep it from starting over"
                    );
                }
            }
            Err(error) => failed(&error),
        }
    }

    /// Ends the thread. Blocks while it copies.
    pub(super) fn close(&mut self) {
        drop(self.bell.take());
        if let Some(Err(_)) = self.thread.take().map(thread::JoinHandle::join) {
            tracing::error!(target: "server::store", "the checkpoint thread panicked");
        }
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.close();
    }
}

fn lock(mutex: &Mutex<()>) -> std::sync::MutexGuard<'_, ()> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn copy(connection: &Connection, shared: &Shared, rung: &Receiver<()>) {
    while rung.recv().is_ok() {
        let began = clock::monotonic();
        let running = lock(&shared.running);
        let result = checkpoint(connection, "PASSIVE");
        drop(running);
        match result {
            Ok(Checkpoint { length, copied, .. }) => {
                shared.copied.store(copied, Ordering::Relaxed);
                tracing::debug!(
                    target: "server::store", length, copied,
                    duration_ms = began.elapsed().as_secs_f64() * 1e3, "checkpoint"
                );
            }
            Err(error) => failed(&error),
        }
    }
}

/// Nothing is lost: the log keeps what is not copied, and the next checkpoint tries again.
fn failed(error: &rusqlite::Error) {
    tracing::error!(target: "server::store", error = ?error, "checkpoint failed");
}

/// What SQLite says of a checkpoint. Pages of the log.
struct Checkpoint {
    /// Readers were in the way.
    busy: bool,
    length: u32,
    copied: u32,
}

fn checkpoint(connection: &Connection, mode: &str) -> Result<Checkpoint, rusqlite::Error> {
    let sql = format!("PRAGMA wal_checkpoint({mode})");
    connection.query_row(&sql, [], |row| {
        // Minus one would mean a database without a log.
        let pages = |index| row.get(index).map(|pages: i32| pages.max(0).unsigned_abs());
        Ok(Checkpoint { busy: row.get(0)?, length: pages(1)?, copied: pages(2)? })
    })
}

#[cfg(test)]
mod tests;
