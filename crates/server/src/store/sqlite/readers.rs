//! A few read-only connections, used from blocking threads.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, InterruptHandle};
use tidegate_model::Destination;
use tokio::sync::Semaphore;

use super::open;
use super::scan::STEPS_PER_LOOK;
use crate::clock;
use crate::store::{StoreError, Watch};

/// Reads at once: more only compete for the same disk and cache.
const READERS: u32 = 4;

/// The reads under way, so that long ones can be ended.
#[derive(Default)]
pub(super) struct Running(Mutex<Reads>);

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Reads {
    last: u64,
    reads: HashMap<u64, (Instant, InterruptHandle)>,
}

impl Running {
    fn begin(self: &Arc<Self>, connection: &Connection) -> Read {
        let mut all = lock(&self.0);
        all.last += 1;
        let number = all.last;
        let read = (clock::monotonic(), connection.get_interrupt_handle());
        all.reads.insert(number, read);
        Read { running: Arc::clone(self), number }
    }

    /// Interrupts the reads that have run that long and returns how many they were; they fail with
    /// [`StoreError::Overloaded`].
    pub(super) fn end_older(&self, age: Duration) -> usize {
        let all = lock(&self.0);
        let old = all.reads.values().filter(|(began, _)| began.elapsed() >= age);
        // A connection is in here no longer than its read lasts, so this ends no later one.
        old.map(|(_, handle)| handle.interrupt()).count()
    }
}

/// A read under way, until dropped.
struct Read {
    running: Arc<Running>,
    number: u64,
}

impl Drop for Read {
    fn drop(&mut self) {
        lock(&self.running.0).reads.remove(&self.number);
    }
}

/// Makes a connection.
type Opener = dyn Fn() -> Result<Connection, rusqlite::Error> + Send + Sync;

pub(super) struct Readers {
    open: Arc<Opener>,
    permits: Arc<Semaphore>,
    /// Connections nobody uses just now; made on demand.
    idle: Arc<Mutex<Vec<Connection>>>,
    running: Arc<Running>,
    watch: Watch,
}

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readers").finish_non_exhaustive()
    }
}

impl Readers {
    pub(super) fn new(path: PathBuf, watch: Watch) -> Self {
        Self::over(move || open::for_reading(&path), watch)
    }

    /// Readers over connections of another making.
    pub(super) fn over(
        open: impl Fn() -> Result<Connection, rusqlite::Error> + Send + Sync + 'static,
        watch: Watch,
    ) -> Self {
        let permits = Arc::new(Semaphore::new(READERS as usize));
        let running = Arc::default();
        Self { open: Arc::new(open), permits, idle: Arc::default(), running, watch }
    }

    /// The reads under way.
    pub(super) fn running(&self) -> Arc<Running> {
        Arc::clone(&self.running)
    }

    /// Runs `read` in one snapshot of the database, off the async threads.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.watched(None, None, read).await
    }

    /// As [`Readers::run`], for a read about one object, which the log of slow reads names.
    pub(super) async fn run_for<T: Send + 'static>(
        &self,
        object: Destination,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.watched(Some(object), None, read).await
    }

    /// As [`Readers::run_for`], and every statement that runs when the deadline has passed is
    /// interrupted.
    pub(super) async fn run_until<T: Send + 'static>(
        &self,
        deadline: Instant,
        object: Destination,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.watched(Some(object), Some(deadline), read).await
    }

    async fn watched<T, R>(
        &self,
        object: Option<Destination>,
        deadline: Option<Instant>,
        read: R,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        R: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let queued = clock::monotonic();
        let permit =
            Arc::clone(&self.permits).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let waited = queued.elapsed();
        let (open, idle) = (Arc::clone(&self.open), Arc::clone(&self.idle));
        let running = self.running();
        let task = tokio::task::spawn_blocking(move || {
            let began = clock::monotonic();
            let reused = lock(&idle).pop();
            let mut connection = match reused {
                Some(connection) => connection,
                None => open()?,
            };
            let over = deadline.map(|deadline| move || clock::monotonic() >= deadline);
            connection.progress_handler(STEPS_PER_LOOK, over)?;
            let answer = {
                let begun = running.begin(&connection);
                let transaction = connection.transaction()?;
                let answer = read(&transaction);
                drop((transaction, begun));
                answer.map_err(ended)
            };
            lock(&idle).push(connection);
            // After the connection is back, so that closing finds it.
            drop(permit);
            answer.map(|answer| (answer, began.elapsed()))
        });
        let (answer, took) = task.await.unwrap_or(Err(StoreError::Panicked))?;
        // Here and not on the blocking thread: the log line belongs to the request.
        self.watch.read::<R>(object.as_ref(), waited, took);
        Ok(answer)
    }

    /// Waits for running reads and closes all connections; later reads fail.
    pub(super) async fn close(&self) {
        // An error means that somebody closed already, and waited.
        if let Ok(all) = self.permits.acquire_many(READERS).await {
            self.permits.close();
            lock(&self.idle).clear();
            drop(all);
        }
    }
}

/// A read that was ended in favour of writes may come again.
fn ended(error: StoreError) -> StoreError {
    if is_interruption(&error) { StoreError::Overloaded } else { error }
}

/// Whether a statement was ended from outside or by a deadline.
pub(super) fn is_interruption(error: &StoreError) -> bool {
    matches!(error, StoreError::Database(cause)
        if cause.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
